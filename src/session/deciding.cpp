// SPDX-License-Identifier: BSL-1.0
// From what a client said to where it goes.
#include "snipass/session/deciding.hpp"

#include "snipass/http/answer.hpp"
#include "snipass/session/balancer.hpp"

#include <memory>
#include <optional>
#include <utility>

namespace snipass::server {
namespace {

// A host name has at most 253 bytes, and what is longer none of our routes.
constexpr std::size_t longest_name = 255;

void note(record& about, const tls::client_hello& hello, const config::log_settings& log) {
    about.hello.emplace(hello.server_name, hello.alpn, log.hello ? details_of(hello) : nullptr);
}

void note(record& about, const http::request_head& head, std::optional<std::string_view> host) {
    if (host)
        host = host->substr(0, longest_name);
    auto more = std::make_unique<hello_notes::details>();
    more->request.emplace(head.method, head.target, head.minor_version);
    about.hello.emplace(host, alpn_list{}, std::move(more));
}

// word_of is what a browser shows whose request no route takes.
std::string_view word_of(opening::refusal why) noexcept {
    switch (why) {
    case opening::refusal::tls_for_http:
        return "This port speaks HTTP, and not TLS.";
    case opening::refusal::http2:
        return "This port speaks HTTP/1, and not HTTP/2.";
    default:
        return {};
    }
}

// set_redirect: what a client of HTTP is told whose backend is a redirect.
void set_redirect(last_words& words, const config::redirect_settings& redirect,
                  const http::request_head& head, const std::optional<host_name>& name) {
    words.status = redirect.status.value_or(http::redirect_status(head.method));
    words.location =
        redirect.location_for(name ? name->text() : std::string_view{}, head.raw_path, head.query);
}

config::hello_kind kind_of(opening::refusal why) noexcept {
    return why == opening::refusal::malformed ? config::hello_kind::malformed : config::hello_kind::foreign;
}

// decide_refused: to what is no request nobody says where to go.
config::decision decide_refused(const config::configuration& configuration,
                                const config::listener_settings& listener, config::hello_kind kind) {
    auto made = config::decide_unmatched(configuration, listener, kind);
    if (made.backend && configuration.backends[*made.backend].redirect()) {
        made.backend.reset();
        made.refusal = config::policy::status;
    }
    return made;
}

void decide_question(verdict& made, unrouted_client& client, const opening::question& asked,
                     const config::configuration& configuration, const config::listener_settings& listener) {
    auto& about = client.about;
    about.hello_bytes = asked.size;
    route::client_facts facts{about.client.address, asked.alpn};
    route::request_facts request;
    const auto* const head = asked.head();
    if (head != nullptr) {
        note(about, *head, asked.name);
        request = {head->method, head->path, head->unsafe.has_value()};
        facts.request = &request;
        made.words.to_head = head->is_head();
    } else {
        note(about, *asked.hello(), configuration.log);
    }
    const auto kind = asked.name ? config::hello_kind::with_name : config::hello_kind::without_name;
    const auto name = asked.name ? host_name::parse(*asked.name) : std::nullopt;
    made.decision = config::decide(configuration, listener, kind, name, facts);
    made.words.status = made.decision.status;
    if (made.decision.match == config::match_kind::malformed && head != nullptr && head->unsafe)
        about.detail = make_error_code(*head->unsafe).message();
    const auto* const redirect =
        made.decision.backend ? configuration.backends[*made.decision.backend].redirect() : nullptr;
    if (redirect != nullptr && head != nullptr)
        set_redirect(made.words, *redirect, *head, name);
}

} // namespace

verdict decide(unrouted_client& client, const config::configuration& configuration,
               const config::listener_settings& listener) {
    auto& about = client.about;
    verdict made;
    if (const auto* const asked = std::get_if<opening::question>(&client.thread.heard)) {
        decide_question(made, client, *asked, configuration, listener);
    } else {
        auto& refused = std::get<opening::refused>(client.thread.heard);
        made.decision = decide_refused(configuration, listener, kind_of(refused.as));
        made.words.alert = refused.alert;
        made.words.status = refused.status;
        made.words.text = word_of(refused.as);
        about.detail = refused.as == opening::refusal::proxy_header ? unexpected_header(client, listener)
                                                                    : std::move(refused.why);
    }
    about.match = made.decision.match;
    if (made.decision.route) {
        const auto& where = configuration.routes[*made.decision.route].where;
        about.route = where.line;
        if (where.file != 0)
            about.route_file = &configuration.file_of(where);
    }
    return made;
}

} // namespace snipass::server
