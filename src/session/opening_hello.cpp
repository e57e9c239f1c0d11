// SPDX-License-Identifier: BSL-1.0
// See opening_hello.hpp. The client's bytes stay in its socket: whoever has waited looks at them again.
#include "snipass/session/opening_hello.hpp"

#include "snipass/handoff/ech_hello.h"
#include "snipass/net/wait_error.hpp"
#include "snipass/opening/hello_reader.hpp"
#include "snipass/os/error.hpp"
#include "snipass/tls/constants.hpp"

#include <algorithm>
#include <cerrno>
#include <optional>
#include <string>
#include <utility>
#include <variant>

namespace snipass::server {
namespace {

const tls::client_hello* hello_in(const opening::answer& heard) noexcept {
    const auto* const asked = std::get_if<opening::question>(&heard);
    return asked != nullptr ? asked->hello() : nullptr;
}

bool offers_tls13(const tls::client_hello& hello) noexcept {
    const auto versions = hello.supported_versions;
    for (std::size_t i = 0; i + 1 < versions.size(); i += 2)
        if ((versions[i] << 8 | versions[i + 1]) == tls::version::tls13)
            return true;
    return false;
}

// hear_again: while the session waited the thread's buffer was others'.
error_code hear_again(unrouted_client& client, const config::configuration& configuration) {
    opening::hello_reader reader{configuration.server.hello_max};
    const auto ec = hear_now(client, reader, client.about.hello_bytes);
    if (ec)
        return ec;
    return hello_in(client.thread.heard) != nullptr ? error_code{} : os::make_error(EPROTO);
}

void refuse(unrouted_client& client, opened_hello& opened, std::string why) {
    opened.is_refused = true;
    client.thread.heard =
        opening::refused{opening::refusal::malformed, std::move(why), tls::alert::illegal_parameter};
}

// rebuild makes the inner hello of what was in the outer one, which was heard, and lets the strict parser
// judge it. Of the outer hello its size in the stream stays.
void rebuild(unrouted_client& client, byte_view encoded, opened_hello& opened) {
    const auto& outer = std::get<opening::question>(client.thread.heard);
    const auto message = outer.hello()->message;
    opened.message.resize(std::min<std::size_t>(message.size() + encoded.size(), ech_hello_max));
    std::size_t size = 0;
    const auto status = ech_hello_rebuild(message.data(), message.size(), encoded.data(), encoded.size(),
                                          opened.message.data(), opened.message.size(), &size);
    if (status != ech_hello_rebuilt)
        return refuse(client, opened, ech_hello_status_text(status));
    opened.message.resize(size);
    const auto inner = tls::parse_client_hello(opened.message);
    if (!inner)
        return refuse(client, opened, "in the inner hello: " + inner.error().message());
    client.thread.heard = opening::question{outer.size, inner->server_name, inner->alpn, *inner};
}

// is_carried: some backend needs what opens the second hello.
bool is_carried(const config::configuration& configuration) {
    return std::ranges::any_of(configuration.backends, [](const config::backend_settings& one) {
        return one.ech == config::ech_mode::carried;
    });
}

// keep_state is before the inner hello takes the outer one's place.
void keep_state(const unrouted_client& client, ech_channel::opened& result, opened_hello& opened) {
    const auto& outer = std::get<opening::question>(client.thread.heard);
    const auto message = outer.hello()->message;
    ech_hello_outer found{};
    if (result.key.empty() || ech_hello_find(message.data(), message.size(), &found) != ech_hello_is_outer)
        return;
    opened.carried = std::make_unique<proxy_protocol::ech_state>();
    auto& state = *opened.carried;
    state.config_id = found.config_id;
    state.kdf = found.kdf;
    state.aead = found.aead;
    state.outer_size = static_cast<std::uint32_t>(outer.size);
    state.key = std::move(result.key);
    state.nonce = result.base_nonce;
}

// inquire asks snipass-ech, in the waiting room. No error and no answer: there is news, and the session has
// to look again.
net::task<error_code> inquire(unrouted_client& client, const ech_hello_outer* outer, bool wants_key,
                              net::time_point deadline, std::optional<ech_channel::opened>& result,
                              bool& is_answered) {
    auto& thread = client.thread;
    if (const auto& closed = thread.waiting.closed())
        co_return make_error_code(*closed);
    net::fd_watch watch{thread.loop, client.socket.get()};
    const waiting_room::place place{thread.waiting, client.about.client.address, watch, &client.about};
    ech_channel::inquiry mine{watch};
    if (outer != nullptr) {
        const auto message = hello_in(thread.heard)->message;
        std::vector<std::uint8_t> aad(message.size() - ech_hello_header_size);
        ech_hello_write_aad(message.data(), message.size(), outer, aad.data());
        thread.ech.ask(mine, {.config_id = outer->config_id,
                              .suite = {outer->kdf, outer->aead},
                              .wants_key = wants_key,
                              .enc = message.subspan(outer->enc.at, outer->enc.size),
                              .ciphertext = message.subspan(outer->payload.at, outer->payload.size),
                              .aad = aad});
    } else {
        thread.ech.wait_for_configs(mine);
    }
    const auto ec = co_await watch.pause(deadline);
    if (!os::would_block(ec))
        co_return ec;
    is_answered = mine.is_answered();
    result = std::move(mine.result());
    co_return error_code{};
}

} // namespace

bool asks_for_opening(unrouted_client& client, const configuration_snapshot& snapshot) {
    if (!snapshot.config->ech)
        return false;
    const auto* const hello = hello_in(client.thread.heard);
    if (hello == nullptr)
        return false;
    client.about.ech = ech_outcome::none;
    return hello->ech != tls::ech_kind::none;
}

net::task<error_code> open_hello(unrouted_client& client, const configuration_snapshot& snapshot,
                                 net::time_point deadline, std::unique_ptr<opened_hello>& opened) {
    auto& about = client.about;
    about.ech = ech_outcome::grease;
    if (hello_in(client.thread.heard)->ech == tls::ech_kind::inner) {
        about.ech = ech_outcome::rejected;
        opened = std::make_unique<opened_hello>();
        refuse(client, *opened, "encrypted_client_hello of type inner, from a client (RFC 9849 section 7)");
        co_return error_code{};
    }
    std::optional<ech_channel::opened> result;
    for (bool is_answered = false; !is_answered;) {
        const auto* const hello = hello_in(client.thread.heard);
        ech_hello_outer outer{};
        if (!offers_tls13(*hello) ||
            ech_hello_find(hello->message.data(), hello->message.size(), &outer) != ech_hello_is_outer)
            co_return error_code{};
        const auto is_ours = client.thread.ech.is_known(outer.config_id, {outer.kdf, outer.aead});
        if (is_ours == false) {
            about.ech = ech_outcome::grease;
            about.outer_name.reset();
            co_return error_code{};
        }
        about.ech = ech_outcome::unready;
        about.outer_name = std::make_unique<std::string>(hello->server_name.value_or(""));
        const auto* const asked = is_ours ? &outer : nullptr;
        auto ec =
            co_await inquire(client, asked, is_carried(*snapshot.config), deadline, result, is_answered);
        if (ec == net::wait_error::timed_out)
            about.detail = "snipass-ech has not opened its hello";
        if (!ec)
            ec = hear_again(client, *snapshot.config);
        if (ec)
            co_return ec;
    }
    about.ech = ech_outcome::rejected;
    if (result) {
        about.ech = ech_outcome::opened;
        opened = std::make_unique<opened_hello>();
        keep_state(client, *result, *opened);
        rebuild(client, result->plaintext, *opened);
    }
    co_return error_code{};
}

verdict decide_opened(unrouted_client& client, const config::configuration& configuration,
                      const config::listener_settings& listener, const opened_hello* opened) {
    auto made = decide(client, configuration, listener);
    if (opened == nullptr)
        return made;
    if (opened->is_refused) {
        made.decision.backend.reset();
        made.decision.refusal = config::policy::alert;
        return made;
    }
    const auto& backend = made.decision.backend;
    if (!backend || configuration.backends[*backend].ech != config::ech_mode::none)
        return made;
    client.about.ech = ech_outcome::rejected;
    if (hear_again(client, configuration)) // it is in the socket, as a moment ago
        client.thread.heard = opening::refused{opening::refusal::malformed, "its hello is gone"};
    return decide(client, configuration, listener);
}

std::unique_ptr<proxy_protocol::ech_state> carried_state(const record& about,
                                                         std::unique_ptr<opened_hello> opened) {
    if (!opened || !opened->carried || about.ech != ech_outcome::opened)
        return nullptr;
    opened->carried->inner = std::move(opened->message);
    return std::move(opened->carried);
}

} // namespace snipass::server
