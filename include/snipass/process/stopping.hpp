// SPDX-License-Identifier: BSL-1.0
// stopping: how the workers come to their end.
#pragma once

#include "snipass/process/worker_pool.hpp"
#include "snipass/telling/log.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>

namespace snipass::server {

// stopping lets the workers end what is in flight, for a while, and stops them and `io` then. Of the thread
// that runs `io`.
class stopping {
  public:
    explicit stopping(boost::asio::io_context& io) : io_(io), timer_(io) {}

    // begin drains the workers for `timeout` at most; both outlive it. `closed` is called when they have no
    // listener left. finish does not wait any longer.
    void begin(worker_pool& workers, log& to, std::chrono::milliseconds timeout,
               std::function<void()> closed);
    void finish();

  private:
    void wait_until(std::chrono::steady_clock::time_point end);
    void tell_closed();
    void closed_a_worker();
    void drained_a_worker();

    boost::asio::io_context& io_;
    boost::asio::steady_timer timer_;
    worker_pool* workers_ = nullptr;
    log* log_ = nullptr;
    std::function<void()> closed_;
    std::size_t closing_ = 0;  // workers with listeners
    std::size_t draining_ = 0; // workers with sessions in flight

    // What a stop takes, kept for it while clients may take all there is: of this thread's heap, where its
    // next allocations find it.
    static constexpr std::size_t reserve = 64U << 10;
    std::unique_ptr<std::byte[]> reserve_{new std::byte[reserve]};
};

} // namespace snipass::server
