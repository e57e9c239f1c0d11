// SPDX-License-Identifier: BSL-1.0
#include "snipass/net/pipe_pool.hpp"

#include "catch.hpp"
#include "catch_result.hpp"
#include "same_descriptors.hpp"

#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <thread>
#include <vector>

using namespace snipass;
using namespace snipass::testing;

namespace {

constexpr std::size_t mebibyte = 1U << 20;

// What a user without CAP_SYS_RESOURCE gets depends on what else this user has.
bool gets_large_pipes() {
    const auto one = os::open_pipe(mebibyte);
    return one && one->capacity == mebibyte;
}

// Of this thread alone (capabilities(7)): CAP_SYS_RESOURCE and CAP_SYS_ADMIN do away with the limit of pages.
void be_unprivileged() {
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    std::array<__user_cap_data_struct, 2> none{};
    REQUIRE(::syscall(SYS_capset, &header, none.data()) == 0);
}

} // namespace

TEST_CASE("pipe_pool: no more pipes than its bound, and those given back again") {
    const same_descriptors check;
    net::pipe_pool pool{2, 64 * mebibyte};
    auto first = pool.lend();
    auto second = pool.lend();
    CHECK(first);
    CHECK(second);
    CHECK_FALSE(pool.lend());
    CHECK(pool.lent() == 2);
    pool.give_back(std::move(first), true);
    CHECK(pool.kept() == 1);
    CHECK(pool.lend());
    CHECK(pool.kept() == 0);
    pool.give_back(std::move(second), false); // with bytes in it
    CHECK(pool.kept() == 0);
}

TEST_CASE("pipe_pool: no more memory than its bound, in pipes that get smaller") {
    const same_descriptors check;
    net::pipe_pool pool{1'000, 16 * mebibyte};
    std::vector<os::pipe> lent;
    std::size_t total = 0;
    for (auto one = pool.lend(); one; one = pool.lend()) {
        if (!lent.empty())
            CHECK(one.capacity <= lent.back().capacity);
        total += one.splice_capacity();
        lent.push_back(std::move(one));
        CHECK(pool.memory() == total);
    }
    CHECK(total == 16 * mebibyte);
    CHECK(lent.size() >= 16); // not four large ones and nothing for the others
    for (auto& one : lent)
        pool.give_back(std::move(one), true);
    CHECK(pool.lent() == 0);
    pool.trim();
    CHECK(pool.memory() == 0);
}

TEST_CASE("pipe_pool: a pipe has 1 MiB where the kernel grants it") {
    net::pipe_pool pool{10, 64 * mebibyte};
    const bool is_usual = gets_large_pipes();
    const auto one = pool.lend();
    CHECK(one.capacity >= 65'536);
    if (is_usual && gets_large_pipes())
        CHECK(one.capacity == mebibyte);
}

TEST_CASE("pipe_pool: lower limits close what is kept") {
    const same_descriptors check;
    net::pipe_pool pool{10, 64 * mebibyte};
    auto first = pool.lend();
    auto second = pool.lend();
    pool.give_back(std::move(first), true);
    pool.give_back(std::move(second), true);
    CHECK(pool.kept() == 2);
    pool.set_limits(1, 64 * mebibyte);
    CHECK(pool.kept() == 1);
    pool.set_limits(1, 262'144);
    CHECK(pool.kept() == 0);
    CHECK(pool.memory() == 0);
}

TEST_CASE("open_pipe: what is too large for the user is halved until it is not") {
    const auto one = os::open_pipe(std::size_t{1} << 31); // the kernel's limit for anybody
    REQUIRE(one);
    CHECK(one->capacity >= 65'536);
    CHECK(one->capacity < std::size_t{1} << 31);
    const auto usual = os::open_pipe(65'536);
    REQUIRE(usual);
    CHECK(usual->capacity == 65'536);
}

// The user's pages are counted for all of its processes; nothing else here needs more than a few.
TEST_CASE("pipe_pool: small pipes of a time when the user had no pages left are not kept for large ones") {
    const same_descriptors check;
    std::thread{[] {
        be_unprivileged();
        net::pipe_pool pool{1'000, 512 * mebibyte};
        auto large = pool.lend();
        if (large.capacity < mebibyte)
            return skipped("this user has used up its large pipes already");
        std::vector<os::pipe> hoard;
        for (auto one = os::open_pipe(mebibyte); one && one->capacity > 65'536 && hoard.size() < 200;
             one = os::open_pipe(mebibyte))
            hoard.push_back(std::move(*one));
        auto small = pool.lend();
        hoard.clear();
        REQUIRE(small.capacity < mebibyte);
        pool.give_back(std::move(small), true);
        CHECK(pool.kept() == 0);
        pool.give_back(std::move(large), true);
        CHECK(pool.kept() == 1);
    }}.join();
}

TEST_CASE("pipe_pool: no pipe has descriptors that are kept for others") {
    const same_descriptors check;
    net::pipe_pool pool{2, 64 * mebibyte};
    const int number = pool.lend().write_end.get(); // and free again
    pool.set_limits(3, 64 * mebibyte, number);
    CHECK_FALSE(pool.lend());
    pool.set_limits(3, 64 * mebibyte, number + 1);
    CHECK(pool.lend());
}
