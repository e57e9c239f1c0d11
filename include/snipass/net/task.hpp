// SPDX-License-Identifier: BSL-1.0
// task: the coroutine that everything which may have to wait is written as.
#pragma once

#include "snipass/net/frame_pool.hpp"

#include <cassert>
#include <coroutine>
#include <cstddef>
#include <exception>
#include <optional>
#include <utility>

namespace snipass::net {

// A promise's part that does not depend on the result: who continues when the task is done, and with what
// exception.
class task_promise_base {
  public:
    static void* operator new(std::size_t size) { return frame_pool::allocate(size); }
    static void operator delete(void* frame, std::size_t size) noexcept {
        frame_pool::deallocate(frame, size);
    }

    [[nodiscard]] std::suspend_always initial_suspend() const noexcept { return {}; }
    [[nodiscard]] auto final_suspend() const noexcept { return resume_waiter{}; }
    void unhandled_exception() noexcept { exception_ = std::current_exception(); }

    void continue_with(std::coroutine_handle<> waiter) noexcept { waiter_ = waiter; }
    void rethrow_if_failed() const {
        if (exception_)
            std::rethrow_exception(exception_);
    }

  private:
    struct resume_waiter {
        [[nodiscard]] bool await_ready() const noexcept { return false; }
        template <class Promise>
        void await_suspend(std::coroutine_handle<Promise> done) const noexcept {
            // Without a waiter the task finished before anybody had to wait: its starter looks at it next.
            if (const auto waiter = done.promise().waiter_)
                waiter.resume();
        }
        void await_resume() const noexcept {}
    };

    std::coroutine_handle<> waiter_;
    std::exception_ptr exception_;
};

template <class T>
class task_promise : public task_promise_base {
  public:
    template <class Value>
    void return_value(Value&& value) {
        value_.emplace(std::forward<Value>(value));
    }
    [[nodiscard]] T take() {
        rethrow_if_failed();
        return std::move(*value_);
    }

  private:
    std::optional<T> value_;
};

template <>
class task_promise<void> : public task_promise_base {
  public:
    void return_void() const noexcept {}
    void take() const { rethrow_if_failed(); }
};

// task<T> is one coroutine: it starts when it is awaited, once, by the coroutine that owns it, and destroys
// its frame with itself. One thread only.
//
// Why not Asio's awaitable: its frames carry an executor and cancellation slots each and a session of them
// starts through Asio's queue; they are three quarters larger (bench/micro/coroutines.cpp, ARCHITECTURE.md).
// Awaiting a task that finishes without waiting returns to its caller, not into it, so a loop over such tasks
// needs no stack.
template <class T = void>
class [[nodiscard]] task {
  public:
    struct promise_type : task_promise<T> {
        [[nodiscard]] task get_return_object() noexcept {
            return task{std::coroutine_handle<promise_type>::from_promise(*this)};
        }
    };

    task(task&& other) noexcept : frame_(std::exchange(other.frame_, nullptr)) {}
    task& operator=(task&&) = delete;
    ~task() {
        if (frame_)
            frame_.destroy();
    }

    [[nodiscard]] bool await_ready() const noexcept { return false; }
    bool await_suspend(std::coroutine_handle<> waiter) {
        frame_.resume();
        if (frame_.done())
            return false;
        frame_.promise().continue_with(waiter);
        return true;
    }
    T await_resume() { return frame_.promise().take(); }

  private:
    explicit task(std::coroutine_handle<promise_type> frame) noexcept : frame_(frame) {}

    std::coroutine_handle<promise_type> frame_;
};

} // namespace snipass::net
