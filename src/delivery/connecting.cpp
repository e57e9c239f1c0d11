// SPDX-License-Identifier: BSL-1.0
// A client on its way to one of several addresses.
#include "connecting.hpp"

#include "snipass/backends/health.hpp"

#include "snipass/net/connect_race.hpp"
#include "snipass/net/sleeper.hpp"
#include "snipass/net/wait_error.hpp"
#include "snipass/os/error.hpp"
#include "snipass/os/local_address.hpp"
#include "snipass/os/tcp.hpp"
#include "snipass/os/unix_socket.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <utility>

namespace snipass::server {
namespace {

using namespace std::chrono_literals;
using net::task;

// How often a connect that takes its time is interrupted to see whether the client is still there.
constexpr auto look_interval = 1s;

// Addresses come to this machine and leave it, but the kernel is not asked for each client.
constexpr auto ask_interval = 1s;

// where_is: all workers believe what is remembered, so a question that failed is not.
result<os::whereabouts> where_is(const candidate& one) {
    auto& state = *one.state;
    const auto now = net::clock::now();
    if (now - state.asked.load() >= ask_interval) {
        const auto answer = os::where_is(one.endpoint->address);
        if (!answer)
            return answer;
        state.is_local = *answer == os::whereabouts::here;
        state.asked = now;
    }
    return state.is_local ? os::whereabouts::here : os::whereabouts::elsewhere;
}

// With a long connect_timeout one client could have a descriptor for each of a hundred addresses.
constexpr std::size_t max_side_by_side = 8;

class connecting {
  public:
    connecting(routed_client& client, const config::backend_settings& settings,
               std::vector<candidate>& candidates, patience limit)
        : client_(client), settings_(settings), candidates_(candidates), limit_(limit),
          race_(client.thread.loop, client.thread.kept_from) {
        if (settings.proxy()->transparent)
            source_ = client.about.client.address;
    }

    task<connection> run();

  private:
    // One connect of the race, by its number there.
    struct attempt {
        std::size_t candidate;
        net::time_point begun;
        std::chrono::milliseconds head_start; // of the next one
        std::optional<counted> session;       // none: it has ended
        bool was_slow = false;                // and is counted as failed for that
    };

    [[nodiscard]] bool has_more() const { return next_ < candidates_.size(); }
    [[nodiscard]] bool has_turn() const { return has_more() && race_.under_way() < max_side_by_side; }
    [[nodiscard]] error_code why_stop();
    [[nodiscard]] bool was_cut(const attempt& one) const;
    [[nodiscard]] error_code may_connect(const candidate& to) const;
    std::optional<connected> start_next();
    std::optional<connected> take_finished();
    void tell_no_port(const candidate& to);
    void note_failure(const candidate& of, const error_code& why);
    void note_success(const candidate& of);
    void note_those_that_were_slow(std::string_view why);

