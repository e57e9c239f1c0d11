// SPDX-License-Identifier: BSL-1.0
// libsnipass: the socket's file, where something is in the way.
#include "descriptor_limit.hpp"
#include "receiver_fixture.hpp"

#include <sys/stat.h>
#include <sys/wait.h>

using namespace handoff_test;

namespace {

unsigned mode_of(const std::string& path) {
    struct stat status {};
    return stat(path.c_str(), &status) == 0 ? status.st_mode & 0777 : 0;
}

// listen_with has room for that many descriptors: 0, or errno.
int listen_with(const fixture& test, rlim_t room) {
    test_fd next{dup(0)};
    snipass::testing::descriptor_limit tight{static_cast<rlim_t>(next.get()) + room};
    next.reset();
    const auto receiver = test.listen();
    const int error = errno;
    tight.lift();
    return receiver ? 0 : error;
}

} // namespace

TEST_CASE_METHOD(fixture, "libsnipass: out of descriptors, it does not listen and leaves no file behind") {
    options.protocol = GENERATE(SNIPASS_STREAM, SNIPASS_DATAGRAM);
    const auto umask_before = umask(077); // so that the mode is to be set afterwards, too
    rlim_t room = 0;
    for (int error = -1; error != 0; ++room) {
        REQUIRE(room < 10);
        error = listen_with(*this, room);
        INFO("room for " << room);
        CHECK((error == 0 || error == EMFILE));
        CHECK(std::filesystem::exists(path) == (error == 0));
    }
    umask(umask_before);
    CHECK(room > 3);
}

TEST_CASE_METHOD(fixture, "libsnipass: out of descriptors, a dead file is no live listener's") {
    CHECK(listen());
    rlim_t room = 0;
    for (int error = -1; error != 0; ++room) {
        REQUIRE(room < 10);
        error = listen_with(*this, room);
        INFO("room for " << room);
        CHECK((error == 0 || error == EMFILE));
        if (error != 0 && !std::filesystem::exists(path))
            CHECK(listen()); // gone, rather than half made; the next one needs a dead one
    }
}

TEST_CASE_METHOD(fixture, "libsnipass: an empty path is no path, and not one that is too long") {
    CHECK(snipass_listen("", &options) == nullptr);
    CHECK(errno == EINVAL);
}

TEST_CASE_METHOD(fixture, "libsnipass: the socket has its mode where there is no /proc, too") {
    if (geteuid() != 0)
        return skipped("only root can make a chroot");
    options.mode = 0622;
    const pid_t child = fork();
    if (child == 0) {
        umask(077);
        if (chroot(folder.path.c_str()) != 0 || chdir("/") != 0)
            _exit(2);
        _exit(snipass_listen("/handoff.sock", &options) != nullptr ? 0 : 1);
    }
    int status = -1;
    waitpid(child, &status, 0);
    CHECK(status == 0);
    CHECK(mode_of(path) == 0622);
}
