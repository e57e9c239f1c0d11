// SPDX-License-Identifier: BSL-1.0
// See service.hpp.
#include "snipass/ech_keys/service.hpp"

#include "snipass/handoff/sender.h"
#include "snipass/os/error.hpp"

#include <openssl/crypto.h>

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace snipass::ech_keys {
namespace {

constexpr std::size_t most_connections = 512; // of all workers of all routers of this machine
constexpr std::string_view info_label = "tls ech";

// info_of is "tls ech", a zero byte and the ECHConfig (RFC 9849 section 6.1).
std::vector<std::uint8_t> info_of(const ech::config& config) {
    std::vector<std::uint8_t> info(info_label.begin(), info_label.end());
    info.push_back(0);
    info.insert(info.end(), config.whole.begin(), config.whole.end());
    return info;
}

bool may_ask(int connection, const std::vector<std::uint32_t>& allowed) {
    const std::vector<uid_t> users(allowed.begin(), allowed.end());
    uid_t user = 0;
    return handoff_judge_peer(&handoff_libc, connection, users.data(), users.size(), &user) ==
           handoff_allowed;
}

} // namespace

service::service(os::unique_fd listener, std::vector<std::uint32_t> allowed)
    : listener_(std::move(listener)), allowed_(std::move(allowed)), packet_(ech::largest_message) {}

void service::use(std::vector<key_pair> keys) {
    std::vector<kept_key> made;
    for (auto& one : keys) {
        ech::known_config known{one.config.id, one.config.suites, 0, one.written, one.config.public_name};
        for (const auto& before : keys_)
            if (before.config == one.config.whole)
                known.openings = before.known.openings;
        made.push_back(
            {receiver{std::move(one.key), info_of(one.config)}, one.config.whole, std::move(known)});
    }
    keys_ = std::move(made);
    const auto packet = greeting();
    std::erase_if(connections_, [&](connection& one) { return !send(one, packet); });
}

std::vector<std::uint8_t> service::greeting() const {
    std::vector<ech::known_config> all;
    for (const auto& one : keys_)
        all.push_back(one.known);
    std::vector<std::uint8_t> packet;
    ech::write(packet, all);
    return packet;
}

error_code service::serve(int signals, std::chrono::steady_clock::time_point until) {
    using namespace std::chrono;
    std::vector<pollfd> all;
    for (;;) {
        const auto left = duration_cast<milliseconds>(until - steady_clock::now()).count();
        if (left <= 0)
            return {};
        const int listener = connections_.size() < most_connections ? listener_.get() : -1;
        all.assign({{signals, POLLIN, 0}, {listener, POLLIN, 0}});
        for (const auto& one : connections_)
            all.push_back({one.fd.get(), static_cast<short>(one.unsent.empty() ? POLLIN : POLLOUT), 0});
        if (::poll(all.data(), all.size(), static_cast<int>(std::min<std::int64_t>(left, 60'000)) + 1) < 0) {
            if (errno == EINTR)
                continue;
            return os::last_error();
        }
        auto ready = all.begin() + 2;
        std::erase_if(connections_, [&](connection& one) {
            const auto events = (ready++)->revents;
            if (events == 0)
                return false;
            return one.unsent.empty() ? !answer_one(one) : !send_rest(one);
        });
        if (all[0].revents != 0)
            return {};
        if (all[1].revents != 0)
            accept_all();
    }
}

void service::accept_all() {
    while (connections_.size() < most_connections) {
        os::unique_fd fd{::accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)};
        if (!fd)
            return;
        connection made{std::move(fd)};
        if (may_ask(made.fd.get(), allowed_) && send(made, greeting()))
            connections_.push_back(std::move(made));
    }
}

bool service::answer_one(connection& from) {
    const auto size = ::recv(from.fd.get(), packet_.data(), packet_.size(), MSG_DONTWAIT | MSG_TRUNC);
    if (size < 0)
        return errno == EAGAIN || errno == EINTR;
    if (size == 0 || static_cast<std::size_t>(size) > packet_.size())
        return false;
    const auto asked = ech::parse_question({packet_.data(), static_cast<std::size_t>(size)});
    if (!asked)
        return false;
    std::vector<std::uint8_t> packet;
    reply(*asked, packet);
    return send(from, std::move(packet));
}

service::kept_key* service::find(const ech::question& asked) {
    for (auto& one : keys_)
        if (one.known.id == asked.config_id &&
            std::ranges::find(one.known.suites, asked.suite) != one.known.suites.end())
            return &one;
    return nullptr;
}

void service::reply(const ech::question& asked, std::vector<std::uint8_t>& packet) {
    ech::answer made{asked.number, false, {}, {}, {}};
    auto* const key = find(asked);
    const auto context = key != nullptr ? key->with.set_up(asked.suite, asked.enc) : std::nullopt;
    auto plaintext = context ? open(*context, 0, asked.aad, asked.ciphertext) : std::nullopt;
    if (plaintext) {
        ++key->known.openings;
        made.is_open = true;
        made.plaintext = *plaintext;
        if (asked.wants_key) {
            made.key = context->key.view();
            made.base_nonce = context->base_nonce;
        }
    }
    ech::write(packet, made);
}

bool service::send(connection& to, std::vector<std::uint8_t> packet) {
    if (!to.unsent.empty())
        return false; // it reads nothing, and is told of other keys: it may connect again
    to.unsent = std::move(packet);
    return send_rest(to);
}

bool service::send_rest(connection& to) {
    const auto sent = ::send(to.fd.get(), to.unsent.data(), to.unsent.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0)
        return errno == EAGAIN || errno == ENOBUFS || errno == EINTR;
    OPENSSL_cleanse(to.unsent.data(), to.unsent.size());
    to.unsent.clear();
    return true;
}

} // namespace snipass::ech_keys
