// SPDX-License-Identifier: BSL-1.0
// Whose word counts for a certificate.
#include "snipass/terminate/trust.hpp"

#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <new>

namespace snipass::terminate {
namespace {

void must(bool good) {
    if (!good)
        throw std::bad_alloc{}; // nothing else makes these fail
}

// So much of their names is sent to a client: what asks for the certificate is a message of 64 KiB at most.
constexpr int most_of_names = 16'384;

// A client's chain is kept whole until it is verified, for as many clients as shake hands at a time.
constexpr long longest_chain = 32'768;

} // namespace

trust::trust(const certificates::authority_files& files) {
    for (const auto& [file, all] : files) {
        auto& made = by_file_[file];
        made.store.reset(X509_STORE_new());
        made.names.reset(sk_X509_NAME_new_null());
        must(made.store && made.names);
        int size = 0;
        for (const auto& one : all) {
            must(X509_STORE_add_cert(made.store.get(), one.get()) == 1);
            const auto* const name = X509_get_subject_name(one.get());
            size += i2d_X509_NAME(name, nullptr);
            if (size > most_of_names)
                continue;
            auto* const copy = X509_NAME_dup(name);
            must(copy != nullptr && sk_X509_NAME_push(made.names.get(), copy) > 0);
        }
    }
}

void trust::demand(SSL& ssl, const config::client_certificates& wanted) const {
    const auto& who = by_file_.at(wanted.authorities);
    must(SSL_set1_verify_cert_store(&ssl, who.store.get()) == 1);
    auto* const names = SSL_dup_CA_list(who.names.get());
    must(names != nullptr);
    SSL_set_client_CA_list(&ssl, names);
    SSL_set_verify(&ssl, SSL_VERIFY_PEER | (wanted.are_required ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0),
                   nullptr);
    SSL_set_max_cert_list(&ssl, longest_chain);
    SSL_set_options(&ssl, SSL_OP_NO_TICKET);
    must(SSL_set_num_tickets(&ssl, 0) == 1);
}

void trust::insist(SSL& ssl, const std::string& file, const std::string& name) const {
    must(SSL_set1_verify_cert_store(&ssl, by_file_.at(file).store.get()) == 1);
    SSL_set_hostflags(&ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    must(SSL_set1_host(&ssl, name.c_str()) == 1);
    must(SSL_set_tlsext_host_name(&ssl, name.c_str()) == 1);
    SSL_set_verify(&ssl, SSL_VERIFY_PEER, nullptr);
}

std::optional<std::string> common_name(const SSL& ssl) {
    const auto* const shown = SSL_get0_peer_certificate(&ssl);
    if (shown == nullptr || SSL_get_verify_result(&ssl) != X509_V_OK)
        return std::nullopt;
    std::string made;
    const auto* const name = X509_get_subject_name(shown);
    const int at = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
    if (at < 0)
        return made;
    unsigned char* text = nullptr;
    const int size = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)));
    if (size > 0)
        made.assign(reinterpret_cast<const char*>(text), static_cast<std::size_t>(size));
    OPENSSL_free(text);
    if (made.find('\0') != made.npos) // to many who read it, it would be another one
        made.clear();
    return made;
}

} // namespace snipass::terminate
