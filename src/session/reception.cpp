// SPDX-License-Identifier: BSL-1.0
// Clients that another router hands to this one.
#include "snipass/session/reception.hpp"

#include "snipass/net/fd_watch.hpp"
#include "snipass/os/error.hpp"
#include "snipass/os/fd_receiving.hpp"
#include "snipass/os/tcp.hpp"
#include "snipass/proxy_protocol/read.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <exception>
#include <string>
#include <string_view>
#include <utility>

namespace snipass::server {
namespace {

using namespace std::chrono_literals;
using net::task;

constexpr std::uint8_t ack = 0x06;

// What a router promises not to exceed (docs/handoff.md).
constexpr std::size_t header_max = 1'024;

// A hello of 64 KiB in records of one byte is 384 KiB.
constexpr std::size_t datagram_max = 512 * 1'024;

// How long a sender may take to send its header, and to let go of a client that it has given away.
constexpr auto patience = 1s;

// is_allowed: whoever can make us take a client can say what it likes of it.
bool is_allowed(const config::listener_settings& listener, uid_t user) {
    return user == 0 || user == ::geteuid() ||
           std::ranges::any_of(listener.allowed_users, [user](const auto& one) { return one.id == user; });
}

std::string stranger(uid_t user) {
    return "user " + std::to_string(user) + " is not in allowed_users";
}

// What is wrong with a handoff, as the log says it.
constexpr std::string_view unknown_sender =
    "nobody knows who sent it (a datagram socket unit needs PassCredentials=yes)";
constexpr std::string_view not_one_descriptor = "not exactly one descriptor came with the first byte";
constexpr std::string_view no_handoff = "this is no handoff header";
constexpr std::string_view no_client = "its descriptor is no TCP connection";
constexpr std::string_view too_slow = "its header did not come in time";

// reception is the frame of one connection.
class reception {
  public:
    reception(context& thread, const config::listener_settings& listener, os::unique_fd connection)
        : thread_(thread), listener_(listener), connection_(std::move(connection)) {}

    task<std::optional<passed_client>> run();

  private:
    enum class progress : std::uint8_t {
        complete,
        partial,
        over, // told already, where there was something to tell
    };

    progress read();
    progress judge();
    progress refuse(std::string_view why);
    task<progress> wait_for_header();
    passed_client make_client();
    [[nodiscard]] bool has_let_go() const;
    task<> wait_for_sole_ownership(const ip_address& client);

