// SPDX-License-Identifier: BSL-1.0
// How TCP delivers a hello: a stream has no edges (RFC 9293 section 3.1), so no cut may change the answer.
#include "workshop.hpp"

#include <algorithm>

namespace snipass::conformance {

namespace {

using namespace std::chrono_literals;
using testing::joined;
using testing::record;

constexpr auto tcp = "RFC 9293 2.2";
constexpr auto gap = 20ms; // enough for a router to have looked at what came before

void add_cuts(workshop& to) {
    const auto cut_at = [&](std::string name, std::string what, auto ends_in) {
        const auto stream = to.stream();
        to.legal("segments/" + std::move(name), std::move(what), tcp, cut(stream, ends_in(stream), gap));
    };
    const auto at = [](std::vector<std::size_t> ends) { return [ends](const bytes&) { return ends; }; };
    const auto name_at = [&to](std::size_t offset) {
        return
            [&to, offset](const bytes& stream) { return std::vector{position(stream, to.names.a) + offset}; };
    };
    cut_at("first-byte", "one byte, then the rest", at({1}));
    cut_at("in-record-header", "cut inside the record header", at({3}));
    cut_at("behind-record-header", "the record header, then the rest", at({5}));
    cut_at("in-handshake-header", "cut inside the handshake header", at({7}));
    cut_at("behind-handshake-header", "record and handshake header, then the rest", at({9}));
    cut_at("in-random", "cut inside the random", at({30}));
    cut_at("before-name", "cut before the first byte of the name", name_at(0));
    cut_at("in-name", "cut inside the name", name_at(1));
    cut_at("behind-name", "cut behind the last byte of the name", name_at(to.names.a.size()));
    cut_at("last-byte", "all but the last byte, then that",
           [](const bytes& stream) { return std::vector{stream.size() - 1}; });
    cut_at("five", "five segments", at({2, 6, 40, 100}));
}

void add_trickles(workshop& to) {
    to.legal("segments/every-byte", "every byte in a segment of its own", tcp, in_steps(to.stream(), 1, 1ms));
    to.legal("segments/post-quantum", "a post-quantum hello (X25519MLKEM768) in segments of 1,448 bytes",
             "RFC 8446 4.2.8",
             in_steps(to.stream(to.hello()
                                    .supported_groups({0x11ec, 0x001d, 0x0017})
                                    .key_shares({{0x11ec, 1216}, {0x001d, 32}})),
                      1448, gap));
    const auto trickled = to.stream();
    const auto late = to.stream();
    const auto steps = 12;
    to.legal("segments/slow", "a slow client: twelve pieces, evenly within the deadline", tcp,
             in_steps(trickled, trickled.size() / steps + 1, to.slow / steps));
    to.legal("segments/slow-end", "all but the last byte at once, that one late within the deadline", tcp,
             cut(late, {late.size() - 1}, to.slow));
}

void add_endings(workshop& to) {
    const auto never = [&](std::string name, std::string what, std::size_t keep) -> shape& {
        return to.legal("segments/" + std::move(name), std::move(what), tcp, whole(head(to.stream(), keep)));
    };
    const auto size = to.stream().size();
    to.legal("segments/half-closed", "the whole hello, then the client closes its sending half",
             "RFC 9293 3.6", whole(to.stream()))
        .half_closes = true;
    never("unfinished-record-header", "the record header and never more", 5);
    never("unfinished-random", "half of the random and never more", 25);
    never("unfinished-name", "cut behind the name, and never more",
          position(to.stream(), to.names.a) + to.names.a.size());
    never("unfinished-last-byte", "all but the last byte, which never comes", size - 1);
    never("truncated-name", "cut behind the name, then the client closes its sending half",
          position(to.stream(), to.names.a) + to.names.a.size())
        .half_closes = true;
    never("truncated-last-byte", "all but the last byte, then the client closes its sending half", size - 1)
        .half_closes = true;
}

// What a client may send behind its hello, before any answer (RFC 8446 sections 2.3 and D.4).
void add_early_data(workshop& to) {
    const auto early_hello = [&] { return to.stream(to.hello().extension(42, bytes{}).pre_shared_key()); };
    const auto early_data = record(bytes(900, 0xed), 23, 0x0303);
    const auto change_cipher_spec = record(bytes{1}, 20, 0x0303);
    constexpr auto rule = "RFC 8446 2.3";
    to.legal("segments/early-data", "0-RTT data directly behind the hello", rule,
             whole(joined({early_hello(), early_data})));
    to.legal("segments/early-data-ccs", "change_cipher_spec and 0-RTT data behind the hello", "RFC 8446 D.4",
             whole(joined({early_hello(), change_cipher_spec, early_data})));
    to.legal("segments/early-data-16k", "40 records of 0-RTT data behind the hello", rule, [&] {
        auto all = early_hello();
        for (int i = 0; i < 40; ++i)
            all.insert(all.end(), early_data.begin(), early_data.end());
        return whole(all);
    }());
    const auto hello = early_hello();
    const auto other = early_hello();
    to.legal("segments/early-data-cut", "0-RTT data, cut inside the hello and inside the data", rule,
             cut(joined({hello, early_data}), {20, hello.size() + 100}, gap));
    to.legal("segments/early-data-later", "0-RTT data in a segment of its own, a little later", rule,
             cut(joined({other, early_data}), {other.size()}, 100ms));
}

} // namespace

void add_segments(workshop& to) {
    to.legal("segments/whole", "one hello in one record in one segment", "RFC 8446 4.1.2",
             whole(to.stream()));
    add_cuts(to);
    add_trickles(to);
    add_endings(to);
    add_early_data(to);
}

} // namespace snipass::conformance
