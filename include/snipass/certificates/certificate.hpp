// SPDX-License-Identifier: BSL-1.0
// certificate: a certificate with its chain and its key, as a server shows it.
#pragma once

#include "snipass/config/configuration.hpp"

#include <openssl/evp.h>
#include <openssl/x509.h>

#include <cstdint>
#include <ctime>
#include <memory>
#include <string>
#include <vector>

namespace snipass::certificates {

struct free_by {
    void operator()(X509* one) const noexcept { X509_free(one); }
    void operator()(EVP_PKEY* one) const noexcept { EVP_PKEY_free(one); } // and its bytes are cleansed
};
using x509 = std::unique_ptr<X509, free_by>;
using private_key = std::unique_ptr<EVP_PKEY, free_by>;

// A server has at most one certificate of each kind for one name, and a client gets the first that it can
// take.
enum class key_kind : std::uint8_t {
    ecdsa,
    rsa,
    ed25519,
};
inline constexpr std::size_t key_kind_count = 3;

struct certificate {
    std::string file; // that of the chain
    config::position where;
    std::vector<std::string> names; // of hosts, in lower case: "a.example", "*.example"
    key_kind kind = key_kind::ecdsa;
    std::time_t begins = 0;
    std::time_t ends = 0;
    x509 leaf;
    std::vector<x509> chain; // what is behind the leaf
    private_key key;
};

} // namespace snipass::certificates
