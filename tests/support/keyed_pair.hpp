// SPDX-License-Identifier: BSL-1.0
// A loopback TCP connection on which the kernel speaks TLS at both ends, with keys that everybody knows: no
// handshake, no library. What a peer may say besides data is said with send_record.
#pragma once

#include "sockets.hpp"

#include <linux/tls.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

namespace snipass::testing {

inline constexpr std::uint16_t tls_1_2 = 0x0303, tls_1_3 = 0x0304;

inline bool set_keys(const os::unique_fd& fd, std::uint16_t version, int direction) {
    tls12_crypto_info_aes_gcm_128 keys{}; // all zero but for what they are
    keys.info.version = version;
    keys.info.cipher_type = TLS_CIPHER_AES_GCM_128;
    return ::setsockopt(fd.get(), SOL_TLS, direction, &keys, sizeof keys) == 0;
}

// keep_keys gives the kernel keys for both directions.
inline bool keep_keys(const os::unique_fd& fd, std::uint16_t version) {
    return ::setsockopt(fd.get(), IPPROTO_TCP, TCP_ULP, "tls", 3) == 0 && set_keys(fd, version, TLS_RX) &&
           set_keys(fd, version, TLS_TX);
}

// lacks_kernel_tls is why this machine cannot; nothing where it can.
inline std::optional<std::string> lacks_kernel_tls() {
    const auto pair = tcp_pair();
    if (keep_keys(pair.near, tls_1_3))
        return std::nullopt;
    return "the kernel has no TLS (TCP_ULP: " + std::generic_category().message(errno) +
           "); tests/README.md says how to run this in a machine that has";
}

// keyed_pair: `near` is the backend's, `far` the client, with a buffer as tcp_pair_into()'s.
inline socket_pair keyed_pair(std::uint16_t version, int far_buffer = 0) {
    auto pair = tcp_pair_into(far_buffer);
    const timeval limit{10, 0};
    (void)::setsockopt(pair.far.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    if (!keep_keys(pair.near, version) || !keep_keys(pair.far, version))
        throw std::system_error{errno, std::generic_category(), "TCP_ULP"};
    return pair;
}

inline void send_record(const os::unique_fd& fd, unsigned char type, std::string_view bytes) {
    alignas(cmsghdr) std::array<char, CMSG_SPACE(1)> control{};
    iovec part{const_cast<char*>(bytes.data()), bytes.size()};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    auto* const header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_TLS;
    header->cmsg_type = TLS_SET_RECORD_TYPE;
    header->cmsg_len = CMSG_LEN(1);
    *CMSG_DATA(header) = type;
    if (::sendmsg(fd.get(), &message, MSG_NOSIGNAL) != static_cast<ssize_t>(bytes.size()))
        throw std::system_error{errno, std::generic_category(), "sendmsg"};
}

// read_record is the next record as "TYPE:bytes", at most 16 KiB; "FIN", "RST", or "nothing".
inline std::string read_record(const os::unique_fd& fd) {
    alignas(cmsghdr) std::array<char, CMSG_SPACE(1)> control{};
    std::string bytes(16'384, '\0');
    iovec part{bytes.data(), bytes.size()};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    const auto n = ::recvmsg(fd.get(), &message, 0);
    if (n <= 0)
        return n == 0 ? "FIN" : errno == ECONNRESET ? "RST" : "nothing";
    bytes.resize(static_cast<std::size_t>(n));
    const auto* const header = CMSG_FIRSTHDR(&message);
    return std::to_string(header != nullptr ? *CMSG_DATA(header) : 0) + ":" + bytes;
}

} // namespace snipass::testing
