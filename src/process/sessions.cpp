// SPDX-License-Identifier: BSL-1.0
// A worker's clients that are in flight. Each is found where its thread keeps it anyway: a session does
// nothing for this.
#include "snipass/process/sessions.hpp"

#include "snipass/delivery/proxied_session.hpp"

namespace snipass::server {
namespace {

const proxied_session& to_session(const net::relay& one) noexcept {
    return static_cast<const proxied_session&>(one); // a worker's relays are all sessions
}

std::int64_t number_of(const record& about) {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(about.accepted.time_since_epoch()).count();
}

session_line line_of(const record& about, unsigned worker, session_state state, net::time_point now) {
    session_line made{.id = {worker, number_of(about)},
                      .state = state,
                      .age = std::chrono::duration_cast<std::chrono::milliseconds>(now - about.accepted),
                      .client = about.client};
    if (about.hello)
        made.server_name = about.hello->server_name().value_or("");
    made.backend = about.backend;
    return made;
}

} // namespace

session_list list_sessions(context& thread, unsigned worker, const std::string& backend, std::size_t most) {
    const auto now = net::clock::now();
    session_list found;
    const auto add = [&](const record& about, session_state state) -> session_line* {
        if (!backend.empty() && about.backend != backend)
            return nullptr;
        if (found.lines.size() >= most) {
            ++found.left_out;
            return nullptr;
        }
        return &found.lines.emplace_back(line_of(about, worker, state, now));
    };
    thread.waiting.for_each(
        [&](const record& about, const waiting_room::place&) { add(about, session_state::waiting); });
    thread.pending.for_each([&](const pending& one) {
        if (one.about != nullptr)
            add(*one.about, one.is_held ? session_state::held : session_state::on_its_way);
    });
    thread.relays.for_each([&](const net::relay& one) {
        const auto& about = to_session(one).about();
        auto* const line = add(about, session_state::relayed);
        if (line == nullptr)
            return;
        const auto bytes = one.passed_on();
        line->address = about.relay->address;
        line->to_backend = bytes.to_backend;
        line->to_client = bytes.to_client;
    });
    return found;
}

bool close_session(context& thread, const session_id& id) {
    bool found = false;
    const auto is_meant = [&](const record& about) { return !found && number_of(about) == id.accepted; };
    thread.waiting.for_each([&](const record& about, waiting_room::place& one) {
        if (!is_meant(about))
            return;
        found = true;
        waiting_room::end_wait(one, shed_reason::admin);
    });
    thread.pending.for_each([&](pending& one) {
        if (one.about == nullptr || !is_meant(*one.about))
            return;
        found = true;
        one.close();
    });
    thread.relays.end_if(
        [&](const net::relay& one) {
            const bool meant = is_meant(to_session(one).about());
            found = found || meant;
            return meant;
        },
        net::relay_end::closed_by_admin);
    return found;
}

} // namespace snipass::server
