// SPDX-License-Identifier: BSL-1.0
#include "site.hpp"

#include "tcp_client.hpp"

#include <stdexcept>
#include <utility>

namespace snipass::testing {

config::handoff_settings& handoff_of(config::backend_settings& backend) {
    return std::get<config::handoff_settings>(backend.kind);
}

config::relay_settings& relay_of(config::backend_settings& backend) {
    return std::get<config::relay_settings>(backend.kind);
}

site::site() {
    file_.file = "site in a test";
    file_.log.access = false;
    file_.server.hello_timeout = patience;
    file_.listeners.push_back({});
    listener().address = listener_name;
    listener().endpoint = ip_endpoint::parse("127.0.0.1:0");
}

config::backend_settings& site::add() {
    auto& one = file_.backends.emplace_back();
    one.name = "backend " + std::to_string(file_.backends.size() - 1);
    one.hold = config::milliseconds{0};
    return one;
}

config::backend_settings& site::add_proxied(config::proxy_address address) {
    auto& one = add();
    auto& relay = one.kind.emplace<config::relay_settings>();
    relay.connect_timeout = patience;
    relay.addresses.push_back(std::move(address));
    return one;
}

config::backend_settings& site::stream(const std::string& path) {
    auto& one = add();
    one.kind = config::handoff_settings{.paths = {path}, .ack_timeout = patience, .queue_timeout = patience};
    return one;
}

config::backend_settings& site::datagram(const std::string& path) {
    auto& one = stream(path);
    handoff_of(one).protocol = config::handoff_protocol::datagram;
    return one;
}

config::backend_settings& site::proxied(const ip_endpoint& address) {
    return add_proxied({{}, address.address.to_string(), address.port, address.to_string()});
}

config::backend_settings& site::proxied(const std::string& path) {
    return add_proxied({path, {}, 0, "unix:" + path});
}

config::backend_settings& site::redirect(config::redirect_settings settings) {
    auto& one = add();
    one.kind = std::move(settings);
    return one;
}

site& site::route(const std::string& name, std::size_t backend, std::vector<std::string> alpn) {
    const auto pattern = route::pattern::parse(name).value;
    if (!pattern)
        throw std::runtime_error{"no pattern: " + name};
    return add({{*pattern}, std::move(alpn), {}}, backend);
}

site& site::requests(std::vector<route::path_pattern> paths, std::size_t backend, const std::string& name) {
    route::rule rule{{}, {}, {}, std::move(paths)};
    if (!name.empty())
        rule.names.push_back(route::pattern::parse(name).value.value());
    return add(std::move(rule), backend);
}

site& site::add(route::rule rule, std::size_t backend) {
    config::route_settings settings;
    settings.name_count = rule.names.size();
    settings.alpn = rule.alpn;
    settings.backend = backend;
    settings.where.line = static_cast<std::uint32_t>(100 + rules_.size());
    settings.paths = rule.paths;
    file_.routes.push_back(std::move(settings));
    rules_.push_back(std::move(rule));
    return *this;
}

site& site::otherwise(std::size_t backend) {
    file_.default_backend = backend;
    return *this;
}

std::shared_ptr<const config::configuration> site::build() {
    file_.table = route::table{rules_};
    return std::make_shared<const config::configuration>(std::move(file_));
}

} // namespace snipass::testing
