// SPDX-License-Identifier: BSL-1.0
#include "snipass/os/unix_listener.hpp"

#include "catch.hpp"
#include "catch_result.hpp"
#include "handoff_sender.hpp"
#include "same_descriptors.hpp"
#include "snipass/handoff/unix_bind.h"
#include "snipass/os/error.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <chrono>
#include <fstream>
#include <thread>

using namespace snipass;
using namespace snipass::testing;
using handoff_test::connect_unix;
using handoff_test::temporary_folder;
using handoff_test::test_fd;

namespace {

mode_t mode_of(const std::string& path) {
    struct stat found {};
    REQUIRE(::lstat(path.c_str(), &found) == 0);
    return found.st_mode & 07777;
}

bool exists(const std::string& path) {
    return ::access(path.c_str(), F_OK) == 0;
}

} // namespace

TEST_CASE("listen_unix: the file has its mode, whatever umask takes, and goes with its owner") {
    const same_descriptors check;
    const temporary_folder folder;
    const std::string path = folder.path / "socket";
    const auto type = GENERATE(SOCK_STREAM, SOCK_DGRAM);
    const auto umask_before = ::umask(0777);
    {
        const auto made = os::listen_unix(path, type, 0620);
        ::umask(umask_before);
        REQUIRE(made);
        CHECK(mode_of(path) == 0620);
        CHECK(made->file.path() == path);
        (void)connect_unix(path, type);
    }
    CHECK_FALSE(exists(path));
}

TEST_CASE("set_socket_mode leaves alone what somebody has put in the socket's place") {
    const same_descriptors check;
    const temporary_folder folder;
    const std::string path = folder.path / "socket", victim = folder.path / "victim";
    std::ofstream{victim} << "secret";
    REQUIRE(::chmod(victim.c_str(), 0600) == 0);
    SECTION("a link") {
        REQUIRE(::symlink(victim.c_str(), path.c_str()) == 0);
    }
    SECTION("another file") {
        REQUIRE(::link(victim.c_str(), path.c_str()) == 0);
    }
    CHECK(os::set_socket_mode(path, 0666) == os::make_error(ELOOP));
    CHECK(unix_set_mode(&handoff_libc, path.c_str(), 0666) == -1);
    CHECK(errno == ELOOP);
    CHECK(mode_of(victim) == 0600);
}

TEST_CASE("set_socket_mode changes a socket's mode, and says what is wrong") {
    const temporary_folder folder;
    const std::string path = folder.path / "socket";
    CHECK(os::set_socket_mode(path, 0600) == os::make_error(ENOENT));
    CHECK(unix_set_mode(&handoff_libc, path.c_str(), 0600) == -1);
    const auto made = os::listen_unix(path, SOCK_STREAM, 0620);
    CHECK_FALSE(os::set_socket_mode(path, 0602));
    CHECK(mode_of(path) == 0602);
    CHECK(unix_set_mode(&handoff_libc, path.c_str(), 0660) == 0);
    CHECK(mode_of(path) == 0660);
}

TEST_CASE("listen_unix: what a dead socket left behind is replaced, what lives is left alone") {
    const same_descriptors check;
    const temporary_folder folder;
    const std::string path = folder.path / "socket";
    const auto type = GENERATE(SOCK_STREAM, SOCK_DGRAM);
    {
        const handoff_test::test_fd dead{::socket(AF_UNIX, type, 0)};
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        path.copy(address.sun_path, path.size());
        REQUIRE(::bind(dead.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    }
    const auto first = os::listen_unix(path, type, 0600);
    REQUIRE(first);
    const auto second = os::listen_unix(path, type, 0600);
    REQUIRE_FALSE(second);
    CHECK(second.error() == os::make_error(EADDRINUSE));
    CHECK(exists(path));
}

TEST_CASE("listen_unix: a file that is no socket stays") {
    const same_descriptors check;
    const temporary_folder folder;
    const std::string path = folder.path / "file";
    std::ofstream{path} << "precious";
    const auto made = os::listen_unix(path, SOCK_STREAM, 0600);
    REQUIRE_FALSE(made);
    CHECK(made.error() == os::make_error(EADDRINUSE));
    CHECK(std::filesystem::file_size(path) == 8);
}

TEST_CASE("listen_unix: a folder that is not there, and a path that is too long") {
    const same_descriptors check;
    CHECK(os::listen_unix("/nonexistent/socket", SOCK_STREAM, 0600).error() == os::make_error(ENOENT));
    CHECK(os::listen_unix("/" + std::string(107, 'x'), SOCK_STREAM, 0600).error() ==
          os::make_error(ENAMETOOLONG));
}

TEST_CASE("socket_file: another socket at its path is not its to remove") {
    const same_descriptors check;
    const temporary_folder folder;
    const std::string path = folder.path / "socket";
    auto first = os::listen_unix(path, SOCK_STREAM, 0600);
    REQUIRE(first);
    REQUIRE(::unlink(path.c_str()) == 0);
    const auto second = os::listen_unix(path, SOCK_STREAM, 0600);
    REQUIRE(second);
    first->file = {};
    CHECK(exists(path));
}

TEST_CASE("socket_file: moved, it is removed once") {
    const same_descriptors check;
    const temporary_folder folder;
    const std::string path = folder.path / "socket";
    auto made = os::listen_unix(path, SOCK_STREAM, 0600);
    REQUIRE(made);
    os::socket_file other;
    other = std::move(made->file);
    made->file = {};
    CHECK(exists(path));
    other = {};
    CHECK_FALSE(exists(path));
}

TEST_CASE("listen_unix: a socket that is about to listen is not taken for a dead one") {
    const temporary_folder folder;
    const std::string path = folder.path / "socket";
    test_fd lock{::open(folder.path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    REQUIRE(::flock(lock.get(), LOCK_EX) == 0);
    const test_fd first{::socket(AF_UNIX, SOCK_STREAM, 0)};
    const auto address = handoff_test::unix_address(path);
    REQUIRE(::bind(first.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    error_code second;
    std::thread other{[&] {
        if (const auto made = os::listen_unix(path, SOCK_STREAM, 0600); !made)
            second = made.error();
    }};
    std::this_thread::sleep_for(std::chrono::milliseconds{50}); // time to do wrong
    REQUIRE(::listen(first.get(), 1) == 0);
    lock.reset();
    other.join();
    CHECK(second == os::make_error(EADDRINUSE));
    CHECK_NOTHROW(connect_unix(path));
}
