// SPDX-License-Identifier: BSL-1.0
#include "snipass/process/service_manager.hpp"

#include "catch.hpp"
#include "descriptor_limit.hpp"
#include "same_descriptors.hpp"
#include "snipass/os/error.hpp"
#include "sockets.hpp"
#include "unix_backend.hpp"

#include <cstdlib>

using namespace snipass;
using namespace snipass::testing;

namespace {

// A manager that has not read its queue for a while.
class busy_manager {
  public:
    busy_manager() {
        ::setenv("NOTIFY_SOCKET", socket_.path().c_str(), 1);
        filled_ = fill_queue(socket_.path());
    }
    ~busy_manager() { ::unsetenv("NOTIFY_SOCKET"); }

    void read_what_filled_it() {
        for (; filled_ > 0; --filled_)
            (void)receive_unix(socket_.fd());
    }
    [[nodiscard]] std::string next() const { return std::string{as_text(receive_unix(socket_.fd()).data)}; }

  private:
    datagram_backend socket_;
    std::size_t filled_ = 0;
};

} // namespace

TEST_CASE("service_manager: what a busy manager has no room for is told later, in order") {
    const same_descriptors check;
    boost::asio::io_context io;
    busy_manager systemd;
    server::service_manager manager{io};
    manager.tell("RELOADING=1");
    manager.tell("READY=1");
    systemd.read_what_filled_it();
    manager.feed_watchdog(); // not before them, and not after them either
    io.run();
    CHECK(systemd.next() == "RELOADING=1");
    CHECK(systemd.next() == "READY=1");
    manager.feed_watchdog();
    CHECK(systemd.next() == "WATCHDOG=1");
}

TEST_CASE("service_manager: a status is one line, and never another state") {
    boost::asio::io_context io;
    busy_manager systemd;
    systemd.read_what_filled_it();
    server::service_manager manager{io};
    manager.is_ready("NOT RELOADED: live/a\nWATCHDOG=trigger");
    CHECK(systemd.next() == "READY=1\nSTATUS=NOT RELOADED: live/a\\u000AWATCHDOG=trigger");
}

TEST_CASE("service_manager: without one nothing waits") {
    const same_descriptors check;
    boost::asio::io_context io;
    server::service_manager manager{io};
    manager.tell("READY=1");
    CHECK(io.run() == 0);
}

TEST_CASE("service_manager: a process without free descriptors still says that it lives") {
    const same_descriptors check;
    boost::asio::io_context io;
    const datagram_backend systemd;
    ::setenv("NOTIFY_SOCKET", systemd.path().c_str(), 1);
    server::service_manager manager{io};
    descriptor_limit none{0};
    manager.feed_watchdog();
    none.lift();
    ::unsetenv("NOTIFY_SOCKET");
    const auto heard = receive_unix(systemd.fd()).data;
    CHECK(as_text(heard) == "WATCHDOG=1");
}

TEST_CASE("service_manager: that nobody can be told is a problem, once") {
    boost::asio::io_context io;
    server::service_manager manager{io};
    manager.tell("READY=1");
    CHECK_FALSE(manager.take_problem()); // not a service
    ::setenv("NOTIFY_SOCKET", "/nonexistent/notify", 1);
    manager.tell("READY=1");
    CHECK(manager.take_problem() == os::make_error(ENOENT));
    manager.tell("READY=1");
    CHECK_FALSE(manager.take_problem());
    ::unsetenv("NOTIFY_SOCKET");
}
