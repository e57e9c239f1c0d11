// SPDX-License-Identifier: BSL-1.0
// Bytes that are no TLS, or not yet: nothing of them may reach a backend by name.
#include "workshop.hpp"

#include <random>

namespace snipass::conformance {

namespace {

using testing::joined;
using testing::record;

bytes text(std::string_view data) {
    const auto view = as_bytes(data);
    return {view.begin(), view.end()};
}

bytes random_bytes(std::size_t size) {
    std::mt19937 random{443};
    bytes made(size);
    for (auto& byte : made)
        byte = static_cast<std::uint8_t>(random());
    made[0] = 0x99; // no record type
    return made;
}

} // namespace

void add_strangers(workshop& to) {
    constexpr auto none = "no TLS";
    const auto& a = to.names.a;
    const auto add = [&](std::string name, std::string what, bytes stream) -> shape& {
        return to.forbidden("strangers/" + std::move(name), std::move(what), none, whole(std::move(stream)));
    };
    add("http", "a plain HTTP request with a routed name in Host",
        text("GET / HTTP/1.1\r\nHost: " + a + "\r\nUser-Agent: test\r\n\r\n"));
    add("http-connect", "a CONNECT request for a routed name",
        text("CONNECT " + a + ":443 HTTP/1.1\r\nHost: " + a + ":443\r\n\r\n"));
    add("http-then-hello", "an HTTP request, then a hello",
        joined({text("GET / HTTP/1.0\r\n\r\n"), to.stream()}));
    add("proxy-v1", "a PROXY protocol v1 line, then a hello",
        joined({text("PROXY TCP4 192.0.2.7 192.0.2.8 50000 443\r\n"), to.stream()}));
    add("ssh", "an SSH client", text("SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n"));
    add("smtp", "an SMTP greeting and STARTTLS, then a hello",
        joined({text("EHLO " + a + "\r\nSTARTTLS\r\n"), to.stream()}));
    add("garbage", "4,000 random bytes", random_bytes(4'000));
    add("zeros", "70,000 zero bytes", bytes(70'000, 0));
    add("garbage-in-record", "a handshake record of 500 random bytes", record(random_bytes(500)));
    add("hello-in-application-data", "a hello's message in a record of type application data",
        record(to.message(), 23));
    add("one-byte", "the byte 0x16 and never more", {0x16});
    add("alert-only", "an alert and never more", record(bytes{2, 0}, 21));
    to.legal("strangers/silent", "a client that connects and says nothing", none, {});
    to.legal("strangers/empty", "a client that connects and closes its sending half", none, {}).half_closes =
        true;
}

} // namespace snipass::conformance
