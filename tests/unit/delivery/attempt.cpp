// SPDX-License-Identifier: BSL-1.0
// What errors towards a backend tell of it.
#include "snipass/delivery/attempt.hpp"

#include "catch.hpp"
#include "snipass/net/wait_error.hpp"
#include "snipass/os/error.hpp"

using namespace snipass;
using server::outcome;

TEST_CASE("attempt: what an error of the kernel tells of a backend") {
    struct row {
        int error;
        outcome why;
    };
    const auto [error, why] = GENERATE(values<row>({
        {EAGAIN, outcome::backend_backlog_full},
        {ENOBUFS, outcome::no_resources},
        {ENOMEM, outcome::no_resources},
        {ETOOMANYREFS, outcome::no_resources},
        {EMFILE, outcome::no_resources},
        {EADDRNOTAVAIL, outcome::no_resources},
        {ENOENT, outcome::backend_absent},
        {ECONNREFUSED, outcome::backend_refused},
        {EPIPE, outcome::backend_declined},
        {ECONNRESET, outcome::backend_declined},
        {ETIMEDOUT, outcome::backend_silent},
        {EACCES, outcome::backend_failed},
        {EMSGSIZE, outcome::backend_failed},
    }));
    CAPTURE(error);
    CHECK(server::to_outcome(os::make_error(error)) == why);
}

TEST_CASE("attempt: what is full depends on the protocol") {
    const auto full = os::make_error(EAGAIN);
    CHECK(server::to_outcome(full, outcome::backend_queue_full) == outcome::backend_queue_full);
}

TEST_CASE("attempt: our own deadline is the backend's silence, and other categories say nothing") {
    CHECK(server::to_outcome(net::wait_error::timed_out) == outcome::backend_silent);
    CHECK(server::to_outcome(error_code{ENOENT, net::wait_category()}) == outcome::backend_failed);
    CHECK(server::to_outcome(error_code{EAGAIN, net::wait_category()}) == outcome::backend_failed);
}

TEST_CASE("attempt: only what no event announces is tried again soon") {
    CHECK(server::may_pass_soon(outcome::backend_backlog_full));
    CHECK(server::may_pass_soon(outcome::backend_queue_full));
    CHECK(server::may_pass_soon(outcome::no_resources));
    CHECK_FALSE(server::may_pass_soon(outcome::backend_absent));
    CHECK_FALSE(server::may_pass_soon(outcome::backend_declined));
}

TEST_CASE(
    "attempt: in words it is where it failed, and what was noted, the kernel's message or the outcome") {
    struct row {
        server::not_taken one;
        const char* words;
    };
    const auto error = [](int number) { return os::make_error(number); };
    const auto row = GENERATE_COPY(values<struct row>({
        {{.why = outcome::backend_declined}, "it closed without an ACK"},
        {{.why = outcome::backend_declined, .where = "/x"}, "/x: it closed without an ACK"},
        {{.why = outcome::backend_silent, .where = "/x"}, "/x: no answer in time"},
        {{.why = outcome::no_resources}, "no_resources"},
        {{.why = outcome::backend_absent, .error = error(ENOENT)}, "No such file or directory"},
        {{.why = outcome::backend_absent, .error = error(ENOENT), .where = "/x"},
         "/x: No such file or directory"},
        {{.why = outcome::backend_refused, .error = error(ECONNREFUSED), .where = "192.0.2.1:443"},
         "192.0.2.1:443: Connection refused"},
        {{.why = outcome::backend_silent, .error = net::wait_error::timed_out, .where = "192.0.2.1:443"},
         "192.0.2.1:443: timed out"},
        {{.error = error(EACCES), .where = "/x"}, "/x: Permission denied"},
        {{.error = error(EADDRNOTAVAIL), .where = "192.0.2.1:443"},
         "192.0.2.1:443: Cannot assign requested address; no local port is left towards it "
         "(net.ipv4.ip_local_port_range)"},
        {{.error = error(EPROTOTYPE), .where = "/x"},
         "/x: Protocol wrong type for socket; protocol may be the other one, \"stream\" or \"datagram\""},
        {{.error = error(EPROTOTYPE), .where = "unix:/x"},
         "unix:/x: Protocol wrong type for socket; it takes datagrams, and no connections"},
        {{.error = error(EPERM), .detail = "a link", .where = "/x"}, "/x: a link"},
        {{.detail = "a loop", .is_final = true, .where = "/x"}, "a loop"},
    }));
    CHECK(row.one.in_words() == row.words);
}
