// SPDX-License-Identifier: BSL-1.0
#include "router.hpp"

#include "hello_builder.hpp"
#include "snipass/os/tcp.hpp"

#include <stdexcept>

namespace snipass::testing {

using namespace std::chrono_literals;

namespace {

constexpr server::descriptor_budget many{.for_clients = 2'000'000};

} // namespace

router::router(site what) {
    const auto configuration = what.build();
    log_ = std::make_unique<server::log>(configuration->log);
    worker_ = std::make_unique<server::worker>(many, book_, *log_);
    auto socket = os::listen_tcp(*configuration->listeners.front().endpoint).value();
    address_ = bound_to(socket.get());
    std::vector<server::listener_socket> sockets;
    sockets.push_back({listener_name, std::move(socket), false});
    worker_->apply(configuration, std::move(sockets));
    thread_ = std::jthread{[this] { worker_->run(); }};
    thread_id_ = ask([](server::worker&) { return ::gettid(); });
}

router::~router() {
    worker_->stop();
    thread_.join();
    worker_.reset();
}

tcp_client router::connect_with(byte_view hello, const std::optional<ip_address>& source) const {
    tcp_client client{address_, source};
    client.send(hello);
    return client;
}

std::uint64_t router::ended() const noexcept {
    std::uint64_t sessions = 0;
    for (const auto& one : counters().outcomes)
        sessions += one.value();
    return sessions;
}

void router::wait_until(const std::function<bool()>& done, const char* what) {
    const auto end = std::chrono::steady_clock::now() + patience;
    while (!done()) {
        if (std::chrono::steady_clock::now() > end)
            throw std::runtime_error{std::string{"never came: "} + what + "; sessions ended:" + outcomes()};
        std::this_thread::sleep_for(1ms);
    }
    settle();
}

void router::wait_for(server::outcome one, std::uint64_t n) {
    const std::string name{server::to_string(one)};
    wait_until([this, one, n] { return of(one) >= n; }, name.c_str());
    if (of(one) != n)
        throw std::runtime_error{"more than expected ended as " + name};
}

void router::wait_until_waiting(std::size_t n) {
    wait_until(
        [this, n] { return ask([](server::worker& one) { return one.thread().waiting.size(); }) == n; },
        "so many waiting sessions");
}

void router::settle() {
    ask([](server::worker&) {});
}

void router::apply(site what) {
    ask([configuration = what.build()](server::worker& one) { one.apply(configuration, {}); });
}

void router::drain() {
    ask([drained = drained_](server::worker& one) { one.drain([drained] { *drained = true; }); });
}

std::string router::outcomes() const {
    std::string text;
    for (std::size_t i = 0; i < server::outcome_count; ++i) {
        const auto one = static_cast<server::outcome>(i);
        if (of(one) > 0)
            text += " " + std::to_string(of(one)) + " " + std::string{server::to_string(one)};
    }
    return text.empty() ? " none" : text;
}

bytes hello_for(std::string_view host, const std::vector<std::string>& alpn) {
    auto hello = hello_builder::tls13().server_name(host);
    if (!alpn.empty())
        hello.alpn(alpn);
    return hello.stream();
}

} // namespace snipass::testing
