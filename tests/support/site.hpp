// SPDX-License-Identifier: BSL-1.0
// site: a configuration that is written in code.
#pragma once

#include "snipass/config/configuration.hpp"

#include <memory>
#include <string>
#include <vector>

namespace snipass::testing {

// The name of a site's listener, which has a port of the kernel's choice on 127.0.0.1.
inline constexpr const char* listener_name = "test";

// The settings of a backend that is of this kind.
[[nodiscard]] config::handoff_settings& handoff_of(config::backend_settings& backend);
[[nodiscard]] config::relay_settings& relay_of(config::backend_settings& backend);

// A site has one listener and no access log; its timeouts are long, so that a test that wants one to pass has
// to say so. Backends are named by their index, in the order in which they were added.
class site {
  public:
    site();

    // The last one added; valid until the next.
    config::backend_settings& stream(const std::string& path);
    config::backend_settings& datagram(const std::string& path);
    config::backend_settings& proxied(const ip_endpoint& address);
    config::backend_settings& proxied(const std::string& path);

    config::backend_settings& redirect(config::redirect_settings settings);

    site& route(const std::string& name, std::size_t backend, std::vector<std::string> alpn = {});
    // requests is for requests of HTTP that ask for these paths; without a name, of every host.
    site& requests(std::vector<route::path_pattern> paths, std::size_t backend, const std::string& name = {});
    site& otherwise(std::size_t backend); // [default]

    config::listener_settings& listener() { return file_.listeners.front(); }
    config::backend_settings& backend(std::size_t index) { return file_.backends.at(index); }
    [[nodiscard]] std::size_t backend_count() const noexcept { return file_.backends.size(); }
    config::server_settings& server() { return file_.server; }
    config::log_settings& log() { return file_.log; }

    // build may be called once.
    [[nodiscard]] std::shared_ptr<const config::configuration> build();

  private:
    config::backend_settings& add();
    site& add(route::rule rule, std::size_t backend);
    config::backend_settings& add_proxied(config::proxy_address address);

    config::configuration file_;
    std::vector<route::rule> rules_;
};

} // namespace snipass::testing
