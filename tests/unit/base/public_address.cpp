// SPDX-License-Identifier: BSL-1.0
#include "snipass/base/public_address.hpp"

#include "catch.hpp"

using namespace snipass;

namespace {

void check(const char* text, bool expected) {
    INFO(text);
    CHECK(is_public(ip_address::parse(text).value()) == expected);
}

} // namespace

TEST_CASE("is_public: what machines of the internet have") {
    for (const auto* one :
         {"1.1.1.1",         "9.255.255.255",   "11.0.0.0",        "100.63.255.255",   "100.128.0.0",
          "126.255.255.255", "128.0.0.0",       "169.253.255.255", "169.255.0.0",      "172.15.255.255",
          "172.32.0.0",      "191.255.255.255", "192.0.1.0",       "192.167.255.255",  "192.169.0.0",
          "198.17.255.255",  "198.20.0.0",      "223.255.255.255", "2001:200::1",      "2606:4700::1111",
          "3fff:1000::1",    "2a00::",          "::ffff:1.1.1.1",  "64:ff9b::101:101", "2002:101:101::1"})
        check(one, true);
}

TEST_CASE("is_public: what they have not") {
    for (const auto* one :
         {"0.0.0.0",         "0.255.255.255", "10.0.0.0",        "10.255.255.255",  "100.64.0.0",
          "100.127.255.255", "127.0.0.1",     "127.255.255.255", "169.254.0.0",     "169.254.169.254",
          "169.254.255.255", "172.16.0.0",    "172.31.255.255",  "192.0.0.8",       "192.0.2.1",
          "192.88.99.1",     "192.168.0.0",   "192.168.255.255", "198.18.0.0",      "198.19.255.255",
          "198.51.100.1",    "203.0.113.1",   "224.0.0.1",       "239.255.255.255", "240.0.0.0",
          "255.255.255.255"})
        check(one, false);
    for (const auto* one : {"::", "::1", "::127.0.0.1", "100::1", "fc00::1", "fdff::1", "fe80::1", "febf::1",
                            "fec0::1", "ff02::1", "ff0e::1", "2001::1", "2001:1ff::1", "2001:db8::1",
                            "3fff::1", "3fff:fff::1", "4000::1", "5f00::1", "64:ff9b:1::1"})
        check(one, false);
}

TEST_CASE("is_public: no other way to write such an IPv4 address") {
    for (const auto* one : {"::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::127.0.0.1", "64:ff9b::10.0.0.1",
                            "64:ff9b::169.254.169.254", "2002:7f00:1::1", "2002:a00:1::1",
                            "2002:a9fe:a9fe::", "2002:c0a8:101::"})
        check(one, false);
}
