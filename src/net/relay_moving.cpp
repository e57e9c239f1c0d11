// SPDX-License-Identifier: BSL-1.0
// How a relay goes on in another process.
#include "snipass/net/relay.hpp"

#include "snipass/net/moved_time.hpp"
#include "snipass/net/relay_group.hpp"
#include "snipass/os/client_options.hpp"

#include <utility>

namespace snipass::net {
namespace {

// by_name: none: there was none, or this version does not know it.
std::optional<relay_end> by_name(std::string_view name) {
    for (std::size_t i = 0; i < relay_end_count; ++i)
        if (const auto one = static_cast<relay_end>(i); to_string(one) == name)
            return one;
    return std::nullopt;
}

std::optional<relay_side> side_by_name(std::string_view name) {
    for (const auto one : {relay_side::client, relay_side::backend})
        if (to_string(one) == name)
            return one;
    return std::nullopt;
}

} // namespace

relay::relay(relay_sockets sockets, relay_pipes pipes, const upgrade::relay& before,
             const relay_options& options) noexcept
    : relay(std::move(sockets), options) {
    const auto take_side = [](socket& to, const upgrade::side& from) {
        to.buffered = from.buffered;
        to.urgent = from.is_urgent;
        to.failed = from.has_failed;
        to.may_delay = from.may_delay;
        to.is_bounded = from.is_bounded;
        to.is_full_grown = from.is_full_grown;
        to.is_to_reset = true;
        to.readable = to.writable = false; // its registration tells
    };
    const auto take_way = [](direction& to, const upgrade::direction& from, os::pipe pipe) {
        to.pipe = std::move(pipe);
        to.in_pipe = to.pipe ? from.in_pipe : 0;
        to.bytes = from.bytes;
        to.bulk = from.is_bulk;
        to.over = from.is_over;
        to.looks = from.looks;
        to.left = from.left;
        to.due = from.due;
    };
    take_side(client_, before.client);
    take_side(backend_, before.backend);
    take_way(to_backend_, before.to_backend, std::move(pipes.to_backend));
    take_way(to_client_, before.to_client, std::move(pipes.to_client));
    started_ = from_moved(before.started);
    last_byte_ = from_moved(before.last_byte);
    looked_at_ = from_moved(before.looked_at);
    failure_ = by_name(before.failure);
    if (!failure_ && (client_.failed || backend_.failed))
        failure_ = client_.failed ? relay_end::client_reset : relay_end::backend_reset;
    closed_first_ = side_by_name(before.closed_first);
    may_splice_ = before.may_splice;
    peers_are_watched_ = before.peers_are_watched;
    flush_looks_ = before.flush_looks;
    unflushed_ = before.unflushed;
}

upgrade::relay relay::state() const {
    const auto side = [](const socket& one) {
        return upgrade::side{one.buffered,  one.urgent,     one.failed,
                             one.may_delay, one.is_bounded, one.is_full_grown};
    };
    const auto way = [](const direction& one) {
        return upgrade::direction{one.bytes, one.in_pipe, one.bulk, one.over, one.looks, one.left, one.due};
    };
    upgrade::relay now;
    now.client = side(client_);
    now.backend = side(backend_);
    now.to_backend = way(to_backend_);
    now.to_client = way(to_client_);
    now.started = to_moved(started_);
    now.last_byte = to_moved(last_byte_);
    now.looked_at = to_moved(looked_at_);
    now.failure = failure_ ? to_string(*failure_) : "";
    now.closed_first = closed_first_ ? to_string(*closed_first_) : "";
    now.client_is_shared = client_is_shared_;
    now.backend_is_tcp = backend_.is_tcp;
    now.may_splice = may_splice_;
    now.peers_are_watched = peers_are_watched_;
    now.flush_looks = flush_looks_;
    now.unflushed = unflushed_;
    return now;
}

void relay::add_descriptors(std::vector<int>& to) const {
    to.push_back(client_.fd.get());
    to.push_back(backend_.fd.get());
    for (const auto* const one : {&to_backend_, &to_client_})
        if (one->in_pipe > 0)
            to.insert(to.end(), {one->pipe.read_end.get(), one->pipe.write_end.get()});
}

// prepare_to_leave: where nobody goes on with it, whoever has the last copies of its sockets closes them as
// they are. It goes on meanwhile, and for the next process they are prepared already.
void relay::prepare_to_leave() {
    for (auto* const one : {&client_, &backend_})
        if (!one->is_to_reset) {
            os::reset_at_close(one->fd.get(), true);
            one->is_to_reset = true;
        }
}

// drop: the other process's copies are of the same open files, so what is registered here stays.
void relay::drop() {
    disarm();
    for (auto* const one : {&client_, &backend_})
        group_->count_buffered(one->buffered, 0);
    return_pipe(to_backend_);
    return_pipe(to_client_);
}

} // namespace snipass::net
