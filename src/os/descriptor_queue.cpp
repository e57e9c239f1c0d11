// SPDX-License-Identifier: BSL-1.0
// Descriptors in flight, and what is said of them in a memfd.
#include "snipass/os/descriptor_queue.hpp"

#include "rights.hpp"

#include "snipass/os/error.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstring>

namespace snipass::os {
namespace {

// SCM_MAX_FD, unix(7): so many in a message.
constexpr std::size_t most_in_message = 253;

// The kernel cuts it to net.core.wmem_max.
constexpr int wished_buffer = 4 << 20;

constexpr int seals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;

error_code send_some(int socket, std::span<const int> some) {
    alignas(cmsghdr) std::byte control[room_for<most_in_message>]{};
    std::uint8_t mark = 0;
    iovec data{&mark, 1};
    msghdr message{};
    message.msg_iov = &data;
    message.msg_iovlen = 1;
    attach(message, control, some);
    if (::sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT) == 1)
        return {};
    const auto ec = last_error();
    return would_block(ec) ? make_error(ENOBUFS) : ec;
}

// receive_some adds what one message has: the kernel ends a read behind one with descriptors.
error_code receive_some(int socket, std::vector<unique_fd>& to) {
    alignas(cmsghdr) std::byte control[room_for<most_in_message>]{};
    std::uint8_t mark = 0;
    iovec data{&mark, 1};
    msghdr message{};
    message.msg_iov = &data;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    const auto n = ::recvmsg(socket, &message, MSG_PEEK | MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (n < 0)
        return would_block(last_error()) ? make_error(EBADMSG) : last_error();
    const auto before = to.size();
    for (auto* header = CMSG_FIRSTHDR(&message); header != nullptr; header = CMSG_NXTHDR(&message, header)) {
        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
            continue;
        const auto count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (std::size_t i = 0; i < count; ++i) {
            int fd = -1;
            std::memcpy(&fd, CMSG_DATA(header) + i * sizeof fd, sizeof fd);
            to.emplace_back(fd);
        }
    }
    if ((message.msg_flags & MSG_CTRUNC) != 0)
        return make_error(EMFILE);
    return to.size() == before ? make_error(EBADMSG) : error_code{};
}

} // namespace

result<unique_fd> queue_descriptors(std::initializer_list<std::span<const int>> groups) {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        return last_error();
    unique_fd out{ends[0]};
    const unique_fd in{ends[1]};
    (void)::setsockopt(in.get(), SOL_SOCKET, SO_SNDBUF, &wished_buffer, sizeof wished_buffer);
    for (auto group : groups)
        for (; !group.empty(); group = group.subspan(std::min(most_in_message, group.size())))
            if (const auto ec = send_some(in.get(), group.first(std::min(most_in_message, group.size()))))
                return ec;
    return out;
}

// SO_PEEK_OFF, socket(7): each look goes on behind the last one.
error_code look_from_start(int queue) {
    const int start = 0;
    const bool done = ::setsockopt(queue, SOL_SOCKET, SO_PEEK_OFF, &start, sizeof start) == 0;
    return done ? error_code{} : last_error();
}

result<std::vector<unique_fd>> take_descriptors(int queue, std::size_t count) {
    std::vector<unique_fd> taken;
    while (taken.size() < count)
        if (const auto ec = receive_some(queue, taken))
            return ec;
    if (taken.size() > count)
        return make_error(EBADMSG);
    return taken;
}

result<unique_fd> memory_file(const char* name, std::span<const byte_view> parts) {
    unique_fd file{::memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING)};
    if (!file)
        return last_error();
    for (auto bytes : parts)
        while (!bytes.empty()) {
            const auto n = ::write(file.get(), bytes.data(), bytes.size());
            if (n < 0)
                return last_error();
            bytes = bytes.subspan(static_cast<std::size_t>(n));
        }
    if (::fcntl(file.get(), F_ADD_SEALS, seals) != 0)
        return last_error();
    return file;
}

result<std::vector<std::uint8_t>> read_memory_file(int fd, std::size_t most) {
    struct stat found {};
    const int sealed = ::fcntl(fd, F_GET_SEALS);
    if (sealed < 0 || (sealed & seals) != seals || ::fstat(fd, &found) != 0)
        return make_error(EINVAL);
    const auto size = static_cast<std::size_t>(found.st_size);
    if (size > most)
        return make_error(EFBIG);
    std::vector<std::uint8_t> bytes(size);
    std::size_t done = 0;
    while (done < size) {
        const auto n = ::pread(fd, bytes.data() + done, size - done, static_cast<off_t>(done));
        if (n <= 0)
            return n == 0 ? make_error(EIO) : last_error();
        done += static_cast<std::size_t>(n);
    }
    return bytes;
}

} // namespace snipass::os
