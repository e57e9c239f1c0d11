// SPDX-License-Identifier: BSL-1.0
// libsnipass: making and ending a receiver.
#include "receiver_fixture.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <thread>
#include <vector>

using namespace handoff_test;

TEST_CASE_METHOD(
    fixture,
    "libsnipass: after stop, what was acknowledged is delivered and the rest is left to the router") {
    const auto receiver = listen();
    auto client = make_tcp_pair();
    auto acknowledged = connect_unix(path);
    send_with(acknowledged, example_header(), std::array{client.near.get()});
    CHECK(takes_nothing(receiver));
    const auto in_the_backlog = connect_unix(path);
    send_with(in_the_backlog, example_header(), std::array{client.near.get()});
    snipass_stop(receiver.get());
    CHECK(answer_of(in_the_backlog) == answer::closed);
    CHECK(takes_nothing(receiver)); // not let go yet
    shutdown(acknowledged.get(), SHUT_WR);
    CHECK(receive(receiver));
    CHECK_FALSE(receive(receiver, -1));
    CHECK(errno == ESHUTDOWN);
}

TEST_CASE_METHOD(fixture, "libsnipass: stop wakes threads that wait") {
    const auto receiver = listen();
    std::atomic<int> woken = 0;
    std::vector<std::thread> threads;
    for (int i = 0; i < 3; ++i)
        threads.emplace_back([&] { woken += !receive(receiver, -1) && errno == ESHUTDOWN; });
    snipass_stop(receiver.get());
    for (auto& thread : threads)
        thread.join();
    CHECK(woken == 3);
}

TEST_CASE_METHOD(fixture,
                 "libsnipass: replaces a dead listener's file, never a live one's, never another file") {
    options.protocol = GENERATE(SNIPASS_STREAM, SNIPASS_DATAGRAM);
    CHECK(listen());
    CHECK(std::filesystem::exists(path)); // it was left behind, and is replaced now
    const auto live = listen();
    REQUIRE(live);
    CHECK_FALSE(listen());
    CHECK(errno == EADDRINUSE);
    const std::string file = folder.path / "precious";
    std::ofstream(file) << "data";
    CHECK(snipass_listen(file.c_str(), &options) == nullptr);
    CHECK(std::filesystem::file_size(file) == 4);
    CHECK(snipass_listen((std::string(120, 'a')).c_str(), &options) == nullptr);
    CHECK(errno == ENAMETOOLONG);
}

