// SPDX-License-Identifier: BSL-1.0
// Encrypted ClientHello as bytes: what is found, what is authenticated, what is rebuilt, and each refusal.
#include "snipass/handoff/ech_hello.h"

#include "catch.hpp"
#include "catch_result.hpp"
#include "hello_builder.hpp"
#include "snipass/tls/client_hello.hpp"
#include "snipass/tls/constants.hpp"

#include <algorithm>
#include <functional>
#include <string>

using namespace snipass;
using namespace snipass::testing;
namespace ext = snipass::tls::extension;

namespace {

constexpr std::uint16_t references = 0xfd00;

byte_writer ech_body(std::size_t enc_size, std::size_t payload_size) {
    byte_writer body;
    body.u8(0).u16(1).u16(3).u8(0x5e);
    body.prefixed_u16([&](byte_writer& out) { out.repeat(enc_size, 0xee); });
    body.prefixed_u16([&](byte_writer& out) { out.repeat(payload_size, 0xaa); });
    return body;
}

hello_builder outer_hello() {
    auto hello = hello_builder::tls13();
    return hello.server_name("public.example").replace(ext::encrypted_client_hello, ech_body(32, 200));
}

hello_builder inner_hello() {
    auto hello = hello_builder::tls13();
    return hello.session_id(0)
        .supported_versions({0x0304})
        .server_name("secret.example")
        .extension(ext::encrypted_client_hello, bytes{1});
}

// encoded is EncodedClientHelloInner: no handshake header, and padding.
bytes encoded(const hello_builder& inner, std::size_t padding = 0) {
    auto message = inner.message();
    message.erase(message.begin(), message.begin() + ech_hello_header_size);
    message.insert(message.end(), padding, 0);
    return message;
}

byte_writer referring_to(const std::vector<std::uint16_t>& types) {
    byte_writer body;
    body.prefixed_u8([&](byte_writer& out) { out.u16s(types); });
    return body;
}

struct rebuilding {
    ech_hello_status status;
    bytes inner;
};

rebuilding rebuild(const bytes& outer, const bytes& encoded, std::size_t room = ech_hello_max) {
    bytes inner(room);
    std::size_t size = 0;
    const auto status = ech_hello_rebuild(outer.data(), outer.size(), encoded.data(), encoded.size(),
                                          inner.data(), inner.size(), &size);
    inner.resize(size);
    return {status, inner};
}

rebuilding rebuild(const hello_builder& outer, const hello_builder& inner) {
    return rebuild(outer.message(), encoded(inner));
}

std::vector<std::uint16_t> types_of(const tls::client_hello& hello) {
    std::vector<std::uint16_t> types;
    for (std::size_t at = 0; at < hello.extensions.size();) {
        const auto number = [&](std::size_t i) {
            return static_cast<std::uint16_t>(hello.extensions[i] << 8 | hello.extensions[i + 1]);
        };
        types.push_back(number(at));
        at += 4U + number(at + 2);
    }
    return types;
}

} // namespace

TEST_CASE("ech_hello: the extension is found where it is") {
    ech_hello_outer outer{};
    const auto found = [&](const bytes& message) {
        return ech_hello_find(message.data(), message.size(), &outer);
    };
    CHECK(found(hello_builder::tls13().message()) == ech_hello_none);
    CHECK(found(hello_builder::bare().message()) == ech_hello_none);
    CHECK(found(inner_hello().message()) == ech_hello_is_inner);
    const auto message = outer_hello().message();
    REQUIRE(found(message) == ech_hello_is_outer);
    CHECK(outer.kdf == 1);
    CHECK(outer.aead == 3);
    CHECK(outer.config_id == 0x5e);
    const auto is_filled = [&](const ech_hello_range& range, std::size_t size, std::uint8_t with) {
        const auto* first = message.data() + range.at;
        return range.size == size &&
               std::all_of(first, first + size, [=](auto byte) { return byte == with; });
    };
    CHECK(is_filled(outer.enc, 32, 0xee));
    CHECK(is_filled(outer.payload, 200, 0xaa));
}

TEST_CASE("ech_hello: a second hello has no enc") { // section 6.1.5
    ech_hello_outer outer{};
    auto hello = outer_hello();
    const auto message = hello.replace(ext::encrypted_client_hello, ech_body(0, 1)).message();
    REQUIRE(ech_hello_find(message.data(), message.size(), &outer) == ech_hello_is_outer);
    CHECK(outer.enc.size == 0);
    CHECK(outer.payload.size == 1);
}