    routed_client& client_;
    const config::backend_settings& settings_;
    std::vector<candidate>& candidates_;
    patience limit_;
    std::optional<ip_address> source_; // of the connections
    net::connect_race race_;
    std::vector<attempt> attempts_;
    std::size_t next_ = 0;
    net::time_point next_at_ = net::time_point::min();
    not_connected last_{nothing_to_try};
};

task<connection> connecting::run() {
    for (;;) {
        if (auto won = take_finished()) // after each start: one that has won ends the race
            co_return std::move(*won);
        if (has_turn() && net::clock::now() >= next_at_) {
            // The first attempt is always worth it; looking costs a system call.
            if (client_.is_displaced() || (next_ > 0 && client_.is_gone()))
                co_return not_connected{net::wait_error::cancelled};
            if (next_ > 0 && net::clock::now() >= limit_.last_begin)
                next_ = candidates_.size(); // those under way have their time
            else if (auto won = start_next())
                co_return std::move(*won);
            continue;
        }
        if (!has_more() && race_.under_way() == 0)
            co_return last_;
        const auto next = has_turn() ? next_at_ : net::time_point::max();
        co_await race_.wait(std::min(next, net::clock::now() + look_interval), client_.displacement());
        if (race_.has_finished())
            continue;
        if (const auto why = why_stop())
            co_return not_connected{why};
    }
}

// why_stop: a client that has closed its side has had enough, or has said all: it is waited for. Either way
// the address that has not answered by now is slow.
error_code connecting::why_stop() {
    if (client_.is_displaced())
        return net::wait_error::cancelled;
    if (client_.is_removed(settings_))
        return has_been_removed;
    if (client_.has_closed())
        note_those_that_were_slow("a client gave up waiting for it");
    return client_.is_gone() ? error_code{net::wait_error::cancelled} : error_code{};
}

// was_cut: the address has not had the time that the file gives it.
bool connecting::was_cut(const attempt& one) const {
    return one.begun + settings_.proxy()->connect_timeout > limit_.end && net::clock::now() >= limit_.end;
}

// may_connect: the routes are the same for all listeners, so a client that is sent to one would go round
// until the descriptors are used up. Of those who choose their host, forwarding.cpp has seen to it.
error_code connecting::may_connect(const candidate& to) const {
    if (settings_.forward() || !client_.thread.listens_on(*to.endpoint))
        return {};
    const auto where = where_is(to);
    if (!where)
        return where.error();
    if (*where == os::whereabouts::elsewhere)
        return {};
    if (!to.state->told_loop.exchange(true))
        client_.thread.events.write(config::log_level::warn,
                                    "an address of a backend is this router's own and is not connected to",
                                    {{"backend", settings_.name}, {"address", name_of(to)}});
    return would_loop;
}

// start_next: a unix socket is connected, or is not, at once.
std::optional<connected> connecting::start_next() {
    const auto number = next_++;
    auto& to = candidates_[number];
    if (!to.endpoint) {
        auto fd = os::connect_unix(to.address->path, SOCK_STREAM);
        if (fd && fd->get() >= client_.thread.kept_from)
            fd = os::make_error(EMFILE);
        if (fd) {
            note_success(to);
            return connected{std::move(*fd), to, counted{to.state}};
        }
        last_ = {fd.error(), to.address->text};
        note_failure(to, last_.why);
        return std::nullopt;
    }
    if (const auto why_not = may_connect(to)) { // no fault of the address
        if (why_not != would_loop || last_.why == nothing_to_try)
            last_ = {why_not, to.address->text};
        return std::nullopt;
    }
    const auto now = net::clock::now();
    const bool same_name = has_more() && candidates_[next_].address == to.address;
    attempts_.push_back({number, now, same_name ? head_start : listed_head_start, counted{to.state}});
    race_.start(*to.endpoint, source_, std::min(now + settings_.proxy()->connect_timeout, limit_.end));
    next_at_ = now + attempts_.back().head_start;
    return std::nullopt;
}

std::optional<connected> connecting::take_finished() {
    while (auto one = race_.finished()) {
        auto& which = attempts_[one->number];
        auto session = std::exchange(which.session, std::nullopt);
        auto& to = candidates_[which.candidate];
        if (one->socket) {
            note_success(to);
            note_those_that_were_slow("another address answered sooner");
            return connected{std::move(*one->socket), std::move(to), std::move(*session)};
        }
        last_ = {one->socket.error(), to.address->text};
        if (os::errno_of(last_.why) == EADDRNOTAVAIL)
            tell_no_port(to);
        if (!which.was_slow && !was_cut(which))
            note_failure(to, last_.why);
        next_at_ = net::clock::now();
    }
    return std::nullopt;
}

// Every client of such an address is lost until some leave: a few words about what to do are worth a line.
void connecting::tell_no_port(const candidate& to) {
    auto& thread = client_.thread;
    if (thread.book.may_tell_no_port())
        thread.events.write(config::log_level::warn,
                            "no local port is left towards a backend: widen net.ipv4.ip_local_port_range, or "
                            "write more addresses into its proxy",
                            {{"backend", settings_.name}, {"address", name_of(to)}});
}

// Of a client's own choice of hosts nobody keeps account.
void connecting::note_failure(const candidate& of, const error_code& why) {
    if (!settings_.forward())
        server::note_failure(client_.thread.events, settings_, of, why);
}

// A backend whose TLS is checked may accept connections and still not serve; only a check tells.
void connecting::note_success(const candidate& of) {
    const auto* const relay = settings_.relay();
    if (relay == nullptr || relay->check != config::health_check::tls)
        server::note_success(client_.thread.events, settings_, of, "connected");
}

// Each client would wait for a silent address again, if that did not count against it, and clients may have
// less patience than connect_timeout.
void connecting::note_those_that_were_slow(std::string_view why) {
    if (settings_.forward())
        return;
    for (auto& one : attempts_) {
        if (!one.session || one.was_slow || net::clock::now() - one.begun < one.head_start)
            continue;
        one.was_slow = true;
        note_slow(client_.thread.events, settings_, candidates_[one.candidate], one.head_start, why);
    }
}

} // namespace

const error_code nothing_to_try = os::make_error(EDESTADDRREQ);

// A client whose hello is complete goes before those whose is not.
task<bool> make_room(routed_client& client, error_code problem) {
    if (!os::out_of_descriptors(problem) || !client.thread.make_room())
        co_return false;
    net::sleeper turn{client.thread.loop};
    co_await turn.sleep(net::clock::now());
    co_return true;
}

task<connection> connect_to_one(routed_client& client, const config::backend_settings& settings,
                                std::vector<candidate>& candidates, patience limit) {
    for (;;) {
        connecting one{client, settings, candidates, limit};
        auto made = co_await one.run();
        if (made || net::clock::now() >= limit.last_begin)
            co_return made;
        const bool has_room = co_await make_room(client, made.error().why);
        if (!has_room)
            co_return made;
    }
}

} // namespace snipass::server
