// SPDX-License-Identifier: BSL-1.0
// A status as people read it on a terminal.
#include "snipass/operating/status_text.hpp"

#include "snipass/operating/text_table.hpp"
#include "snipass/telling/escape.hpp"

#include <algorithm>

namespace snipass::server {
namespace {

constexpr std::size_t most_listed = 1'000;

std::string shown(std::string_view of_a_stranger) {
    std::string text;
    append_cut(text, of_a_stranger);
    return text.substr(1, text.size() - 2); // without its quotes
}

std::string in_words(wall_time time) {
    std::string text;
    append_time(text, time);
    return text;
}

std::string since(wall_time begin, wall_time now) {
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(now - begin).count();
    return in_time(static_cast<std::uint64_t>(std::max<std::int64_t>(seconds, 0)));
}

// Three columns: what became of clients, where that is counted.
std::vector<std::string> with_ends(std::vector<std::string> heads, bool is_counted) {
    if (is_counted)
        heads.insert(heads.end(), {">SERVED", ">REFUSED", ">FAILED"});
    return heads;
}

void add_ends(std::vector<text_table::cell>& row, const outcome_totals& outcomes, bool is_counted) {
    if (!is_counted)
        return;
    const auto ends = in_three(outcomes);
    row.emplace_back(ends.served);
    row.emplace_back(ends.refused);
    row.emplace_back(std::to_string(ends.failed), ends.failed > 0 ? colour::bad : colour::plain);
}

std::string count(std::uint64_t number, const std::string& what) {
    return std::to_string(number) + " " + what + (number == 1 ? "" : "s");
}

text_table::cell health_of(const backend_status& one) {
    if (one.is_drained)
        return {"drained", colour::odd};
    if (!one.takes_clients)
        return {"away", colour::bad};
    if (!one.why_missing.empty())
        return {one.why_missing, colour::bad};
    const auto out = addresses_out(one);
    return out.empty() ? text_table::cell{"up", colour::good} : text_table::cell{out, colour::odd};
}

text_table::cell health_of(const backend_status::address& one, const backend_status& of) {
    if (one.is_drained || of.is_drained)
        return {"drained", colour::odd};
    if (one.is_ejected)
        return {"ejected", colour::bad};
    return of.takes_clients ? text_table::cell{"up", colour::good} : text_table::cell{"away", colour::bad};
}

// write_process: what runs short here, or did.
void write_process(std::string& to, const status& now, bool in_colour) {
    const auto& process = now.process;
    const bool is_short = process.descriptors * 10 >= process.max_descriptors * 9;
    const bool is_known = process.descriptors > 0; // not without /proc
    to += "process: " + (is_known ? in_bytes(process.resident) : "memory unknown (no /proc)") + ", " +
          paint((is_known ? std::to_string(process.descriptors) : "unknown") + " of " +
                    count(process.max_descriptors, "descriptor"),
                is_short ? colour::bad : colour::plain, in_colour);
    const auto warn = [&](std::uint64_t number, const std::string& text) {
        if (number > 0)
            to += ", " + paint(text, colour::bad, in_colour);
    };
    const auto shed = made_way(now.outcomes);
    warn(shed, count(shed, "client") + " made way at a bound");
    warn(now.accept_pauses, count(now.accept_pauses, "pause") + " of accepting");
    warn(now.dropped_lines, count(now.dropped_lines, "line") + " of the log lost");
    to += '\n';
}

void write_router(std::string& to, const status& now, bool in_colour) {
    const auto state = now.is_stopping ? paint("stopping", colour::odd, in_colour)
                       : now.is_ready  ? paint("serving", colour::good, in_colour)
                                       : paint("starting", colour::odd, in_colour);
    to += "snipass " + now.version + ", " + state + " for " + since(now.started, now.now) + ", " +
          count(now.workers, "worker");
    if (now.silent_workers > 0)
        to += paint(", " + std::to_string(now.silent_workers) + " of them silent", colour::bad, in_colour);
    to += "\n" + now.file + ": " + count(now.route_count, "route") + ", in use since " +
          in_words(now.reload.good_since) + "\n";
    if (!now.reload.is_good)
        to += paint("NOT RELOADED at " + in_words(now.reload.at) + ": ", colour::bad, in_colour) +
              now.reload.why + "\n";
    const auto ends = in_three(now.outcomes);
    to += "clients: " + std::to_string(now.accepted) + " accepted, " + std::to_string(ends.served) +
          " served, " + std::to_string(ends.refused) + " refused or gone, " +
          paint(std::to_string(ends.failed) + " failed", ends.failed > 0 ? colour::bad : colour::plain,
                in_colour) +
          "; now " + std::to_string(now.in_flight) + ": " + std::to_string(now.waiting) + " waiting, " +
          std::to_string(held(now)) + " held, " + std::to_string(now.relayed) + " relayed\n";
    write_process(to, now, in_colour);
}

void write_listeners(std::string& to, const status& now, bool in_colour) {
    text_table table{with_ends({"LISTENER", "AT"}, now.is_counted), in_colour};
    for (const auto& one : now.listeners) {
        std::vector<text_table::cell> row{one.address, one.bound == one.address ? "" : one.bound};
        add_ends(row, one.outcomes, now.is_counted);
        table.row(std::move(row));
    }
    to += "\n" + table.to_string();
}

void write_backends(std::string& to, const status& now, bool in_colour) {
    text_table table{with_ends({"BACKEND", "KIND", "STATE", ">HELD", ">NOW"}, now.is_counted), in_colour};
    for (std::size_t i = 0; i < std::min(now.backends.size(), most_listed); ++i) {
        const auto& one = now.backends[i];
        unsigned relayed = 0;
        for (const auto& address : one.addresses)
            relayed += address.sessions;
        std::vector<text_table::cell> row{one.name, one.kind, health_of(one), std::uint64_t{one.held},
                                          one.is_relayed ? std::to_string(relayed) : ""};
        add_ends(row, one.counted.outcomes, now.is_counted);
        table.row(std::move(row));
        for (const auto& address : one.addresses) {
            const bool is_looked_up = one.is_relayed && !address.written.ends_with(address.endpoint);
            table.row({"  " + address.written + (is_looked_up ? " = " + address.endpoint : ""), "",
                       health_of(address, one), "", one.is_relayed ? std::to_string(address.sessions) : ""});
        }
    }
    if (table.is_empty())
        return;
    to += "\n" + table.to_string();
    if (now.backends.size() > most_listed)
        to += "and " + std::to_string(now.backends.size() - most_listed) + " more\n";
}

text_table::cell end_of(const certificate_state& one, wall_time now) {
    if (one.begins > now)
        return {"not begun yet", colour::bad};
    const auto how = validity_of(one, now);
    const auto as = how == validity::good        ? colour::good
                    : how == validity::ends_soon ? colour::odd
                                                 : colour::bad;
    return {one.ends <= now ? "has ended" : since(now, one.ends), as};
}

void write_certificates(std::string& to, const status& now, bool in_colour) {
    if (now.is_tls_away)
        to +=
            "\n" +
            paint("snipass-tls does not answer, so its certificates are not known.", colour::bad, in_colour) +
            "\n";
    if (!now.tls)
        return;
    if (!now.tls->is_good)
        to += "\n" +
              paint("snipass-tls: NOT RELOADED at " + in_words(now.tls->read_at) + ": ", colour::bad,
                    in_colour) +
              shown(now.tls->why) + "\n";
    const auto& certificates = now.tls->certificates;
    text_table table{{"CERTIFICATE ENDS", ">IN", "NAME", "FILE"}, in_colour};
    for (const auto& one : certificates.first)
        table.row({in_words(one.ends), end_of(one, now.now),
                   shown(one.name) + (one.name_count > 1 ? " +" + std::to_string(one.name_count - 1) : ""),
                   shown(one.file)});
    if (table.is_empty())
        return;
    to += "\n" + table.to_string();
    if (certificates.count > certificates.first.size())
        to += "and " + std::to_string(certificates.count - certificates.first.size()) + " that end later\n";
}

void write_failures(std::string& to, const status& now, bool in_colour) {
    text_table table{{"LAST FAILURES", "CLIENT", "OUTCOME", "NAME", "BACKEND", "WHY"}, in_colour};
    for (const auto& [at, one] : now.failures) {
        table.row({in_words(at),
                   one.client.to_string(),
                   {std::string{to_string(one.outcome)}, is_fault(one.outcome) ? colour::bad : colour::odd},
                   one.server_name.empty() ? "-" : shown(one.server_name),
                   one.backend.empty() ? "-" : one.backend,
                   shown(one.detail)});
    }
    if (!table.is_empty())
        to += "\n" + table.to_string();
}

} // namespace

std::string to_text(const status& now, bool in_colour) {
    std::string text;
    write_router(text, now, in_colour);
    write_listeners(text, now, in_colour);
    write_backends(text, now, in_colour);
    write_certificates(text, now, in_colour);
    if (now.is_counted)
        write_failures(text, now, in_colour);
    else
        text += "\nWhat became of clients by listener and backend, and the last failures, is counted with "
                "[metrics].\n";
    return text;
}

} // namespace snipass::server
