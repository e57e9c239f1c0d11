// SPDX-License-Identifier: BSL-1.0
// One table of handoffs, for everybody who takes them: libsnipass and the router answer each alike.
// (tests/support/handoff_sender.py has the lies for receivers that are processes.)
#include "receiver_fixture.hpp"
#include "router_fixture.hpp"
#include "same_descriptors.hpp"
#include "snipass/handoff/receiving.h"
#include "snipass/os/unix_listener.hpp"

#include <fcntl.h>

#include <array>
#include <functional>

using namespace snipass;
using namespace snipass::testing;
using handoff_test::answer;
using handoff_test::answer_of;
using handoff_test::append_tlv;
using handoff_test::byte_string;
using handoff_test::header_around;
using handoff_test::send_with;
using handoff_test::test_fd;

namespace {

constexpr std::uint8_t local = 0x20, proxy = 0x21;
constexpr std::uint8_t tcp4 = 0x11, tcp6 = 0x21;
constexpr std::uint8_t alpn = 0x01, authority = 0x02, unique_id = 0x05, ssl = 0x20, plaintext = 0xe2,
                       farewell = 0xe3;
constexpr std::string_view text = "PROXY TCP4 192.0.2.7 198.51.100.1 50000 443\r\n";

byte_string good() {
    return handoff_test::example_header();
}

byte_string bent(std::size_t at, std::uint8_t value) {
    auto copy = good();
    copy[at] = value;
    return copy;
}

const std::string id(16, 'a');

using tlvs = std::vector<std::pair<std::uint8_t, std::string>>;

byte_string with(const tlvs& all) {
    byte_string rest(12);
    for (const auto& [type, value] : all)
        append_tlv(rest, type, value);
    return header_around(proxy, tcp4, rest);
}

// followed_by has bytes behind the addresses.
byte_string followed_by(const byte_string& bytes) {
    byte_string rest(12);
    rest.insert(rest.end(), bytes.begin(), bytes.end());
    return header_around(proxy, tcp4, rest);
}

byte_string first(std::size_t size) {
    auto cut = good();
    cut.resize(size);
    return cut;
}

byte_string longer() {
    auto made = good();
    made.push_back(0);
    return made;
}

// What travels with the header, and who keeps it open.
struct cargo {
    std::vector<test_fd> kept;
    std::vector<int> sent;
};

cargo of(int fd) {
    cargo made;
    made.kept.emplace_back(fd);
    made.sent.push_back(fd);
    return made;
}

cargo copies(int fd, int count) {
    return {{}, std::vector<int>(static_cast<std::size_t>(count), fd)};
}

cargo a_pipe(int) {
    std::array<int, 2> ends{};
    REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0);
    ::close(ends[1]);
    return of(ends[0]);
}

cargo a_listener(int) {
    auto made = of(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    REQUIRE(::listen(made.sent.front(), 1) == 0);
    return made;
}

cargo a_pair(int) {
    std::array<int, 2> ends{};
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) == 0);
    auto made = of(ends[0]);
    made.kept.emplace_back(ends[1]);
    return made;
}

