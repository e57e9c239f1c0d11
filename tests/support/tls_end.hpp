// SPDX-License-Identifier: BSL-1.0
// tls_end: a thread that ends clients' TLS, as a worker of snipass-tls does, without router and backend.
#pragma once

#include "certificate_files.hpp"
#include "snipass/backends/address_book.hpp"
#include "snipass/context/context.hpp"
#include "snipass/telling/log.hpp"
#include "snipass/terminate/service.hpp"
#include "snipass/terminate/tickets.hpp"
#include "tcp_client.hpp"
#include "tls_client.hpp"

#include <future>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace snipass::testing {

// What became of one client: each is there once it is known.
struct ended_client {
    std::future<server::outcome> failed;   // its handshake did not get anywhere
    std::future<os::unique_fd> far;        // what the backend gets; nothing (-1) if it failed
    std::future<net::relay_result> result; // of what was relayed
    std::future<std::string> detail;       // of the record, at the end
};

// What clients are asked for.
struct asked_for {
    const identity& issuer;
    bool is_required = true;
};

class tls_end {
  public:
    explicit tls_end(std::vector<wish> certificates = {{{"a.example"}}}, config::tls_settings settings = {},
                     std::optional<asked_for> clients = {});
    ~tls_end();
    tls_end(const tls_end&) = delete;
    tls_end& operator=(const tls_end&) = delete;

    // take begins with a client that has connected; `name` is what it will ask for.
    [[nodiscard]] ended_client take(os::unique_fd client, const std::string& name = "a.example",
                                    std::vector<std::string> alpn = {"http/1.1"}, std::string backend = "b");

    // connect is both: a client that is on its way.
    [[nodiscard]] tls_client connect(ended_client& server, tls_wish what = {}, std::string backend = "b");

    template <class Question>
    void ask(Question question) {
        std::promise<void> done;
        thread_->loop.post([&] {
            question(*thread_);
            done.set_value();
        });
        done.get_future().wait();
    }

    config::plaintext_kind plaintext = config::plaintext_kind::relay; // of the clients that it takes next
    bool gives_back = false;                                          // as if no backend had taken it

  private:
    terminate::ticket_keys keys_;
    std::optional<config::client_certificates> clients_;
    std::unique_ptr<terminate::service> service_;
    server::log log_{config::log_settings{}};
    server::address_book book_;
    std::unique_ptr<server::context> thread_;
    std::jthread runs_;
};

} // namespace snipass::testing
