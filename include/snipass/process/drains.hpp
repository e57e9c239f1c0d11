// SPDX-License-Identifier: BSL-1.0
// drains: what an admin has drained, over reloads.
#pragma once

#include "snipass/backends/address_book.hpp"
#include "snipass/config/configuration.hpp"
#include "snipass/upgrade/state.hpp"

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace snipass::server {

// why_no_backend says that there is none of that name, and which is meant; empty: there is one.
[[nodiscard]] std::string why_no_backend(const config::configuration& now, const std::string& name);

// Of the main thread. A backend or an address that a reload removes is not drained any more if it comes back.
class drains {
  public:
    explicit drains(address_book& book) noexcept : book_(book) {}

    // set drains a backend, or one of its addresses as written; or lets it have clients again, and all its
    // addresses with it. It returns why it cannot; empty: it is done.
    [[nodiscard]] std::string set(const config::configuration& now, const std::string& backend,
                                  const std::string& address, bool drained);

    // all that are drained, for the next process.
    [[nodiscard]] std::vector<upgrade::drain> all() const;

    // keep: a reload has brought this configuration.
    void keep(const config::configuration& now);

  private:
    void switch_on(const std::string& backend, const std::string& address);
    void switch_off(const std::string& backend, const std::string& address);

    address_book& book_;
    std::map<std::pair<std::string, std::string>, std::shared_ptr<drain_switch>> on_; // address empty: all
};

} // namespace snipass::server
