// SPDX-License-Identifier: BSL-1.0
// choice: which certificates a client gets, by the name that it asks for.
#pragma once

#include "snipass/base/host_name.hpp"
#include "snipass/certificates/certificate.hpp"

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace snipass::certificates {

// For one name: the certificate of each kind of key, as an index.
struct offer {
    std::array<std::optional<std::size_t>, key_kind_count> of_kind{};

    friend bool operator==(const offer&, const offer&) = default;
};

// choice knows the names of a list of certificates: the exact one wins, then a wildcard for one label (RFC
// 6125, section 6.4.3), then the default, if there is one. Of two certificates of one kind for one name the
// first of the list counts.
class choice {
  public:
    // default_name: whose certificates a client gets that none has; empty: it gets none.
    choice(const std::vector<certificate>& all, std::string_view default_name);

    // Null: no certificate. A client that asks for no name (nullopt) has the default only. Good as long as
    // the choice is.
    [[nodiscard]] const offer* find(const std::optional<host_name>& name) const;

    // find_own is that without the default.
    [[nodiscard]] const offer* find_own(std::string_view name) const;

    // all offers there are, each once: the index that find()'s has here.
    [[nodiscard]] const std::vector<offer>& offers() const noexcept { return offers_; }
    [[nodiscard]] std::size_t index_of(const offer& one) const noexcept {
        return static_cast<std::size_t>(&one - offers_.data());
    }

  private:
    [[nodiscard]] const offer* find_written(std::string_view written) const;

    std::vector<offer> offers_;
    std::unordered_map<std::string, std::size_t> by_name_; // "a.example", "*.example"; indexes of offers_
    std::optional<std::size_t> default_;
};

} // namespace snipass::certificates
