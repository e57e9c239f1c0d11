// SPDX-License-Identifier: BSL-1.0
// A client on its way to the host that it asked for.
#include "forwarding.hpp"

#include "connecting.hpp"

#include "snipass/net/wait_error.hpp"
#include "snipass/os/error.hpp"
#include "snipass/os/local_address.hpp"
#include "snipass/os/tcp.hpp"

#include <memory>
#include <string>
#include <string_view>

namespace snipass::server {
namespace {

using hosts = std::variant<not_taken, std::vector<candidate>>;

// why_not: empty if `settings` allow a connection to `to`. This machine's own addresses are public or private
// as any others: they need to be listed, and a listener's own is never right. An error: nobody knows.
result<std::string> why_not(const routed_client& client, const config::destinations& allowed,
                            const ip_endpoint& to) {
    if (allowed.denies(to.address))
        return to.address.to_string() + " is in deny_destinations";
    if (!allowed.allows(to.address))
        return to.address.to_string() + " is not in allow_destinations";
    const auto where = os::where_is(to.address);
    if (!where)
        return where.error();
    const bool local = *where == os::whereabouts::here;
    if (local && client.thread.listens_on(to))
        return "a loop: " + to.to_string() + " is this router's";
    if (local && !allowed.lists(to.address))
        return to.address.to_string() + " is this machine's and not in allow_destinations";
    return std::string{};
}

not_taken refuse(routed_client& client, std::string_view why) {
    client.note(why);
    return {.why = outcome::destination_refused, .is_final = true, .is_noted = true};
}

// choose: those of the addresses that `settings` allow. None, and of one nobody knows: that is the outcome,
// because the next client may get there.
net::task<hosts> choose(routed_client& client, const config::forward_settings& settings,
                        const std::vector<ip_address>& addresses, std::shared_ptr<target> state,
                        net::time_point deadline) {
    std::vector<candidate> found;
    std::string reason;
    error_code unknown;
    for (const auto& address : addresses) {
        const ip_endpoint endpoint{address, settings.address.port};
        auto problem = why_not(client, settings.allow_destinations, endpoint);
        while (!problem && net::clock::now() < deadline) {
            const bool has_room = co_await make_room(client, problem.error());
            if (!has_room)
                break;
            problem = why_not(client, settings.allow_destinations, endpoint);
        }
        if (!problem)
            unknown = problem.error();
        else if (problem->empty())
            found.push_back({&settings.address, endpoint, state});
        else
            reason = std::move(*problem);
    }
    if (!found.empty())
        co_return hosts{std::move(found)};
    if (!unknown)
        co_return refuse(client, reason);
    co_return not_taken{to_outcome(unknown), unknown};
}

} // namespace

net::task<hosts> find_hosts(routed_client& client, backend& to) {
    const auto& settings = *to.settings().forward();
    // Only a name that a route has is followed.
    std::string name;
    if (client.about.route != 0 && client.about.hello)
        if (const auto asked_for = client.about.hello->host_name())
            name = asked_for->text();
    if (name.empty())
        co_return refuse(client, "the client did not ask for a host name that a route has");
    // The dot at the end: no search list makes another name of it (resolv.conf(5)).
    name += ".";
    const auto deadline = net::clock::now() + settings.connect_timeout;
    const auto source = client.about.client.address;
    auto answer = co_await client.thread.names.find(name, source, settings.resolve_interval, deadline,
                                                    client.displacement());
    while (!answer && net::clock::now() < deadline) {
        const bool has_room = co_await make_room(client, answer.error());
        if (!has_room)
            break;
        answer = co_await client.thread.names.find(name, source, settings.resolve_interval, deadline,
                                                   client.displacement());
    }
    if (!answer) {
        const bool late = answer.error() == net::wait_error::timed_out;
        const bool too_many = answer.error() == os::make_error(ENOBUFS);
        client.note(std::string(client.about.hello->host_name()->text()) + ": " +
                    (too_many ? "too many clients wait for names" : answer.error().message()));
        auto why = late ? outcome::backend_silent : outcome::backend_absent;
        if (os::out_of_descriptors(answer.error()))
            why = outcome::no_resources;
        co_return not_taken{.why = why, .error = answer.error(), .is_noted = true};
    }
    // A state of its own: nobody else's sessions are counted there, and nobody else's failures.
    co_return co_await choose(client, settings, *answer, std::make_shared<target>(), deadline);
}

} // namespace snipass::server
