// SPDX-License-Identifier: BSL-1.0
#include "snipass/config/address.hpp"

#include "catch.hpp"

using namespace snipass::config;
using Catch::Matchers::ContainsSubstring;

namespace {

struct accepted {
    std::string written;
    std::string value;
};

struct refused {
    const char* behaviour;
    std::string written;
    const char* problem; // a part of it
};

// So that a row can say all of an address in one text.
std::string print(const listener_address& address) {
    if (!address.handoff_path.empty())
        return "handoff " + address.handoff_path;
    const auto more = (address.every_address ? " every" : "") +
                      (address.interface.empty() ? "" : " on " + address.interface);
    return address.endpoint ? address.endpoint->to_string() + more : "systemd " + address.systemd_name;
}
std::string print(const proxy_address& address) {
    return address.path.empty() ? address.host + " " + std::to_string(address.port) : "path " + address.path;
}

const std::string path98 = "/" + std::string(97, 'x'); // and ".datagram"
const std::string path107 = "/" + std::string(106, 'x');

} // namespace

TEST_CASE("parse_listener_address accepts") {
    const auto row = GENERATE(values<accepted>({
        {"1.2.3.4:443", "1.2.3.4:443"},
        {"[::]:443", "[::]:443"},
        {"[2001:db8::1]:443", "[2001:db8::1]:443"},
        {"*:443", "[::]:443 every"},
        {":443", "[::]:443 every"},
        {"0.0.0.0:443", "0.0.0.0:443"},
        {"127.0.0.1:0", "127.0.0.1:0"},
        {"*:65535", "[::]:65535 every"},
        {"[fe80::1%eth0]:443", "[fe80::1]:443 on eth0"},
        {"[fe80::1%" + std::string(15, 'a') + "]:443", "[fe80::1]:443 on " + std::string(15, 'a')},
        {"systemd:snipass", "systemd snipass"},
        {"systemd:a.socket", "systemd a.socket"},
        {"handoff:/run/x.sock", "handoff /run/x.sock"},
        {"handoff:" + path98, "handoff " + path98},
        {"handoff:systemd:in", "systemd in"},
    }));
    INFO(row.written);
    const auto parsed = parse_listener_address(row.written);
    INFO(parsed.problem);
    REQUIRE(parsed.value);
    CHECK(print(*parsed.value) == row.value);
}

TEST_CASE("parse_listener_address refuses and says what to write") {
    const auto row = GENERATE(values<refused>({
        {"a name", "localhost:443", R"(is a name; a listener has an address; write "127.0.0.1:443")"},
        {"another name", "www.example.com:8443", R"(write "[::]:8443")"},
        {"a name without a port", "localhost", R"(write "127.0.0.1:443")"},
        {"a port alone", "443", R"(is a port alone; write "[::]:443")"},
        {"an IPv4 address without a port", "1.2.3.4", R"(write "1.2.3.4:443")"},
        {"an IPv6 address without a port", "2001:db8::abcd", R"(write "[2001:db8::abcd]:443")"},
        {"an IPv6 address without brackets", "::1:443", R"(write "[::1]:443")"},
        {"a port over 65535", "[::]:65536", "a port from 0 to 65535"},
        {"a star with a port over 65535", "*:65536", "a port from 0 to 65535"},
        {"an empty port", "*:", "a port from 0 to 65535"},
        {"a link-local address alone", "[fe80::1]:443",
         R"(write with it on which interface it is, such as "[fe80::1%eth0]:443")"},
        {"an empty interface", "[fe80::1%]:443", R"(such as "[fe80::1%eth0]:443")"},
        {"an interface of 16", "[fe80::1%" + std::string(16, 'a') + "]:443",
         R"(such as "[fe80::1%eth0]:443")"},
        {"an interface of another address", "[2001:db8::1%eth0]:443",
         R"(has no interface; write "[2001:db8::1]:443")"},
        {"an interface of no address", "[x%eth0]:443", "a port from 0 to 65535"},
        {"nothing", "", "a port from 0 to 65535"},
        {"a unix socket", "unix:/run/x",
         R"(is no TCP address; write "[::]:443", or "handoff:/run/x" for clients that)"},
        {"two prefixes", "handoff:unix:/run/x", R"(has one prefix too many; write "handoff:/run/x")"},
        {"no path", "handoff:", R"(has no path; write one such as "handoff:/run/backend.sock")"},
        {"an abstract name", "handoff:@x", "nothing keeps strangers out"},
        {"a path without room for the second", "handoff:" + path98 + "x", "room for 98"},
        {"a systemd socket without a name", "systemd:", R"(such as "systemd:https")"},
        {"a systemd name with a colon", "systemd:a:b", "names no socket"},
        {"a systemd socket for handoffs without a name", "handoff:systemd:", "names no socket"},
        {"a systemd name with a space", "systemd:a b", "names no socket"},
        {"a systemd name of 256", "systemd:" + std::string(256, 'a'), "names no socket"},
    }));
    INFO(row.behaviour);
    const auto parsed = parse_listener_address(row.written);
    CHECK_FALSE(parsed.value);
    CHECK_THAT(parsed.problem, ContainsSubstring(row.problem));
}

TEST_CASE("parse_listener_address accepts a systemd name of 255") {
    CHECK(parse_listener_address("systemd:" + std::string(255, 'a')).value);
}

