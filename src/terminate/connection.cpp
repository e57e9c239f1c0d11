// SPDX-License-Identifier: BSL-1.0
// One client's TLS.
#include "snipass/terminate/connection.hpp"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <new>

namespace snipass::terminate {
namespace {

using digest = std::array<std::uint8_t, 32>;

digest sha256(std::string_view text) {
    digest made{};
    if (EVP_Digest(text.data(), text.size(), made.data(), nullptr, EVP_sha256(), nullptr) != 1)
        throw std::bad_alloc{};
    return made;
}

// Records in a row without a word in them: as many as BoringSSL takes key updates, and OpenSSL empty records.
constexpr unsigned most_idle_records = 32;

// OpenSSL skips a HelloRequest that comes in a handshake (RFC 5246, section 7.4.1.1), however often.
constexpr unsigned most_hello_requests = 32;

// A record and what is around it: OpenSSL's answers come on top of no more than that.
constexpr std::size_t most_unsent = 17'408;

// What a step of a handshake looks at at once: more than most hellos.
constexpr std::size_t look_size = 4'096;

const std::vector<std::string> no_choice; // of protocols: a server has it

connection& of(const SSL* ssl) {
    return *static_cast<connection*>(SSL_get_app_data(ssl));
}

} // namespace

std::string take_reason() {
    const auto code = ERR_peek_error();
    const char* const text = code == 0 ? nullptr : ERR_reason_error_string(code);
    ERR_clear_error();
    return text == nullptr ? "" : text;
}

connection::connection(SSL_CTX& context, int client, const std::vector<std::string>& alpn,
                       std::string_view purpose)
    : alpn_(alpn), wire_(client), ssl_(SSL_new(&context)) {
    if (!ssl_)
        throw std::bad_alloc{};
    auto* const bio = wire_.bio();
    SSL_set_bio(ssl_.get(), bio, bio);
    const auto bound_to = sha256(purpose);
    if (SSL_set_app_data(ssl_.get(), this) != 1 ||
        SSL_set_session_id_context(ssl_.get(), bound_to.data(), bound_to.size()) != 1)
        throw std::bad_alloc{};
    SSL_set_accept_state(ssl_.get());
}

connection::connection(SSL_CTX& context, int backend, const trust& known, const std::string& authorities,
                       const std::string& name, std::string_view protocol)
    : alpn_(no_choice), wire_(backend), ssl_(SSL_new(&context)) {
    if (!ssl_)
        throw std::bad_alloc{};
    auto* const bio = wire_.bio();
    SSL_set_bio(ssl_.get(), bio, bio);
    known.insist(*ssl_, authorities, name);
    std::string offer;
    if (!protocol.empty())
        offer = static_cast<char>(protocol.size()) + std::string{protocol};
    const auto* const bytes = reinterpret_cast<const unsigned char*>(offer.data());
    if (SSL_set_app_data(ssl_.get(), this) != 1 ||
        SSL_set_alpn_protos(ssl_.get(), bytes, static_cast<unsigned>(offer.size())) != 0)
        throw std::bad_alloc{};
    SSL_set_msg_callback(ssl_.get(), on_message);
    SSL_set_connect_state(ssl_.get());
}

void connection::listen_to(SSL_CTX& context) {
    SSL_CTX_set_info_callback(&context, on_info);
    SSL_CTX_set_alpn_select_cb(&context, on_alpn, nullptr);
}

void connection::hear_secrets(SSL_CTX& context) {
    SSL_CTX_set_keylog_callback(&context, on_secret);
}

void connection::keep_notes() {
    notes_ = std::make_unique<handshake_notes>();
    SSL_set_msg_callback(ssl_.get(), on_message);
}

// on_secret is given a line of the form "LABEL client-random secret" (SSL_CTX_set_keylog_callback(3)).
void connection::on_secret(const SSL* ssl, const char* line) {
    auto* const notes = of(ssl).notes_.get();
    if (notes == nullptr)
        return;
    const std::string_view text{line};
    const auto is = [&](std::string_view label) {
        return text.starts_with(label) && text[label.size()] == ' ';
    };
    auto* const to = is("CLIENT_TRAFFIC_SECRET_0")   ? &notes->client_traffic
                     : is("SERVER_TRAFFIC_SECRET_0") ? &notes->server_traffic
                                                     : nullptr;
    if (to == nullptr)
        return;
    *to = {};
    for (auto at = text.rfind(' ') + 1; at + 1 < text.size(); at += 2) {
        const auto byte =
            static_cast<std::uint8_t>(OPENSSL_hexchar2int(static_cast<unsigned char>(text[at])) << 4 |
                                      OPENSSL_hexchar2int(static_cast<unsigned char>(text[at + 1])));
        to->append({&byte, 1});
    }
}

void connection::on_message(int sent, int /*version*/, int type, const void* bytes, std::size_t size,
                            SSL* ssl, void* /*unused*/) {
    auto& one = of(ssl);
    if (sent == 0 && type == SSL3_RT_HEADER)
        ++one.idle_records_;
    if (sent == 0 && type == SSL3_RT_HANDSHAKE && size > 0 &&
        *static_cast<const std::uint8_t*>(bytes) == SSL3_MT_HELLO_REQUEST)
        ++one.hello_requests_;
    if (sent == 1 && size > 0 && one.notes_)
        one.count_sent(type, *static_cast<const std::uint8_t*>(bytes));
}

// count_sent counts the records that are sent under the last keys: those behind our Finished (TLS 1.3), or
// behind our ChangeCipherSpec (TLS 1.2).
void connection::count_sent(int type, std::uint8_t first) {
    const bool is_record = type == SSL3_RT_HEADER;
    if (is_record && notes_->uses_last_keys)
        ++notes_->records_sent;
    const bool is_1_3 = SSL_version(ssl_.get()) == TLS1_3_VERSION;
    const bool is_last = is_1_3 ? type == SSL3_RT_HANDSHAKE && first == SSL3_MT_FINISHED
                                : is_record && first == SSL3_RT_CHANGE_CIPHER_SPEC;
    notes_->uses_last_keys = notes_->uses_last_keys || is_last;
}

std::optional<kernel_keys> connection::keys() const {
    if (!notes_ || !wire_.is_at_boundary() || wire_.refused() > 0 || SSL_has_pending(ssl_.get()) == 1)
        return std::nullopt;
    notes_->nonce = wire_.last_nonce();
    return derive_keys(*ssl_, *notes_);
}

void connection::on_info(const SSL* ssl, int where, int value) {
    constexpr int fatal = 2;
    if ((where & SSL_CB_ALERT) == 0 || value >> 8 != fatal)
        return;
    of(ssl).alert_ = alert{(where & SSL_CB_READ) != 0, static_cast<std::uint8_t>(value)};
}

// on_alpn: ours come first, in our order (RFC 7301, section 3.2).
int connection::on_alpn(SSL* ssl, const unsigned char** chosen, unsigned char* size,
                        const unsigned char* offered, unsigned offered_size, void* /*unused*/) {
    auto& one = of(ssl);
    for (const auto& mine : one.alpn_)
        for (unsigned at = 0; at < offered_size; at += offered[at] + 1U)
            if (std::ranges::equal(
                    mine, std::span{offered + at + 1, offered[at]},
                    [](char a, unsigned char b) { return static_cast<unsigned char>(a) == b; })) {
                *chosen = offered + at + 1;
                *size = offered[at];
                return SSL_TLSEXT_ERR_OK;
            }
    one.has_no_protocol_ = true;
    return SSL_TLSEXT_ERR_ALERT_FATAL;
}

progress connection::after(int result) {
    if (result > 0)
        return progress::done;
    switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_READ:
        return progress::wants_readable;
    case SSL_ERROR_WANT_WRITE:
        return progress::wants_writable;
    case SSL_ERROR_ZERO_RETURN:
        return progress::ended;
    default:
        reason_ = take_reason();
        return progress::failed;
    }
}

