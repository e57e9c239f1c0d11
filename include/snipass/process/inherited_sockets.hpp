// SPDX-License-Identifier: BSL-1.0
// inherited_sockets: listening sockets that the process before had.
#pragma once

#include "snipass/base/ip_address.hpp"
#include "snipass/os/unique_fd.hpp"
#include "snipass/os/unix_listener.hpp"
#include "snipass/process/listener.hpp"
#include "snipass/upgrade/state.hpp"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace snipass::server {

// inherited_sockets has them until clear(); who was given one has a copy of his own. So a start that fails
// leaves them as they were, their files included.
class inherited_sockets {
  public:
    struct tcp_socket {
        std::string written;
        ip_endpoint bound;
        std::shared_ptr<const os::unique_fd> origin;
    };

    // add closes what is not what the state says of it, and a unix socket that is not reached by its path any
    // more.
    void add(const upgrade::listener& known, os::unique_fd fd);

    // find: of the listener that was written so, or that is bound there. Null: there is none.
    [[nodiscard]] const tcp_socket* find(std::string_view written, const ip_endpoint& bound,
                                         unsigned interface) const;

    // find_unix: its file is not owned yet. nullopt: there is none.
    [[nodiscard]] std::optional<os::unix_listener> find_unix(std::string_view path, socket_kind kind) const;

    void clear() noexcept {
        tcp_.clear();
        unix_.clear();
    }

  private:
    struct unix_socket {
        std::string path;
        std::string kind;
        os::unique_fd fd;
    };

    std::vector<tcp_socket> tcp_;
    std::vector<unix_socket> unix_;
};

} // namespace snipass::server
