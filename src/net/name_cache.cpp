// SPDX-License-Identifier: BSL-1.0
// One thread's answers for names that strangers choose.
#include "snipass/net/name_cache.hpp"

#include "snipass/net/sleeper.hpp"
#include "snipass/net/wait_error.hpp"
#include "snipass/os/error.hpp"

#include <algorithm>
#include <optional>
#include <utility>

namespace snipass::net {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::milliseconds longest_without_answer = 1s;

// Whoever asks for a name chooses what it resolves to: more addresses are not worth the connects.
constexpr std::size_t max_addresses = 8;

} // namespace

struct name_cache::entry {
    std::string name;
    std::optional<answer> known;
    time_point good_until{};
    std::unique_ptr<question> asked; // and not answered yet
    list_of<waiter> waiting;
};

// question is one that is under way.
class name_cache::question : public source_shares::place, public hook {
  public:
    question(entry& of, std::chrono::milliseconds keep_for) noexcept : about(of), keep(keep_for) {}

    entry& about;
    std::chrono::milliseconds keep;
    std::optional<dns_question> dns;
};

// waiter is one client, for as long as find() has it.
class name_cache::waiter : public source_shares::place, public hook, public turn {
  public:
    waiter(name_cache& cache, std::shared_ptr<entry> wanted, const ip_address& who,
           std::chrono::milliseconds keep_for);
    ~waiter();

    name_cache& cache;
    std::shared_ptr<entry> about;
    ip_address source;
    std::chrono::milliseconds keep;
    sleeper nap;
    std::size_t turn_number = 0; // once it has had to wait in line
    bool is_answered = false;
    bool is_turned_away = false;

    friend bool operator<(const waiter& a, const waiter& b) noexcept { return a.turn_number < b.turn_number; }
};

name_cache::waiter::waiter(name_cache& of, std::shared_ptr<entry> wanted, const ip_address& who,
                           std::chrono::milliseconds keep_for)
    : cache(of), about(std::move(wanted)), source(who), keep(keep_for), nap(of.loop_) {
    if (about->asked)
        about->asked->hook::unlink(); // from those that nobody wants
    about->waiting.push_back(*this);
    if (auto* const gone = static_cast<waiter*>(cache.waiting_.enter(*this, source))) {
        gone->is_turned_away = true;
        gone->turn::unlink();
        gone->nap.wake();
    }
}

name_cache::waiter::~waiter() {
    place::leave();
    turn::unlink();
    hook::unlink();
    cache.left(*about);
}

name_cache::name_cache(event_loop& loop, std::string servers) : loop_(loop), servers_(std::move(servers)) {}

name_cache::~name_cache() = default;

void name_cache::set_limits(const limits& to) {
    max_names_ = to.names;
    below_ = to.below;
    asking_.set_limit(to.questions);
    waiting_.set_limit(to.waiting);
    start_next();
}

task<name_cache::answer> name_cache::find(std::string name, ip_address source, std::chrono::milliseconds keep,
                                          time_point deadline, interruption& by) {
    const auto one = at(std::move(name));
    if (!one->asked && one->known && clock::now() < one->good_until)
        co_return *one->known;
    waiter mine{*this, one, source, keep};
    const interruption::cover interrupted{by, mine.nap};
    while (!mine.is_answered && !mine.is_turned_away && !by.has_come() && clock::now() < deadline) {
        ask(mine);
        co_await mine.nap.sleep(deadline);
    }
    if (mine.is_answered)
        co_return *one->known;
    if (by.has_come())
        co_return error_code{wait_error::cancelled};
    co_return mine.is_turned_away ? os::make_error(ENOBUFS) : error_code{wait_error::timed_out};
}

std::shared_ptr<name_cache::entry> name_cache::at(std::string name) {
    if (const auto found = index_.find(name); found != index_.end()) {
        entries_.splice(entries_.begin(), entries_, found->second);
        return entries_.front();
    }
    while (!entries_.empty() && entries_.size() >= max_names_) { // those who wait for it keep it
        index_.erase(entries_.back()->name);
        entries_.pop_back();
    }
    entries_.push_front(std::make_shared<entry>());
    entries_.front()->name = std::move(name);
    index_.emplace(entries_.front()->name, entries_.begin());
    return entries_.front();
}

// ask: somebody's question is under way already, or this one's begins, or it stands in line.
void name_cache::ask(waiter& one) {
    auto& about = *one.about;
    if (about.asked || one.turn::is_linked())
        return;
    if (asking_.size() >= asking_.limit() && !unwanted_.empty())
        unwanted_.front().about.asked.reset();
    auto mine = std::make_unique<question>(about, one.keep);
    auto* const gone = static_cast<question*>(asking_.enter(*mine, one.source));
    if (gone == mine.get()) {
        if (one.turn_number == 0)
            one.turn_number = turn_ + waiting_.places_of(one.source);
        in_line_.insert(one);
        return;
    }
    if (gone != nullptr)
        displace(*gone);
    auto& asked = *mine;
    asked.dns.emplace(
        loop_, about.name, [this, &asked](answer given) { answered(asked, std::move(given)); }, servers_,
        below_);
    about.asked = std::move(mine);
}

// start_next gives the questions that have ended to those in line.
void name_cache::start_next() {
    while (asking_.size() < asking_.limit() && !in_line_.empty()) {
        auto& one = *in_line_.begin();
        turn_ = one.turn_number;
        one.turn::unlink();
        ask(one);
    }
}

// displace: those who waited for it ask again, and have their turn.
void name_cache::displace(question& one) {
    auto& about = one.about;
    about.asked.reset();
    for (auto& waiting : about.waiting)
        waiting.nap.wake();
}

void name_cache::answered(question& one, answer given) {
    auto& about = one.about;
    const bool is_of_the_name = given || !os::out_of_descriptors(given.error()); // else nobody was asked
    about.good_until = is_of_the_name
                           ? clock::now() + (given ? one.keep : std::min(one.keep, longest_without_answer))
                           : time_point{};
    about.known = std::move(given);
    if (*about.known && about.known->value().size() > max_addresses)
        about.known->value().resize(max_addresses);
    for (auto& waiting : about.waiting) {
        waiting.is_answered = true;
        waiting.turn::unlink();
        waiting.nap.wake();
    }
    about.asked.reset();
    start_next();
}

// left: a question that nobody waits for goes on, because the next client may want to know, unless somebody
// else's could be asked.
void name_cache::left(entry& of) {
    if (is_ending_ || !of.waiting.empty() || !of.asked)
        return;
    if (in_line_.empty()) {
        unwanted_.push_back(*of.asked);
    } else {
        of.asked.reset();
        start_next();
    }
}

} // namespace snipass::net
