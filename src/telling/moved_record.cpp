// SPDX-License-Identifier: BSL-1.0
// A record as the next process gets it, and back.
#include "snipass/telling/moved_record.hpp"

#include "snipass/net/moved_time.hpp"
#include "snipass/telling/stats.hpp"

#include <algorithm>
#include <memory>
#include <utility>

namespace snipass::server {
namespace {

using details = hello_notes::details;

upgrade::hello_details to_moved(const details& one) {
    upgrade::hello_details made{{one.versions.begin(), one.versions.end()},
                                {one.groups.begin(), one.groups.end()},
                                one.ech,
                                one.ja4,
                                {}};
    if (one.request)
        made.request = upgrade::request{std::string{one.request->method()},
                                        std::string{one.request->target()}, one.request->version() == "1.0"};
    return made;
}

std::unique_ptr<details> from_moved(const upgrade::hello_details& one) {
    auto made = std::make_unique<details>();
    const auto take = [](details::list& to, const std::vector<std::uint16_t>& from) {
        to.assign(from.begin(),
                  from.begin() + static_cast<std::ptrdiff_t>(std::min(from.size(), details::most_entries)));
    };
    take(made->versions, one.versions);
    take(made->groups, one.groups);
    made->ech = one.has_ech;
    made->ja4 = one.ja4;
    if (one.request)
        made->request.emplace(one.request->method, one.request->target,
                              static_cast<std::uint8_t>(one.request->is_version_1_0 ? 0 : 1));
    return made;
}

upgrade::hello to_moved(const hello_notes& one) {
    upgrade::hello made;
    if (const auto name = one.server_name())
        made.server_name = *name;
    made.offer = as_text(one.offer().bytes());
    if (one.more() != nullptr)
        made.more = to_moved(*one.more());
    return made;
}

hello_notes from_moved(const upgrade::hello& one) {
    std::optional<std::string_view> name;
    if (one.server_name)
        name = *one.server_name;
    return {name, alpn_list{as_bytes(one.offer)}, one.more ? from_moved(*one.more) : nullptr};
}

std::optional<config::match_kind> match_of(std::string_view name) {
    for (std::size_t i = 0; i < match_count; ++i)
        if (const auto one = static_cast<config::match_kind>(i); config::to_string(one) == name)
            return one;
    return std::nullopt;
}

std::string_view keep(const std::string& text, former_texts& former) {
    return *former.insert(text).first;
}

} // namespace

upgrade::session to_moved(const record& one) {
    upgrade::session made;
    made.client = one.client;
    made.via = one.via;
    made.local = one.local;
    made.id = one.id;
    made.match = one.match ? config::to_string(*one.match) : "";
    made.has_spoken = one.has_spoken;
    made.listener = one.listener;
    if (one.hello)
        made.hello = to_moved(*one.hello);
    made.route = one.route;
    made.route_file = one.route_file != nullptr ? *one.route_file : "";
    made.backend = one.backend;
    made.detail = one.detail;
    made.accepted = net::to_moved(one.accepted);
    made.hello_bytes = one.hello_bytes;
    return made;
}

record from_moved(const upgrade::session& one, const config::configuration& now, former_texts& former) {
    record made;
    made.client = one.client;
    made.via = one.via;
    made.local = one.local;
    made.id = one.id;
    made.match = match_of(one.match);
    made.has_spoken = one.has_spoken;
    const auto* const listener = listener_of(now, one.listener);
    made.listener = listener != nullptr ? std::string_view{listener->address} : keep(one.listener, former);
    if (one.hello)
        made.hello.emplace(from_moved(*one.hello));
    made.route = one.route;
    if (!one.route_file.empty())
        made.route_file = &*former.insert(one.route_file).first;
    const auto backend = std::ranges::find(now.backends, one.backend, &config::backend_settings::name);
    made.backend =
        backend != now.backends.end() ? std::string_view{backend->name} : keep(one.backend, former);
    made.detail = one.detail;
    made.accepted = net::from_moved(one.accepted);
    made.hello_bytes = one.hello_bytes;
    return made;
}

const config::listener_settings* listener_of(const config::configuration& now, std::string_view address) {
    const auto found = std::ranges::find(now.listeners, address, &config::listener_settings::address);
    return found != now.listeners.end() ? &*found : nullptr;
}

} // namespace snipass::server
