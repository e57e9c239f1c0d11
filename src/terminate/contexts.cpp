// SPDX-License-Identifier: BSL-1.0
// The certificates of one configuration, as OpenSSL serves them.
#include "snipass/terminate/contexts.hpp"

#include "snipass/certificates/memory.hpp"
#include "snipass/terminate/connection.hpp"

#include <new>
#include <string>

namespace snipass::terminate {
namespace {

// Ciphers of TLS 1.2 with forward secrecy and authenticated encryption, which every browser of today has, and
// kernel TLS. Those of 1.3 are OpenSSL's own.
constexpr const char* ciphers = "ECDHE+AESGCM:ECDHE+CHACHA20";

// The first that the library has: OpenSSL 3.5 and later knows the one that quantum computers do not open.
constexpr const char* groups[] = {"X25519MLKEM768:X25519:P-256:P-384", "X25519:P-256:P-384"};

// Whoever sends data with its first hello is asked to say it again. So much of it is skipped.
constexpr std::uint32_t most_early_data = 16'384;

void must(bool good) {
    if (!good)
        throw std::bad_alloc{}; // nothing else makes these fail
}

// What both sides have in common.
ssl_context_ptr make(const SSL_METHOD* method, int oldest) {
    ssl_context_ptr made{SSL_CTX_new(method)};
    must(made != nullptr);
    auto* const one = made.get();
    must(SSL_CTX_set_min_proto_version(one, oldest) == 1);
    must(SSL_CTX_set_cipher_list(one, ciphers) == 1);
    bool has_groups = false;
    for (const auto* const list : groups)
        has_groups = has_groups || SSL_CTX_set1_groups_list(one, list) == 1;
    (void)take_reason(); // of a list that this library does not know
    must(has_groups);
    // A FIN without close_notify is told from one with it by the wire.
    SSL_CTX_set_options(one, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_mode(one, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                              SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_read_ahead(one, 0);
    SSL_CTX_set_session_cache_mode(one, SSL_SESS_CACHE_OFF); // all that is known is in the tickets
    connection::listen_to(*one);
    return made;
}

ssl_context_ptr make_context(const config::tls_settings& settings, ticket_keys& keys) {
    const auto oldest = settings.min_version == config::tls_version::v1_3 ? TLS1_3_VERSION : TLS1_2_VERSION;
    auto made = make(TLS_server_method(), oldest);
    auto* const one = made.get();
    SSL_CTX_set_options(one, SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
    SSL_CTX_set_timeout(one, std::chrono::duration_cast<std::chrono::seconds>(ticket_keys::lifetime).count());
    must(SSL_CTX_set_num_tickets(one, 1) == 1);
    must(SSL_CTX_set_max_early_data(one, 0) == 1);
    must(SSL_CTX_set_recv_max_early_data(one, most_early_data) == 1);
    keys.serve(*one);
    return made;
}

// add gives the context one certificate more; false: OpenSSL does not take it, as one with a key that is too
// short, and says why.
bool add(SSL_CTX& to, const certificates::certificate& one) {
    std::unique_ptr<STACK_OF(X509), decltype([](STACK_OF(X509) * all) { sk_X509_free(all); })> chain{
        sk_X509_new_null()};
    must(chain != nullptr);
    for (const auto& link : one.chain)
        must(sk_X509_push(chain.get(), link.get()) > 0);
    constexpr int may_replace = 1;
    certificates::forget_shortage();
    const bool is_taken =
        SSL_CTX_use_cert_and_key(&to, one.leaf.get(), one.key.get(), chain.get(), may_replace) == 1;
    certificates::demand_memory();
    return is_taken;
}

ssl_context_ptr make_backend_context() {
    return make(TLS_client_method(), TLS1_2_VERSION);
}

} // namespace

contexts::contexts(std::vector<certificates::certificate> all, const config::tls_settings& settings,
                   ticket_keys& keys, bool may_offload, std::vector<config::diagnostic>& problems)
    : choice_(all, settings.default_name) {
    for (const auto& offer : choice_.offers()) {
        auto& context = by_offer_.emplace_back(make_context(settings, keys));
        if (may_offload)
            connection::hear_secrets(*context);
        for (const auto& index : offer.of_kind) {
            if (!index || add(*context, all[*index]))
                continue;
            const auto& one = all[*index];
            problems.push_back(
                {config::severity::error, one.where,
                 "tls.certificates: " + one.file + ": OpenSSL does not take it: " + take_reason()});
        }
    }
}

backend_contexts::backend_contexts(const std::map<std::string, certificates::certificate>& shown,
                                   std::vector<config::diagnostic>& problems)
    : plain_(make_backend_context()) {
    for (const auto& [backend, one] : shown) {
        auto& context = by_backend_.emplace(backend, make_backend_context()).first->second;
        if (!add(*context, one))
            problems.push_back({config::severity::error, one.where,
                                "backend." + backend + ".backend_certificate: " + one.file +
                                    ": OpenSSL does not take it: " + take_reason()});
    }
}

SSL_CTX& backend_contexts::of(const std::string& backend) const {
    const auto found = by_backend_.find(backend);
    return found == by_backend_.end() ? *plain_ : *found->second;
}

SSL_CTX* contexts::find(const std::optional<host_name>& name) const {
    const auto* const offer = choice_.find(name);
    return offer == nullptr ? nullptr : by_offer_[choice_.index_of(*offer)].get();
}

} // namespace snipass::terminate
