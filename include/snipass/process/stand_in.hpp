// SPDX-License-Identifier: BSL-1.0
// stand_in: a process that the service manager takes for this one.
#pragma once

#include "snipass/os/unique_fd.hpp"

#include <optional>

namespace snipass::server {

// systemd begins a service anew when its main process has ended, and one that relays clients has not for as
// long as drain_timeout. So the main process is one that does nothing but wait: it passes signals on to the
// one that serves, and ends as soon as that one takes nobody new. Who is being served is served on, beside
// the next process (KillMode=process, NotifyAccess=all). The two live and die together until then.
class stand_in {
  public:
    // begin makes the second process, in front of any thread. nullopt: this is the one that is to serve. Else
    // this is the main process, and that is its exit status.
    [[nodiscard]] std::optional<int> begin();

    // leave, by the thread that has called begin: nobody new is taken. False: there is nobody to leave.
    bool leave();

  private:
    os::unique_fd to_main_;
};

} // namespace snipass::server
