// SPDX-License-Identifier: BSL-1.0
#include "snipass/process/listener_hints.hpp"

#include "catch.hpp"
#include "in_child.hpp"
#include "refused_calls.hpp"
#include "snipass/config/address.hpp"
#include "snipass/os/error.hpp"
#include "snipass/os/tcp.hpp"
#include "snipass/process/listener_opener.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>

#include <grp.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <functional>

using namespace snipass;
using namespace snipass::testing;

namespace {

config::listener_settings listener(const std::string& written) {
    const auto parsed = config::parse_listener_address(written).value.value();
    config::listener_settings one;
    one.address = written;
    one.endpoint = parsed.endpoint;
    one.every_address = parsed.every_address;
    one.interface = parsed.interface;
    return one;
}

// told_in_child is what a child that is `prepare`d for it says of opening the listener: the address it got,
// or the problem.
std::string told_in_child(const std::string& written, const std::function<bool()>& prepare,
                          const std::string& problem_of_systemd = {}) {
    std::array<int, 2> ends{};
    REQUIRE(::pipe(ends.data()) == 0);
    const bool good = in_child([&] {
        if (!prepare())
            return false;
        os::passed_sockets passed;
        passed.problem = problem_of_systemd;
        server::listener_opener opener{std::move(passed)};
        const auto opened = opener.open({listener(written)}, 1);
        const auto text =
            opened.problems.empty() ? opened.bound_addresses.at(0).address : opened.problems.at(0);
        return ::write(ends[1], text.data(), text.size()) == static_cast<ssize_t>(text.size());
    });
    ::close(ends[1]);
    std::array<char, 4096> text{};
    const auto size = ::read(ends[0], text.data(), text.size());
    ::close(ends[0]);
    REQUIRE(good);
    return {text.data(), static_cast<std::size_t>(size)};
}

bool without_ipv6() {
    return refuse(SYS_socket, EAFNOSUPPORT, AF_INET6);
}

} // namespace

TEST_CASE("listeners where the kernel has no IPv6: every address is every address of IPv4") {
    for (const auto* const written : {"*:0", ":0"}) {
        const auto bound = told_in_child(written, without_ipv6);
        CAPTURE(written, bound);
        CHECK(bound.starts_with("0.0.0.0:"));
    }
}

TEST_CASE("listeners where the kernel has no IPv6: what to write for an address that is of it") {
    const std::string begin = "Address family not supported by protocol (there is no IPv6 here: write ";
    const std::pair<const char*, std::string> rows[] = {
        {"[::]:443", "\"0.0.0.0:443\", or \"*:443\" for what there is)"},
        {"[::1]:443", "\"127.0.0.1:443\")"},
        {"[2001:db8::1]:443", "an IPv4 address, or \"*:443\" for what there is)"},
        {"[fe80::1%lo]:443", "an IPv4 address, or \"*:443\" for what there is)"},
    };
    for (const auto& [written, end] : rows)
        CHECK(told_in_child(written, without_ipv6) ==
              "cannot listen on " + std::string{written} + ": " + begin + end);
}

TEST_CASE("listeners: a port that needs a capability, and one that a security module forbids") {
    if (::geteuid() != 0)
        return skipped("no root: there is no privilege to give up");
    const auto unprivileged = [] {
        return ::setgroups(0, nullptr) == 0 && ::setresgid(65534, 65534, 65534) == 0 &&
               ::setresuid(65534, 65534, 65534) == 0;
    };
    if (os::first_unprivileged_port() > 1)
        CHECK(told_in_child("127.0.0.1:1", unprivileged).find("needs CAP_NET_BIND_SERVICE") !=
              std::string::npos);
    const auto forbidden = [] { return refuse(SYS_bind, EACCES); };
    CHECK(told_in_child("127.0.0.1:1", forbidden)
              .find("(a security policy of this machine forbids it, such as SELinux") != std::string::npos);
    CHECK(told_in_child("127.0.0.1:0", forbidden).find("such as SELinux)") != std::string::npos);
    CHECK(told_in_child("127.0.0.1:0", [] { return refuse(SYS_bind, EPERM); }).find("SocketBindDeny=") !=
          std::string::npos);
}

TEST_CASE("listeners: of an address that cannot be used, a look at the interfaces tells why") {
    const auto hint = [](const std::string& written) {
        const auto one = listener(written);
        return server::hint_for(one, *one.endpoint, os::make_error(EADDRNOTAVAIL));
    };
    CHECK(hint("192.0.2.77:443").find("no interface of this machine has the address; where it comes later") ==
          0);
    CHECK(hint("127.0.0.1:443").find("interface lo has it, and cannot use it yet") == 0);
    CHECK(hint("[fe80::77%lo]:443").find("no interface") == 0);
}

TEST_CASE("listeners: an address in use says how to find out by whom, and what became of systemd's sockets") {
    const auto taken = os::listen_tcp(*ip_endpoint::parse("127.0.0.1:0")).value();
    const auto port = std::to_string(os::local_endpoint(taken.get()).value().port);
    const auto text = told_in_child(
        "127.0.0.1:" + port, [] { return true; }, "LISTEN_PID is 1");
    CAPTURE(text);
    CHECK(text.find("ss -ltnp sport = :" + port) != std::string::npos);
    CHECK(text.find("of systemd's sockets none was taken: LISTEN_PID is 1") != std::string::npos);
}

TEST_CASE(
    "listeners: where a door of [metrics] or [control] cannot be opened, its place in the file is told") {
    boost::asio::io_context io;
    server::http_door door{io, [](server::http_question) -> boost::asio::awaitable<server::http_answer> {
                               co_return server::http_answer{};
                           }};
    const auto told = [&](const config::metrics_address& one, const std::string& file) {
        std::vector<std::string> problems;
        server::open_all(door, {one}, "control.path", file, problems);
        REQUIRE(problems.size() == 1);
        CHECK_FALSE(door.is_open());
        return problems.front();
    };
    const config::metrics_address absent{
        .text = "/nowhere/c.sock", .path = "/nowhere/c.sock", .where = {7, 8}};
    const std::string what =
        "control.path: cannot listen on /nowhere/c.sock: No such file or directory (there is "
        "no folder /nowhere; RuntimeDirectory= in the unit makes one in /run)";
    CHECK(told(absent, "f.toml") == "f.toml:7:8: error: " + what);
    CHECK(told(absent, "") == what); // no file says so
    const auto taken = os::listen_tcp(*ip_endpoint::parse("127.0.0.1:0")).value();
    const auto at = os::local_endpoint(taken.get()).value();
    CHECK(told({.text = at.to_string(), .endpoint = at, .where = {2, 3}}, "f.toml")
              .starts_with("f.toml:2:3: error: control.path: cannot listen on " + at.to_string() +
                           ": Address already in use (another program listens there"));
}
