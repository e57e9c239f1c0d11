// SPDX-License-Identifier: BSL-1.0
// relaying: relays in a loop on a thread of its own, as in a worker.
#pragma once

#include "snipass/net/relay_group.hpp"
#include "snipass/os/tcp.hpp"

#include "catch.hpp"
#include "sockets.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <chrono>
#include <csignal>
#include <functional>
#include <future>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <utility>

namespace snipass::testing {

// noise is bytes that are nowhere the same.
inline std::string noise(std::size_t size, unsigned seed) {
    std::minstd_rand random{seed};
    std::string text(size, '\0');
    for (auto& c : text)
        c = static_cast<char>(random());
    return text;
}

struct kept_limits {
    net::relay_options limits;
};

inline net::relay_sockets sockets_of(socket_pair& client, socket_pair& backend, bool is_shared) {
    const bool is_tcp = os::local_endpoint(backend.far.get()).has_value();
    return {std::move(client.far), std::move(backend.far), is_shared, is_tcp};
}

class told_relay final : kept_limits, public net::relay {
  public:
    told_relay(socket_pair& client, socket_pair& backend, const net::relay_options& given, bool is_shared,
               std::promise<net::relay_result> told)
        : kept_limits{given}, relay(sockets_of(client, backend, is_shared), limits), told_(std::move(told)) {}

  private:
    void ended(const net::relay_result& how) override { told_.set_value(how); }

    std::promise<net::relay_result> told_;
};

class relaying {
  public:
    explicit relaying(std::size_t max_pipes = 64) {
        std::signal(SIGPIPE, SIG_IGN); // splice(2) has no MSG_NOSIGNAL; the daemon ignores it as well
        group_.set_pipe_limits(max_pipes, std::size_t{64} << 20);
        thread_ = std::jthread{[this] { loop_.run(); }};
    }
    ~relaying() {
        call([this] { group_.end_all(net::relay_end::stopped); });
        if (thread_.joinable())
            end_loop();
        loop_.destroy_tasks();
    }

    // end_loop: from now on what is called is called by the caller's thread.
    void end_loop() {
        loop_.stop();
        thread_.join();
    }

    std::future<net::relay_result> start(socket_pair& client, socket_pair& backend,
                                         const net::relay_options& limits = {}, bool is_shared = false) {
        os::take_urgent_inline(client.far.get()); // as the listener does
        set_nonblocking(backend.far);
        std::promise<net::relay_result> told;
        auto future = told.get_future();
        std::unique_ptr<net::relay> one =
            std::make_unique<told_relay>(client, backend, limits, is_shared, std::move(told));
        call([&] { REQUIRE(!group_.start(one)); });
        return future;
    }

    void call(const std::function<void()>& job) {
        if (!thread_.joinable())
            return job();
        std::promise<void> done;
        loop_.post([&] {
            job();
            done.set_value();
        });
        done.get_future().get();
    }
    // group is for whoever is called by call().
    [[nodiscard]] net::relay_group& group() noexcept { return group_; }
    template <class Function>
    auto ask(Function what) {
        decltype(what(group_)) answer{};
        call([&] { answer = what(group_); });
        return answer;
    }

  private:
    net::event_loop loop_;
    net::relay_group group_{loop_};
    std::jthread thread_;
};

inline net::relay_result result_of(std::future<net::relay_result>& future) {
    REQUIRE(future.wait_for(std::chrono::seconds{20}) == std::future_status::ready);
    return future.get();
}

// fill sends until nobody takes any more.
inline void fill(const os::unique_fd& fd) {
    const std::string words(100'000, '.');
    pollfd room{fd.get(), POLLOUT, 0};
    while (::poll(&room, 1, 200) > 0)
        (void)!::send(fd.get(), words.data(), words.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
}

inline int option(const os::unique_fd& fd, int level, int name) {
    int value = -1;
    socklen_t size = sizeof value;
    (void)::getsockopt(fd.get(), level, name, &value, &size);
    return value;
}

} // namespace snipass::testing
