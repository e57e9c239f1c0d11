// SPDX-License-Identifier: BSL-1.0
// descriptor_queue: any number of descriptors behind one, on their way to another process.
#pragma once

#include "snipass/base/bytes.hpp"
#include "snipass/base/result.hpp"
#include "snipass/os/unique_fd.hpp"

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <vector>

namespace snipass::os {

// queue_descriptors puts copies of all into a socket, in their order, and returns the end to take them out
// of, each group by itself. Whoever has that end, or gets it later, has them; when the last copy of it is
// closed they are, too. So a service manager keeps one descriptor in place of 20,000, of which it would
// compare each new one with all. The kernel lets a user have as many descriptors on their way as a process of
// that user may have open (ETOOMANYREFS), and ENOBUFS is more than fit into such a socket: some 70,000.
[[nodiscard]] result<unique_fd> queue_descriptors(std::initializer_list<std::span<const int>> groups);

// look_from_start: the next take is of the first group.
[[nodiscard]] error_code look_from_start(int queue);

// take_descriptors takes copies of the next group, which has `count`; EBADMSG: it has not. EMFILE: this
// process has no room for them. What is in the queue stays there, for whoever looks from its start.
[[nodiscard]] result<std::vector<unique_fd>> take_descriptors(int queue, std::size_t count);

// memory_file holds bytes, in their order, in no file system, and nobody changes them (memfd_create(2)).
[[nodiscard]] result<unique_fd> memory_file(const char* name, std::span<const byte_view> parts);
// EFBIG: it has more than `most` bytes. EINVAL: it is no such file, or somebody may still change it.
[[nodiscard]] result<std::vector<std::uint8_t>> read_memory_file(int fd, std::size_t most);

} // namespace snipass::os
