// SPDX-License-Identifier: BSL-1.0
// Lengths that lie, one at a time, by one, at each level from the record to the name.
#include "workshop.hpp"

#include <cassert>

namespace snipass::conformance {

namespace {

struct level {
    const char* name;
    const char* what;
    const char* rule;
    std::size_t first; // of its length bytes, as hello_builder counts them
    std::size_t size;
};

// In the order in which hello_builder writes them; server_name is the first extension.
constexpr level levels[] = {
    {"message", "the handshake message", "RFC 8446 4", 0, 3},
    {"session-id", "the session ID", "RFC 8446 4.1.2", 3, 1},
    {"cipher-suites", "the cipher suites", "RFC 8446 4.1.2", 4, 2},
    {"compression", "the compression methods", "RFC 8446 4.1.2", 6, 1},
    {"extensions", "the extensions block", "RFC 8446 4.1.2", 7, 2},
    {"extension", "the server_name extension", "RFC 8446 4.2", 9, 2},
    {"list", "the list of names", "RFC 6066 3", 11, 2},
    {"name", "the name", "RFC 6066 3", 13, 2},
};

// add_to_number changes the big-endian number at `at` by `delta`.
void add_to_number(bytes& data, std::size_t at, std::size_t size, int delta) {
    int value = 0;
    for (std::size_t i = 0; i < size; ++i)
        value = value << 8 | data[at + i];
    value += delta;
    assert(value >= 0);
    for (auto i = size; i-- > 0; value >>= 8)
        data[at + i] = static_cast<std::uint8_t>(value);
}

void add_level(workshop& to, const level& one) {
    // A name is at most 255 bytes, so the first length bytes stand where hello_builder says for each name.
    const auto at = to.hello().written().length_bytes()[one.first];
    for (const auto& [suffix, words, delta] :
         {std::tuple{"-1", " says one byte less", -1}, std::tuple{"+1", " says one byte more", 1}}) {
        auto message = to.message();
        add_to_number(message, at, one.size, delta);
        to.forbidden(std::string{"lengths/"} + one.name + suffix,
                     std::string{"the length of "} + one.what + words, one.rule,
                     whole(testing::record(message)));
    }
}

} // namespace

void add_lengths(workshop& to) {
    for (const auto& [suffix, words, delta] :
         {std::tuple{"-1", "the length of the record says one byte less, which then begins a second one", -1},
          std::tuple{"+1", "the length of the record says one byte more, which never comes", 1}}) {
        auto stream = to.stream();
        add_to_number(stream, 3, 2, delta);
        to.forbidden(std::string{"lengths/record"} + suffix, words, "RFC 8446 5.1", whole(stream));
    }
    for (const auto& one : levels)
        add_level(to, one);
    auto beyond = to.message();
    const auto list = position(beyond, to.names.a) - 5;
    add_to_number(beyond, list, 2, 0x7000);
    to.forbidden("lengths/list-beyond", "the list of names reaches far beyond the hello", "RFC 6066 3",
                 whole(testing::record(beyond)));
    auto name_beyond = to.message();
    add_to_number(name_beyond, list + 3, 2, 0x7000);
    to.forbidden("lengths/name-beyond", "the name reaches far beyond the hello", "RFC 6066 3",
                 whole(testing::record(name_beyond)));
    to.forbidden("lengths/behind-extensions", "four bytes behind the extensions, inside the message",
                 "RFC 8446 4.1.2", whole(to.stream(to.hello().trailing({0, 0, 0, 0}))));
}

} // namespace snipass::conformance
