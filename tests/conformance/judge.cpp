// SPDX-License-Identifier: BSL-1.0
#include "judge.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <stdexcept>

namespace snipass::conformance {

namespace {

struct free_ssl {
    void operator()(SSL* ssl) const noexcept { SSL_free(ssl); }
};

// The callback ends the handshake: the choice is all that is asked for, and what a server does afterwards
// (certificates, shared ciphers) is not the router's business.
int choose(SSL* ssl, int* alert, void*) {
    auto& made = *static_cast<judgement*>(SSL_get_app_data(ssl));
    const char* name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    made.answer = name != nullptr ? judgement::kind::reads_name : judgement::kind::reads_no_name;
    made.name = name != nullptr ? name : "";
    *alert = SSL_AD_UNRECOGNIZED_NAME;
    return SSL_TLSEXT_ERR_ALERT_FATAL;
}

void note_alert(const SSL* ssl, int where, int value) {
    if ((where & SSL_CB_WRITE_ALERT) == SSL_CB_WRITE_ALERT)
        static_cast<judgement*>(SSL_get_app_data(ssl))->why = SSL_alert_desc_string_long(value);
}

void check(bool worked) {
    if (!worked)
        throw std::runtime_error("OpenSSL cannot make a server");
}

} // namespace

std::string judgement::to_string() const {
    switch (answer) {
    case kind::reads_name:
        return "reads \"" + name + "\"";
    case kind::reads_no_name:
        return "reads no name";
    case kind::refuses:
        return "refuses: " + why;
    case kind::wants_more:
        return "wants more";
    }
    return "?";
}

void judge::free_context::operator()(ssl_ctx_st* context) const noexcept {
    SSL_CTX_free(context);
}

judge::judge() : context_(SSL_CTX_new(TLS_server_method())) {
    check(context_ != nullptr);
    // As tolerant as OpenSSL can be made: what even this refuses, no server behind the router will take.
    SSL_CTX_set_security_level(context_.get(), 0);
    check(SSL_CTX_set_min_proto_version(context_.get(), TLS1_VERSION) == 1);
    check(SSL_CTX_set_max_proto_version(context_.get(), 0) == 1);
    check(SSL_CTX_set_cipher_list(context_.get(), "ALL:@SECLEVEL=0") == 1);
    SSL_CTX_set_tlsext_servername_callback(context_.get(), choose);
    SSL_CTX_set_info_callback(context_.get(), note_alert);
}

judge::~judge() = default;

judgement judge::read(byte_view stream, bool ends) const {
    judgement made;
    const std::unique_ptr<SSL, free_ssl> ssl{SSL_new(context_.get())};
    check(ssl != nullptr);
    const void* data = stream.empty() ? "" : static_cast<const void*>(stream.data()); // null is refused
    BIO* from_client = BIO_new_mem_buf(data, static_cast<int>(stream.size()));
    BIO* to_client = BIO_new(BIO_s_mem());
    check(from_client != nullptr && to_client != nullptr);
    BIO_set_mem_eof_return(from_client, ends ? 0 : -1);
    SSL_set_bio(ssl.get(), from_client, to_client); // owns both from here on
    SSL_set_app_data(ssl.get(), &made);

    ERR_clear_error();
    const int result = SSL_accept(ssl.get());
    if (made.answer != judgement::kind::wants_more)
        return made;
    if (SSL_get_error(ssl.get(), result) == SSL_ERROR_WANT_READ)
        return made;
    made.answer = judgement::kind::refuses;
    const auto error = ERR_peek_error();
    const char* reason = error != 0 ? ERR_reason_error_string(error) : nullptr;
    if (made.why.empty() || made.why == "unknown") // an alert that this OpenSSL has no words for
        made.why = reason != nullptr ? reason : "end of file";
    ERR_clear_error();
    return made;
}

std::string judge::version() {
    return OpenSSL_version(OPENSSL_VERSION);
}

} // namespace snipass::conformance
