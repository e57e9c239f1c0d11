// SPDX-License-Identifier: BSL-1.0
// What OpenSSL reads from and writes to.
#include "snipass/terminate/wire.hpp"

#include "snipass/os/error.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <new>

namespace snipass::terminate {
namespace {

wire& of(BIO* bio) {
    return *static_cast<wire*>(BIO_get_data(bio));
}

int read_bio(BIO* bio, char* to, int size) {
    auto& one = of(bio);
    BIO_clear_retry_flags(bio);
    const int n =
        one.read({reinterpret_cast<std::uint8_t*>(to), static_cast<std::size_t>(std::max(size, 0))});
    if (n < 0 && !one.problem())
        BIO_set_retry_read(bio);
    return n;
}

int write_bio(BIO* bio, const char* from, int size) {
    auto& one = of(bio);
    BIO_clear_retry_flags(bio);
    const int n =
        one.write({reinterpret_cast<const std::uint8_t*>(from), static_cast<std::size_t>(std::max(size, 0))});
    if (n < 0 && !one.problem())
        BIO_set_retry_write(bio);
    return n;
}

// What OpenSSL asks besides: nothing is kept back here, so a flush has nothing to do.
long control(BIO* bio, int what, long /*number*/, void* /*pointer*/) {
    if (what == BIO_CTRL_EOF)
        return of(bio).has_ended() ? 1 : 0;
    return what == BIO_CTRL_FLUSH || what == BIO_CTRL_DUP ? 1 : 0;
}

const BIO_METHOD* method() {
    static BIO_METHOD* const made = [] {
        auto* const one = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "snipass wire");
        if (one == nullptr)
            throw std::bad_alloc{};
        BIO_meth_set_read(one, read_bio);
        BIO_meth_set_write(one, write_bio);
        BIO_meth_set_ctrl(one, control);
        return one;
    }();
    return made;
}

} // namespace

BIO* wire::bio() {
    auto* const made = BIO_new(method());
    if (made == nullptr)
        throw std::bad_alloc{};
    BIO_set_data(made, this);
    BIO_set_init(made, 1);
    return made;
}

namespace {

std::size_t body_size(std::span<const std::uint8_t, 5> head) {
    return std::size_t{head[3]} << 8 | head[4];
}

} // namespace

void wire::count(std::span<const std::uint8_t> taken) noexcept {
    if (in_head_ < head_size) {
        std::ranges::copy(taken, head_.begin() + static_cast<std::ptrdiff_t>(in_head_));
        in_head_ += taken.size();
        if (in_head_ == head_size)
            left_ = body_size(head_);
    } else {
        left_ -= taken.size();
    }
    if (in_head_ == head_size && left_ == 0)
        in_head_ = 0;
}

void wire::note(std::span<const std::uint8_t> sent) noexcept {
    for (const auto byte : sent) {
        if (sent_ < head_size)
            sent_head_[sent_] = byte;
        else if (sent_ - head_size < nonce_.size())
            nonce_[sent_ - head_size] = byte;
        if (++sent_ >= head_size && sent_ == head_size + body_size(sent_head_))
            sent_ = 0;
    }
}

int wire::read(std::span<std::uint8_t> to) {
    if (is_exact_)
        return read_exactly(to);
    is_dry_ = false;
    if (reads_left_ == 0)
        return -1;
    --reads_left_;
    return receive(to, 0);
}

int wire::receive(std::span<std::uint8_t> to, int flags) {
    const auto n = ::recv(client_, to.data(), to.size(), flags | MSG_DONTWAIT);
    ended_ = ended_ || (n == 0 && !to.empty());
    is_dry_ = n < 0 && os::would_block(os::last_error());
    if (n < 0 && !is_dry_ && errno != EINTR)
        problem_ = os::last_error();
    return static_cast<int>(n);
}

int wire::read_exactly(std::span<std::uint8_t> to) {
    if (!may_begin_ && is_at_boundary()) {
        ++refused_;
        return -1;
    }
    const auto part = to.first(std::min(to.size(), in_head_ < head_size ? head_size - in_head_ : left_));
    const int n = room_.empty() ? receive(part, 0) : look(part);
    if (n > 0)
        count(part.first(static_cast<std::size_t>(n)));
    return n;
}

int wire::look(std::span<std::uint8_t> to) {
    if (taken_ == seen_) {
        take_out();
        if (looks_left_ == 0)
            return -1;
        --looks_left_;
        const int n = receive(room_, MSG_PEEK);
        if (n <= 0)
            return n;
        seen_ = static_cast<std::size_t>(n);
    }
    const auto n = std::min(to.size(), seen_ - taken_);
    std::ranges::copy(room_.subspan(taken_, n), to.begin());
    taken_ += n;
    return static_cast<int>(n);
}

// take_out: what was seen is there, and nobody else reads.
void wire::take_out() {
    if (taken_ > 0 && receive(room_.first(taken_), 0) != static_cast<int>(taken_) && !problem_)
        problem_ = os::make_error(EIO);
    taken_ = seen_ = 0;
}

void wire::end_step() {
    take_out();
    room_ = {};
}

int wire::write(std::span<const std::uint8_t> from) {
    if (!is_exact_)
        return keep(from);
    const auto n = ::send(client_, from.data(), from.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n < 0 && !os::would_block(os::last_error()) && errno != EINTR)
        problem_ = os::last_error();
    if (n > 0)
        note(from.first(static_cast<std::size_t>(n)));
    return static_cast<int>(n);
}

int wire::keep(std::span<const std::uint8_t> from) {
    if (is_mute_)
        return static_cast<int>(from.size());
    const auto rest = from.subspan(kept_.empty() ? send(from) : 0);
    if (problem_)
        return -1;
    try {
        kept_.reserve(kept_.size() + rest.size());
        kept_.insert(kept_.end(), rest.begin(), rest.end());
    } catch (const std::bad_alloc&) { // OpenSSL, which calls, is C
        problem_ = os::make_error(ENOMEM);
        return -1;
    }
    return static_cast<int>(from.size());
}

void wire::flush() {
    const auto n = send(kept_);
    if (n == kept_.size())
        kept_ = {};
    else
        kept_.erase(kept_.begin(), kept_.begin() + static_cast<std::ptrdiff_t>(n));
}

// send goes on until the socket is full: epoll tells of room from then on.
std::size_t wire::send(std::span<const std::uint8_t> from) {
    std::size_t sent = 0;
    while (sent < from.size()) {
        const auto n = ::send(client_, from.data() + sent, from.size() - sent, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && !os::would_block(os::last_error()))
            problem_ = os::last_error();
        if (n < 0)
            break;
        sent += static_cast<std::size_t>(n);
    }
    return sent;
}

} // namespace snipass::terminate
