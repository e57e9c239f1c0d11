// SPDX-License-Identifier: BSL-1.0
// The fixed part of a hello, and hellos without a name: RFC 8446 section 4.1.2, RFC 5246 section 7.4.1.2.
#include "workshop.hpp"

namespace snipass::conformance {

namespace {

constexpr auto rule = "RFC 8446 4.1.2";

// A hello of TLS 1.2 and before: without the extensions of TLS 1.3.
hello_builder old_hello(workshop& to, std::uint16_t version) {
    auto hello = to.hello();
    return hello.without(43).without(45).without(51).legacy_version(version);
}

void add_nameless(workshop& to) {
    to.legal("fields/no-server-name", "no server_name", "RFC 6066 3", whole(to.stream(to.nameless())));
    to.legal("fields/no-extensions", "no extensions block at all (TLS 1.2)", "RFC 5246 7.4.1.2",
             whole(to.stream(hello_builder::bare())));
    to.legal("fields/empty-extensions", "an empty extensions block (TLS 1.2)", "RFC 5246 7.4.1.2", [&] {
        // hello_builder writes a block once it had an extension.
        return whole(to.stream(hello_builder::bare().grease(0x0a0a).without(0x0a0a)));
    }());
}

void add_versions(workshop& to) {
    const auto legal = [&](std::string name, std::string what, const char* where,
                           const hello_builder& hello) {
        to.legal("fields/" + std::move(name), std::move(what), where, whole(to.stream(hello)));
    };
    const auto forbidden = [&](std::string name, std::string what, const char* where,
                               const hello_builder& hello) {
        to.forbidden("fields/" + std::move(name), std::move(what), where, whole(to.stream(hello)));
    };
    legal("tls-1.2", "a hello of TLS 1.2", "RFC 5246 7.4.1.2", old_hello(to, 0x0303));
    legal("tls-1.1", "a hello of TLS 1.1", "RFC 4346 7.4.1.2", old_hello(to, 0x0302));
    legal("tls-1.0", "a hello of TLS 1.0", "RFC 2246 7.4.1.2", old_hello(to, 0x0301));
    forbidden("ssl-3.0", "a hello of SSL 3.0", "RFC 7568 3", old_hello(to, 0x0300));
    forbidden("ssl-2.0", "a hello that says version 0x0002", "RFC 6176 3", old_hello(to, 0x0002));
    legal("version-0304", "legacy_version 0x0304 without supported_versions: TLS 1.2", "RFC 8446 D.2",
          old_hello(to, 0x0304));
    legal("version-0305", "legacy_version 0x0305 without supported_versions", "RFC 5246 E.1",
          old_hello(to, 0x0305));
    legal("versions-unknown-too", "supported_versions offers an unknown one, 1.3 and 1.2", "RFC 8446 4.2.1",
          to.hello().supported_versions({0x7e55, 0x0304, 0x0303}));
    legal("versions-only-1.3", "supported_versions offers TLS 1.3 only", "RFC 8446 4.2.1",
          to.hello().supported_versions({0x0304}));
    legal("versions-none-known", "supported_versions offers none that exists", "RFC 8446 4.2.1",
          to.hello().supported_versions({0x7e55, 0x7e56}));
    forbidden("versions-empty", "an empty supported_versions", "RFC 8446 4.2.1",
              to.hello().supported_versions({}));
}

void add_fixed_part(workshop& to) {
    const auto legal = [&](std::string name, std::string what, const char* where,
                           const hello_builder& hello) {
        to.legal("fields/" + std::move(name), std::move(what), where, whole(to.stream(hello)));
    };
    const auto forbidden = [&](std::string name, std::string what, const char* where,
                               const hello_builder& hello) {
        to.forbidden("fields/" + std::move(name), std::move(what), where, whole(to.stream(hello)));
    };
    legal("session-id-empty", "no session ID", rule, to.hello().session_id(0));
    legal("session-id-1", "a session ID of 1 byte", "RFC 5246 7.4.1.2", to.hello().session_id(1));
    forbidden("session-id-33", "a session ID of 33 bytes", rule, to.hello().session_id(33));
    forbidden("session-id-255", "a session ID of 255 bytes", rule, to.hello().session_id(255));
    forbidden("no-cipher-suites", "no cipher suite", rule, to.hello().cipher_suites({}));
    legal("many-cipher-suites", "1,000 cipher suites", rule, [&] {
        std::vector<std::uint16_t> suites(1'000, 0x1301);
        for (std::size_t i = 0; i < suites.size(); i += 2)
            suites[i] = static_cast<std::uint16_t>(0xd000 + i);
        return to.hello().cipher_suites(suites);
    }());
    forbidden("compression-none", "no compression method", rule, to.hello().compression({}));
    forbidden("compression-deflate-only", "DEFLATE, and not the null method", rule,
              to.hello().compression({1}));
    forbidden("compression-tls-1.3", "DEFLATE and null, offered along with TLS 1.3", rule,
              to.hello().compression({1, 0}));
    legal("compression-tls-1.2", "DEFLATE and null, with TLS 1.2", "RFC 3749 2",
          old_hello(to, 0x0303).compression({1, 0}));
}

} // namespace

void add_fields(workshop& to) {
    add_nameless(to);
    add_versions(to);
    add_fixed_part(to);
}

} // namespace snipass::conformance
