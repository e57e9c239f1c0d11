// SPDX-License-Identifier: BSL-1.0
// The access log's line of a session, as text and as JSON.
#include "snipass/telling/record.hpp"

#include "snipass/base/alpn_list.hpp"
#include "snipass/telling/escape.hpp"
#include "snipass/telling/journal_entry.hpp"
#include "snipass/tls/names.hpp"

#include <boost/algorithm/string/join.hpp>

#include <algorithm>
#include <concepts>
#include <vector>

namespace snipass::server {
namespace {

std::string to_hex(const proxy_protocol::unique_id& id) {
    static constexpr std::string_view digits = "0123456789abcdef";
    std::string text;
    for (const auto byte : id) {
        text += digits[byte >> 4];
        text += digits[byte & 0x0f];
    }
    return text;
}

// text_line writes ` key=value`. What is unknown is left out. A client's text is quoted as a JSON string is:
// no byte of it can end a field or a line.
class text_line {
  public:
    explicit text_line(std::string& to) : to_(to) {}

    void word(std::string_view key, std::string_view value) { begin(key) += value; }
    void quoted(std::string_view key, std::string_view value) { append_json(begin(key), value); }
    void cut(std::string_view key, std::string_view value) { append_cut(begin(key), value); }
    void number(std::string_view key, std::integral auto value) { begin(key) += std::to_string(value); }
    void unknown(std::string_view) {}

    void words(std::string_view key, const std::vector<std::string>& values) {
        quoted(key, boost::algorithm::join(values, ","));
    }

    void protocols(std::string_view key, alpn_list list) {
        if (list.empty())
            return;
        std::string joined;
        for (; !list.empty(); list.pop_front()) {
            if (!joined.empty())
                joined += ',';
            joined += list.front();
        }
        cut(key, joined);
    }

  private:
    std::string& begin(std::string_view key) {
        to_ += ' ';
        to_ += key;
        return to_ += '=';
    }

    std::string& to_;
};

// json_line writes `,"key":value`. What is unknown is null.
class json_line {
  public:
    explicit json_line(std::string& to) : to_(to) {}

    void word(std::string_view key, std::string_view value) { append_json(begin(key), value); }
    void quoted(std::string_view key, std::string_view value) { word(key, value); }
    void cut(std::string_view key, std::string_view value) { append_cut(begin(key), value); }
    void number(std::string_view key, std::integral auto value) { begin(key) += std::to_string(value); }
    void unknown(std::string_view key) { begin(key) += "null"; }

    void words(std::string_view key, const std::vector<std::string>& values) {
        begin(key) += '[';
        for (std::size_t i = 0; i < values.size(); ++i) {
            if (i > 0)
                to_ += ',';
            append_json(to_, values[i]);
        }
        to_ += ']';
    }

    void protocols(std::string_view key, alpn_list list) {
        begin(key) += '[';
        const auto first = to_.size();
        for (; !list.empty(); list.pop_front()) {
            const auto before = to_.size();
            if (before > first)
                to_ += ',';
            append_cut(to_, list.front());
            if (to_.size() - first > longest_text) { // the whole entries that fit
                to_.resize(before);
                break;
            }
        }
        to_ += ']';
    }

  private:
    std::string& begin(std::string_view key) {
        to_ += ",\"";
        to_ += key;
        return to_ += "\":";
    }

