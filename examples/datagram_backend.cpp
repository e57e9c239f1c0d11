// SPDX-License-Identifier: BSL-1.0
// A TLS server that takes its clients from snipass by the `datagram` protocol (docs/handoff.md), without any
// library of snipass. The ClientHello comes in the datagram, read already, so OpenSSL gets it from a BIO in
// front of the socket's.
//
//     datagram_backend [--from USER]... SOCKET_PATH CERTIFICATE KEY [NAME]
#include "hello_server.hpp"
#include "passed_descriptor.hpp"
#include "senders.hpp"

#include <fcntl.h>

#include <chrono>
#include <csignal>
#include <thread>
#include <vector>

namespace {

struct handoff {
    owned_fd client;
    std::string consumed; // the client's bytes so far; the socket continues behind them
};

// look leaves the datagram in the queue, or a client for whom there is no descriptor would be gone with it.
std::size_t look(int receiver, std::vector<char>& buffer, owned_fd& client, ucred& sender) {
    for (int looks = 1;; ++looks) {
        try {
            return receive_some(receiver, buffer.data(), buffer.size(), client, &sender, MSG_PEEK);
        } catch (out_of_descriptors) {
            const owned_fd spare{fcntl(receiver, F_DUPFD_CLOEXEC, 0)};
            if (spare.fd < 0)
                looks = 0;
            // There is room for one, time after time: something else keeps it from us, a security module
            // perhaps, and will go on doing so. All behind it would wait for ever.
            if (looks == 4)
                refuse("the client's descriptor is kept from us");
            std::this_thread::sleep_for(std::chrono::milliseconds{10});
        }
    }
}

handoff receive_client(int receiver, senders& senders, std::vector<char>& buffer) {
    handoff taken;
    ucred sender{0, static_cast<uid_t>(-1), 0};
    const auto drop = [receiver] { (void)recv(receiver, nullptr, 0, MSG_DONTWAIT | MSG_TRUNC); };
    std::size_t size = 0;
    try {
        size = look(receiver, buffer, taken.client, sender);
    } catch (const std::exception&) {
        drop();
        throw;
    }
    drop();
    senders.check(sender.uid);
    check_is_client(taken.client.fd);
    taken.consumed.assign(buffer.data(), size);
    return taken;
}

// OpenSSL's buffering BIO can be given its first bytes; what it has not, it reads from the BIO behind it. It
// reads ahead, which a blocking server does not notice. (One with an event loop uses snipass/openssl.h, which
// does not.)
void connect_bios(SSL* tls, handoff& taken) {
    auto* replay = BIO_new(BIO_f_buffer());
    BIO_set_buffer_read_data(replay, taken.consumed.data(), static_cast<long>(taken.consumed.size()));
    SSL_set_bio(tls, BIO_push(replay, BIO_new_socket(taken.client.fd, BIO_NOCLOSE)),
                BIO_new_socket(taken.client.fd, BIO_NOCLOSE));
}

void handle(handoff taken, SSL_CTX* context, const std::string& name) {
    try {
        fcntl(taken.client.fd, F_SETFL, 0); // it may come non-blocking; this thread has nothing else to do
        const std::unique_ptr<SSL, decltype(&SSL_free)> tls{SSL_new(context), SSL_free};
        connect_bios(tls.get(), taken);
        hello::serve(tls.get(), name);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "%s: %s\n", name.c_str(), error.what());
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
    const std::string name = argc > 4 ? argv[4] : "datagram_backend";

    const owned_fd receiver{socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
    const int on = 1; // before bind(): a datagram that is queued earlier comes without its sender
    if (setsockopt(receiver.fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof on) != 0)
        return std::perror(argv[1]), 1;
    bind_to(receiver.fd, argv[1], SOCK_DGRAM);
    for (std::vector<char> buffer(512UL * 1024);;) {
        try {
            const auto taken = std::make_shared<handoff>(receive_client(receiver.fd, senders, buffer));
            hello::start_thread([=] { handle(std::move(*taken), context, name); });
        } catch (refused_sender) {
        } catch (const std::exception& refused) {
            std::fprintf(stderr, "%s: %s\n", name.c_str(), refused.what());
        }
    }
} catch (const std::exception& error) {
    return std::fprintf(stderr, "%s\n", error.what()), 1;
}
