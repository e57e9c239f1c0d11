// SPDX-License-Identifier: BSL-1.0
// What a session's coroutines cost: net/task beside Asio's awaitable, in the shape of a session. Five calls deep,
// as from accept to the offer; one kind of client need not wait, the other waits once, innermost. Nothing else is
// done: no socket, no timer.
#include "snipass/net/event_loop.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <benchmark/benchmark.h>

#include <malloc.h>

#include <array>
#include <coroutine>
#include <cstddef>
#include <utility>
#include <vector>

namespace {

namespace asio = boost::asio;
using namespace snipass;

using executor = asio::io_context::executor_type;
template <class T>
using awaitable = asio::awaitable<T, executor>;
constexpr asio::use_awaitable_t<executor> use_awaitable;

constexpr int depth = 5;
constexpr std::size_t many = 1'000;

// What each of the five keeps in its frame.
struct state {
    std::array<std::size_t, 8> kept{};
};

// gate is where a client waits until it is opened.
class task_gate {
  public:
    bool is_open = true;

    [[nodiscard]] auto pass() noexcept { return waiter{*this}; }
    void open() {
        for (const auto one : std::exchange(waiting_, {}))
            one.resume();
    }

  private:
    struct waiter {
        task_gate& gate;
        [[nodiscard]] bool await_ready() const noexcept { return gate.is_open; }
        void await_suspend(std::coroutine_handle<> one) const { gate.waiting_.push_back(one); }
        void await_resume() const noexcept {}
    };

    std::vector<std::coroutine_handle<>> waiting_;
};

class awaitable_gate {
  public:
    bool is_open = true;

    [[nodiscard]] auto pass() {
        return asio::async_initiate<const asio::use_awaitable_t<executor>&, void()>(
            [this](auto one) { waiting_.push_back(std::move(one)); }, use_awaitable);
    }
    void open() {
        for (auto& one : std::exchange(waiting_, {}))
            std::move(one)();
    }

  private:
    using handler =
        asio::async_result<asio::use_awaitable_t<executor>, void()>::handler_type; // one pointer, move-only
    std::vector<handler> waiting_;
};

template <template <class> class Coroutine, class Gate>
Coroutine<std::size_t> call(Gate& gate, int below) {
    state own;
    if (below > 0) {
        own.kept[0] = co_await call<Coroutine>(gate, below - 1);
        co_return own.kept[0] + 1;
    }
    if (!gate.is_open)
        co_await gate.pass();
    co_return own.kept[0] + 1;
}

template <template <class> class Coroutine, class Gate>
Coroutine<void> session(Gate& gate, std::size_t& sum) {
    sum += co_await call<Coroutine>(gate, depth - 1);
}

// Both sides have the same two calls: start one session, and let what has been started come to its end.
struct with_task {
    net::event_loop loop;
    task_gate gate;
    std::size_t sum = 0;

    void start() { loop.spawn(session<net::task>(gate, sum)); }
    void run() {}
};

struct with_awaitable {
    asio::io_context io{BOOST_ASIO_CONCURRENCY_HINT_UNSAFE};
    awaitable_gate gate;
    std::size_t sum = 0;

    void start() {
        asio::co_spawn(io.get_executor(), session<awaitable>(gate, sum), asio::detached);
    }
    void run() {
        io.restart();
        io.poll();
    }
};

template <class Side>
void need_not_wait(benchmark::State& measured) {
    Side side;
    std::size_t sessions = 0;
    for (auto _ : measured) {
        side.start();
        side.run();
        ++sessions;
    }
    if (side.sum != sessions * depth)
        measured.SkipWithError("a session did not come to its end");
}

template <class Side>
void waits_once(benchmark::State& measured) {
    Side side;
    std::size_t rounds = 0;
    double bytes = 0;
    for (auto _ : measured) {
        side.gate.is_open = false;
        const auto before = ::mallinfo2().uordblks;
        for (std::size_t i = 0; i < many; ++i)
            side.start();
        side.run();
        bytes = static_cast<double>(::mallinfo2().uordblks) - static_cast<double>(before);
        side.gate.is_open = true;
        side.gate.open();
        side.run();
        ++rounds;
    }
    if (side.sum != rounds * many * depth)
        measured.SkipWithError("a session did not come to its end");
    measured.SetItemsProcessed(static_cast<std::int64_t>(rounds * many));
    measured.counters["bytes_each"] = bytes / many;
}

} // namespace

BENCHMARK(need_not_wait<with_task>);
BENCHMARK(need_not_wait<with_awaitable>);
BENCHMARK(waits_once<with_task>);
BENCHMARK(waits_once<with_awaitable>);
BENCHMARK_MAIN();
