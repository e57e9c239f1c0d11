// SPDX-License-Identifier: BSL-1.0
#include "snipass/process/listener_opener.hpp"

#include "catch.hpp"
#include "handoff_sender.hpp"
#include "same_descriptors.hpp"
#include "snipass/os/tcp.hpp"
#include "tcp_client.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include <fstream>
#include <optional>

using namespace snipass;
using namespace snipass::testing;

namespace {

config::listener_settings at(const std::string& endpoint) {
    config::listener_settings one;
    one.address = endpoint;
    one.endpoint = ip_endpoint::parse(endpoint);
    return one;
}

config::listener_settings lent(const std::string& name) {
    config::listener_settings one;
    one.address = "systemd:" + name;
    one.systemd_name = name;
    return one;
}

config::listener_settings lent_for_handoffs(const std::string& name) {
    auto one = lent(name);
    one.address = "handoff:systemd:" + name;
    return one;
}

os::unique_fd bound_unix(const std::string& path, int type) {
    os::unique_fd fd{::socket(AF_UNIX, type | SOCK_CLOEXEC, 0)};
    const auto address = handoff_test::unix_address(path);
    REQUIRE(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    return fd;
}

server::listener_opener opener() {
    return server::listener_opener{os::passed_sockets{}};
}

server::listener_opener opener_with(const std::string& name, os::unique_fd fd) {
    os::passed_sockets passed;
    passed.all.push_back({name, std::move(fd)});
    return server::listener_opener{std::move(passed)};
}

// contains: the one problem says all of it.
void check_problem(const server::opened_listeners& opened, const std::vector<std::string>& parts) {
    CHECK(opened.by_worker.empty());
    REQUIRE(opened.problems.size() == 1);
    for (const auto& part : parts) {
        CAPTURE(opened.problems[0], part);
        CHECK(opened.problems[0].find(part) != std::string::npos);
    }
}

} // namespace

TEST_CASE("listener_opener: port 0 for several workers is one port") {
    const same_descriptors check;
    const auto opened = opener().open({at("127.0.0.1:0"), at("[::1]:0")}, 3);
    CHECK(opened.problems.empty());
    REQUIRE(opened.by_worker.size() == 3);
    REQUIRE(opened.bound_addresses.size() == 2);
    for (const auto& sockets : opened.by_worker) {
        REQUIRE(sockets.size() == 2);
        for (std::size_t i = 0; i < 2; ++i) {
            CHECK(bound_to(sockets[i].fd.get()).to_string() == opened.bound_addresses[i].address);
            CHECK(bound_to(sockets[i].fd.get()).port != 0);
            CHECK(sockets[i].address == opened.bound_addresses[i].listener);
            CHECK_FALSE(sockets[i].lent);
        }
    }
}

TEST_CASE("listener_opener: an address that another program listens on is a problem") {
    const same_descriptors check;
    os::unique_fd other;
    SECTION("for itself") {
        other = plain_listener();
    }
    SECTION("shared") {
        other = os::listen_tcp(*ip_endpoint::parse("127.0.0.1:0")).value();
    }
    const auto address = bound_to(other.get()).to_string();
    check_problem(opener().open({at("127.0.0.1:0"), at(address)}, 2),
                  {"cannot listen on " + address, "another program listens there"});
}

TEST_CASE("listener_opener: every problem is told, and what was opened is closed") {
    const same_descriptors check;
    const auto opened = opener().open({at("127.0.0.1:0"), at("192.0.2.1:0"), lent("web")}, 2);
    CHECK(opened.by_worker.empty());
    CHECK(opened.problems.size() == 2);
}

TEST_CASE("listener_opener: a reload opens what is new, and leaves what is open") {
    const same_descriptors check;
    auto one = opener();
    const auto first = one.open({at("127.0.0.1:0")}, 1);
    one.keep({at("127.0.0.1:0")});
    const auto second = one.open({at("127.0.0.1:0"), at("127.0.0.2:0")}, 1);
    REQUIRE(second.bound_addresses.size() == 1);
    CHECK(second.bound_addresses[0].listener == "127.0.0.2:0");
}

TEST_CASE("listener_opener: an address that is written in another way has the same socket") {
    const same_descriptors check;
    auto one = opener();
    const auto first = one.open({at("127.0.0.1:0")}, 2);
    const auto address = first.bound_addresses[0].address;
    one.keep({at("127.0.0.1:0")});
    const auto again = one.open({at(address)}, 2);
    REQUIRE(again.problems == std::vector<std::string>{});
    CHECK(again.bound_addresses[0].address == address);
}

TEST_CASE(
    "listener_opener: an address that was dropped may come back before its socket is closed, and after") {
    const same_descriptors check;
    auto one = opener();
    auto first = std::make_optional(one.open({at("127.0.0.1:0")}, 1));
    const auto address = first->bound_addresses[0].address;
    one.keep({});
    if (GENERATE(false, true))
        first.reset();
    CHECK(one.open({at(address)}, 1).problems == std::vector<std::string>{});
}

TEST_CASE("listener_opener: an address within another of the file needs no socket") {
    const same_descriptors check;
    auto one = opener();
    const auto any_port = one.open({at("[::]:0")}, 2);
    const auto wide = at(any_port.bound_addresses[0].address);
    const auto port = wide.address.substr(4);
    auto all = std::vector{at("127.0.0.1" + port), wide};
    const auto opened = one.open(all, 2);
    REQUIRE(opened.problems == std::vector<std::string>{});
    CHECK(opened.bound_addresses.size() == 2);
    REQUIRE(opened.by_worker[1].size() == 1);
    CHECK(opened.by_worker[1][0].address == wide.address);
    one.keep(all);
    SECTION("and comes and goes with reloads") {
        all.push_back(at("0.0.0.0" + port));
        CHECK(one.open(all, 2).problems == std::vector<std::string>{});
    }
    SECTION("but must be one of this machine's") {
        all.push_back(at("192.0.2.1" + port));
        check_problem(one.open(all, 2),
                      {"cannot listen on 192.0.2.1" + port, "no interface of this machine has"});
    }
    SECTION("and cannot outlive it without a restart, or two reloads") {
        check_problem(one.open({all[0]}, 2),
                      {"this process does, on [::]" + port, "restart it, or reload without"});
    }
}

TEST_CASE("listener_opener: nothing opens around an address that is open") {
    const same_descriptors check;
    auto one = opener();
    const auto first = one.open({at("127.0.0.1:0")}, 1);
    one.keep({at("127.0.0.1:0")});
    const auto address = first.bound_addresses[0].address;
    const auto port = address.substr(address.find(':'));
    check_problem(one.open({at("0.0.0.0" + port)}, 1), {"this process does, on " + address});
}

TEST_CASE("listener_opener: what a failed opening had opened is not its own") {
    const same_descriptors check;
    auto one = opener();
    const auto first = plain_listener();
    const auto address = bound_to(first.get()).to_string();
    CHECK_FALSE(one.open({at("127.0.0.1:0"), lent("web")}, 1).problems.empty());
    check_problem(one.open({at(address)}, 1), {"another program listens there"});
}

TEST_CASE("listener_opener: an address that systemd has already is a problem that says what to write") {
    const same_descriptors check;
    auto socket = plain_listener();
    REQUIRE(::listen(socket.get(), 1) == 0);
    const auto port = std::to_string(bound_to(socket.get()).port);
    check_problem(opener_with("https", std::move(socket)).open({at("0.0.0.0:" + port)}, 1),
                  {"cannot listen on 0.0.0.0:" + port, "write address = \"systemd:https\""});
}

TEST_CASE("listener_opener: a lent socket is duplicated for each worker, and prepared") {
    const same_descriptors check;
    auto socket = plain_listener();
    const auto address = bound_to(socket.get());
    auto one = opener_with("web", std::move(socket));
    for (int reload = 0; reload < 2; ++reload) { // it can come again
        const auto opened = one.open({lent("web")}, 2);
        REQUIRE(opened.problems.empty());
        REQUIRE(opened.by_worker.size() == 2);
        CHECK(opened.bound_addresses[0].address == address.to_string());
        for (const auto& sockets : opened.by_worker) {
            REQUIRE(sockets.size() == 1);
            const int fd = sockets[0].fd.get();
            CHECK(sockets[0].lent);
            CHECK(sockets[0].address == "systemd:web");
            CHECK((::fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);
            CHECK((::fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
            CHECK(option_of(fd, IPPROTO_TCP, TCP_NODELAY) == 1);
            CHECK(option_of(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT) > 0);
        }
    }
}

TEST_CASE("listener_opener: a lent socket keeps the DeferAcceptSec= it has") {
    const same_descriptors check;
    auto socket = plain_listener();
    const int wish = 30;
    REQUIRE(::setsockopt(socket.get(), IPPROTO_TCP, TCP_DEFER_ACCEPT, &wish, sizeof wish) == 0);
    const int granted = option_of(socket.get(), IPPROTO_TCP, TCP_DEFER_ACCEPT);
    const auto opened = opener_with("web", std::move(socket)).open({lent("web")}, 1);
    REQUIRE(opened.by_worker.size() == 1);
    CHECK(option_of(opened.by_worker[0][0].fd.get(), IPPROTO_TCP, TCP_DEFER_ACCEPT) == granted);
    CHECK(granted >= wish);
}

TEST_CASE("listener_opener: all sockets of one name are taken") {
    const same_descriptors check;
    os::passed_sockets passed;
    for (const char* name : {"web", "other", "web"})
        passed.all.push_back({name, plain_listener()});
    const auto opened = server::listener_opener{std::move(passed)}.open({lent("web")}, 1);
    REQUIRE(opened.by_worker.size() == 1);
    CHECK(opened.by_worker[0].size() == 2);
}

TEST_CASE("listener_opener: a name that systemd did not pass is a problem that says what it passed") {
    const same_descriptors check;
    check_problem(opener().open({lent("web")}, 1),
                  {"\"web\"", "nor any other", "systemctl enable --now snipass.socket"});
    check_problem(opener_with("wep", plain_listener()).open({lent("web")}, 1),
                  {"\"web\"", "it passed: \"wep\"", "FileDescriptorName=web"});
}

namespace {

os::unique_fd socket_of(int family, int type, int protocol = 0) {
    os::unique_fd fd{::socket(family, type | SOCK_CLOEXEC, protocol)};
    REQUIRE(fd);
    return fd;
}

struct wrong_socket {
    const char* what;
    os::unique_fd (*make)();
    const char* for_clients;  // what is said of it where clients are to come
    const char* for_handoffs; // and where other routers are
};

constexpr const char* handoffs_come_in = "handoffs come in on ListenStream=/PATH, or on ListenDatagram=/PATH";

// What systemd passes for a socket unit that says something else than was meant.
const wrong_socket wrong_sockets[] = {
    {"a connection", [] { return std::move(tcp_connection{}.accepted); },
     "it is a connection: write Accept=no in the socket unit", "it is no unix socket"},
    {"TCP that does not listen", [] { return socket_of(AF_INET, SOCK_STREAM); }, "it does not listen",
     handoffs_come_in},
    {"UDP", [] { return socket_of(AF_INET6, SOCK_DGRAM); },
     "it is a UDP socket: write ListenStream= in place of ListenDatagram=", handoffs_come_in},
    {"another protocol", [] { return socket_of(AF_INET, SOCK_RAW, IPPROTO_ICMP); }, "it is not TCP",
     handoffs_come_in},
    {"netlink", [] { return socket_of(AF_NETLINK, SOCK_RAW); }, "it is neither IPv4 nor IPv6",
     handoffs_come_in},
    {"a unix socket that does not listen", [] { return socket_of(AF_UNIX, SOCK_STREAM); },
     "it is a unix socket: write address = \"handoff:systemd:web\"", "it does not listen"},
    {"a unix socket of packets", [] { return socket_of(AF_UNIX, SOCK_SEQPACKET); },
     "write address = \"handoff:systemd:web\"", "it is a unix socket of packets: handoffs come in on"},
    {"no socket", [] { return os::unique_fd{::open("/dev/null", O_RDONLY | O_CLOEXEC)}; },
     "it is no socket: write ListenStream=", "it is no socket: write ListenStream="},
};

} // namespace

// A worker would be told again and again that there is something to accept.
TEST_CASE("listener_opener: of a lent socket of the wrong kind it says what it is, and what to write") {
    const same_descriptors check;
    for (const auto& row : wrong_sockets) {
        CAPTURE(row.what);
        check_problem(opener_with("web", row.make()).open({lent("web")}, 2),
                      {"cannot listen on systemd:web: of what systemd passed, ", row.for_clients});
        check_problem(opener_with("web", row.make()).open({lent_for_handoffs("web")}, 2),
                      {"cannot listen on handoff:systemd:web: of what systemd passed, ", row.for_handoffs});
    }
}

TEST_CASE("listener_opener: TCP for handoffs says what to write for clients") {
    check_problem(opener_with("in", plain_listener()).open({lent_for_handoffs("in")}, 1),
                  {"for clients write address = \"systemd:in\""});
}

TEST_CASE("listener_opener: sockets for another process are not asked to be named otherwise") {
    os::passed_sockets none;
    none.problem = "LISTEN_PID is 1, and this process is 2";
    check_problem(server::listener_opener{std::move(none)}.open({lent("web")}, 1),
                  {"systemd passed no socket named \"web\"", ": LISTEN_PID is 1, and this process is 2"});
}

TEST_CASE("listener_opener: a socket that no listener names is told once, with what to write") {
    const same_descriptors check;
    const handoff_test::temporary_folder folder;
    const std::string path = folder.path / "in";
    const bool is_unix = GENERATE(false, true);
    auto socket = is_unix ? bound_unix(path, SOCK_STREAM) : plain_listener();
    const auto place = is_unix ? path : bound_to(socket.get()).to_string();
    const auto listener = is_unix ? lent_for_handoffs("web") : lent("web");
    REQUIRE(::listen(socket.get(), 1) == 0);
    auto one = opener_with("web", std::move(socket));
    const auto lines = one.unnamed();
    REQUIRE(lines.size() == 1);
    CAPTURE(lines[0]);
    CHECK(lines[0].find("systemd passed \"web\" (" + place +
                        "), and no [[listener]] has it: its clients wait") == 0);
    CHECK(lines[0].find("write address = \"" + listener.address + "\"") != std::string::npos);
    CHECK(one.unnamed().empty());
    one.keep({listener});
    CHECK(one.unnamed().empty());
    one.keep({}); // a reload has dropped it
    CHECK(one.unnamed().size() == 1);
}

TEST_CASE("listener_opener: of a socket that no listener names, and none can have, it says why") {
    const same_descriptors check;
    for (const auto& row : wrong_sockets) {
        CAPTURE(row.what);
        auto socket = row.make();
        const bool is_unix =
            os::local_path(socket.get()) != "" || std::string{row.what}.find("unix") != std::string::npos;
        const auto lines = opener_with("web", std::move(socket)).unnamed();
        REQUIRE(lines.size() == 1);
        CAPTURE(lines[0]);
        CHECK(lines[0].find("and no [[listener]] has it, nor can one: ") != std::string::npos);
        CHECK(lines[0].find(is_unix ? row.for_handoffs : row.for_clients) != std::string::npos);
    }
}

TEST_CASE(
    "listener_opener: why none of systemd's sockets was taken is told once, also where none is asked for") {
    os::passed_sockets none;
    none.problem = "LISTEN_PID is 1, and this process is 2";
    server::listener_opener one{std::move(none)};
    CHECK(one.unnamed() ==
          std::vector<std::string>{"systemd's sockets: LISTEN_PID is 1, and this process is 2"});
    CHECK(one.unnamed().empty());
}

TEST_CASE("listener_opener: a handoff listener has a socket for each protocol") {
    const same_descriptors check;
    const handoff_test::temporary_folder folder;
    config::listener_settings one;
    one.handoff_path = folder.path / "in.sock";
    one.address = "handoff:" + one.handoff_path;
    one.mode = 0600;
    {
        const auto opened = opener().open({one, at("127.0.0.1:0")}, 2);
        CHECK(opened.problems.empty());
        REQUIRE(opened.by_worker.size() == 2);
        using server::socket_kind;
        REQUIRE(opened.by_worker[0].size() == 3);
        CHECK(opened.by_worker[0][0].kind == socket_kind::handoff_stream);
        CHECK(opened.by_worker[0][1].kind == socket_kind::handoff_datagram);
        CHECK(opened.by_worker[0][2].kind == socket_kind::tcp);
        REQUIRE(opened.by_worker[1].size() == 2);
        CHECK(opened.by_worker[1][0].kind == socket_kind::handoff_stream);
        CHECK(option_of(opened.by_worker[1][0].fd.get(), SOL_SOCKET, SO_TYPE) == SOCK_STREAM);
        CHECK(option_of(opened.by_worker[0][1].fd.get(), SOL_SOCKET, SO_TYPE) == SOCK_DGRAM);
        CHECK(opened.bound_addresses[1].address == one.handoff_path + ".datagram");
        const auto again = opener().open({one}, 2);
        REQUIRE(again.problems.size() == 2);
        for (const auto& problem : again.problems)
            CHECK(problem.find("another program listens there") != std::string::npos);
        CHECK(std::filesystem::exists(one.handoff_path));
    }
    CHECK(std::filesystem::is_empty(folder.path));
}

TEST_CASE("listener_opener: a handoff listener without its folder is a problem, and nothing stays behind") {
    const same_descriptors check;
    const handoff_test::temporary_folder folder;
    config::listener_settings good;
    good.address = "handoff:good";
    good.handoff_path = folder.path / "in.sock";
    config::listener_settings bad;
    bad.address = "handoff:bad";
    bad.handoff_path = folder.path / "nowhere" / "in.sock";
    const auto opened = opener().open({good, bad}, 2);
    REQUIRE(opened.problems.size() == 2);
    CHECK(opened.problems[0].find("there is no folder") != std::string::npos);
    CHECK(opened.by_worker.empty());
    CHECK(std::filesystem::is_empty(folder.path));
}

TEST_CASE("listener_opener: why a handoff listener's path cannot be had") {
    const same_descriptors check;
    const handoff_test::temporary_folder folder;
    const std::string root = folder.path;
    std::ofstream{root + "/file"};
    const std::pair<std::string, std::string> rows[] = {
        {root + "/nowhere/in", "there is no folder " + root + "/nowhere; RuntimeDirectory="},
        {root + "/file/in", root + "/file is no folder"},
        {root + "/file", "it is no socket: remove it"},
    };
    for (const auto& [path, hint] : rows) {
        config::listener_settings one;
        one.handoff_path = path;
        one.address = "handoff:" + path;
        const auto opened = opener().open({one}, 1);
        REQUIRE_FALSE(opened.problems.empty());
        CAPTURE(opened.problems[0]);
        CHECK(opened.problems[0].find("(" + hint) != std::string::npos);
    }
}

TEST_CASE("listener_opener: an interface that is not there") {
    auto one = at("[fe80::1]:0");
    one.interface = "nowhere0";
    check_problem(opener().open({one}, 1), {"there is no interface \"nowhere0\""});
}

TEST_CASE("listener_opener: a lent unix socket takes handoffs, by the protocol that it is for") {
    const same_descriptors check;
    const handoff_test::temporary_folder folder;
    const std::string path = folder.path / "in";
    const auto type = GENERATE(SOCK_STREAM, SOCK_DGRAM);
    auto socket = bound_unix(path, type);
    if (type == SOCK_STREAM)
        REQUIRE(::listen(socket.get(), 1) == 0);
    {
        auto one = opener_with("in", std::move(socket));
        const auto opened = one.open({lent_for_handoffs("in")}, 2);
        REQUIRE(opened.problems.empty());
        CHECK(opened.bound_addresses[0].address == path);
        for (std::size_t worker = 0; worker < 2; ++worker) {
            const auto& sockets = opened.by_worker[worker];
            REQUIRE(sockets.size() == (type == SOCK_STREAM || worker == 0 ? 1U : 0U));
            for (const auto& each : sockets) {
                CHECK(each.lent);
                CHECK(each.kind == (type == SOCK_STREAM ? server::socket_kind::handoff_stream
                                                        : server::socket_kind::handoff_datagram));
                CHECK((::fcntl(each.fd.get(), F_GETFL) & O_NONBLOCK) != 0);
                int told = 0;
                socklen_t size = sizeof told;
                REQUIRE(::getsockopt(each.fd.get(), SOL_SOCKET, SO_PASSCRED, &told, &size) == 0);
                CHECK(told == (type == SOCK_STREAM ? 0 : 1));
            }
        }
    }
    CHECK(std::filesystem::exists(path)); // it is not ours
}

TEST_CASE("listener_opener: the files of a handoff listener get a new mode, and what went wrong is told") {
    const handoff_test::temporary_folder folder;
    config::listener_settings before;
    before.handoff_path = folder.path / "in";
    before.address = "handoff:" + before.handoff_path;
    auto now = before;
    now.mode = 0606;
    auto one = opener();
    const auto opened = one.open({before}, 1);
    REQUIRE(opened.problems.empty());
    CHECK(server::listener_opener::change_modes({}, {now}).empty()); // it is new, and has its mode
    CHECK(server::listener_opener::change_modes({before}, {now}).empty());
    for (const auto* const suffix : {"", ".datagram"}) {
        const std::filesystem::path file = before.handoff_path + suffix;
        CHECK(std::filesystem::status(file).permissions() == std::filesystem::perms{0606});
        std::filesystem::remove(file);
    }
    CHECK(server::listener_opener::change_modes({before}, {now}).size() == 2);
}

TEST_CASE("listener_opener: a handoff socket that somebody has removed is made again, and no other") {
    const same_descriptors check;
    const handoff_test::temporary_folder folder;
    config::listener_settings tls;
    tls.handoff_path = folder.path / "tls.sock";
    tls.address = "handoff:unix:" + tls.handoff_path;
    tls.farewell_path = tls.handoff_path + ".farewell";
    auto one = opener();
    const auto first = one.open({tls}, 2);
    REQUIRE(first.problems.empty());
    one.keep({tls});
    CHECK(one.open({tls}, 2).bound_addresses.empty());
    REQUIRE(::unlink(tls.handoff_path.c_str()) == 0);
    const auto second = one.open({tls}, 2);
    CHECK(second.problems.empty());
    REQUIRE(second.bound_addresses.size() == 1);
    CHECK(second.bound_addresses[0].address == tls.handoff_path);
    CHECK(second.by_worker[1].size() == 1);
    one.keep({tls});
    CHECK(one.open({tls}, 2).bound_addresses.empty());
}
