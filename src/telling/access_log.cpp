// SPDX-License-Identifier: BSL-1.0
// One worker's session lines.
#include "snipass/telling/access_log.hpp"

namespace snipass::server {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t batch_size = 32'768;
constexpr auto longest_delay = 100ms;

} // namespace

void access_log::add(const record& one) {
    if (!settings_.access)
        return;
    if (lines_.empty())
        loop_.arm(*this, net::clock::now() + longest_delay);
    const auto now = std::chrono::system_clock::now();
    settings_.format == config::log_format::json ? format_json(lines_, one, now)
                                                 : format_text(lines_, one, now);
    lines_ += '\n';
    if (lines_.size() >= batch_size)
        flush();
}

void access_log::flush() {
    disarm();
    if (lines_.empty())
        return;
    target_.write_lines(lines_);
    lines_.clear();
}

} // namespace snipass::server
