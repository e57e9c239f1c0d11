// SPDX-License-Identifier: BSL-1.0
// judge: what OpenSSL, as a TLS server, makes of a client's bytes.
#pragma once

#include "snipass/base/bytes.hpp"

#include <memory>
#include <string>

struct ssl_ctx_st;

namespace snipass::conformance {

struct judgement {
    enum class kind {
        reads_name,    // the server chose by this name
        reads_no_name, // the server went on without one
        refuses,       // it gave up before
        wants_more,    // it neither chose nor refused
    };
    kind answer = kind::wants_more;
    std::string name; // as it was sent
    std::string why;  // of a refusal: the alert, or what OpenSSL says

    [[nodiscard]] std::string to_string() const;
};

// judge is a server of all versions that this OpenSSL has from TLS 1.0 on, in memory. It is asked for the
// moment of choice only (the server_name callback), so it needs no certificate.
class judge {
  public:
    judge();
    ~judge();
    judge(const judge&) = delete;
    judge& operator=(const judge&) = delete;

    // read gives a new server the whole stream; `ends` says that nothing comes behind it.
    [[nodiscard]] judgement read(byte_view stream, bool ends) const;

    [[nodiscard]] static std::string version();

  private:
    struct free_context {
        void operator()(ssl_ctx_st* context) const noexcept;
    };
    std::unique_ptr<ssl_ctx_st, free_context> context_;
};

} // namespace snipass::conformance
