// SPDX-License-Identifier: BSL-1.0
// The request line, then Host, then what they say together (RFC 9112 section 3).
#include "snipass/http/request_head.hpp"

#include "authority.hpp"

#include "snipass/http/characters.hpp"
#include "snipass/http/path.hpp"

#include <algorithm>

namespace snipass::http {
namespace {

using broken_rule = std::optional<head_error>;

constexpr std::string_view line_end = "\r\n";

// A target's authority; empty: it has none.
using authority = std::string_view;

broken_rule parse_version(std::string_view version, request_head& head) noexcept {
    if (head.method == "PRI")
        return version == "HTTP/2.0" && head.target == "*" ? head_error::http2_preface
                                                           : head_error::reserved_method;
    if (version != "HTTP/1.0" && version != "HTTP/1.1")
        return head_error::version_number;
    head.minor_version = static_cast<std::uint8_t>(version.back() - '0');
    return {};
}

// take_path takes the path and the query, with which a target ends.
void take_path(std::string_view rest, request_head& head) noexcept {
    const auto end = std::min(rest.find('?'), rest.size());
    head.raw_path = end == 0 ? "/" : rest.substr(0, end);
    if (end < rest.size())
        head.query = rest.substr(end + 1);
}

broken_rule parse_absolute_form(request_head& head, authority& found) {
    constexpr std::string_view separator = "://";
    const auto scheme = std::min(head.target.find(separator), head.target.size());
    if (scheme == head.target.size())
        return head_error::target_form;
    if (!is_same(head.target.substr(0, scheme), "http"))
        return head_error::target_scheme;
    const auto rest = head.target.substr(scheme + separator.size());
    const auto size = std::min(rest.find_first_of("/?"), rest.size());
    found = rest.substr(0, size);
    if (found.find('@') != std::string_view::npos)
        return head_error::target_userinfo;
    if (!host_of(found))
        return head_error::target_authority;
    take_path(rest.substr(size), head);
    return {};
}

broken_rule parse_target(request_head& head, authority& found) {
    if (head.method == "CONNECT")
        return head_error::connect;
    if (head.target == "*") {
        head.raw_path = head.target;
        return head.method == "OPTIONS" ? broken_rule{} : head_error::asterisk;
    }
    if (!head.target.starts_with('/'))
        return parse_absolute_form(head, found);
    take_path(head.target, head);
    return {};
}

broken_rule parse_request_line(std::string_view line, request_head& head, authority& found) {
    const auto behind_method = std::min(line.find(' '), line.size());
    const auto behind_target = std::min(line.find(' ', behind_method + 1), line.size());
    if (behind_target == line.size())
        return head_error::request_line;
    head.method = line.substr(0, behind_method);
    head.target = line.substr(behind_method + 1, behind_target - behind_method - 1);
    if (const auto broken = parse_version(line.substr(behind_target + 1), head))
        return broken;
    return parse_target(head, found);
}

// parse_host: there is one Host, and it is what the target says, if that says one, too. HTTP/1.0 need not
// have one; beside a target with a host it must, as servers read none then where there is no field.
broken_rule parse_host(request_head& head, authority of_target) {
    std::optional<std::string_view> value;
    for (auto fields = head.fields; !fields.empty(); fields.pop_front()) {
        const auto one = fields.front();
        if (!is_same(one.name, "Host"))
            continue;
        if (value)
            return head_error::host_repeated;
        value = one.value;
    }
    if (!value && (head.minor_version > 0 || !of_target.empty()))
        return head_error::host_missing;
    if (value && !value->empty() && !host_of(*value))
        return head_error::host_value;
    if (value && !of_target.empty() && !is_same(*value, of_target))
        return head_error::host_differs;
    head.host = host_of(value.value_or("")).value_or("");
    return {};
}

void normalise(request_head& head, std::vector<std::uint8_t>& scratch) {
    if (head.raw_path == "*")
        return;
    const auto path = normalise_path(head.raw_path, scratch);
    if (path)
        head.path = *path;
    else
        head.unsafe = static_cast<head_error>(path.error().value());
}

} // namespace

result<request_head> parse_request_head(byte_view bytes, std::vector<std::uint8_t>& scratch) {
    const auto text = as_text(bytes);
    request_head head;
    head.size = text.size();
    const auto line = text.substr(0, text.find(line_end));
    if (line.size() + 2 * line_end.size() > text.size())
        return head_error::request_line;
    const auto fields = text.substr(line.size() + line_end.size());
    head.fields = field_list{fields.substr(0, fields.size() - line_end.size())};
    authority of_target;
    if (const auto broken = parse_request_line(line, head, of_target))
        return *broken;
    if (const auto broken = parse_host(head, of_target))
        return *broken;
    normalise(head, scratch);
    return head;
}

} // namespace snipass::http
