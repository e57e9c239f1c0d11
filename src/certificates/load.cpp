// SPDX-License-Identifier: BSL-1.0
// Certificates from files, and all that is wrong with them.
#include "snipass/certificates/load.hpp"

#include "files.hpp"
#include "pem.hpp"

#include "snipass/base/host_name.hpp"
#include "snipass/certificates/memory.hpp"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <optional>
#include <system_error>
#include <utility>

namespace snipass::certificates {
namespace {

using config::severity;

std::string openssls_reason() {
    const auto code = ERR_peek_last_error();
    const char* const text = code == 0 ? nullptr : ERR_reason_error_string(code);
    ERR_clear_error();
    return text == nullptr ? "" : std::string(": ") + text;
}

// A passphrase would be asked for on the terminal, and there is none.
int no_passphrase(char* /*to*/, int /*room*/, int /*writing*/, void* was_asked) {
    *static_cast<bool*>(was_asked) = true;
    return -1;
}

// names_of: in a certificate's subjectAltName stand names, "*." in front of one counts; what else there is,
// such as an address, no client asks for by server_name (RFC 6066, section 3).
std::vector<std::string> names_of(X509* leaf) {
    std::vector<std::string> names;
    auto* const all =
        static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(leaf, NID_subject_alt_name, nullptr, nullptr));
    for (int i = 0; i < sk_GENERAL_NAME_num(all); ++i) {
        const auto* const one = sk_GENERAL_NAME_value(all, i);
        if (one->type != GEN_DNS)
            continue;
        const auto* const data = reinterpret_cast<const char*>(ASN1_STRING_get0_data(one->d.dNSName));
        const std::string_view text{data, static_cast<std::size_t>(ASN1_STRING_length(one->d.dNSName))};
        const bool is_wildcard = text.starts_with("*.");
        const auto name = host_name::parse(is_wildcard ? text.substr(2) : text);
        if (name)
            names.push_back((is_wildcard ? "*." : "") + std::string(name->text()));
    }
    GENERAL_NAMES_free(all);
    return names;
}

std::optional<key_kind> kind_of(const EVP_PKEY* key) {
    switch (EVP_PKEY_get_base_id(key)) {
    case EVP_PKEY_EC:
        return key_kind::ecdsa;
    case EVP_PKEY_RSA:
        return key_kind::rsa;
    case EVP_PKEY_ED25519:
        return key_kind::ed25519;
    default:
        return std::nullopt;
    }
}

// What OpenSSL takes at its security level 2, which is Debian's.
constexpr int least_security_bits = 112;

// A handshake costs the cube of its size: with one of 16,384 bits, a tenth of a second of a worker's.
constexpr int most_rsa_bits = 8'192;

std::string size_of(const EVP_PKEY* key) {
    const bool is_rsa = EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA;
    return (is_rsa ? "RSA of " : "EC of ") + std::to_string(EVP_PKEY_get_bits(key)) + " bits); make one of " +
           (is_rsa ? "2048" : "256") + " bits";
}

// purpose is what a certificate is for.
struct purpose {
    std::string key; // of the configuration
    config::position where;
    bool is_for_backends = false; // snipass-tls is the client then

    [[nodiscard]] std::string_view owner() const {
        return is_for_backends ? "snipass-tls's" : "the server's";
    }
    [[nodiscard]] std::string_view judges() const { return is_for_backends ? "backends" : "clients"; }
};

// reading is one pair of files on its way to a certificate.
class reading {
  public:
    reading(const file_pair& files, const purpose& use, std::time_t now, severity forbidden, loaded& to)
        : files_(files), use_(use), now_(now), forbidden_(forbidden), to_(to) {}

    void run() {
        forget_shortage();
        const bool is_good = read_certificate() && read_key() && is_sound();
        demand_memory(); // or who knows what is wrong
        if (!is_good) {
            to_.is_all = false;
            return;
        }
        judge();
        to_.certificates.push_back(std::move(made_));
    }

  private:
    bool refuse(const std::string& file, const std::string& why) {
        tell(severity::error, file, why);
        return false;
    }
    bool refuse(const std::string& file, const std::error_code& why) {
        to_.diagnostics.push_back(unread(
            use_.where, use_.key + ": " + file + ": cannot be read: " + why.message(), why, forbidden_));
        return false;
    }
    void tell(severity level, const std::string& file, const std::string& what) {
        to_.diagnostics.push_back({level, use_.where, use_.key + ": " + file + ": " + what});
    }

    bool read_certificate() {
        made_.file = files_.chain;
        made_.where = use_.where;
        const auto file = read(files_.chain);
        if (file.problem)
            return refuse(files_.chain, file.problem);
        auto found = read_chain(file.bytes);
        if (found.is_damaged)
            return refuse(files_.chain, damage(found));
        made_.chain = std::move(found.all);
        if (made_.chain.empty())
            return refuse(files_.chain, "has no certificate in PEM; write the file that has the chain");
        made_.leaf = std::move(made_.chain.front());
        made_.chain.erase(made_.chain.begin());
        return true;
    }

