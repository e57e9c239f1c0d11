// SPDX-License-Identifier: BSL-1.0
// The receiving half of a handoff: who sends, the header, ACK, and when the sender has let go.
#include "snipass/session/reception.hpp"

#include "snipass/handoff/datagram.h"
#include "snipass/handoff/sender.h"
#include "snipass/net/fd_watch.hpp"
#include "snipass/net/foreign.hpp"
#include "snipass/os/client_options.hpp"
#include "snipass/os/error.hpp"
#include "snipass/os/tcp.hpp"

#include <boost/container/small_vector.hpp>

#include <sys/socket.h>

#include <algorithm>
#include <exception>
#include <string>
#include <string_view>
#include <utility>

namespace snipass::server {
namespace {

using namespace std::chrono_literals;
using net::task;

// How long a sender may take to send its header, and to let go of a client that it has given away.
constexpr auto patience = 1s;

// users_of is the list of those who may hand over besides root and our own user.
auto users_of(const config::listener_settings& listener) {
    boost::container::small_vector<uid_t, 8> users;
    for (const auto& one : listener.allowed_users)
        users.push_back(*one.id);
    return users;
}

// describe says who may not hand over, and what to do about it.
std::string describe(handoff_sender who, uid_t user) {
    if (who == handoff_unknown)
        return "nobody knows who sent it (a datagram socket unit needs PassCredentials=yes)";
    if (who == handoff_nameless)
        return "its sender has no number in this user namespace (a container): give it one, or allow "
               "\"unmapped\" in "
               "allowed_users where nobody else can enter the socket's folder";
    return "user " + std::to_string(user) + " is not in allowed_users";
}

constexpr std::string_view too_slow = "its header did not come in time";

// reception is the frame of one connection.
class reception {
  public:
    reception(context& thread, const config::listener_settings& listener, os::unique_fd connection)
        : thread_(thread), listener_(listener), connection_(std::move(connection)) {
        handoff_init(&handoff_);
    }
    // The client's descriptor goes before the connection, whose end tells the sender (docs/handoff.md).
    ~reception() {
        handoff_drop(&handoff_libc, &handoff_);
        if (connection_)
            net::turn_away(std::move(connection_), user_);
    }
    reception(const reception&) = delete;
    reception& operator=(const reception&) = delete;

    task<std::optional<passed_client>> run();

  private:
    bool is_stranger();
    void refuse(std::string_view why);
    handoff_progress read();
    task<handoff_progress> wait_for_header();
    std::optional<passed_client> take();
    passed_client make_client(const handoff_metadata& told);
    task<> wait_for_sole_ownership(const ip_address& client);

