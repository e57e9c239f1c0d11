// SPDX-License-Identifier: BSL-1.0
// Short connections, closed loop or open loop.
//
// In the open loop a connection's time runs from the moment it was meant to start, not from when the
// generator got round to it: a stall costs every connection that should have started meanwhile, as it costs
// real clients.
#include "loads.hpp"

#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <stdexcept>

namespace snipass::bench {
namespace {

using namespace std::chrono_literals;

constexpr auto patience = 3s; // for those under way at the end
constexpr std::size_t most_failures = 1'000;

// SIGTERM ends a run early and in order, for one whose end depends on what else happens.
volatile std::sig_atomic_t is_stopped = 0;

struct client {
    os::unique_fd fd;
    clock::time_point intended;
    bool has_sent = false;
    bool has_answer = false;
};

class generator {
  public:
    generator(target& to, const short_load& load) : to_(to), load_(load) {}

    std::string run();

  private:
    [[nodiscard]] bool may_start(clock::time_point now) const;
    [[nodiscard]] bool is_over(clock::time_point now) const;
    [[nodiscard]] clock::time_point intended_start(clock::time_point now) const;
    void start(clock::time_point intended);
    void go_on(std::size_t slot);
    enum class state {
        waiting,
        succeeded,
        failed
    };
    state read(client& one);
    void end(std::size_t slot, bool success);
    [[nodiscard]] std::string report(clock::duration took);

    target& to_;
    const short_load& load_;
    epoll_set epoll_;
    std::vector<client> clients_;
    std::vector<std::size_t> free_;
    std::vector<std::uint32_t> latencies_;
    clock::time_point begin_ = clock::now();
    std::size_t started_ = 0;
    std::size_t completed_ = 0;
    std::size_t live_ = 0;
    std::size_t failed_ = 0;
};

bool generator::is_over(clock::time_point now) const {
    if (is_stopped != 0)
        return true;
    return load_.count > 0 ? started_ >= load_.count : now - begin_ >= load_.duration;
}

clock::time_point generator::intended_start(clock::time_point now) const {
    if (load_.rate <= 0)
        return now;
    const std::chrono::duration<double> after{static_cast<double>(started_) / load_.rate};
    return begin_ + std::chrono::duration_cast<clock::duration>(after);
}

bool generator::may_start(clock::time_point now) const {
    if (is_over(now))
        return false;
    return load_.rate > 0 ? intended_start(now) <= now : live_ < load_.concurrency;
}

void generator::start(clock::time_point intended) {
    ++started_;
    auto fd = connect_client(to_);
    if (!fd) {
        if (++failed_ > most_failures)
            fail("connect");
        return;
    }
    if (free_.empty()) {
        free_.push_back(clients_.size());
        clients_.emplace_back();
    }
    const auto slot = free_.back();
    free_.pop_back();
    ++live_;
    auto& one = clients_[slot];
    one = client{std::move(fd), intended};
    const auto n = ::send(one.fd.get(), to_.next_hello().data(), to_.hello.size(), MSG_NOSIGNAL);
    one.has_sent = n == static_cast<ssize_t>(to_.hello.size());
    const auto events = EPOLLIN | EPOLLRDHUP | EPOLLET | (one.has_sent ? 0U : EPOLLOUT);
    epoll_.add(one.fd.get(), static_cast<std::uint32_t>(events), slot);
}

void generator::go_on(std::size_t slot) {
    auto& one = clients_[slot];
    if (!one.has_sent) {
        const auto n = ::send(one.fd.get(), to_.next_hello().data(), to_.hello.size(), MSG_NOSIGNAL);
        one.has_sent = n == static_cast<ssize_t>(to_.hello.size());
        if (!one.has_sent && errno != EAGAIN)
            return end(slot, false);
    }
    const auto now = read(one);
    if (now != state::waiting)
        end(slot, now == state::succeeded);
}

generator::state generator::read(client& one) {
    for (;;) {
        std::array<char, 64> buffer;
        const auto n = ::recv(one.fd.get(), buffer.data(), buffer.size(), 0);
        if (n == 0)
            return one.has_answer ? state::succeeded : state::failed;
        if (n < 0)
            return errno == EAGAIN ? state::waiting : state::failed;
        if (one.has_answer || std::string_view{buffer.data(), static_cast<std::size_t>(n)} != expected_answer)
            return state::failed;
        one.has_answer = true;
        latencies_.push_back(static_cast<std::uint32_t>(
            std::chrono::duration_cast<std::chrono::nanoseconds>(clock::now() - one.intended).count()));
    }
}

void generator::end(std::size_t slot, bool success) {
    clients_[slot].fd.reset();
    free_.push_back(slot);
    --live_;
    if (success)
        ++completed_;
    else if (++failed_ > most_failures)
        throw std::runtime_error("too many connections fail");
}

std::string generator::report(clock::duration took) {
    const auto p = summarize(latencies_);
    std::array<char, 512> line;
    std::snprintf(line.data(), line.size(),
                  R"({"completed":%zu,"failed":%zu,"unfinished":%zu,"seconds":%.6f,)"
                  R"("p50_us":%.1f,"p99_us":%.1f,"p999_us":%.1f,"max_us":%.1f,"slow":%zu})",
                  completed_, failed_, live_, std::chrono::duration<double>(took).count(), p.p50, p.p99,
                  p.p999, p.max, p.slow);
    return line.data();
}

std::string generator::run() {
    begin_ = clock::now();
    auto now = begin_;
    auto give_up = clock::time_point::max();
    for (;;) {
        while (may_start(now))
            start(intended_start(now));
        if (is_over(now)) {
            if (live_ == 0 || now >= give_up)
                break;
            if (give_up == clock::time_point::max())
                give_up = now + patience;
        }
        const auto next = is_over(now) ? give_up : load_.rate > 0 ? intended_start(now) : now + 100ms;
        for (const auto& event : epoll_.wait(next))
            go_on(event.tag);
        now = clock::now();
    }
    return report(now - begin_);
}

} // namespace

std::string run_short(target& to, const short_load& load) {
    (void)std::signal(SIGTERM, [](int) { is_stopped = 1; });
    // The kernel lets ordinary sleeps end up to 50 us late.
    (void)::prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
    return generator{to, load}.run();
}

} // namespace snipass::bench
