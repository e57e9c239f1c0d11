// SPDX-License-Identifier: BSL-1.0
// What `snipass explain` answers: which route and backend a client would get, and why.
#pragma once

#include "snipass/base/ip_address.hpp"
#include "snipass/config/configuration.hpp"
#include "snipass/config/decision.hpp"
#include "snipass/config/written.hpp"
#include "snipass/http/request_head.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace snipass::config {

// What a client sends that has no name to look up, and so no route.
struct refused_hello {
    hello_kind kind = hello_kind::malformed; // or foreign
    std::string reason{};                    // the rule it breaks
    std::string alert{};                     // what the policy "alert" answers, by its name
    std::uint16_t status = 0;                // and the policy "status"
};

// What a client asks for that speaks HTTP in clear.
struct explained_request {
    std::string method{};
    std::string path{};     // in its normal form
    std::string raw_path{}; // as sent
    std::optional<std::string> query{};
    std::string problem{}; // why the path has no normal form
};
[[nodiscard]] explained_request request_of(const http::request_head& head);

struct explain_query {
    std::string host_name{};                    // as the client sends it; empty: it sends none
    std::vector<std::string> alpn{};            // what it offers
    std::optional<ip_address> source{};         // where it comes from; none: no `source` condition holds
    std::string listener{};                     // its address as in the file; empty: any
    std::optional<explained_request> request{}; // none: the client speaks TLS
    std::optional<refused_hello> refused{};     // instead of a name and what is offered

    [[nodiscard]] listener_protocol protocol() const noexcept {
        return request ? listener_protocol::http : listener_protocol::tls;
    }
};

// explain is a text of several lines: the answer in the first, then why, then the routes that were not taken;
// for a client that no route takes, what each listener does with it. Refused if there is no such listener.
[[nodiscard]] written<std::string> explain(const configuration& configuration, const explain_query& query);

} // namespace snipass::config
