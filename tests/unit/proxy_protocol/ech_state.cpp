// SPDX-License-Identifier: BSL-1.0
// TLV E0: what is written is what receivers read.
#include "snipass/proxy_protocol/ech_state.hpp"

#include "catch.hpp"
#include "ech_sealing.hpp"
#include "snipass/handoff/header.h"
#include "snipass/proxy_protocol/write.hpp"

using namespace snipass;
using namespace snipass::testing;

namespace {

void fill(proxy_protocol::ech_state& state, std::size_t inner_size = 0) {
    auto hello = inner_hello();
    state.config_id = ech_config_id;
    state.kdf = 1;
    state.aead = ech_state_aes_128_gcm;
    state.outer_size = 70'000;
    state.key = ech_key;
    state.nonce = ech_base_nonce;
    state.inner = (inner_size == 0 ? hello : hello.message_size(inner_size)).message();
}

proxy_protocol::written header() {
    proxy_protocol::facts facts;
    facts.source = {*ip_address::parse("192.0.2.7"), 50'000};
    facts.destination = {*ip_address::parse("198.51.100.1"), 443};
    facts.authority = "secret.example";
    return write_v2(facts);
}

} // namespace

TEST_CASE("ech_state: the value is as docs/handoff.md has it") {
    proxy_protocol::ech_state state;
    fill(state);
    CHECK(ech_value(state) == ech_state_value(state.inner, state.outer_size));
}

TEST_CASE("ech_state: a receiver finds it in the header, beside the others") {
    proxy_protocol::ech_state state;
    fill(state);
    const auto whole = with_ech(header(), state);
    handoff_metadata metadata;
    REQUIRE(handoff_parse_header(whole.data(), whole.size(), &metadata) == handoff_sound);
    CHECK(std::string{metadata.host_name} == "secret.example");
    REQUIRE(metadata.ech != nullptr);
    CHECK(bytes(metadata.ech, metadata.ech + metadata.ech_size) == ech_value(state));
}

TEST_CASE("ech_state: a header of 16 KiB is the largest") {
    proxy_protocol::ech_state state;
    fill(state);
    const auto fixed = with_ech(header(), state).size() - state.inner.size();
    fill(state, proxy_protocol::largest_ech_header - fixed);
    CHECK(with_ech(header(), state).size() == proxy_protocol::largest_ech_header);
    fill(state, proxy_protocol::largest_ech_header - fixed + 1);
    CHECK(with_ech(header(), state).empty());
}
