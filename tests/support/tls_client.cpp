// SPDX-License-Identifier: BSL-1.0
#include "tls_client.hpp"

#include "tcp_client.hpp"

#include <openssl/err.h>
#include <openssl/x509.h>

#include <csignal>
#include <sys/socket.h>
#include <sys/time.h>

#include <stdexcept>

namespace snipass::testing {
namespace {

std::string reason() {
    const auto code = ERR_peek_error();
    const char* const text = code == 0 ? nullptr : ERR_reason_error_string(code);
    ERR_clear_error();
    return text == nullptr ? "no reason" : text;
}

} // namespace

tls_client::tls_client(os::unique_fd connected, tls_wish what)
    : fd_(std::move(connected)), context_(SSL_CTX_new(TLS_client_method())), ssl_(SSL_new(context_.get())) {
    (void)std::signal(SIGPIPE, SIG_IGN); // OpenSSL's sockets have no MSG_NOSIGNAL
    const timeval limit{patience.count(), 0};
    (void)::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    auto* const one = ssl_.get();
    if (!what.name.empty())
        SSL_set_tlsext_host_name(one, what.name.c_str());
    std::string list;
    for (const auto& protocol : what.alpn)
        list += static_cast<char>(protocol.size()) + protocol;
    if (!list.empty())
        SSL_set_alpn_protos(one, reinterpret_cast<const unsigned char*>(list.data()),
                            static_cast<unsigned>(list.size()));
    if (what.version != 0)
        SSL_set_max_proto_version(one, what.version);
    if (what.session != nullptr)
        SSL_set_session(one, what.session);
    if (what.only_rsa)
        SSL_set1_sigalgs_list(one, "rsa_pss_rsae_sha256:RSA+SHA256");
    if (what.shows != nullptr && (SSL_use_certificate(one, what.shows->leaf.get()) != 1 ||
                                  SSL_use_PrivateKey(one, what.shows->key.get()) != 1))
        throw std::runtime_error{"the client's certificate: " + reason()};
    SSL_set_fd(one, fd_.get());
    SSL_set_connect_state(one);
}

bool tls_client::shake() {
    if (SSL_connect(ssl_.get()) == 1)
        return true;
    why_ = reason();
    return false;
}

namespace {

std::string drained(SSL* ssl) {
    char* bytes = nullptr;
    auto* const out = SSL_get_wbio(ssl);
    const auto size = BIO_get_mem_data(out, &bytes);
    std::string all(bytes, static_cast<std::size_t>(size));
    (void)BIO_reset(out);
    return all;
}

} // namespace

std::string tls_client::shake_by_hand() {
    auto* const one = ssl_.get();
    SSL_set_bio(one, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    for (;;) {
        const int result = SSL_connect(one);
        const auto flight = drained(one);
        if (result == 1)
            return flight;
        if (SSL_get_error(one, result) != SSL_ERROR_WANT_READ)
            throw std::runtime_error{"TLS handshake: " + reason()};
        if (!flight.empty() && ::send(fd_.get(), flight.data(), flight.size(), MSG_NOSIGNAL) < 0)
            throw std::runtime_error{"the server has left"};
        char part[16'384];
        const auto n = ::recv(fd_.get(), part, sizeof part, 0);
        if (n <= 0)
            throw std::runtime_error{"the server says no more"};
        BIO_write(SSL_get_rbio(one), part, static_cast<int>(n));
    }
}

std::string tls_client::sealed(std::string_view text) {
    send(text);
    return drained(ssl_.get());
}

std::string tls_client::sealed_end() {
    finish();
    return drained(ssl_.get());
}

void tls_client::by_socket() {
    SSL_set_fd(ssl_.get(), fd_.get());
}

void tls_client::send(std::string_view text) {
    std::size_t sent = 0;
    if (SSL_write_ex(ssl_.get(), text.data(), text.size(), &sent) != 1 || sent != text.size())
        throw std::runtime_error{"TLS send: " + reason()};
}

std::string tls_client::receive(std::size_t n) {
    std::string heard(n, '\0');
    for (std::size_t all = 0, more = 0; all < n; all += more)
        if (SSL_read_ex(ssl_.get(), heard.data() + all, n - all, &more) != 1)
            throw std::runtime_error{"TLS receive: " + reason() + " after " + std::to_string(all) + " bytes"};
    return heard;
}

tls_ending tls_client::read_to_end(std::string& heard) {
    char part[16'384];
    std::size_t n = 0;
    int result = 0;
    while ((result = SSL_read_ex(ssl_.get(), part, sizeof part, &n)) == 1)
        heard.append(part, n);
    const auto error = SSL_get_error(ssl_.get(), result);
    why_ = reason();
    if (error == SSL_ERROR_ZERO_RETURN)
        return tls_ending::close_notify;
    return why_ == "unexpected eof while reading" ? tls_ending::fin : tls_ending::failed;
}

void tls_client::finish() {
    if (SSL_shutdown(ssl_.get()) < 0)
        throw std::runtime_error{"TLS end: " + reason()};
}

void tls_client::update_key(bool both) {
    if (SSL_key_update(ssl_.get(), both ? SSL_KEY_UPDATE_REQUESTED : SSL_KEY_UPDATE_NOT_REQUESTED) != 1)
        throw std::runtime_error{"TLS key update: " + reason()};
}

bool tls_client::renegotiate() {
    const bool done = SSL_renegotiate(ssl_.get()) == 1 && SSL_do_handshake(ssl_.get()) == 1;
    why_ = reason();
    return done;
}

std::string tls_client::protocol() const {
    const unsigned char* name = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(ssl_.get(), &name, &size);
    return {reinterpret_cast<const char*>(name), size};
}

std::string tls_client::names() const {
    char text[256] = "";
    X509_NAME_get_text_by_NID(X509_get_subject_name(SSL_get0_peer_certificate(ssl_.get())), NID_commonName,
                              text, sizeof text);
    return text;
}

bool tls_client::was_resumed() const {
    return SSL_session_reused(ssl_.get()) == 1;
}

SSL_SESSION* tls_client::session() const {
    return SSL_get1_session(ssl_.get());
}

} // namespace snipass::testing
