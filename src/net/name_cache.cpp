// SPDX-License-Identifier: BSL-1.0
// One thread's answers for names that strangers choose.
#include "snipass/net/name_cache.hpp"

#include "snipass/net/resolve.hpp"
#include "snipass/net/wait_error.hpp"
#include "snipass/os/error.hpp"

#include <algorithm>
#include <utility>

namespace snipass::net {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::milliseconds longest_without_answer = 1s;

// Whoever asks for a name chooses what it resolves to: more addresses are not worth the connects.
constexpr std::size_t max_addresses = 8;

constexpr unsigned v6_source_prefix = 64; // what one customer is given

ip_address customer(const ip_address& source) {
    return source.is_v4() ? source : ip_prefix{source, v6_source_prefix}.address();
}

// in_list keeps a waiter in a list for as long as it waits, or exists.
class in_list {
  public:
    in_list(std::vector<sleeper*>& list, sleeper& one) : list_(list), one_(one) { list.push_back(&one); }
    ~in_list() { std::erase(list_, &one_); }
    in_list(const in_list&) = delete;
    in_list& operator=(const in_list&) = delete;

  private:
    std::vector<sleeper*>& list_;
    sleeper& one_;
};

} // namespace

void name_cache::set_limits(std::size_t max_names, std::size_t max_questions) noexcept {
    max_names_ = max_names;
    max_questions_ = max_questions;
}

task<name_cache::answer> name_cache::find(std::string name, ip_address source, std::chrono::milliseconds keep,
                                          time_point deadline) {
    const auto one = at(std::move(name));
    if (!one->asked && one->known && clock::now() < one->good_until)
        co_return *one->known;
    if (!one->asked) {
        if (!may_ask(customer(source)))
            co_return os::make_error(ENOBUFS);
        loop_.spawn(ask(one, customer(source), keep));
    }
    sleeper mine{loop_};
    const in_list waiting{one->waiting, mine};
    while (one->asked && clock::now() < deadline)
        co_await mine.sleep(deadline);
    if (one->asked)
        co_return error_code{wait_error::timed_out};
    co_return *one->known;
}

std::shared_ptr<name_cache::entry> name_cache::at(std::string name) {
    if (const auto found = index_.find(name); found != index_.end()) {
        entries_.splice(entries_.begin(), entries_, found->second);
        return entries_.front();
    }
    while (!entries_.empty() && entries_.size() >= max_names_) { // a question under way goes on without it
        index_.erase(entries_.back()->name);
        entries_.pop_back();
    }
    entries_.push_front(std::make_shared<entry>());
    entries_.front()->name = std::move(name);
    index_.emplace(entries_.front()->name, entries_.begin());
    return entries_.front();
}

bool name_cache::may_ask(const ip_address& source) const {
    const auto own = static_cast<std::size_t>(std::ranges::count(askers_, source));
    return askers_.size() < max_questions_ && own < std::max<std::size_t>(max_questions_ / 4, 1);
}

task<> name_cache::ask(std::shared_ptr<entry> about, ip_address source, std::chrono::milliseconds keep) {
    about->asked = true;
    askers_.push_back(source);
    about->known = co_await resolve(loop_, about->name);
    if (*about->known && about->known->value().size() > max_addresses)
        about->known->value().resize(max_addresses);
    askers_.erase(std::ranges::find(askers_, source));
    about->asked = false;
    about->good_until = clock::now() + (*about->known ? keep : std::min(keep, longest_without_answer));
    for (auto* const one : about->waiting)
        one->wake();
}

} // namespace snipass::net
