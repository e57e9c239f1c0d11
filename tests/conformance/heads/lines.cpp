// SPDX-License-Identifier: BSL-1.0
// The request line, but for its target.
#include "heads.hpp"

namespace snipass::conformance {

namespace {

using namespace std::string_literals;

constexpr auto line_rule = "RFC 9112 3";

void add_methods(scribe& to) {
    const auto with = [&](const std::string& method) { return to.get(to.host_a(), method + " / HTTP/1.1"); };
    to.reads_a("lines/get", "GET", line_rule, with("GET"));
    to.reads_a("lines/head", "HEAD", "RFC 9110 9.3.2", with("HEAD"));
    to.reads_a("lines/delete", "DELETE", "RFC 9110 9.3.5", with("DELETE"));
    to.reads_a("lines/method-of-its-own", "a method that nobody has registered", "RFC 9110 9.1",
               with("FIND-1!"));
    to.may_read_a("lines/method-small", "get", "RFC 9110 9.1", with("get"));
    to.may_read_a("lines/method-byte", "a parenthesis in the method", "RFC 9110 5.6.2", with("GE(T"));
    to.may_read_a("lines/method-nul", "a NUL in the method", "RFC 9110 5.6.2", with("GE\0T"s));
    to.may_read_a("lines/method-pri", "PRI of HTTP/1.1", "RFC 9113 11.6", with("PRI"));
    to.is_refused("lines/method-none", "a target alone", line_rule, to.get(to.host_a(), "/ HTTP/1.1"));
}

void add_spaces(scribe& to) {
    const auto add = [&](const char* name, const char* what, const std::string& line) {
        to.may_read_a("lines/"s + name, what, line_rule, to.get(to.host_a(), line));
    };
    add("two-spaces", "two spaces before the target", "GET  / HTTP/1.1");
    add("two-spaces-behind", "two spaces behind the target", "GET /  HTTP/1.1");
    add("space-behind", "a space behind the version", "GET / HTTP/1.1 ");
    add("tab", "tabs for spaces", "GET\t/\tHTTP/1.1");
    add("space-before", "a space before the method", " GET / HTTP/1.1");
    add("word-behind", "a word behind the version", "GET / HTTP/1.1 HTTP/1.0");
    to.is_refused("lines/space-in-target", "a space in the target, with a URI of the other name behind it",
                  line_rule, to.get(to.host_a(), "GET / http://" + to.names.b + "/ HTTP/1.1"));
}

void add_versions(scribe& to) {
    const auto rule = "RFC 9112 2.3";
    to.reads_a("versions/1.0", "HTTP/1.0 with a Host", rule, to.get(to.host_a(), "GET / HTTP/1.0"));
    to.reads_other("versions/1.0-nameless", "HTTP/1.0 without a Host", rule, to.get("", "GET / HTTP/1.0"));
    for (const auto* const version : {"HTTP/1.2", "HTTP/1.10", "HTTP/1", "HTTP/0.9", "HTTP/2.0", "HTTP/3.0",
                                      "http/1.1", "HTTP1.1", "HTTP/01.1"})
        to.may_read_a("versions/"s + version, "the version "s + version, rule,
                      to.get(to.host_a(), "GET / "s + version));
    to.is_refused("versions/none", "a request of HTTP/0.9, without a version", rule, "GET /\r\n");
    to.is_refused("versions/none-with-fields", "no version, and fields behind it", rule,
                  to.get(to.host_a(), "GET /"));
}

void add_line_ends(scribe& to) {
    const auto rule = "RFC 9112 2.2";
    to.may_read_a("lines/empty-first", "an empty line before the request line", rule,
                  "\r\n" + to.get(to.host_a()));
    to.may_read_a("lines/lf-first", "an LF before the request line", rule, "\n" + to.get(to.host_a()));
    to.may_read_a("lines/lf-alone", "an LF behind the version", rule,
                  "GET / HTTP/1.1\n" + to.host_a() + "\r\n");
    to.may_read_a("lines/lf-everywhere", "LF for each line end", rule,
                  "GET / HTTP/1.1\nHost: " + to.names.a + "\n\n");
    to.may_read_a("lines/cr-cr-lf", "two CRs before the LF of the request line", rule,
                  "GET / HTTP/1.1\r\r\n" + to.host_a() + "\r\n");
    to.is_refused("lines/cr-alone", "a CR alone behind the version", rule,
                  "GET / HTTP/1.1\rHost: " + to.names.b + "\r\n" + to.host_a() + "\r\n");
}

} // namespace

void add_request_lines(scribe& to) {
    add_methods(to);
    add_spaces(to);
    add_versions(to);
    add_line_ends(to);
}

} // namespace snipass::conformance
