// SPDX-License-Identifier: BSL-1.0
// Heads as they come over a network, heads that never end, and what is no head at all.
#include "heads.hpp"

#include <algorithm>
#include <vector>

namespace snipass::conformance {

namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;

constexpr auto stream_rule = "RFC 9293 2.2";

// cut lets what is sent in one piece come in several, which end there.
void cut(shape& one, const std::vector<std::size_t>& ends, milliseconds pause) {
    const auto all = one.pieces.front().data;
    one.pieces.clear();
    std::size_t from = 0;
    for (const auto end : ends) {
        one.pieces.push_back({bytes{all.begin() + static_cast<std::ptrdiff_t>(from),
                                    all.begin() + static_cast<std::ptrdiff_t>(end)},
                              from == 0 ? 0ms : pause});
        from = end;
    }
    one.pieces.push_back({bytes{all.begin() + static_cast<std::ptrdiff_t>(from), all.end()}, pause});
}

} // namespace

void add_pieces(scribe& to) {
    const auto text = to.get("User-Agent: test\r\n" + to.host_a());
    const auto at = [&](std::string_view what) { return text.find(what); };
    const auto add = [&](const char* name, const char* what, std::size_t end) {
        cut(to.reads_a("pieces/"s + name, what, stream_rule, text), {end}, 20ms);
    };
    add("first-byte", "one byte, then the rest", 1);
    add("in-method", "cut inside the method", 2);
    add("in-version", "cut inside the version", at("TP/"));
    add("behind-line", "the request line, then the rest", at("User"));
    add("in-host", "cut inside the name", at(to.names.a) + 2);
    add("behind-host", "cut behind the name", at(to.names.a) + to.names.a.size());
    add("in-line-end", "cut between CR and LF of the empty line", text.size() - 1);
    std::vector<std::size_t> every;
    for (std::size_t end = 1; end < text.size(); ++end)
        every.push_back(end);
    cut(to.reads_a("pieces/every-byte", "every byte in a segment of its own", stream_rule, text), every, 0ms);
    std::vector<std::size_t> twelfths;
    for (std::size_t i = 1; i < 12; ++i)
        twelfths.push_back(text.size() * i / 12);
    cut(to.reads_a("pieces/slow", "a slow client: twelve pieces, evenly within the deadline", stream_rule,
                   text),
        twelfths, to.slow / 12);
    to.reads_a("pieces/half-closed", "the whole head, then the client closes its sending half",
               "RFC 9293 3.6", text)
        .half_closes = true;
    const auto body = to.get(to.host_a() + "Content-Length: 5\r\n", "POST / HTTP/1.1") + "hello";
    cut(to.reads_a("pieces/in-body", "cut inside the body", stream_rule, body), {body.size() - 2}, 20ms);

    const auto unfinished = [&](const char* name, const char* what, std::size_t size, bool closes) {
        auto& one = to.is_refused("pieces/"s + name, what, stream_rule, text.substr(0, size));
        one.by_rfc = legality::legal;
        one.half_closes = closes;
        to.heads.back().read.answer = judgement::kind::wants_more;
    };
    unfinished("unfinished-line", "half of the request line and never more", 8, false);
    unfinished("unfinished-host", "cut behind Host, and never more", at(to.names.a) + to.names.a.size() + 2,
               false);
    unfinished("unfinished-last-byte", "all but the last byte, which never comes", text.size() - 1, false);
    unfinished("truncated-host", "cut behind Host, then the client closes its sending half",
               at(to.names.a) + to.names.a.size() + 2, true);
    unfinished("truncated-last-byte", "all but the last byte, then the client closes its sending half",
               text.size() - 1, true);
}

void add_no_heads(scribe& to) {
    const auto none = "no HTTP/1";
    to.is_refused("strangers/http2", "HTTP/2 with prior knowledge", "RFC 9113 3.3",
                  "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0"s);
    to.is_refused("strangers/http2-then-request", "HTTP/2's preface, then a request", "RFC 9113 3.4",
                  "PRI * HTTP/2.0\r\n\r\n" + to.get(to.host_a()));
    const auto hello = testing::hello_builder::tls13().server_name(to.names.a).stream();
    to.is_refused("strangers/tls", "a TLS client's hello", none, as_text(hello));
    to.is_refused("strangers/ssh", "an SSH client", none, "SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n");
    to.is_refused("strangers/smtp", "an SMTP client, then a request", none,
                  "EHLO " + to.names.a + "\r\n" + to.get(to.host_a()));
    to.is_refused("strangers/proxy-v1", "a PROXY protocol v1 line, then a request", none,
                  "PROXY TCP4 192.0.2.7 192.0.2.8 50000 80\r\n" + to.get(to.host_a()));
    to.is_refused("strangers/zeros", "4,000 zero bytes", none, std::string(4'000, '\0'));
    auto& silent = to.is_refused("strangers/silent", "a client that connects and says nothing", none, "");
    silent.by_rfc = legality::legal;
    silent.pieces.clear();
}

} // namespace snipass::conformance
