// SPDX-License-Identifier: BSL-1.0
#include "snipass/process/lent_socket.hpp"

#include "catch.hpp"
#include "snipass/os/unique_fd.hpp"

#include <netinet/in.h>
#include <sys/socket.h>

using namespace snipass;

TEST_CASE("lent socket: what a socket unit has with ReusePort= is taken away, or a backend could join in") {
    const os::unique_fd fd{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    int option = 1;
    socklen_t size = sizeof option;
    REQUIRE(::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEPORT, &option, size) == 0);
    REQUIRE(::listen(fd.get(), 1) == 0); // on a port that the kernel chooses
    CHECK(server::prepare_lent(fd.get(), "https", false).problem.empty());
    REQUIRE(::getsockopt(fd.get(), SOL_SOCKET, SO_REUSEPORT, &option, &size) == 0);
    CHECK(option == 0);
}
