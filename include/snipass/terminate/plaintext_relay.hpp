// SPDX-License-Identifier: BSL-1.0
// plaintext_relay: one client's TLS on one side, one end of a socket pair on the other.
#pragma once

#include "snipass/base/source_shares.hpp"
#include "snipass/context/context.hpp"
#include "snipass/net/event_loop.hpp"
#include "snipass/net/sleeper.hpp"
#include "snipass/os/unique_fd.hpp"
#include "snipass/session/terminator.hpp"
#include "snipass/terminate/connection.hpp"
#include "snipass/terminate/farewell.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace snipass::terminate {

// plaintext_relay passes on what the client says, decrypted, and what the backend says, encrypted, each
// direction for itself: close_notify (or FIN) becomes the end of the pair's direction, and that one's end
// close_notify and FIN. A side that does not read holds up its own direction only. In user space it keeps a
// record of each direction that the other side had no room for, with OpenSSL's answers behind the one, and
// OpenSSL the record that it reads, so 80 KB at most with OpenSSL's own state; the kernel has the pair's
// queues besides (net.core.wmem_default for each direction).
class plaintext_relay final : public server::in_clear,
                              public source_shares::place,
                              private net::alarm,
                              private net::ready_target {
  public:
    // `tls` is over `client`, and its handshake is done. A client enters the thread's room for such clients
    // by its source: one of another source may end for it. Null: it is no client but a backend, to which a
    // client's relay leads.
    plaintext_relay(server::context& thread, const ip_address* source, os::unique_fd client,
                    std::unique_ptr<connection> tls);
    ~plaintext_relay() override;

    [[nodiscard]] const os::unique_fd* own() const override { return &client_; }
    [[nodiscard]] net::task<error_code> hear(server::unrouted_client& client, opening::reader& reader,
                                             net::time_point deadline) override;
    void begin(server::near_end near, byte_view untold) override;
    [[nodiscard]] net::task<> give_back(server::client_socket end, byte_view last_words) override;
    [[nodiscard]] net::task<std::optional<net::relay_result>> ended() override;

  private:
    // Goes off in the next turn of the loop: others on this thread first.
    class next_turn final : public net::alarm {
      public:
        explicit next_turn(plaintext_relay& owner) noexcept : owner_(owner) {}

      private:
        void expire() override { owner_.pass_on(); }

        plaintext_relay& owner_;
    };

    void on_ready(unsigned which, std::uint32_t events) override;
    void expire() override;
    void stream();
    [[nodiscard]] net::task<error_code> hear_more(server::unrouted_client& client, net::time_point deadline);
    [[nodiscard]] net::task<error_code> wait_for(const bool& ready, net::time_point deadline);
    void keep_behind(std::size_t size, std::vector<std::uint8_t>& heard);
    void watch_backend();
    [[nodiscard]] bool may_send_files() const noexcept;
    void pass_on();
    void move_both_ways();
    bool move_to_backend();
    bool move_to_client();
    ssize_t hear(std::span<std::uint8_t> room);
    std::span<std::uint8_t> buffer();
    void decrypt();
    void send_to_backend(std::span<const std::uint8_t> bytes);
    void encrypt(std::span<const std::uint8_t> bytes);
    void flush();
    void say_end();
    void backend_is_gone();
    void client_failed();
    void closed(net::relay_side by) noexcept;
    void settle();
    void linger();
    void end(net::relay_end how);

    server::context& thread_;
    os::unique_fd client_;
    std::unique_ptr<connection> tls_;
    server::near_end backend_; // one end of a socket pair; the backend has the other. None before begin()
    std::vector<std::uint8_t> to_backend_; // what was decrypted, and the backend has no room for yet
    bool is_streaming_ = false;            // the client is watched, and OpenSSL reads as is best
    bool is_hearing_ = false;              // what the client says first is somebody else's
    bool client_is_readable_ = true;       // as far as is known
    bool client_is_writable_ = true;
    bool backend_is_readable_ = true;
    bool backend_is_writable_ = true;
    bool reading_needs_room_ = false; // OpenSSL's answers to what was read come first
    bool client_has_ended_ = false;   // nothing more is to be decrypted
    bool backend_has_ended_ = false;  // nothing more is to be encrypted but close_notify
    bool backend_is_deaf_ = false;    // it has closed its end
    bool to_backend_is_over_ = false;
    bool end_is_said_ = false; // to the client, though it may be unsent
    bool to_client_is_over_ = false;
    bool client_has_failed_ = false;
    bool peer_is_watched_ = false;
    bool is_over_ = false;
    farewell farewell_;
    net::relay_result result_;
    next_turn next_turn_{*this};
    net::sleeper waiter_;
};

} // namespace snipass::terminate