    context& thread_;
    const config::listener_settings& listener_;
    os::unique_fd connection_;
    os::unique_fd client_;
    std::size_t size_ = 0;                       // of what has come
    std::array<std::uint8_t, header_max> bytes_; // filled by read()
};

task<std::optional<passed_client>> reception::run() {
    const auto user = os::peer_user(connection_.get());
    if (!user || !is_allowed(listener_, *user)) {
        (void)refuse(user ? stranger(*user) : std::string{unknown_sender});
        co_return std::nullopt;
    }
    auto state = read();
    if (state == progress::partial)
        state = co_await wait_for_header();
    if (state != progress::complete)
        co_return std::nullopt;
    if (!os::is_tcp_connection(client_.get())) {
        (void)refuse(no_client);
        co_return std::nullopt;
    }
    auto client = make_client();
    // Not a flag is set before that: if the sender has taken its client back, somebody else may be serving
    // it.
    if (!os::acknowledge(connection_.get(), ack))
        co_return std::nullopt;
    if (os::prepare_passed(client.fd.get()))
        co_return std::nullopt; // fcntl(2) of a descriptor that is there does not fail
    co_await wait_for_sole_ownership(client.client.address);
    co_return client;
}

reception::progress reception::refuse(std::string_view why) {
    thread_.refuse_handoff(listener_, why);
    return progress::over;
}

reception::progress reception::read() {
    for (;;) {
        auto got = os::receive_fd(connection_.get(), std::span{bytes_}.subspan(size_));
        if (!got && os::would_block(got.error()))
            return progress::partial;
        if ((!got || got->size == 0) && size_ == 0 && (!got || got->fd_count == 0))
            return progress::over; // somebody looked whether we are there
        if (!got || got->size == 0)
            return refuse(no_handoff);
        if (got->no_room) {
            thread_.make_room();
            return progress::over;
        }
        // The descriptor travels on the first byte or not at all.
        if (got->cut || got->fd_count != (size_ == 0 ? 1U : 0U))
            return refuse(not_one_descriptor);
        if (got->fd)
            client_ = std::move(got->fd);
        size_ += got->size;
        const auto state = judge();
        if (state != progress::partial)
            return state;
    }
}

reception::progress reception::judge() {
    const auto answer = proxy_protocol::read(byte_view{bytes_}.first(size_));
    const auto* const part = std::get_if<proxy_protocol::partial>(&answer);
    if (part && part->needed <= bytes_.size())
        return progress::partial;
    const auto* const header = std::get_if<proxy_protocol::header>(&answer);
    const bool good = header && header->size == size_ && header->about;
    return good ? progress::complete : refuse(no_handoff);
}

task<reception::progress> reception::wait_for_header() {
    const auto deadline = net::clock::now() + patience;
    net::fd_watch watch{thread_.loop, connection_.get()};
    // Of whom it is is not known yet: all silent senders are one source.
    const waiting_room::place place{thread_.waiting, ip_address{}, watch};
    auto state = progress::partial;
    while (state == progress::partial) {
        if (co_await watch.readable(deadline))
            co_return refuse(too_slow);
        state = read();
    }
    co_return state;
}

// make_client believes the header: the sender is somebody whom we let say who its clients are. Behind a
// balancer the header has the client, and the socket only the balancer.
passed_client reception::make_client() {
    const auto header =
        std::get<proxy_protocol::header>(proxy_protocol::read(byte_view{bytes_}.first(size_)));
    passed_client made;
    made.client = header.about->source;
    made.local = header.about->destination;
    const auto id = header.tlvs.find(proxy_protocol::tlv_type::unique_id);
    if (id && id->size() == proxy_protocol::unique_id{}.size())
        std::ranges::copy(*id, made.id.emplace().begin());
    const auto peer = os::peer_endpoint(client_.get()); // fails for a client that is gone
    if (peer && *peer != made.client)
        made.via = *peer;
    made.received = net::clock::now();
    made.fd = std::move(client_);
    return made;
}

// has_let_go: the sender has closed its copy, and then the connection. What it says instead is not worth
// waiting for.
bool reception::has_let_go() const {
    std::uint8_t byte = 0;
    return ::recv(connection_.get(), &byte, 1, MSG_DONTWAIT) >= 0 || !os::would_block(os::last_error());
}

// While the sender has its copy, a close of whoever serves the client would not end the connection.
task<> reception::wait_for_sole_ownership(const ip_address& client) {
    if (has_let_go())
        co_return;
    net::fd_watch watch{thread_.loop, connection_.get()};
    const waiting_room::place place{thread_.waiting, client, watch};
    // However it ends, the client is ours, and is served.
    (void)co_await watch.readable(net::clock::now() + patience);
}

} // namespace

task<std::optional<passed_client>> receive_stream(context& thread, const config::listener_settings& listener,
                                                  os::unique_fd connection) {
    reception one{thread, listener, std::move(connection)};
    try {
        co_return co_await one.run();
    } catch (const std::exception& bug) { // no memory, or a registration the kernel refused
        thread.refuse_handoff(listener, bug.what());
    }
    co_return std::nullopt;
}

result<std::optional<passed_client>> receive_datagram(context& thread,
                                                      const config::listener_settings& listener, int socket) {
    const auto room = thread.buffer.first(datagram_max);
    auto got = os::peek_fd(socket, room);
    if (!got)
        return got.error();
    std::string_view problem;
    const auto who = got->sender ? stranger(*got->sender) : std::string{unknown_sender};
    const bool allowed = got->sender && is_allowed(listener, *got->sender);
    if (allowed && got->no_room)
        return os::make_error(EMFILE);
    os::drop_message(socket);
    if (!allowed)
        problem = who;
    else if (got->cut || got->fd_count != 1)
        problem = not_one_descriptor;
    else if (os::prepare_passed(got->fd.get()))
        problem = no_client;
    if (!problem.empty()) {
        thread.refuse_handoff(listener, problem);
        return std::nullopt;
    }
    passed_client client;
    if (const auto peer = os::peer_endpoint(got->fd.get())) // fails for a client that is gone
        client.client = *peer;
    client.fd = std::move(got->fd);
    const auto bytes = room.first(got->size);
    client.consumed.assign(bytes.begin(), bytes.end());
    client.received = net::clock::now();
    return client;
}

} // namespace snipass::server
