// SPDX-License-Identifier: BSL-1.0
#include "snipass/os/unix_socket.hpp"

#include "catch.hpp"
#include "catch_result.hpp"
#include "handoff_sender.hpp"
#include "same_descriptors.hpp"
#include "snipass/os/error.hpp"
#include "tcp_client.hpp"
#include "unix_backend.hpp"

#include <fcntl.h>
#include <sys/un.h>

#include <array>
#include <filesystem>
#include <fstream>

using namespace snipass;
using namespace snipass::testing;
using handoff_test::temporary_folder;

namespace {

// The error of a connection that must not come about.
int error_of(std::string_view path, int type = SOCK_STREAM) {
    const auto connection = os::connect_unix(path, type);
    return connection ? 0 : connection.error().value();
}

} // namespace

TEST_CASE("connect_unix: a path") {
    const same_descriptors check;
    const temporary_folder folder;
    const stream_backend listener{folder.path / "socket"};
    const auto connection = os::connect_unix(listener.path(), SOCK_STREAM);
    REQUIRE(connection);
    CHECK(is_readable(listener.fd()));
}

TEST_CASE("connect_unix: an abstract name has no zero at its end") {
    const same_descriptors check;
    const stream_backend listener; // binds exactly the bytes of the name
    CHECK(error_of(listener.path()) == 0);
}

TEST_CASE("connect_unix: the socket neither blocks nor is inherited") {
    const stream_backend listener;
    const auto connection = os::connect_unix(listener.path(), SOCK_STREAM);
    REQUIRE(connection);
    CHECK((::fcntl(connection->get(), F_GETFL) & O_NONBLOCK) != 0);
    CHECK((::fcntl(connection->get(), F_GETFD) & FD_CLOEXEC) != 0);
}

TEST_CASE("connect_unix: datagram sockets too") {
    const same_descriptors check;
    const temporary_folder folder;
    const datagram_backend receiver{folder.path / "socket"};
    CHECK(error_of(receiver.path(), SOCK_DGRAM) == 0);
    CHECK(error_of(receiver.path(), SOCK_STREAM) == EPROTOTYPE);
}

TEST_CASE("connect_unix_of: only the socket of that user, and no link to one") {
    const same_descriptors check;
    const temporary_folder folder;
    const auto self = ::geteuid();
    const auto error_for = [](uid_t owner, const std::string& path, int type) {
        const auto connection = os::connect_unix_of(owner, path, type);
        return connection ? 0 : connection.error().value();
    };
    const stream_backend listener{folder.path / "socket"};
    const datagram_backend receiver{folder.path / "datagrams"};
    const stream_backend abstract;
    std::filesystem::create_symlink("socket", folder.path / "link");
    std::filesystem::create_directory_symlink(folder.path, folder.path / "folder");
    std::ofstream{folder.path / "file"} << "no socket";
    const struct {
        std::string path;
        int type;
        uid_t owner;
        int expected;
    } rows[] = {
        {listener.path(), SOCK_STREAM, self, 0},
        {listener.path(), SOCK_STREAM, self + 1, EPERM},
        {receiver.path(), SOCK_DGRAM, self, 0},
        {receiver.path(), SOCK_DGRAM, self + 1, EPERM},
        {abstract.path(), SOCK_STREAM, self, 0},
        {abstract.path(), SOCK_STREAM, self + 1, EPERM},
        {folder.path / "link", SOCK_STREAM, self, EPERM},
        {folder.path / "file", SOCK_STREAM, self, EPERM},
        {folder.path / "folder/socket", SOCK_STREAM, self, 0}, // a deployment that switches a link
        {folder.path / "none", SOCK_STREAM, self, ENOENT},
    };
    for (const auto& [path, type, owner, expected] : rows) {
        CAPTURE(path, type, owner);
        CHECK(error_for(owner, path, type) == expected);
    }
    CHECK(is_readable(listener.fd()));
}

TEST_CASE("connect_unix: no socket at the path is ENOENT") {
    const same_descriptors check;
    const temporary_folder folder;
    CHECK(error_of((folder.path / "none").string()) == ENOENT);
}

