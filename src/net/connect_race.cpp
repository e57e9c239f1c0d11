// SPDX-License-Identifier: BSL-1.0
// One connection out of several that are tried at the same time.
#include "snipass/net/connect_race.hpp"

#include "snipass/net/wait_error.hpp"

namespace snipass::net {

struct connect_race::state {
    explicit state(event_loop& on) : loop(on), news(on) {}

    event_loop& loop;
    sleeper news;
    std::vector<fd_watch*> waiting; // of each connect that is under way; null: it has ended
    std::vector<ended> finished;
    std::size_t under_way = 0;
    bool over = false;
};

connect_race::connect_race(event_loop& loop, int below)
    : below_(below), state_(std::make_shared<state>(loop)) {}

connect_race::~connect_race() {
    state_->over = true;
    state_->finished.clear();
    for (auto* const one : state_->waiting)
        if (one != nullptr)
            one->interrupt(wait_error::cancelled);
}

void connect_race::start(const ip_endpoint& to, const std::optional<ip_address>& source,
                         time_point deadline) {
    const auto number = state_->waiting.size();
    state_->waiting.push_back(nullptr);
    ++state_->under_way;
    state_->loop.spawn(run(state_, number, begin_connect(to, source, below_), deadline));
}

task<> connect_race::wait(time_point until, interruption& by) {
    if (!state_->finished.empty())
        co_return;
    const interruption::cover interrupted{by, state_->news};
    co_await state_->news.sleep(until);
}

std::optional<connect_race::ended> connect_race::finished() {
    if (state_->finished.empty())
        return std::nullopt;
    auto first = std::move(state_->finished.front());
    state_->finished.erase(state_->finished.begin());
    return first;
}

bool connect_race::has_finished() const noexcept {
    return !state_->finished.empty();
}

std::size_t connect_race::under_way() const noexcept {
    return state_->under_way;
}

task<> connect_race::run(std::shared_ptr<state> all, std::size_t number, result<begun_connect> socket,
                         time_point deadline) {
    if (socket && !socket->connected) {
        fd_watch watch{all->loop, socket->fd.get()};
        all->waiting[number] = &watch;
        const auto ec = co_await watch.writable(deadline);
        all->waiting[number] = nullptr;
        if (const auto problem = ec ? ec : pending_error(socket->fd.get()))
            socket = problem;
    }
    --all->under_way;
    if (all->over)
        co_return;
    if (socket)
        all->finished.push_back({number, std::move(socket->fd)});
    else
        all->finished.push_back({number, socket.error()});
    all->news.wake();
}

} // namespace snipass::net
