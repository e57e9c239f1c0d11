// SPDX-License-Identifier: BSL-1.0
// What router and snipass-ech say to each other: there and back, and what is no message.
#include "snipass/ech/messages.hpp"

#include "catch.hpp"

#include <algorithm>

using namespace snipass;
using namespace snipass::ech;
using bytes = std::vector<std::uint8_t>;

namespace {

const bytes enc(32, 1), ciphertext(100, 2), aad(300, 3);

question asked() {
    return {7, 94, {kdf_hkdf_sha256, aead_chacha20_poly1305}, true, enc, ciphertext, aad};
}

bytes packet_of(const question& one) {
    const auto head = head_of(one);
    bytes packet(head.begin(), head.end());
    for (const auto part : {one.enc, one.ciphertext, one.aad})
        packet.insert(packet.end(), part.begin(), part.end());
    return packet;
}

bytes packet_of(const answer& one) {
    bytes packet;
    write(packet, one);
    return packet;
}

bytes packet_of(const std::vector<known_config>& all) {
    bytes packet;
    write(packet, all);
    return packet;
}

} // namespace

TEST_CASE("ech messages: a question there and back") {
    const auto packet = packet_of(asked());
    const auto read = parse_question(packet);
    REQUIRE(read);
    CHECK(read->number == 7);
    CHECK(read->config_id == 94);
    CHECK(read->suite == asked().suite);
    CHECK(read->wants_key);
    CHECK(std::ranges::equal(read->enc, enc));
    CHECK(std::ranges::equal(read->ciphertext, ciphertext));
    CHECK(std::ranges::equal(read->aad, aad));
    for (std::size_t size = 0; size < packet.size(); ++size)
        CHECK_FALSE(parse_question(byte_view{packet}.first(size)));
    auto longer = packet;
    longer.push_back(0);
    CHECK_FALSE(parse_question(longer));
    CHECK_FALSE(parse_answer(packet));
    CHECK_FALSE(parse_configs(packet));
}

TEST_CASE("ech messages: the largest question fits") {
    const bytes most(65'535, 1);
    const auto packet = packet_of(question{1, 1, {1, 1}, false, enc, most, most});
    CHECK(packet.size() <= largest_message);
    CHECK(parse_question(packet).has_value());
}

TEST_CASE("ech messages: an answer there and back") {
    const bytes key(16, 9), plaintext(200, 8);
    answer one{0xfffffffe, true, key, {1, 2, 3}, plaintext};
    const auto packet = packet_of(one);
    REQUIRE(is_answer(packet));
    const auto read = parse_answer(packet);
    REQUIRE(read);
    CHECK(read->number == 0xfffffffe);
    CHECK(read->is_open);
    CHECK(std::ranges::equal(read->key, key));
    CHECK(read->base_nonce == one.base_nonce);
    CHECK(std::ranges::equal(read->plaintext, plaintext));
    for (std::size_t size = 0; size < packet.size() - plaintext.size(); ++size)
        CHECK_FALSE(parse_answer(byte_view{packet}.first(size)));
    const bytes too_long(33, 1);
    CHECK_FALSE(parse_answer(packet_of(answer{1, true, too_long, {}, {}})));
    const auto none = packet_of(answer{1, false, {}, {}, {}});
    REQUIRE(parse_answer(none));
    CHECK_FALSE(parse_answer(none)->is_open);
}

TEST_CASE("ech messages: configs there and back") {
    const std::vector<known_config> all{{94, {{1, 1}, {1, 3}}, 12, 1'700'000'000, "public.example"},
                                        {0, {{1, 2}}, 0, 0, "other.example"}};
    const auto packet = packet_of(all);
    CHECK_FALSE(is_answer(packet));
    const auto read = parse_configs(packet);
    REQUIRE(read);
    REQUIRE(read->size() == 2);
    CHECK(read->at(0).id == 94);
    CHECK(read->at(0).suites == all[0].suites);
    CHECK(read->at(0).openings == 12);
    CHECK(read->at(0).written == 1'700'000'000);
    CHECK(read->at(1).public_name == "other.example");
    REQUIRE(parse_configs(packet_of(std::vector<known_config>{})));
    CHECK(parse_configs(packet_of(std::vector<known_config>{}))->empty());
    CHECK_FALSE(parse_configs(bytes{}));
    CHECK_FALSE(is_answer(bytes{}));
    std::size_t good = 0;
    for (std::size_t size = 0; size < packet.size(); ++size)
        good += parse_configs(byte_view{packet}.first(size)) ? 1 : 0;
    CHECK(good == 2); // with none of them, and with one
}
