// SPDX-License-Identifier: BSL-1.0
// What a client says before it can be routed, as it comes in: one loop for all readers.
#include "snipass/session/hearing.hpp"

#include "snipass/net/fd_watch.hpp"
#include "snipass/net/wait_error.hpp"
#include "snipass/os/error.hpp"
#include "snipass/os/tcp.hpp"
#include "snipass/session/balancer.hpp"

#include <algorithm>
#include <cassert>
#include <optional>

namespace snipass::server {
namespace {

using namespace std::chrono_literals;

// A first look that is enough for nearly every opening (a post-quantum hello has 1.7 to 1.9 KB), so that one
// recv does.
constexpr std::size_t first_look = 4'096;

// A socket that is readable without the bytes that were asked for is short of receive buffer, or its client
// does not play fair (a peek ends at urgent data). It stays readable, so only pauses keep us from spinning:
// each is twice the one before, 64 times the first at most.
constexpr auto first_pause = 10ms;
constexpr unsigned most_doublings = 6;

// Each look copies all that has come, so one that finds less than a sixteenth more was too early. So many are
// free; each further one waits first, as above, and finds more: a client that sends four bytes at a time
// would be looked at 8,000 times, and cost 134 MB of copying for a head of 32 KiB.
constexpr unsigned free_early_looks = 16;
constexpr std::size_t early_part = 16;

// Such a socket gets room for twice what was asked for, then for four times.
constexpr unsigned most_room = 2;

net::time_point pause_end(unsigned pauses_before, net::time_point deadline) {
    return std::min(net::clock::now() + first_pause * (1U << std::min(pauses_before, most_doublings)),
                    deadline);
}

// looks are those at one client that did not find what it has to say.
class looks {
  public:
    // note takes how many bytes one found, and the one before; `came`: as many as were asked for. None: the
    // next may be as soon as there is more. Else it is to be later, for the how manieth time, from 0 on.
    std::optional<unsigned> note(bool came, std::size_t before, std::size_t now) noexcept {
        if (!came)
            return in_vain_++;
        in_vain_ = 0;
        if (now - before >= now / early_part || ++early_ <= free_early_looks)
            return {};
        return early_ - free_early_looks - 1;
    }
    [[nodiscard]] unsigned in_vain() const noexcept { return in_vain_; }

  private:
    unsigned in_vain_ = 0; // one after another
    unsigned early_ = 0;   // all of them
};

// help_on: the kernel says that there is something, and it is not what was asked for.
error_code help_on(const unrouted_client& client, std::size_t asked, unsigned looks_in_vain) {
    if (os::peer_has_closed(client.socket.get()))
        return net::wait_error::end_of_file;
    return os::make_room(client.socket.get(), asked << std::min(looks_in_vain + 1, most_room));
}

// missing is how many bytes must be unread in the socket before another look makes sense.
std::size_t missing(const unrouted_client& client) {
    return std::get<opening::need>(client.thread.heard).bytes - client.consumed.size();
}

error_code carry_out(const unrouted_client& client, const opening::step& step) {
    assert(client.consumed.empty()); // who was read elsewhere had no part to consume
    const auto taken = client.socket.take_out(step.consume);
    if (!taken)
        return taken.error();
    return step.say.empty() ? error_code{} : os::send_now(client.socket.get(), as_bytes(step.say));
}

} // namespace

std::optional<outcome> premature_end(const error_code& problem) {
    if (!problem)
        return std::nullopt;
    if (problem == net::wait_error::timed_out)
        return outcome::hello_timeout;
    if (problem == bad_balancer_header)
        return outcome::bad_proxy_header;
    if (problem == shed_reason::room)
        return outcome::shed;
    if (problem == shed_reason::source)
        return outcome::shed_source;
    if (problem == shed_reason::stop)
        return outcome::cut_off;
    if (problem == shed_reason::admin)
        return outcome::closed_by_admin;
    if (problem == net::wait_error::end_of_file || os::is_disconnect(problem))
        return outcome::client_closed;
    return outcome::internal_error;
}

error_code hear_now(unrouted_client& client, opening::reader& reader, std::size_t expected) {
    auto& buffer = client.thread.buffer;
    auto& heard = client.thread.heard;
    for (;;) {
        const auto room = buffer.first(client.consumed.size() + first_look + expected);
        std::ranges::copy(client.consumed, room.begin());
        const auto n = os::peek(client.socket.get(), room.subspan(client.consumed.size()));
        const bool nothing = !n && os::would_block(n.error());
        if (!n && !nothing)
            return n.error();
        buffer.bytes = room.first(client.consumed.size() + (nothing ? 0 : *n));
        buffer.holder = &client.about;
        client.about.hello_bytes = buffer.bytes.size();
        client.about.has_spoken = client.about.has_spoken || !buffer.bytes.empty();
        if (buffer.bytes.empty() && !nothing)
            return net::wait_error::end_of_file;
        heard = buffer.bytes.empty() ? opening::need{1} : reader.read(buffer.bytes, buffer.gathered);
        if (const auto* const step = std::get_if<opening::step>(&heard)) {
            if (const auto ec = carry_out(client, *step))
                return ec;
            if (step->is_last)
                return {};
            continue;
        }
        const auto* const more = std::get_if<opening::need>(&heard);
        if (more == nullptr)
            return {};
        if (n && *n == 0)
            return net::wait_error::end_of_file;
        if (buffer.bytes.size() < room.size())
            return os::make_error(EAGAIN); // that was all; with a full buffer there may be more
        expected = std::max(more->bytes, more->at_most);
    }
}

net::task<error_code> hear_on(unrouted_client& client, opening::reader& reader, net::time_point deadline) {
    if (const auto& closed = client.thread.waiting.closed())
        co_return make_error_code(*closed);
    net::fd_watch watch{client.thread.loop, client.socket.get()};
    const waiting_room::place place{client.thread.waiting, client.about.client.address, watch, &client.about};
    // One error_code for all: this frame is what a waiting client costs.
    error_code ec;
    looks so_far;
    bool is_last = false;
    for (std::size_t asked = missing(client);;) {
        if (!is_last) {
            if ((ec = os::wait_for_bytes(client.socket.get(), asked)))
                co_return ec;
            ec = co_await watch.readable(deadline);
            is_last = ec == shed_reason::stop; // look: it may have come while this process was stopped
            if (ec && !is_last)
                co_return ec;
        }
        const auto before = client.about.hello_bytes;
        ec = hear_now(client, reader, asked);
        if (!os::would_block(ec))
            break;
        if (is_last)
            co_return ec = shed_reason::stop;
        const auto now = client.about.hello_bytes;
        const bool came = now >= asked + client.consumed.size();
        asked = missing(client);
        if (!came && (ec = help_on(client, asked, so_far.in_vain())))
            co_return ec;
        const auto pauses = so_far.note(came, before, now);
        if (!pauses)
            continue;
        ec = co_await watch.pause(pause_end(*pauses, deadline));
        is_last = ec == shed_reason::stop;
        if (ec && !is_last && ec != net::wait_error::timed_out)
            co_return ec;
    }
    // The backend gets the socket as accept4 made it.
    if (!ec)
        ec = os::wait_for_bytes(client.socket.get(), 1);
    co_return ec;
}

} // namespace snipass::server
