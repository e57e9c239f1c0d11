// SPDX-License-Identifier: BSL-1.0
// What is known of the certificates.
#include "snipass/process/certificate_watch.hpp"

#include "snipass/operating/http_ask.hpp"

#include <string>
#include <utility>

namespace snipass::server {

void certificate_watch::serves(std::optional<std::vector<certificate_state>> certificates) {
    own_.reset();
    if (certificates)
        own_ = in_order(std::move(*certificates));
}

boost::asio::awaitable<void> certificate_watch::look(boost::asio::io_context& io,
                                                     const config::tls_settings& tls,
                                                     std::chrono::milliseconds patience) {
    if (own_ || is_asking_)
        co_return;
    const struct asking {
        explicit asking(bool& flag) : is(flag) { is = true; }
        ~asking() { is = false; }
        asking(const asking&) = delete;
        asking& operator=(const asking&) = delete;
        bool& is;
    } asks{is_asking_};
    const auto path = tls.handoff_path + std::string{config::status_suffix}; // named: GCC destroys it twice
    const std::string target = "/certificates";
    const auto heard = co_await http_ask(io, path, target, patience);
    if (heard)
        heard_ = from_lines(*heard);
    else
        heard_.reset();
}

std::optional<tls_state> certificate_watch::now(const reload_status& own) const {
    if (!own_)
        return heard_;
    return tls_state{own.is_good, own.at, own.why, *own_};
}

} // namespace snipass::server
