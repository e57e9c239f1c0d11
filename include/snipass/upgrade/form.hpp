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
inline constexpr std::uint32_t newest_version = 2;

// A million relays have some 300 MB. A larger one is no state of ours, and a place in it has four bytes.
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

// The same for whoever has ten thousand relays, and neither the time nor the memory to have all of them as
// structs. A state is then `head`, what append() makes of each relay, and `tail`.
struct parts {
    std::vector<std::uint8_t> head;
    std::vector<std::uint8_t> tail;
};
[[nodiscard]] parts write_around(const state& all, std::size_t relays); // without all.relayed
void append(std::vector<std::uint8_t>& to, const relayed_client& one);

// relay_place is where a relay begins, and how many descriptors it has.
struct relay_place {
    std::uint32_t at = 0;
    std::uint8_t descriptors = 0;
};

// scanned is a state that was read as a whole, and whose relays are where they were.
struct scanned {
    std::uint32_t version = 0;
    state all; // without all.relayed
    std::vector<relay_place> relays;
};
[[nodiscard]] result<scanned> scan(byte_view bytes);
[[nodiscard]] relayed_client read_relay(byte_view bytes, const relay_place& place, std::uint32_t version);

} // namespace snipass::upgrade

template <>
struct boost::system::is_error_code_enum<snipass::upgrade::form_error> : std::true_type {};