TEST_CASE("ech_hello: what is cut, or lies about a length, is malformed and nothing outside of it is read") {
    const auto whole = outer_hello().written();
    ech_hello_outer outer{};
    for (std::size_t size = 0; size < whole.data().size(); ++size) {
        const bytes cut(whole.data().begin(), whole.data().begin() + static_cast<std::ptrdiff_t>(size));
        CHECK(ech_hello_find(cut.data(), cut.size(), &outer) == ech_hello_malformed);
    }
    for (const auto at : whole.length_bytes()) {
        auto bent = whole.data();
        bent[at] ^= 0xff;
        const auto kind = ech_hello_find(bent.data(), bent.size(), &outer);
        CHECK((kind == ech_hello_malformed || !tls::parse_client_hello(bent)));
    }
    auto longer = whole.data();
    longer.push_back(0);
    CHECK(ech_hello_find(longer.data(), longer.size(), &outer) == ech_hello_malformed);
}

TEST_CASE("ech_hello: the extension's own refusals") { // section 5
    ech_hello_outer outer{};
    const auto found = [&](const bytes& body) {
        const auto message = hello_builder::tls13().extension(ext::encrypted_client_hello, body).message();
        return ech_hello_find(message.data(), message.size(), &outer);
    };
    CHECK(found({}) == ech_hello_malformed);
    CHECK(found({2}) == ech_hello_malformed);
    CHECK(found({1, 0}) == ech_hello_malformed);
    CHECK(found(ech_body(32, 0).data()) == ech_hello_malformed); // payload<1..2^16-1>
    auto behind = ech_body(32, 10).data();
    behind.push_back(0);
    CHECK(found(behind) == ech_hello_malformed);
    auto twice = outer_hello();
    const auto message = twice.extension(ext::encrypted_client_hello, bytes{1}).message();
    CHECK(ech_hello_find(message.data(), message.size(), &outer) == ech_hello_malformed);
}

TEST_CASE("ech_hello: what is authenticated is the hello with zeros for the payload") { // section 5.2
    const auto message = outer_hello().message();
    ech_hello_outer outer{};
    REQUIRE(ech_hello_find(message.data(), message.size(), &outer) == ech_hello_is_outer);
    bytes aad(message.size() - ech_hello_header_size);
    ech_hello_write_aad(message.data(), message.size(), &outer, aad.data());
    auto hello = outer_hello();
    auto body = ech_body(32, 0).data();
    body.resize(body.size() - 2);
    body.insert(body.end(), {0, 200});
    body.insert(body.end(), 200, 0);
    byte_writer written;
    const auto zeroed = hello.replace(ext::encrypted_client_hello, written.raw(body)).message();
    CHECK(aad == bytes(zeroed.begin() + ech_hello_header_size, zeroed.end()));
}

TEST_CASE("ech_hello: rebuilt is the inner hello with the outer one's session ID") {
    for (const std::size_t padding : {0U, 1U, 31U, 1000U}) {
        const auto made = rebuild(outer_hello().message(), encoded(inner_hello(), padding));
        REQUIRE(made.status == ech_hello_rebuilt);
        CHECK(made.inner == inner_hello().session_id(32).message());
        const auto hello = tls::parse_client_hello(made.inner);
        REQUIRE(hello);
        CHECK(hello->server_name == "secret.example");
        CHECK(hello->ech == tls::ech_kind::inner);
    }
    auto without_id = outer_hello();
    CHECK(rebuild(without_id.session_id(0), inner_hello()).inner == inner_hello().message());
}

TEST_CASE("ech_hello: references are replaced where they stand, in the outer hello's order") {
    auto inner = inner_hello();
    inner.without(ext::supported_groups).without(ext::key_share).without(ext::signature_algorithms);
    inner.extension(references,
                    referring_to({ext::supported_groups, ext::signature_algorithms, ext::key_share}));
    inner.extension(0x7777, bytes{1, 2, 3});
    auto outer = outer_hello();
    const auto made = rebuild(outer, inner);
    REQUIRE(made.status == ech_hello_rebuilt);
    const auto hello = tls::parse_client_hello(made.inner);
    REQUIRE(hello);
    const auto types = types_of(*hello);
    const std::vector<std::uint16_t> last{types.end() - 4, types.end()};
    CHECK(last == std::vector<std::uint16_t>{ext::supported_groups, ext::signature_algorithms, ext::key_share,
                                             0x7777});
    const auto outer_message = outer.message();
    const auto of_outer = tls::parse_client_hello(outer_message);
    REQUIRE(of_outer);
    CHECK(std::ranges::equal(hello->key_shares, of_outer->key_shares));
}

