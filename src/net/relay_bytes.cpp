// SPDX-License-Identifier: BSL-1.0
// How a relay's bytes pass: copied while there are few, spliced while there are many.
#include "snipass/net/relay.hpp"

#include "snipass/handoff/kernel_tls.h"
#include "snipass/net/relay_group.hpp"
#include "snipass/os/error.hpp"
#include "snipass/os/tcp.hpp"
#include "snipass/os/unix_socket.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>

namespace snipass::net {
namespace {

// After so many bytes of a direction, or so many chunks of few bytes, it is the others' turn.
constexpr std::uint64_t share_of_a_turn = 256U << 10;
constexpr int chunks_in_a_row = 16;

// A splice that moved less than this would have been cheaper as a copy (measured: they are even at some 8 to
// 32 KB).
constexpr ssize_t worth_splicing = 16 << 10;

// Through a smaller pipe, splicing is the dearer way.
constexpr std::size_t least_spliced_pipe = 256U << 10;

} // namespace

// pass_on moves bytes until the direction blocks, ends, or has had its share.
void relay::pass_on(direction& one) {
    const auto before = one.bytes;
    for (int i = 0; i < chunks_in_a_row && one.bytes - before < share_of_a_turn; ++i)
        if (one.over || !move_some(one))
            return;
    group_->take_a_turn_later(*this);
}

// discard takes what a side sends to one that has failed: as long as it cannot send, it may not read what
// came before the RST that it is to get.
void relay::discard(direction& one) {
    for (int i = 0; i < chunks_in_a_row && one.from.readable; ++i) {
        const auto there = takes_care(one) ? look(one) : static_cast<ssize_t>(group_->buffer_.size());
        const auto n = there <= 0 ? there
                                  : ::recv(one.from.fd.get(), group_->buffer_.data(),
                                           static_cast<std::size_t>(there), MSG_DONTWAIT);
        one.from.readable = n > 0;
        if (n > 0)
            group_->count_passed(static_cast<std::size_t>(n));
        else if (n < 0 && !os::would_block(os::last_error()))
            fail(one.from);
    }
    if (one.from.readable)
        group_->take_a_turn_later(*this);
}

// move_some: false if nothing more can pass now. What is in the pipe goes first: the end of a direction is
// seen only when its pipe is empty.
bool relay::move_some(direction& one) {
    if (one.in_pipe > 0)
        return empty_pipe(one);
    if (!one.from.readable || !one.to.writable)
        return false;
    if (!takes_care(one))
        one.pipe = group_->pipes_.lend();
    const bool spliced = one.bulk && one.pipe.capacity >= least_spliced_pipe && !one.from.urgent;
    const auto n = !one.pipe ? copy_with_care(one) : spliced ? splice_in(one) : copy(one);
    const bool blocked = n < 0 && os::would_block(os::last_error());
    if (one.in_pipe == 0)
        return_pipe(one);
    if (n > 0) {
        last_byte_ = clock::now();
        group_->count_passed(static_cast<std::size_t>(n));
        return !one.over;
    }
    if (blocked) {
        one.from.readable = false;
        return false;
    }
    if (n == 0 && spliced) { // it says so in front of an urgent byte, too
        one.bulk = false;
        return true;
    }
    if (n < 0)
        fail(one.from);
    if (n == 0 && !says_end(one))
        return false;
    over(one);
    return false;
}

// says_end: FIN alone would not tell a client of TLS that this is the whole answer. False: there is no room
// for it yet; without, the kernel would lose the last record, too.
bool relay::says_end(direction& one) {
    if (!one.to.is_in_clear || ::kernel_tls_say_end(&handoff_libc, one.to.fd.get()) ||
        !os::would_block(os::last_error()))
        return true;
    one.to.writable = false;
    return false;
}

// prepare_to_splice: splice(2) has no MSG_DONTWAIT.
void relay::prepare_to_splice() {
    if (!std::exchange(may_splice_, true))
        os::set_nonblocking(client_.fd.get());
}

// do_not_delay: nothing is in the way of the first bytes, and many a backend hears no others.
void relay::do_not_delay(direction& one) {
    if (one.bytes == 0 || !one.to.may_delay)
        return;
    one.to.may_delay = false;
    os::send_at_once(one.to.fd.get());
}

// copy passes a chunk through the group's buffer: for little it is cheaper than splicing. What the other side
// has no room for waits in the pipe.
ssize_t relay::copy(direction& one) {
    const auto room = std::min(group_->buffer_.size(), one.pipe.capacity);
    const auto n = ::recv(one.from.fd.get(), group_->buffer_.data(), room, MSG_DONTWAIT);
    if (n <= 0)
        return n;
    came(one, static_cast<std::size_t>(n));
    auto size = static_cast<std::size_t>(n);
    const bool is_last =
        one.from.hung_up && size < room && (is_drained(one.from) || read_the_end(one, size, room));
    one.bulk = size == room;
    // The socket is empty, and what comes next is announced (epoll(7)); but an end that was announced already
    // is not announced again, and a read ends in front of an urgent byte, too.
    one.from.readable = size == room || one.from.hung_up || one.from.urgent;
    const auto sent = send(one, group_->buffer_.data(), size, is_last ? MSG_MORE : 0);
    if (is_last && sent == size)
        over(one);
    if (sent < size && !one.over)
        keep(one, group_->buffer_.data() + sent, size - sent);
    return n;
}

// keep: an empty pipe takes all that is not more than its capacity (pipe(7)), unless there is no memory for
// its pages. Bytes that are lost so must not go unnoticed.
void relay::keep(direction& one, const std::uint8_t* bytes, std::size_t size) {
    prepare_to_splice();
    const auto n = ::write(one.pipe.write_end.get(), bytes, size);
    one.in_pipe = size;
    if (n == static_cast<ssize_t>(size))
        return;
    failure_ = relay_end::no_memory;
    client_.failed = backend_.failed = true;
    to_backend_.over = to_client_.over = true;
}

// is_drained: a read that was short has found the FIN that was there before it (tcp(7)). Only in front of an
// urgent byte, and after an RST, it says less; and a unix socket's ends with each message of descriptors.
bool relay::is_drained(const socket& one) noexcept {
    return one.is_tcp && !one.urgent && !one.failed;
}

// read_the_end adds what is left to read of a side that has hung up; true if its FIN comes next. The last
// bytes and the FIN then leave as one segment.
bool relay::read_the_end(direction& one, std::size_t& size, std::size_t room) {
    const auto n = ::recv(one.from.fd.get(), group_->buffer_.data() + size, room - size, MSG_DONTWAIT);
    if (n > 0)
        size += static_cast<std::size_t>(n);
    else if (n < 0 && !os::would_block(os::last_error()))
        fail(one.from); // this call took the error: nothing else tells of it any more
    return n == 0 && !one.from.failed;
}

bool relay::takes_care(const direction& one) const noexcept {
    return client_is_shared_ || one.from.may_send_files;
}

namespace {

// after_record: what TLS says besides data is no error. As recv(2): 0 for its end; 1 where it says on.
ssize_t after_record(int fd) {
    const int error = errno;
    switch (::kernel_tls_after_read(&handoff_libc, fd, error)) {
    case kernel_tls_again:
        return 1;
    case kernel_tls_end:
        return 0;
    case kernel_tls_reset:
    case kernel_tls_no_part:
        break;
    }
    errno = error;
    return -1;
}

} // namespace

// look peeks into the group's buffer.
ssize_t relay::look(direction& one) {
    auto& buffer = group_->buffer_;
    if (one.from.may_send_files)
        return os::peek_bytes_alone(one.from.fd.get(), buffer);
    return ::recv(one.from.fd.get(), buffer.data(), buffer.size(), MSG_PEEK | MSG_DONTWAIT);
}

// copy_with_care needs no pipe: only what has been sent is taken out of the socket.
ssize_t relay::copy_with_care(direction& one) {
    const auto n = look(one);
    if (n < 0 && one.from.is_in_clear && ::kernel_tls_may_explain(errno))
        return after_record(one.from.fd.get());
    if (n <= 0)
        return n;
    const auto sent = send(one, group_->buffer_.data(), static_cast<std::size_t>(n));
    came(one, sent);
    if (sent > 0)
        (void)!::recv(one.from.fd.get(), group_->buffer_.data(), sent, MSG_DONTWAIT);
    return n;
}

// splice_in goes on while there is much to come: the more passes at once, the less often the other side is
// woken (measured: a tenth of the cost of bulk).
ssize_t relay::splice_in(direction& one) {
    prepare_to_splice();
    ssize_t n = 0;
    do {
        n = ::splice(one.from.fd.get(), nullptr, one.pipe.write_end.get(), nullptr,
                     std::min(one.pipe.splice_capacity() - one.in_pipe, portion(one.from)),
                     SPLICE_F_NONBLOCK | SPLICE_F_MOVE);
        if (n > 0) {
            came(one, static_cast<std::size_t>(n));
            one.in_pipe += static_cast<std::size_t>(n);
        }
    } while (n >= worth_splicing && one.in_pipe < one.pipe.splice_capacity());
    if (one.in_pipe == 0)
        return n;
    if (n < 0 && !os::would_block(os::last_error()))
        fail(one.from); // this call took the error: nothing else tells of it any more
    one.bulk = one.in_pipe >= std::size_t{worth_splicing};
    return static_cast<ssize_t>(one.in_pipe); // an end is asked for again when the pipe is empty
}

// empty_pipe asks for exactly what is in the pipe: for more, the kernel would hold the last segment back as
// if more were to come (MSG_MORE), for up to 200 ms.
bool relay::empty_pipe(direction& one) {
    if (!one.to.writable)
        return false;
    do_not_delay(one);
    const auto n = ::splice(one.pipe.read_end.get(), nullptr, one.to.fd.get(), nullptr, one.in_pipe,
                            SPLICE_F_NONBLOCK | SPLICE_F_MOVE);
    if (n < 0) {
        one.to.writable = false;
        if (!os::would_block(os::last_error()))
            fail(one.to);
        return false;
    }
    last_byte_ = clock::now();
    one.in_pipe -= static_cast<std::size_t>(n);
    passed(one, static_cast<std::size_t>(n));
    if (one.in_pipe == 0)
        return_pipe(one);
    return true;
}

std::size_t relay::send(direction& one, const std::uint8_t* bytes, std::size_t size, int flags) {
    do_not_delay(one);
    const auto n = ::send(one.to.fd.get(), bytes, size, flags | MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0) {
        one.to.writable = false;
        if (!os::would_block(os::last_error()))
            fail(one.to);
        return 0;
    }
    const auto sent = static_cast<std::size_t>(n);
    one.to.writable = sent == size;
    passed(one, sent);
    return sent;
}

void relay::passed(direction& one, std::size_t size) noexcept {
    one.bytes += size;
    if (auto* const counters = options_.counters)
        (&one == &to_backend_ ? counters->to_backend : counters->to_client).add(size);
}

void relay::return_pipe(direction& one) {
    if (one.pipe)
        group_->pipes_.give_back(std::exchange(one.pipe, {}), one.in_pipe == 0);
    one.in_pipe = 0;
}

} // namespace snipass::net
