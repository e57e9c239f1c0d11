// SPDX-License-Identifier: BSL-1.0
// One worker's session lines.
#include "snipass/telling/access_log.hpp"

#include "snipass/telling/escape.hpp"

#include <new>

namespace snipass::server {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t batch_size = 32'768;
constexpr auto longest_delay = 100ms;

// was_served: all others cost whoever sends them next to nothing, so a stranger can have as many as it likes.
bool was_served(const record& one) noexcept {
    return one.outcome == outcome::handed_off || one.outcome == outcome::proxied;
}

// name_of is a single address as it stands in the sessions' lines.
std::string name_of(const ip_prefix& source) {
    return source.address().is_v4() ? source.address().to_string() : source.to_string();
}

} // namespace

access_log::access_log(net::event_loop& loop, log& target)
    : loop_(loop), target_(target),
      refused_(loop, refused_lines, [&target](const std::optional<ip_prefix>& source, std::size_t left_out) {
          target.write(
              config::log_level::info, "more clients of one source got to no backend",
              {{"source", source ? name_of(*source) : "many"}, {"lines_left_out", std::uint64_t{left_out}}});
      }) {}

access_log::~access_log() {
    refused_.tell_now();
    flush();
}

void access_log::configure(const config::log_settings& settings, std::size_t share) {
    flush(); // what is there was written for where it went before
    settings_ = settings;
    to_ = target_.target_of_sessions(settings);
    refused_.set_most(share);
    faults_.set_most(share, faults_at_once * share);
}

// A fault that has had its lines can still have those of the client's source.
bool access_log::may_write(const record& one) {
    if (was_served(one))
        return true;
    if (is_fault(one.outcome) && faults_.may_write(one.backend, one.outcome, net::clock::now()))
        return true;
    return refused_.may_write(one.client.address);
}

void access_log::add(record& one) {
    const auto before = lines_.size();
    try {
        write(one);
    } catch (const std::bad_alloc&) { // the counters tell of it all the same
        lines_.resize(before);
    }
}

void access_log::write(record& one) {
    const bool empty = one.left_without_a_byte();
    if (empty && !settings_.empty && settings_.level > config::log_level::debug)
        return;
    if (!settings_.access || !may_write(one))
        return;
    if (one.duration == 0us)
        one.end_now();
    if (lines_.empty())
        loop_.arm(*this, net::clock::now() + longest_delay);
    append(one, empty ? config::log_level::debug : config::log_level::info);
    if (lines_.size() >= batch_size)
        flush();
}

void access_log::append(const record& one, config::log_level level) {
    if (to_ == log_target::journal)
        return format_entry(lines_, one, level);
    time_stamp now;
    if (to_ == log_target::standard_error && target_.to_journal())
        append_priority(lines_, level);
    else
        now = std::chrono::system_clock::now();
    settings_.format == config::log_format::json ? format_json(lines_, one, now)
                                                 : format_text(lines_, one, now);
    lines_ += '\n';
}

void access_log::flush() {
    disarm();
    if (lines_.empty())
        return;
    target_.write_lines(lines_, to_);
    lines_.clear();
}

} // namespace snipass::server
