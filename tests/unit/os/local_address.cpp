// SPDX-License-Identifier: BSL-1.0
#include "snipass/os/local_address.hpp"

#include "snipass/os/error.hpp"

#include "catch.hpp"
#include "catch_result.hpp"
#include "descriptor_limit.hpp"

#include <arpa/inet.h>
#include <ifaddrs.h>

using namespace snipass;

TEST_CASE("where_is: loopback, and each address of each interface") {
    CHECK(os::where_is(*ip_address::parse("127.0.0.1")).value() == os::whereabouts::here);
    CHECK(os::where_is(*ip_address::parse("127.9.8.7")).value() == os::whereabouts::here);
    ifaddrs* all = nullptr;
    REQUIRE(::getifaddrs(&all) == 0);
    for (const auto* one = all; one != nullptr; one = one->ifa_next) {
        if (one->ifa_addr == nullptr || one->ifa_addr->sa_family != AF_INET)
            continue;
        char text[INET_ADDRSTRLEN];
        const auto* const v4 = reinterpret_cast<const sockaddr_in*>(one->ifa_addr);
        REQUIRE(::inet_ntop(AF_INET, &v4->sin_addr, text, sizeof text) != nullptr);
        INFO(text);
        CHECK(os::where_is(*ip_address::parse(text)).value() == os::whereabouts::here);
    }
    ::freeifaddrs(all);
}

TEST_CASE("where_is: others are not, with or without a route") {
    for (const auto* one : {"1.1.1.1", "2606:4700::1111", "240.0.0.1"}) {
        INFO(one);
        CHECK(os::where_is(*ip_address::parse(one)).value() == os::whereabouts::elsewhere);
    }
}

TEST_CASE("where_is: without a descriptor nobody knows") {
    testing::descriptor_limit none{0};
    const auto own = os::where_is(*ip_address::parse("127.0.0.1"));
    const auto other = os::where_is(*ip_address::parse("1.1.1.1"));
    none.lift();
    CHECK(own.error() == os::make_error(EMFILE));
    CHECK(other.error() == os::make_error(EMFILE));
}

TEST_CASE("source_towards: where a connection would come from, and why there would be none") {
    CHECK(os::source_towards(*ip_address::parse("127.0.0.1")).value() == *ip_address::parse("127.0.0.1"));
    CHECK(os::source_towards(*ip_address::parse("::1")).value() == *ip_address::parse("::1"));
    CHECK_FALSE(os::source_towards(*ip_address::parse("255.255.255.255")));
    testing::descriptor_limit none{0};
    const auto unknown = os::source_towards(*ip_address::parse("127.0.0.1"));
    none.lift();
    CHECK(unknown.error() == os::make_error(EMFILE));
}
