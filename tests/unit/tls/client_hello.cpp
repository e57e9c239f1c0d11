// SPDX-License-Identifier: BSL-1.0
#include "snipass/tls/client_hello.hpp"

#include "catch.hpp"
#include "hello_reading.hpp"
#include "snipass/tls/constants.hpp"
#include "snipass/tls/hello_error.hpp"

#include <algorithm>

using namespace snipass;
using namespace snipass::testing;
using tls::hello_error;
namespace ext = tls::extension;

namespace {

hello_builder tls13() {
    return hello_builder::tls13();
}
hello_builder tls12() {
    return hello_builder::tls12();
}

byte_writer list16(const bytes& content) {
    return byte_writer{}.prefixed_u16([&](byte_writer& out) { out.raw(content); });
}

bytes server_name_body(const bytes& entries) {
    return list16(entries).data();
}

struct row {
    const char* what;
    hello_builder hello;
};

void check_accepted(const row& row) {
    const auto message = row.hello.message();
    const auto hello = tls::parse_client_hello(message);
    INFO(row.what);
    CHECK((hello ? error_code{} : hello.error()) == error_code{});
}

struct refused_row {
    const char* what;
    hello_builder hello;
    hello_error error;
};

void check_refused(const refused_row& row) {
    const auto message = row.hello.message();
    const auto hello = tls::parse_client_hello(message);
    INFO(row.what);
    REQUIRE_FALSE(hello.has_value());
    CHECK(hello.error() == row.error);
}

} // namespace

TEST_CASE("each field that routing uses is a view into the message") {
    const auto message =
        tls13().server_name("www.Example.com").alpn({"h2", "http/1.1"}).ech_outer().session_id(32).message();
    const auto hello = tls::parse_client_hello(message).value();
    CHECK(hello.legacy_version == 0x0303);
    CHECK(hello.random.size() == 32);
    CHECK(hello.session_id.size() == 32);
    CHECK(hello.cipher_suites.size() == 10);
    CHECK(hello.compression_methods.size() == 1);
    CHECK(hello.server_name == "www.Example.com");
    CHECK(hello.alpn.contains("h2"));
    CHECK(hello.alpn.contains("http/1.1"));
    CHECK_FALSE(hello.alpn.contains("http/1.0"));
    CHECK(hello.supported_versions.size() == 4);
    CHECK(hello.supported_groups.size() == 6);
    CHECK(hello.signature_algorithms.size() == 6);
    CHECK(hello.key_shares.size() == 36);
    CHECK(hello.ech == tls::ech_kind::outer);
    CHECK(hello.extensions.data() + hello.extensions.size() == message.data() + message.size());
    const auto lies_inside = [&](byte_view view) {
        return view.data() >= message.data() && view.data() + view.size() <= message.data() + message.size();
    };
    CHECK(lies_inside(as_bytes(*hello.server_name)));
    CHECK(lies_inside(hello.alpn.bytes()));
    CHECK(lies_inside(hello.key_shares));
}

TEST_CASE("a hello without server_name is a hello without a name") {
    CHECK(tls::parse_client_hello(hello_builder::bare().message()).value().server_name == std::nullopt);
    CHECK(tls::parse_client_hello(tls12().message()).value().server_name == std::nullopt);
    CHECK(tls::parse_client_hello(tls13().message()).value().server_name == std::nullopt);
    CHECK(tls::parse_client_hello(tls13().message()).value().ech == tls::ech_kind::none);
    CHECK(tls::parse_client_hello(tls13().message()).value().alpn.empty());
}

