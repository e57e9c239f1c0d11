// SPDX-License-Identifier: BSL-1.0
// From one descriptor of the service manager's to listeners and clients.
#include "snipass/process/inheritance.hpp"

#include "snipass/delivery/proxied_session.hpp"
#include "snipass/os/descriptor_queue.hpp"
#include "snipass/os/error.hpp"
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

// take_relay: nullopt: its descriptors are not what the state says. They are taken all the same. Of a socket
// that is none the relay itself will hear: with ten thousand of them it would take a while to look at each.
std::optional<moved_relay> take_relay(upgrade::relayed_client known, descriptors::iterator& from) {
    auto client = std::move(*from++);
    auto backend = std::move(*from++);
    auto to_backend = take_pipe(known.relay.to_backend, from);
    auto to_client = take_pipe(known.relay.to_client, from);
    if (!to_backend || !to_client)
        return std::nullopt;
    const bool is_shared = known.relay.client_is_shared;
    const bool is_tcp = known.relay.backend_is_tcp;
    return moved_relay{std::move(known),
                       {std::move(client), std::move(backend), is_shared, is_tcp},
                       {std::move(*to_backend), std::move(*to_client)}};
}

// try_to: what a system call says once, for want of memory, it may not say again. What is damaged stays so.
error_code try_to(const auto& job) {
    constexpr int most_tries = 3;
    auto problem = job();
    for (int i = 1; i < most_tries && problem && problem.category() == boost::system::system_category(); ++i)
        problem = job();
    return problem;
}

// belongings are what one worker gets. It reads its relays itself, one after the other.
struct belongings {
    std::shared_ptr<const std::vector<std::uint8_t>> bytes;
    std::uint32_t version = 0;
    std::vector<upgrade::relay_place> relays;
    descriptors of_relays;
    std::vector<moved_client> waiting;

    void go_on(worker& at) {
        auto from = of_relays.begin();
        for (const auto& place : relays)
            if (auto one = take_relay(upgrade::read_relay(*bytes, place, version), from))
                proxied_session::go_on(at.thread(), std::move(*one));
            else
                at.lose("a relay's descriptors are not what the process before says of them");
        for (auto& one : waiting)
            at.go_on_with(std::move(one));
    }
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
    auto bytes = os::read_memory_file(first->front().get(), upgrade::largest_state);
    if (!bytes)
        return bytes.error();
    auto state = upgrade::scan(*bytes);
    if (!state)
        return state.error();
    state_ = std::move(*state);
    bytes_ = std::make_shared<const std::vector<std::uint8_t>>(std::move(*bytes));
    return {};
}

error_code inheritance::take_listeners(listener_opener& opener) {
    const auto& known = state_.all.listeners;
    auto sockets = os::take_descriptors(queue_.get(), known.size());
    if (!sockets)
        return sockets.error();
    auto socket = sockets->begin();
    for (const auto& one : known)
        opener.inherit(one, std::move(*socket++));
    return {};
}

std::size_t inheritance::descriptors_of_clients() const noexcept {
    auto sum = state_.all.waiting.size();
    for (const auto& one : state_.relays)
        sum += one.descriptors;
    return sum;
}

error_code inheritance::take_clients() {
    auto taken = os::take_descriptors(queue_.get(), descriptors_of_clients());
    if (!taken)
        return taken.error();
    clients_ = std::move(*taken);
    return {};
}

// take_clients_again begins with what stands in front of them.
error_code inheritance::take_clients_again() {
    if (const auto ec = os::look_from_start(queue_.get()))
        return ec;
    for (const auto count : {std::size_t{1}, state_.all.listeners.size()})
        if (const auto passed = os::take_descriptors(queue_.get(), count); !passed)
            return passed.error();
    return take_clients();
}

void inheritance::give_up(log& to, const error_code& why) {
    is_lost_ = true;
    to.write(log_level::error, "what the process before has left cannot be taken: its clients are cut off",
             {{"why", why.message()}});
}

void inheritance::read(log& to, listener_opener& opener) {
    if (!queue_)
        return;
    const auto problem = try_to([&] {
        auto ec = os::look_from_start(queue_.get());
        if (!ec)
            ec = take_state();
        return ec ? ec : take_listeners(opener);
    });
    if (problem)
        give_up(to, problem);
}

void inheritance::divide(worker_pool& workers, service_manager& manager, log& to) {
    if (!queue_)
        return;
    // First: nobody else goes on with them, whatever happens from here on.
    manager.tell(os::forgetting_state(state_name));
    auto problem = is_lost_ ? error_code{} : take_clients();
    if (problem)
        problem = try_to([this] { return take_clients_again(); });
    if (problem)
        give_up(to, problem);
    queue_.reset();
    const std::uint64_t relayed = state_.relays.size();
    const std::uint64_t waiting = state_.all.waiting.size();
    const std::uint64_t listeners = state_.all.listeners.size();
    is_lost_ ? workers.lose(relayed + waiting) : hand_out(workers);
    state_ = {};
    bytes_ = nullptr;
    if (!is_lost_)
        to.write(log_level::info, "taken over from the process before",
                 {{"relayed", relayed}, {"waiting", waiting}, {"listeners", listeners}});
}

void inheritance::hand_out(worker_pool& workers) {
    std::vector<std::shared_ptr<belongings>> shares(workers.size());
    for (auto& one : shares) {
        one = std::make_shared<belongings>();
        one->bytes = bytes_;
        one->version = state_.version;
    }
    std::size_t count = 0;
    const auto next = [&]() -> belongings& { return *shares[count++ % shares.size()]; };
    auto from = clients_.begin();
    for (const auto& place : state_.relays) {
        auto& its = next();
        its.relays.push_back(place);
        for (unsigned i = 0; i < place.descriptors; ++i)
            its.of_relays.push_back(std::move(*from++));
    }
    for (auto& one : state_.all.waiting) {
        if (auto fd = std::move(*from++); is_stream(fd))
            next().waiting.push_back({std::move(fd), std::move(one)});
        else
            workers.lose(1);
    }
    clients_.clear();
    workers.ask([shares](worker& one, unsigned number) { shares[number]->go_on(one); });
}

} // namespace snipass::server