    std::string& to_;
};

std::chrono::microseconds::rep microseconds(net::clock::duration time) {
    return std::chrono::duration_cast<std::chrono::microseconds>(time).count();
}

std::vector<std::string> names_of(const hello_notes::details::list& numbers,
                                  std::string name(std::uint16_t)) {
    std::vector<std::string> names(numbers.size());
    std::ranges::transform(numbers, names.begin(), name);
    return names;
}

template <class Line>
void tell_request(Line& line, const std::optional<std::string_view>& host, const request_notes& request) {
    host ? line.cut("host", *host) : line.unknown("host");
    line.cut("method", request.method());
    line.cut("target", request.target());
    line.word("version", request.version());
}

template <class Line>
void tell_ech(Line& line, const record& one) {
    line.word("ech", to_string(one.ech));
    if (one.outer_name)
        line.cut("outer_name", *one.outer_name);
}

template <class Line>
void tell_hello(Line& line, const record& one) {
    const auto& hello = one.hello;
    const auto name = hello ? hello->server_name() : std::nullopt;
    name ? line.cut("server_name", *name) : line.unknown("server_name");
    line.protocols("alpn", hello ? hello->offer() : alpn_list{});
    if (one.ech != ech_outcome::unasked)
        tell_ech(line, one);
    const auto* const more = hello ? hello->more() : nullptr;
    if (more == nullptr)
        return;
    line.words("versions", names_of(more->versions, tls::version_name));
    line.words("key_shares", names_of(more->groups, tls::group_name));
    if (one.ech == ech_outcome::unasked)
        line.word("ech", more->ech ? "outer" : "none");
    line.word("ja4", more->ja4);
}

template <class Line>
void tell_result(Line& line, const net::relay_result& result) {
    line.number("to_backend", result.to_backend);
    line.number("to_client", result.to_client);
    line.word("end", net::to_string(result.end));
    if (result.closed_first)
        line.word("closed_first", net::to_string(*result.closed_first));
}

template <class Line>
void tell_relay(Line& line, const relay_facts& relay) {
    line.quoted("address", relay.address);
    if (relay.endpoint)
        line.word("endpoint", relay.endpoint->to_string());
    line.number("connect_us", microseconds(relay.connect_time));
    if (relay.result != nullptr)
        tell_result(line, *relay.result);
}

template <class Line>
void tell_clear(Line& line, const clear_text_notes& one) {
    line.word("tls", one.version);
    line.word("cipher", one.cipher);
    one.protocol.empty() ? line.unknown("chosen") : line.cut("chosen", one.protocol);
    line.word("resumed", one.is_resumed ? "yes" : "no");
    line.word("plaintext", one.is_in_kernel ? "ktls" : "relay");
    if (one.client_name)
        line.cut("client_name", *one.client_name);
    if (one.request)
        tell_request(line, one.host.empty() ? std::nullopt : std::optional<std::string_view>{one.host},
                     *one.request);
    if (one.result)
        tell_result(line, *one.result);
}

// tell is the one list of a session's fields, however they are written.
template <class Line>
void tell(Line&& line, const record& one) {
    line.word("client", one.client.to_string());
    if (one.via)
        line.word("via", one.via->to_string());
    line.word("listener", one.listener);
    if (const auto* const request = one.hello ? one.hello->request() : nullptr)
        tell_request(line, one.hello->server_name(), *request);
    else
        tell_hello(line, one);
    one.match ? line.word("match", config::to_string(*one.match)) : line.unknown("match");
    one.route != 0 ? line.number("route", one.route) : line.unknown("route");
    if (one.route_file != nullptr)
        line.quoted("route_file", *one.route_file);
    one.backend.empty() ? line.unknown("backend") : line.quoted("backend", one.backend);
    if (one.status != 0)
        line.number("status", one.status);
    if (one.id)
        line.word("id", to_hex(*one.id));
    line.number("duration_us", one.duration.count());
    line.number("hello_bytes", one.hello_bytes);
    if (one.in_clear)
        tell_clear(line, *one.in_clear);
    if (one.relay)
        tell_relay(line, *one.relay);
    if (!one.detail.empty())
        line.quoted("detail", one.detail);
}

} // namespace

void format_text(std::string& to, const record& one, time_stamp now) {
    if (now) {
        append_time(to, *now);
        to += ' ';
    }
    to += "session ";
    to += to_string(one.outcome);
    tell(text_line{to}, one);
}

void format_json(std::string& to, const record& one, time_stamp now) {
    to += '{';
    if (now) {
        to += "\"time\":\"";
        append_time(to, *now);
        to += "\",";
    }
    to += "\"event\":\"session\"";
    json_line{to}.word("outcome", to_string(one.outcome));
    tell(json_line{to}, one);
    to += '}';
}

void format_entry(std::string& to, const record& one, config::log_level level) {
    std::string text;
    format_text(text, one, std::nullopt);
    journal_entry entry{to, text, level};
    entry.word("outcome", to_string(one.outcome));
    tell(entry, one);
    entry.end();
}

} // namespace snipass::server
