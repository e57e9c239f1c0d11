// SPDX-License-Identifier: BSL-1.0
// alpn_list: the client's ALPN offer, walked where it lies.
#pragma once

#include "snipass/base/bytes.hpp"

#include <string_view>

namespace snipass {

// alpn_list is a view of the entries of a ProtocolNameList (RFC 7301 section 3.1), behind its two length
// bytes: each a length byte, 1 to 255, and as many bytes. Whoever makes one from a stranger's bytes has
// validated them (tls::parse_client_hello does); the view does not own them.
class alpn_list {
  public:
    alpn_list() = default;
    explicit alpn_list(byte_view entries) noexcept : rest_(entries) {}

    [[nodiscard]] bool empty() const noexcept { return rest_.empty(); }
    [[nodiscard]] byte_view bytes() const noexcept { return rest_; }

    // front is the first protocol's name, as its bytes; the list is not empty.
    [[nodiscard]] std::string_view front() const noexcept { return as_text(rest_.subspan(1, rest_[0])); }
    void pop_front() noexcept { rest_ = rest_.subspan(1U + rest_[0]); }

    [[nodiscard]] bool contains(std::string_view protocol) const noexcept {
        for (auto list = *this; !list.empty(); list.pop_front())
            if (list.front() == protocol)
                return true;
        return false;
    }

  private:
    byte_view rest_;
};

} // namespace snipass
