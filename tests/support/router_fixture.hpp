// SPDX-License-Identifier: BSL-1.0
// What tests of a whole router share.
#pragma once

#include "catch.hpp"
#include "handoff_sender.hpp"
#include "router.hpp"
#include "same_descriptors.hpp"
#include "unix_backend.hpp"

#include <memory>
#include <string>

namespace snipass::testing {

// router_fixture has a router that is not running yet: the test says what its site is, and starts it. At the
// test's end as many descriptors are open as at its beginning.
struct router_fixture {
    same_descriptors check;
    handoff_test::temporary_folder folder;
    site what;
    std::unique_ptr<router> running;

    router_fixture() = default;
    ~router_fixture() { running.reset(); }
    router_fixture(const router_fixture&) = delete;
    router_fixture& operator=(const router_fixture&) = delete;

    router& start() {
        running = std::make_unique<router>(std::move(what));
        return *running;
    }
    [[nodiscard]] std::string path(const char* name) const { return folder.path / name; }
};

// check_whole: the client arrived with all it has sent unread, and nothing else.
inline void check_whole(const os::unique_fd& client, const bytes& sent) {
    bytes got(sent.size());
    REQUIRE(::recv(client.get(), got.data(), got.size(), MSG_WAITALL) == static_cast<ssize_t>(got.size()));
    CHECK(got == sent);
    CHECK(unread(client.get()) == 0);
}

} // namespace snipass::testing
