// SPDX-License-Identifier: BSL-1.0
// See ech_channel.hpp.
#include "snipass/context/ech_channel.hpp"

#include "snipass/os/error.hpp"
#include "snipass/os/unix_socket.hpp"

#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>

namespace snipass::server {
namespace {

using namespace std::chrono_literals;

// The helper answers in some 60 us each, one after another.
constexpr std::size_t most_unanswered = 64;

constexpr auto pause_between_connects = 100ms;

iovec part_of(byte_view bytes) noexcept {
    return {const_cast<std::uint8_t*>(bytes.data()), bytes.size()};
}

error_code send(int fd, const ech::question& what) {
    const auto head = ech::head_of(what);
    std::array parts{part_of(head), part_of(what.enc), part_of(what.ciphertext), part_of(what.aad)};
    msghdr message{};
    message.msg_iov = parts.data();
    message.msg_iovlen = parts.size();
    return ::sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? os::last_error() : error_code{};
}

} // namespace

void ech_channel::aim(const std::string& path) {
    if (path == path_)
        return;
    path_ = path;
    has_heard_ = false;
    known_.clear();
    if (!is_alive_) {
        is_alive_ = true;
        loop_.spawn(live());
        return;
    }
    if (fd_)
        (void)::shutdown(fd_.get(), SHUT_RDWR); // and hear() ends
    nap_.wake();
}

std::optional<bool> ech_channel::is_known(std::uint8_t config_id, const ech::cipher_suite& suite) const {
    if (!has_heard_)
        return std::nullopt;
    return std::ranges::any_of(known_, [&](const ech::known_config& one) {
        return one.id == config_id && std::ranges::find(one.suites, suite) != one.suites.end();
    });
}

void ech_channel::ask(inquiry& one, ech::question what) {
    if (fd_ && unanswered_ < most_unanswered) {
        what.number = ++last_number_;
        if (!send(fd_.get(), what)) {
            one.number_ = what.number;
            ++unanswered_;
            asked_.push_back(one);
            return;
        }
    }
    queued_.push_back(one); // a connection that has failed ends in hear(), and a full one has answers to come
}

net::task<> ech_channel::live() {
    while (!path_.empty()) {
        auto made = os::connect_unix(path_, SOCK_SEQPACKET);
        if (made) {
            fd_ = std::move(*made);
            co_await hear();
            lose();
        }
        co_await nap_.sleep(net::clock::now() + pause_between_connects);
    }
    is_alive_ = false;
}

// hear lasts as long as the connection does.
net::task<> ech_channel::hear() {
    net::fd_watch watch{loop_, fd_.get()};
    packet_.resize(ech::largest_message);
    for (;;) {
        const auto ec = co_await watch.readable(net::time_point::max());
        if (ec || !take_packets())
            co_return;
    }
}

bool ech_channel::take_packets() {
    for (;;) {
        const auto size = ::recv(fd_.get(), packet_.data(), packet_.size(), MSG_DONTWAIT | MSG_TRUNC);
        if (size < 0)
            return errno == EAGAIN || errno == EINTR;
        if (size == 0 || static_cast<std::size_t>(size) > packet_.size())
            return false;
        if (!take({packet_.data(), static_cast<std::size_t>(size)}))
            return false;
    }
}

bool ech_channel::take(byte_view packet) {
    if (ech::is_answer(packet)) {
        const auto one = ech::parse_answer(packet);
        if (one)
            take_answer(*one);
        return one.has_value();
    }
    auto all = ech::parse_configs(packet);
    if (!all)
        return false;
    known_ = std::move(*all);
    has_heard_ = true;
    tell_all(queued_);
    return true;
}

void ech_channel::take_answer(const ech::answer& one) {
    unanswered_ -= unanswered_ > 0 ? 1 : 0;
    const auto found = std::find_if(asked_.begin(), asked_.end(),
                                    [&](const inquiry& other) { return other.number_ == one.number; });
    if (found != asked_.end()) { // else its session has ended
        found->is_answered_ = true;
        if (one.is_open)
            found->result_.emplace(opened{{one.plaintext.begin(), one.plaintext.end()},
                                          {one.key.begin(), one.key.end()},
                                          one.base_nonce});
        tell(*found);
    }
    // Whoever was told may have left since: as many as there is room for, not one for each answer.
    for (auto room = most_unanswered - unanswered_; room > 0 && !queued_.empty(); --room)
        tell(queued_.front());
}

void ech_channel::lose() {
    fd_.reset();
    unanswered_ = 0;
    tell_all(asked_);
}

void ech_channel::tell(inquiry& one) {
    one.unlink();
    one.watch_.interrupt(os::make_error(EAGAIN));
}

void ech_channel::tell_all(inquiry_list& all) {
    while (!all.empty())
        tell(all.front());
}

} // namespace snipass::server
