// SPDX-License-Identifier: BSL-1.0
// Kernel TLS.
#include "snipass/os/kernel_tls.hpp"

#include "snipass/os/error.hpp"
#include "snipass/os/unique_fd.hpp"

#include <linux/tls.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>
#include <string_view>

namespace snipass::os {
namespace {

constexpr std::string_view name = "tls"; // of this upper layer protocol

} // namespace

bool offers_kernel_tls() {
    const unique_fd one{::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_TCP)};
    const unique_fd other{one ? -1 : ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_TCP)};
    const auto ec = begin_kernel_tls(one ? one.get() : other.get());
    return ec == make_error(ENOTCONN); // the name was found
}

error_code begin_kernel_tls(int fd) {
    if (::setsockopt(fd, IPPROTO_TCP, TCP_ULP, name.data(), name.size()) < 0)
        return last_error();
    return {};
}

error_code set_tls_keys(int fd, tls_direction direction, byte_view keys) {
    const int option = direction == tls_direction::send ? TLS_TX : TLS_RX;
    if (::setsockopt(fd, SOL_TLS, option, keys.data(), static_cast<socklen_t>(keys.size())) < 0)
        return last_error();
    return {};
}

} // namespace snipass::os
