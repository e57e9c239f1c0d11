// SPDX-License-Identifier: BSL-1.0
// What a client asked for, where this machine's firewall sent it elsewhere.
#include "snipass/os/redirection.hpp"

#include "snipass/os/tcp.hpp"

#include <netinet/in.h>
#include <sys/socket.h>

#include <atomic>
#include <chrono>

namespace snipass::os {
namespace {

// redirections: whether the kernel tracks connections, of which it knows what was redirected. Most machines
// track all of them or none, and where it was none a moment ago, a call for each client is saved. Whoever
// excepts some (NOTRACK) is not misled once one was tracked.
class redirections {
  public:
    [[nodiscard]] bool may_be_known() const {
        return is_tracking_ || std::chrono::steady_clock::now() >= ask_again_.load();
    }
    void were_known() { is_tracking_ = true; }
    void were_unknown() { ask_again_ = std::chrono::steady_clock::now() + std::chrono::seconds{1}; }

  private:
    std::atomic<bool> is_tracking_ = false;
    std::atomic<std::chrono::steady_clock::time_point> ask_again_{};
};

redirections all_redirections; // of the kernel, so of the process

} // namespace

// SO_ORIGINAL_DST and IP6T_SO_ORIGINAL_DST have the same number; their headers do not go with the C
// library's.
result<ip_endpoint> destination_of(int client) {
    constexpr int original_destination = 80;
    const auto local = local_endpoint(client);
    if (!local || !all_redirections.may_be_known())
        return local;
    sockaddr_storage storage{};
    socklen_t size = local->address.is_v4() ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
    const int level = local->address.is_v4() ? IPPROTO_IP : IPPROTO_IPV6; // also of a socket for both
    if (::getsockopt(client, level, original_destination, &storage, &size) != 0) {
        all_redirections.were_unknown();
        return local;
    }
    all_redirections.were_known();
    const auto asked = to_endpoint(storage);
    return asked ? *asked : local;
}

} // namespace snipass::os
