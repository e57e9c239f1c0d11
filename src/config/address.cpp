// SPDX-License-Identifier: BSL-1.0
// Each of the three parsers accepts first and diagnoses after: what is refused is looked at again for what
// was probably meant, because an admin is better served by the line to write than by a grammar.
#include "snipass/config/address.hpp"

#include "snipass/base/ascii_form.hpp"
#include "snipass/base/ends_in_number.hpp"
#include "snipass/base/host_name.hpp"
#include "snipass/config/limits.hpp"

#include <algorithm>
#include <charconv>

namespace snipass::config {
namespace {

constexpr std::string_view unix_prefix = "unix:";
constexpr std::string_view handoff_prefix = "handoff:";
constexpr std::string_view systemd_prefix = "systemd:";
constexpr std::string_view asked_for = "{host_name}";

std::optional<std::uint16_t> parse_port(std::string_view text) {
    std::uint16_t port = 0;
    const auto* const end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, port);
    if (error != std::errc{} || stop != end)
        return std::nullopt;
    return port;
}

struct host_and_port {
    std::string_view host;
    std::string_view port;
};

// split cuts at the last colon.
host_and_port split(std::string_view text) {
    const auto colon = text.rfind(':');
    if (colon == text.npos)
        return {text, {}};
    return {text.substr(0, colon), text.substr(colon + 1)};
}

// with_port proposes an address with a port for one that lacks it, or lacks the brackets: "::1:443" is both
// an address without a port and one without brackets, and the second is what was meant.
std::string with_port(std::string_view text) {
    const auto [host, port] = split(text);
    const auto inner = ip_address::parse(host);
    if (inner && !inner->is_v4() && parse_port(port))
        return "[" + std::string(host) + "]:" + std::string(port);
    return ip_endpoint{*ip_address::parse(text), 443}.to_string();
}

std::string listener_problem(std::string_view text) {
    const auto refusal = [&](std::string_view why, std::string_view instead) {
        return in_quotes(text) + " " + std::string(why) + "; write " + in_quotes(instead);
    };
    if (text.starts_with(unix_prefix))
        return refusal("is no TCP address", "[::]:443") + ", or " +
               in_quotes(std::string(handoff_prefix) + std::string(text.substr(unix_prefix.size()))) +
               " for clients that another router hands over";
    if (const auto port = parse_port(text))
        return refusal("is a port alone", "[::]:" + std::to_string(*port));
    if (ip_address::parse(text))
        return refusal("has no port, or no brackets", with_port(text));

    const auto [host, port] = split(text);
    const bool name = host_name::parse(host).has_value();
    if (name && (port.empty() || parse_port(port))) {
        const auto address = host == "localhost" ? "127.0.0.1:" : "[::]:";
        return refusal("is a name; a listener has an address",
                       address + std::string(port.empty() ? "443" : port));
    }
    return in_quotes(text) + " is not an address and a port from 0 to 65535; write one such as \"[::]:443\", "
                             "\"192.0.2.1:443\", \"systemd:NAME\" or \"handoff:PATH\"";
}

written<listener_address> parse_systemd(std::string_view text) {
    using result = written<listener_address>;
    const auto name = text.substr(systemd_prefix.size());
    const bool printable = std::all_of(name.begin(), name.end(), [](char c) { return c > ' ' && c < 0x7f; });
    if (name.empty() || name.size() > limits::systemd_name || !printable || name.find(':') != name.npos)
        return result::refused(in_quotes(text) +
                               " names no socket; write what the socket unit has as FileDescriptorName=, "
                               "such as \"systemd:https\" (1 to 255 characters, no \":\")");
    return listener_address{std::nullopt, std::string(name), {}};
}

// A path of a unix socket behind its prefix.
written<std::string> parse_unix_path(std::string_view path, std::string_view prefix = unix_prefix) {
    using result = written<std::string>;
    const auto whole = [prefix](std::string_view behind) {
        return in_quotes(std::string(prefix) + std::string(behind));
    };
    if (path.empty() || path == "@" || path == "/")
        return result::refused(whole(path) + " has no path; write one such as " + whole("/run/backend.sock"));
    if (path.front() != '/' && path.front() != '@')
        return result::refused(whole(path) + " is a relative path; write one from the root, such as " +
                               whole("/run/" + std::string(path)));
    if (path.find('\0') != path.npos)
        return result::refused("a path has no NUL; for the abstract namespace write \"unix:@name\"");
    if (path.size() > limits::unix_path)
        return result::refused(whole(path) + " has " + std::to_string(path.size()) +
                               " bytes; a unix socket's path has at most " +
                               std::to_string(limits::unix_path));
    return std::string(path);
}

// Whoever may enter a folder may connect to a socket in it; a name in the abstract namespace is everybody's.
written<listener_address> parse_handoff_listener(std::string_view text) {
    using result = written<listener_address>;
    const auto path = text.substr(handoff_prefix.size());
    if (path.starts_with(systemd_prefix))
        return parse_systemd(path);
    if (path.starts_with(unix_prefix))
        return result::refused(
            in_quotes(text) + " has one prefix too many; write " +
            in_quotes(std::string(handoff_prefix) + std::string(path.substr(unix_prefix.size()))));
    if (path.starts_with('@'))
        return result::refused(in_quotes(text) +
                               " is in the abstract namespace, where nothing keeps strangers "
                               "out; write a path such as \"handoff:/run/snipass/in.sock\"");
    auto parsed = parse_unix_path(path, handoff_prefix);
    if (!parsed.value)
        return result::refused(std::move(parsed.problem));
    constexpr auto most = limits::unix_path - datagram_suffix.size();
    if (path.size() > most)
        return result::refused(in_quotes(text) + " has a path of " + std::to_string(path.size()) +
                               " bytes; with \"" + std::string(datagram_suffix) +
                               "\" behind it there is room for " + std::to_string(most));
    return listener_address{std::nullopt, {}, std::move(*parsed.value)};
}

bool is_link_local(const ip_address& address) {
    return ip_prefix::parse("fe80::/10")->contains(address);
}

// A link-local address (RFC 4291, section 2.5.6) is on one interface, which stands behind it (RFC 4007,
// section 11).
struct without_interface {
    explicit without_interface(std::string_view written) : text(written) {
        const auto percent = written.find('%');
        const auto bracket = written.find(']');
        names_one = percent < bracket && bracket < written.size();
        if (names_one) {
            interface = written.substr(percent + 1, bracket - percent - 1);
            text.erase(percent, bracket - percent);
        }
        endpoint = ip_endpoint::parse(text);
    }