    context& thread_;
    const config::listener_settings& listener_;
    os::unique_fd connection_;
    uid_t user_ = 0; // who sends
    handoff handoff_;
};

task<std::optional<passed_client>> reception::run() {
    if (is_stranger())
        co_return std::nullopt;
    auto state = read();
    if (state == handoff_wants_more)
        state = co_await wait_for_header();
    if (state != handoff_complete)
        co_return std::nullopt;
    auto client = take();
    if (client)
        co_await wait_for_sole_ownership(client->client.address);
    co_return client;
}

// is_stranger asks before anything is received: whoever can make us take a client can say what it likes of
// it.
bool reception::is_stranger() {
    const auto users = users_of(listener_);
    const auto who = handoff_judge_peer(&handoff_libc, connection_.get(), users.data(), users.size(), &user_);
    if (who == handoff_allowed)
        return false;
    refuse(describe(who, user_));
    return true;
}

void reception::refuse(std::string_view why) {
    thread_.refuse_handoff(listener_, why);
}

handoff_progress reception::read() {
    const auto state = handoff_read(&handoff_libc, &handoff_, connection_.get());
    if (state == handoff_refused)
        refuse(handoff_explain(handoff_.fault));
    if (state == handoff_no_room)
        thread_.make_room();
    return state;
}

task<handoff_progress> reception::wait_for_header() {
    const auto deadline = net::clock::now() + patience;
    net::fd_watch watch{thread_.loop, connection_.get()};
    // Of whom it is is not known yet: all silent senders are one source.
    const waiting_room::place place{thread_.waiting, ip_address{}, watch};
    auto state = handoff_wants_more;
    while (state == handoff_wants_more) {
        if (co_await watch.readable(deadline)) {
            refuse(too_slow);
            co_return handoff_refused;
        }
        state = read();
        if (state == handoff_wants_more) // an urgent byte (MSG_OOB) keeps it readable, with nothing to read
            (void)co_await watch.pause(std::min(net::clock::now() + 1ms, deadline));
    }
    co_return state;
}

// take judges, and acknowledges. Not a flag is set before that: if the sender has taken its client back,
// somebody else may be serving it.
std::optional<passed_client> reception::take() {
    handoff_metadata told;
    if (!handoff_parse(&handoff_libc, &handoff_, &told)) {
        refuse(handoff_explain(handoff_.fault));
        return std::nullopt;
    }
    if (!handoff_acknowledge(connection_.get()))
        return std::nullopt;
    return make_client(told);
}

// make_client believes the header: the sender is somebody whom we let say who its clients are. Behind a
// balancer the header has the client, and the socket only the balancer.
passed_client reception::make_client(const handoff_metadata& told) {
    passed_client made;
    made.fd.reset(handoff_release(&handoff_));
    os::make_as_accepted(made.fd.get());
    const auto peer = os::peer_endpoint(made.fd.get()); // fails for a client that is gone
    const auto client = os::to_endpoint(told.peer);
    if (client)
        made.client = *client;
    else if (peer)
        made.client = *peer;
    if (peer && *peer != made.client)
        made.via = *peer;
    made.local = os::to_endpoint(told.local);
    if (told.has_id)
        std::copy(std::begin(told.id), std::end(told.id), made.id.emplace().begin());
    made.host_name = told.host_name;
    made.received = net::clock::now();
    return made;
}

// While the sender has its copy, a close of whoever serves the client would not end the connection.
task<> reception::wait_for_sole_ownership(const ip_address& client) {
    if (handoff_let_go(connection_.get()))
        co_return;
    net::fd_watch watch{thread_.loop, connection_.get()};
    const waiting_room::place place{thread_.waiting, client, watch};
    // However it ends, the client is ours, and is served.
    (void)co_await watch.readable(net::clock::now() + patience);
}

passed_client make_client(const handoff_datagram& datagram, byte_view bytes) {
    passed_client made;
    made.fd.reset(datagram.client);
    os::make_as_accepted(made.fd.get());
    if (const auto peer = os::peer_endpoint(made.fd.get())) // fails for a client that is gone
        made.client = *peer;
    const auto consumed = bytes.first(datagram.size);
    made.consumed.assign(consumed.begin(), consumed.end());
    made.received = net::clock::now();
    return made;
}

} // namespace

task<std::optional<passed_client>> receive_stream(context& thread, const config::listener_settings& listener,
                                                  os::unique_fd connection) {
    reception one{thread, listener, std::move(connection)};
    try {
        co_return co_await one.run();
    } catch (const std::exception& bug) { // no memory, or a registration the kernel refused
        thread.refuse_handoff(listener, bug.what());
    }
    co_return std::nullopt;
}

result<std::optional<passed_client>> receive_datagram(context& thread,
                                                      const config::listener_settings& listener, int socket) {
    const auto room = thread.buffer.first(handoff_datagram_max);
    const auto users = users_of(listener);
    handoff_datagram datagram;
    switch (
        handoff_look_at_datagram(&handoff_libc, socket, room.data(), users.data(), users.size(), &datagram)) {
    case handoff_complete:
        break;
    case handoff_wants_more:
        return os::make_error(EAGAIN);
    case handoff_no_room:
        return os::make_error(EMFILE);
    case handoff_refused:
        thread.refuse_handoff(listener, datagram.fault == handoff_bad_sender
                                            ? describe(datagram.who, datagram.user)
                                            : handoff_explain(datagram.fault));
        net::close_elsewhere({datagram.foreign, datagram.foreign_count}, datagram.user);
        return std::nullopt;
    case handoff_ended:
        return os::last_error();
    }
    handoff_take_out(socket);
    return make_client(datagram, room);
}

} // namespace snipass::server
