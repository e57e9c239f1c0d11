// SPDX-License-Identifier: BSL-1.0
// Whether a backend takes clients.
#include "snipass/backends/presence.hpp"

#include <array>
#include <span>

namespace snipass::server {
namespace {

using namespace std::chrono_literals;
using config::log_level;

constexpr auto tell_interval = 1s;

} // namespace

void presence::did_not_take(log& to, std::string_view backend, outcome why, std::string_view detail) {
    if (away_.exchange(true))
        return;
    const auto now = std::chrono::steady_clock::now();
    if (now - told_at_.load() < tell_interval)
        return;
    told_at_ = now;
    told_ = true;
    const std::array<log::field, 3> fields{
        {{"backend", backend}, {"why", to_string(why)}, {"detail", detail}}};
    const bool is_said = detail.empty() || detail == to_string(why);
    to.write(log_level::warn, "a backend does not take clients", std::span{fields}.first(is_said ? 2 : 3));
}

void presence::has_come_back(log& to, std::string_view backend) {
    if (away_.exchange(false) && told_.exchange(false))
        to.write(log_level::info, "a backend takes clients again", {{"backend", backend}});
}

bool is_backends_fault(outcome why) noexcept {
    switch (why) {
    case outcome::backend_absent:
    case outcome::backend_refused:
    case outcome::backend_backlog_full:
    case outcome::backend_queue_full:
    case outcome::backend_overdue:
    case outcome::backend_declined:
    case outcome::backend_silent:
    case outcome::backend_failed:
        return true;
    default:
        return false;
    }
}

} // namespace snipass::server
