// SPDX-License-Identifier: BSL-1.0
// Clients that are in flight.
#include "snipass/operating/session_list.hpp"

#include "snipass/operating/json_writer.hpp"
#include "snipass/operating/text_table.hpp"
#include "snipass/telling/escape.hpp"

#include <algorithm>
#include <charconv>
#include <iterator>

namespace snipass::server {
namespace {

constexpr int base_of_ids = 36;

std::string shown(std::string_view of_a_stranger) {
    std::string text;
    append_cut(text, of_a_stranger);
    return text.substr(1, text.size() - 2); // without its quotes
}

colour colour_of(session_state state) {
    if (state == session_state::relayed)
        return colour::good;
    return state == session_state::held ? colour::odd : colour::plain;
}

// shown_age has tenths where seconds say too little.
std::string shown_age(std::chrono::milliseconds age) {
    using namespace std::chrono_literals;
    if (age >= 10s)
        return in_time(static_cast<std::uint64_t>(age / 1s));
    return std::to_string(age / 1s) + "." + std::to_string(age % 1s / 100ms) + "s";
}

} // namespace

std::string_view to_string(session_state state) noexcept {
    switch (state) {
    case session_state::waiting:
        return "waiting";
    case session_state::on_its_way:
        return "on_its_way";
    case session_state::held:
        return "held";
    case session_state::relayed:
        return "relayed";
    }
    return "?";
}

std::string session_id::to_string() const {
    char digits[24];
    const auto end = std::to_chars(std::begin(digits), std::end(digits), accepted, base_of_ids).ptr;
    return std::to_string(worker) + "-" + std::string{digits, end};
}

bool session_id::parse(std::string_view text, session_id& into) {
    const auto* const end = text.data() + text.size();
    const auto worker = std::from_chars(text.data(), end, into.worker);
    if (worker.ec != std::errc{} || worker.ptr == end || *worker.ptr != '-')
        return false;
    const auto accepted = std::from_chars(worker.ptr + 1, end, into.accepted, base_of_ids);
    return accepted.ec == std::errc{} && accepted.ptr == end && into.accepted >= 0;
}

void sort(session_list& all, std::size_t most) {
    std::ranges::stable_sort(all.lines, std::ranges::greater{}, &session_line::age);
    if (all.lines.size() <= most)
        return;
    all.left_out += all.lines.size() - most;
    all.lines.erase(all.lines.begin() + static_cast<std::ptrdiff_t>(most), all.lines.end());
}

std::string to_json(const session_list& all) {
    json_writer to;
    to.begin_object();
    to.begin_array("sessions");
    for (const auto& one : all.lines) {
        to.begin_object();
        to.text("id", one.id.to_string());
        to.text("state", to_string(one.state));
        to.number("age_ms", one.age.count());
        to.text("client", one.client.to_string());
        to.cut("server_name", one.server_name);
        to.text("backend", one.backend);
        if (one.state == session_state::relayed) {
            to.text("address", one.address);
            to.number("bytes_to_backend", one.to_backend);
            to.number("bytes_to_client", one.to_client);
        }
        to.end_object();
    }
    to.end_array();
    to.number("left_out", all.left_out);
    to.number("silent_workers", all.silent_workers);
    to.end_object();
    return to.take() + "\n";
}

std::string to_text(const session_list& all, bool in_colour) {
    text_table table{{"ID", "STATE", ">AGE", "CLIENT", "NAME", "BACKEND", ">TO BACKEND", ">TO CLIENT"},
                     in_colour};
    for (const auto& one : all.lines) {
        const bool is_relayed = one.state == session_state::relayed;
        const auto where = one.address.empty() ? one.backend : one.backend + " " + one.address;
        table.row({one.id.to_string(),
                   {std::string{to_string(one.state)}, colour_of(one.state)},
                   shown_age(one.age),
                   one.client.to_string(),
                   one.server_name.empty() ? "-" : shown(one.server_name),
                   where.empty() ? "-" : where,
                   is_relayed ? in_bytes(one.to_backend) : "",
                   is_relayed ? in_bytes(one.to_client) : ""});
    }
    auto text = table.is_empty() ? "no client is in flight\n" : table.to_string();
    if (all.left_out > 0)
        text += "and " + std::to_string(all.left_out) + " more\n";
    if (all.silent_workers > 0)
        text += std::to_string(all.silent_workers) +
                " workers did not answer in time: their clients are missing\n";
    return text;
}

} // namespace snipass::server
