// SPDX-License-Identifier: BSL-1.0
// OpenSSL's objects with owners, and its errors in words.
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <string>

namespace snipass::terminate {

struct free_ssl {
    void operator()(SSL* one) const noexcept { SSL_free(one); }
    void operator()(SSL_CTX* one) const noexcept { SSL_CTX_free(one); }
};
using ssl_ptr = std::unique_ptr<SSL, free_ssl>;
using ssl_context_ptr = std::unique_ptr<SSL_CTX, free_ssl>;

// take_reason empties this thread's queue of errors, and says what the first one is: it is the cause. Empty:
// there is none.
[[nodiscard]] std::string take_reason();

} // namespace snipass::terminate
