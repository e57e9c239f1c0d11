// SPDX-License-Identifier: BSL-1.0
// system_calls: what one thread asks of the kernel, counted, and made to fail. For programs that are linked
// with
// --wrap for each of these calls (tests/CMakeLists.txt).
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace snipass::testing {

enum class system_call {
    accept4,
    close,
    connect,
    epoll_add, // epoll_ctl with EPOLL_CTL_ADD
    epoll_change,
    epoll_wait, // that may sleep
    epoll_look, // with no timeout
    getsockname,
    getsockopt,
    pipe2,
    poll,
    read,
    recv,
    recvmsg,
    send,
    sendmsg,
    setsockopt,
    shutdown,
    socket,
    splice,
    write,
    count_,
};
[[nodiscard]] std::string_view to_string(system_call one) noexcept;

// call_watch looks at one thread of this process while it exists. One at a time; what it has seen is asked
// while that thread rests.
class call_watch {
  public:
    explicit call_watch(pid_t thread);
    ~call_watch();
    call_watch(const call_watch&) = delete;
    call_watch& operator=(const call_watch&) = delete;

    struct seen {
        system_call call;
        int fd;
        bool failed; // because fail() said so
    };
    [[nodiscard]] std::vector<seen> calls() const;
    [[nodiscard]] std::size_t count(system_call one) const;
    // count without those by which the loop waits, and what it asks of its timer.
    [[nodiscard]] std::size_t count_for_clients() const;
    [[nodiscard]] std::string text() const; // "accept4 recv sendmsg close", for messages
    void forget();

    // fail makes calls of this kind fail with `error`: the n-th from now on (1 is the next), and `times` in a
    // row.
    void fail(system_call one, int error, int nth = 1, int times = 1);
    [[nodiscard]] bool has_failed() const; // one of them, at least

    // shorten makes the next sendmsg take so many bytes and no more.
    void shorten_sendmsg(std::size_t bytes);
};

} // namespace snipass::testing
