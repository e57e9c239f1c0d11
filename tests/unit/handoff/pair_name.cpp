// SPDX-License-Identifier: BSL-1.0
// The name of a socket pair's end: there and back.
#include "snipass/handoff/pair_name.h"

#include "catch.hpp"
#include "snipass/os/tcp.hpp"
#include "snipass/os/unix_socket.hpp"

#include <array>
#include <cstddef>
#include <cstring>
#include <string>

using namespace snipass;

namespace {

sockaddr_storage address(const char* text) {
    sockaddr_storage made{};
    (void)os::to_sockaddr(*ip_endpoint::parse(text), made);
    return made;
}

constexpr std::array<unsigned char, handoff_pair_random_size> random_bytes{4,  5,  6,  7,  8,  9,
                                                                           10, 11, 12, 13, 14, 15};

struct named {
    sockaddr_un name{};
    socklen_t size = 0;

    named(const char* peer, const char* local) {
        const auto from = address(peer);
        const auto to = address(local);
        size = handoff_write_pair_name(&from, &to, random_bytes.data(), &name);
    }
    [[nodiscard]] bool reads() const {
        sockaddr_storage peer{}, local{};
        return handoff_read_pair_name(&name, size, &peer, &local);
    }
};

} // namespace

TEST_CASE("pair name: both addresses, there and back") {
    for (const auto& [peer, local] : {std::pair{"192.0.2.7:50000", "198.51.100.1:443"},
                                      std::pair{"[2001:db8::7]:1", "[2001:db8::1]:65535"},
                                      std::pair{"192.0.2.7:50000", "[2001:db8::1]:443"}}) {
        const named one{peer, local};
        REQUIRE(one.size > 0);
        sockaddr_storage from{}, to{};
        REQUIRE(handoff_read_pair_name(&one.name, one.size, &from, &to));
        CHECK(os::to_endpoint(from)->to_string() == peer);
        CHECK(os::to_endpoint(to)->to_string() == local);
    }
    CHECK(named{"192.0.2.7:1", "192.0.2.1:2"}.name.sun_path + 1 ==
          std::string_view{"snipass-00000000000000000000ffffc0000207000100000000000000000000ffffc00002010002"
                           "0405060708090a0b0c0d0e0f"});
}

TEST_CASE("pair name: what is none is not read") {
    const named good{"192.0.2.7:1", "192.0.2.1:2"};
    REQUIRE(good.reads());
    auto cut = good;
    --cut.size;
    CHECK_FALSE(cut.reads());
    auto longer = good;
    ++longer.size;
    CHECK_FALSE(longer.reads());
    for (const std::size_t at : {0U, 1U, 8U, 9U, 104U}) {
        auto bent = good;
        bent.name.sun_path[at] = 'x';
        CHECK_FALSE(bent.reads());
    }
    auto file = good;
    file.name.sun_family = AF_INET;
    CHECK_FALSE(file.reads());
    const sockaddr_storage nobody{};
    sockaddr_un name{};
    CHECK(handoff_write_pair_name(&nobody, &nobody, random_bytes.data(), &name) == 0);
}

TEST_CASE("pair name: the kernel tells it to whoever has the other end, also when this one is closed") {
    auto ends = os::pair().value();
    const named one{"192.0.2.7:1", "192.0.2.1:2"};
    REQUIRE(::bind(ends.near.get(), reinterpret_cast<const sockaddr*>(&one.name), one.size) == 0);
    const auto told = [&] {
        sockaddr_un name{};
        socklen_t size = sizeof name;
        REQUIRE(::getpeername(ends.far.get(), reinterpret_cast<sockaddr*>(&name), &size) == 0);
        return size == one.size &&
               std::memcmp(name.sun_path, one.name.sun_path, size - offsetof(sockaddr_un, sun_path)) == 0;
    };
    CHECK(told());
    ends.near.reset();
    CHECK(told());
}
