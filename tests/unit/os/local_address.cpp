#include "snipass/os/local_address.hpp"

#include "catch.hpp"

#include <arpa/inet.h>
#include <ifaddrs.h>

using namespace snipass;

TEST_CASE("is_local: loopback, and each address of each interface") {
    CHECK(os::is_local(*ip_address::parse("127.0.0.1")));
    CHECK(os::is_local(*ip_address::parse("127.9.8.7")));
    ifaddrs* all = nullptr;
    REQUIRE(::getifaddrs(&all) == 0);
    for (const auto* one = all; one != nullptr; one = one->ifa_next) {
        if (one->ifa_addr == nullptr || one->ifa_addr->sa_family != AF_INET)
            continue;
        char text[INET_ADDRSTRLEN];
        const auto* const v4 = reinterpret_cast<const sockaddr_in*>(one->ifa_addr);
        REQUIRE(::inet_ntop(AF_INET, &v4->sin_addr, text, sizeof text) != nullptr);
        INFO(text);
        CHECK(os::is_local(*ip_address::parse(text)));
    }
    ::freeifaddrs(all);
}

TEST_CASE("is_local: others are not, with or without a route") {
    for (const auto* one : {"1.1.1.1", "2606:4700::1111", "240.0.0.1"}) {
        INFO(one);
        CHECK_FALSE(os::is_local(*ip_address::parse(one)));
    }
}