    bool names_one = false;
    std::string_view interface;
    std::string text; // what is left
    std::optional<ip_endpoint> endpoint;
};

written<listener_address> parse_on_interface(std::string_view text) {
    using result = written<listener_address>;
    const without_interface rest{text};
    const auto& [names_one, name, without, endpoint] = rest;
    if (!endpoint)
        return result::refused(listener_problem(text));
    if (!is_link_local(endpoint->address))
        return names_one ? result::refused(in_quotes(text) +
                                           " is no link-local address, so it has no interface; write " +
                                           in_quotes(without))
                         : listener_address{*endpoint, {}};
    const bool is_name =
        !name.empty() && name.size() <= limits::interface_name && name.find('/') == name.npos;
    if (!is_name)
        return result::refused(
            in_quotes(text) + " is a link-local address; write with it on which interface it is, such as " +
            in_quotes("[" + endpoint->address.to_string() + "%eth0]:" + std::to_string(endpoint->port)));
    return listener_address{*endpoint, {}, {}, false, std::string(name)};
}

// An admin may well write a path as it is.
bool is_bare_path(std::string_view text) {
    return text.starts_with('/') || text.starts_with('@');
}

// inside_url is the address in "https://10.0.0.5/path", with the port that the scheme stands for.
std::string inside_url(std::string_view text) {
    const auto scheme = text.find("://");
    if (scheme == text.npos)
        return {};
    const auto* const port = text.substr(0, scheme) == "http" ? ":80" : ":443";
    auto inside = std::string(text.substr(scheme + 3));
    inside.resize(std::min(inside.find_first_of("/?#"), inside.size()));
    for (const auto& one : {inside, inside + port})
        if (parse_proxy_address(one).value)
            return one;
    return {};
}

// placeholder_problem: the name that the client asks for, as other programs write it, or as a part of a name.
std::string placeholder_problem(std::string_view text) {
    const auto [host, port] = split(text);
    const auto whole = std::string(asked_for) + ":" + std::string(parse_port(port) ? port : "443");
    const auto name = text.find(asked_for);
    if (name != text.npos && text.substr(0, name).find_first_of("{$") == text.npos)
        return in_quotes(text) + " has more than \"{host_name}\", which stands for a whole name; write " +
               in_quotes(whole);
    return in_quotes(text) + " has no meaning here; for the name that the client asks for write " +
           in_quotes(whole);
}

std::string proxy_problem(std::string_view text) {
    if (is_bare_path(text))
        return in_quotes(text) + " has no \"unix:\"; write " + in_quotes("unix:" + std::string(text));
    if (ip_address::parse(text))
        return in_quotes(text) + " has no port, or no brackets; write " + in_quotes(with_port(text));
    if (!is_ascii(text)) {
        const auto [host, port] = split(text);
        if (const auto ascii = ascii_form(host); ascii && host_name::parse(*ascii) && parse_port(port))
            return in_quotes(text) + " is looked up by its ASCII form; write " +
                   in_quotes(*ascii + ":" + std::string(port));
    }
    if (host_name::parse(text) || text == asked_for)
        return in_quotes(text) + " has no port; write " + in_quotes(std::string(text) + ":443");
    if (const auto inside = inside_url(text); !inside.empty())
        return in_quotes(text) + " is a URL; write " + in_quotes(inside);
    if (text.find_first_of("{$") != text.npos)
        return placeholder_problem(text);
    const auto [host, port] = split(text);
    const auto number = parse_port(port);
    if (const auto endpoint = without_interface(text).endpoint; endpoint && is_link_local(endpoint->address))
        return in_quotes(text) +
               " is a link-local address, which is on an interface, and a connection is not bound to "
               "one; write another address of that machine";
    if (!number || *number == 0)
        return in_quotes(text) + " has no port from 1 to 65535; write one such as \"192.0.2.1:443\"";
    if (ends_in_number(host))
        return in_quotes(text) +
               " is no name, because its last label is a number, and no whole IPv4 address; write one "
               "such as \"192.0.2.1:443\"";
    return in_quotes(text) + " is no address; write one such as \"192.0.2.1:443\", \"[2001:db8::1]:443\", "
                             "\"backup.example.net:443\" or \"unix:/run/backend.sock\"";
}

} // namespace

