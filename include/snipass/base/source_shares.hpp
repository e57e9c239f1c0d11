// SPDX-License-Identifier: BSL-1.0
// source_shares: who has how much of what strangers share.
#pragma once

#include "snipass/base/ip_address.hpp"
#include "snipass/base/source.hpp"

#include <boost/intrusive/list.hpp>
#include <boost/intrusive/set.hpp>

#include <cstddef>
#include <memory>
#include <span>
#include <unordered_map>
#include <vector>

namespace snipass {

// source_shares bounds the places that strangers take, and keeps those of each source (source_levels) apart.
// At the bound the newest place of the largest source goes, or one of its that goes first: who has many loses
// one, who has few loses none.
//
// As long as it is not half full it only knows who is in: who gets on quickly costs no look at a source, and
// no allocation. One thread only.
class source_shares {
    struct network;
    struct line;

  public:
    // place is what one client has, wherever its owner keeps it. It leaves when it is destroyed.
    class place {
      public:
        place() = default;
        ~place() { leave(); }
        place(const place&) = delete;
        place& operator=(const place&) = delete;

        void leave() noexcept; // again is harmless

        // go_first: where a place of its source has to go, this one does; of several the one that said so
        // first.
        void go_first();
        [[nodiscard]] bool is_in() const noexcept { return in_ != nullptr; }
        [[nodiscard]] const ip_address& source() const noexcept { return source_; } // of who is, or was, in

      private:
        friend class source_shares;

        struct membership : boost::intrusive::list_base_hook<> {
            place* of = nullptr;
            line* in = nullptr;
        };
        using line_hook = boost::intrusive::list_member_hook<>;

        source_shares* in_ = nullptr;
        ip_address source_;
        line_hook in_not_counted_;
        std::unique_ptr<membership[]> memberships_; // once it is counted, for each of its networks
    };

    explicit source_shares(std::size_t limit = 1) noexcept : limit_(limit) {}
    source_shares(const source_shares&) = delete;
    source_shares& operator=(const source_shares&) = delete;

    // set_limit holds for those who enter from now on; nobody has to go for it at once.
    void set_limit(std::size_t limit) noexcept { limit_ = limit; }

    // enter gives `one`, which is in no other, a place for `source`. Above the limit one place goes: it has
    // left already and is returned. It is one of its own source, most often `one` itself, if no other is
    // larger. beyond: so many more than the limit there may be for this one.
    [[nodiscard]] place* enter(place& one, const ip_address& source, std::size_t beyond = 0);

    // places_with_one_more is what places_of would be then.
    [[nodiscard]] std::size_t places_with_one_more(const ip_address& source);

    // has_room_for: one more of `source` would not have to go at once.
    [[nodiscard]] bool has_room_for(const ip_address& source);

    [[nodiscard]] std::size_t limit() const noexcept { return limit_; }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }

    // places_of is what a bound for each source is held against: the places of its address or /64, a quarter
    // of its /56's or a sixteenth of its /48's, whichever is most, rounded up.
    [[nodiscard]] std::size_t places_of(const ip_address& source);

    // places_of_largest is places_of the largest source.
    [[nodiscard]] std::size_t places_of_largest();

    // for_each calls tell(place&) for each, in no order; tell may let that one leave.
    template <class Tell>
    void for_each(Tell tell) {
        for (auto at = not_counted_.begin(); at != not_counted_.end();)
            tell(*at++);
        std::vector<place*> counted; // one that leaves may take its networks along
        for (auto& [prefix, one] : networks_)
            for (auto* const each_line : {&one.go_first.all, &one.others.all})
                for (auto& each : *each_line)
                    if (&each == each.of->memberships_.get())
                        counted.push_back(each.of);
        for (auto* const one : counted)
            tell(*one);
    }

    // next_to_go is who would go next; null: nobody is in.
    [[nodiscard]] place* next_to_go();

    // For owners who let the oldest go: that of a source, or of its network if that is what places_of is of;
    // and that of the largest source (of several, the one that has been so large for longest). Null: nobody
    // is in.
    [[nodiscard]] place* oldest_of(const ip_address& source);
    [[nodiscard]] place* oldest_of_largest();

  private:
    using members = boost::intrusive::list<place::membership>; // the newest is the last

    // Those of a network who go first, or the others: a membership is small, because each client has some.
    struct line {
        explicit line(network& whose) noexcept : of(whose) {}
        network& of;
        members all;
    };
    struct network : boost::intrusive::set_base_hook<> {
        ip_prefix prefix;
        std::size_t cost = 1; // of a place: the smaller, the larger the share
        line go_first{*this};
        line others{*this};

        network(const ip_prefix& of, std::size_t cost_of_a_place) noexcept
            : prefix(of), cost(cost_of_a_place) {}
        [[nodiscard]] std::size_t size() const noexcept { return go_first.all.size() + others.all.size(); }
        [[nodiscard]] std::size_t load() const noexcept { return cost * size(); }
        [[nodiscard]] place* next_to_go() noexcept {
            return (go_first.all.empty() ? others.all.back() : go_first.all.front()).of;
        }
        [[nodiscard]] place* oldest() noexcept {
            return (go_first.all.empty() ? others.all.front() : go_first.all.front()).of;
        }
        friend bool operator<(const network& a, const network& b) noexcept { return a.load() < b.load(); }
    };
    using by_load = boost::intrusive::multiset<network, boost::intrusive::constant_time_size<false>>;

    [[nodiscard]] network* as_large_as_any(const place& one) noexcept;
    [[nodiscard]] std::size_t load_of(const ip_prefix& prefix) const;
    [[nodiscard]] network* largest_of(const ip_address& source);
    [[nodiscard]] static std::span<place::membership> memberships_of(const place& one) noexcept;
    void count(place& one);
    void count_all();
    void join(place::membership& one, network& to) noexcept;
    void part(place::membership& one) noexcept;

    std::size_t limit_;
    std::size_t size_ = 0;
    boost::intrusive::list<place,
                           boost::intrusive::member_hook<place, place::line_hook, &place::in_not_counted_>>
        not_counted_; // newer than all who are
    std::unordered_map<ip_prefix, network, prefix_hash> networks_;
    by_load by_load_; // the largest is the last
};

} // namespace snipass
