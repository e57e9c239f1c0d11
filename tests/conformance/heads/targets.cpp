// SPDX-License-Identifier: BSL-1.0
// The four forms of a target (RFC 9112 section 3.2).
#include "heads.hpp"

namespace snipass::conformance {

namespace {

using namespace std::string_literals;

constexpr auto absolute_rule = "RFC 9112 3.2.2";

void add_origin_forms(scribe& to) {
    const auto with = [&](const std::string& target) {
        return to.get(to.host_a(), "GET " + target + " HTTP/1.1");
    };
    const auto rule = "RFC 9112 3.2.1";
    to.reads_a("targets/query", "a path and a query", rule, with("/a/b?c=d&e"));
    to.reads_a("targets/escaped-slash", "an escaped slash in the path", "RFC 3986 2.1", with("/a%2Fb"));
    to.reads_a("targets/two-slashes", "a path that begins with //, and looks like the other name", rule,
               with("//" + to.names.b + "/"));
    to.reads_a("targets/uri-in-path", "a URI of the other name in the path", rule,
               with("/http://" + to.names.b + "/"));
    to.reads_a("targets/uri-in-query", "a URI of the other name in the query", rule,
               with("/?u=http://" + to.names.b + "/"));
    to.reads_a("targets/of-8000", "a path of 8,000 bytes", "RFC 9112 3", with("/" + std::string(7'999, 'x')));
    to.may_read_a("targets/above-root", "a path above its root", "RFC 3986 5.2.4", with("/../a"));
    to.may_read_a("targets/escaped-nul", "an escaped NUL in the path", "RFC 3986 7.3", with("/a%00b"));
    to.may_read_a("targets/broken-escape", "a % without digits", "RFC 3986 2.1", with("/%zz"));
    to.may_read_a("targets/backslash", "a backslash in the path", "RFC 3986 3.3", with("/a\\b"));
    to.may_read_a("targets/fragment", "a fragment", "RFC 9112 3.2", with("/#a"));
    to.may_read_a("targets/utf-8", "bytes above ASCII", "RFC 3986 2", with("/\xc3\xa4"));
    to.may_read_a("targets/nul", "a NUL", "RFC 3986 2", with("/a\0b"s));
    to.may_read_a("targets/del", "a DEL", "RFC 3986 2", with("/a\x7f"));
    to.may_read_a("targets/no-slash", "a path without its slash", "RFC 9112 3.2", with("index.html"));
}

void add_absolute_forms(scribe& to) {
    const auto& a = to.names.a;
    const auto& b = to.names.b;
    const auto asks = [&](const std::string& target, const std::string& fields) {
        return to.get(fields, "GET " + target + " HTTP/1.1");
    };
    to.reads_a("targets/absolute", "an absolute-form", absolute_rule,
               asks("http://" + a + "/x?y", to.host_a()));
    to.reads_a("targets/absolute-without-path", "one without a path", absolute_rule,
               asks("http://" + a, to.host_a()));
    to.reads_a("targets/absolute-capitals", "one with a scheme in capitals", "RFC 3986 3.1",
               asks("HTTP://" + a + "/", to.host_a()));
    to.may_read_a("targets/absolute-of-another", "the target says A, Host says B: the target counts",
                  absolute_rule, asks("http://" + a + "/", to.host_b()));
    to.may_read_a("targets/absolute-port", "a port in the target and none in Host", absolute_rule,
                  asks("http://" + a + ":80/", to.host_a()));
    to.may_read_a("targets/absolute-empty-host", "the target says A, and Host nothing", absolute_rule,
                  asks("http://" + a + "/", "Host:\r\n"));
    to.is_refused("targets/absolute-hostless", "an absolute-form without Host", "RFC 9112 3.2",
                  asks("http://" + a + "/", ""));
    to.may_read_a("targets/absolute-1.0", "one of HTTP/1.0 without Host", absolute_rule,
                  to.get("", "GET http://" + a + "/ HTTP/1.0"));
    to.may_read_a("targets/https", "an absolute-form of https, in clear", "RFC 9110 4.3.3",
                  asks("https://" + a + "/", to.host_a()));
    to.may_read_a("targets/ftp", "an absolute-form of ftp", "RFC 9112 3.2.2",
                  asks("ftp://" + a + "/", to.host_a()));
    to.may_read_a("targets/user", "a user in the target", "RFC 9110 4.2.4",
                  asks("http://" + b + "@" + a + "/", to.host_a()));
    to.is_refused("targets/empty-authority", "an empty authority", "RFC 9110 4.2.1",
                  asks("http:///x", to.host_a()));
    to.is_refused("targets/backslash-in-authority", "a backslash behind one name, and the other",
                  "RFC 3986 3.2", asks("http://" + b + "\\@" + a + "/", to.host_a()));
}

} // namespace

void add_targets(scribe& to) {
    add_origin_forms(to);
    add_absolute_forms(to);
    to.reads_a("targets/asterisk", "OPTIONS *", "RFC 9112 3.2.4", to.get(to.host_a(), "OPTIONS * HTTP/1.1"));
    to.may_read_a("targets/asterisk-of-get", "GET *", "RFC 9112 3.2.4",
                  to.get(to.host_a(), "GET * HTTP/1.1"));
    to.may_read_a("targets/connect", "CONNECT, of no proxy", "RFC 9110 9.3.6",
                  to.get("Host: " + to.names.a + ":443\r\n", "CONNECT " + to.names.a + ":443 HTTP/1.1"));
    to.may_read_a("targets/authority-of-get", "an authority-form of GET", "RFC 9112 3.2.3",
                  to.get(to.host_a(), "GET " + to.names.a + ":80 HTTP/1.1"));
}

} // namespace snipass::conformance
