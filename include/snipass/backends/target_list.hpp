// SPDX-License-Identifier: BSL-1.0
// target_list: the targets of one backend, in the order in which a client's connection tries them.
#pragma once

#include "snipass/backends/address_book.hpp"
#include "snipass/config/configuration.hpp"

#include <optional>
#include <span>
#include <vector>

namespace snipass::server {

struct candidate {
    const config::proxy_address* address = nullptr; // as written
    std::optional<ip_endpoint> endpoint;            // none: a unix socket
    std::shared_ptr<target> state;
};

// target_list is one worker's (or the upkeep's) view of a backend; the address book is everybody's.
class target_list {
  public:
    // Both outlive the list.
    target_list(const config::backend_settings& settings, address_book& book);

    // in_order: by `balance`, those that are ejected last, and without those that are drained. A name that
    // was never resolved has none.
    [[nodiscard]] std::vector<candidate> in_order(const ip_address& client);

    // drained: the addresses by their order in the file, also of a backend that clients are handed to.
    [[nodiscard]] const drain_state& drained() const noexcept { return drained_; }
    [[nodiscard]] bool is_drained(const candidate& one) const noexcept {
        return drained_.has(static_cast<std::size_t>(one.address - written().data()));
    }

    // all of them, as written.
    [[nodiscard]] const std::vector<candidate>& all();

    // awaits_answer: there is none, and may be soon: a name has not been resolved, nor failed to be.
    [[nodiscard]] bool awaits_answer();

    // why_missing: the first name that has no address yet, and the resolver's reason; empty: each has one.
    [[nodiscard]] std::string why_missing() const;

  private:
    struct known_name {
        std::size_t address; // index into written()
        addresses answer;    // what the candidates were made from
    };
    [[nodiscard]] std::span<const config::proxy_address> written() const noexcept;
    void rebuild();
    void begin_with_next(std::vector<candidate>& order);

    const config::backend_settings& settings_;
    address_book& book_;
    drain_state drained_;
    std::vector<known_name> names_;
    std::vector<candidate> all_;
    bool built_ = false;
    std::size_t turn_ = 0;
};

// by_source orders candidates so that one source always meets the same, and moves only if that one goes away
// (rendezvous hashing). A source is an IPv4 address or an IPv6 /64.
void by_source(std::vector<candidate>& candidates, const ip_address& client);

// name_of is where a candidate is, as text: "192.0.2.1:443", or a path.
[[nodiscard]] std::string name_of(const candidate& one);

} // namespace snipass::server
