// SPDX-License-Identifier: BSL-1.0
// The input is a TCP stream of HTTP. Whatever it is: the reader stays inside it, answers the same however the
// stream is cut, keeps its promise of how much it needs, and what it accepts has one form only.
#include "fuzz_target.hpp"
#include "head_reading.hpp"
#include "hello_reading.hpp"
#include "snipass/http/characters.hpp"
#include "snipass/http/path.hpp"

#include <algorithm>

using namespace snipass;
using namespace snipass::fuzz;
using namespace snipass::testing;

namespace {

void require_inside(std::string_view part, byte_view whole) {
    const auto* const data = reinterpret_cast<const std::uint8_t*>(part.data());
    require(part.empty() || (data >= whole.data() && data + part.size() <= whole.data() + whole.size()),
            "what was parsed lies inside the head");
}

void require_views_inside(const http::request_head& head, byte_view stream) {
    for (const auto view : {head.method, head.target, head.host, head.query.value_or("")})
        require_inside(view, stream);
    for (auto fields = head.fields; !fields.empty(); fields.pop_front()) {
        require_inside(fields.front().name, stream);
        require_inside(fields.front().value, stream);
        require(!fields.front().name.empty() && http::all_are(fields.front().name, http::in_token),
                "a field's name is a token");
    }
}

void require_clean(const http::request_head& head) {
    require(http::all_are(head.method, http::in_token) && http::all_are(head.target, http::in_target),
            "a method and a target have no byte that could end them");
    require(head.raw_path == "*" || head.raw_path.starts_with('/'), "a path begins with a slash");
    bytes scratch;
    const std::string once{head.path};
    require(once.empty() || http::normalise_path(once, scratch).value() == once,
            "a normal path stays as it is");
    require(once.find("/../") == std::string::npos && !once.ends_with("/.."),
            "a normal path goes nowhere else");
}

// cuts are a few ends of pieces that depend on the input alone, so that a finding can be replayed.
std::vector<std::size_t> cuts(byte_view stream) {
    std::size_t hash = stream.size() * 31 + 7;
    std::vector<std::size_t> ends;
    for (std::size_t end = 0; end < stream.size(); end += 1 + hash % 97, hash = hash * 1'099'511'628'211U + 7)
        ends.push_back(end);
    return ends;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const byte_view stream{data, size};
    const auto whole = read_head(stream);
    const auto expected = whole.in_words();
    require(whole.broken_promise.empty(), whole.broken_promise);
    require(whole.examined <= size, "no byte is looked at twice");
    require(read_head(stream, every_byte(size)).in_words() == expected, "byte by byte is as in one piece");
    require(read_head(stream, cuts(stream)).in_words() == expected, "in pieces is as in one piece");
    require(read_head_as_needed(stream).in_words() == expected, "read as needed is as in one piece");
    if (whole.waits())
        require(whole.needed > size && whole.needed <= std::max(size + 16, default_head_max),
                "little more is needed than there is");
    if (!whole.head)
        return 0;
    require(whole.head->size <= size, "the head lies inside the input");
    require_views_inside(*whole.head, stream);
    require_clean(*whole.head);
    for (const std::size_t shorter : {whole.head->size - 1, whole.head->size / 2})
        require(read_head(stream.first(shorter)).waits(), "a head cut short is waited for");
    return 0;
}
