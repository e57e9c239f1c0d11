// SPDX-License-Identifier: BSL-1.0
// Which ends of connects and probes count for an address, and what the log says of it.
#include "snipass/backends/health.hpp"

#include "captured_stderr.hpp"
#include "catch.hpp"
#include "snipass/os/error.hpp"

#include <functional>

using namespace snipass;
using namespace snipass::testing;

namespace {

struct one_address {
    config::backend_settings backend;
    server::candidate it;

    one_address() {
        backend.name = "far";
        backend.kind.emplace<config::relay_settings>().eject_after = 2;
        it.endpoint = ip_endpoint::parse("192.0.2.1:443");
        it.state = std::make_shared<server::target>();
    }

    // logged is what `job` had written.
    [[nodiscard]] std::string logged(const std::function<void(server::log&)>& job) const {
        captured_stderr output;
        {
            server::log log{{}};
            job(log);
        }
        return output.text();
    }
    [[nodiscard]] std::string fail(int error, int times) const {
        return logged([&](server::log& log) {
            for (int i = 0; i < times; ++i)
                server::note_failure(log, backend, it, os::make_error(error));
        });
    }
};

} // namespace

TEST_CASE("health: what its peer or the way there does to a connect ejects an address") {
    for (const int error : {ECONNREFUSED, ECONNRESET, ETIMEDOUT, EHOSTUNREACH, ENETUNREACH, ENOENT, EPROTO}) {
        CAPTURE(error);
        const one_address test;
        CHECK(test.fail(error, 1).empty());
        CHECK_FALSE(test.it.state->ejected);
        CHECK_FALSE(test.fail(error, 1).empty());
        CHECK(test.it.state->ejected);
    }
}

TEST_CASE("health: what this machine is short of, and a full backlog, is not counted against an address") {
    for (const int error :
         {EAGAIN, EMFILE, ENFILE, EADDRNOTAVAIL, EPERM, EACCES, EAFNOSUPPORT, ENOBUFS, ENOMEM}) {
        CAPTURE(error);
        const one_address test;
        CHECK(test.fail(error, 10).empty());
        CHECK(test.it.state->failures == 0);
        CHECK_FALSE(test.it.state->ejected);
    }
}

TEST_CASE("health: an ejection is one line, and so is the return") {
    const one_address test;
    const auto ejected = test.fail(ECONNREFUSED, 5);
    CHECK(ejected.find(R"(warn an address is ejected backend="far" address="192.0.2.1:443" )"
                       R"(why="Connection refused" failures=2)") != std::string::npos);
    CHECK(std::ranges::count(ejected, '\n') == 1);
    const auto back = test.logged([&](server::log& log) {
        server::note_success(log, test.backend, test.it, "connected");
        server::note_success(log, test.backend, test.it, "connected");
    });
    CHECK(back.find(R"(info an address is back backend="far" address="192.0.2.1:443" why="connected")") !=
          std::string::npos);
    CHECK(std::ranges::count(back, '\n') == 1);
    CHECK_FALSE(test.it.state->ejected);
}

TEST_CASE("health: an address that was slower than its head start is ejected too") {
    const one_address test;
    const auto text = test.logged([&](server::log& log) {
        server::note_slow(log, test.backend, test.it, server::head_start, "too slow");
        CHECK_FALSE(test.it.state->ejected);
        server::note_slow(log, test.backend, test.it, server::head_start, "too slow");
    });
    CHECK(test.it.state->ejected);
    CHECK(test.it.state->too_slow_for.load() == server::head_start);
    CHECK(text.find("too slow") != std::string::npos);
    test.it.state->succeeded();
    CHECK(test.it.state->too_slow_for.load().count() == 0);
}
