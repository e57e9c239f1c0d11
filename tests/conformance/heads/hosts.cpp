// SPDX-License-Identifier: BSL-1.0
// The Host field (RFC 9112 section 3.2, RFC 9110 section 7.2).
#include "heads.hpp"

#include <cctype>

namespace snipass::conformance {

namespace {

using namespace std::string_literals;

constexpr auto host_rule = "RFC 9110 7.2";
constexpr auto one_rule = "RFC 9112 3.2";

std::string in_capitals(std::string text) {
    for (auto& c : text)
        c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    return text;
}

std::string host(const std::string& value) {
    return scribe::get("Host: " + value + "\r\n");
}

void add_legal(scribe& to) {
    const auto& a = to.names.a;
    to.reads_a("hosts/capitals", "the name in capitals", "RFC 3986 3.2.2", host(in_capitals(a)));
    to.reads_a("hosts/port", "the name and a port", host_rule, host(a + ":80"));
    to.reads_a("hosts/port-of-its-own", "the name and another port", host_rule, host(a + ":8080"));
    to.reads_a("hosts/empty-port", "the name and a colon", "RFC 3986 3.2.3", host(a + ":"));
    to.reads_a("hosts/trailing-dot", "the name with a trailing dot", "RFC 3986 3.2.2", host(a + "."));
    to.reads_a("hosts/field-small", "the field's name in small letters", "RFC 9110 5.1",
               to.get("host: " + a + "\r\n"));
    to.reads_a("hosts/field-mixed", "the field's name in both", "RFC 9110 5.1",
               to.get("hOsT: " + a + "\r\n"));
    to.reads_a("hosts/no-space", "nothing behind the colon", "RFC 9112 5", to.get("Host:" + a + "\r\n"));
    to.reads_a("hosts/white-space", "tabs and spaces around the value", "RFC 9112 5",
               to.get("Host: \t" + a + " \t\r\n"));
    to.reads_a("hosts/last", "Host behind 50 other fields", "RFC 9110 5.3", [&] {
        std::string fields;
        for (int i = 0; i < 50; ++i)
            fields += "X-" + std::to_string(i) + ": y\r\n";
        return to.get(fields + to.host_a());
    }());
    to.reads_other("hosts/unknown", "a name without a route", host_rule, host(to.names.unknown));
    to.reads_other("hosts/subdomain", "a name below a routed one", host_rule, host("x." + a));
    to.reads_other("hosts/longer-at-front", "a routed name with a letter in front", host_rule, host("x" + a));
    to.reads_other("hosts/longer-at-end", "a routed name with a letter behind", host_rule, host(a + "x"));
    to.reads_other("hosts/comma", "a comma behind the name, and the other: a host that DNS does not have",
                   "RFC 3986 3.2.2", host(a + "," + to.names.b));
    to.reads_other("hosts/ipv4", "an IPv4 address", host_rule, host("192.0.2.1"));
    to.reads_other("hosts/ipv6", "an IPv6 address and a port", host_rule, host("[2001:db8::1]:80"));
    to.reads_other("hosts/empty", "an empty Host", host_rule, host(""));
}

void add_bad_values(scribe& to) {
    const auto& a = to.names.a;
    const auto& b = to.names.b;
    const auto add = [&](const char* name, const char* what, const std::string& value) {
        to.is_refused("hosts/"s + name, what, one_rule, host(value));
    };
    add("two-names", "both names in one value", a + " " + b);
    add("tab-inside", "both, with a tab between", a + "\t" + b);
    add("user", "a user before the name", b + "@" + a);
    add("user-password", "a user and a password before the name", b + ":80@" + a);
    add("path", "a path behind the name", a + "/" + b);
    add("query", "a query behind the name", a + "?" + b);
    add("fragment", "a fragment behind the name", a + "#" + b);
    add("backslash", "a backslash behind the name", a + "\\" + b);
    add("uri", "a URI", "http://" + a + "/");
    add("two-ports", "two ports", a + ":80:80");
    add("port-no-number", "a port that is no number", a + ":http");
    add("port-with-name", "a name for a port", a + ":" + b);
    add("quotes", "the name in quotes", "\"" + a + "\"");
    add("brackets", "the name in brackets", "[" + a + "]");
    add("bracket-open", "an address whose bracket is never closed", "[::1");
    add("behind-bracket", "a name behind an address", "[::1]" + a);
    add("utf-8", "bytes above ASCII", "\xc3\xa4." + a);
    add("nul", "a NUL behind the name, and the other", a + "\0"s + b);
    add("del", "a DEL behind the name", a + "\x7f");
    to.is_refused("hosts/escaped", "an escape in the name", one_rule, host("%61" + a.substr(1)))
        .name_by_letter = a;
}

void add_counts(scribe& to) {
    to.is_refused("hosts/none", "HTTP/1.1 without Host", one_rule, to.get("X-Host: " + to.names.a + "\r\n"));
    to.is_refused("hosts/two", "two Hosts", one_rule, to.get(to.host_a() + to.host_b()));
    to.is_refused("hosts/two-alike", "the same Host twice", one_rule, to.get(to.host_a() + to.host_a()));
    to.is_refused("hosts/two-apart", "two Hosts with a field between, and in other letters", one_rule,
                  to.get("HOST: " + to.names.a + "\r\nX: y\r\nhost: " + to.names.b + "\r\n"));
    to.is_refused("hosts/empty-and-one", "an empty Host, then one", one_rule,
                  to.get("Host:\r\n" + to.host_a()));
    to.is_refused("hosts/two-1.0", "two Hosts of HTTP/1.0", one_rule,
                  to.get(to.host_a() + to.host_b(), "GET / HTTP/1.0"));
}

} // namespace

void add_hosts(scribe& to) {
    add_legal(to);
    add_bad_values(to);
    add_counts(to);
}

} // namespace snipass::conformance
