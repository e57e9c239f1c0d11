// SPDX-License-Identifier: BSL-1.0
// The same TLS server with libsnipass: both protocols, and what the router knows of a client.
//
//     library_backend [--datagram] [--from USER]... SOCKET_PATH CERTIFICATE KEY [NAME]
#include "hello_server.hpp"
#include "library_senders.hpp"

#include <snipass/openssl.h>
#include <snipass/snipass.h>

#include <atomic>
#include <csignal>
#include <string_view>
#include <thread>

namespace {

std::atomic<int> clients_being_served = 0;

void handle(snipass_client* client, SSL_CTX* context, const std::string& name) {
    try {
        const std::unique_ptr<SSL, decltype(&SSL_free)> tls{SSL_new(context), SSL_free};
        if (snipass_ssl_set_client(tls.get(), client) != 1)
            throw std::runtime_error("no BIO");
        hello::serve(tls.get(), name);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "%s: %s\n", name.c_str(), error.what());
    }
}

// stop_on_sigterm: no signal handler, because snipass_stop locks. The signal is blocked in every thread.
void stop_on_sigterm(snipass_receiver* receiver) {
    sigset_t terms;
    sigemptyset(&terms);
    sigaddset(&terms, SIGTERM);
    int number = 0;
    sigwait(&terms, &number);
    snipass_stop(receiver);
}

int usage() {
    std::fputs("usage: library_backend [--datagram] [--from USER]... SOCKET_PATH CERTIFICATE KEY [NAME]\n",
               stderr);
    return 2;
}

} // namespace

int main(int argc, char** argv) try {
    senders senders;
    snipass_options options{};
    while (argc > 1 && argv[1][0] == '-') {
        if (senders.take(argc, argv))
            continue;
        if (std::string_view(argv[1]) != "--datagram")
            return usage();
        options.protocol = SNIPASS_DATAGRAM;
        --argc, ++argv;
    }
    if (argc < 4)
        return usage();
    senders.set(options);
    std::signal(SIGPIPE, SIG_IGN);
    auto* context = hello::make_context(argv[2], argv[3]);
    const std::string name = argc > 4 ? argv[4] : "library_backend";
    // Before others see the socket: a stop that comes at once is in order, too.
    sigset_t terms;
    sigemptyset(&terms);
    sigaddset(&terms, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &terms, nullptr);
    snipass_receiver* receiver = snipass_listen(argv[1], &options);
    if (receiver == nullptr)
        return std::perror(argv[1]), 1;
    std::thread stopper(stop_on_sigterm, receiver);
    for (;;) {
        snipass_client* taken = snipass_receive(receiver, 1'000);
        senders.tell_of(snipass_strangers(receiver), snipass_last_stranger(receiver));
        if (taken != nullptr) {
            const std::shared_ptr<snipass_client> client{taken, snipass_client_free};
            ++clients_being_served;
            hello::start_thread([=] {
                handle(client.get(), context, name);
                --clients_being_served;
            });
        } else if (errno == ESHUTDOWN) {
            break;
        } else if (errno != EAGAIN) {
            usleep(10'000); // out of descriptors: the clients wait in the backlog
        }
    }
    // What was acknowledged is ours to serve; all others wait in the router for whoever comes next.
    while (clients_being_served > 0)
        usleep(10'000);
    stopper.join();
    snipass_receiver_free(receiver);
    SSL_CTX_free(context);
} catch (const std::exception& error) {
    return std::fprintf(stderr, "%s\n", error.what()), 1;
}
