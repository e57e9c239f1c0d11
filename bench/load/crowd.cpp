// SPDX-License-Identifier: BSL-1.0
// Many connections that stay.
#include "loads.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <stdexcept>
#include <thread>

namespace snipass::bench {
namespace {

using namespace std::chrono_literals;

// They come in groups, so that no queue on the way overflows, and each group from an address of its own,
// because routers bound what one source may hold.
constexpr std::size_t group_size = 128;
constexpr std::uint32_t first_source = 0x010001; // 127.1.0.1

void await_answer(int fd) {
    pollfd one{fd, POLLIN, 0};
    std::array<char, 64> buffer;
    const bool came = ::poll(&one, 1, 10'000) == 1;
    const auto n = came ? ::recv(fd, buffer.data(), buffer.size(), 0) : -1;
    if (n < 0 || std::string_view{buffer.data(), static_cast<std::size_t>(n)} != expected_answer)
        throw std::runtime_error("no answer");
}

} // namespace

void run_crowd(target& to, const crowd_load& load) {
    const auto size = load.first_bytes > 0 ? std::min(load.first_bytes, to.hello.size()) : to.hello.size();
    std::vector<os::unique_fd> crowd;
    auto source = first_source;
    while (crowd.size() < load.count) {
        const auto before = crowd.size();
        while (crowd.size() < std::min(load.count, before + group_size)) {
            auto& fd = crowd.emplace_back(connect_client(to, source));
            if (!fd)
                fail("connect");
            if (::send(fd.get(), to.next_hello().data(), size, MSG_NOSIGNAL) != static_cast<ssize_t>(size))
                fail("send");
        }
        ++source;
        if (load.first_bytes == 0)
            std::for_each(crowd.begin() + static_cast<std::ptrdiff_t>(before), crowd.end(),
                          [](const os::unique_fd& fd) { await_answer(fd.get()); });
        else
            std::this_thread::sleep_for(1ms);
    }
    std::printf("{\"ready\":%zu}\n", crowd.size());
    std::fflush(stdout);
    char byte = 0;
    while (::read(STDIN_FILENO, &byte, 1) > 0) {
    }
    const auto gone = std::ranges::count_if(crowd, [](const os::unique_fd& fd) {
        pollfd one{fd.get(), POLLRDHUP, 0};
        return ::poll(&one, 1, 0) > 0;
    });
    std::printf("{\"gone\":%td}\n", gone);
}

} // namespace snipass::bench
