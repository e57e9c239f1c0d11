// SPDX-License-Identifier: BSL-1.0
// Kernel TLS: the kernel encrypts what is written to a TCP socket, and decrypts what is read from it
// (Documentation/networking/tls.rst of Linux).
#pragma once

#include "snipass/base/bytes.hpp"
#include "snipass/base/result.hpp"

namespace snipass::os {

// offers_kernel_tls: the kernel has it, and its module (tls) is loaded. Only root's programs make the kernel
// load it.
[[nodiscard]] bool offers_kernel_tls();

// begin_kernel_tls prepares a connected TCP socket for keys; until it has some it is as before. ENOENT: the
// module is not loaded. ENOTCONN: the peer has sent FIN. ENOPROTOOPT: it is a socket of MPTCP.
[[nodiscard]] error_code begin_kernel_tls(int fd);

enum class tls_direction {
    receive,
    send,
};

// set_tls_keys gives the kernel what it needs for one direction, once: a `struct tls12_crypto_info_...` of
// linux/tls.h. An error: nothing has changed.
[[nodiscard]] error_code set_tls_keys(int fd, tls_direction direction, byte_view keys);

} // namespace snipass::os