TEST_CASE_METHOD(fixture, "libsnipass: does not adopt a socket that is bound and does not listen") {
    const test_fd bound{socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    REQUIRE(bind(bound.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    CHECK(snipass_adopt(bound.get(), &options) == nullptr);
    CHECK(errno == EINVAL);
}

TEST_CASE_METHOD(fixture, "libsnipass: a server that is about to listen is not taken for a dead one") {
    test_fd lock{open(folder.path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    REQUIRE(flock(lock.get(), LOCK_EX) == 0);
    const test_fd first{socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    const auto address = unix_address(path);
    REQUIRE(bind(first.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    int error = 0;
    std::thread second{[&] {
        if (!listen())
            error = errno;
    }};
    std::this_thread::sleep_for(std::chrono::milliseconds{50}); // time to do wrong
    REQUIRE(::listen(first.get(), 1) == 0);
    lock.reset();
    second.join();
    CHECK(error == EADDRINUSE);
    CHECK_NOTHROW(connect_unix(path));
}

TEST_CASE_METHOD(fixture, "libsnipass: the socket has the mode that was asked for, whatever the umask") {
    const auto umask_before = umask(077);
    options.mode = GENERATE(0U, 0666U);
    const auto receiver = listen();
    umask(umask_before);
    struct stat status {};
    REQUIRE(stat(path.c_str(), &status) == 0);
    CHECK((status.st_mode & 0777) == (options.mode == 0 ? 0660 : 0666));
}

TEST_CASE_METHOD(fixture, "libsnipass: adopts a socket that systemd passed, of the right kind only") {
    int pair[2];
    REQUIRE(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) == 0);
    const test_fd other{pair[1]};
    CHECK(snipass_adopt(pair[0], &options) == nullptr);
    CHECK(errno == EPROTOTYPE);
    options.protocol = SNIPASS_DATAGRAM;
    const receiver_ptr receiver{snipass_adopt(pair[0], &options), snipass_receiver_free};
    CHECK(receiver);
}

TEST_CASE_METHOD(fixture, "libsnipass: does not adopt what is no unix socket") {
    options.protocol = GENERATE(SNIPASS_STREAM, SNIPASS_DATAGRAM);
    const int type = options.protocol == SNIPASS_STREAM ? SOCK_STREAM : SOCK_DGRAM;
    const test_fd internet{socket(AF_INET, type | SOCK_CLOEXEC, 0)};
    if (type == SOCK_STREAM)
        REQUIRE(::listen(internet.get(), 1) == 0);
    CHECK(snipass_adopt(internet.get(), &options) == nullptr);
    CHECK(errno == EPROTOTYPE);
    CHECK((fcntl(internet.get(), F_GETFL) & O_NONBLOCK) == 0); // untouched
}

TEST_CASE_METHOD(fixture, "libsnipass: a protocol that does not exist is an error") {
    const auto ask_for = [this](int number) {
        std::memcpy(&options.protocol, &number, sizeof number); // C does not mind, C++ does
    };
    ask_for(GENERATE(4, 7, -1));
    CHECK(snipass_listen(path.c_str(), &options) == nullptr);
    CHECK(errno == EINVAL);
    CHECK_FALSE(std::filesystem::exists(path));
    options.protocol = SNIPASS_STREAM;
    const auto receiver = listen();
    REQUIRE(receiver);
    const auto socket = connect_unix(path);
    ask_for(7);
    CHECK(snipass_adopt(socket.get(), &options) == nullptr);
    CHECK(errno == EINVAL);
}

TEST_CASE_METHOD(fixture,
                 "libsnipass: what came to an adopted datagram socket before PassCredentials is refused") {
    options.protocol = SNIPASS_DATAGRAM;
    const auto address = unix_address(path);
    const int passed = socket(AF_UNIX, SOCK_DGRAM, 0);
    const int credentials = GENERATE(0, 1);
    // What the kernel says of a sender that it does not know is a name that somebody may have.
    const uid_t nobody = 65534;
    options.allowed = &nobody, options.allowed_count = 1;
    REQUIRE(bind(passed, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    REQUIRE(setsockopt(passed, SOL_SOCKET, SO_PASSCRED, &credentials, sizeof credentials) == 0);
    const auto client = make_tcp_pair();
    const auto sender = connect_unix(path, SOCK_DGRAM);
    send_with(sender, byte_string(5), std::array{client.near.get()});
    const receiver_ptr receiver{snipass_adopt(passed, &options), snipass_receiver_free};
    REQUIRE(receiver);
    send_with(sender, byte_string(6), std::array{client.near.get()});
    std::size_t size = 0;
    for (const std::size_t expected : credentials == 1 ? std::vector{5U, 6U} : std::vector{6U}) {
        const auto taken = receive(receiver);
        REQUIRE(taken);
        (void)snipass_client_consumed(taken.get(), &size);
        CHECK(size == expected);
    }
    CHECK(takes_nothing(receiver));
    CHECK(snipass_strangers(receiver.get()) == (credentials == 1 ? 0 : 1));
}

namespace {

// serve_in_fork is one worker of a pre-fork server; it ends when it is killed.
pid_t serve_in_fork(int listener, snipass_receiver* parents) {
    const pid_t child = fork();
    if (child != 0)
        return child;
    alarm(60);
    const bool refused = snipass_receive(parents, 0) == nullptr && errno == EINVAL;
    snipass_stop(parents); // is the parent's: nothing happens
    snipass_receiver_free(parents);
    auto* own = snipass_adopt(dup(listener), nullptr);
    while (refused && own != nullptr)
        snipass_client_free(snipass_receive(own, -1));
    _exit(1);
}

} // namespace

TEST_CASE_METHOD(fixture, "libsnipass: in a pre-fork server each child has a receiver of its own") {
    const auto address = unix_address(path);
    const test_fd listener{socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    REQUIRE(bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    REQUIRE(::listen(listener.get(), 1024) == 0);
    const std::string other = path + ".parent";
    const receiver_ptr parents{snipass_listen(other.c_str(), nullptr), snipass_receiver_free};
    REQUIRE(parents);
    const auto under_way = connect_unix(other); // the children's copy of the epoll descriptor knows it
    CHECK(takes_nothing(parents));
    std::vector<pid_t> children;
    for (int i = 0; i < 4; ++i)
        children.push_back(serve_in_fork(listener.get(), parents.get()));
    const auto client = make_tcp_pair();
    int acknowledged = 0;
    for (int round = 0; round < 50; ++round) {
        std::vector<test_fd> connections;
        for (int i = 0; i < 16; ++i) {
            connections.push_back(connect_unix(path));
            send_with(connections.back(), example_header(), std::array{client.near.get()});
        }
        for (const auto& connection : connections) {
            answer said = answer::nothing;
            while ((said = answer_of(connection)) == answer::nothing)
                std::this_thread::sleep_for(std::chrono::milliseconds(1));
            acknowledged += said == answer::ack;
        }
    }
    CHECK(acknowledged == 50 * 16);
    for (const pid_t child : children) {
        int status = 0;
        CHECK(waitpid(child, &status, WNOHANG) == 0); // lives
        kill(child, SIGKILL);
        waitpid(child, &status, 0);
    }
    send_with(under_way, example_header(), std::array{client.near.get()});
    CHECK(takes_nothing(parents));
    CHECK(answer_of(under_way) == answer::ack); // nothing of the parent's went with them
}
