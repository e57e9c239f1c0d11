// SPDX-License-Identifier: BSL-1.0
#include "snipass/os/error.hpp"

#include "catch.hpp"
#include "snipass/tls/hello_error.hpp"

using namespace snipass;

TEST_CASE("error: what may succeed a little later is transient") {
    for (const int number :
         {EAGAIN, EWOULDBLOCK, ENOBUFS, ENOMEM, ETOOMANYREFS, EMFILE, ENFILE, ENOSPC, EADDRNOTAVAIL, EINTR}) {
        CAPTURE(number);
        CHECK(os::is_transient(os::make_error(number)));
    }
    for (const int number : {0, ENOENT, ECONNREFUSED, EPIPE, EBADF, EMSGSIZE}) {
        CAPTURE(number);
        CHECK_FALSE(os::is_transient(os::make_error(number)));
    }
}

TEST_CASE("error: a peer that is gone is a disconnect") {
    for (const int number :
         {ECONNRESET, EPIPE, ENOTCONN, ECONNABORTED, ETIMEDOUT, EHOSTUNREACH, ENETUNREACH}) {
        CAPTURE(number);
        CHECK(os::is_disconnect(os::make_error(number)));
    }
    for (const int number : {0, EAGAIN, ECONNREFUSED, ENOENT, EBADF}) {
        CAPTURE(number);
        CHECK_FALSE(os::is_disconnect(os::make_error(number)));
    }
}

TEST_CASE("error: only EMFILE and ENFILE are a want of descriptors") {
    CHECK(os::out_of_descriptors(os::make_error(EMFILE)));
    CHECK(os::out_of_descriptors(os::make_error(ENFILE)));
    CHECK_FALSE(os::out_of_descriptors(os::make_error(ENOMEM)));
}

// Other categories have numbers of their own: 4 is EINTR, and something else elsewhere.
TEST_CASE("error: a number of another category is no errno") {
    for (int value = 1; value < 200; ++value) {
        CAPTURE(value);
        const error_code foreign{value, tls::hello_category()};
        CHECK_FALSE(os::is_transient(foreign));
        CHECK_FALSE(os::is_disconnect(foreign));
        CHECK_FALSE(os::out_of_descriptors(foreign));
    }
}
