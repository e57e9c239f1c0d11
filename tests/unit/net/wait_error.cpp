// SPDX-License-Identifier: BSL-1.0
// Why waits end: told apart from what the kernel says.
#include "snipass/net/wait_error.hpp"

#include "catch.hpp"

using namespace snipass;

TEST_CASE("wait_error: our deadline is not the kernel's, and both are time-outs") {
    const error_code deadline = net::wait_error::timed_out;
    const auto kernel = os::make_error(ETIMEDOUT);
    CHECK(deadline != kernel);
    CHECK(os::errno_of(deadline) == 0);
    CHECK_FALSE(os::is_disconnect(deadline));
    CHECK(net::is_timeout(deadline));
    CHECK(net::is_timeout(kernel));
    CHECK_FALSE(net::is_timeout(net::wait_error::cancelled));
    CHECK_FALSE(net::is_timeout(error_code{}));
}

TEST_CASE("wait_error: each has words for the log") {
    CHECK(error_code{net::wait_error::timed_out}.message() == "timed out");
    CHECK(error_code{net::wait_error::cancelled}.message() == "cancelled");
    CHECK(error_code{net::wait_error::end_of_file}.message() == "end of file");
}
