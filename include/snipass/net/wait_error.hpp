// SPDX-License-Identifier: BSL-1.0
// wait_error: why a wait ended without what was waited for.
#pragma once

#include "snipass/base/result.hpp"
#include "snipass/os/error.hpp"

namespace snipass::net {

// A category of its own: the kernel's ETIMEDOUT is a peer that did not answer TCP, and not our deadline.
enum class wait_error {
    timed_out = 1, // the deadline came first
    cancelled,     // nobody wants it any more
    end_of_file,   // there will be no more bytes
};

[[nodiscard]] const boost::system::error_category& wait_category() noexcept;
[[nodiscard]] error_code make_error_code(wait_error error) noexcept;

// is_timeout: somebody took too long, whether our deadline says so or the kernel.
[[nodiscard]] inline bool is_timeout(const error_code& ec) noexcept {
    return ec == make_error_code(wait_error::timed_out) || ec == os::make_error(ETIMEDOUT);
}

} // namespace snipass::net

template <>
struct boost::system::is_error_code_enum<snipass::net::wait_error> : std::true_type {};
