// SPDX-License-Identifier: BSL-1.0
// A status as programs read it.
#include "snipass/operating/status_json.hpp"

#include "snipass/operating/json_writer.hpp"
#include "snipass/telling/escape.hpp"

#include <algorithm>

namespace snipass::server {
namespace {

// A page that listed more would be of no use; /metrics has all of them.
constexpr std::size_t most_listed = 1'000;

std::string in_words(wall_time time) {
    std::string text;
    append_time(text, time);
    return text;
}

// write_outcomes leaves out those that never were.
void write_outcomes(json_writer& to, const outcome_totals& outcomes) {
    to.begin_object("outcomes");
    for (std::size_t i = 0; i < outcome_count; ++i)
        if (outcomes[i] > 0)
            to.number(to_string(static_cast<outcome>(i)), outcomes[i]);
    to.end_object();
}

void write_router(json_writer& to, const status& now) {
    to.text("version", now.version);
    to.text("commit", now.commit);
    to.text("time", in_words(now.now));
    to.text("started", in_words(now.started));
    to.boolean("ready", now.is_ready);
    to.boolean("stopping", now.is_stopping);
    to.number("workers", now.workers);
    to.number("silent_workers", now.silent_workers);
    to.begin_object("configuration");
    to.text("file", now.file);
    to.boolean("last_reload_good", now.reload.is_good);
    to.text("last_reload", in_words(now.reload.at));
    to.text("in_use_since", in_words(now.reload.good_since));
    to.text("why", now.reload.why);
    to.number("listeners", now.listeners.size());
    to.number("routes", now.route_count);
    to.number("backends", now.backends.size());
    to.end_object();
    to.begin_object("process");
    to.number("cpu_ms", now.process.cpu.count() / 1'000);
    to.number("resident_bytes", now.process.resident);
    to.number("descriptors", now.process.descriptors);
    to.number("max_descriptors", now.process.max_descriptors);
    to.end_object();
}

void write_clients(json_writer& to, const status& now) {
    to.begin_object("clients");
    to.number("accepted", now.accepted);
    to.number("in_flight", now.in_flight);
    to.number("waiting", now.waiting);
    to.number("held", held(now));
    to.number("relayed", now.relayed);
    to.number("empty", now.empty);
    to.number("accept_pauses", now.accept_pauses);
    to.number("handoffs_refused", now.handoffs_refused);
    to.number("dns_failures", now.failed_lookups);
    to.number("log_dropped", now.dropped_lines);
    write_outcomes(to, now.outcomes);
    to.end_object();
}

void write_backend(json_writer& to, const backend_status& one) {
    to.begin_object();
    to.text("name", one.name);
    to.text("kind", one.kind);
    to.boolean("takes_clients", one.takes_clients);
    to.boolean("drained", one.is_drained);
    to.number("held", one.held);
    to.number("unanswered", one.unanswered);
    to.number("ejections", one.ejections);
    if (one.is_relayed) {
        to.number("bytes_to_backend", one.counted.to_backend);
        to.number("bytes_to_client", one.counted.to_client);
    }
    write_outcomes(to, one.counted.outcomes);
    to.begin_array("addresses");
    for (const auto& address : one.addresses) {
        to.begin_object();
        to.text("address", address.written);
        to.text("endpoint", address.endpoint);
        to.boolean("ejected", address.is_ejected);
        to.boolean("drained", address.is_drained);
        to.number("sessions", address.sessions);
        to.end_object();
    }
    to.end_array();
    to.text("problem", one.why_missing);
    to.end_object();
}

std::string_view to_string(validity one) {
    return one == validity::good ? "good" : one == validity::ends_soon ? "ends_soon" : "bad";
}

// write_tls: nothing where the file has no [tls].
void write_tls(json_writer& to, const status& now) {
    if (!now.tls && !now.is_tls_away)
        return;
    to.begin_object("tls");
    to.boolean("answers", now.tls.has_value());
    if (now.tls) {
        const auto& tls = *now.tls;
        to.boolean("last_reload_good", tls.is_good);
        to.text("last_reload", in_words(tls.read_at));
        to.text("why", tls.why);
        to.number("certificate_count", tls.certificates.count);
        to.begin_array("certificates");
        for (const auto& one : tls.certificates.first) {
            to.begin_object();
            to.text("file", one.file);
            to.text("name", one.name);
            to.number("names", one.name_count);
            to.text("begins", in_words(one.begins));
            to.text("ends", in_words(one.ends));
            to.number("seconds_left",
                      std::chrono::duration_cast<std::chrono::seconds>(one.ends - now.now).count());
            to.text("validity", to_string(validity_of(one, now.now)));
            to.end_object();
        }
        to.end_array();
    }
    to.end_object();
}

void write_failures(json_writer& to, const status& now) {
    to.begin_array("failures");
    for (const auto& [at, one] : now.failures) {
        to.begin_object();
        to.text("time", in_words(at));
        to.text("client", one.client.to_string());
        to.text("listener", one.listener);
        to.text("outcome", to_string(one.outcome));
        to.boolean("fault", is_fault(one.outcome));
        to.cut("server_name", one.server_name);
        to.text("backend", one.backend);
        to.cut("detail", one.detail);
        to.end_object();
    }
    to.end_array();
}

void write_history(json_writer& to, const history& past) {
    to.begin_object("history");
    to.number("interval_s", history::interval.count());
    const auto series = [&](std::string_view key, std::uint64_t three_ends::*one) {
        to.begin_array(key);
        for (const auto& each : past.all())
            to.number({}, each.*one);
        to.end_array();
    };
    series("served", &three_ends::served);
    series("refused", &three_ends::refused);
    series("failed", &three_ends::failed);
    to.end_object();
}

} // namespace

std::string to_json(const status& now, const history& past) {
    json_writer to;
    to.begin_object();
    write_router(to, now);
    write_clients(to, now);
    to.begin_array("listeners");
    for (const auto& one : now.listeners) {
        to.begin_object();
        to.text("address", one.address);
        to.text("bound", one.bound);
        write_outcomes(to, one.outcomes);
        to.end_object();
    }
    to.end_array();
    to.begin_array("backends");
    for (std::size_t i = 0; i < std::min(now.backends.size(), most_listed); ++i)
        write_backend(to, now.backends[i]);
    to.end_array();
    write_tls(to, now);
    write_failures(to, now);
    write_history(to, past);
    to.end_object();
    return to.take() + "\n";
}

} // namespace snipass::server
