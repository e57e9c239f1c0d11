// SPDX-License-Identifier: BSL-1.0
// What is told of a session at its end.
#include "snipass/telling/record.hpp"

#include "snipass/base/alpn_list.hpp"
#include "snipass/telling/escape.hpp"
#include "snipass/tls/names.hpp"

#include <boost/algorithm/string/join.hpp>

#include <algorithm>
#include <vector>

namespace snipass::server {
namespace {

void json_field(std::string& to, std::string_view key, std::string_view value) {
    to += ",\"";
    to += key;
    to += "\":";
    append_json(to, value);
}

// A stranger's text.
void json_cut(std::string& to, std::string_view key, std::string_view value) {
    to += ",\"";
    to += key;
    to += "\":";
    append_cut(to, value);
}

template <class Number>
void json_number(std::string& to, std::string_view key, Number value) {
    to += ",\"";
    to += key;
    to += "\":";
    to += std::to_string(value);
}

void json_null(std::string& to, std::string_view key) {
    to += ",\"";
    to += key;
    to += "\":null";
}

void json_alpn(std::string& to, alpn_list list) {
    to += ",\"alpn\":[";
    const auto begin = to.size();
    for (; !list.empty(); list.pop_front()) {
        const auto before = to.size();
        if (before > begin)
            to += ',';
        append_cut(to, list.front());
        if (to.size() - begin > longest_text) { // the whole entries that fit
            to.resize(before);
            break;
        }
    }
    to += ']';
}

void json_list(std::string& to, std::string_view key, const std::vector<std::string>& values) {
    to += ",\"";
    to += key;
    to += "\":[";
    for (std::size_t i = 0; i < values.size(); ++i) {
        if (i > 0)
            to += ',';
        append_json(to, values[i]);
    }
    to += ']';
}

std::string to_hex(const proxy_protocol::unique_id& id) {
    static constexpr std::string_view digits = "0123456789abcdef";
    std::string text;
    for (const auto byte : id) {
        text += digits[byte >> 4];
        text += digits[byte & 0x0f];
    }
    return text;
}

template <class Value>
void text_field(std::string& to, std::string_view key, const Value& value) {
    to += ' ';
    to += key;
    to += '=';
    to += value;
}

// The names in a text line are quoted as JSON strings are: no byte a client sends can end a field or a line.
void text_quoted(std::string& to, std::string_view key, std::string_view value) {
    text_field(to, key, "");
    append_json(to, value);
}

void text_cut(std::string& to, std::string_view key, std::string_view value) {
    text_field(to, key, "");
    append_cut(to, value);
}

std::chrono::microseconds::rep microseconds(net::clock::duration time) {
    return std::chrono::duration_cast<std::chrono::microseconds>(time).count();
}

void text_alpn(std::string& to, alpn_list list) {
    std::string joined;
    for (; !list.empty(); list.pop_front()) {
        if (!joined.empty())
            joined += ',';
        joined += list.front();
    }
    text_cut(to, "alpn", joined);
}

std::vector<std::string> names_of(const hello_notes::details::list& numbers,
                                  std::string name(std::uint16_t)) {
    std::vector<std::string> names(numbers.size());
    std::ranges::transform(numbers, names.begin(), name);
    return names;
}

void text_hello(std::string& to, const hello_notes& hello) {
    if (const auto name = hello.server_name())
        text_cut(to, "server_name", *name);
    if (const auto offer = hello.offer(); !offer.empty())
        text_alpn(to, offer);
    const auto* const more = hello.more();
    if (more == nullptr)
        return;
    text_quoted(to, "versions", boost::algorithm::join(names_of(more->versions, tls::version_name), ","));
    text_quoted(to, "key_shares", boost::algorithm::join(names_of(more->groups, tls::group_name), ","));
    text_field(to, "ech", more->ech ? "outer" : "none");
    text_field(to, "ja4", more->ja4);
}

void json_hello(std::string& to, const std::optional<hello_notes>& hello) {
    const auto name = hello ? hello->server_name() : std::nullopt;
    name ? json_cut(to, "server_name", *name) : json_null(to, "server_name");
    json_alpn(to, hello ? hello->offer() : alpn_list{});
    const auto* const more = hello ? hello->more() : nullptr;
    if (more == nullptr)
        return;
    json_list(to, "versions", names_of(more->versions, tls::version_name));
    json_list(to, "key_shares", names_of(more->groups, tls::group_name));
    json_field(to, "ech", more->ech ? "outer" : "none");
    json_field(to, "ja4", more->ja4);
}

void text_relay(std::string& to, const relay_facts& relay) {
    text_quoted(to, "address", relay.address);
    if (relay.endpoint)
        text_field(to, "endpoint", relay.endpoint->to_string());
    text_field(to, "connect_us", std::to_string(microseconds(relay.connect_time)));
    if (relay.result == nullptr)
        return;
    text_field(to, "to_backend", std::to_string(relay.result->to_backend));
    text_field(to, "to_client", std::to_string(relay.result->to_client));
    text_field(to, "end", net::to_string(relay.result->end));
    if (relay.result->closed_first)
        text_field(to, "closed_first", net::to_string(*relay.result->closed_first));
}

void json_relay(std::string& to, const relay_facts& relay) {
    json_field(to, "address", relay.address);
    if (relay.endpoint)
        json_field(to, "endpoint", relay.endpoint->to_string());
    json_number(to, "connect_us", microseconds(relay.connect_time));
    if (relay.result == nullptr)
        return;
    json_number(to, "to_backend", relay.result->to_backend);
    json_number(to, "to_client", relay.result->to_client);
    json_field(to, "end", net::to_string(relay.result->end));
    if (relay.result->closed_first)
        json_field(to, "closed_first", net::to_string(*relay.result->closed_first));
}

} // namespace

void format_text(std::string& to, const record& one, time_stamp now) {
    if (now) {
        append_time(to, *now);
        to += ' ';
    }
    to += "session ";
    to += to_string(one.outcome);
    text_field(to, "client", one.client.to_string());
    if (one.via)
        text_field(to, "via", one.via->to_string());
    text_field(to, "listener", one.listener);
    if (one.hello)
        text_hello(to, *one.hello);
    if (one.match)
        text_field(to, "match", config::to_string(*one.match));
    if (one.route)
        text_field(to, "route", std::to_string(*one.route));
    if (!one.backend.empty())
        text_quoted(to, "backend", one.backend);
    if (one.id)
        text_field(to, "id", to_hex(*one.id));
    text_field(to, "duration_us", std::to_string(one.duration.count()));
    text_field(to, "hello_bytes", std::to_string(one.hello_bytes));
    if (one.relay)
        text_relay(to, *one.relay);
    if (!one.detail.empty())
        text_quoted(to, "detail", one.detail);
}

void format_json(std::string& to, const record& one, time_stamp now) {
    to += '{';
    if (now) {
        to += "\"time\":\"";
        append_time(to, *now);
        to += "\",";
    }
    to += "\"event\":\"session\"";
    json_field(to, "outcome", to_string(one.outcome));
    json_field(to, "client", one.client.to_string());
    if (one.via)
        json_field(to, "via", one.via->to_string());
    json_field(to, "listener", one.listener);
    json_hello(to, one.hello);
    one.match ? json_field(to, "match", config::to_string(*one.match)) : json_null(to, "match");
    one.route ? json_number(to, "route", *one.route) : json_null(to, "route");
    one.backend.empty() ? json_null(to, "backend") : json_field(to, "backend", one.backend);
    if (one.id)
        json_field(to, "id", to_hex(*one.id));
    json_number(to, "duration_us", one.duration.count());
    json_number(to, "hello_bytes", one.hello_bytes);
    if (one.relay)
        json_relay(to, *one.relay);
    if (!one.detail.empty())
        json_field(to, "detail", one.detail);
    to += '}';
}

} // namespace snipass::server
