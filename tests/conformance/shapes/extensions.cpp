// SPDX-License-Identifier: BSL-1.0
// Extensions other than server_name: their order, number, and rules (RFC 8446 section 4.2).
#include "workshop.hpp"

namespace snipass::conformance {

namespace {

constexpr auto rule = "RFC 8446 4.2";
constexpr std::uint16_t alpn = 16;
constexpr std::uint16_t session_ticket = 35;
constexpr std::uint16_t unassigned = 0xe0e0;

class writer {
  public:
    explicit writer(workshop& to) : to_(to) {}
    void legal(std::string name, std::string what, const char* where, const hello_builder& hello) {
        to_.legal("extensions/" + std::move(name), std::move(what), where, whole(to_.stream(hello)));
    }
    void forbidden(std::string name, std::string what, const char* where, const hello_builder& hello) {
        to_.forbidden("extensions/" + std::move(name), std::move(what), where, whole(to_.stream(hello)));
    }

  private:
    workshop& to_;
};

hello_builder with_many(hello_builder hello, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i)
        hello.extension(static_cast<std::uint16_t>(0xe100 + i), bytes{});
    return hello;
}

void add_orders(workshop& to) {
    writer out{to};
    auto nameless = to.nameless();
    out.legal("name-last", "server_name is the last extension", rule, nameless.server_name(to.names.a));
    out.legal("name-behind-500", "500 unknown extensions before server_name", rule,
              with_many(to.nameless(), 500).server_name(to.names.a));
    out.legal("500-behind-name", "500 unknown extensions behind server_name", rule,
              with_many(to.hello(), 500));
    out.legal("only-name", "server_name is the only extension (TLS 1.2)", "RFC 6066 3",
              hello_builder::bare().server_name(to.names.a));
    out.legal("unknown-empty", "an unknown extension without a body", rule,
              to.hello().extension(unassigned, bytes{}));
    out.legal("psk-last", "pre_shared_key as the last extension", "RFC 8446 4.2.11",
              to.hello().pre_shared_key());
    out.forbidden("psk-not-last", "pre_shared_key before other extensions", "RFC 8446 4.2.11",
                  to.hello().pre_shared_key().extension(session_ticket, bytes{}));
    out.forbidden("psk-before-name", "pre_shared_key before server_name", "RFC 8446 4.2.11",
                  to.nameless().pre_shared_key().server_name(to.names.a));
}

void add_twice(workshop& to) {
    writer out{to};
    out.forbidden("unknown-twice", "an unknown extension twice", rule,
                  to.hello().extension(unassigned, bytes{1}).extension(unassigned, bytes{2}));
    out.forbidden("grease-twice", "one GREASE extension twice", rule,
                  to.hello().grease(0x2a2a).grease(0x2a2a));
    out.forbidden("alpn-twice", "ALPN twice", rule, to.hello().extension(alpn, bytes{0, 3, 2, 'h', '3'}));
    out.forbidden("share-twice", "two key shares for one group", "RFC 8446 4.2.8",
                  to.hello().key_shares({{0x001d, 32}, {0x001d, 32}}));
}

void add_bodies(workshop& to) {
    writer out{to};
    out.legal("grease", "GREASE suites, groups, versions and extensions, as Chromium sends them",
              "RFC 8701 3",
              to.hello()
                  .cipher_suites({0x1a1a, 0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f})
                  .supported_groups({0x2a2a, 0x001d, 0x0017})
                  .key_shares({{0x2a2a, 1}, {0x001d, 32}})
                  .supported_versions({0x3a3a, 0x0304, 0x0303})
                  .grease(0x4a4a)
                  .extension(0x5a5a, bytes{0}));
    out.legal("ech-grease", "a GREASE encrypted_client_hello", "RFC 9849 6.2", to.hello().ech_outer());
    out.legal("ech-large", "an encrypted_client_hello of 4,000 bytes", "RFC 9849 5",
              to.hello().ech_outer(4'000));
    out.legal("ech-nameless", "encrypted_client_hello and no outer name", "RFC 9849 5",
              to.nameless().ech_outer());
    out.legal(
        "post-quantum", "X25519MLKEM768 and X25519 shares", "RFC 8446 4.2.8",
        to.hello().supported_groups({0x11ec, 0x001d, 0x0017}).key_shares({{0x11ec, 1216}, {0x001d, 32}}));
    out.legal("no-shares", "an empty key_share, which asks for a HelloRetryRequest", "RFC 8446 4.2.8",
              to.hello().key_shares({}));
    out.legal("alpn-acme", "ALPN acme-tls/1, as a certificate authority sends it", "RFC 8737 3",
              to.hello().alpn({"acme-tls/1"}));
    out.legal("alpn-odd-bytes", "an ALPN name of all byte values", "RFC 7301 3.1", [&] {
        std::string all;
        for (int byte = 1; byte < 256; ++byte)
            all.push_back(static_cast<char>(byte));
        return to.hello().alpn({all, "h2"});
    }());
    out.forbidden("alpn-empty", "an empty ALPN list", "RFC 7301 3.1", to.hello().alpn({}));
    out.forbidden("alpn-empty-name", "an ALPN name of no bytes", "RFC 7301 3.1", to.hello().alpn({"h2", ""}));
    out.legal("padding", "zero padding of 300 bytes", "RFC 7685 3", to.hello().padding(300));
    out.forbidden("no-groups", "TLS 1.3 without supported_groups", "RFC 8446 9.2", to.hello().without(10));
}

} // namespace

void add_extensions(workshop& to) {
    add_orders(to);
    add_twice(to);
    add_bodies(to);
}

} // namespace snipass::conformance
