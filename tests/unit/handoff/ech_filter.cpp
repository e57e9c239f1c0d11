// SPDX-License-Identifier: BSL-1.0
// The filter under a TLS library: what the library reads, however the bytes come, and each refusal.
#include "snipass/handoff/ech_filter.h"

#include "catch.hpp"
#include "ech_sealing.hpp"

#include <functional>
#include <string>

using namespace snipass;
using namespace snipass::testing;

namespace {

const bytes change_cipher_spec{20, 3, 3, 0, 1, 1};
const bytes encrypted = record(bytes(60, 0xcc), 23, 0x0303);

// session is one connection: the first inner hello, and what lies in the socket.
struct session {
    bytes inner = inner_hello().message();
    bytes outer = hello_builder::tls13().server_name("public.example").ech_outer(300).stream(100);
    bytes answer = server_hello(true);
    bytes behind;

    [[nodiscard]] bytes value() const { return ech_state_value(inner, outer.size()); }
    [[nodiscard]] bytes first() const { return record(inner, 22, 0x0303); }
};

ech_offer second_offer(const std::string& name = "secret.example", std::size_t padding = 20) {
    ech_offer offer;
    offer.outer.session_id(32).server_name("public.example");
    offer.encoded = encoded_inner(inner_hello(name), padding);
    return offer;
}

// second_inner is what the offer is rebuilt to.
bytes second_inner() {
    return inner_hello().session_id(32).message();
}

struct reading {
    ech_filter_status status;
    bytes read; // by the library
    bool is_over;
    bool has_key;
};

// read gives the filter at most chunk() bytes at a time. The server answers when it has read the first hello.
reading read(const session& of, const std::function<std::size_t()>& chunk) {
    ech_filter filter;
    const auto value = of.value();
    reading made{ech_filter_begin(&filter, value.data(), value.size(), toy_open), {}, false, false};
    const auto input = joined({of.outer, of.behind});
    bool is_answered = false;
    for (std::size_t at = 0;;) {
        std::array<unsigned char, 100> room{};
        while (const auto n = ech_filter_take(&filter, room.data(), std::min(chunk(), room.size())))
            made.read.insert(made.read.end(), room.begin(), room.begin() + static_cast<std::ptrdiff_t>(n));
        if (!is_answered && made.read.size() >= of.first().size()) {
            for (const auto byte : of.answer)
                ech_filter_show(&filter, &byte, 1);
            is_answered = true;
            continue;
        }
        auto n = ech_filter_wants(&filter);
        if (ech_filter_is_over(&filter))
            n = input.size() - at; // what the library reads by itself
        n = std::min({n, input.size() - at, chunk()});
        if (n == 0)
            break;
        if (ech_filter_is_over(&filter))
            made.read.insert(made.read.end(), input.begin() + static_cast<std::ptrdiff_t>(at),
                             input.begin() + static_cast<std::ptrdiff_t>(at + n));
        else
            ech_filter_give(&filter, input.data() + at, n);
        at += n;
    }
    made.status = filter.status;
    made.is_over = ech_filter_is_over(&filter);
    made.has_key = filter.has_key;
    ech_filter_end(&filter);
    return made;
}

reading read_whole(const session& of) {
    return read(of, [] { return std::size_t{100'000}; });
}

// check: whole, a byte at a time, and cut once at each offset, it is the same.
void check(const session& of, ech_filter_status status, const bytes& expected) {
    const auto is_as_expected = [&](const reading& made) {
        CHECK(made.status == status);
        CHECK(made.read == expected);
        CHECK_FALSE(made.has_key);
    };
    is_as_expected(read_whole(of));
    is_as_expected(read(of, [] { return std::size_t{1}; }));
    for (std::size_t cut = 1; cut < of.outer.size() + of.behind.size(); ++cut) {
        std::size_t calls = 0;
        is_as_expected(read(of, [&] { return calls++ == 0 ? cut : cut % 7 + 1; }));
    }
}

session with_second(const bytes& message, const std::function<void(session&)>& change = {}) {
    session one;
    one.behind = joined({change_cipher_spec, record(message, 22, 0x0303), encrypted});
    if (change)
        change(one);
    return one;
}

bytes only_change_cipher_spec(const session& one) {
    return joined({one.first(), change_cipher_spec});
}

} // namespace

TEST_CASE("ech_filter: the inner hello takes the place of the outer one") {
    session one;
    one.answer = server_hello(false);
    one.behind = joined({change_cipher_spec, encrypted, encrypted});
    check(one, ech_filter_fine, joined({one.first(), one.behind}));
}

TEST_CASE("ech_filter: the hello behind a HelloRetryRequest is opened, and handed on as a record 0303") {
    const auto one = with_second(second_offer().message());
    check(one, ech_filter_fine,
          joined({one.first(), change_cipher_spec, record(second_inner(), 22, 0x0303), encrypted}));
}

TEST_CASE("ech_filter: a second hello may come in several records") {
    const auto message = second_offer().message();
    for (const std::size_t fragment : {1, 3, 4, 5, 100}) {
        session one;
        one.behind = joined({in_records(message, fragment), change_cipher_spec, encrypted});
        const auto made = read_whole(one);
        CHECK(made.status == ech_filter_fine);
        CHECK(made.read ==
              joined({one.first(), record(second_inner(), 22, 0x0303), change_cipher_spec, encrypted}));
    }
}

TEST_CASE("ech_filter: inner hellos larger than a record are handed on in two") {
    session one;
    one.inner = inner_hello().message_size(20'000).message();
    auto offer = second_offer();
    offer.encoded = encoded_inner(inner_hello().message_size(30'000));
    one.behind = in_records(offer.message());
    const auto second = inner_hello().message_size(30'000).session_id(32).message();
    auto expected = in_records(one.inner);
    auto behind = in_records(second);
    for (auto* const records : {&expected, &behind})
        for (std::size_t at = 0; at < records->size();
             at += 5U + (*records)[at + 3] * 256U + (*records)[at + 4])
            (*records)[at + 2] = 3;
    const auto made = read_whole(one);
    CHECK(made.status == ech_filter_fine);
    CHECK(made.read.size() == expected.size() + behind.size());
    CHECK(made.read == joined({expected, behind}));
}

TEST_CASE("ech_filter: early data go through before the server has answered, and before a second hello") {
    session one;
    one.inner = inner_hello().extension(42, bytes{}).message();
    one.behind = joined(
        {change_cipher_spec, encrypted, encrypted, record(second_offer().message(), 22, 0x0303), encrypted});
    check(one, ech_filter_fine,
          joined({one.first(), change_cipher_spec, encrypted, encrypted, record(second_inner(), 22, 0x0303),
                  encrypted}));
}

TEST_CASE("ech_filter: without early data the key is gone at the first encrypted record") {
    auto one = with_second(second_offer().message());
    one.behind = joined({encrypted, one.behind});
    check(one, ech_filter_fine, joined({one.first(), one.behind}));
}

TEST_CASE("ech_filter: the key is wiped as soon as the server wants no second hello") {
    session one;
    const auto value = one.value();
    ech_filter filter;
    REQUIRE(ech_filter_begin(&filter, value.data(), value.size(), toy_open) == ech_filter_fine);
    ech_filter_give(&filter, one.outer.data(), one.outer.size());
    const auto is_key_there = [&] {
        const std::string bytes(reinterpret_cast<const char*>(&filter), sizeof filter);
        return bytes.find(std::string(ech_key.begin(), ech_key.end())) != std::string::npos;
    };
    CHECK(is_key_there());
    const auto answer = server_hello(false);
    ech_filter_show(&filter, answer.data(), answer.size());
    CHECK_FALSE(is_key_there());
    CHECK(ech_filter_ready(&filter) == one.first().size());
    ech_filter_end(&filter);
    ech_filter_end(&filter);
}

TEST_CASE("ech_filter: nothing is read ahead of what is over") {
    const auto one = with_second(second_offer().message());
    const auto value = one.value();
    ech_filter filter;
    REQUIRE(ech_filter_begin(&filter, value.data(), value.size(), toy_open) == ech_filter_fine);
    const auto input = joined({one.outer, one.behind});
    ech_filter_show(&filter, one.answer.data(), one.answer.size());
    std::size_t at = 0;
    bytes room(70'000);
    while (!ech_filter_is_over(&filter)) {
        const auto n = ech_filter_wants(&filter);
        ech_filter_give(&filter, input.data() + at, n);
        at += n;
        while (ech_filter_take(&filter, room.data(), room.size()) > 0) {
        }
    }
    CHECK(at == input.size() - encrypted.size());
    ech_filter_end(&filter);
}

TEST_CASE("ech_filter: a second hello that is cut is waited for at each byte") {
    const auto whole = with_second(second_offer().message());
    const auto end = whole.behind.size() - encrypted.size();
    for (std::size_t size = change_cipher_spec.size(); size < end; ++size) {
        auto one = whole;
        one.behind.resize(size);
        const auto made = read_whole(one);
        CHECK(made.status == ech_filter_fine);
        CHECK(made.read == only_change_cipher_spec(one));
        CHECK(made.has_key);
    }
}

TEST_CASE("ech_filter: each fault of a second hello has its name, and its alert") {
    const auto good = second_offer();
    const auto changed = [&](const std::function<void(ech_offer&)>& change) {
        auto offer = good;
        change(offer);
        return with_second(offer.message());
    };
    const auto inside = [&](hello_builder inner) {
        return changed([&](ech_offer& offer) { offer.encoded = encoded_inner(inner); });
    };
    const auto replaced = [](const hello_builder& hello) { return with_second(hello.message()); };
    const auto records = [](const bytes& behind) {
        session one;
        one.behind = joined({change_cipher_spec, behind});
        return one;
    };
    auto not_authentic = good.message();
    not_authentic.back() ^= 1;
    auto padding = good.encoded;
    padding.back() = 1;
    const auto message = good.message();
    const auto half = byte_view{message}.first(message.size() / 2);
    auto huge = message;
    huge[1] = 1;
    const struct {
        const char* what;
        session given;
        ech_filter_status status;
        int alert;
    } rows[] = {
        {"no extension", replaced(hello_builder::tls13()), ech_filter_missing, 109},
        {"type inner",
         replaced(hello_builder::tls13().extension(tls::extension::encrypted_client_hello, bytes{1})),
         ech_filter_other_config, 47},
        {"extension cut",
         replaced(hello_builder::tls13().extension(tls::extension::encrypted_client_hello, bytes{0, 0, 1})),
         ech_filter_malformed, 50},
        {"other config_id", changed([](auto& offer) { offer.config_id ^= 1; }), ech_filter_other_config, 47},
        {"other KDF", changed([](auto& offer) { offer.kdf = 2; }), ech_filter_other_config, 47},
        {"other AEAD", changed([](auto& offer) { offer.aead = 2; }), ech_filter_other_config, 47},
        {"enc", changed([](auto& offer) { offer.enc_size = 32; }), ech_filter_has_enc, 47},
        {"sequence number 0", changed([](auto& offer) { offer.nonce = ech_base_nonce; }),
         ech_filter_not_opened, 51},
        {"sequence number 2", changed([](auto& offer) { offer.nonce.back() ^= 3; }), ech_filter_not_opened,
         51},
        {"forged", with_second(not_authentic), ech_filter_not_opened, 51},
        {"only a tag", changed([](auto& offer) { offer.encoded.clear(); }), ech_filter_not_opened, 51},
        {"padding", changed([&](auto& offer) { offer.encoded = padding; }), ech_filter_not_rebuilt, 47},
        {"session ID inside", inside(inner_hello().session_id(1)), ech_filter_not_rebuilt, 47},
        {"TLS 1.2 inside", inside(inner_hello().supported_versions({0x0303})), ech_filter_not_rebuilt, 47},
        {"not inner inside", inside(hello_builder::tls13()), ech_filter_not_rebuilt, 47},
        {"another message", with_second(bytes{2, 0, 0, 1, 0}), ech_filter_not_hello, 10},
        {"of no length", with_second(bytes{1, 0, 0, 0}), ech_filter_too_large, 50},
        {"over 64 KiB", with_second(huge), ech_filter_too_large, 50},
        {"bytes behind", with_second(joined({message, {0}})), ech_filter_bytes_behind, 10},
        {"a record amid it", records(joined({record(half), change_cipher_spec})), ech_filter_interleaved, 10},
        {"an empty record", records(record({})), ech_filter_bad_record, 10},
        {"a record too large", records(bytes{22, 3, 3, 0x40, 1}), ech_filter_bad_record, 10},
        {"an encrypted record too large", records(bytes{23, 3, 3, 0x41, 1}), ech_filter_bad_record, 10},
        {"type 19", records(bytes{19, 3, 3, 0, 1}), ech_filter_bad_record, 10},
        {"type 24", records(bytes{24, 3, 3, 0, 1}), ech_filter_bad_record, 10},
    };
    for (const auto& row : rows) {
        INFO(row.what);
        check(row.given, row.status, only_change_cipher_spec(row.given));
        CHECK(ech_filter_alert(row.status) == row.alert);
        CHECK(std::string{ech_filter_text(row.status)} != "an unknown status");
    }
}

TEST_CASE("ech_filter: a second hello of 64 KiB is the largest") {
    auto offer = second_offer();
    const auto room = ech_hello_max - offer.message().size();
    offer.encoded.resize(offer.encoded.size() + room);
    session one;
    one.behind = in_records(offer.message());
    REQUIRE(offer.message().size() == ech_hello_max);
    CHECK(read_whole(one).status == ech_filter_fine);
    offer.encoded.push_back(0);
    one.behind = in_records(offer.message());
    CHECK(read_whole(one).status == ech_filter_too_large);
}

TEST_CASE("ech_filter: a hello that the server has not asked for is none") {
    auto one = with_second(second_offer().message());
    one.answer.clear();
    check(one, ech_filter_early_hello, only_change_cipher_spec(one));
    one.answer = server_hello(false); // then it is the library's to refuse
    check(one, ech_filter_fine, joined({one.first(), one.behind}));
}

TEST_CASE("ech_filter: a value that cannot be read begins nothing") {
    const session one;
    const auto good = one.value();
    const auto with = [&](std::size_t at, std::uint8_t byte) {
        auto value = good;
        value[at] = byte;
        return value;
    };
    const std::size_t inner_at = good.size() - one.inner.size();
    auto longer = good;
    longer.push_back(0);
    const struct {
        const char* what;
        bytes value;
        ech_state_fault fault;
    } rows[] = {
        {"empty", {}, ech_state_cut},
        {"another version", with(0, 2), ech_state_other_version},
        {"another AEAD", with(5, 4), ech_state_bad_aead},
        {"a key of another size", with(5, 2), ech_state_bad_aead},
        {"no key", with(10, 0), ech_state_bad_aead},
        {"no outer hello", ech_state_value(one.inner, 0), ech_state_bad_outer},
        {"too much of it", ech_state_value(one.inner, 512 * 1024 + 1), ech_state_bad_outer},
        {"no ClientHello", with(inner_at, 2), ech_state_bad_inner},
        {"longer than it says", longer, ech_state_bad_inner},
    };
    ech_state state{};
    ech_filter filter;
    for (const auto& row : rows) {
        INFO(row.what);
        CHECK(ech_state_parse(row.value.data(), row.value.size(), &state) == row.fault);
        CHECK(ech_filter_begin(&filter, row.value.data(), row.value.size(), toy_open) ==
              ech_filter_bad_state);
        CHECK(ech_filter_wants(&filter) == 0);
    }
    for (std::size_t size = 0; size < good.size(); ++size) {
        const auto fault = ech_state_parse(good.data(), size, &state);
        CHECK(fault == (size < inner_at ? ech_state_cut : ech_state_bad_inner));
    }
    CHECK(ech_state_parse(good.data(), good.size(), &state) == ech_state_sound);
    CHECK(state.outer_size == one.outer.size());
}
