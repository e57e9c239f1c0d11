// SPDX-License-Identifier: BSL-1.0
// Clients whose TLS the kernel speaks, in libsnipass and in an Asio server.
#include "snipass/kernel_tls.hpp"

#include "keyed_pair.hpp"
#include "receiver_fixture.hpp"
#include "same_descriptors.hpp"
#include "snipass/acceptor.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>

using namespace snipass::testing;
using namespace handoff_test;
namespace asio = boost::asio;

namespace {

constexpr unsigned char alert = 21;
const auto close_notify = "\1\0"s, said_close_notify = "21:\1\0"s;
const std::string farewell = "/run/snipass-tls/farewell.sock";

// offer is a handoff of a client whose header says that the kernel speaks its TLS.
test_fd offer(const std::string& path, int client) {
    auto connection = connect_unix(path);
    byte_string rest{192, 0, 2, 7, 198, 51, 100, 1, 0xc3, 0x50, 0x01, 0xbb};
    append_tlv(rest, 0xe2, "\1");
    append_tlv(rest, 0xe3, farewell);
    send_with(connection, header_around(0x21, 0x11, rest), std::array{client});
    shutdown(connection.get(), SHUT_WR);
    return connection;
}

// read_some is a server's loop around a read.
ssize_t read_some(int fd, char* bytes, std::size_t size) {
    ssize_t n = 0;
    do
        n = recv(fd, bytes, size, 0);
    while (n < 0 && (n = snipass_tls_read_end(fd)) > 0);
    return n;
}

} // namespace

TEST_CASE("libsnipass: a client of kernel TLS is taken where it was asked for, and ends well",
          "[kernel_tls]") {
    if (const auto why = lacks_kernel_tls())
        return skipped(*why);
    const same_descriptors check;
    fixture test;
    auto pair = keyed_pair(GENERATE(tls_1_2, tls_1_3));
    SECTION("not asked for") {
        test.options.in_clear = SNIPASS_PAIRS;
        const auto receiver = test.listen();
        const auto connection = offer(test.path, pair.near.get());
        CHECK_FALSE(receive(receiver));
        CHECK(answer_of(connection) == answer::closed);
    }
    SECTION("asked for") {
        test.options.in_clear = SNIPASS_KERNEL_TLS;
        const auto receiver = test.listen();
        const auto connection = offer(test.path, pair.near.get());
        auto client = receive(receiver);
        REQUIRE(client);
        pair.near.reset();
        CHECK(snipass_client_in_clear(client.get()) == SNIPASS_KERNEL_TLS);
        CHECK(snipass_client_farewell(client.get()) == farewell);
        SECTION("it is freed") {
            client.reset();
            CHECK(read_record(pair.far) == said_close_notify);
        }
        SECTION("it says its end, and the server says its own") {
            const int fd = snipass_client_release(client.get());
            std::array<char, 64> bytes{};
            say(pair.far, "request");
            CHECK(read_some(fd, bytes.data(), bytes.size()) == 7);
            send_record(pair.far, alert, close_notify);
            CHECK(read_some(fd, bytes.data(), bytes.size()) == 0);
            CHECK(snipass_tls_shutdown(fd, SHUT_WR, farewell.c_str()) == 0);
            CHECK(snipass_tls_close(fd, nullptr) == 0);
            CHECK(read_record(pair.far) == said_close_notify);
            CHECK(read_record(pair.far) == "FIN");
        }
        SECTION("it breaks off") {
            std::array<char, 64> bytes{};
            send_record(pair.far, alert, "\2\x28");
            CHECK(read_some(snipass_client_fd(client.get()), bytes.data(), bytes.size()) == -1);
            CHECK(errno == ECONNRESET);
        }
    }
}

TEST_CASE("libsnipass: what is said of kernel TLS changes nothing for another socket") {
    const auto pair = snipass::testing::tcp_pair();
    errno = EAGAIN;
    CHECK(snipass_tls_read_end(pair.near.get()) == -1);
    CHECK(errno == EAGAIN);
    CHECK(snipass_tls_shutdown(pair.near.get(), SHUT_WR, nullptr) == 0);
    CHECK(hear_some(pair.far, 1).empty());
    CHECK(snipass_tls_close(-1, nullptr) == -1);
    CHECK(errno == EBADF);
}

TEST_CASE("acceptor: the end of kernel TLS is an end of file, and close() says close_notify",
          "[kernel_tls]") {
    if (const auto why = lacks_kernel_tls())
        return skipped(*why);
    const same_descriptors check;
    fixture test;
    asio::io_context context;
    test.options.in_clear = SNIPASS_KERNEL_TLS;
    snipass::acceptor acceptor{context, test.path, test.options};
    CHECK(acceptor.farewell().empty());
    auto pair = keyed_pair(tls_1_3);
    const auto connection = offer(test.path, pair.near.get());
    pair.near.reset();
    auto socket = acceptor.accept();
    CHECK(acceptor.farewell() == farewell);
    send_record(pair.far, alert, "\1\x5a"); // user_canceled
    say(pair.far, "request");
    send_record(pair.far, alert, close_notify);
    std::array<char, 64> bytes{};
    boost::system::error_code error;
    std::size_t n = 0;
    do
        n = socket.read_some(asio::buffer(bytes), error);
    while (snipass::tls::reads_again(socket, error));
    CHECK(n == 7);
    CHECK_FALSE(error);
    do
        n = socket.read_some(asio::buffer(bytes), error);
    while (snipass::tls::reads_again(socket, error));
    CHECK(error == asio::error::eof);
    snipass::tls::shutdown(socket, asio::socket_base::shutdown_send, acceptor.farewell(), error);
    CHECK_FALSE(error);
    CHECK(read_record(pair.far) == said_close_notify);
    snipass::tls::close(socket, acceptor.farewell());
    CHECK(read_record(pair.far) == "FIN");
}

TEST_CASE("acceptor: it has no socket for a pair") {
    fixture test;
    asio::io_context context;
    test.options.in_clear = SNIPASS_PAIRS;
    CHECK_THROWS_AS(snipass::acceptor(context, test.path, test.options), boost::system::system_error);
}
