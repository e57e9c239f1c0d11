// SPDX-License-Identifier: BSL-1.0
// The preload library's addresses: a server is told of a client in the family that it listens in.
#include "catch.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <cstring>
#include <string>

extern "C" {
#include "../../../src/preload/addresses.h"
}

namespace {

sockaddr_storage v4(const char* host) {
    sockaddr_storage result{};
    auto* address = reinterpret_cast<sockaddr_in*>(&result);
    address->sin_family = AF_INET;
    address->sin_port = htons(443);
    inet_pton(AF_INET, host, &address->sin_addr);
    return result;
}

sockaddr_storage v6(const char* host) {
    sockaddr_storage result{};
    auto* address = reinterpret_cast<sockaddr_in6*>(&result);
    address->sin6_family = AF_INET6;
    address->sin6_port = htons(443);
    inet_pton(AF_INET6, host, &address->sin6_addr);
    return result;
}

std::string text_of(const sockaddr_storage& address) {
    char text[INET6_ADDRSTRLEN] = "";
    const auto* four = reinterpret_cast<const sockaddr_in*>(&address);
    const auto* six = reinterpret_cast<const sockaddr_in6*>(&address);
    const void* host =
        address.ss_family == AF_INET ? static_cast<const void*>(&four->sin_addr) : &six->sin6_addr;
    inet_ntop(address.ss_family, host, text, sizeof text);
    return std::string(text) + " " + std::to_string(ntohs(four->sin_port)); // it has one place in both
}

} // namespace

TEST_CASE("preload addresses: a client's is of the listener's family") {
    struct row {
        const char* what;
        sockaddr_storage listener;
        bool v6_only;
        sockaddr_storage client;
        const char* told;
    };
    const auto [what, listener, v6_only, client, told] = GENERATE(
        row{"IPv4 for IPv4", v4("0.0.0.0"), false, v4("192.0.2.7"), "192.0.2.7 443"},
        row{"IPv6 for IPv6", v6("::"), false, v6("2001:db8::7"), "2001:db8::7 443"},
        row{"IPv4 for dual stack", v6("::"), false, v4("192.0.2.7"), "::ffff:192.0.2.7 443"},
        row{"mapped for dual stack", v6("::"), false, v6("::ffff:192.0.2.7"), "::ffff:192.0.2.7 443"},
        row{"IPv4 for IPv6 only", v6("::"), true, v4("192.0.2.7"), "192.0.2.7 443"},
        row{"mapped for IPv4", v4("0.0.0.0"), false, v6("::ffff:192.0.2.7"), "192.0.2.7 443"},
        row{"IPv6 for IPv4, which has no room for it", v4("0.0.0.0"), false, v6("2001:db8::7"),
            "0.0.0.0 443"});
    INFO(what);
    struct listener one {};
    one.address = listener;
    one.v6_only = v6_only;
    sockaddr_storage given{};
    socklen_t size = sizeof given;
    addresses_give_peer(&one, client, reinterpret_cast<sockaddr*>(&given), &size);
    CHECK(text_of(given) == told);
    CHECK(size == (given.ss_family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6)));
}

TEST_CASE("preload addresses: what does not fit is cut, and its size told") {
    const auto whole = v6("2001:db8::7");
    for (const socklen_t room : {0U, 1U, 16U, 27U, 28U, 128U}) {
        sockaddr_storage given;
        std::memset(&given, 0x55, sizeof given);
        socklen_t size = room;
        addresses_give(&whole, reinterpret_cast<sockaddr*>(&given), &size);
        CHECK(size == sizeof(sockaddr_in6));
        const auto copied = std::min<std::size_t>(room, sizeof(sockaddr_in6));
        CHECK(std::memcmp(&given, &whole, copied) == 0);
        CHECK(reinterpret_cast<unsigned char*>(&given)[copied] == 0x55);
    }
    socklen_t size = 7;
    addresses_give(&whole, nullptr, &size);
    CHECK(size == 7);
}
