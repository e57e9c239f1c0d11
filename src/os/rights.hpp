// SPDX-License-Identifier: BSL-1.0
// rights: descriptors beside the bytes of a message, SCM_RIGHTS of unix(7). Private to os.
#pragma once

#include <sys/socket.h>

#include <cstddef>
#include <cstring>
#include <span>

namespace snipass::os {

// room_for is the control buffer of so many. It must be aligned as a cmsghdr.
template <std::size_t Count>
inline constexpr std::size_t room_for = CMSG_SPACE(Count * sizeof(int));

// attach writes them into `room`, which the message keeps.
inline void attach(msghdr& message, std::span<std::byte> room, std::span<const int> descriptors) noexcept {
    message.msg_control = room.data();
    message.msg_controllen = CMSG_SPACE(descriptors.size_bytes());
    auto* const header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(descriptors.size_bytes());
    std::memcpy(CMSG_DATA(header), descriptors.data(), descriptors.size_bytes());
}

} // namespace snipass::os
