// SPDX-License-Identifier: BSL-1.0
// How a connection ends that nobody takes.
#include "snipass/session/refusal.hpp"

#include "snipass/base/bytes.hpp"
#include "snipass/http/answer.hpp"
#include "snipass/net/fd_watch.hpp"
#include "snipass/os/error.hpp"
#include "snipass/os/tcp.hpp"
#include "snipass/tls/constants.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <utility>

namespace snipass::server {
namespace {

using namespace std::chrono_literals;
using net::task;

// How long a refused client may take to hear of it before its socket is closed under it.
constexpr auto linger_time = 1s;

constexpr std::size_t everything = 1U << 30;

// A fatal alert in a record of its own (RFC 8446 sections 5.1 and 6).
std::array<std::uint8_t, 7> alert_record(std::uint8_t description) {
    constexpr std::uint8_t fatal = 2;
    return {tls::content_type::alert, 3, 3, 0, 2, fatal, description};
}

// linger is a moment in which the client can read what it was told. A socket that is closed with bytes
// unread, or that gets more, answers with RST, which can overtake what was said.
task<> linger(context& thread, const ip_address& source, os::unique_fd client) {
    const auto deadline = net::clock::now() + linger_time;
    net::fd_watch watch{thread.loop, client.get()};
    const waiting_room::place place{thread.waiting, source, watch};
    while (!co_await watch.readable(deadline)) {
        const auto n = os::read_away(client.get(), everything);
        if (n && *n == 0)
            break;
        if (!n && !os::would_block(n.error()))
            break;
    }
}

task<> nothing() {
    co_return;
}

// say ends the connection in order: last words, and FIN. Nobody keeps the words while the client reads them.
task<> say(context& thread, const ip_address& source, os::unique_fd client, byte_view last_words) {
    if (os::finish(client.get(), last_words))
        return nothing();
    return linger(thread, source, std::move(client));
}

} // namespace

std::string in_http(const last_words& words) {
    const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
    return http::write_answer(
        {.status = words.status, .text = words.text, .location = words.location, .to_head = words.to_head},
        now);
}

task<> answer(context& thread, const ip_address& source, os::unique_fd client, const last_words& words) {
    const auto bytes = in_http(words);
    return say(thread, source, std::move(client), as_bytes(bytes));
}

task<> refuse(context& thread, const ip_address& source, os::unique_fd client, config::policy how,
              const last_words& words) {
    switch (how) {
    case config::policy::reset:
        os::close_with_reset(std::move(client));
        return nothing();
    case config::policy::alert:
        return say(thread, source, std::move(client), alert_record(words.alert));
    case config::policy::status:
        return answer(thread, source, std::move(client), words);
    case config::policy::close:
    case config::policy::route_to_default:
        break;
    }
    return close_in_order(thread, source, std::move(client));
}

task<> close_in_order(context& thread, const ip_address& source, os::unique_fd client) {
    return say(thread, source, std::move(client), {});
}

} // namespace snipass::server
