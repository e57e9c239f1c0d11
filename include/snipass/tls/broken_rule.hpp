// SPDX-License-Identifier: BSL-1.0
// broken_rule: what a check of the parser answers.
#pragma once

#include "snipass/tls/hello_error.hpp"

namespace snipass::tls {

// broken_rule is the rule that the bytes break, or nothing. An optional would say the same, but compilers
// pass it through memory, and the parser makes dozens of checks for each hello.
class broken_rule {
  public:
    broken_rule() = default;
    broken_rule(hello_error rule) noexcept : rule_(rule) {}

    explicit operator bool() const noexcept { return rule_ != nothing; }
    [[nodiscard]] hello_error operator*() const noexcept { return rule_; }

  private:
    static constexpr hello_error nothing{};

    hello_error rule_ = nothing;
};

} // namespace snipass::tls
