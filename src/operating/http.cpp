// SPDX-License-Identifier: BSL-1.0
// What is asked and answered.
#include "snipass/operating/http.hpp"

#include "snipass/base/host_name.hpp"
#include "snipass/base/ip_address.hpp"
#include "snipass/base/percent.hpp"

#include <boost/algorithm/string/predicate.hpp>

#include <algorithm>

namespace snipass::server {
namespace {

std::string_view trimmed(std::string_view text) {
    constexpr std::string_view blank = " \t";
    const auto first = text.find_first_not_of(blank);
    if (first == text.npos)
        return {};
    return text.substr(first, text.find_last_not_of(blank) - first + 1);
}

// name_in is a Host header without its port, and without the brackets of an address.
std::string_view name_in(std::string_view host) {
    if (host.starts_with('[')) {
        const auto end = host.find(']');
        return end == host.npos ? std::string_view{} : host.substr(1, end - 1);
    }
    return host.substr(0, host.find(':'));
}

bool is_own(std::string_view host, const std::vector<std::string>& hosts) {
    const auto name = name_in(host);
    if (ip_address::parse(name))
        return true;
    const auto parsed = host_name::parse(name);
    return parsed && (parsed->text() == "localhost" || std::ranges::count(hosts, parsed->text()) > 0);
}

// has_weight: "q=0" says that it is not wanted.
bool has_weight(std::string_view parameters) {
    const auto q = parameters.find("q=");
    return q == parameters.npos || parameters.find_first_of("123456789", q) != parameters.npos;
}

} // namespace

std::string_view path_of(std::string_view target) noexcept {
    return target.substr(0, target.find('?'));
}

std::map<std::string, std::string> parameters_of(std::string_view target) {
    std::map<std::string, std::string> made;
    const auto question = target.find('?');
    auto rest = question == target.npos ? std::string_view{} : target.substr(question + 1);
    for (std::size_t n = 0; n < most_parameters && !rest.empty(); ++n) {
        const auto end = std::min(rest.find('&'), rest.size());
        const auto one = rest.substr(0, end);
        rest.remove_prefix(std::min(end + 1, rest.size()));
        const auto equals = std::min(one.find('='), one.size());
        made[decoded(one.substr(0, equals))] = decoded(one.substr(std::min(equals + 1, one.size())));
    }
    return made;
}

std::optional<http_answer> why_refused(const http_question& one, const std::vector<std::string>& hosts) {
    if (!one.comes_by_path && one.host && !is_own(*one.host, hosts))
        return http_answer{.status = 421,
                           .body = "This name is none of this router's. Where it is, write it into the file: "
                                   "[metrics] hosts = [\"NAME\"]\n"};
    if (one.method != "GET" && one.method != "HEAD")
        return http_answer{.status = 405, .body = "There is GET and HEAD here.\n"};
    return std::nullopt;
}

bool accepts_gzip(std::string_view header) {
    for (;;) {
        const auto comma = header.find(',');
        const auto one = header.substr(0, comma);
        const auto semicolon = one.find(';');
        const auto name = trimmed(one.substr(0, semicolon));
        if (boost::algorithm::iequals(name, "gzip"))
            return semicolon == one.npos || has_weight(one.substr(semicolon));
        if (comma == header.npos)
            return false;
        header.remove_prefix(comma + 1);
    }
}

} // namespace snipass::server
