// passage: a client on its way to a backend, whichever kind of backend that is.
#pragma once

#include "snipass/net/hello_peeker.hpp"
#include "snipass/net/proxy_header.hpp"
#include "snipass/os/unique_fd.hpp"
#include "snipass/server/record.hpp"
#include "snipass/server/worker.hpp"

#include <memory>
#include <string_view>
#include <vector>

namespace snipass::server {

// The client's bytes are still in its socket, or, on the way to a `datagram` backend that had no room after
// all, in `consumed`.
struct passage {
    worker& owner;
    const std::shared_ptr<generation>& site;
    os::unique_fd& client;
    net::hello_peeker& peeker;
    record& about;
    std::vector<std::uint8_t> consumed{}; // the client's first bytes, once they are no longer in its socket

    // facts is what a PROXY header says of the client; its texts are the record's.
    [[nodiscard]] net::proxy_facts facts();

    // note adds what went wrong with the backend that is tried to the session's detail.
    void note(std::string_view what);

    // is_gone: the client's connection has failed, or both sides are closed: there is nobody left to serve.
    [[nodiscard]] bool is_gone() const;

    // is_over: it is gone, or a client of TLS that has closed its side, which is not worth a wait.
    [[nodiscard]] bool is_over() const;
};

} // namespace snipass::server