progress connection::shake() {
    ERR_clear_error();
    std::array<std::uint8_t, look_size> room;
    wire_.begin_step(room);
    const auto how = after(SSL_do_handshake(ssl_.get()));
    wire_.end_step();
    if (hello_requests_ > most_hello_requests) {
        reason_ = "too many HelloRequests";
        return progress::failed;
    }
    if (how == progress::done)
        wire_.stop();
    return how == progress::ended ? progress::failed : how;
}

void connection::begin_to_stream() {
    wire_.stream();
    SSL_set_read_ahead(ssl_.get(), 1);
    SSL_clear_mode(ssl_.get(), SSL_MODE_AUTO_RETRY);
    idle_records_ = 0;
    SSL_set_msg_callback(ssl_.get(), on_message);
}

progress connection::read(std::span<std::uint8_t> to, std::size_t& n) {
    n = 0;
    if (wire_.unsent() > most_unsent)
        return progress::wants_writable;
    ERR_clear_error();
    wire_.may_read();
    const auto how = after(SSL_read_ex(ssl_.get(), to.data(), to.size(), &n));
    if (how == progress::done)
        idle_records_ -= std::min(idle_records_, 2U); // its own, and one that it pays for
    if (idle_records_ <= most_idle_records)
        return how;
    reason_ = "too many records without a word in them";
    return progress::failed;
}

progress connection::write(std::span<const std::uint8_t> from, std::size_t& n) {
    ERR_clear_error();
    n = 0;
    return after(SSL_write_ex(ssl_.get(), from.data(), from.size(), &n));
}

progress connection::flush() {
    wire_.flush();
    if (wire_.problem())
        return progress::failed;
    return wire_.unsent() > 0 ? progress::wants_writable : progress::done;
}

progress connection::end() {
    ERR_clear_error();
    const int result = SSL_shutdown(ssl_.get());
    return result >= 0 ? progress::done : after(result); // 0: said, and the client's has not come yet
}

std::string_view connection::version() const {
    return SSL_get_version(ssl_.get());
}

std::string_view connection::cipher() const {
    return SSL_get_cipher_name(ssl_.get());
}

std::string_view connection::protocol() const {
    const unsigned char* name = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(ssl_.get(), &name, &size);
    return {reinterpret_cast<const char*>(name), size};
}

bool connection::is_resumed() const {
    return SSL_session_reused(ssl_.get()) == 1;
}

std::string connection::why() const {
    const std::string other = SSL_is_server(ssl_.get()) == 1 ? "the client" : "the backend";
    std::string text;
    if (alert_) {
        text = alert_->was_heard ? other + "'s alert: " : "our alert: ";
        text += SSL_alert_desc_string_long(alert_->description);
    }
    const auto add = [&text](std::string_view more) {
        if (!more.empty())
            text += (text.empty() ? "" : "; ") + std::string(more);
    };
    if (wire_.problem())
        add(wire_.problem().message());
    else if (wire_.has_ended())
        add(other + " left in the middle of it");
    add(reason_);
    return text;
}

} // namespace snipass::terminate
