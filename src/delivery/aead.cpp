// SPDX-License-Identifier: BSL-1.0
// The AEADs of HPKE.
#include "aead.hpp"

#include "snipass/handoff/ech_state.h"

#include <openssl/evp.h>

#include <memory>

namespace snipass::server {
namespace {

const EVP_CIPHER* cipher_of(std::uint16_t aead) {
    switch (aead) {
    case ech_state_aes_128_gcm:
        return EVP_aes_128_gcm();
    case ech_state_aes_256_gcm:
        return EVP_aes_256_gcm();
    case ech_state_chacha20_poly1305:
        return EVP_chacha20_poly1305();
    default:
        return nullptr;
    }
}

} // namespace

int open_aead(std::uint16_t aead, const unsigned char* key, const unsigned char* nonce,
              const unsigned char* aad, std::size_t aad_size, const unsigned char* in, std::size_t in_size,
              unsigned char* out) {
    const auto* const cipher = cipher_of(aead);
    const std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)> context{EVP_CIPHER_CTX_new(),
                                                                                  EVP_CIPHER_CTX_free};
    if (cipher == nullptr || !context || in_size < ech_state_tag_size)
        return 0;
    const auto size = in_size - ech_state_tag_size;
    auto* const tag = const_cast<unsigned char*>(in + size); // OpenSSL only reads it
    int n = 0;
    const bool is_opened =
        EVP_DecryptInit_ex(context.get(), cipher, nullptr, key, nonce) == 1 && // nonces of 12 bytes by itself
        EVP_DecryptUpdate(context.get(), nullptr, &n, aad, static_cast<int>(aad_size)) == 1 &&
        EVP_DecryptUpdate(context.get(), out, &n, in, static_cast<int>(size)) == 1 &&
        EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_SET_TAG, ech_state_tag_size, tag) == 1 &&
        EVP_DecryptFinal_ex(context.get(), out + size, &n) == 1;
    return is_opened ? 1 : 0;
}

} // namespace snipass::server
