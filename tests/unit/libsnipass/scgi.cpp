// SPDX-License-Identifier: BSL-1.0
// libsnipass: clients with the head of a request of HTTP, by `scgi`.
#include "receiver_fixture.hpp"
#include "router_fixture.hpp"

#include <array>
#include <cstring>
#include <fcntl.h>
#include <utility>
#include <vector>

using namespace handoff_test;

namespace {

using variables = std::vector<std::pair<std::string, std::string>>;

const variables example{{"CONTENT_LENGTH", "0"},      {"SCGI", "1+fd_pass"},   {"REMOTE_ADDR", "192.0.2.7"},
                        {"REQUEST_METHOD", "POST"},   {"REQUEST_URI", "/a?b"}, {"QUERY_STRING", ""},
                        {"HTTP_HOST", "www.example"}, {"HTTP_X_ONE", "1"},     {"HTTP_X_ONE", "2"}};

std::string block_of(const variables& all) {
    std::string block;
    for (const auto& [name, value] : all)
        block += name + '\0' + value + '\0';
    return block;
}

std::string netstring(const std::string& block) {
    return std::to_string(block.size()) + ":" + block + ",";
}

byte_string bytes_of(std::string_view text) {
    return {text.begin(), text.end()};
}

// scgi_fixture's receiver acknowledges or not; a router of it lets go by closing.
struct scgi_fixture : fixture {
    scgi_fixture() { options.protocol = SNIPASS_SCGI; }

    // offer sends a message with the client on its first byte.
    [[nodiscard]] test_fd offer(const std::string& message, int client) const {
        auto connection = connect_unix(path);
        send_with(connection, bytes_of(message), std::array{client});
        return connection;
    }
};

variables told(const client_ptr& client) {
    variables all;
    for (const char* name = nullptr; (name = snipass_scgi_next(client.get(), name)) != nullptr;)
        all.emplace_back(name, snipass_scgi_value(name));
    return all;
}

} // namespace

TEST_CASE_METHOD(scgi_fixture, "libsnipass: scgi: a client comes with the variables of its request") {
    const auto before = open_descriptors();
    {
        const bool acknowledges = GENERATE(false, true);
        options.protocol = acknowledges ? SNIPASS_SCGI_ACK : SNIPASS_SCGI;
        const auto receiver = listen();
        REQUIRE(receiver);
        auto client = make_tcp_pair();
        auto connection = offer(netstring(block_of(example)), client.near.get());
        CHECK(takes_nothing(receiver)); // not let go yet
        CHECK(answer_of(connection) == (acknowledges ? answer::ack : answer::nothing));
        client.near.reset();
        connection.reset();

        const auto taken = receive(receiver, 5000);
        REQUIRE(taken);
        CHECK(told(taken) == example);
        CHECK(snipass_scgi_variable(taken.get(), "REQUEST_URI") == "/a?b"s);
        CHECK(snipass_scgi_variable(taken.get(), "HTTP_X_ONE") == "1"s); // the first of them
        CHECK(snipass_scgi_variable(taken.get(), "QUERY_STRING") == ""s);
        CHECK(snipass_scgi_variable(taken.get(), "HTTP_X") == nullptr);
        CHECK(text_of(snipass_client_peer(taken.get(), nullptr)) ==
              address_of(client.far.get(), getsockname));
        CHECK((fcntl(snipass_client_fd(taken.get()), F_GETFD) & FD_CLOEXEC) != 0);
        CHECK((fcntl(snipass_client_fd(taken.get()), F_GETFL) & O_NONBLOCK) == 0); // as accept() does
        CHECK(snipass_client_host_name(taken.get()) == ""s);
        CHECK(snipass_client_consumed(taken.get(), nullptr) == nullptr);
        CHECK(snipass_client_in_clear(taken.get()) == 0);
    }
    CHECK(open_descriptors() == before);
}

