// SPDX-License-Identifier: BSL-1.0
// HPKE's receiving end against RFC 9180's vectors, and against another implementation's messages.
#include "snipass/ech_keys/hpke.hpp"

#include "catch.hpp"

#include <algorithm>
#include <charconv>
#include <string_view>

using namespace snipass;
using namespace snipass::ech_keys;
using bytes = std::vector<std::uint8_t>;

namespace {

bytes hex(std::string_view text) {
    bytes made(text.size() / 2);
    for (std::size_t i = 0; i < made.size(); ++i)
        std::from_chars(text.data() + 2 * i, text.data() + 2 * i + 2, made[i], 16);
    return made;
}

// The recipient of RFC 9180 appendix A.1.1.
constexpr std::string_view private_part = "4612c550263fc8ad58375df3f557aac531d26850903e55a9f23f21d8534e8ac8";
constexpr std::string_view info = "4f6465206f6e2061204772656369616e2055726e";

receiver recipient() {
    const auto raw = hex(private_part);
    return {private_key{EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, nullptr, raw.data(), raw.size())},
            hex(info)};
}

std::optional<std::string> opened(const context& with, std::uint64_t sequence, std::string_view aad,
                                  byte_view ciphertext) {
    const auto plaintext = open(with, sequence, as_bytes(aad), ciphertext);
    if (!plaintext)
        return std::nullopt;
    return std::string{as_text(*plaintext)};
}

constexpr ech::cipher_suite suite_of(std::uint16_t aead) {
    return {ech::kdf_hkdf_sha256, aead};
}

} // namespace

TEST_CASE("hpke: the vector of RFC 9180 appendix A.1.1") {
    const auto one = recipient();
    const auto made = one.set_up(suite_of(ech::aead_aes_128_gcm),
                                 hex("37fda3567bdbd628e88668c3c8d7e97d1d1253b6d4ea6d44c150f741f1bf4431"));
    REQUIRE(made);
    CHECK(std::ranges::equal(made->key.view(), hex("4531685d41d65f03dc48f6b8302c05b0")));
    CHECK(std::ranges::equal(made->base_nonce, hex("56d890e5accaaf011cff4b7d")));
    CHECK(opened(*made, 0, "Count-0",
                 hex("f938558b5d72f1a23810b4be2ab4f84331acc02fc97babc53a52ae8218a355a96d8770ac83d07bea87e13c5"
                     "12a")) == "Beauty is truth, truth beauty");
    CHECK(opened(*made, 1, "Count-1",
                 hex("af2d7e9ac9ae7e270f46ba1f975be53c09f8d875bdc8535458c2494e8a6eab251c03d0c22a56b8ca42c2063"
                     "b84")) == "Beauty is truth, truth beauty");
}

// Go 1.26, crypto/hpke: NewSender to the same recipient, then Seal twice.
TEST_CASE("hpke: what Go has sealed is opened, with each AEAD, the first and the second message") {
    struct row {
        std::uint16_t aead;
        std::string_view enc, first, second;
    };
    constexpr row rows[] = {
        {1, "357ce368cfd1106e8364d9c4c9dc13a31bf3415648b835cb9d51b8c177397419",
         "3158d634f5f932ad6fd7425e2f6185da8659e5f91968ee2d176720e1d90fb9",
         "d6cc46eeff9b5b6069b3d4b496d9ffea1831f8432f8321dcc065761f"},
        {2, "b167028205490c34bc9ff8a1f6e3c237307022bb916c5cfdc0a655ddd3e2dc75",
         "c19845a34ba310735802262a769ec7cda30ecbb93d5c28ce2daf242acf6905",
         "e6d0bcc796d6d14173968d1ad4370d75577c73bd8d694a4a708d9788"},
        {3, "da5b5b782a245170a7def4c379f324cad814a7c32cc78942f0f9a452767c1316",
         "26a9accc48d6ac5535ded2ed1f85eb7933875dfdd2abb32c4c44e315f72829",
         "46cd1e085a84e284485ded4d2050ec205f7c41f13912b83154cd2f67"},
    };
    const auto one = recipient();
    for (const auto& [aead, enc, first, second] : rows) {
        const auto made = one.set_up(suite_of(aead), hex(enc));
        REQUIRE(made);
        CHECK(opened(*made, 0, "Count-0", hex(first)) == "Beauty is truth");
        CHECK(opened(*made, 1, "Count-1", hex(second)) == "truth beauty");
        CHECK_FALSE(opened(*made, 1, "Count-0", hex(first)));
        CHECK_FALSE(opened(*made, 0, "Count-1", hex(first)));
        for (std::size_t at = 0; at < hex(first).size(); ++at) {
            auto bent = hex(first);
            bent[at] ^= 1;
            CHECK_FALSE(opened(*made, 0, "Count-0", bent));
        }
        for (std::size_t size = 0; size < hex(first).size(); ++size)
            CHECK_FALSE(opened(*made, 0, "Count-0", byte_view{hex(first)}.first(size)));
    }
}

// Go 1.26 again: Seal of nothing.
TEST_CASE("hpke: nothing, sealed, is nothing opened") {
    struct row {
        std::uint16_t aead;
        std::string_view enc, sealed;
    };
    constexpr row rows[] = {
        {1, "9005399470b48c8c84f7b2f05f600e9621ac451ee96638f04ea33b725526ce41",
         "371ebdae51a1a49a0d6b33688cd1f90d"},
        {2, "10db83b5dd23d2ed313dc3b8c8effc677243e79e2ac38ffd49ca3ab67c545860",
         "5c5996b881831be454f000e199003d22"},
        {3, "ffb5bb8f38ba725096799d012ce86b95d54e51f7f558472f1dcdd97e20d46542",
         "57a3078ca928ff741d5e8a660a4fad5e"},
    };
    const auto one = recipient();
    for (const auto& [aead, enc, sealed] : rows) {
        const auto made = one.set_up(suite_of(aead), hex(enc));
        REQUIRE(made);
        CHECK(opened(*made, 0, "Count-0", hex(sealed)) == "");
        CHECK_FALSE(opened(*made, 0, "Count-1", hex(sealed)));
    }
}

TEST_CASE("hpke: what is no use is refused") {
    const auto one = recipient();
    const auto enc = hex("37fda3567bdbd628e88668c3c8d7e97d1d1253b6d4ea6d44c150f741f1bf4431");
    CHECK_FALSE(one.set_up({2, ech::aead_aes_128_gcm}, enc));
    CHECK_FALSE(one.set_up(suite_of(0), enc));
    CHECK_FALSE(one.set_up(suite_of(4), enc));
    CHECK_FALSE(one.set_up(suite_of(0xffff), enc));
    CHECK_FALSE(one.set_up(suite_of(1), byte_view{enc}.first(31)));
    CHECK_FALSE(one.set_up(suite_of(1), bytes{}));
    CHECK_FALSE(
        one.set_up(suite_of(1), bytes(32))); // of small order: the exchange is all zero (section 7.1.4)
}
