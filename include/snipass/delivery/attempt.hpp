// SPDX-License-Identifier: BSL-1.0
// attempt: what came of offering a client to a backend.
#pragma once

#include "snipass/base/result.hpp"
#include "snipass/config/configuration.hpp"
#include "snipass/telling/outcome.hpp"

#include <string>
#include <string_view>
#include <type_traits>
#include <variant>

namespace snipass::server {

// A backend owns the client's socket; our descriptor is closed.
struct handed_off {};

// The session goes on as a proxied_session, which has taken the client and its record.
struct relayed {
    bool has_begun = true; // else it has ended already: the kernel had no memory
};

// The client is still ours, whole.
struct not_taken {
    outcome why = outcome::backend_failed;
    error_code error{};        // of the system call that failed, if one did
    std::string_view detail{}; // what is to be said instead of the error's message: a literal
    bool is_final = false;     // it would be the same whenever it is tried again
    bool is_noted = false;     // the client's record says why already
    std::string_view where{};  // the path or address that failed, as written

    // in_words is what the log says of it.
    [[nodiscard]] std::string in_words() const;
};

// drained: an admin keeps new clients from the backend, or from the addresses that are left.
inline constexpr not_taken drained{.why = outcome::backend_drained,
                                   .detail = "it is drained (snipass drain, snipass resume)"};

using attempt = std::variant<handed_off, relayed, not_taken>;
static_assert(std::is_trivially_copyable_v<attempt>, "each client has several");

// to_outcome says what an error of a system call towards a backend tells of that backend. `full` is what
// EAGAIN means there.
[[nodiscard]] outcome to_outcome(const error_code& ec, outcome full = outcome::backend_backlog_full) noexcept;

// why_not_theirs is the detail of an error towards a backend whose sockets must be some user's; empty: it is
// another one.
[[nodiscard]] std::string_view why_not_theirs(const error_code& ec,
                                              const config::handoff_settings& settings) noexcept;

// may_pass_soon: the same attempt may succeed a little later, and no event announces when.
[[nodiscard]] bool may_pass_soon(outcome why) noexcept;

} // namespace snipass::server
