// SPDX-License-Identifier: BSL-1.0
// name_cache: one thread's answers for names that strangers choose.
#pragma once

#include "snipass/base/ip_address.hpp"
#include "snipass/base/source_shares.hpp"
#include "snipass/net/dns_question.hpp"
#include "snipass/net/event_loop.hpp"
#include "snipass/net/interruption.hpp"

#include <boost/intrusive/list.hpp>
#include <boost/intrusive/set.hpp>

#include <chrono>
#include <climits>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

namespace snipass::net {

// name_cache holds so many names, asks so many questions at a time, and lets so many clients wait, however
// many there are: the name that was not asked for the longest is forgotten. Those who want the same name wait
// for the same answer.
//
// A question can take as long as its name's owner likes, so each source has its share of the questions
// (source_shares). Where all are under way, the next client's takes the place of one that nobody waits for
// any more, or of the newest of the largest source, if that has more than its own would have. Who has to wait
// is asked for in turn: the first question of each source before the second of any.
class name_cache {
  public:
    using answer = dns_question::answer;

    struct limits {
        std::size_t names = 1;
        std::size_t questions = 1; // at a time
        std::size_t waiting = 1;   // clients
        int below = INT_MAX;       // descriptors of questions have lower numbers
    };

    // servers: dns_question's.
    explicit name_cache(event_loop& loop, std::string servers = {});
    ~name_cache(); // nobody waits any more
    name_cache(const name_cache&) = delete;
    name_cache& operator=(const name_cache&) = delete;

    void set_limits(const limits& to);

    // end: those who wait are destroyed next, and nobody is asked for any more.
    void end() noexcept { is_ending_ = true; }

    // find asks for `name` or knows the answer: for `keep`, for a second if there is none. Errors: what the
    // resolver says; timed_out at the deadline; cancelled if the client is interrupted; ENOBUFS for the
    // newest client of the largest source where too many wait. `source` is who wants to know.
    [[nodiscard]] task<answer> find(std::string name, ip_address source, std::chrono::milliseconds keep,
                                    time_point deadline, interruption& by);

    [[nodiscard]] std::size_t size() const noexcept { return entries_.size(); }
    [[nodiscard]] std::size_t questions() const noexcept { return asking_.size(); }
    [[nodiscard]] std::size_t waiting() const noexcept { return waiting_.size(); }

  private:
    struct entry;
    class question;
    class waiter;

    using unlinking = boost::intrusive::link_mode<boost::intrusive::auto_unlink>;
    using not_counted = boost::intrusive::constant_time_size<false>;
    using hook = boost::intrusive::list_base_hook<unlinking>;
    using turn = boost::intrusive::set_base_hook<unlinking>;
    template <class T>
    using list_of = boost::intrusive::list<T, boost::intrusive::base_hook<hook>, not_counted>;
    using line = boost::intrusive::multiset<waiter, boost::intrusive::base_hook<turn>, not_counted>;

    [[nodiscard]] std::shared_ptr<entry> at(std::string name);
    void ask(waiter& one);
    void start_next();
    void displace(question& one);
    void answered(question& one, answer given);
    void left(entry& of);

    event_loop& loop_;
    std::string servers_;
    bool is_ending_ = false;
    std::size_t max_names_ = 1;
    int below_ = INT_MAX;
    source_shares asking_;                      // places are questions
    source_shares waiting_;                     // and waiters
    std::list<std::shared_ptr<entry>> entries_; // the last one asked for is the first
    std::unordered_map<std::string_view, std::list<std::shared_ptr<entry>>::iterator> index_;
    list_of<question> unwanted_; // oldest first
    line in_line_;
    std::size_t turn_ = 0; // of the last one who was asked for in turn
};

} // namespace snipass::net
