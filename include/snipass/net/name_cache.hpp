// SPDX-License-Identifier: BSL-1.0
// name_cache: one thread's answers for names that strangers choose.
#pragma once

#include "snipass/base/ip_address.hpp"
#include "snipass/base/result.hpp"
#include "snipass/net/event_loop.hpp"
#include "snipass/net/sleeper.hpp"

#include <chrono>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace snipass::net {

// name_cache holds so many names and asks so many questions at a time, and no more, however many are asked
// for: the name that was not asked for the longest is forgotten, and a question too many is refused. Those
// who want the same name wait for the same answer. One source has a quarter of the questions at most: a
// question can take as long as the resolver likes.
class name_cache {
  public:
    using answer = result<std::vector<ip_address>>;

    explicit name_cache(event_loop& loop) : loop_(loop) {}
    name_cache(const name_cache&) = delete;
    name_cache& operator=(const name_cache&) = delete;

    void set_limits(std::size_t max_names, std::size_t max_questions) noexcept;

    // find resolves `name` (resolve.hpp) or knows the answer: for `keep`, for a second if there is none.
    // Errors: what the resolver says; timed_out at the deadline; ENOBUFS where a question would be too many.
    // `source` is who wants to know.
    [[nodiscard]] task<answer> find(std::string name, ip_address source, std::chrono::milliseconds keep,
                                    time_point deadline);

    [[nodiscard]] std::size_t size() const noexcept { return entries_.size(); }
    [[nodiscard]] std::size_t questions() const noexcept { return askers_.size(); }

  private:
    struct entry {
        std::string name;
        std::optional<answer> known;
        time_point good_until{};
        bool asked = false; // and not answered yet
        std::vector<sleeper*> waiting;
    };

    [[nodiscard]] std::shared_ptr<entry> at(std::string name);
    [[nodiscard]] bool may_ask(const ip_address& source) const;
    task<> ask(std::shared_ptr<entry> about, ip_address source, std::chrono::milliseconds keep);

    event_loop& loop_;
    std::size_t max_names_ = 1;
    std::size_t max_questions_ = 1;
    std::list<std::shared_ptr<entry>> entries_; // the last one asked for is the first
    std::unordered_map<std::string_view, std::list<std::shared_ptr<entry>>::iterator> index_;
    std::vector<ip_address> askers_; // of the questions under way
};

} // namespace snipass::net
