// SPDX-License-Identifier: BSL-1.0
// Certificates that a test makes for itself, as files.
#pragma once

#include "handoff_sender.hpp"
#include "snipass/certificates/certificate.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace snipass::testing {

enum class key_type {
    ec,
    rsa,
    weak_rsa,  // of 1024 bits
    large_rsa, // of 8193 bits
    ed25519,
};

// identity is a certificate with its key, both in memory.
struct identity {
    certificates::x509 leaf;
    certificates::private_key key;

    [[nodiscard]] std::string certificate() const; // PEM
    [[nodiscard]] std::string private_key() const; // PEM
};

struct wish {
    std::vector<std::string> names;
    key_type key = key_type::ec;
    long begins = -3'600; // seconds from now
    long ends = 86'400;
    std::string usage{}; // extendedKeyUsage; empty: whatever
};

// issue makes an identity; by itself where there is no issuer.
[[nodiscard]] identity issue(const wish& what, const identity* issuer = nullptr);

// certificate_folder is a folder with files, which goes with the test.
struct certificate_folder {
    handoff_test::temporary_folder folder;

    // write makes a file that only its owner may read, and returns its path.
    std::string write(const std::string& name, const std::string& content) const;
    // add is a folder as certbot has them; it returns its path.
    std::string add(const std::string& name, const identity& who,
                    const std::string& rest_of_chain = {}) const;
};

} // namespace snipass::testing
