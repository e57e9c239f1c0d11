// SPDX-License-Identifier: BSL-1.0
// What snipass-tls says of its certificates: a line for each, written as the query of a URL is.
#include "snipass/operating/certificate_state.hpp"

#include "snipass/base/percent.hpp"
#include "snipass/operating/http.hpp"

#include <algorithm>
#include <charconv>
#include <map>
#include <utility>

namespace snipass::server {
namespace {

using namespace std::chrono_literals;
using std::chrono::system_clock;

constexpr auto soon = 24h * 14;
constexpr auto very_soon = 24h * 3;

void add(std::string& to, std::string_view key, std::string_view value) {
    if (!to.empty() && to.back() != '\n')
        to += '&';
    to += key;
    to += '=';
    append_encoded(to, value);
}

void add(std::string& to, std::string_view key, system_clock::time_point at) {
    add(to, key,
        std::to_string(std::chrono::duration_cast<std::chrono::seconds>(at.time_since_epoch()).count()));
}

using fields = std::map<std::string, std::string>;

std::string text_of(const fields& all, const std::string& key) {
    const auto found = all.find(key);
    return found == all.end() ? "" : found->second;
}

std::int64_t number_of(const fields& all, const std::string& key) {
    const auto text = text_of(all, key);
    std::int64_t number = 0;
    (void)std::from_chars(text.data(), text.data() + text.size(), number);
    return number;
}

std::size_t count_of(const fields& all, const std::string& key) {
    return static_cast<std::size_t>(std::max<std::int64_t>(number_of(all, key), 0));
}

system_clock::time_point time_of(const fields& all, const std::string& key) {
    return wall_time_of(number_of(all, key));
}

} // namespace

system_clock::time_point wall_time_of(std::int64_t seconds) noexcept {
    constexpr std::int64_t latest = 9'000'000'000; // one that counts nanoseconds ends in 2262
    return system_clock::time_point{std::chrono::seconds{std::clamp<std::int64_t>(seconds, 0, latest)}};
}

validity validity_of(const certificate_state& one, system_clock::time_point now) {
    if (one.ends - now < very_soon || one.begins > now)
        return validity::bad;
    return one.ends - now < soon ? validity::ends_soon : validity::good;
}

certificate_list in_order(std::vector<certificate_state> all) {
    certificate_list made{.count = all.size()};
    std::ranges::stable_sort(all, {}, &certificate_state::ends);
    all.resize(std::min(all.size(), certificate_list::most));
    made.first = std::move(all);
    return made;
}

std::string to_lines(const tls_state& one) {
    std::string text;
    add(text, "good", one.is_good ? "1" : "0");
    add(text, "read_at", one.read_at);
    add(text, "why", one.why);
    add(text, "certificates", std::to_string(one.certificates.count));
    text += '\n';
    for (const auto& each : one.certificates.first) {
        add(text, "file", each.file);
        add(text, "name", each.name);
        add(text, "names", std::to_string(each.name_count));
        add(text, "begins", each.begins);
        add(text, "ends", each.ends);
        text += '\n';
    }
    return text;
}

std::optional<tls_state> from_lines(std::string_view lines) {
    const auto next = [&lines] {
        const auto end = std::min(lines.find('\n'), lines.size());
        auto made = parameters_of("?" + std::string{lines.substr(0, end)});
        lines.remove_prefix(std::min(end + 1, lines.size()));
        return made;
    };
    const auto head = next();
    if (!head.contains("good"))
        return std::nullopt;
    tls_state made{.is_good = text_of(head, "good") == "1",
                   .read_at = time_of(head, "read_at"),
                   .why = text_of(head, "why")};
    made.certificates.count = count_of(head, "certificates");
    while (!lines.empty() && made.certificates.first.size() < certificate_list::most) {
        const auto one = next();
        made.certificates.first.push_back({.file = text_of(one, "file"),
                                           .name = text_of(one, "name"),
                                           .name_count = count_of(one, "names"),
                                           .begins = time_of(one, "begins"),
                                           .ends = time_of(one, "ends")});
    }
    return made;
}

} // namespace snipass::server