TEST_CASE("parse_handoff_address accepts") {
    CHECK(parse_handoff_address("unix:/run/blog/handoff.sock").value == "/run/blog/handoff.sock");
    CHECK(parse_handoff_address("unix:@blog").value == "@blog");
    CHECK(parse_handoff_address("unix:" + path107).value == path107);
    CHECK(parse_handoff_address("unix:@" + std::string(106, 'x')).value);
}

TEST_CASE("parse_handoff_address refuses and says what to write") {
    const auto row = GENERATE(values<refused>({
        {"a path alone", "/run/x.sock", R"(write "unix:/run/x.sock")"},
        {"an abstract name alone", "@x", R"(write "unix:@x")"},
        {"a relative path", "unix:x.sock",
         R"(is a relative path; write one from the root, such as "unix:/run/x.sock")"},
        {"no path", "unix:", "has no path"},
        {"no abstract name", "unix:@", "has no path"},
        {"the root", "unix:/", "has no path"},
        {"a path of 108 bytes", "unix:" + path107 + "x",
         "has 108 bytes; a unix socket's path has at most 107"},
        {"an abstract name of 107 bytes and its NUL", "unix:@" + std::string(107, 'x'), "has at most 107"},
        {"a NUL", std::string("unix:\0x", 7), "is a relative path"},
        {"a NUL in a path", std::string("unix:/x\0x", 9), "write \"unix:@name\""},
        {"a TCP address", "10.0.0.5:443", R"(write proxy = ["10.0.0.5:443"])"},
        {"a name with a port", "backup.example:443", R"(write proxy = ["backup.example:443"])"},
        {"something else", "x", "is no unix socket"},
        {"nothing", "", "is no unix socket"},
    }));
    INFO(row.behaviour);
    const auto parsed = parse_handoff_address(row.written);
    CHECK_FALSE(parsed.value);
    CHECK_THAT(parsed.problem, ContainsSubstring(row.problem));
}

TEST_CASE("parse_proxy_address accepts") {
    const auto row = GENERATE(values<accepted>({
        {"10.0.0.5:443", "10.0.0.5 443"},
        {"[2001:DB8::5]:8443", "2001:db8::5 8443"},
        {"Backup.Example.net:443", "backup.example.net 443"},
        {"localhost:1", "localhost 1"},
        {"a:65535", "a 65535"},
        {"unix:/run/acme.sock", "path /run/acme.sock"},
        {"unix:@acme", "path @acme"},
        {"{host_name}:443", " 443"},
    }));
    INFO(row.written);
    const auto parsed = parse_proxy_address(row.written);
    INFO(parsed.problem);
    REQUIRE(parsed.value);
    CHECK(print(*parsed.value) == row.value);
    CHECK(parsed.value->text == row.written);
}

TEST_CASE("parse_proxy_address refuses and says what to write") {
    const auto row = GENERATE(values<refused>({
        {"an address without a port", "10.0.0.5", R"(write "10.0.0.5:443")"},
        {"a name without a port", "backup.example", R"(has no port; write "backup.example:443")"},
        {"an IPv6 address without brackets", "2001:db8::5:443", R"(write "[2001:db8::5]:443")"},
        {"the name asked for without a port", "{host_name}", R"(write "{host_name}:443")"},
        {"a near miss of the name asked for", "{hostname}:8443", R"(write "{host_name}:8443")"},
        {"another one", "{host}", R"(write "{host_name}:443")"},
        {"one in capitals", "{HOST_NAME}:443", R"(write "{host_name}:443")"},
        {"one with two braces", "{{host_name}}:443", R"(write "{host_name}:443")"},
        {"one of a shell", "${host_name}:443", R"(write "{host_name}:443")"},
        {"one of nginx", "$ssl_preread_server_name:443", R"(write "{host_name}:443")"},
        {"the name asked for as a part of a name", "{host_name}.internal:443",
         R"(stands for a whole name; write "{host_name}:443")"},
        {"a URL", "https://10.0.0.5/", R"(is a URL; write "10.0.0.5:443")"},
        {"a URL with a port", "https://backup.example:8443/x", R"(write "backup.example:8443")"},
        {"a URL of plain HTTP", "http://10.0.0.5", R"(write "10.0.0.5:80")"},
        {"a URL of an IPv6 address", "https://[2001:db8::5]/", R"(write "[2001:db8::5]:443")"},
        {"port 0", "10.0.0.5:0", "has no port from 1 to 65535"},
        {"port 0 of a name", "a.example:0", "has no port from 1 to 65535"},
        {"a port over 65535", "10.0.0.5:65536", "has no port from 1 to 65535"},
        {"a name that is none", "a b:443", "is no address"},
        {"a number for a name", "443:443", "its last label is a number"},
        {"a part of an address", "1.2.3:443", "its last label is a number, and no whole IPv4 address"},
        {"a link-local address", "[fe80::1]:443", "is a link-local address"},
        {"a link-local address on an interface", "[fe80::1%eth0]:443",
         "write another address of that machine"},
        {"a name outside of ASCII",
         "b\xc3\xbc"
         "cher.example:443",
         R"(write "xn--bcher-kva.example:443")"},
        {"a path alone", "/run/x.sock", R"(write "unix:/run/x.sock")"},
        {"a relative path", "unix:x", "is a relative path"},
        {"a path of 108 bytes", "unix:" + path107 + "x", "at most 107"},
        {"nothing", "", "has no port"},
    }));
    INFO(row.behaviour);
    const auto parsed = parse_proxy_address(row.written);
    CHECK_FALSE(parsed.value);
    CHECK_THAT(parsed.problem, ContainsSubstring(row.problem));
}
