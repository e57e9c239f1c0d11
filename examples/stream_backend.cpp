// SPDX-License-Identifier: BSL-1.0
// A TLS server that takes its clients from snipass by the `stream` protocol (docs/handoff.md), without any
// library of snipass. What a backend needs is receive_client(); everything after it is as if accept() had
// returned the client.
//
//     stream_backend [--from USER]... SOCKET_PATH CERTIFICATE KEY [NAME]
#include "hello_server.hpp"
#include "passed_descriptor.hpp"
#include "senders.hpp"

#include <fcntl.h>
#include <sys/time.h>

#include <algorithm>
#include <chrono>
#include <csignal>

namespace {

// For the whole header, or who sends a byte now and then would never come to an end; and for the end of file.
constexpr std::chrono::seconds patience{1};

void wait_at_most(int connection, std::chrono::nanoseconds left) {
    const timeval time{0, std::clamp<suseconds_t>(left.count() / 1000, 1, 999'999)}; // 0 would be for ever
    setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time);
}

// receive_client takes one handoff: the PROXY v2 header with the client on its first byte, our ACK, end of
// file.
owned_fd receive_client(int connection, senders& senders) {
    ucred sender{};
    socklen_t sender_size = sizeof sender;
    if (getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &sender, &sender_size) != 0)
        refuse("no sender");
    senders.check(sender.uid);
    const auto deadline = std::chrono::steady_clock::now() + patience;

    owned_fd client;
    unsigned char header[1024];
    std::size_t size = 16; // signature, version, family, length; then as many bytes as the length says
    for (std::size_t got = 0; got < size;) {
        wait_at_most(connection, deadline - std::chrono::steady_clock::now());
        const auto n = receive_some(connection, header + got, size - got, client);
        if (n == 0)
            refuse("the header ends early");
        got += n;
        if (got == 16)
            size = 16U + header[14] * 256U + header[15];
        if (size > sizeof header)
            refuse("the header is too long");
    }
    const bool is_v4 = header[13] == 0x11 && size >= 16 + 12;
    const bool is_v6 = header[13] == 0x21 && size >= 16 + 36;
    if (std::memcmp(header, "\r\n\r\n\0\r\nQUIT\n\x21", 13) != 0 || (!is_v4 && !is_v6))
        refuse("not a PROXY v2 header");
    check_is_client(client.fd);

    if (send(connection, "\x06", 1, MSG_NOSIGNAL) != 1)
        refuse("the router took the client back");
    wait_at_most(connection, patience);
    (void)recv(connection, header, 1, 0); // end of file: the router has let go, the client is ours alone
    return client;
}

void handle(owned_fd connection, senders& senders, SSL_CTX* context, const std::string& name) {
    try {
        const auto client = receive_client(connection.fd, senders);
        connection = owned_fd{};
        fcntl(client.fd, F_SETFL, 0); // it may come non-blocking; this thread has nothing else to do
        const std::unique_ptr<SSL, decltype(&SSL_free)> tls{SSL_new(context), SSL_free};
        SSL_set_fd(tls.get(), client.fd); // the ClientHello is still unread in the socket: nothing to replay
        hello::serve(tls.get(), name);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "%s: %s\n", name.c_str(), error.what());
    } catch (out_of_descriptors) {
    } catch (refused_sender) {
    }
}

} // namespace

int main(int argc, char** argv) try {
    senders senders{argc, argv};
    if (argc < 4 || argv[1][0] == '-')
        return std::fprintf(stderr, "usage: %s [--from USER]... SOCKET_PATH CERTIFICATE KEY [NAME]\n",
                            argv[0]),
               2;
    std::signal(SIGPIPE, SIG_IGN);
    auto* context = hello::make_context(argv[2], argv[3]);
    const std::string name = argc > 4 ? argv[4] : "stream_backend";

    const owned_fd listener{socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    bind_to(listener.fd, argv[1], SOCK_STREAM);
    if (listen(listener.fd, 1024) != 0)
        return std::perror(argv[1]), 1;
    for (;;) {
        const auto connection =
            std::make_shared<owned_fd>(accept4(listener.fd, nullptr, nullptr, SOCK_CLOEXEC));
        if (connection->fd < 0)
            usleep(10'000); // out of descriptors: the clients wait in the backlog
        else
            hello::start_thread([=, &senders] { handle(std::move(*connection), senders, context, name); });
    }
} catch (const std::exception& error) {
    return std::fprintf(stderr, "%s\n", error.what()), 1;
}
