// SPDX-License-Identifier: BSL-1.0
// The names in the file.
#include "snipass/net/resolve.hpp"

#include "snipass/os/error.hpp"
#include "snipass/os/tcp.hpp"

#include <netdb.h>

#include <algorithm>
#include <coroutine>
#include <cstring>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <system_error>
#include <thread>

namespace snipass::net {
namespace {

using answer = result<std::vector<ip_address>>;

// What the asking coroutine and the thread share. Whichever is last frees it.
struct question {
    std::mutex mutex;
    event_loop* loop = nullptr; // null: nobody waits any more
    std::coroutine_handle<> waiting;
    std::optional<answer> given;
};

// What getaddrinfo(3) says, in its words.
class resolver_category final : public boost::system::error_category {
  public:
    [[nodiscard]] const char* name() const noexcept override { return "snipass.resolver"; }
    [[nodiscard]] std::string message(int value) const override { return ::gai_strerror(value); }
};

const boost::system::error_category& resolver_errors() noexcept {
    static const resolver_category category;
    return category;
}

answer ask(const std::string& host) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    if (const int problem = ::getaddrinfo(host.c_str(), nullptr, &hints, &found); problem != 0)
        return problem == EAI_SYSTEM ? os::last_error() : error_code{problem, resolver_errors()};
    const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owned{found, &::freeaddrinfo};
    std::vector<ip_address> addresses;
    for (const auto* one = found; one != nullptr; one = one->ai_next) {
        sockaddr_storage storage{};
        std::memcpy(&storage, one->ai_addr, std::min<std::size_t>(one->ai_addrlen, sizeof storage));
        if (const auto endpoint = os::to_endpoint(storage))
            addresses.push_back(endpoint->address);
    }
    auto good = usable(addresses);
    if (good.empty())
        return error_code{EAI_NODATA, resolver_errors()};
    return good;
}

void answer_from_a_thread(const std::shared_ptr<question>& shared, const std::string& host) {
    auto given = ask(host);
    const std::lock_guard lock{shared->mutex};
    if (shared->loop == nullptr)
        return;
    shared->given = std::move(given);
    shared->loop->post([shared] {
        if (shared->waiting) // it may have been destroyed since
            std::exchange(shared->waiting, nullptr).resume();
    });
}

// label_of is RFC 6724's (section 2.1), as far as addresses of ours have one.
int label_of(const ip_address& address) {
    const auto has = [&](const char* prefix) { return ip_prefix::parse(prefix)->contains(address); };
    if (has("2002::/16")) // 6to4
        return 2;
    if (has("2001::/32")) // Teredo
        return 5;
    return has("fc00::/7") ? 13 : 1; // ULA
}

struct wait_for_answer {
    question& of;

    [[nodiscard]] bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> waiter) const { of.waiting = waiter; }
    void await_resume() const noexcept {}
};

// Tells the thread, wherever the coroutine ends, that nobody waits.
class asking {
  public:
    asking(std::shared_ptr<question> shared, event_loop& loop) : shared_(std::move(shared)) {
        shared_->loop = &loop;
    }
    ~asking() {
        const std::lock_guard lock{shared_->mutex};
        shared_->loop = nullptr;
        shared_->waiting = nullptr;
    }
    asking(const asking&) = delete;
    asking& operator=(const asking&) = delete;

  private:
    std::shared_ptr<question> shared_;
};

} // namespace

std::vector<ip_address> usable(const std::vector<ip_address>& addresses) {
    std::vector<ip_address> families[2]; // the first one that came first
    std::set<ip_address> seen;           // of thousands, for what a resolver may say
    for (const auto& one : addresses) {
        const bool v4 = one.is_v4();
        const auto first = v4 ? one.v4_bytes()[0] : one.bytes()[0];
        const bool unspecified = v4 ? first == 0 : one == ip_address{}; // RFC 1122: 0.0.0.0/8 is "this host"
        const bool multicast = v4 ? first >= 224 : first == 0xff;
        auto& family = families[v4 == addresses.front().is_v4() ? 0 : 1];
        if (!unspecified && !multicast && seen.insert(one).second)
            family.push_back(one);
    }
    std::vector<ip_address> order;
    for (std::size_t i = 0; i < std::max(families[0].size(), families[1].size()); ++i)
        for (const auto& family : families)
            if (i < family.size())
                order.push_back(family[i]);
    return order;
}

bool ipv6_comes_first(const ip_address& to, const result<ip_address>& from) {
    return from && label_of(*from) == label_of(to);
}

task<result<std::vector<ip_address>>> resolve(event_loop& loop, std::string host) {
    const auto shared = std::make_shared<question>();
    const asking asked{shared, loop};
    try {
        std::thread{[shared, host] { answer_from_a_thread(shared, host); }}.detach();
    } catch (const std::system_error&) { // no more threads: as good as no answer
        co_return os::make_error(EAGAIN);
    }
    co_await wait_for_answer{*shared};
    co_return std::move(*shared->given);
}

} // namespace snipass::net
