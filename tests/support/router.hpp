// SPDX-License-Identifier: BSL-1.0
// router: a whole router in this process: one worker on a thread of its own, without the daemon.
#pragma once

#include "hello_builder.hpp"
#include "site.hpp"
#include "snipass/backends/address_book.hpp"
#include "snipass/process/worker.hpp"
#include "snipass/telling/log.hpp"
#include "tcp_client.hpp"

#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <type_traits>
#include <vector>

namespace snipass::testing {

class router {
  public:
    explicit router(site what);
    ~router(); // stops, and ends what is in flight
    router(const router&) = delete;
    router& operator=(const router&) = delete;

    // The address that clients connect to.
    [[nodiscard]] const ip_endpoint& address() const noexcept { return address_; }
    [[nodiscard]] tcp_client connect() const { return tcp_client{address_}; }
    // connect_with sends, too: the router accepts a client only when it has said something
    // (TCP_DEFER_ACCEPT). source: tcp_client's.
    [[nodiscard]] tcp_client connect_with(byte_view hello,
                                          const std::optional<ip_address>& source = std::nullopt) const;

    [[nodiscard]] const server::stats& counters() const noexcept { return worker_->counters(); }
    [[nodiscard]] std::uint64_t of(server::outcome one) const noexcept { return counters().of(one); }
    [[nodiscard]] std::uint64_t ended() const noexcept; // sessions, with any outcome

    // wait_for waits until `n` sessions have ended so, and then until the worker has put their things away.
    // Throws if they do not.
    void wait_for(server::outcome one, std::uint64_t n = 1);
    // wait_until_waiting waits until so many sessions are in the waiting room.
    void wait_until_waiting(std::size_t n);
    void wait_until(const std::function<bool()>& done, const char* what);

    // ask runs `question` on the worker's thread, and gives its answer.
    template <class Question>
    auto ask(Question question) {
        std::promise<std::invoke_result_t<Question&, server::worker&>> answer;
        auto result = answer.get_future();
        worker_->post([this, &answer, &question] {
            if constexpr (std::is_void_v<std::invoke_result_t<Question&, server::worker&>>) {
                question(*worker_);
                answer.set_value();
            } else {
                answer.set_value(question(*worker_));
            }
        });
        return result.get();
    }
    // settle returns when the worker has nothing to do but wait.
    void settle();

    // apply is a reload: the listener stays.
    void apply(site what);
    // drain stops accepting; drained: the last session has ended.
    void drain();
    [[nodiscard]] bool drained() const noexcept { return *drained_; }

    [[nodiscard]] pid_t thread_id() const noexcept { return thread_id_; }

  private:
    [[nodiscard]] std::string outcomes() const; // for messages

    server::address_book book_;
    std::unique_ptr<server::log> log_;
    std::unique_ptr<server::worker> worker_;
    ip_endpoint address_;
    std::shared_ptr<std::atomic<bool>> drained_ = std::make_shared<std::atomic<bool>>(false);
    pid_t thread_id_ = 0;
    std::jthread thread_;
};

// hello_for is what a client sends that wants this host: a TLS 1.3 hello.
[[nodiscard]] bytes hello_for(std::string_view host, const std::vector<std::string>& alpn = {});

} // namespace snipass::testing
