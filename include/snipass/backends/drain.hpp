// SPDX-License-Identifier: BSL-1.0
// drain: which backends and addresses an admin lets have no new clients.
#pragma once

#include "snipass/config/configuration.hpp"

#include <atomic>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

namespace snipass::server {

class address_book;

// drain_switch is one, of a backend or of one of its addresses. All workers share it, and it outlives reloads
// as long as somebody has it.
struct drain_switch {
    std::atomic<bool> is_on = false;
};

// drain_state is what there is to ask of one backend.
class drain_state {
  public:
    drain_state(const config::backend_settings& settings, address_book& book);

    [[nodiscard]] bool is_whole() const noexcept { return whole_->is_on.load(std::memory_order_relaxed); }

    // has: the address, by its index among those of the file.
    [[nodiscard]] bool has(std::size_t address) const noexcept {
        return addresses_[address]->is_on.load(std::memory_order_relaxed);
    }

  private:
    std::shared_ptr<drain_switch> whole_;
    std::vector<std::shared_ptr<drain_switch>> addresses_;
};

// written_addresses are those of a backend, as its switches are called: "unix:/run/blog.sock",
// "10.0.0.5:443".
[[nodiscard]] std::vector<std::string> written_addresses(const config::backend_settings& settings);

} // namespace snipass::server
