// SPDX-License-Identifier: BSL-1.0
// form: the state as bytes.
#pragma once

#include "snipass/base/bytes.hpp"
#include "snipass/base/result.hpp"
#include "snipass/upgrade/state.hpp"

#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <vector>

namespace snipass::upgrade {

// The version that write() writes. read() reads it and those before it.
inline constexpr std::uint32_t newest_version = 1;

// A million relays have some 300 MB. A larger one is no state of ours.
inline constexpr std::size_t largest_state = std::size_t{1} << 30;

enum class form_error {
    not_a_state = 1, // it does not begin as one
    unknown_version, // newer than this program
    truncated,
    malformed,
};
[[nodiscard]] const boost::system::error_category& form_category() noexcept;
[[nodiscard]] error_code make_error_code(form_error one) noexcept;

[[nodiscard]] std::vector<std::uint8_t> write(const state& all);

// read takes the whole, and nothing behind it. What it returns may be acted on as it is: names and offers are
// in order, times are such that a year may be added to them.
[[nodiscard]] result<state> read(byte_view bytes);

} // namespace snipass::upgrade

template <>
struct boost::system::is_error_code_enum<snipass::upgrade::form_error> : std::true_type {};
