#include "site.hpp"

#include "tcp_client.hpp"

#include <stdexcept>
#include <utility>

namespace snipass::testing {

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
    one.ack_timeout = patience;
    one.connect_timeout = patience;
    return one;
}

config::backend_settings& site::stream(const std::string& path) {
    auto& one = add();
    one.handoff = {path};
    return one;
}

config::backend_settings& site::datagram(const std::string& path) {
    auto& one = stream(path);
    one.protocol = config::handoff_protocol::datagram;
    return one;
}

config::backend_settings& site::proxied(const ip_endpoint& address) {
    auto& one = add();
    one.proxy.push_back({{}, address.address.to_string(), address.port, address.to_string()});
    return one;
}

config::backend_settings& site::proxied(const std::string& path) {
    auto& one = add();
    one.proxy.push_back({path, {}, 0, "unix:" + path});
    return one;
}

site& site::route(const std::string& name, std::size_t backend, std::vector<std::string> alpn) {
    const auto pattern = route::pattern::parse(name).value;
    if (!pattern)
        throw std::runtime_error{"no pattern: " + name};
    config::route_settings settings;
    settings.name_count = 1;
    settings.alpn = alpn;
    settings.backend = backend;
    settings.where.line = static_cast<std::uint32_t>(100 + rules_.size());
    file_.routes.push_back(std::move(settings));
    rules_.push_back({{*pattern}, std::move(alpn), {}});
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
