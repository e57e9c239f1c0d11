// SPDX-License-Identifier: BSL-1.0
// Few connections with much in them, in one direction.
#include "loads.hpp"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <stdexcept>

namespace snipass::bench {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t chunk_size = 1U << 18;
constexpr auto longest_silence = 20s;

struct transfer {
    os::unique_fd fd;
    std::uint64_t left = 0; // of the bytes, up or down
};

// send_all sends what the socket takes, and returns whether there is more to come.
bool send_all(transfer& one) {
    static const bytes chunk(chunk_size);
    while (one.left > 0) {
        const auto size = std::min<std::uint64_t>(one.left, chunk.size());
        const auto n = ::send(one.fd.get(), chunk.data(), size, MSG_NOSIGNAL);
        if (n < 0 && errno == EAGAIN)
            return true;
        if (n < 0)
            fail("send");
        one.left -= static_cast<std::uint64_t>(n);
    }
    return false;
}

// take_all takes what is there without copying it, and returns whether there is more to come.
bool take_all(transfer& one) {
    for (;;) {
        const auto n = ::recv(one.fd.get(), nullptr, chunk_size, MSG_TRUNC);
        if (n < 0 && errno == EAGAIN)
            return true;
        if (n < 0)
            fail("recv");
        if (n == 0)
            return false;
        if (static_cast<std::uint64_t>(n) > one.left)
            throw std::runtime_error("more bytes than were sent");
        one.left -= static_cast<std::uint64_t>(n);
    }
}

bool is_answered(const transfer& one) {
    std::array<char, 64> buffer;
    const auto n = ::recv(one.fd.get(), buffer.data(), buffer.size(), 0);
    if (n < 0 && errno == EAGAIN)
        return false;
    if (n < 0)
        fail("recv");
    if (std::string_view{buffer.data(), static_cast<std::size_t>(n)} != expected_answer)
        throw std::runtime_error("no answer after the last byte");
    return true;
}

// Returns whether the transfer is through.
bool go_on(transfer& one, bool up) {
    if (up)
        return !send_all(one) && is_answered(one);
    if (take_all(one))
        return false;
    if (one.left > 0)
        throw std::runtime_error("the stream ended early");
    return true;
}

} // namespace

std::string run_bulk(target& to, const bulk_load& load) {
    epoll_set epoll;
    std::vector<transfer> transfers;
    const auto begin = clock::now();
    for (std::size_t i = 0; i < load.connections; ++i) {
        auto& one = transfers.emplace_back(transfer{connect_client(to), load.bytes});
        if (!one.fd)
            fail("connect");
        const auto n = ::send(one.fd.get(), to.next_hello().data(), to.hello.size(), MSG_NOSIGNAL);
        if (n != static_cast<ssize_t>(to.hello.size()))
            fail("send");
        epoll.add(one.fd.get(),
                  EPOLLIN | EPOLLRDHUP | EPOLLET | (load.up ? static_cast<std::uint32_t>(EPOLLOUT) : 0U), i);
    }
    for (auto left = load.connections; left > 0;) {
        const auto& ready = epoll.wait(clock::now() + longest_silence);
        if (ready.empty())
            throw std::runtime_error("the transfer stands still");
        for (const auto& event : ready) {
            auto& one = transfers[event.tag];
            if (one.fd && go_on(one, load.up)) {
                one.fd.reset();
                --left;
            }
        }
    }
    const std::chrono::duration<double> took = clock::now() - begin;
    std::array<char, 128> line;
    std::snprintf(line.data(), line.size(), R"({"bytes":%llu,"seconds":%.6f})",
                  static_cast<unsigned long long>(load.bytes * load.connections), took.count());
    return line.data();
}

} // namespace snipass::bench
