// SPDX-License-Identifier: BSL-1.0
// connection: TLS with one client, or one backend, step by step; nothing here waits.
#pragma once

#include "snipass/os/unique_fd.hpp"
#include "snipass/terminate/kernel_keys.hpp"
#include "snipass/terminate/openssl.hpp"
#include "snipass/terminate/trust.hpp"
#include "snipass/terminate/wire.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace snipass::terminate {

// What a step came to.
enum class progress : std::uint8_t {
    done,
    wants_readable, // again, once the socket is readable
    wants_writable,
    ended,  // the client has said close_notify, or sent FIN
    failed, // nothing more can be said or heard
};

class connection {
  public:
    // `context`, `client` and `alpn` outlive the connection; a session is resumed only where it had the same
    // `purpose` (the host name and the backend), so that a ticket of one name opens nothing of another.
    connection(SSL_CTX& context, int client, const std::vector<std::string>& alpn, std::string_view purpose);

    // A connection to a backend, which has to show a certificate for `name`. `protocol` is what is said
    // there; empty: that was not agreed on.
    connection(SSL_CTX& context, int backend, const trust& known, const std::string& authorities,
               const std::string& name, std::string_view protocol);

    // listen_to has connections of `context` hear of alerts, and choose among the client's protocols.
    // hear_secrets: and of the secrets that the kernel's keys are made of.
    static void listen_to(SSL_CTX& context);
    static void hear_secrets(SSL_CTX& context);

    // demand: before the first step, that the client shows a certificate. `known` is needed for this call
    // only.
    void demand(const trust& known, const config::client_certificates& wanted) {
        known.demand(*ssl_, wanted);
    }

    // keep_notes, in front of the first step, has the handshake's keys kept for the kernel.
    void keep_notes();

    // shake is one step of the handshake, which reads a bounded number of bytes: there may be more, and the
    // next step takes them. Once it is done, no byte behind it was read. A backend that sends more than 32
    // HelloRequests, which OpenSSL skips, fails.
    [[nodiscard]] progress shake();

    // keys are what the kernel goes on with behind the handshake. nullopt: it cannot, because it does not
    // know the cipher, or because OpenSSL has bytes that came behind the handshake.
    [[nodiscard]] std::optional<kernel_keys> keys() const;

    // begin_to_stream: the socket is this process's for good, and read as is best.
    void begin_to_stream();

    // read and write are of plaintext; n: how much was done. A read that wants the socket to be readable,
    // which is not dry (below()), has met what is none: again, when it is its turn. One that wants it to be
    // writable has so many answers of OpenSSL's own unsent that none may be added. Whoever sends more records
    // without a word in them than with one, and 32 besides, fails: each may cost as much as ten others.
    [[nodiscard]] progress read(std::span<std::uint8_t> to, std::size_t& n);
    [[nodiscard]] progress write(std::span<const std::uint8_t> from, std::size_t& n);

    // flush sends what was written and had no room (below().unsent()): before the next write.
    [[nodiscard]] progress flush();

    // end says close_notify. Once that was sent, is_over() has nothing more sent.
    [[nodiscard]] progress end();
    void is_over() noexcept { wire_.mute(); }

    [[nodiscard]] std::string_view version() const;  // "TLSv1.3"
    [[nodiscard]] std::string_view cipher() const;   // "TLS_AES_128_GCM_SHA256"
    [[nodiscard]] std::string_view protocol() const; // by ALPN; empty: the client offers none
    [[nodiscard]] bool is_resumed() const;
    [[nodiscard]] std::optional<std::string> client_name() const { return common_name(*ssl_); }

    // Why it failed: the alert that was said or heard, and OpenSSL's reason.
    [[nodiscard]] std::string why() const;
    [[nodiscard]] bool has_no_protocol() const noexcept {
        return has_no_protocol_;
    } // none of ours was offered
    [[nodiscard]] const wire& below() const noexcept { return wire_; }

  private:
    [[nodiscard]] progress after(int result);
    static void on_info(const SSL* ssl, int where, int value);
    static void on_secret(const SSL* ssl, const char* line);
    static void on_message(int sent, int version, int type, const void* bytes, std::size_t size, SSL* ssl,
                           void* unused);
    void count_sent(int type, std::uint8_t first);
    static int on_alpn(SSL* ssl, const unsigned char** chosen, unsigned char* size,
                       const unsigned char* offered, unsigned offered_size, void* unused);

    const std::vector<std::string>& alpn_;
    wire wire_;
    ssl_ptr ssl_;
    std::unique_ptr<handshake_notes> notes_; // where the kernel may go on
    bool has_no_protocol_ = false;
    unsigned idle_records_ = 0;   // that came, more than those with a word in them
    unsigned hello_requests_ = 0; // that came
    struct alert {
        bool was_heard; // or said
        std::uint8_t description;
    };
    std::optional<alert> alert_; // the last fatal one
    std::string reason_;
};

// name_of is the name that a backend's certificate must have, whose address has `host` and whose client has
// asked for `asked`. Empty: nobody has said one.
[[nodiscard]] std::string name_of(const config::backend_encryption& how, std::string_view host,
                                  std::string_view asked);

// objection is what is wrong with a backend that has shaken hands. Empty: nothing.
[[nodiscard]] std::string objection(const connection& tls, std::string_view protocol);

} // namespace snipass::terminate
