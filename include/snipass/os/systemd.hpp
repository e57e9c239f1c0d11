// SPDX-License-Identifier: BSL-1.0
// What systemd gives a service and wants to hear from it: sockets (sd_listen_fds(3)) and states
// (sd_notify(3)). Both are a few lines over environment variables and one datagram, so libsystemd is not
// needed.
#pragma once

#include "snipass/base/result.hpp"
#include "snipass/os/unique_fd.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace snipass::os {

struct passed_socket {
    std::string name; // FileDescriptorName= of the socket unit
    unique_fd fd;     // close-on-exec
};

struct passed_sockets {
    std::vector<passed_socket> all;
    std::string problem; // why there are none, or fewer than the variables say; empty: nothing is wrong
};

// take_listen_fds adopts the descriptors passed by LISTEN_FDS, LISTEN_PID and LISTEN_FDNAMES, and removes the
// variables so that no child takes them for its own. Empty if there are none for this process.
[[nodiscard]] passed_sockets take_listen_fds();

// notify_socket is a socket for notify. It is opened early: a process that has run out of descriptors still
// has to say that it lives.
[[nodiscard]] unique_fd notify_socket();

// notify tells the service manager `state` ("READY=1", "STATUS=..."); without NOTIFY_SOCKET it does nothing.
// It does not wait: EAGAIN if the manager's queue is full, or what else sendto(2) said.
[[nodiscard]] error_code notify(const unique_fd& socket, std::string_view state);

// stores_descriptors: the manager keeps at least one descriptor of ours from one process to the next
// (FileDescriptorStoreMax=). systemd says so since version 254 ($FDSTORE); for those before, the unit does.
[[nodiscard]] bool stores_descriptors();

// store gives the manager a copy of `fd` to keep, which the next process is passed by that name. It does not
// look at what becomes of it (FDPOLL=0). forgetting_state tells the manager to keep it no longer.
[[nodiscard]] error_code store(const unique_fd& socket, std::string_view name, int fd);
[[nodiscard]] std::string forgetting_state(std::string_view name);

// reloading_state is "RELOADING=1" with the monotonic time that Type=notify-reload asks for.
[[nodiscard]] std::string reloading_state();

// watchdog_interval is how often the manager wants to hear "WATCHDOG=1" at the latest; nullopt if it does
// not.
[[nodiscard]] std::optional<std::chrono::microseconds> watchdog_interval();

} // namespace snipass::os
