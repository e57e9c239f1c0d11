// SPDX-License-Identifier: BSL-1.0
// PEM files. Private to certificates.
#pragma once

#include "snipass/certificates/certificate.hpp"
#include "snipass/config/parse.hpp"

#include <openssl/bio.h>

#include <ctime>
#include <memory>
#include <string>
#include <system_error>
#include <vector>

namespace snipass::certificates {

struct bio_free {
    void operator()(BIO* one) const noexcept { BIO_free(one); }
};
using memory_bio = std::unique_ptr<BIO, bio_free>;

// content is a file's; its bytes are cleansed with it, because they may be a key.
struct content {
    std::string bytes;
    std::error_code problem{};

    content() = default;
    content(content&&) = default;
    content& operator=(content&&) = delete;
    ~content();
};

// read reads a file of 1 MiB at most: a chain of RSA certificates has 8 KB.
[[nodiscard]] content read(const std::string& file);

// unread is what is said of a file, or a folder, that could not be read: `forbidden` says what it is that
// this user may not; of a want of descriptors or memory the file is innocent.
[[nodiscard]] config::diagnostic unread(config::position where, const std::string& what,
                                        const std::error_code& why, config::severity forbidden);

// over reads `bytes`, which outlive it.
[[nodiscard]] memory_bio over(const std::string& bytes);

struct read_certificates {
    std::vector<x509> all;   // in their order
    bool is_damaged = false; // the one behind those
};

// read_chain reads all certificates in these bytes; keys among them are passed over.
[[nodiscard]] read_certificates read_chain(const std::string& bytes);

// damage is what to say of the certificate behind those that were read.
[[nodiscard]] std::string damage(const read_certificates& read);

[[nodiscard]] std::time_t to_time(const ASN1_TIME* time);

} // namespace snipass::certificates