TEST_CASE("hellos that are legal, if unusual, are accepted") {
    check_accepted({"no extensions block", hello_builder::bare()});
    check_accepted({"an empty extensions block", tls12().no_extensions().grease(0x0a0a).without(0x0a0a)});
    check_accepted({"legacy version TLS 1.0", tls12().legacy_version(0x0301)});
    check_accepted({"legacy version of the far future", tls12().legacy_version(0x0505)});
    check_accepted({"legacy version TLS 1.0 with supported_versions", tls13().legacy_version(0x0301)});
    check_accepted({"TLS 1.2 offered by supported_versions", tls12().supported_versions({0x0303})});
    check_accepted({"compression offered without TLS 1.3", tls12().compression({1, 0})});
    check_accepted({"127 versions", tls13().supported_versions([] {
                        std::vector<std::uint16_t> versions(127, 0x0304);
                        return versions;
                    }())});
    check_accepted({"GREASE everywhere", tls13()
                                             .grease(0x0a0a)
                                             .cipher_suites({0x1a1a, 0x1301})
                                             .supported_versions({0x2a2a, 0x0304})
                                             .supported_groups({0x3a3a, 0x001d})
                                             .key_shares({{0x3a3a, 1}, {0x001d, 32}})
                                             .grease(0xfafa)});
    check_accepted({"no key share yet", tls13().key_shares({})});
    check_accepted({"post-quantum key share",
                    tls13().supported_groups({0x11ec, 0x001d}).key_shares({{0x11ec, 1'216}, {0x001d, 32}})});
    check_accepted({"resumption", tls13().pre_shared_key(2)});
    check_accepted({"a pre-shared key alone", hello_builder::bare()
                                                  .supported_versions({0x0304})
                                                  .extension(ext::psk_key_exchange_modes, bytes{1, 0})
                                                  .pre_shared_key()});
    check_accepted(
        {"groups without shares beside a pre-shared key", tls13().without(ext::key_share).pre_shared_key()});
    check_accepted({"0-RTT", tls13().extension(ext::early_data, bytes{}).pre_shared_key()});
    check_accepted({"key share that TLS 1.2 ignores", tls12().key_shares({{0x4444, 1}})});
    check_accepted({"unknown extension of any content", tls13().extension(0x1234, bytes{9, 9, 9})});
    check_accepted({"session ticket of any content", tls12().extension(35, bytes{9, 9, 9})});
    check_accepted({"padding", tls13().padding(300)});
    check_accepted({"ECH inner", tls13().extension(ext::encrypted_client_hello, bytes{1})});
    check_accepted({"ECH outer without enc, as after HelloRetryRequest",
                    tls13().extension(ext::encrypted_client_hello, bytes{0, 0, 1, 0, 1, 7, 0, 0, 0, 1, 9})});
    check_accepted({"status request", tls12().extension(ext::status_request, bytes{1, 0, 0, 0, 0})});
    check_accepted({"status request with a responder",
                    tls12().extension(ext::status_request, bytes{1, 0, 3, 0, 1, 9, 0, 0})});
    check_accepted({"status request of another type", tls12().extension(ext::status_request, bytes{2, 7})});
    check_accepted(
        {"certificate authorities", tls13().extension(ext::certificate_authorities, bytes{0, 3, 0, 1, 9})});
    check_accepted({"signature algorithms for certificates",
                    tls13().extension(ext::signature_algorithms_cert, bytes{0, 2, 4, 3})});
    check_accepted({"record size limit of 64", tls12().extension(ext::record_size_limit, bytes{0, 64})});
    check_accepted({"fragment length", tls12().extension(ext::max_fragment_length, bytes{4})});
    check_accepted({"certificate compression", tls13().extension(ext::compress_certificate, bytes{2, 0, 2})});
    check_accepted({"cookie", tls13().extension(ext::cookie, bytes{0, 1, 9})});
    check_accepted({"post-handshake authentication", tls13().extension(ext::post_handshake_auth, bytes{})});
    check_accepted({"certificate timestamps", tls12().extension(ext::signed_certificate_timestamp, bytes{})});
    check_accepted({"encrypt-then-MAC", tls12().extension(ext::encrypt_then_mac, bytes{})});
}

TEST_CASE("a fixed field that breaks its rule is refused") {
    check_refused({"SSL 3.0", tls12().legacy_version(0x0300), hello_error::legacy_version});
    check_refused(
        {"SSL 3.0 with supported_versions", tls13().legacy_version(0x0300), hello_error::legacy_version});
    check_refused({"SSL 2.0", tls12().legacy_version(0x0002), hello_error::legacy_version});
    check_refused({"session ID of 33", tls12().session_id(33), hello_error::session_id_too_long});
    check_refused({"no cipher suite", tls12().cipher_suites({}), hello_error::cipher_suites_length});
    check_refused({"no compression", tls12().compression({}), hello_error::no_null_compression});
    check_refused({"DEFLATE only", tls12().compression({1}), hello_error::no_null_compression});
    check_refused({"DEFLATE and TLS 1.3", tls13().compression({1, 0}), hello_error::compression_with_tls13});
    check_refused(
        {"null twice and TLS 1.3", tls13().compression({0, 0}), hello_error::compression_with_tls13});
    check_refused({"behind the extensions", tls12().trailing({0}), hello_error::trailing_bytes});
    check_refused({"half a length", hello_builder::bare().trailing({0}), hello_error::field_truncated});
    check_accepted({"session ID of 32", tls12().session_id(32)});
}

TEST_CASE("an odd cipher suite list is refused") {
    auto message = hello_builder::bare().message();
    const std::size_t cipher_suites = 4 + 2 + 32 + 1;
    message[cipher_suites + 1] = 3;
    message.insert(message.begin() + cipher_suites + 4, 0x13);
    message[3] = static_cast<std::uint8_t>(message[3] + 1);
    CHECK(tls::parse_client_hello(message).error() == hello_error::cipher_suites_length);
}

TEST_CASE("a message that is not of its own length is refused") {
    auto message = tls12().message();
    CHECK(tls::parse_client_hello({}).error() == hello_error::field_truncated);
    CHECK(tls::parse_client_hello(byte_view{message}.first(3)).error() == hello_error::field_truncated);
    CHECK(tls::parse_client_hello(byte_view{message}.first(20)).error() == hello_error::field_truncated);
    message.push_back(0);
    CHECK(tls::parse_client_hello(message).error() == hello_error::data_behind_hello);
    message[0] = 2;
    CHECK(tls::parse_client_hello(message).error() == hello_error::handshake_type);
}

TEST_CASE("a server_name that a TLS server would refuse is refused") {
    const auto with = [](const bytes& body) { return tls13().extension(ext::server_name, body); };
    check_refused({"empty body, as a server sends it", with({}), hello_error::server_name_list});
    check_refused({"half a length", with({0}), hello_error::server_name_list});
    check_refused({"empty list", with({0, 0}), hello_error::server_name_list});
    check_refused({"type only", with(server_name_body({0})), hello_error::server_name_list});
    check_refused({"half a name length", with(server_name_body({0, 0})), hello_error::server_name_list});
    check_refused(
        {"list longer than its extension", with({0, 5, 0, 0, 1, 'a'}), hello_error::server_name_list});
    check_refused(
        {"list shorter than its extension", with({0, 4, 0, 0, 1, 'a', 0}), hello_error::server_name_list});
    check_refused(
        {"name longer than its list", with(server_name_body({0, 0, 2, 'a'})), hello_error::server_name_list});
    check_refused({"empty name", tls13().server_name(""), hello_error::server_name_empty});
    check_refused(
        {"name of 256", tls13().server_name(std::string(256, 'a')), hello_error::server_name_too_long});
    check_refused({"NUL inside", tls13().server_name(std::string{"a\0b", 3}), hello_error::server_name_nul});
    check_refused({"NUL behind", tls13().server_name(std::string{"a\0", 2}), hello_error::server_name_nul});
    check_refused({"NUL alone", tls13().server_name(std::string{"\0", 1}), hello_error::server_name_nul});
    check_refused({"another type", tls13().server_names({{1, "a"}}), hello_error::server_name_type});
    check_refused({"two names", tls13().server_names({{0, "a"}, {0, "b"}}), hello_error::server_name_count});
    check_refused(
        {"the same name twice", tls13().server_names({{0, "a"}, {0, "a"}}), hello_error::server_name_count});
    check_refused({"a name and another type", tls13().server_names({{0, "a"}, {7, "b"}}),
                   hello_error::server_name_count});
    check_refused({"another type and a name", tls13().server_names({{7, "b"}, {0, "a"}}),
                   hello_error::server_name_type});
    check_refused({"two extensions",
                   tls13().server_name("a").extension(ext::server_name, server_name_body({0, 0, 1, 'b'})),
                   hello_error::extension_duplicate});
}

TEST_CASE("a name that TLS carries and DNS does not is not malformed") {
    for (const auto& name :
         {std::string(255, 'a'), std::string{"192.0.2.1"}, std::string{"[::1]"}, std::string{"a b"},
          std::string{"\xff\x01"}, std::string{"..."}, std::string{"/"}, std::string{"a"}}) {
        const auto message = tls13().server_name(name).message();
        CHECK(tls::parse_client_hello(message).value().server_name == name);
    }
}

TEST_CASE("a message cut short anywhere is refused, even if its header agrees") {
    const auto whole = tls13().server_name("www.example.com").message();
    const auto before_extensions = hello_builder::tls13().no_extensions().message().size();
    for (std::size_t size = 4; size < whole.size(); ++size) {
        bytes message{whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)};
        message[2] = static_cast<std::uint8_t>((size - 4) >> 8);
        message[3] = static_cast<std::uint8_t>(size - 4);
        CAPTURE(size);
        // Without its extensions it is a hello of TLS 1.2 and has no name.
        const auto hello = tls::parse_client_hello(message);
        CHECK(hello.has_value() == (size == before_extensions));
        if (hello)
            CHECK(hello->server_name == std::nullopt);
    }
}

TEST_CASE("extensions that do not fit their list are refused") {
    auto whole = tls12().no_extensions().extension(0x1234, bytes{1, 2, 3}).message();
    const auto length = whole.size() - 3 - 1; // the low byte of the extension's length
    whole[length] = 4;
    CHECK(tls::parse_client_hello(whole).error() == hello_error::extension_truncated);
    whole[length] = 2;
    CHECK(tls::parse_client_hello(whole).error() == hello_error::extension_truncated);
}

TEST_CASE("an extension given twice is refused, whatever its type") {
    for (const auto type : std::vector<std::uint16_t>{0x1234, 0x0a0a, 0xffff, 0, 21, 0x0010}) {
        const auto body = type == 0      ? server_name_body({0, 0, 1, 'a'})
                          : type == 0x10 ? bytes{0, 2, 1, 'x'}
                                         : bytes{};
        check_accepted({"once", tls12().extension(type, body)});
        check_refused(
            {"twice", tls12().extension(type, body).extension(type, body), hello_error::extension_duplicate});
        check_refused({"twice, with others between",
                       tls12().extension(type, body).grease(0x2a2a).extension(type, body),
                       hello_error::extension_duplicate});
    }
}

TEST_CASE("16,000 extensions of different types are accepted, and one that comes again is refused") {
    auto hello = hello_builder::bare();
    for (unsigned type = 0x2000; type < 0x2000 + 16'000; ++type)
        hello.grease(static_cast<std::uint16_t>(type));
    check_accepted({"all different", hello});
    check_refused({"the first again", hello.grease(0x2000), hello_error::extension_duplicate});
}

TEST_CASE("an ALPN list that breaks RFC 7301 is refused") {
    const auto with = [](const bytes& body) { return tls13().extension(ext::alpn, body); };
    check_refused({"empty body", with({}), hello_error::alpn_list});
    check_refused({"empty list", with({0, 0}), hello_error::alpn_list});
    check_refused({"empty protocol", with({0, 1, 0}), hello_error::alpn_list});
    check_refused({"empty protocol behind another", with({0, 4, 2, 'h', '2', 0}), hello_error::alpn_list});
    check_refused({"protocol longer than the list", with({0, 3, 3, 'h', '2'}), hello_error::alpn_list});
    check_refused({"list longer than its extension", with({0, 4, 2, 'h', '2'}), hello_error::alpn_list});
    check_refused(
        {"list shorter than its extension", with({0, 3, 2, 'h', '2', 1, 'x'}), hello_error::alpn_list});
    check_accepted({"protocol of 255", tls13().alpn({std::string(255, 'p')})});
}

TEST_CASE("supported_versions decides what is offered") {
    const auto with = [](const bytes& body) {
        return tls13().replace(ext::supported_versions, byte_writer{}.raw(body));
    };
    check_refused({"empty body", with({}), hello_error::supported_versions_list});
    check_refused({"empty list", with({0}), hello_error::supported_versions_list});
    check_refused({"odd list", with({3, 3, 4, 3}), hello_error::supported_versions_list});
    check_refused({"list longer than its extension", with({4, 3, 4}), hello_error::supported_versions_list});
    check_refused(
        {"list shorter than its extension", with({2, 3, 4, 0}), hello_error::supported_versions_list});
    check_refused({"GREASE only", tls13().supported_versions({0x1a1a}), hello_error::no_known_version});
    check_refused({"drafts only", tls13().supported_versions({0x7f1c}), hello_error::no_known_version});
    check_refused({"SSL 3.0 only", tls13().supported_versions({0x0300}), hello_error::no_known_version});
    for (const auto version : std::vector<std::uint16_t>{0x0301, 0x0302, 0x0303, 0x0304})
        check_accepted({"one version", tls13().supported_versions({0x1a1a, version})});
}

TEST_CASE("lists of groups and signature algorithms are not empty, not odd, and fill their extension") {
    struct list {
        std::uint16_t type;
        hello_error error;
    };
    for (const auto& [type, error] :
         {list{ext::supported_groups, hello_error::supported_groups_list},
          list{ext::signature_algorithms, hello_error::signature_algorithms_list},
          list{ext::signature_algorithms_cert, hello_error::signature_algorithms_list}}) {
        for (const bytes& body : {bytes{}, bytes{0}, bytes{0, 0}, bytes{0, 1, 9}, bytes{0, 3, 0, 29, 0},
                                  bytes{0, 4, 0, 29}, bytes{0, 2, 0, 29, 0, 30}})
            check_refused({"list", tls12().replace(type, byte_writer{}.raw(body)), error});
        check_accepted({"list", tls12().replace(type, byte_writer{}.raw(bytes{0, 2, 0, 29}))});
    }
}

TEST_CASE("key shares are well-formed, for offered groups, one each") {
    const auto with = [](const bytes& body) {
        return tls13().replace(ext::key_share, byte_writer{}.raw(body));
    };
    check_refused({"empty body", with({}), hello_error::key_share_list});
    check_refused({"half an entry", with({0, 1, 0}), hello_error::key_share_list});
    check_refused({"group only", with({0, 2, 0, 29}), hello_error::key_share_list});
    check_refused({"empty key", with({0, 4, 0, 29, 0, 0}), hello_error::key_share_list});
    check_refused({"key longer than the list", with({0, 5, 0, 29, 0, 2, 9}), hello_error::key_share_list});
    check_refused(
        {"list shorter than its extension", with({0, 5, 0, 29, 0, 1, 9, 0}), hello_error::key_share_list});
    check_refused({"group not offered", tls13().key_shares({{0x0019, 133}}), hello_error::key_share_group});
    check_refused(
        {"group twice", tls13().key_shares({{0x001d, 32}, {0x001d, 32}}), hello_error::key_share_group});
    check_refused({"group twice, apart", tls13().key_shares({{0x001d, 32}, {0x0017, 65}, {0x001d, 32}}),
                   hello_error::key_share_group});
    check_accepted({"two groups, in any order", tls13().key_shares({{0x0017, 65}, {0x001d, 32}})});
}

TEST_CASE("a hello that offers TLS 1.3 without what it demands is refused") {
    for (const auto type : {ext::key_share, ext::supported_groups, ext::signature_algorithms})
        check_refused({"missing", tls13().without(type), hello_error::missing_extension});
    check_refused({"pre_shared_key without modes",
                   tls13().without(ext::psk_key_exchange_modes).pre_shared_key(),
                   hello_error::missing_extension});
    check_refused({"shares without groups", tls13().without(ext::supported_groups).pre_shared_key(),
                   hello_error::missing_extension});
}

TEST_CASE("pre_shared_key is well-formed and last") {
    check_refused(
        {"not last", tls13().pre_shared_key().grease(0x0a0a), hello_error::pre_shared_key_not_last});
    check_refused({"not last, in a TLS 1.2 hello", tls12().pre_shared_key().grease(0x0a0a),
                   hello_error::pre_shared_key_not_last});
    const auto with = [](std::size_t identity, std::size_t ages, const std::vector<std::size_t>& binders,
                         std::size_t behind = 0) {
        byte_writer body;
        body.prefixed_u16([&](byte_writer& list) {
            if (ages == 0)
                return;
            list.prefixed_u16([&](byte_writer& out) { out.repeat(identity, 9); }).repeat(ages, 0);
        });
        body.prefixed_u16([&](byte_writer& list) {
            for (const auto size : binders)
                list.prefixed_u8([&](byte_writer& out) { out.repeat(size, 9); });
        });
        return tls13().extension(ext::pre_shared_key, body.repeat(behind, 0));
    };
    check_accepted({"one of each", with(1, 4, {32})});
    check_accepted({"a binder of 255", with(1, 4, {255})});
    const auto bad = hello_error::pre_shared_key_list;
    check_refused({"no identity", with(1, 0, {}), bad});
    check_refused({"empty identity", with(0, 4, {32}), bad});
    check_refused({"short age", with(1, 3, {32}), bad});
    check_refused({"no binder", with(1, 4, {}), bad});
    check_refused({"short binder", with(1, 4, {31}), bad});
    check_refused({"two binders", with(1, 4, {32, 32}), bad});
    check_refused({"bytes behind", with(1, 4, {32}, 1), bad});
    check_refused(
        {"identities only", tls13().extension(ext::pre_shared_key, list16({0, 1, 9, 0, 0, 0, 0})), bad});
    check_refused({"empty", tls13().extension(ext::pre_shared_key, bytes{}), bad});
}

TEST_CASE("encrypted_client_hello is well-formed") {
    const auto with = [](const bytes& body) { return tls13().extension(ext::encrypted_client_hello, body); };
    const auto bad = hello_error::encrypted_client_hello_body;
    check_refused({"empty", with({}), bad});
    check_refused({"another type", with({2}), bad});
    check_refused({"inner with a body", with({1, 0}), bad});
    check_refused({"outer alone", with({0}), bad});
    check_refused({"outer without enc", with({0, 0, 1, 0, 1, 7}), bad});
    check_refused({"outer without payload", with({0, 0, 1, 0, 1, 7, 0, 0}), bad});
    check_refused({"outer with an empty payload", with({0, 0, 1, 0, 1, 7, 0, 0, 0, 0}), bad});
    check_refused({"outer with bytes behind", with({0, 0, 1, 0, 1, 7, 0, 0, 0, 1, 9, 0}), bad});
}

TEST_CASE("renegotiation_info of a first hello is empty") {
    const auto with = [](const bytes& body) {
        return tls12().replace(ext::renegotiation_info, byte_writer{}.raw(body));
    };
    for (const bytes& body : {bytes{}, bytes{1, 9}, bytes{1}, bytes{0, 0}})
        check_refused({"renegotiation_info", with(body), hello_error::renegotiation_info_body});
}

TEST_CASE("an extension of DTLS is refused") {
    check_refused(
        {"use_srtp", tls12().extension(ext::use_srtp, bytes{0, 2, 0, 1, 0}), hello_error::extension_of_dtls});
}

TEST_CASE("a body that breaks the definition of its extension is refused") {
    struct bad {
        std::uint16_t type;
        bytes body;
    };
    const std::vector<bad> rows{
        {ext::signed_certificate_timestamp, {0}},
        {ext::encrypt_then_mac, {0}},
        {ext::extended_master_secret, {0}},
        {ext::early_data, {0}},
        {ext::post_handshake_auth, {0}},
        {ext::max_fragment_length, {}},
        {ext::max_fragment_length, {0}},
        {ext::max_fragment_length, {5}},
        {ext::max_fragment_length, {1, 0}},
        {ext::record_size_limit, {0}},
        {ext::record_size_limit, {0, 63}},
        {ext::record_size_limit, {0, 64, 0}},
        {ext::ec_point_formats, {}},
        {ext::ec_point_formats, {0}},
        {ext::ec_point_formats, {2, 0}},
        {ext::ec_point_formats, {1, 0, 0}},
        {ext::psk_key_exchange_modes, {}},
        {ext::psk_key_exchange_modes, {0}},
        {ext::compress_certificate, {}},
        {ext::compress_certificate, {0}},
        {ext::compress_certificate, {1, 0}},
        {ext::cookie, {}},
        {ext::cookie, {0, 0}},
        {ext::cookie, {0, 1, 9, 9}},
        {ext::status_request, {}},
        {ext::status_request, {1}},
        {ext::status_request, {1, 0, 0}},
        {ext::status_request, {1, 0, 0, 0, 0, 0}},
        {ext::status_request, {1, 0, 1, 0, 0, 0}},
        {ext::status_request, {1, 0, 2, 0, 0, 0, 0}},
        {ext::certificate_authorities, {}},
        {ext::certificate_authorities, {0, 0}},
        {ext::certificate_authorities, {0, 2, 0, 0}},
        {ext::certificate_authorities, {0, 3, 0, 2, 9}},
        {ext::certificate_authorities, {0, 3, 0, 1, 9, 0}},
    };
    for (const auto& [type, body] : rows) {
        CAPTURE(type, body);
        check_refused({"body", tls12().without(type).extension(type, body), hello_error::extension_body});
    }
}

TEST_CASE("a hello is read the same split anywhere, and waits truncated anywhere") {
    const std::vector<hello_builder> hellos{
        hello_builder::bare(),
        tls12(),
        tls12().server_name("example.org"),
        tls13().server_name("www.example.com").alpn({"h2", "http/1.1"}).ech_outer(),
        tls13()
            .server_name("a")
            .supported_groups({0x11ec, 0x001d})
            .key_shares({{0x11ec, 1'216}, {0x001d, 32}}),
        tls13().server_name("psk.example").extension(ext::early_data, bytes{}).pre_shared_key(),
    };
    for (const auto& hello : hellos)
        for (const std::size_t fragment : {16'384U, 100U, 7U})
            CHECK(differing_split(hello.stream(fragment), true) == "");
}

TEST_CASE("a hello with any length byte changed never yields another name") {
    const auto hello = tls13().server_name("www.example.com").alpn({"h2", "http/1.1"}).pre_shared_key();
    const auto written = hello.written();
    REQUIRE(written.length_bytes().size() > 40);
    for (const auto at : written.length_bytes()) {
        for (unsigned flip = 1; flip < 256; ++flip) {
            auto message = written.data();
            message[at] = static_cast<std::uint8_t>(message[at] ^ flip);
            const auto reading = read_hello(in_records(message));
            CAPTURE(at, flip);
            // One length that lies makes the hello not add up, but for one that swallows all that follows:
            // then there is no name at all.
            if (reading.name())
                CHECK(reading.name() == "www.example.com");
            if (at < 4)
                CHECK_FALSE(reading.hello);
        }
    }
}

TEST_CASE("a length byte that is off by one makes the hello malformed or waited for") {
    const auto written = tls13().server_name("www.example.com").alpn({"h2", "http/1.1"}).written();
    for (const auto at : written.length_bytes()) {
        for (const int change : {-1, +1}) {
            auto message = written.data();
            message[at] = static_cast<std::uint8_t>(message[at] + change);
            CAPTURE(at, change);
            CHECK_FALSE(read_hello(in_records(message)).hello);
        }
    }
}
