// SPDX-License-Identifier: BSL-1.0
// relay: both directions between a client and a proxied backend, until both are done.
#pragma once

#include "snipass/base/result.hpp"
#include "snipass/net/counter.hpp"
#include "snipass/net/event_loop.hpp"
#include "snipass/os/pipe.hpp"
#include "snipass/os/unique_fd.hpp"
#include "snipass/upgrade/state.hpp"

#include <boost/intrusive/list.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace snipass::net {

// relay_end is how a relay came to its end.
enum class relay_end : std::uint8_t {
    finished,     // both sides closed in order
    client_reset, // the client's side failed
    backend_reset,
    idle,        // idle_timeout passed without a byte
    client_slow, // bytes waited for the client, and it took fewer than min_rate
    backend_slow,
    lifetime,        // max_lifetime passed
    removed,         // its backend is no longer in the configuration
    displaced,       // max_relayed was reached
    closed_by_admin, // `snipass close`
    stopped,         // the router stopped
    no_memory,       // there was none for bytes on their way
};
enum class relay_side : std::uint8_t {
    client,
    backend,
};

inline constexpr std::size_t relay_end_count = static_cast<std::size_t>(relay_end::no_memory) + 1;

[[nodiscard]] std::string_view to_string(relay_end end) noexcept;
[[nodiscard]] std::string_view to_string(relay_side side) noexcept;

// relay_counters are the bytes that were passed on by relays with the same options.
struct relay_counters {
    counter to_backend;
    counter to_client;
};

// relay_options: a time of zero is none.
struct relay_options {
    std::chrono::milliseconds idle_timeout{};
    std::chrono::milliseconds max_lifetime{};
    std::chrono::milliseconds keepalive{}; // this and the next are os::watch_peer's
    std::chrono::milliseconds user_timeout{};
    std::size_t min_rate{};             // bytes a minute that a side takes while some wait for it
    std::uint64_t backend{};            // any number that is its own (net/foreign)
    relay_counters* counters = nullptr; // null: nobody asks

    // patience is how long a side may take nothing, and so how long it may take too little; zero: for ever.
    [[nodiscard]] std::chrono::milliseconds patience() const noexcept;
};

// The client's socket is as the listener made it (os::prepare_listener), the backend's as net/connect did.
// A client is shared if another process has, or had, a copy of its socket: that process may make it blocking
// at any time, and splice(2), unlike recv(2), then waits for as long as the client likes; so bytes are
// copied. A backend at a unix socket may send descriptors beside its bytes, and to receive them is to close
// them, which takes as long as it likes: where the kernel does not refuse them (Linux before 6.16) each read
// is looked at first, and a backend that sends some is gone.
struct relay_sockets {
    os::unique_fd client;
    os::unique_fd backend;
    bool client_is_shared = false;
    bool backend_is_tcp = true; // else a unix socket
};

// relay_pipes are those that have bytes in them; else they are empty.
struct relay_pipes {
    os::pipe to_backend;
    os::pipe to_client;
};

struct relay_result {
    relay_end end = relay_end::finished;
    std::optional<relay_side> closed_first; // none: neither side closed
    std::uint64_t to_backend = 0;           // bytes
    std::uint64_t to_client = 0;
};

class relay_group;

// relay behaves like a wire. A FIN passes as a FIN, each direction for itself: a side that has said all it
// had to say still hears the other out. A side that fails is heard to its last byte, then the other side gets
// that byte and an RST. Urgent data (MSG_OOB) pass in their place; the mark does not. What is cut by a limit,
// or by the router, ends with RST on both sides: nobody takes it for a whole answer.
//
// It is no coroutine, because thousands of them are idle: the object is all that a relayed session costs, no
// byte of what it relays stays in this process's memory across two events, and it has a pipe only while bytes
// lie in one. It owns both sockets; the group owns it and destroys it after ended().
class relay : private alarm, private ready_target {
  public:
    // `options` outlive the relay.
    relay(relay_sockets sockets, const relay_options& options) noexcept;
    // `before` is how it was in the process before this one, which had the sockets and the pipes.
    relay(relay_sockets sockets, relay_pipes pipes, const upgrade::relay& before,
          const relay_options& options) noexcept;
    virtual ~relay();

    // state is how it is now, and descriptors are what goes along, in the order that upgrade::relayed_client
    // has them in. Nothing of it changes before the loop's next turn.
    [[nodiscard]] upgrade::relay state() const;
    void add_descriptors(std::vector<int>& to) const;

