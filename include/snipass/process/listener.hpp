// SPDX-License-Identifier: BSL-1.0
// listener: one worker's socket of one [[listener]].
#pragma once

#include "snipass/context/context.hpp"
#include "snipass/net/fd_watch.hpp"
#include "snipass/os/unique_fd.hpp"
#include "snipass/os/unix_listener.hpp"
#include "snipass/upgrade/state.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace snipass::server {

// How clients come to a socket.
enum class socket_kind : std::uint8_t {
    tcp,
    handoff_stream, // from another router, docs/handoff.md
    handoff_datagram,
    farewell, // clients to see off: their servers could not wait
};
[[nodiscard]] std::string_view to_string(socket_kind one) noexcept;

// One listening socket and whose it is.
struct listener_socket {
    std::string address; // of the [[listener]], as written
    os::unique_fd fd;
    bool lent = false; // by systemd: it outlives this process, and so does its backlog
    socket_kind kind = socket_kind::tcp;
    os::socket_file file = {}; // of a unix socket, with one of the workers: it goes when that one stops
    bool shared = false;       // with other workers, or with whoever else systemd lent it to
    std::shared_ptr<const os::unique_fd> origin = {}; // of our own: what listener_opener makes copies of
};

// listener accepts clients and starts their sessions, until it is stopped.
class listener {
  public:
    // How it goes on after clients were accepted.
    enum class pace : std::uint8_t {
        empty, // nobody waits
        again, // more wait than fit in a batch, or than there were descriptors for
        rest,  // no descriptors, no memory, a socket that is no good, or one client's network error
    };

    listener(context& thread, listener_socket socket);
    ~listener();
    listener(const listener&) = delete;
    listener& operator=(const listener&) = delete;

    [[nodiscard]] const std::string& address() const noexcept { return socket_.address; }

    // state is what the next process needs of a socket of our own; nullopt: it is not such a one, it is being
    // closed, or nobody reaches it any more, and of a unix socket, another worker has its file.
    // leave_backlog: the next process has it, and those who wait in it.
    [[nodiscard]] std::optional<upgrade::listener> state() const;
    [[nodiscard]] int socket() const noexcept { return socket_.fd.get(); }
    void leave_backlog() noexcept;

    // rest: nobody is accepted, and those who come wait in the backlog. go_on ends that.
    void rest();
    void go_on();

    // is_followed_by: `other` is for the same clients, because nobody reaches this one's any more.
    [[nodiscard]] bool is_followed_by(const listener_socket& other) const noexcept {
        return socket_.address == other.address && socket_.kind == other.kind;
    }

    // use makes clients accepted from now on sessions of `snapshot`, which has this listener's settings.
    // A client of an address within ours ("192.0.2.1:443" in "[::]:443") gets the settings of that one.
    void use(std::shared_ptr<configuration_snapshot> snapshot, const config::listener_settings& settings);

    // run ends after stop(); the listener must live until then.
    [[nodiscard]] net::task<> run();

    // stop: no more clients. Those that wait in the backlog of our own socket are still served, because
    // closing it would reset them; those of a lent one wait for whoever has the socket next, and handoffs
    // that nobody has acknowledged are the sender's.
    void stop();

  private:
    [[nodiscard]] pace accept_some();
    [[nodiscard]] pace pace_after(const error_code& ec);
    [[nodiscard]] std::size_t waiting() const;
    [[nodiscard]] const config::listener_settings& settings_for(int client) const;
    [[nodiscard]] error_code try_to_accept_one();
    [[nodiscard]] error_code accept_one();
    [[nodiscard]] error_code accept_client();
    [[nodiscard]] error_code accept_handoff();
    [[nodiscard]] error_code take_datagram();
    [[nodiscard]] error_code accept_farewell();
    void give_turn();
    [[nodiscard]] net::task<> serve_backlog();

    context& thread_;
    listener_socket socket_;
    std::optional<ip_endpoint> own_; // in the list of those that this thread listens on; none: a unix socket
    net::fd_watch watch_;
    std::shared_ptr<configuration_snapshot> snapshot_;
    const config::listener_settings* settings_ = nullptr; // of snapshot_
    std::vector<const config::listener_settings*>
        within_;               // listeners of snapshot_ whose clients come to this socket
    std::size_t accepted_ = 0; // since it was the others' turn
    bool stopping_ = false;
    bool resting_ = false;
    bool told_broken_ = false;
};

} // namespace snipass::server
