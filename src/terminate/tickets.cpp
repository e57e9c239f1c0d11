// SPDX-License-Identifier: BSL-1.0
// What session tickets are sealed with.
#include "snipass/terminate/tickets.hpp"

#include "snipass/os/error.hpp"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include <algorithm>
#include <cerrno>
#include <stdexcept>

namespace snipass::terminate {
namespace {

constexpr std::size_t next = 0, now_used = 1, before = 2;

void fill(ticket_keys::key& one) {
    for (auto* const part : {one.name.data(), one.cipher.data(), one.mac.data()}) {
        const auto size = part == one.name.data() ? one.name.size() : one.cipher.size();
        if (RAND_bytes(part, static_cast<int>(size)) != 1)
            throw std::runtime_error{"no random bytes for ticket keys"};
    }
}

// A copy of a key that is cleansed behind its user.
struct used_key {
    ticket_keys::key value;
    ~used_key() { OPENSSL_cleanse(&value, sizeof value); }
};

bool use(ticket_keys::key& one, std::uint8_t* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac, int seals) {
    char digest[] = "SHA256";
    const OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, one.mac.data(), one.mac.size()),
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0), OSSL_PARAM_construct_end()};
    return EVP_CipherInit_ex2(cipher, EVP_aes_256_cbc(), one.cipher.data(), iv, seals, nullptr) == 1 &&
           EVP_MAC_CTX_set_params(mac, parameters) == 1;
}

// What OpenSSL asks for each ticket (SSL_CTX_set_tlsext_ticket_key_evp_cb(3)): 1 goes on, 0 does a full
// handshake, -1 fails.
int key_for(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac,
            int seals) {
    constexpr int iv_size = 16;
    auto& keys = *static_cast<ticket_keys*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
    if (seals == 1) {
        used_key one{keys.sealing()};
        std::ranges::copy(one.value.name, name);
        return RAND_bytes(iv, iv_size) == 1 && use(one.value, iv, cipher, mac, seals) ? 1 : -1;
    }
    const auto found = keys.opening(std::span<const std::uint8_t, 16>{name, 16});
    if (!found)
        return 0;
    used_key one{*found};
    return use(one.value, iv, cipher, mac, seals) ? 1 : -1;
}

} // namespace

ticket_keys::ticket_keys(clock::time_point now) {
    std::ranges::for_each(ring_.keys, fill);
    ring_.moved = now;
}

error_code ticket_keys::keep_in(ticket_file file, clock::time_point now) {
    const std::lock_guard lock{mutex_};
    file_ = std::move(file);
    const ticket_file::lock whole{file_};
    if (!whole)
        return os::make_error(EWOULDBLOCK);
    if (const auto found = file_.read(); found && found->moved <= now)
        ring_ = *found;
    rotate(now);
    return file_.write(ring_);
}

// move_on: another process may have done it (a restart; the one that ends still shakes hands).
void ticket_keys::move_on(clock::time_point now) {
    ring_.moved = std::min(ring_.moved, now); // the clock was set back
    if (now - ring_.moved < lifetime)
        return;
    const ticket_file::lock whole{file_};
    const auto found = whole ? file_.read() : std::nullopt;
    if (found && found->moved > ring_.moved && found->moved <= now)
        ring_ = *found;
    rotate(now);
    if (whole)
        (void)file_.write(ring_); // these keys are good as long as this process lives
}

void ticket_keys::rotate(clock::time_point now) {
    auto due = (now - ring_.moved) / lifetime;
    if (due <= 0)
        return;
    ring_.moved += due * lifetime;
    for (due = std::min<decltype(due)>(due, ring_.keys.size()); due > 0; --due) {
        ring_.keys[before] = ring_.keys[now_used];
        ring_.keys[now_used] = ring_.keys[next];
        fill(ring_.keys[next]);
    }
}

ticket_keys::key ticket_keys::sealing(clock::time_point now) {
    const std::lock_guard lock{mutex_};
    move_on(now);
    return ring_.keys[now_used];
}

std::optional<ticket_keys::key> ticket_keys::opening(std::span<const std::uint8_t, 16> name,
                                                     clock::time_point now) {
    const std::lock_guard lock{mutex_};
    move_on(now);
    const auto found =
        std::ranges::find_if(ring_.keys, [&](const key& one) { return std::ranges::equal(one.name, name); });
    return found == ring_.keys.end() ? std::nullopt : std::optional{*found};
}

void ticket_keys::serve(SSL_CTX& context) {
    SSL_CTX_set_app_data(&context, this);
    SSL_CTX_set_tlsext_ticket_key_evp_cb(&context, key_for);
}

} // namespace snipass::terminate
