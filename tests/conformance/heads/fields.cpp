// SPDX-License-Identifier: BSL-1.0
// Field lines, and what looks like a Host and is none.
#include "heads.hpp"

namespace snipass::conformance {

namespace {

using namespace std::string_literals;

constexpr auto line_rule = "RFC 9112 5";
constexpr auto cr_rule = "RFC 9112 2.2";
constexpr auto value_rule = "RFC 9110 5.5";

void add_decoys(scribe& to) {
    const auto& b = to.names.b;
    to.reads_a("fields/x-host", "X-Host of the other name first", "RFC 9110 5.1",
               to.get("X-Host: " + b + "\r\n" + to.host_a()));
    to.reads_a("fields/host-x", "a field whose name begins with Host", "RFC 9110 5.1",
               to.get("Host-X: " + b + "\r\n" + to.host_a()));
    to.reads_a("fields/forwarded", "X-Forwarded-Host of the other name", "RFC 9110 5.1",
               to.get("X-Forwarded-Host: " + b + "\r\n" + to.host_a()));
    to.reads_a("fields/in-a-value", "a value that looks like a Host line", value_rule,
               to.get("X: Host: " + b + "\r\n" + to.host_a()));
    to.reads_a("fields/empty-value", "a field without a value", value_rule, to.get("X:\r\n" + to.host_a()));
    to.reads_a("fields/above-ascii", "a value with bytes above ASCII", value_rule,
               to.get("X: \xc3\xa4\xff\r\n" + to.host_a()));
    to.reads_a("fields/of-8000", "a value of 8,000 bytes before Host", "RFC 9110 5.4",
               to.get("X: " + std::string(8'000, 'x') + "\r\n" + to.host_a()));
    to.reads_a("fields/200", "200 fields before Host", "RFC 9110 5.4", [&] {
        std::string fields;
        for (int i = 0; i < 200; ++i)
            fields += "X-" + std::to_string(i) + ": y\r\n";
        return to.get(fields + to.host_a());
    }());
    to.reads_a("fields/of-30000", "a head of 30,000 bytes, Host at its end", "RFC 9110 5.4", [&] {
        std::string fields;
        for (int i = 0; i < 30; ++i)
            fields += "X-" + std::to_string(i) + ": " + std::string(990, 'x') + "\r\n";
        return to.get(fields + to.host_a());
    }());
}

void add_folded(scribe& to) {
    const auto rule = "RFC 9112 5.2";
    const auto& b = to.names.b;
    to.may_read_a("fields/folded", "a folded value", rule, to.get("X: y\r\n z\r\n" + to.host_a()));
    to.may_read_a("fields/folded-decoy", "a folded value that looks like a Host line", rule,
                  to.get("X: y\r\n Host: " + b + "\r\n" + to.host_a()));
    to.is_refused("fields/folded-host", "Host is folded, and the second line is the other name", rule,
                  to.get("Host: " + to.names.a + "\r\n " + b + "\r\n"));
    to.may_read_a("fields/folded-empty-host", "Host is empty, and its name on the next line", rule,
                  to.get("Host:\r\n " + to.names.a + "\r\n"));
    to.may_read_a("fields/white-space-first",
                  "a line of white space and the other Host behind the request line", "RFC 9112 2.2",
                  to.get(" Host: " + b + "\r\n" + to.host_a()));
    to.is_refused("fields/white-space-first-alone", "a Host behind white space, and no other", "RFC 9112 2.2",
                  to.get(" " + to.host_a()));
}

void add_names(scribe& to) {
    const auto& b = to.names.b;
    const auto rule = "RFC 9112 5.1";
    to.is_refused("fields/space-before-colon", "a space before the colon of Host", rule,
                  to.get("Host : " + to.names.a + "\r\n"));
    to.is_refused("fields/space-before-colon-b", "the same, of the other name, and a Host", rule,
                  to.get("Host : " + b + "\r\n" + to.host_a()));
    to.is_refused("fields/tab-before-colon", "a tab before the colon of another field", rule,
                  to.get("X\t: y\r\n" + to.host_a()));
    to.may_read_a("fields/no-colon", "a line without a colon", line_rule, to.get("X\r\n" + to.host_a()));
    to.may_read_a("fields/no-name", "a line that begins with a colon", line_rule,
                  to.get(": y\r\n" + to.host_a()));
    to.may_read_a("fields/name-byte", "a parenthesis in a field's name", "RFC 9110 5.1",
                  to.get("Ho(st: " + b + "\r\n" + to.host_a()));
    to.may_read_a("fields/name-nul", "a NUL in a field's name", "RFC 9110 5.1",
                  to.get("Host\0: "s + b + "\r\n" + to.host_a()));
    to.may_read_a("fields/name-above-ascii", "a byte above ASCII in a field's name", "RFC 9110 5.1",
                  to.get("H\xf6st: " + b + "\r\n" + to.host_a()));
}

void add_control_bytes(scribe& to) {
    const auto& a = to.names.a;
    const auto& b = to.names.b;
    to.may_read_a("fields/nul", "a NUL in a value", value_rule, to.get("X: a\0b\r\n"s + to.host_a()));
    to.may_read_a("fields/control", "a control byte in a value", value_rule,
                  to.get("X: a\x0b\r\n" + to.host_a()));
    to.is_refused("fields/cr-in-host", "a CR in Host, and the other name behind it", cr_rule,
                  to.get("Host: " + a + "\r" + b + "\r\n"));
    to.is_refused("fields/cr-line-end", "a CR alone as a line end, and a second Host behind it", cr_rule,
                  to.get("Host: " + a + "\rHost: " + b + "\r\n"));
    to.may_read_a("fields/cr-decoy", "a CR in a value, and what looks like a Host line", cr_rule,
                  to.get("X: y\rHost: " + b + "\r\n" + to.host_a()));
    to.is_refused("fields/lf-second-host", "an LF as a line end, and a second Host behind it", cr_rule,
                  to.get("Host: " + a + "\nHost: " + b + "\r\n"));
    to.may_read_a("fields/lf", "an LF as the line end of Host", cr_rule, to.get("Host: " + a + "\nX: y\r\n"));
    to.may_read_a("fields/cr-cr-lf", "two CRs before an LF", cr_rule,
                  to.get("Host: " + a + "\r\r\nX: y\r\n"));
    to.may_read_a("fields/lf-end", "an LF as the empty line", cr_rule,
                  "GET / HTTP/1.1\r\n" + to.host_a() + "\n");
}

} // namespace

void add_field_lines(scribe& to) {
    add_decoys(to);
    add_folded(to);
    add_names(to);
    add_control_bytes(to);
}

void add_bodies(scribe& to) {
    const auto post = [&](const std::string& fields, const std::string& body) {
        return to.get(to.host_a() + fields, "POST / HTTP/1.1") + body;
    };
    const auto rule = "RFC 9112 6";
    to.reads_a("bodies/with-the-head", "a body in the head's segment", rule,
               post("Content-Length: 5\r\n", "hello"));
    to.reads_a("bodies/decoy", "a body that looks like a request for the other name", rule, [&] {
        const auto body = to.get(to.host_b());
        return post("Content-Length: " + std::to_string(body.size()) + "\r\n", body);
    }());
    to.reads_a("bodies/of-20000", "a body of 20,000 bytes", rule,
               post("Content-Length: 20000\r\n", std::string(20'000, 'x')));
    to.reads_a("bodies/upgrade", "a WebSocket's request", "RFC 6455 4.1",
               to.get(to.host_a() +
                      "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                      "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"));
    to.reads_a("bodies/expect", "Expect: 100-continue, and the body all the same", "RFC 9110 10.1.1",
               post("Content-Length: 5\r\nExpect: 100-continue\r\n", "hello"));
    to.may_read_a("bodies/both-lengths", "Content-Length and Transfer-Encoding", "RFC 9112 6.3",
                  post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"));
    to.may_read_a("bodies/two-lengths", "two different Content-Lengths", "RFC 9112 6.3",
                  post("Content-Length: 5\r\nContent-Length: 6\r\n", "hello!"));
}

} // namespace snipass::conformance
