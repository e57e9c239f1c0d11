// SPDX-License-Identifier: BSL-1.0
// backend: one of the three servers that the router under test may send a client to. They are no TLS servers:
// they note what arrives, and answer with a line once all of it has.
#pragma once

#include "endpoint.hpp"
#include "verdict.hpp"

#include <optional>

namespace snipass::conformance {

class backend {
  public:
    backend(route name, const endpoint& where)
        : name_(name), takes_sockets_(where.type == endpoint::kind::handoff), listener_(listen_at(where)) {}

    [[nodiscard]] route name() const noexcept { return name_; }
    [[nodiscard]] int listener() const noexcept { return listener_.get(); }

    // accept is a connection that carries the client's bytes, non-blocking: the router's connection, or the
    // client's own socket where that is what is handed over. nullopt: there is none (any more).
    [[nodiscard]] std::optional<unique_fd> accept();

  private:
    route name_;
    bool takes_sockets_;
    unique_fd listener_;
};

} // namespace snipass::conformance