written<listener_address> parse_listener_address(std::string_view text) {
    if (text.starts_with(systemd_prefix))
        return parse_systemd(text);
    if (text.starts_with(handoff_prefix))
        return parse_handoff_listener(text);
    const auto [host, port_text] = split(text);
    if (host.size() < text.size() && (host.empty() || host == "*"))
        if (const auto port = parse_port(port_text))
            return listener_address{ip_endpoint{ip_address{}, *port}, {}, {}, true};
    return parse_on_interface(text);
}

written<std::string> parse_handoff_address(std::string_view text) {
    using result = written<std::string>;
    if (text.starts_with(unix_prefix))
        return parse_unix_path(text.substr(unix_prefix.size()));
    if (is_bare_path(text))
        return result::refused(proxy_problem(text));
    if (parse_proxy_address(text).value)
        return result::refused(
            in_quotes(text) +
            " is no unix socket, and a socket is only handed to a process on this machine; "
            "write proxy = [" +
            in_quotes(text) + "]");
    return result::refused(in_quotes(text) +
                           " is no unix socket; write one such as \"unix:/run/backend.sock\"");
}

written<proxy_address> parse_proxy_address(std::string_view text) {
    using result = written<proxy_address>;
    proxy_address address;
    address.text = std::string(text);
    if (text.starts_with(unix_prefix)) {
        auto path = parse_unix_path(text.substr(unix_prefix.size()));
        if (!path.value)
            return result::refused(std::move(path.problem));
        address.path = std::move(*path.value);
        return address;
    }
    if (const auto endpoint = ip_endpoint::parse(text);
        endpoint && endpoint->port != 0 && !is_link_local(endpoint->address)) {
        address.host = endpoint->address.to_string();
        address.port = endpoint->port;
        return address;
    }
    const auto [host, port_text] = split(text);
    const auto name = host_name::parse(host);
    const auto port = parse_port(port_text);
    if ((!name && host != asked_for) || !port || *port == 0)
        return result::refused(proxy_problem(text));
    address.port = *port;
    if (name)
        address.host = std::string(name->text());
    return address;
}

} // namespace snipass::config
