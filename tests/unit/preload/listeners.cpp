// SPDX-License-Identifier: BSL-1.0
// What a listener of the preload library's is: its socket says it, in whatever process.
#include "catch.hpp"
#include "handoff_sender.hpp"
#include "in_child.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>

#include <cstdlib>
#include <string>

extern "C" {
#include "../../../src/preload/lineage.h"
#include "../../../src/preload/listeners.h"
}

using namespace handoff_test;
using snipass::testing::in_child;

namespace {

// One that takes the place of [::]:443, at the path of the only entry.
struct made {
    temporary_folder folder;
    std::string path = folder.path / "s";
    test_fd fd{socket(AF_UNIX, SOCK_STREAM, 0)};
    listener written{};

    made() {
        setenv("SNIPASS_LISTEN", ("*:443=" + path).c_str(), 1);
        settings_load();
        const auto address = unix_address(path);
        if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
            listen(fd.get(), 1) != 0)
            _exit(2);
        written.fd = fd.get();
        written.entry = listeners_entry(fd.get());
        auto* v6 = reinterpret_cast<sockaddr_in6*>(&written.address);
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(443);
        inet_pton(AF_INET6, "2001:db8::7", &v6->sin6_addr);
        written.v6_only = true;
        written.secret = 0x0123456789abcdef;
    }
};

bool is_same(const listener& one, const listener& other) {
    const auto& mine = reinterpret_cast<const sockaddr_in6&>(one.address);
    const auto& yours = reinterpret_cast<const sockaddr_in6&>(other.address);
    return one.entry == other.entry && one.v6_only == other.v6_only &&
           one.is_diversion == other.is_diversion && one.secret == other.secret &&
           mine.sin6_family == yours.sin6_family && mine.sin6_port == yours.sin6_port &&
           memcmp(&mine.sin6_addr, &yours.sin6_addr, sizeof mine.sin6_addr) == 0;
}

std::size_t count_known() {
    listener one{};
    std::size_t count = 0;
    for (std::size_t at = 0; listeners_next(&at, nullptr, &one);)
        ++count;
    return count;
}

} // namespace

TEST_CASE("preload listeners: the note is the socket's, under whatever number") {
    CHECK(in_child([] {
        made test;
        listener before{}, after{}, copied{};
        const bool is_ours =
            listeners_read(test.fd.get(), &before) && before.entry != nullptr && !before.v6_only;
        listeners_write(&test.written);
        const test_fd copy{dup(test.fd.get())};
        return is_ours && listeners_read(test.fd.get(), &after) && is_same(after, test.written) &&
               listeners_read(copy.get(), &copied) && is_same(copied, test.written) &&
               copied.fd == copy.get();
    }));
}

TEST_CASE("preload listeners: what is none of ours has no note, and errno stays") {
    CHECK(in_child([] {
        made test;
        listener one{};
        const test_fd tcp{socket(AF_INET, SOCK_STREAM, 0)}, other{socket(AF_UNIX, SOCK_STREAM, 0)};
        errno = 77;
        return !listeners_read(tcp.get(), &one) && !listeners_read(other.get(), &one) &&
               !listeners_read(-1, &one) && listeners_entry(0) == nullptr && errno == 77;
    }));
}

TEST_CASE("preload listeners: numbers are remembered once, and forgotten") {
    CHECK(in_child([] {
        made test;
        const int fd = test.fd.get();
        const bool none = count_known() == 0 && !listeners_knows(fd);
        listeners_remember(fd);
        listeners_remember(fd);
        const bool one = count_known() == 1 && listeners_knows(fd) && !listeners_knows_another(fd) &&
                         listeners_knows_another(fd + 1);
        listeners_forget(fd);
        return none && one && count_known() == 0 && !listeners_knows_another(fd + 1);
    }));
}

TEST_CASE("preload listeners: a number that is another file's by now is no listener") {
    CHECK(in_child([] {
        made test;
        listeners_remember(test.fd.get());
        const auto connection = connect_unix(test.path); // has the listener's name at its other end
        const int accepted = accept(test.fd.get(), nullptr, nullptr);
        listeners_remember(accepted);
        const bool one = count_known() == 1;
        dup2(open("/dev/null", O_RDONLY), test.fd.get());
        return one && count_known() == 0;
    }));
}

TEST_CASE("preload listeners: an intention is written when it is first used, but not by a child of a living "
          "parent") {
    for (const bool is_child : {false, true})
        CHECK(in_child([is_child] {
            made test;
            listeners_remember(test.fd.get());
            if (is_child)
                lineage_after_fork(getppid());
            listeners_intend(&test.written);
            listener here{};
            const bool is_known_here = listeners_read(test.fd.get(), &here) && is_same(here, test.written);
            listeners_use(&test.written);
            listeners_forget(test.fd.get());
            listener written{};
            return is_known_here && listeners_read(test.fd.get(), &written) &&
                   is_same(written, test.written) != is_child;
        }));
}
