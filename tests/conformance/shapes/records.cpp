// SPDX-License-Identifier: BSL-1.0
// The record layer and the handshake header: RFC 8446 sections 4 and 5.1, RFC 5246 appendix E.
#include "workshop.hpp"

#include <cstdio>

namespace snipass::conformance {

namespace {

using testing::in_records;
using testing::joined;
using testing::record;

constexpr auto rule = "RFC 8446 5.1";
constexpr std::size_t middle = 60; // where a hello is cut in two: before the name
constexpr std::uint8_t change_cipher_spec = 20;
constexpr std::uint8_t alert = 21;
constexpr std::uint8_t handshake = 22;
constexpr std::uint8_t application_data = 23;
constexpr std::uint8_t heartbeat = 24;

std::string hex(std::uint16_t number) {
    char text[5];
    (void)std::snprintf(text, sizeof text, "%04x", number);
    return text;
}

void add_versions(workshop& to) {
    for (const auto version :
         std::initializer_list<std::uint16_t>{0x0300, 0x0301, 0x0302, 0x0303, 0x0304, 0x03ff})
        to.legal("records/version-" + hex(version), "the record says version 0x" + hex(version),
                 "RFC 5246 E.1", whole(record(to.message(), handshake, version)));
    // RFC 8446 has the field ignored, RFC 5246 has {3, any} accepted, and TLS stacks differ.
    for (const auto version : std::initializer_list<std::uint16_t>{0x0000, 0x0400})
        to.legal("records/version-" + hex(version), "the record says version 0x" + hex(version), rule,
                 whole(record(to.message(), handshake, version)))
            .name_by_letter = to.names.a;
    const auto message = to.message();
    to.legal("records/version-0400-second", "the second record says version 0x0400", rule,
             whole(joined({record(head(message, middle)), record(tail(message, middle), handshake, 0x0400)})))
        .name_by_letter = to.names.a;
}

void add_record_lengths(workshop& to) {
    const auto announced = [](const bytes& fragment, std::uint16_t size) {
        auto made = record(fragment);
        made[3] = static_cast<std::uint8_t>(size >> 8);
        made[4] = static_cast<std::uint8_t>(size);
        return made;
    };
    to.legal("records/of-16384", "a hello that fills a record of 2^14 bytes exactly", rule,
             whole(to.stream(to.hello().message_size(16'384))));
    to.forbidden("records/of-16385", "a hello in a record of 2^14 + 1 bytes", rule,
                 whole(record(to.message(to.hello().message_size(16'385)))));
    to.forbidden("records/of-18432", "a hello in a record of 2^14 + 2048 bytes", rule,
                 whole(record(to.message(to.hello().message_size(18'432)))));
    to.forbidden("records/of-65535", "a record header announces 65,535 bytes; a hello follows", rule,
                 whole(announced(to.message(), 65'535)));
    const auto message = to.message();
    const bytes empty;
    to.forbidden("records/empty-first", "an empty handshake record before the hello", rule,
                 whole(joined({record(empty), record(message)})));
    to.forbidden(
        "records/empty-between", "an empty handshake record between two fragments", rule,
        whole(joined({record(head(message, middle)), record(empty), record(tail(message, middle))})));
    to.forbidden("records/empty-100-times", "100 empty handshake records between two fragments", rule, [&] {
        auto all = record(head(message, middle));
        for (int i = 0; i < 100; ++i)
            all = joined({all, record(empty)});
        return whole(joined({all, record(tail(message, middle))}));
    }());
}

void add_interleaved(workshop& to) {
    struct row {
        const char* name;
        const char* what;
        bytes between;
    };
    const row rows[] = {
        {"warning-alert", "a warning alert (user_canceled)", record(bytes{1, 90}, alert)},
        {"fatal-alert", "a fatal alert (handshake_failure)", record(bytes{2, 40}, alert)},
        {"ccs", "change_cipher_spec", record(bytes{1}, change_cipher_spec)},
        {"application-data", "application data", record(bytes(20, 0x61), application_data)},
        {"heartbeat", "a heartbeat record", record(bytes(20, 1), heartbeat)},
        {"unknown-type", "a record of type 99", record(bytes(20, 1), 99)},
    };
    for (const auto& [name, what, between] : rows) {
        const auto message = to.message();
        to.forbidden(std::string{"records/between-"} + name, what + std::string{" between two fragments"},
                     rule,
                     whole(joined({record(head(message, middle)), between, record(tail(message, middle))})));
        to.forbidden(std::string{"records/before-"} + name, what + std::string{" before the hello"},
                     "RFC 8446 4.1.2", whole(joined({between, to.stream()})));
    }
}

void add_behind_the_hello(workshop& to) {
    const auto behind = [&](std::string name, std::string what, bytes more) {
        to.forbidden("records/behind-" + std::move(name), std::move(what), rule,
                     whole(record(joined({to.message(), more}))));
    };
    behind("zeros", "eight zero bytes behind the hello in its record", bytes(8, 0));
    behind("finished", "another handshake message (Finished) behind the hello in its record",
           joined({{20, 0, 0, 12}, bytes(12, 0x66)}));
    behind("hello", "a second hello with another name behind the hello in its record",
           to.message(to.hello_for(to.names.b)));
    to.forbidden("records/second-hello", "a second hello with another name in the next record",
                 "RFC 8446 4.1.2", whole(joined({to.stream(), to.stream(to.hello_for(to.names.b))})));
    to.forbidden("records/second-hello-nameless", "a hello without a name, then one with a name",
                 "RFC 8446 4.1.2", whole(joined({to.stream(to.nameless()), to.stream()})));
}

void add_handshake_headers(workshop& to) {
    const auto with_type = [&](std::uint8_t type) {
        auto message = to.message();
        message[0] = type;
        return whole(record(message));
    };
    to.forbidden("records/type-hello-request", "handshake type 0 (HelloRequest) in front of a hello's body",
                 "RFC 8446 4", with_type(0));
    to.forbidden("records/type-server-hello", "handshake type 2 (ServerHello) in front of a hello's body",
                 "RFC 8446 4", with_type(2));
    to.forbidden("records/type-finished", "handshake type 20 (Finished) in front of a hello's body",
                 "RFC 8446 4", with_type(20));
    auto huge = to.message();
    huge[1] = huge[2] = huge[3] = 0xff;
    to.legal("records/message-16m", "the handshake header announces 2^24 - 1 bytes; a hello follows",
             "RFC 8446 4", whole(record(huge)));
    const bytes tiny = {1, 0, 0, 10, 3, 3, 0, 0, 0, 0, 0, 0, 0, 0};
    to.forbidden("records/message-10", "a hello of 10 bytes", "RFC 8446 4.1.2", whole(record(tiny)));
    to.forbidden("records/message-0", "a hello of 0 bytes", "RFC 8446 4.1.2",
                 whole(record(bytes{1, 0, 0, 0})));
}

void add_sslv2(workshop& to) {
    // A version 2 hello: length with the high bit set, type 1, version, three lengths, suites, challenge.
    bytes v2 = byte_writer{}.u16(0x8000 | 46).u8(1).u16(0x0303).u16(21).u16(0).u16(16).data();
    for (const auto suite : std::initializer_list<std::uint8_t>{0x2f, 0x35, 0x9c, 0x9d, 0x3c, 0x3d, 0xff})
        v2 = joined({v2, {0, 0, suite}});
    to.forbidden("records/sslv2", "a hello in the format of SSL 2.0", "RFC 8446 D.5",
                 whole(joined({v2, bytes(16, 0x63)})));
}

} // namespace

void add_records(workshop& to) {
    add_versions(to);
    add_record_lengths(to);
    add_interleaved(to);
    add_behind_the_hello(to);
    add_handshake_headers(to);
    add_sslv2(to);
}

} // namespace snipass::conformance
