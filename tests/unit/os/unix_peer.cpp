// SPDX-License-Identifier: BSL-1.0
// Who may command.
#include "snipass/os/unix_peer.hpp"

#include "catch.hpp"
#include "in_child.hpp"

#include <grp.h>
#include <unistd.h>

using namespace snipass;
using namespace snipass::testing;

TEST_CASE("unix_peer: root may command, this user, and whom its group was given") {
    const auto user = ::geteuid();
    const auto group = ::getegid();
    CHECK(os::may_command({1, 0, 0, {}}));
    CHECK(os::may_command({1, user, group, {}}));
    CHECK(os::may_command({1, user + 1'000, group + 1'000, {group}}) == (group != 65'534));
    CHECK_FALSE(os::may_command({1, user + 1'000, group, {group}}));
    CHECK_FALSE(os::may_command({::getpid(), user, group, {}}));
}

TEST_CASE("unix_peer: nobody's number is everybody's in a user namespace, and commands nothing") {
    if (::geteuid() != 0)
        return;
    CHECK(in_child([] {
        constexpr unsigned nobody = 65'534;
        return ::setgroups(0, nullptr) == 0 && ::setgid(nobody) == 0 && ::setuid(nobody) == 0 &&
               os::may_command({1, 0, 0, {}}) && !os::may_command({1, nobody, nobody, {}}) &&
               !os::may_command({1, 1'000, 1'000, {nobody}});
    }));
}