TEST_CASE_METHOD(scgi_fixture, "libsnipass: scgi: a message may come a byte at a time, and end after any") {
    const auto receiver = listen();
    const auto message = bytes_of(netstring(block_of(example)));
    auto client = make_tcp_pair();
    const auto before = open_descriptors();
    for (std::size_t size = 0; size <= message.size(); ++size) {
        auto connection = connect_unix(path);
        for (std::size_t at = 0; at < size; ++at) {
            const std::array fd{client.near.get()};
            send_with(connection, std::span(message).subspan(at, 1), std::span(fd).first(at == 0 ? 1 : 0));
            REQUIRE(takes_nothing(receiver));
        }
        shutdown(connection.get(), SHUT_WR);
        const auto taken = receive(receiver);
        INFO("message ends after byte " << size);
        CHECK((taken != nullptr) == (size == message.size()));
        if (taken)
            CHECK(told(taken) == example);
    }
    CHECK(takes_nothing(receiver));
    CHECK(open_descriptors() == before);
}

TEST_CASE_METHOD(scgi_fixture, "libsnipass: scgi: takes the longest request there may be, and none longer") {
    const auto receiver = listen();
    const auto client = make_tcp_pair();
    const std::size_t beyond = GENERATE(0U, 1U);
    const auto size = 1024 * 1024 + beyond;
    auto all = example;
    all.back().second.append(size - block_of(all).size(), 'x');
    const auto message = netstring(block_of(all));
    const auto connection = offer("1", client.near.get()); // of the length
    std::size_t sent = 1;
    client_ptr taken{nullptr, snipass_client_free};
    while (sent < message.size() && answer_of(connection) == answer::nothing) {
        const auto n =
            send(connection.get(), message.data() + sent, message.size() - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
        sent += n > 0 ? static_cast<std::size_t>(n) : 0;
        if (sent == message.size())
            shutdown(connection.get(), SHUT_WR);
        taken = receive(receiver);
    }
    CHECK((taken != nullptr) == (beyond == 0));
    if (taken)
        CHECK(told(taken) == all);
}

TEST_CASE_METHOD(scgi_fixture, "libsnipass: scgi: what is no message of a router is refused") {
    const auto block = block_of(example);
    const auto without = [](std::size_t at) {
        auto all = example;
        all.erase(all.begin() + static_cast<std::ptrdiff_t>(at));
        return netstring(block_of(all));
    };
    const auto with = [](const std::string& name, const std::string& value) {
        auto all = example;
        all.emplace_back(name, value);
        return netstring(block_of(all));
    };
    const std::string messages[] = {
        ":" + block + ",",
        "0:,",
        "0" + netstring(block),
        "x" + netstring(block),
        "+" + netstring(block),
        "99999999:" + block + ",",
        std::to_string(block.size()) + ";" + block + ",",
        std::to_string(block.size()) + ":" + block + ";",
        netstring(block) + ",",
        netstring(block + '\0'), // no name, and no value
        netstring(block + "A" + '\0'),
        netstring(block + "A"),
        netstring(block + '\0' + "a" + '\0'),
        std::to_string(block.size() - 1) + ":" + block + ",",
        without(0),
        without(1),
        with("HTTPS", "on"), // the receiver was not asked for such clients
        with("KTLS_RX", "1"),
        with("SNIPASS_PLAINTEXT", "relay"),
        "PROXY TCP4 127.0.0.1 127.0.0.1 1 2\r\n",
    };
    const auto receiver = listen();
    const auto client = make_tcp_pair();
    const auto before = open_descriptors();
    for (const auto& message : messages) {
        INFO(message);
        const auto connection = offer(message, client.near.get());
        shutdown(connection.get(), SHUT_WR);
        CHECK(takes_nothing(receiver));
        CHECK(answer_of(connection) == answer::closed);
    }
    CHECK(open_descriptors() == before);
}

TEST_CASE_METHOD(scgi_fixture, "libsnipass: scgi: a client is one descriptor, on the first byte, of TCP") {
    options.protocol = GENERATE(SNIPASS_SCGI, SNIPASS_SCGI_ACK);
    const auto receiver = listen();
    const auto client = make_tcp_pair();
    const auto message = bytes_of(netstring(block_of(example)));
    const test_fd unix_socket{socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    const int near = client.near.get();
    const std::vector<int> choices[] = {{}, {near, near}, {unix_socket.get()}, {near}};
    const auto& first = choices[GENERATE(0, 1, 2, 3)];
    const bool comes_again = first == std::vector{near};
    const auto before = open_descriptors();
    {
        const auto connection = connect_unix(path);
        send_with(connection, std::span(message).first(1), first);
        CHECK(takes_nothing(receiver));
        send_with(connection, std::span(message).subspan(1),
                  comes_again ? std::span{first} : std::span<const int>{});
        shutdown(connection.get(), SHUT_WR);
        CHECK(takes_nothing(receiver));
        CHECK(answer_of(connection) == answer::closed);
    }
    CHECK(open_descriptors() == before);
}

TEST_CASE_METHOD(scgi_fixture,
                 "libsnipass: scgi: a router that waits for ACK keeps a client that gets none") {
    options.patience_ms = 20;
    const auto receiver = listen();
    const auto client = make_tcp_pair();
    const auto connection = offer(netstring(block_of(example)), client.near.get());
    while (answer_of(connection) == answer::nothing)
        REQUIRE_FALSE(receive(receiver, 10));
    CHECK(answer_of(connection) == answer::closed);
}

TEST_CASE_METHOD(scgi_fixture, "libsnipass: scgi: an ACK that cannot be sent is a client that is not ours") {
    options.protocol = SNIPASS_SCGI_ACK;
    const auto receiver = listen();
    const auto client = make_tcp_pair();
    const auto connection = offer(netstring(block_of(example)), client.near.get());
    shutdown(connection.get(), SHUT_RD); // docs/handoff.md, taking back
    CHECK(takes_nothing(receiver));
}

TEST_CASE_METHOD(scgi_fixture, "libsnipass: scgi: after stop, who waits in the backlog is served unless the "
                               "router keeps it") {
    options.protocol = GENERATE(SNIPASS_SCGI, SNIPASS_SCGI_ACK);
    const auto receiver = listen();
    const auto client = make_tcp_pair();
    std::vector<test_fd> connections;
    for (int i = 0; i < 3; ++i) {
        connections.push_back(offer(netstring(block_of(example)), client.near.get()));
        shutdown(connections.back().get(), SHUT_WR);
    }
    snipass_stop(receiver.get());
    CHECK_THROWS(connect_unix(path));
    for (int i = 0; i < 3 && options.protocol == SNIPASS_SCGI; ++i)
        CHECK(receive(receiver, -1));
    CHECK_FALSE(receive(receiver, -1));
    CHECK(errno == ESHUTDOWN);
}

TEST_CASE_METHOD(scgi_fixture, "libsnipass: scgi: takes clients of a router, and the body is in the socket") {
    using namespace snipass;
    const bool acknowledges = GENERATE(false, true);
    options.protocol = acknowledges ? SNIPASS_SCGI_ACK : SNIPASS_SCGI;
    const auto receiver = listen();
    testing::site what;
    what.otherwise(0);
    auto& settings = testing::handoff_of(what.stream(path));
    settings.protocol = config::handoff_protocol::scgi;
    settings.scgi_ack = acknowledges;
    testing::router router{std::move(what)};
    const auto sent =
        bytes_of("PUT /up?x HTTP/1.1\r\nHost: a.example\r\nX: 1\r\nX: 2\r\nContent-Length: 4\r\n\r\nbody");
    const auto client = router.connect_with(sent);
    const auto taken = receive(receiver, -1);
    REQUIRE(taken);
    CHECK(snipass_scgi_variable(taken.get(), "REQUEST_METHOD") == "PUT"s);
    CHECK(snipass_scgi_variable(taken.get(), "REQUEST_URI") == "/up?x"s);
    CHECK(snipass_scgi_variable(taken.get(), "HTTP_HOST") == "a.example"s);
    CHECK(told(taken).back() == std::pair{"HTTP_CONTENT_LENGTH"s, "4"s});
    std::array<char, 8> body{};
    CHECK(recv(snipass_client_fd(taken.get()), body.data(), body.size(), 0) == 4);
    CHECK(body.data() == "body"s);
    router.wait_for(server::outcome::handed_off);
}
