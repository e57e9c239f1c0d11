// SPDX-License-Identifier: BSL-1.0
// Handing a client's socket to a backend.
#include "snipass/net/handoff.hpp"

#include "snipass/os/error.hpp"

#include <poll.h>
#include <sys/socket.h>

namespace snipass::net {
namespace {

constexpr std::uint8_t ack = 0x06;

// A hello in one-byte records has six times its size, and the largest hello is far below that times the
// kernel's default.
constexpr int datagram_send_buffer = 1 << 20;

// A look whose the file is costs a call, and a full queue is looked at often.
constexpr unsigned looks_at_the_file = 8;

// The backend's answer, read once. Anything but ACK means that it has not taken the client.
bool acknowledged(int connection) {
    std::uint8_t answer = 0;
    return ::recv(connection, &answer, 1, MSG_DONTWAIT) == 1 && answer == ack;
}

// offer connects and sends; on success the connection on which the answer will come.
result<os::unique_fd> offer(std::string_view path, int client, byte_view header) {
    auto connection = os::connect_unix(path, SOCK_STREAM);
    if (!connection)
        return connection.error();
    const auto sent = os::send_with_fd(connection->get(), header, client);
    if (!sent)
        return sent.error();
    if (*sent != header.size())
        return os::make_error(ENOBUFS); // not in a fresh connection's empty buffer
    return connection;
}

handoff_result failure(const error_code& ec) {
    return {to_status(ec), ec};
}

constexpr handoff_result taken{handoff_status::taken, {}};
const handoff_result queue_full{handoff_status::queue_full, os::make_error(EAGAIN)};

} // namespace

handoff_status to_status(const error_code& ec) noexcept {
    if (os::would_block(ec))
        return handoff_status::backlog_full;
    if (os::is_transient(ec))
        return handoff_status::no_resources;
    switch (os::errno_of(ec)) {
    case ENOENT:
        return handoff_status::absent;
    case ECONNREFUSED:
        return handoff_status::refused;
    case EPIPE:
    case ECONNRESET:
        return handoff_status::declined;
    default:
        return handoff_status::failed;
    }
}

bool may_pass_soon(handoff_status status) noexcept {
    return status == handoff_status::backlog_full || status == handoff_status::queue_full ||
           status == handoff_status::no_resources;
}

task<handoff_result> hand_off_stream(event_loop& loop, std::string_view path, os::unique_fd& client,
                                     byte_view header, time_point deadline) {
    auto connection = offer(path, client.get(), header);
    if (!connection)
        co_return failure(connection.error());
    fd_watch answer{loop, connection->get()};
    const auto ec = co_await answer.readable(deadline);
    // From here on the backend's ACK fails, so what was said before decides (docs/handoff.md, taking back).
    if (ec)
        os::refuse_answer(connection->get());
    if (acknowledged(connection->get())) {
        client.reset(); // before the connection, whose end tells the backend that it is the only owner
        answer.close(std::move(*connection));
        co_return taken;
    }
    co_return handoff_result{ec ? handoff_status::silent : handoff_status::declined, {}};
}

handoff_result datagram_channel::ready(std::size_t size) {
    for (;;) {
        if (!socket_) {
            if (const auto result = connect(); result.status != handoff_status::taken)
                return result;
        }
        if (size > largest_)
            return failure(os::make_error(EMSGSIZE));
        if (!doubtful_ || has_room())
            return taken;
        // Of a receiver that hangs, another one may have taken the place.
        if (++full_ % looks_at_the_file != 0 || !is_replaced())
            return queue_full;
        socket_.reset();
    }
}

handoff_result datagram_channel::connect() {
    file_ = os::file_at(path_);
    auto connected = os::connect_unix(path_, SOCK_DGRAM);
    if (!connected)
        return failure(connected.error());
    socket_ = std::move(*connected);
    doubtful_ = true;
    // The kernel cuts the wish to net.core.wmem_max, so what was granted is read back.
    int granted = datagram_send_buffer;
    socklen_t granted_size = sizeof granted;
    (void)::setsockopt(socket_.get(), SOL_SOCKET, SO_SNDBUF, &granted, granted_size);
    (void)::getsockopt(socket_.get(), SOL_SOCKET, SO_SNDBUF, &granted, &granted_size);
    constexpr int kernel_overhead = 32; // unix_dgram_sendmsg: a longer one is EMSGSIZE
    largest_ = static_cast<std::size_t>(granted - kernel_overhead);
    return taken;
}

handoff_result datagram_channel::send(os::unique_fd& client, byte_view bytes) {
    const auto sent = os::send_with_fd(socket_.get(), bytes, client.get());
    doubtful_ = !sent;
    if (!sent) {
        // A receiver that was restarted has another socket behind the same path.
        if (os::would_block(sent.error()))
            return queue_full;
        if (!os::is_transient(sent.error()))
            socket_.reset();
        return failure(sent.error());
    }
    client.reset();
    return taken;
}

// A connected datagram socket is writable while its peer's queue has room (unix(7)).
bool datagram_channel::has_room() const {
    pollfd one{socket_.get(), POLLOUT, 0};
    return ::poll(&one, 1, 0) == 1 && (one.revents & POLLOUT) != 0;
}

bool datagram_channel::is_replaced() const {
    const auto now = os::file_at(path_);
    return now != file_ && now != os::file_id{};
}

} // namespace snipass::net
