// SPDX-License-Identifier: BSL-1.0
// One hello over several records: RFC 8446 section 5.1 lets a handshake message be cut anywhere.
#include "workshop.hpp"

namespace snipass::conformance {

namespace {

using namespace std::chrono_literals;
using testing::in_records;
using testing::joined;
using testing::record;

constexpr auto rule = "RFC 8446 5.1";

void add_sizes_of_records(workshop& to) {
    for (const std::size_t size : {1, 2, 5, 16, 100})
        to.legal("fragments/of-" + std::to_string(size),
                 "records of " + std::to_string(size) + (size == 1 ? " byte" : " bytes"), rule,
                 whole(to.stream(to.hello(), size)));
    to.legal("fragments/of-1-trickled", "records of 1 byte, each byte of the stream in a segment of its own",
             rule, in_steps(to.stream(to.hello(), 1), 1, 1ms));
    to.legal("fragments/of-16-segments", "records of 16 bytes, each in a segment of its own", rule,
             in_steps(to.stream(to.hello(), 16), 21, 10ms));
    to.legal("fragments/full-records", "a hello of 40,000 bytes in records of 2^14 bytes", rule,
             whole(to.stream(to.hello().message_size(40'000))));
    to.legal("fragments/growing", "records of 1, 2, 4, 8, ... bytes", rule,
             whole(in_records(to.message(), {1, 2, 4, 8, 16, 32, 64, 128, 256})));
}

void add_boundaries(workshop& to) {
    const auto boundary = [&](std::string name, std::string what, auto position_in) {
        const auto message = to.message();
        to.legal("fragments/" + std::move(name), std::move(what), rule,
                 whole(in_records(message, {position_in(message), 16'384})));
    };
    const auto at = [](std::size_t position) { return [position](const bytes&) { return position; }; };
    const auto from_name = [&to](std::ptrdiff_t offset) {
        return [&to, offset](const bytes& message) {
            return static_cast<std::size_t>(static_cast<std::ptrdiff_t>(position(message, to.names.a)) +
                                            offset);
        };
    };
    boundary("behind-type", "cut in the handshake header, behind the type", at(1));
    boundary("in-length", "cut in the handshake header, inside the length", at(3));
    boundary("behind-handshake-header", "cut behind the handshake header", at(4));
    boundary("in-session-id", "cut inside the session ID", at(50));
    boundary("in-extension-type", "cut inside the type of server_name", from_name(-8));
    boundary("in-extension-length", "cut inside the length of server_name", from_name(-6));
    boundary("in-name-length", "cut inside the length of the name", from_name(-1));
    boundary("before-name", "cut before the first byte of the name", from_name(0));
    boundary("in-name", "cut inside the name", from_name(2));
    boundary("behind-name", "cut behind the last byte of the name",
             from_name(static_cast<std::ptrdiff_t>(to.names.a.size())));
    boundary("last-byte", "the last byte in a record of its own",
             [](const bytes& message) { return message.size() - 1; });
}

void add_later_versions(workshop& to) {
    const auto message = to.message();
    to.legal("fragments/versions-differ", "the first record says 0x0301, the second 0x0303", "RFC 5246 E.1",
             whole(joined({record(head(message, 60)), record(tail(message, 60), 22, 0x0303)})));
}

} // namespace

void add_fragments(workshop& to) {
    add_sizes_of_records(to);
    add_boundaries(to);
    add_later_versions(to);
}

} // namespace snipass::conformance
