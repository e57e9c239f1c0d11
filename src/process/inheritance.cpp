// SPDX-License-Identifier: BSL-1.0
// From one descriptor of the service manager's to listeners and clients.
#include "snipass/process/inheritance.hpp"

#include "snipass/delivery/proxied_session.hpp"
#include "snipass/os/descriptor_queue.hpp"
#include "snipass/os/error.hpp"
#include "snipass/os/tcp.hpp"
#include "snipass/process/leaving.hpp"
#include "snipass/upgrade/form.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

namespace snipass::server {
namespace {

using config::log_level;
using descriptors = std::vector<os::unique_fd>;

bool is_stream(const os::unique_fd& one) {
    int type = -1;
    socklen_t size = sizeof type;
    return ::getsockopt(one.get(), SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_STREAM;
}

// take_pipe: of a way that has none it is empty. nullopt: what came is no such pipe.
std::optional<os::pipe> take_pipe(const upgrade::direction& way, descriptors::iterator& from) {
    if (way.in_pipe == 0)
        return os::pipe{};
    auto read_end = std::move(*from++);
    auto write_end = std::move(*from++);
    auto made = os::adopt_pipe(std::move(read_end), std::move(write_end), way.in_pipe);
    return made ? std::optional{std::move(*made)} : std::nullopt;
}

// take_relay: nullopt: its descriptors are not what the state says. They are taken all the same.
std::optional<moved_relay> take_relay(upgrade::relayed_client known, descriptors::iterator& from) {
    auto client = std::move(*from++);
    auto backend = std::move(*from++);
    auto to_backend = take_pipe(known.relay.to_backend, from);
    auto to_client = take_pipe(known.relay.to_client, from);
    if (!is_stream(client) || !is_stream(backend) || !to_backend || !to_client)
        return std::nullopt;
    const bool is_shared = known.relay.client_is_shared;
    const bool is_tcp = known.relay.backend_is_tcp;
    return moved_relay{std::move(known),
                       {std::move(client), std::move(backend), is_shared, is_tcp},
                       {std::move(*to_backend), std::move(*to_client)}};
}

// belongings are what one worker gets.
struct belongings {
    std::vector<moved_relay> relayed;
    std::vector<moved_client> waiting;
};

} // namespace

inheritance::inheritance(os::passed_sockets& passed) {
    const auto mine = std::ranges::find(passed.all, state_name, &os::passed_socket::name);
    if (mine == passed.all.end())
        return;
    queue_ = std::move(mine->fd);
    passed.all.erase(mine);
}

error_code inheritance::take_state() {
    const auto first = os::take_descriptors(queue_.get(), 1);
    if (!first)
        return first.error();
    const auto bytes = os::read_memory_file(first->front().get(), upgrade::largest_state);
    if (!bytes)
        return bytes.error();
    auto state = upgrade::read(*bytes);
    if (!state)
        return state.error();
    state_ = std::move(*state);
    return {};
}

error_code inheritance::take_listeners(listener_opener& opener) {
    auto sockets = os::take_descriptors(queue_.get(), state_.listeners.size());
    if (!sockets)
        return sockets.error();
    auto socket = sockets->begin();
    for (const auto& one : state_.listeners) {
        auto fd = std::move(*socket++);
        const auto bound = os::local_endpoint(fd.get());
        if (bound && *bound == one.bound && os::is_listening(fd.get()))
            opener.inherit(one.address, one.bound, std::move(fd));
    }
    return {};
}

void inheritance::give_up(log& to, const error_code& why) {
    is_lost_ = true;
    to.write(log_level::error, "what the process before has left cannot be taken: its clients are cut off",
             {{"why", why.message()}});
}

void inheritance::read(log& to, listener_opener& opener) {
    if (!queue_)
        return;
    auto problem = os::look_from_start(queue_.get());
    if (!problem)
        problem = take_state();
    if (!problem)
        problem = take_listeners(opener);
    if (problem)
        give_up(to, problem);
}

void inheritance::divide(worker_pool& workers, service_manager& manager, log& to) {
    const auto queue = std::move(queue_);
    if (!queue)
        return;
    // First: nobody else goes on with them, whatever happens from here on.
    manager.tell(os::forgetting_state(state_name));
    auto state = std::exchange(state_, {});
    if (is_lost_)
        return;
    auto taken = os::take_descriptors(queue.get(), descriptors_of(state) - state.listeners.size());
    if (!taken)
        return give_up(to, taken.error());
    std::vector<std::shared_ptr<belongings>> shares(workers.size());
    std::ranges::generate(shares, [] { return std::make_shared<belongings>(); });
    std::size_t count = 0;
    const auto next = [&]() -> belongings& { return *shares[count++ % shares.size()]; };
    auto from = taken->begin();
    for (auto& one : state.relayed)
        if (auto relay = take_relay(std::move(one), from))
            next().relayed.push_back(std::move(*relay));
    for (auto& one : state.waiting)
        if (auto fd = std::move(*from++); is_stream(fd))
            next().waiting.push_back({std::move(fd), std::move(one)});
    workers.ask([shares](worker& one, unsigned number) {
        for (auto& relay : shares[number]->relayed)
            proxied_session::go_on(one.thread(), std::move(relay));
        for (auto& client : shares[number]->waiting)
            one.go_on_with(std::move(client));
    });
    to.write(log_level::info, "taken over from the process before",
             {{"clients", std::uint64_t{count}},
              {"of", std::uint64_t{state.relayed.size() + state.waiting.size()}},
              {"listeners", std::uint64_t{state.listeners.size()}}});
}

} // namespace snipass::server
