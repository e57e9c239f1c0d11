// SPDX-License-Identifier: BSL-1.0
// libsnipass: who may hand clients over.
#include "receiver_fixture.hpp"

#include <array>
#include <cerrno>
#include <sys/stat.h>
#include <sys/wait.h>

#include "snipass/handoff/sender.h"

using namespace handoff_test;

TEST_CASE_METHOD(fixture, "libsnipass: only root, the own user and the allowed may hand over") {
    if (geteuid() != 0)
        return skipped("only root can start another user's process");
    REQUIRE(chmod(folder.path.c_str(), 0755) == 0);
    options.mode = 0666;
    const uid_t router = 4242;
    SECTION("one that nobody allowed") {}
    SECTION("the router's user") {
        options.allowed = &router, options.allowed_count = 1;
    }
    const auto receiver = listen();
    auto client = make_tcp_pair();
    const pid_t child = fork();
    if (child == 0) {
        if (setresuid(router, router, router) != 0)
            _exit(2);
        const auto connection = connect_unix(path);
        send_with(connection, example_header(), std::array{client.near.get()});
        std::uint8_t ack = 0;
        _exit(recv(connection.get(), &ack, 1, 0) == 1 ? 0 : 1);
    }
    int status = 0;
    while (waitpid(child, &status, WNOHANG) == 0)
        (void)receive(receiver, 10);
    CHECK(WEXITSTATUS(status) == (options.allowed_count == 1 ? 0 : 1));
    CHECK(snipass_strangers(receiver.get()) == 1 - options.allowed_count);
    CHECK(snipass_last_stranger(receiver.get()) ==
          (options.allowed_count == 1 ? static_cast<uid_t>(-1) : router));
}

TEST_CASE("libsnipass: a user is found by name or by number") {
    struct row {
        const char* user;
        int result;
        uid_t id;
    };
    const auto [user, result, id] = GENERATE(
        row{"root", 0, 0}, row{"0", 0, 0}, row{"1234567", 0, 1234567}, row{"4294967294", 0, 4294967294},
        row{"4294967295", -1, 0}, row{"99999999999", -1, 0}, row{"no-such-user", -1, 0},
        row{"unmapped", 0, SNIPASS_UNMAPPED}, row{"", -1, 0}, row{"-1", -1, 0}, row{"12x", -1, 0});
    INFO(user);
    uid_t found = 0;
    errno = 0;
    REQUIRE(snipass_user_id(user, &found) == result);
    if (result == 0)
        CHECK(found == id);
    else
        CHECK(errno == ENOENT);
}

TEST_CASE("libsnipass: who the kernel does not know is nobody's user, not the user nobody") {
    const uid_t nobody = 65534, router = 4242;
    const std::array allowed{nobody, router};
    const auto judge = [&allowed](pid_t process, uid_t user) {
        return handoff_judge_credentials(&handoff_libc, {process, user, user}, allowed.data(),
                                         allowed.size());
    };
    CHECK(judge(0, nobody) == handoff_unknown);
    CHECK(judge(1, nobody) == handoff_allowed);
    CHECK(judge(0, router) == handoff_allowed); // of another PID namespace
    CHECK(judge(1, geteuid()) == handoff_allowed);
    CHECK(judge(1, 4243) == handoff_stranger);
}

TEST_CASE_METHOD(fixture, "libsnipass: a server that runs as nobody does not take the unknown for its own") {
    if (geteuid() != 0)
        return skipped("only root can become somebody else");
    options.protocol = SNIPASS_DATAGRAM;
    const auto address = unix_address(path);
    const int passed = socket(AF_UNIX, SOCK_DGRAM, 0);
    REQUIRE(bind(passed, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    const auto client = make_tcp_pair();
    const auto sender = connect_unix(path, SOCK_DGRAM);
    send_with(sender, byte_string(5), std::array{client.near.get()});
    const pid_t child = fork();
    if (child == 0) {
        const uid_t nobody = 65534;
        if (setresuid(nobody, nobody, nobody) != 0)
            _exit(2);
        const receiver_ptr receiver{snipass_adopt(passed, &options), snipass_receiver_free};
        _exit(receiver && takes_nothing(receiver) && snipass_strangers(receiver.get()) == 1 ? 0 : 1);
    }
    int status = -1;
    waitpid(child, &status, 0);
    CHECK(status == 0);
    close(passed);
}
