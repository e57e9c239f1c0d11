// SPDX-License-Identifier: BSL-1.0
// A client on its way to a backend.
#include "snipass/delivery/routed_client.hpp"

#include "snipass/config/removal.hpp"
#include "snipass/delivery/clear_pair.hpp"
#include "snipass/os/tcp.hpp"

#include <poll.h>

#include <algorithm>
#include <string>

namespace snipass::server {

result<byte_view> routed_client::first_bytes() {
    if (!consumed.empty())
        return byte_view{consumed};
    auto& buffer = thread.buffer;
    if (buffer.holder != &about) {
        const auto room = buffer.first(opening_size);
        const auto n = os::peek(socket.get(), room);
        if (!n)
            return n.error();
        buffer.bytes = room.first(*n);
        buffer.holder = &about;
        thread.heard = opening::need{0}; // that was somebody else's
    }
    return buffer.bytes.first(std::min(opening_size, buffer.bytes.size()));
}

error_code routed_client::make_ready(std::uint64_t party) {
    if (pair == nullptr) {
        socket.restore();
        return {};
    }
    if (socket && !socket.was_offered() && pair->is_for(party))
        return {};
    auto made = pair->renew(about, party);
    if (!made)
        return made.error();
    socket = std::move(*made);
    return {};
}

proxy_protocol::facts routed_client::facts() {
    proxy_protocol::facts facts;
    facts.source = about.client;
    if (about.local)
        facts.destination = *about.local;
    else if (const auto asked =
                 thread.redirected.destination_of(socket.get())) // fails only for a client that is gone
        facts.destination = *asked;
    if (!about.id)
        about.id = thread.ids.next();
    facts.id = *about.id;
    if (!about.hello)
        return facts;
    if (const auto offer = about.hello->offer(); !offer.empty())
        facts.alpn = offer.front();
    if (const auto name = about.hello->host_name())
        facts.authority = name->text();
    if (about.in_clear) {
        facts.alpn = about.in_clear->protocol;
        facts.tls = {about.in_clear->version, about.in_clear->cipher, about.in_clear->client_name};
    }
    return facts;
}

void routed_client::note(std::string_view what) {
    std::string whole{about.backend};
    whole += ": ";
    whole += what;
    if (about.detail.find(whole) != std::string::npos)
        return;
    if (!about.detail.empty())
        about.detail += "; ";
    about.detail += whole;
}

int routed_client::own() const {
    return pair != nullptr ? pair->client() : socket.get();
}

bool routed_client::is_gone() const {
    pollfd one{own(), 0, 0};
    return one.fd < 0 || ::poll(&one, 1, 0) > 0;
}

bool routed_client::has_closed() const {
    return os::peer_has_closed(own());
}

bool routed_client::keeps_place() const {
    if (is_gone())
        return false;
    if (has_closed())
        place->go_first();
    return !is_displaced();
}

bool routed_client::is_removed(const config::backend_settings& of, std::string_view address) const {
    return thread.in_use != nullptr && thread.in_use != snapshot &&
           config::is_removed(of, address, *thread.in_use->config);
}

} // namespace snipass::server
