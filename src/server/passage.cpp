// A client on its way to a backend.
#include "passage.hpp"

#include "snipass/base/alpn_list.hpp"
#include "snipass/os/tcp.hpp"

#include <poll.h>

namespace snipass::server {

net::proxy_facts passage::facts() {
    net::proxy_facts facts;
    facts.client = about.client;
    if (about.local)
        facts.local = *about.local;
    else if (const auto local = os::local_endpoint(client.get())) // fails only for a client that is gone
        facts.local = *local;
    if (!about.id)
        about.id = owner.next_id();
    facts.id = *about.id;
    if (!about.hello)
        return facts;
    const alpn_list offer{as_bytes(about.hello->alpn)};
    if (!offer.empty())
        facts.alpn = offer.front();
    facts.host_name = about.hello->host_name;
    return facts;
}

void passage::note(std::string_view what) {
    if (!about.detail.empty())
        about.detail += "; ";
    about.detail += about.backend;
    about.detail += ": ";
    about.detail += what;
}

bool passage::is_gone() const {
    pollfd one{client.get(), 0, 0};
    return ::poll(&one, 1, 0) > 0;
}

// A client of TLS has to hear from the server before it can have said all: one that closed its side has most
// likely gone. Others may have asked, closed their side, and wait for the answer.
bool passage::is_over() const {
    return about.hello ? os::peer_has_closed(client.get()) : is_gone();
}

} // namespace snipass::server
