// SPDX-License-Identifier: BSL-1.0
// Ticket keys move on.
#include "snipass/terminate/tickets.hpp"

#include "catch.hpp"
#include "handoff_sender.hpp"
#include "snipass/os/error.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <cerrno>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <utility>

using namespace snipass::terminate;
using namespace std::chrono_literals;

namespace {

bool is_same(const ticket_keys::key& a, const ticket_keys::key& b) {
    return a.name == b.name && a.cipher == b.cipher && a.mac == b.mac;
}

} // namespace

TEST_CASE(
    "ticket keys: a ticket opens for twelve hours at least, and a day and a half later nobody opens it") {
    const auto start = ticket_keys::clock::now();
    ticket_keys keys{start};
    const auto first = keys.sealing(start + 11h);
    CHECK(is_same(first, keys.sealing(start)));
    const auto opens = [&](auto when) { return keys.opening(first.name, when).has_value(); };
    CHECK(opens(start + 11h + 59min));
    const auto second = keys.sealing(start + 12h);
    CHECK_FALSE(is_same(first, second));
    CHECK(opens(start + 12h));
    CHECK(opens(start + 23h + 59min));
    CHECK_FALSE(opens(start + 24h));
    CHECK(keys.opening(second.name, start + 24h));
    CHECK_FALSE(keys.opening(second.name, start + 100h)); // nobody asked meanwhile
}

TEST_CASE("ticket keys: the next one is known before it seals") {
    const auto start = ticket_keys::clock::now();
    ticket_keys keys{start};
    const auto now = keys.sealing(start);
    const auto next = keys.sealing(start + 12h);
    CHECK(next.name != now.name);
    CHECK(next.cipher != now.cipher);
    CHECK(next.mac != now.mac);
}

TEST_CASE("ticket keys: the next process opens what this one has sealed") {
    const handoff_test::temporary_folder folder;
    const auto path = folder.path / "tickets";
    const auto start = ticket_keys::clock::now();
    const auto begin = [&](ticket_keys& keys, auto when) {
        auto file = ticket_file::open(path);
        REQUIRE(file.has_value());
        REQUIRE_FALSE(keys.keep_in(std::move(*file), when));
    };
    ticket_keys first{start};
    begin(first, start);
    const auto sealed = first.sealing(start);
    ticket_keys second{start + 1h};
    begin(second, start + 1h);
    CHECK(is_same(second.sealing(start + 1h), sealed));

    SECTION("both move on to the same keys, whoever is first") {
        const auto next = second.sealing(start + 12h);
        CHECK_FALSE(is_same(next, sealed));
        CHECK(is_same(first.sealing(start + 12h), next));
        CHECK(is_same(first.sealing(start + 24h), second.sealing(start + 24h)));
    }
    SECTION("after two days none of them is left") {
        ticket_keys third{start + 48h};
        begin(third, start + 48h);
        CHECK_FALSE(third.opening(sealed.name, start + 48h));
    }
    SECTION("those of the future, which a wrong clock has written, are not used") {
        ticket_keys third{start - 1h};
        begin(third, start - 1h);
        CHECK_FALSE(third.opening(sealed.name, start - 1h));
    }
    SECTION("what is no such file is written anew") {
        std::ofstream{path} << "something else";
        ticket_keys third{start};
        begin(third, start);
        CHECK_FALSE(third.opening(sealed.name, start));
        ticket_keys fourth{start};
        begin(fourth, start);
        CHECK(is_same(fourth.sealing(start), third.sealing(start)));
    }
}

TEST_CASE("ticket keys: who has locked the file keeps nobody waiting") {
    const handoff_test::temporary_folder folder;
    const auto path = folder.path / "tickets";
    const auto start = ticket_keys::clock::now();
    auto file = ticket_file::open(path);
    REQUIRE(file.has_value());
    const snipass::os::unique_fd other{::open(path.c_str(), O_RDWR | O_CLOEXEC)};
    ticket_keys keys{start};
    SECTION("from before the start") {
        REQUIRE(::flock(other.get(), LOCK_EX) == 0);
        CHECK(keys.keep_in(std::move(*file), start) == snipass::os::make_error(EWOULDBLOCK));
        CHECK(std::filesystem::file_size(path) == 0);
    }
    SECTION("later") {
        REQUIRE_FALSE(keys.keep_in(std::move(*file), start));
        REQUIRE(::flock(other.get(), LOCK_EX) == 0);
    }
    const auto sealed = keys.sealing(start + 12h);
    CHECK(keys.opening(sealed.name, start + 13h));
}

TEST_CASE("ticket keys: where the file has no room it is said") {
    const handoff_test::temporary_folder folder;
    auto file = ticket_file::open(folder.path / "tickets");
    REQUIRE(file.has_value());
    ticket_keys keys;
    rlimit before{};
    REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
    const auto handler = std::signal(SIGXFSZ, SIG_IGN);
    const rlimit few{100, before.rlim_max};
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &few) == 0);
    const auto problem = keys.keep_in(std::move(*file));
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &before) == 0);
    (void)std::signal(SIGXFSZ, handler);
    CHECK(problem == snipass::os::make_error(ENOSPC));
}

TEST_CASE("ticket keys: a file that others may read, or that is none, is refused") {
    const handoff_test::temporary_folder folder;
    const auto path = folder.path / "tickets";
    const auto refused = [&] {
        const auto file = ticket_file::open(path);
        return !file;
    };
    CHECK_FALSE(refused());
    CHECK(std::filesystem::status(path).permissions() ==
          (std::filesystem::perms::owner_read | std::filesystem::perms::owner_write));
    std::filesystem::permissions(path, std::filesystem::perms::group_read,
                                 std::filesystem::perm_options::add);
    CHECK(refused());
    std::filesystem::rename(path, folder.path / "other");
    std::filesystem::permissions(folder.path / "other", std::filesystem::perms::owner_all);
    std::filesystem::create_symlink(folder.path / "other", path);
    CHECK(refused());
    std::filesystem::remove(path);
    REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
    CHECK(refused());
    std::filesystem::remove(path);
    std::filesystem::create_hard_link(folder.path / "other", path);
    CHECK(refused());
}
