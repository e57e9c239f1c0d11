// SPDX-License-Identifier: BSL-1.0
// trust: whose word counts for a certificate, as OpenSSL asks for it.
#pragma once

#include "snipass/certificates/authorities.hpp"

#include <openssl/ssl.h>

#include <map>
#include <memory>
#include <optional>
#include <string>

namespace snipass::terminate {

// trust is made once for a configuration, and not changed.
class trust {
  public:
    explicit trust(const certificates::authority_files& files = {});

    // demand makes the handshake of `ssl` ask its client for a certificate of one of these authorities, which
    // trust() has heard of. No session of it will be resumed: its certificate would not be looked at again.
    void demand(SSL& ssl, const config::client_certificates& wanted) const;

    // insist makes `ssl` refuse a server whose certificate is not for `name`, or of none of these
    // authorities.
    void insist(SSL& ssl, const std::string& file, const std::string& name) const;

  private:
    struct free_one {
        void operator()(X509_STORE* one) const noexcept { X509_STORE_free(one); }
        void operator()(STACK_OF(X509_NAME) * one) const noexcept {
            sk_X509_NAME_pop_free(one, X509_NAME_free);
        }
    };
    struct authorities {
        std::unique_ptr<X509_STORE, free_one> store;
        std::unique_ptr<STACK_OF(X509_NAME), free_one> names; // a client picks its certificate by them
    };

    std::map<std::string, authorities> by_file_;
};

// common_name is that of the certificate that the client has shown and OpenSSL has verified. None: it has
// shown none. "": it has no such name, or none that is text.
[[nodiscard]] std::optional<std::string> common_name(const SSL& ssl);

} // namespace snipass::terminate
