// SPDX-License-Identifier: BSL-1.0
#include "certificate_files.hpp"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include <atomic>
#include <fstream>
#include <stdexcept>

namespace snipass::testing {
namespace {

void must(bool good, const char* what) {
    if (!good)
        throw std::runtime_error{what};
}

// large_rsa has more primes than two: so many small ones are found sooner.
EVP_PKEY* large_rsa() {
    const std::unique_ptr<EVP_PKEY_CTX, decltype([](EVP_PKEY_CTX* one) { EVP_PKEY_CTX_free(one); })> making{
        EVP_PKEY_CTX_new_id(EVP_PKEY_RSA, nullptr)};
    EVP_PKEY* made = nullptr;
    must(EVP_PKEY_keygen_init(making.get()) == 1 &&
             EVP_PKEY_CTX_set_rsa_keygen_bits(making.get(), 8'193) == 1 &&
             EVP_PKEY_CTX_set_rsa_keygen_primes(making.get(), 5) == 1 &&
             EVP_PKEY_keygen(making.get(), &made) == 1,
         "a large key");
    return made;
}

EVP_PKEY* make_key(key_type kind) {
    switch (kind) {
    case key_type::ec:
        return EVP_EC_gen("P-256");
    case key_type::rsa:
        return EVP_RSA_gen(2048U);
    case key_type::weak_rsa:
        return EVP_RSA_gen(1024U);
    case key_type::large_rsa:
        return large_rsa();
    case key_type::ed25519:
        return EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519");
    }
    return nullptr;
}

template <class Write>
std::string as_pem(Write write) {
    std::unique_ptr<BIO, decltype([](BIO* one) { BIO_free(one); })> to{BIO_new(BIO_s_mem())};
    must(write(to.get()) == 1, "PEM");
    char* bytes = nullptr;
    const auto size = BIO_get_mem_data(to.get(), &bytes);
    return {bytes, static_cast<std::size_t>(size)};
}

void add_extension(X509* to, int which, const std::string& value) {
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, to, to, nullptr, nullptr, 0);
    auto* const made = X509V3_EXT_conf_nid(nullptr, &context, which, value.c_str());
    must(made != nullptr && X509_add_ext(to, made, -1) == 1, "extension");
    X509_EXTENSION_free(made);
}

} // namespace

std::string identity::certificate() const {
    return as_pem([this](BIO* to) { return PEM_write_bio_X509(to, leaf.get()); });
}

std::string identity::private_key() const {
    return as_pem([this](BIO* to) {
        return PEM_write_bio_PrivateKey(to, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
    });
}

identity issue(const wish& what, const identity* issuer) {
    static std::atomic<long> serial = 0;
    identity made{certificates::x509{X509_new()}, certificates::private_key{make_key(what.key)}};
    must(made.leaf && made.key, "key");
    auto* const one = made.leaf.get();
    X509_set_version(one, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(one), ++serial);
    X509_gmtime_adj(X509_getm_notBefore(one), what.begins);
    X509_gmtime_adj(X509_getm_notAfter(one), what.ends);
    const auto name = what.names.empty() ? "issuer " + std::to_string(serial.load()) : what.names.front();
    X509_NAME_add_entry_by_txt(X509_get_subject_name(one), "CN", MBSTRING_UTF8,
                               reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
    X509_set_issuer_name(one, X509_get_subject_name(issuer != nullptr ? issuer->leaf.get() : one));
    X509_set_pubkey(one, made.key.get());
    std::string names;
    for (const auto& host : what.names)
        names += (names.empty() ? "DNS:" : ",DNS:") + host;
    if (!names.empty())
        add_extension(one, NID_subject_alt_name, names);
    else
        add_extension(one, NID_basic_constraints, "critical,CA:TRUE");
    if (!what.usage.empty())
        add_extension(one, NID_ext_key_usage, what.usage);
    auto* const signer = issuer != nullptr ? issuer->key.get() : made.key.get();
    const auto* const digest = EVP_PKEY_get_base_id(signer) == EVP_PKEY_ED25519 ? nullptr : EVP_sha256();
    must(X509_sign(one, signer, digest) > 0, "signature");
    return made;
}

std::string certificate_folder::write(const std::string& name, const std::string& content) const {
    const auto path = std::filesystem::path{folder.path} / name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream{path} << content;
    std::filesystem::permissions(path,
                                 std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
    return path.string();
}

std::string certificate_folder::add(const std::string& name, const identity& who,
                                    const std::string& rest_of_chain) const {
    (void)write(name + "/fullchain.pem", who.certificate() + rest_of_chain);
    (void)write(name + "/privkey.pem", who.private_key());
    return (std::filesystem::path{folder.path} / name).string();
}

} // namespace snipass::testing