TEST_CASE("connect_unix: a socket that nobody listens on is ECONNREFUSED") {
    const same_descriptors check;
    const temporary_folder folder;
    stream_backend listener{folder.path / "socket"};
    listener.close(); // the file stays
    CHECK(error_of(listener.path()) == ECONNREFUSED);
    CHECK(error_of(abstract_name()) == ECONNREFUSED);
}

TEST_CASE("connect_unix: a full backlog is EAGAIN, at once") {
    const same_descriptors check;
    const stream_backend listener{abstract_name(), 0};
    const auto waiting = fill_backlog(listener.path());
    CHECK(waiting.size() == 1);
    CHECK(error_of(listener.path()) == EAGAIN);
}

TEST_CASE("connect_unix: a path is as long as its address, and no longer") {
    const std::size_t longest = sizeof(sockaddr_un::sun_path) - 1;
    CHECK(error_of("") == ENAMETOOLONG);
    CHECK(error_of("/" + std::string(longest - 1, 'x')) == ENOENT);
    CHECK(error_of("/" + std::string(longest, 'x')) == ENAMETOOLONG);
    const stream_backend listener{"@" + std::string(longest - 1, 'x')};
    CHECK(error_of(listener.path()) == 0);
}

TEST_CASE("send_with_fd: the bytes, and the descriptor on the first of them") {
    const same_descriptors check;
    const stream_backend listener;
    const auto connection = os::connect_unix(listener.path(), SOCK_STREAM);
    const tcp_connection pair;
    const bytes payload{1, 2, 3};
    REQUIRE(os::send_with_fd(connection->get(), payload, pair.accepted.get()).value() == 3);
    const auto got = listener.receive();
    CHECK(got.header == payload);
    pair.client.send("hello");
    REQUIRE(is_readable(got.client.get()));
    CHECK(unread(got.client.get()) == 5);
}

TEST_CASE("send_with_fd: a queue without room is EAGAIN, and nothing was sent") {
    const same_descriptors check;
    const datagram_backend receiver;
    (void)fill_queue(receiver.path());
    const auto socket = os::connect_unix(receiver.path(), SOCK_DGRAM);
    const tcp_connection pair;
    const auto sent = os::send_with_fd(socket->get(), bytes{1}, pair.accepted.get());
    REQUIRE_FALSE(sent);
    CHECK(os::would_block(sent.error()));
}

TEST_CASE("send_with_fd: a receiver that is gone is an error, not a signal") {
    const stream_backend listener;
    const auto connection = os::connect_unix(listener.path(), SOCK_STREAM);
    os::unique_fd{::accept(listener.fd(), nullptr, nullptr)}.reset();
    const tcp_connection pair;
    const auto sent = os::send_with_fd(connection->get(), bytes{1}, pair.accepted.get());
    REQUIRE_FALSE(sent);
    CHECK(sent.error() == os::make_error(EPIPE));
}

TEST_CASE("refuse_answer: what is sent from then on fails, what was sent before is read") {
    const same_descriptors check;
    const stream_backend listener;
    const auto connection = os::connect_unix(listener.path(), SOCK_STREAM);
    const os::unique_fd far{::accept(listener.fd(), nullptr, nullptr)};
    REQUIRE(::send(far.get(), "a", 1, MSG_NOSIGNAL) == 1);
    os::refuse_answer(connection->get());
    CHECK(::send(far.get(), "b", 1, MSG_NOSIGNAL) == -1);
    CHECK(errno == EPIPE);
    std::array<char, 8> heard{};
    CHECK(::recv(connection->get(), heard.data(), heard.size(), MSG_DONTWAIT) == 1);
    CHECK(heard.front() == 'a');
}

TEST_CASE("refuse_answer: it holds for a connection that nobody has accepted yet") {
    const same_descriptors check;
    const stream_backend listener;
    const auto connection = os::connect_unix(listener.path(), SOCK_STREAM);
    os::refuse_answer(connection->get());
    const os::unique_fd far{::accept(listener.fd(), nullptr, nullptr)};
    CHECK(::send(far.get(), "b", 1, MSG_NOSIGNAL) == -1);
    CHECK(errno == EPIPE);
}
