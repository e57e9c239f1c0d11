// SPDX-License-Identifier: BSL-1.0
#include "stacks.hpp"

#include "snipass/tls/constants.hpp"

#include <gnutls/gnutls.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>

namespace snipass::fuzz {

namespace {

template <class T>
using handle = std::unique_ptr<T, void (*)(T*)>;

// A run of one server over one stream.
struct run {
    byte_view rest;       // of the stream
    bool goes_on = false; // after the choice by name
    bool sent_handshake = false;
    verdict answer{};
};

// A certificate of no importance, made anew in each process: a server without one comes to no ServerHello.
struct identity {
    handle<EVP_PKEY> key{EVP_EC_gen("P-256"), EVP_PKEY_free};
    handle<X509> certificate{X509_new(), X509_free};

    identity() {
        X509_set_version(certificate.get(), X509_VERSION_3);
        ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 1);
        X509_gmtime_adj(X509_getm_notBefore(certificate.get()), 0);
        X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 86'400L * 365);
        X509_set_pubkey(certificate.get(), key.get());
        X509_sign(certificate.get(), key.get(), EVP_sha256());
    }

    static const identity& get() {
        static const identity only;
        return only;
    }
};

// SSL_CTX_set_tlsext_servername_callback: called when all extensions were parsed, with or without a name.
int take_openssl_name(SSL* ssl, int*, void*) {
    auto& run = *static_cast<fuzz::run*>(SSL_get_app_data(ssl));
    const char* name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    run.answer.kind = name == nullptr ? verdict_kind::no_name : verdict_kind::name;
    run.answer.name = name == nullptr ? "" : name;
    return run.goes_on ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

handle<SSL_CTX> make_openssl_server(int max_version) {
    handle<SSL_CTX> made{SSL_CTX_new(TLS_server_method()), SSL_CTX_free};
    SSL_CTX_set_security_level(made.get(), 0);
    SSL_CTX_set_min_proto_version(made.get(), TLS1_VERSION);
    SSL_CTX_set_max_proto_version(made.get(), max_version);
    SSL_CTX_set_options(made.get(), SSL_OP_NO_TICKET);
    SSL_CTX_set_session_cache_mode(made.get(), SSL_SESS_CACHE_OFF);
    SSL_CTX_set_tlsext_servername_callback(made.get(), take_openssl_name);
    SSL_CTX_use_certificate(made.get(), identity::get().certificate.get());
    SSL_CTX_use_PrivateKey(made.get(), identity::get().key.get());
    return made;
}

SSL_CTX* openssl_server() {
    static const auto server = make_openssl_server(TLS1_3_VERSION);
    return server.get();
}

SSL_CTX* openssl_tls12_server() {
    static const auto server = make_openssl_server(TLS1_2_VERSION);
    return server.get();
}

bool is_handshake_record(const void* data, std::size_t size) {
    return size > 0 && *static_cast<const std::uint8_t*>(data) == tls::content_type::handshake;
}

void run_openssl(SSL_CTX* server, run& run) {
    const handle<SSL> ssl{SSL_new(server), SSL_free};
    BIO* in = BIO_new(BIO_s_mem());
    BIO* out = BIO_new(BIO_s_mem());
    BIO_set_mem_eof_return(in, -1); // empty means "not yet", not "closed"
    BIO_write(in, run.rest.data(), static_cast<int>(run.rest.size()));
    SSL_set_bio(ssl.get(), in, out); // owns both from here
    SSL_set_app_data(ssl.get(), &run);
    SSL_set_accept_state(ssl.get());

    ERR_clear_error();
    const int done = SSL_do_handshake(ssl.get());
    const char* sent = nullptr;
    const auto sent_size = BIO_get_mem_data(out, &sent);
    run.sent_handshake = is_handshake_record(sent, static_cast<std::size_t>(sent_size));
    if (run.answer.kind != verdict_kind::waits || SSL_get_error(ssl.get(), done) == SSL_ERROR_WANT_READ)
        return;
    run.answer.kind = verdict_kind::refused;
    const char* reason = ERR_reason_error_string(ERR_peek_error());
    run.answer.reason = reason == nullptr ? "no reason" : reason;
}

// GnuTLS reads the stream, then "try again".
ssize_t pull(gnutls_transport_ptr_t pointer, void* to, std::size_t size) {
    auto& rest = static_cast<run*>(pointer)->rest;
    const auto taken = std::min(size, rest.size());
    if (taken == 0) {
        errno = EAGAIN;
        return -1;
    }
    std::memcpy(to, rest.data(), taken);
    rest = rest.subspan(taken);
    return static_cast<ssize_t>(taken);
}

ssize_t push(gnutls_transport_ptr_t pointer, const void* data, std::size_t size) {
    auto& run = *static_cast<fuzz::run*>(pointer);
    run.sent_handshake = run.sent_handshake || is_handshake_record(data, size);
    return static_cast<ssize_t>(size);
}

int pull_timeout(gnutls_transport_ptr_t pointer, unsigned) {
    return static_cast<run*>(pointer)->rest.empty() ? 0 : 1;
}

// gnutls_handshake_set_post_client_hello_function: where a server chooses its certificate by name.
int take_gnutls_name(gnutls_session_t session) {
    auto& run = *static_cast<fuzz::run*>(gnutls_session_get_ptr(session));
    std::vector<char> name(70'000);
    std::size_t size = name.size();
    unsigned type = 0;
    const int error = gnutls_server_name_get(session, name.data(), &size, &type, 0);
    run.answer.kind = error == GNUTLS_E_SUCCESS ? verdict_kind::name : verdict_kind::no_name;
    if (error == GNUTLS_E_SUCCESS)
        run.answer.name.assign(name.data(), size);
    return run.goes_on ? GNUTLS_E_SUCCESS : GNUTLS_E_APPLICATION_ERROR_MIN;
}

gnutls_priority_t gnutls_priorities() {
    static const handle<gnutls_priority_st> priorities = [] {
        gnutls_priority_t made = nullptr;
        if (gnutls_priority_init(&made, "LEGACY:+VERS-TLS1.0:+VERS-TLS1.1", nullptr) != GNUTLS_E_SUCCESS)
            std::abort();
        return handle<gnutls_priority_st>{made, gnutls_priority_deinit};
    }();
    return priorities.get();
}

gnutls_datum_t content_of(BIO* memory) {
    char* data = nullptr;
    const auto size = BIO_get_mem_data(memory, &data);
    return {reinterpret_cast<unsigned char*>(data), static_cast<unsigned>(size)};
}

gnutls_certificate_credentials_t gnutls_credentials() {
    using credentials = gnutls_certificate_credentials_st;
    static const handle<credentials> made_once = [] {
        gnutls_certificate_credentials_t made = nullptr;
        gnutls_certificate_allocate_credentials(&made);
        const handle<BIO> certificate{BIO_new(BIO_s_mem()), BIO_free_all};
        const handle<BIO> key{BIO_new(BIO_s_mem()), BIO_free_all};
        PEM_write_bio_X509(certificate.get(), identity::get().certificate.get());
        PEM_write_bio_PrivateKey(key.get(), identity::get().key.get(), nullptr, nullptr, 0, nullptr, nullptr);
        const auto certificate_text = content_of(certificate.get());
        const auto key_text = content_of(key.get());
        if (gnutls_certificate_set_x509_key_mem(made, &certificate_text, &key_text, GNUTLS_X509_FMT_PEM) < 0)
            std::abort();
        return handle<credentials>{made, gnutls_certificate_free_credentials};
    }();
    return made_once.get();
}

void run_gnutls(run& run) {
    gnutls_session_t session = nullptr;
    gnutls_init(&session, GNUTLS_SERVER | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL | GNUTLS_NO_TICKETS);
    const handle<gnutls_session_int> owner{session, gnutls_deinit};
    gnutls_session_set_ptr(session, &run);
    gnutls_priority_set(session, gnutls_priorities());
    gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, gnutls_credentials());
    gnutls_transport_set_ptr(session, &run);
    gnutls_transport_set_pull_function(session, pull);
    gnutls_transport_set_push_function(session, push);
    gnutls_transport_set_pull_timeout_function(session, pull_timeout);
    gnutls_handshake_set_post_client_hello_function(session, take_gnutls_name);

    int result = 0;
    do
        result = gnutls_handshake(session);
    while (result == GNUTLS_E_INTERRUPTED || result == GNUTLS_E_WARNING_ALERT_RECEIVED ||
           (result == GNUTLS_E_AGAIN && !run.rest.empty()));
    if (run.answer.kind != verdict_kind::waits || result == GNUTLS_E_AGAIN)
        return;
    run.answer.kind = verdict_kind::refused;
    run.answer.reason = gnutls_strerror(result);
}

} // namespace

std::string verdict::to_string() const {
    switch (kind) {
    case verdict_kind::waits:
        return "waits";
    case verdict_kind::refused:
        return "refused: " + reason;
    case verdict_kind::no_name:
        return "no name";
    default:
        return "name " + name;
    }
}

verdict ask_openssl(byte_view stream) {
    run run{.rest = stream};
    run_openssl(openssl_server(), run);
    return run.answer;
}

verdict ask_openssl_tls12(byte_view stream) {
    run run{.rest = stream};
    run_openssl(openssl_tls12_server(), run);
    return run.answer;
}

verdict ask_gnutls(byte_view stream) {
    run run{.rest = stream};
    run_gnutls(run);
    return run.answer;
}

bool openssl_serves(byte_view stream) {
    run run{.rest = stream, .goes_on = true};
    run_openssl(openssl_server(), run);
    return run.sent_handshake;
}

bool gnutls_serves(byte_view stream) {
    run run{.rest = stream, .goes_on = true};
    run_gnutls(run);
    return run.sent_handshake;
}

} // namespace snipass::fuzz
