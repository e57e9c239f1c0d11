// SPDX-License-Identifier: BSL-1.0
// ech_channel: one worker's way to snipass-ech, which has the keys of Encrypted ClientHello.
#pragma once

#include "snipass/ech/messages.hpp"
#include "snipass/net/event_loop.hpp"
#include "snipass/net/fd_watch.hpp"
#include "snipass/net/sleeper.hpp"
#include "snipass/net/task.hpp"
#include "snipass/os/unique_fd.hpp"

#include <boost/intrusive/list.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace snipass::server {

// ech_channel connects, and connects again whenever the helper has gone. The helper says at once which
// configs it has; that is what is known until it says something else. So a client that must be opened is
// known as such while the helper is away, and waits. What is asked is bounded: who finds no room waits for
// his turn with his bytes still in his socket.
class ech_channel {
  public:
    explicit ech_channel(net::event_loop& loop) : loop_(loop), nap_(loop) {}
    ech_channel(const ech_channel&) = delete;
    ech_channel& operator=(const ech_channel&) = delete;

    // aim says where the helper is, from now on; empty: there is none.
    void aim(const std::string& path);

    // is_known: nullopt: the helper has not said yet which configs it has.
    [[nodiscard]] std::optional<bool> is_known(std::uint8_t config_id, const ech::cipher_suite& suite) const;

    // opened is what was in a hello, and what opens the next one of the same client.
    struct opened {
        std::vector<std::uint8_t> plaintext;
        std::vector<std::uint8_t> key; // empty: it was not asked for
        std::array<std::uint8_t, ech::nonce_size> base_nonce{};
    };

    // inquiry is one session's, which waits with `watch`: it is interrupted with EAGAIN when there is news.
    class inquiry : public boost::intrusive::list_base_hook<
                        boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
      public:
        explicit inquiry(net::fd_watch& watch) noexcept : watch_(watch) {}
        inquiry(const inquiry&) = delete;
        inquiry& operator=(const inquiry&) = delete;

        [[nodiscard]] bool is_answered() const noexcept { return is_answered_; }
        // result: nullopt: the key does not open it.
        [[nodiscard]] std::optional<opened>& result() noexcept { return result_; }

      private:
        friend class ech_channel;

        net::fd_watch& watch_;
        std::uint32_t number_ = 0;
        bool is_answered_ = false;
        std::optional<opened> result_;
    };

    // ask sends a question; its number is the channel's to choose. Where there is no room, or no helper,
    // `one` has its turn later: news without an answer, also of one that was asked and is lost with the
    // helper. Whoever has that asks again.
    void ask(inquiry& one, ech::question what);

    // wait_for_configs: news as soon as the helper says which configs it has.
    void wait_for_configs(inquiry& one) { queued_.push_back(one); }

  private:
    using inquiry_list = boost::intrusive::list<inquiry, boost::intrusive::constant_time_size<false>>;

    [[nodiscard]] net::task<> live();
    [[nodiscard]] net::task<> hear();
    [[nodiscard]] bool take_packets();
    [[nodiscard]] bool take(byte_view packet);
    void take_answer(const ech::answer& one);
    void lose();
    static void tell(inquiry& one);
    static void tell_all(inquiry_list& all);

    net::event_loop& loop_;
    net::sleeper nap_;
    std::string path_;
    bool is_alive_ = false; // live() runs
    os::unique_fd fd_;
    bool has_heard_ = false;
    std::vector<ech::known_config> known_;
    inquiry_list asked_;
    inquiry_list queued_;
    std::size_t unanswered_ = 0; // of this connection
    std::uint32_t last_number_ = 0;
    std::vector<std::uint8_t> packet_;
};

} // namespace snipass::server
