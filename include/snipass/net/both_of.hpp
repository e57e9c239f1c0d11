// both_of: two tasks at the same time.
#pragma once

#include "snipass/net/event_loop.hpp"
#include "snipass/net/task.hpp"

#include <coroutine>
#include <optional>
#include <utility>

namespace snipass::net {

// both_of runs two tasks side by side on one loop and finishes when both have. Neither ends the other: tasks
// that share a fate see to that themselves. What a task throws leaves both_of, once the other has finished
// too.
template <class A, class B>
task<std::pair<A, B>> both_of(event_loop& loop, task<A> a, task<B> b);

namespace detail {

template <class T>
struct side_result {
    std::optional<T> value;
    std::exception_ptr exception;
    std::coroutine_handle<> waiter; // set while both_of waits for this side

    struct awaiter {
        side_result& side;
        [[nodiscard]] bool await_ready() const noexcept { return side.value || side.exception; }
        void await_suspend(std::coroutine_handle<> h) const noexcept { side.waiter = h; }
        void await_resume() const noexcept {}
    };
    [[nodiscard]] awaiter finished() noexcept { return {*this}; }
};

template <class T>
task<> run_side(task<T> body, side_result<T>& side) {
    try {
        side.value.emplace(co_await body);
    } catch (...) {
        side.exception = std::current_exception();
    }
    if (side.waiter)
        side.waiter.resume();
}

} // namespace detail

template <class A, class B>
task<std::pair<A, B>> both_of(event_loop& loop, task<A> a, task<B> b) {
    detail::side_result<B> other;
    loop.spawn(detail::run_side(std::move(b), other));
    std::optional<A> mine;
    std::exception_ptr exception;
    try {
        mine.emplace(co_await a);
    } catch (...) {
        exception = std::current_exception();
    }
    co_await other.finished();
    if (exception)
        std::rethrow_exception(exception);
    if (other.exception)
        std::rethrow_exception(other.exception);
    co_return std::pair<A, B>{std::move(*mine), std::move(*other.value)};
}

} // namespace snipass::net