TEST_CASE("ech_hello: each refusal") {
    const auto refers = [](const std::vector<std::uint16_t>& types) {
        return inner_hello().extension(references, referring_to(types));
    };
    const auto status = [](const hello_builder& inner) { return rebuild(outer_hello(), inner).status; };

    CHECK(status(inner_hello().session_id(1)) == ech_hello_has_session_id);
    CHECK(status(inner_hello().no_extensions()) == ech_hello_truncated);
    CHECK(status(inner_hello().without(ext::encrypted_client_hello)) == ech_hello_not_inner);
    CHECK(status(inner_hello().without(ext::encrypted_client_hello).ech_outer()) == ech_hello_not_inner);
    CHECK(status(inner_hello().extension(ext::encrypted_client_hello, bytes{1})) == ech_hello_not_inner);

    CHECK(status(inner_hello().supported_versions({0x0304, 0x0303})) == ech_hello_old_version);
    CHECK(status(inner_hello().supported_versions({0x0303})) == ech_hello_old_version);
    CHECK(status(inner_hello().without(ext::supported_versions)) == ech_hello_old_version);
    CHECK(status(inner_hello().supported_versions({0x1a1a, 0x0304})) == ech_hello_rebuilt);

    CHECK(status(refers({})) == ech_hello_references_list);
    CHECK(status(inner_hello().extension(references, bytes{})) == ech_hello_references_list);
    CHECK(status(inner_hello().extension(references, bytes{3, 0, 10, 0})) == ech_hello_references_list);
    CHECK(status(inner_hello().extension(references, bytes{2, 0, 10, 0})) == ech_hello_references_list);
    CHECK(status(inner_hello().extension(references, bytes{4, 0, 10})) == ech_hello_references_list);
    CHECK(status(refers({ext::supported_groups}).extension(references, referring_to({ext::key_share}))) ==
          ech_hello_references_twice);
    CHECK(status(refers({ext::encrypted_client_hello})) == ech_hello_references_ech);
    CHECK(status(refers({references})) == ech_hello_references_ech);
    CHECK(status(refers({0x7777})) == ech_hello_reference_missing);
    CHECK(status(refers({ext::supported_groups, ext::supported_groups})) == ech_hello_reference_missing);
    CHECK(status(refers({ext::key_share, ext::supported_groups})) == ech_hello_reference_missing);

    CHECK(rebuild(outer_hello().extension(references, referring_to({10})), inner_hello()).status ==
          ech_hello_outer_has_references);
    CHECK(rebuild(bytes{1, 0, 0, 0}, encoded(inner_hello())).status == ech_hello_outer_malformed);
    CHECK(rebuild(bytes{}, encoded(inner_hello())).status == ech_hello_outer_malformed);
}

TEST_CASE("ech_hello: the encoded hello cut at each byte") {
    const auto whole = encoded(inner_hello());
    for (std::size_t size = 0; size < whole.size(); ++size) {
        const bytes cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
        CHECK(rebuild(outer_hello().message(), cut).status == ech_hello_truncated);
    }
}

TEST_CASE("ech_hello: padding that is not zero, at each byte") {
    for (std::size_t at = 0; at < 40; ++at) {
        auto padded = encoded(inner_hello(), 40);
        padded[padded.size() - 1 - at] = 1;
        CHECK(rebuild(outer_hello().message(), padded).status == ech_hello_padding_not_zero);
    }
}

TEST_CASE("ech_hello: what has no room is refused, at the limit and one byte over it") {
    const auto size = rebuild(outer_hello(), inner_hello()).inner.size();
    CHECK(rebuild(outer_hello().message(), encoded(inner_hello()), size).status == ech_hello_rebuilt);
    for (std::size_t room = 0; room < size; ++room)
        CHECK(rebuild(outer_hello().message(), encoded(inner_hello()), room).status == ech_hello_too_large);

    // Each half fits into 64 KiB, and both together do not.
    const auto with = [](std::size_t largest) {
        auto inner = inner_hello();
        return rebuild(
            outer_hello().extension(0x7777, bytes(30'000)),
            inner.extension(references, referring_to({0x7777})).session_id(0).message_size(largest));
    };
    const auto base = with(31'000).inner.size() - 31'000;
    CHECK(with(ech_hello_max - base).status == ech_hello_rebuilt);
    CHECK(with(ech_hello_max - base).inner.size() == ech_hello_max);
    CHECK(with(ech_hello_max - base + 1).status == ech_hello_too_large);
}

TEST_CASE("ech_hello: each status has its sentence") {
    for (int status = ech_hello_rebuilt; status <= ech_hello_too_large; ++status)
        CHECK(ech_hello_status_text(static_cast<ech_hello_status>(status)) !=
              std::string{"an unknown status"});
}