    // passed_on is how many bytes have passed, to the backend and to the client.
    struct bytes_passed {
        std::uint64_t to_backend;
        std::uint64_t to_client;
    };
    [[nodiscard]] bytes_passed passed_on() const noexcept { return {to_backend_.bytes, to_client_.bytes}; }

  private:
    friend class relay_group;

    // answered is told whenever the backend has sent something, or has ended.
    virtual void answered() {}

    // ended is told once, after both sockets were closed.
    virtual void ended(const relay_result& how) = 0;

    struct socket {
        os::unique_fd fd;
        std::uint32_t buffered = 0; // the size of its receive buffer, where that has grown
        bool readable : 1 = true;   // as far as is known
        bool writable : 1 = true;
        bool hung_up : 1 = false; // a FIN or RST has arrived, behind what is unread
        bool urgent : 1 = false;  // it has sent urgent data: splice(2) does not pass the mark, recv(2) does
        bool failed : 1 = false;
        bool is_tcp : 1 = true;
        bool may_send_files : 1 = false; // descriptors beside its bytes, which the kernel does not refuse
        bool may_delay : 1 = false;      // Nagle's algorithm holds back what is sent to it
        bool is_bounded : 1 = false;     // in what waits to be sent to it
        bool is_full_grown : 1 = false;  // its receive buffer grows no more
        bool is_in_clear : 1 = false;    // the kernel speaks TLS on it (kernel_tls.h): its ends are records
        bool is_to_reset : 1 = false;    // when it is closed as it is (os::reset_at_close)
    };
    struct direction {
        socket& from;
        socket& to;
        os::pipe pipe;           // while bytes lie in it
        std::size_t in_pipe = 0; // how many
        std::uint64_t bytes = 0; // passed on
        bool bulk = false;       // worth splicing
        bool over = false;       // nothing more will pass
        std::uint8_t looks = 0;  // in a row at which the other side was slow; since the first of them:
        std::uint32_t left = 0;  // of the bytes passed on by then, those not taken
        std::uint64_t due = 0;   // bytes passed on by then
    };

    [[nodiscard]] error_code watch();
    void on_ready(unsigned which, std::uint32_t events) override;
    void pass_on();
    void pass_on(direction& one);
    bool move_some(direction& one);
    void discard(direction& one);
    bool empty_pipe(direction& one);
    void prepare_to_splice();
    static void do_not_delay(direction& one);
    ssize_t copy(direction& one);
    static bool is_drained(const socket& one) noexcept;
    bool read_the_end(direction& one, std::size_t& size, std::size_t room);
    void keep(direction& one, const std::uint8_t* bytes, std::size_t size);
    [[nodiscard]] bool takes_care(const direction& one) const noexcept;
    ssize_t look(direction& one);
    static bool says_end(direction& one);
    ssize_t copy_with_care(direction& one);
    ssize_t splice_in(direction& one);
    std::size_t send(direction& one, const std::uint8_t* bytes, std::size_t size, int flags = 0);
    void return_pipe(direction& one);
    [[nodiscard]] static std::size_t portion(const socket& from) noexcept;
    void came(direction& one, std::size_t size);
    void passed(direction& one, std::size_t size) noexcept;
    void bound_buffers(direction& one);

    void closed(socket& by) noexcept;
    void fail(socket& one);
    void over(direction& one);
    void settle();
    void flush(socket& to);
    void end(relay_end how);
    void close(relay_end how);
    void prepare_to_leave();
    [[nodiscard]] bool is_prepared_to_leave() const noexcept {
        return client_.is_to_reset && backend_.is_to_reset;
    }
    void drop();

    void expire() override;
    void set_alarm();
    [[nodiscard]] time_point next_look() const noexcept;
    [[nodiscard]] std::optional<relay_end> slow_side(time_point now);
    [[nodiscard]] bool is_slow(direction& one);
    void watch_peers();
    [[nodiscard]] time_point peers_watched_from() const noexcept;

    using hook =
        boost::intrusive::list_member_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>>;

    socket client_;
    socket backend_;
    direction to_backend_{client_, backend_, {}};
    direction to_client_{backend_, client_, {}};
    relay_group* group_ = nullptr;
    const relay_options& options_;
    time_point started_;
    time_point last_byte_;
    time_point looked_at_;             // how much the sides take
    std::optional<relay_end> failure_; // the first one
    std::optional<relay_side> closed_first_;
    bool client_is_shared_;
    bool may_splice_ = false; // the client's socket is non-blocking
    bool peers_are_watched_ = false;
    std::uint8_t flush_looks_ = 0; // times that an RST waited for bytes before it to arrive
    int unflushed_ = 0;            // bytes that were on their way at the last look
    hook in_group_;
    hook in_turn_;
};

} // namespace snipass::net
