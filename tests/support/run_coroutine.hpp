// SPDX-License-Identifier: BSL-1.0
// Runs coroutines on an event_loop from a test, step by step.
#pragma once

#include "snipass/net/event_loop.hpp"
#include "snipass/net/task.hpp"
#include "tcp_client.hpp"

#include <exception>
#include <memory>
#include <optional>
#include <stdexcept>
#include <utility>

namespace snipass::testing {

// run_until lets the loop run until `done`. Not until it has nothing left to do: a deadline that was disarmed
// is looked at once more when its time comes.
template <class Done>
void run_until(net::event_loop& loop, Done done) {
    const auto end = net::clock::now() + patience;
    while (!done()) {
        (void)loop.take_turn(end);
        if (net::clock::now() >= end)
            throw std::runtime_error{"the loop had nothing more to do"};
    }
}

// run_ready runs what is ready, and waits for nothing.
inline void run_ready(net::event_loop& loop) {
    while (loop.take_turn(net::time_point::min())) {
    }
}

// as_task awaits what is no task, and gives what that gives; true for nothing.
template <class Awaitable>
net::task<decltype(std::declval<Awaitable&>().await_resume())> as_task(Awaitable awaitable) {
    co_return co_await awaitable;
}
template <class Awaitable>
net::task<bool> finished(Awaitable awaitable) {
    co_await awaitable;
    co_return true;
}

// spawned is a coroutine on its way.
template <class T>
class spawned {
  public:
    spawned(net::event_loop& loop, net::task<T> body) : loop_(loop) {
        loop.spawn(keep_result(std::move(body), state_));
    }

    [[nodiscard]] bool done() const { return state_->thrown || state_->value; }

    [[nodiscard]] T get() {
        run_until(loop_, [this] { return done(); });
        if (state_->thrown)
            std::rethrow_exception(state_->thrown);
        return std::move(*state_->value);
    }

  private:
    struct state {
        std::exception_ptr thrown;
        std::optional<T> value;
    };

    static net::task<> keep_result(net::task<T> body, std::shared_ptr<state> to) {
        try {
            to->value.emplace(co_await body);
        } catch (...) {
            to->thrown = std::current_exception();
        }
    }

    net::event_loop& loop_;
    std::shared_ptr<state> state_ = std::make_shared<state>();
};

template <class T>
[[nodiscard]] T run(net::event_loop& loop, net::task<T> body) {
    return spawned<T>{loop, std::move(body)}.get();
}

} // namespace snipass::testing