    bool read_key() {
        const auto file = read(files_.key);
        if (file.problem)
            return refuse(files_.key, file.problem);
        bool was_asked = false;
        const auto in = over(file.bytes);
        made_.key.reset(PEM_read_bio_PrivateKey(in.get(), nullptr, no_passphrase, &was_asked));
        const auto reason = openssls_reason();
        if (!made_.key)
            return refuse(files_.key, was_asked
                                          ? "has a key with a passphrase; write one without (openssl pkey "
                                            "-in FILE), and keep the file from others"
                                          : "has no private key in PEM" + reason);
        return true;
    }

    bool is_sound() {
        const auto kind = kind_of(made_.key.get());
        if (!kind)
            return refuse(files_.key,
                          "is a key of a kind that is not used here; write an EC, RSA or Ed25519 key");
        made_.kind = *kind;
        if (EVP_PKEY_get_security_bits(made_.key.get()) < least_security_bits)
            return refuse(files_.key, "the key is too weak (" + size_of(made_.key.get()) + " or more");
        if (*kind == key_kind::rsa && EVP_PKEY_get_bits(made_.key.get()) > most_rsa_bits)
            return refuse(files_.key, "the key is too large (" + size_of(made_.key.get()) + ", or of " +
                                          std::to_string(most_rsa_bits) + " at most");
        if (X509_check_private_key(made_.leaf.get(), made_.key.get()) != 1) {
            ERR_clear_error();
            return refuse(files_.key, "is not the key of the first certificate in " + files_.chain);
        }
        const auto* issued = made_.leaf.get();
        for (std::size_t i = 0; i < made_.chain.size(); ++i) {
            if (X509_check_issued(made_.chain[i].get(), const_cast<X509*>(issued)) != X509_V_OK)
                return refuse(files_.chain,
                              "certificate " + std::to_string(i + 2) +
                                  " has not issued the one before it; write the chain in order, " +
                                  std::string{use_.owner()} + " own certificate first");
            issued = made_.chain[i].get();
        }
        made_.names = names_of(made_.leaf.get());
        if (made_.names.empty() && !use_.is_for_backends)
            return refuse(files_.chain, "has no host name (subjectAltName), so no client would take it");
        return true;
    }

    // judge says what clients will not take, or others should not see.
    void judge() {
        made_.begins = to_time(X509_get0_notBefore(made_.leaf.get()));
        made_.ends = to_time(X509_get0_notAfter(made_.leaf.get()));
        const std::string judges{use_.judges()};
        if (made_.ends < now_)
            tell(severity::warning, files_.chain, "has ended; get a new one: " + judges + " refuse it");
        if (made_.begins > now_)
            tell(severity::warning, files_.chain,
                 "has not begun yet; " + judges + " refuse it (is this machine's clock right?)");
        use_.is_for_backends ? judge_for_backends() : judge_for_clients();
        std::error_code ec;
        const auto mode = std::filesystem::status(files_.key, ec).permissions();
        if (!ec && (mode & std::filesystem::perms::others_read) != std::filesystem::perms::none)
            tell(severity::warning, files_.key, "everybody may read this key; chmod o-r");
    }

    void judge_for_clients() {
        const auto* const leaf = made_.leaf.get();
        if (made_.chain.empty() &&
            X509_NAME_cmp(X509_get_subject_name(leaf), X509_get_issuer_name(leaf)) != 0)
            tell(severity::warning, files_.chain,
                 "the certificate stands alone, and clients that do not know its issuer refuse it; write the "
                 "file with the whole chain (fullchain.pem)");
    }

    // Backends know who has issued it, so it may stand alone.
    void judge_for_backends() {
        constexpr int is_authority = 0;
        if (X509_check_purpose(made_.leaf.get(), X509_PURPOSE_SSL_CLIENT, is_authority) != 1)
            tell(severity::warning, files_.chain,
                 "is no client's (extendedKeyUsage), so backends refuse it; get one with clientAuth");
    }

    const file_pair& files_;
    const purpose& use_;
    std::time_t now_;
    severity forbidden_;
    loaded& to_;
    certificate made_;
};

void load_into(loaded& made, const config::certificate_source& source, const purpose& use, std::time_t now,
               severity forbidden) {
    const auto found = find_files(source);
    if (!found.problem.empty()) {
        made.is_all = false;
        made.diagnostics.push_back(unread(use.where, use.key + ": " + found.problem, found.why, forbidden));
    }
    for (const auto& files : found.pairs)
        reading{files, use, now, forbidden, made}.run();
}

} // namespace

bool loaded::has_errors() const noexcept {
    return std::ranges::any_of(diagnostics, [](const auto& one) { return one.level == severity::error; });
}

loaded load(const std::vector<config::certificate_source>& sources, std::time_t now, severity forbidden) {
    loaded made;
    for (const auto& source : sources)
        load_into(made, source, {"tls.certificates", source.where}, now, forbidden);
    return made;
}

loaded_shown load_shown(const config::configuration& configuration, std::time_t now, severity forbidden) {
    loaded_shown made;
    for (const auto& one : configuration.backends) {
        if (!one.termination || !one.termination->encryption || !one.termination->encryption->shown)
            continue;
        const auto& source = *one.termination->encryption->shown;
        loaded found;
        load_into(found, source, {"backend." + one.name + ".backend_certificate", source.where, true}, now,
                  forbidden);
        std::ranges::move(found.diagnostics, std::back_inserter(made.diagnostics));
        if (!found.certificates.empty())
            made.by_backend.emplace(one.name, std::move(found.certificates.front()));
    }
    return made;
}

} // namespace snipass::certificates
