// SPDX-License-Identifier: BSL-1.0
// A status as Prometheus reads it. docs/operating.md lists the names.
#include "snipass/operating/metrics.hpp"

#include "snipass/operating/exposition.hpp"

#include <algorithm>
#include <chrono>
#include <map>
#include <set>

namespace snipass::server {
namespace {

constexpr double microseconds_of_a_second = 1e6;

double seconds_since_1970(wall_time time) {
    const auto since = std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch());
    return static_cast<double>(since.count()) / 1e3;
}

void write_clients(exposition& to, const status& now) {
    to.counter("snipass_accepted_clients_total", "Clients accepted, or taken over from another router.");
    to.sample({}, now.accepted);
    to.counter("snipass_accept_pauses_total",
               "Times that accepting rested for want of descriptors or memory.");
    to.sample({}, now.accept_pauses);
    to.counter("snipass_handoffs_refused_total", "What came to a handoff listener and was no handoff.");
    to.sample({}, now.handoffs_refused);
    to.counter("snipass_empty_clients_total", "Clients that left without a byte.");
    to.sample({}, now.empty);
    to.gauge("snipass_in_flight_clients", "Clients accepted that have no outcome yet.");
    to.sample({}, std::uint64_t{now.in_flight});
    to.gauge("snipass_waiting_clients", "Clients that are not routed yet.");
    to.sample({}, std::uint64_t{now.waiting});
    to.gauge("snipass_held_clients", "Clients that wait for a backend that is away.");
    to.sample({}, std::uint64_t{held(now)});
    to.gauge("snipass_relayed_clients", "Clients of proxied backends, now.");
    to.sample({}, std::uint64_t{now.relayed});
    to.counter("snipass_matches_total", "Clients by why they went where they went.");
    for (std::size_t i = 0; i < match_count; ++i)
        to.sample({{"match", config::to_string(static_cast<config::match_kind>(i))}}, now.matches[i]);
    to.counter("snipass_ech_total", "Clients by what became of their encrypted_client_hello, with [ech].");
    for (std::size_t i = 1; i < ech_outcome_count; ++i) // the first is not counted
        to.sample({{"ech", to_string(static_cast<ech_outcome>(i))}}, now.ech[i]);
    to.histogram("snipass_handoff_duration_seconds",
                 "From accept to handoff, of clients that were handed off.", now.handoff_time,
                 microseconds_of_a_second);
    to.histogram("snipass_hello_size_bytes", "Sizes of ClientHellos.", now.hello_size, 1);
}

// Two listeners with port 0 may be written alike; the first one has the numbers of both.
void write_listeners(exposition& to, const status& now) {
    to.counter("snipass_sessions_total", "Sessions that have ended, by listener and outcome.");
    std::set<std::string_view> seen;
    for (const auto& one : now.listeners) {
        if (!seen.insert(one.address).second)
            continue;
        for (std::size_t i = 0; i < outcome_count; ++i)
            to.sample({{"listener", one.address}, {"outcome", to_string(static_cast<outcome>(i))}},
                      one.outcomes[i]);
    }
}

// was_seen: of a backend the outcomes that there are have a sample; there may be ten thousand backends.
bool was_seen(const backend_status& one, std::size_t which) {
    const auto served = one.is_relayed ? outcome::proxied : outcome::handed_off;
    return one.counted.outcomes[which] > 0 || which == static_cast<std::size_t>(served);
}

void write_backend_addresses(exposition& to, const status& now) {
    to.gauge("snipass_backend_addresses",
             "Addresses of proxied backends, as written, by state: a name may have several.");
    for (const auto& backend : now.backends) {
        if (!backend.is_relayed)
            continue;
        constexpr std::array<std::string_view, 3> states{"up", "ejected", "drained"};
        std::map<std::string_view, std::array<std::uint64_t, states.size()>> numbers;
        for (const auto& one : backend.addresses)
            ++numbers[one.written][one.is_drained ? 2 : one.is_ejected ? 1 : 0];
        for (const auto& [address, its] : numbers)
            for (std::size_t i = 0; i < states.size(); ++i)
                to.sample({{"backend", backend.name}, {"address", address}, {"state", states[i]}}, its[i]);
    }
}

void write_backends(exposition& to, const status& now) {
    to.counter("snipass_backend_sessions_total",
               "Sessions of a backend, by outcome; those that its sorry backend got count at both.");
    for (const auto& one : now.backends)
        for (std::size_t i = 0; i < outcome_count; ++i)
            if (was_seen(one, i))
                to.sample({{"backend", one.name}, {"outcome", to_string(static_cast<outcome>(i))}},
                          one.counted.outcomes[i]);
    const auto each = [&](const auto& value) {
        for (const auto& one : now.backends)
            to.sample({{"backend", one.name}}, std::uint64_t{value(one)});
    };
    to.gauge("snipass_backend_up", "1: it takes clients, as far as is known.");
    each([](const auto& one) { return one.takes_clients ? 1U : 0U; });
    to.gauge("snipass_backend_drained", "1: an admin lets it have no new clients.");
    each([](const auto& one) { return one.is_drained ? 1U : 0U; });
    to.gauge("snipass_backend_held_clients", "Clients that wait for it.");
    each([](const auto& one) { return one.held; });
    to.gauge("snipass_backend_unanswered_clients", "Clients it was sent, and has neither answered nor read.");
    each([](const auto& one) { return one.unanswered; });
    to.gauge("snipass_backend_relayed_clients", "Clients relayed to it, or on their way there.");
    each([](const auto& one) {
        unsigned sum = 0;
        for (const auto& address : one.addresses)
            sum += address.sessions;
        return sum;
    });
    to.counter("snipass_backend_ejections_total", "Times that one of its addresses was ejected.");
    each([](const auto& one) { return one.ejections; });
    to.counter("snipass_relayed_bytes_total", "Bytes relayed, as they pass.");
    for (const auto& one : now.backends) {
        if (!one.is_relayed)
            continue;
        to.sample({{"backend", one.name}, {"direction", "to_backend"}}, one.counted.to_backend);
        to.sample({{"backend", one.name}, {"direction", "to_client"}}, one.counted.to_client);
    }
    write_backend_addresses(to, now);
}

void write_routes(exposition& to, const status& now) {
    if (now.routes.empty())
        return;
    to.counter("snipass_route_sessions_total", "Clients that a route has won.");
    for (const auto& [name, count] : now.routes)
        to.sample({{"route", name}}, count);
}

void write_router(exposition& to, const status& now) {
    to.gauge("snipass_build_info", "1; the labels say what runs.");
    to.sample({{"version", now.version}, {"revision", now.commit}}, std::uint64_t{1});
    to.gauge("snipass_ready", "1: it accepts clients.");
    to.sample({}, std::uint64_t{now.is_ready ? 1U : 0U});
    to.gauge("snipass_workers", "Threads that serve clients.");
    to.sample({}, std::uint64_t{now.workers});
    to.gauge("snipass_silent_workers", "Workers that did not answer in time: what they alone know is older.");
    to.sample({}, std::uint64_t{now.silent_workers});
    to.gauge("snipass_config_last_reload_successful", "1: the file that was read last is in use.");
    to.sample({}, std::uint64_t{now.reload.is_good ? 1U : 0U});
    to.gauge("snipass_config_last_reload_success_timestamp_seconds", "When the file in use was read.");
    to.sample({}, seconds_since_1970(now.reload.good_since));
    to.gauge("snipass_config_listeners", "Listeners in the file.");
    to.sample({}, std::uint64_t{now.listeners.size()});
    to.gauge("snipass_config_routes", "Routes in the file.");
    to.sample({}, std::uint64_t{now.route_count});
    to.gauge("snipass_config_backends", "Backends in the file.");
    to.sample({}, std::uint64_t{now.backends.size()});
    to.counter("snipass_dns_failures_total", "Lookups of names in the file that had no answer.");
    to.sample({}, now.failed_lookups);
    to.counter("snipass_log_dropped_total", "Lines of the log that were not written.");
    to.sample({}, now.dropped_lines);
}

// write_tls: two files of one name are one sample, the first of which ends first.
void write_tls(exposition& to, const status& now) {
    if (!now.tls && !now.is_tls_away)
        return;
    to.gauge("snipass_tls_up", "1: snipass-tls answers.");
    to.sample({}, std::uint64_t{now.tls ? 1U : 0U});
    if (!now.tls)
        return;
    to.gauge("snipass_tls_config_last_reload_successful", "1: what snipass-tls read last is in use.");
    to.sample({}, std::uint64_t{now.tls->is_good ? 1U : 0U});
    to.gauge("snipass_tls_certificates", "Certificates that snipass-tls serves.");
    to.sample({}, std::uint64_t{now.tls->certificates.count});
    to.gauge("snipass_tls_certificate_not_after_timestamp_seconds",
             "When a certificate ends; name: the first of its names.");
    std::set<std::string_view> seen;
    for (const auto& one : now.tls->certificates.first)
        if (seen.insert(one.file).second)
            to.sample({{"file", one.file}, {"name", one.name}}, seconds_since_1970(one.ends));
}

void write_process(exposition& to, const status& now) {
    to.counter("process_cpu_seconds_total", "CPU time of the process, user and system.");
    to.sample({}, static_cast<double>(now.process.cpu.count()) / microseconds_of_a_second);
    to.gauge("process_resident_memory_bytes", "Resident memory.");
    to.sample({}, std::uint64_t{now.process.resident});
    to.gauge("process_virtual_memory_bytes", "Mapped memory.");
    to.sample({}, std::uint64_t{now.process.mapped});
    to.gauge("process_open_fds", "Open descriptors.");
    to.sample({}, std::uint64_t{now.process.descriptors});
    to.gauge("process_max_fds", "Descriptors that it may have.");
    to.sample({}, std::uint64_t{now.process.max_descriptors});
    to.gauge("process_start_time_seconds", "When it started.");
    to.sample({}, seconds_since_1970(now.started));
}

} // namespace

std::string to_metrics(const status& now) {
    exposition to;
    write_router(to, now);
    write_clients(to, now);
    write_listeners(to, now);
    write_backends(to, now);
    write_routes(to, now);
    write_tls(to, now);
    write_process(to, now);
    return to.take();
}

} // namespace snipass::server
