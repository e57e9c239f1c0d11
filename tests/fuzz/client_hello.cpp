// SPDX-License-Identifier: BSL-1.0
// The input is a TCP stream. Whatever it is: the parser stays inside it, answers the same however the stream
// is cut, keeps its promise of how much it needs, and what it accepts it accepts again from records of any
// size.
#include "fuzz_target.hpp"
#include "hello_reading.hpp"
#include "snipass/tls/constants.hpp"
#include "snipass/tls/describe.hpp"
#include "snipass/tls/ja4.hpp"

#include <algorithm>

using namespace snipass;
using namespace snipass::fuzz;
using namespace snipass::testing;

namespace {

void require_inside(byte_view part, const bytes& whole) {
    require(part.empty() ||
                (part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size()),
            "what was parsed lies inside the message");
}

void require_views_inside(const hello_reading& reading) {
    const auto& hello = *reading.hello;
    for (const auto view :
         {hello.random, hello.session_id, hello.cipher_suites, hello.compression_methods, hello.extensions,
          hello.alpn.bytes(), hello.supported_versions, hello.supported_groups, hello.signature_algorithms,
          hello.key_shares, as_bytes(hello.server_name.value_or(""))})
        require_inside(view, reading.message);
}

void require_legal_name(const tls::client_hello& hello) {
    if (!hello.server_name)
        return;
    require(!hello.server_name->empty() && hello.server_name->size() <= tls::max_server_name_size,
            "a name has 1 to 255 bytes");
    require(hello.server_name->find('\0') == std::string_view::npos, "a name has no NUL");
}

void require_printable(const tls::client_hello& hello) {
    require(tls::ja4(hello).size() == 36, "JA4 has 36 characters");
    for (const auto& [label, value] : tls::describe(hello))
        require(std::ranges::all_of(value, [](char c) { return c >= 0x20 && c < 0x7f; }),
                "a description is printable");
}

void require_bounded_wait(byte_view stream, const hello_reading& reading) {
    require(reading.needed > stream.size(), "more is needed than there is, unless complete");
    // The message, and a header for each 16 KiB of it that have not come.
    require(reading.needed <= stream.size() + default_hello_max + 5 * tls::record_header_size,
            "no more is needed than a legal hello could need");
}

// cuts are a few ends of pieces that depend on the input alone, so that a finding can be replayed.
std::vector<std::size_t> cuts(byte_view stream) {
    std::size_t hash = 14'695'981'039'346'656'037U;
    for (const auto byte : stream.first(std::min<std::size_t>(stream.size(), 64)))
        hash = (hash ^ byte) * 1'099'511'628'211U;
    std::vector<std::size_t> ends;
    for (std::size_t end = 0; end < stream.size(); end += 1 + hash % 97, hash = hash * 31 + 7)
        ends.push_back(end);
    return ends;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const byte_view stream{data, size};
    const auto whole = read_hello(stream);
    require(whole.broken_promise.empty(), whole.broken_promise);
    require(whole.examined <= size, "no byte is looked at twice");
    require(read_hello(stream, every_byte(size)).same_as(whole), "byte by byte is as in one piece");
    require(read_hello(stream, cuts(stream)).same_as(whole), "in pieces is as in one piece");
    require(read_as_needed(stream).same_as(whole), "read as needed is as in one piece");

    if (whole.waits())
        require_bounded_wait(stream, whole);
    if (!whole.hello)
        return 0;
    require_views_inside(whole);
    require_legal_name(*whole.hello);
    require_printable(*whole.hello);
    for (const std::size_t fragment : {1U, 5U, 1'000U, 16'384U}) {
        const auto again = read_hello(in_records(whole.message, fragment));
        require(again.hello && again.message == whole.message && again.name() == whole.name(),
                "the same message in other records is the same hello");
    }
    for (const std::size_t shorter : {whole.size - 1, whole.size / 2})
        require(read_hello(stream.first(shorter)).waits(), "a hello cut short is waited for");
    return 0;
}
