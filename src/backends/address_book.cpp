// SPDX-License-Identifier: BSL-1.0
// What all workers know of the addresses of proxied backends.
#include "snipass/backends/address_book.hpp"

#include <algorithm>

namespace snipass::server {

namespace {

bool are_the_same(std::vector<ip_address> a, std::vector<ip_address> b) {
    std::ranges::sort(a);
    std::ranges::sort(b);
    return a == b;
}

} // namespace

bool cut_to_max_addresses(std::vector<ip_address>& answer) {
    if (answer.size() <= max_addresses)
        return false;
    auto lowest = answer;
    const auto last = lowest.begin() + max_addresses - 1;
    std::ranges::nth_element(lowest, last);
    std::erase_if(answer, [&](const ip_address& one) { return one > *last; });
    return true;
}

addresses address_book::find(const std::string& host) const {
    const std::lock_guard lock{mutex_};
    const auto found = names_.find(host);
    return found == names_.end() ? nullptr : found->second.answer;
}

// Resolvers rotate their answers: another order of the same addresses is no news, and sessions are balanced
// here. Workers wait for the lock, so nothing is compared under it.
bool address_book::learn(const std::string& host, std::vector<ip_address> answer) {
    const auto now = std::chrono::steady_clock::now();
    const auto known = find(host);
    const bool is_news = !known || !are_the_same(*known, answer);
    auto learned = is_news ? std::make_shared<const std::vector<ip_address>>(std::move(answer)) : known;
    const std::lock_guard lock{mutex_};
    auto& one = names_[host];
    one.answer.swap(learned);
    one.at = now;
    return is_news;
}

std::chrono::steady_clock::time_point address_book::learned_at(const std::string& host) const {
    const std::lock_guard lock{mutex_};
    const auto found = names_.find(host);
    return found == names_.end() ? std::chrono::steady_clock::time_point{} : found->second.at;
}

void address_book::has_failed(const std::string& host, const error_code& why) {
    const std::lock_guard lock{mutex_};
    names_[host].why = why;
    ++failed_lookups;
}

void address_book::forget(const std::string& host) {
    const std::lock_guard lock{mutex_};
    names_.erase(host);
}

bool address_book::knows(const std::string& host) const {
    const std::lock_guard lock{mutex_};
    return names_.contains(host);
}

std::string address_book::why_unknown(const std::string& host) const {
    const std::lock_guard lock{mutex_};
    const auto found = names_.find(host);
    return found == names_.end() || found->second.answer ? "" : found->second.why.message();
}

std::shared_ptr<target> address_book::at(std::string_view backend, const std::string& where) {
    const std::lock_guard lock{mutex_};
    auto one = targets_.at({std::string{backend}, where});
    if (!one->of) // nobody else has it yet
        one->of = presences_.at(std::string{backend});
    return one;
}

std::shared_ptr<presence> address_book::presence_of(const std::string& backend) {
    const std::lock_guard lock{mutex_};
    return presences_.at(backend);
}

std::shared_ptr<drain_switch> address_book::drain_of(const std::string& backend, const std::string& address) {
    const std::lock_guard lock{mutex_};
    return drains_.at({backend, address});
}

std::shared_ptr<arrivals> address_book::arrivals_at(const std::string& listener, bool counts_sources) {
    const std::lock_guard lock{mutex_};
    auto one = arrivals_.at(listener);
    if (counts_sources)
        one->remember_sources();
    return one;
}

std::pair<std::string, std::size_t> address_book::least_answering() const {
    const std::lock_guard lock{mutex_};
    std::pair<std::string, std::size_t> most;
    presences_.for_each([&](const std::string& backend, const presence& one) {
        if (one.sent.size() > most.second)
            most = {backend, one.sent.size()};
    });
    return most;
}

bool address_book::may_tell_no_port() noexcept {
    const auto now = std::chrono::steady_clock::now();
    auto from = tell_no_port_from_.load();
    return now >= from && tell_no_port_from_.compare_exchange_strong(from, now + std::chrono::minutes{1});
}

} // namespace snipass::server