cargo a_unix_listener(int) {
    auto made = of(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const sockaddr_un any{AF_UNIX, {}};
    REQUIRE(::bind(made.sent.front(), reinterpret_cast<const sockaddr*>(&any), sizeof(sa_family_t)) == 0);
    REQUIRE(::listen(made.sent.front(), 1) == 0);
    return made;
}

template <int Family, int Type, int Protocol = 0>
cargo a_socket(int client) {
    const int fd = ::socket(Family, Type | SOCK_CLOEXEC, Protocol);
    if (fd >= 0)
        return of(fd);
    auto instead = a_pipe(client); // a kernel without it, or no root
    return instead;
}

template <int Count>
cargo clients(int client) {
    return copies(client, Count);
}

struct row {
    const char* what;
    byte_string header;
    handoff_fault fault = handoff_sound; // sound: it is taken
    cargo (*make)(int client) = clients<1>;
};

const std::vector<row>& table() {
    static const std::vector<row> rows{
        {"a good one", good()},
        {"no TLVs", header_around(proxy, tcp4, byte_string(12))},
        {"IPv6 addresses", header_around(proxy, tcp6, byte_string(36))},
        {"a TLV that nobody knows, twice", with({{0xE7, "a"}, {0xE7, "b"}})},
        {"1,024 bytes", header_around(proxy, tcp4, byte_string(1'008))}, // empty TLVs of type 0
        {"no descriptor", good(), handoff_bad_count, clients<0>},
        {"two descriptors", good(), handoff_bad_count, clients<2>},
        {"all the descriptors of a message", good(), handoff_bad_count, clients<253>},
        {"the signature's first byte", bent(0, 0x0e), handoff_bad_signature},
        {"the signature's last byte", bent(11, 0x0b), handoff_bad_signature},
        {"a header of version 1, as text", byte_string(text.begin(), text.end()), handoff_bad_signature},
        {"version 1 in a header of version 2", bent(12, 0x11), handoff_bad_version},
        {"a command that is none", bent(12, 0x22), handoff_bad_command},
        {"LOCAL", bent(12, local)},
        {"LOCAL without addresses", header_around(local, 0, {})},
        {"no family", header_around(proxy, 0, {})},
        {"UDP", bent(13, 0x12)},
        {"UDP over IPv6", bent(13, 0x22)},
        {"unix", header_around(proxy, 0x31, byte_string(216))},
        {"a family that is none", bent(13, 0x41), handoff_bad_family},
        {"a transport without a family", bent(13, 0x01), handoff_bad_family},
        {"addresses cut", header_around(proxy, tcp4, byte_string(11)), handoff_bad_addresses},
        {"IPv6 addresses cut", header_around(proxy, tcp6, byte_string(35)), handoff_bad_addresses},
        {"nothing behind the length", header_around(proxy, tcp4, {}), handoff_bad_addresses},
        {"a length of 1,009", header_around(proxy, tcp4, byte_string(1'009)), handoff_too_long},
        {"a length of 65,335", bent(14, 0xff), handoff_too_long},
        {"an end after a byte", first(1), handoff_cut_header},
        {"an end after the length", first(16), handoff_cut_header},
        {"an end before the last byte", first(good().size() - 1), handoff_cut_header},
        {"a byte behind", longer(), handoff_bytes_behind},
        {"a TLV over the end", followed_by({0x30, 0, 4, 'a', 'b', 'c'}), handoff_bad_tlv},
        {"half a TLV", followed_by({0x30, 0}), handoff_bad_tlv},
        {"a second host name", with({{authority, "a"}, {authority, "b"}}), handoff_repeated_tlv},
        {"a second ALPN", with({{alpn, "h2"}, {alpn, "h2"}}), handoff_repeated_tlv},
        {"a second id", with({{unique_id, id}, {unique_id, id}}), handoff_repeated_tlv},
        {"a second id, the first of no use", with({{unique_id, ""}, {unique_id, id}}), handoff_repeated_tlv},
        {"an empty host name", with({{authority, ""}}), handoff_bad_authority},
        {"a host name of 256", with({{authority, std::string(256, 'a')}}), handoff_bad_authority},
        {"a host name that is none", with({{authority, "a\nb"}})},
        {"an empty ALPN", with({{alpn, ""}}), handoff_bad_alpn},
        {"an ALPN of 256", with({{alpn, std::string(256, 'a')}}), handoff_bad_alpn},
        {"an id of 15", with({{unique_id, std::string(15, 'a')}})},
        {"an id of 128", with({{unique_id, std::string(128, 'a')}})},
        {"an id of 129", with({{unique_id, std::string(129, 'a')}}), handoff_bad_id},
        {"a pipe", good(), handoff_not_tcp, a_pipe},
        {"a listener", good(), handoff_listens, a_listener},
        {"a socket that is not connected", good(), handoff_sound, a_socket<AF_INET, SOCK_STREAM>},
        {"a UDP socket", good(), handoff_not_tcp, a_socket<AF_INET, SOCK_DGRAM>},
        {"a unix socket", good(), handoff_not_tcp, a_socket<AF_UNIX, SOCK_STREAM>},
        {"a raw socket of TCP", good(), handoff_not_tcp, a_socket<AF_INET, SOCK_RAW, IPPROTO_TCP>},
        {"a socket pair, of which the header says nothing", good(), handoff_not_tcp, a_pair},
        {"a TCP socket that is said to be a pair", with({{plaintext, "\2"}}), handoff_no_pair},
        {"a pair of datagrams", with({{plaintext, "\2"}}), handoff_no_pair, a_socket<AF_UNIX, SOCK_DGRAM>},
        {"a pair that listens", with({{plaintext, "\2"}}), handoff_listens, a_unix_listener},
        {"a pair without addresses", header_around(local, 0, {}), handoff_not_tcp, a_pair},
        {"a socket of another kind that nobody knows", with({{plaintext, "\3"}}), handoff_bad_plaintext},
        {"no kind", with({{plaintext, ""}}), handoff_bad_plaintext},
        {"two kinds", with({{plaintext, "\1"}, {plaintext, "\1"}}), handoff_repeated_tlv},
        {"TLS of which nothing is said", with({{ssl, ""}}), handoff_bad_ssl},
        {"TLS that is cut short", with({{ssl, std::string{"\1\0\0\0\1\x21\0\2", 8}}}), handoff_bad_ssl},
        {"two kinds of TLS", with({{ssl, {"\1\0\0\0\1", 5}}, {ssl, {"\1\0\0\0\1", 5}}}),
         handoff_repeated_tlv},
        {"kernel TLS, and the kernel has no keys", with({{plaintext, "\1"}}), handoff_no_keys},
        {"kernel TLS, and a pair", with({{plaintext, "\1"}}), handoff_not_tcp, a_pair},
        {"a farewell", with({{farewell, "/run/snipass-tls/farewell.sock"}})},
        {"no farewell", with({{farewell, ""}}), handoff_bad_farewell},
        {"a farewell anywhere", with({{farewell, "farewell.sock"}}), handoff_bad_farewell},
        {"a farewell of 107", with({{farewell, "/" + std::string(106, 'a')}})},
        {"a farewell of 108", with({{farewell, "/" + std::string(107, 'a')}}), handoff_bad_farewell},
        {"a farewell with a zero", with({{farewell, std::string("/a\0b", 4)}}), handoff_bad_farewell},
        {"a socket of SCTP", good(), handoff_not_tcp, a_socket<AF_INET, SOCK_STREAM, IPPROTO_SCTP>},
    };
    return rows;
}

// is_taken makes one handoff; `work` lets the receiver work.
bool is_taken(const std::string& path, const row& one, const std::function<void()>& work) {
    const tcp_connection client;
    const auto cargo = one.make(client.accepted.get());
    const auto connection = handoff_test::connect_unix(path);
    (void)send_with(connection, one.header, cargo.sent);
    ::shutdown(connection.get(), SHUT_WR);
    work();
    REQUIRE(is_readable(connection.get()));
    return answer_of(connection) == answer::ack;
}

handoff_fault fault_of(const row& one) {
    const tcp_connection client;
    const auto cargo = one.make(client.accepted.get());
    std::array<int, 2> ends{};
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) == 0);
    const test_fd near{ends[0]};
    const test_fd far{ends[1]};
    (void)send_with(far, one.header, cargo.sent);
    ::shutdown(far.get(), SHUT_WR);
    handoff taken;
    handoff_metadata told;
    handoff_init(&taken);
    taken.takes_pairs = taken.takes_keyed = true;
    const auto progress = handoff_read(&handoff_libc, &taken, near.get());
    CHECK((progress == handoff_complete || progress == handoff_refused));
    if (progress == handoff_complete)
        (void)handoff_parse(&handoff_libc, &taken, &told);
    handoff_drop(&handoff_libc, &taken);
    return taken.fault;
}

} // namespace

TEST_CASE("handoffs: each that is refused has its reason") {
    const same_descriptors check;
    for (const auto& one : table()) {
        INFO(one.what);
        CHECK(std::string{handoff_explain(fault_of(one))} == handoff_explain(one.fault));
    }
}

TEST_CASE("handoffs: libsnipass takes what it should, and keeps nothing else") {
    const same_descriptors check;
    const handoff_test::fixture test;
    const auto receiver = test.listen();
    for (const auto& one : table()) {
        INFO(one.what);
        const auto work = [&] { (void)handoff_test::receive(receiver); };
        CHECK(is_taken(test.path, one, work) == (one.fault == handoff_sound));
    }
}

TEST_CASE("handoffs: the router takes what it should, and keeps nothing else") {
    router_fixture test;
    const datagram_backend backend;
    test.what.datagram(backend.path());
    test.what.otherwise(0);
    const auto path = test.path("in.sock");
    auto sockets = std::make_shared<std::vector<server::listener_socket>>();
    auto made = os::listen_unix(path, SOCK_STREAM, 0600).value();
    sockets->push_back({listener_name, std::move(made.fd), false, server::socket_kind::handoff_stream,
                        std::move(made.file)});
    site again;
    again.datagram(backend.path());
    again.otherwise(0);
    test.start().ask([sockets, configuration = again.build()](server::worker& one) {
        one.apply(configuration, std::move(*sockets));
    });
    for (const auto& one : table()) {
        INFO(one.what);
        CHECK(is_taken(path, one, [] {}) == (one.fault == handoff_sound));
    }
}
