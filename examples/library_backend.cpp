// The same TLS server with libsnipass: both protocols, and what the router knows of a client.
//
//     library_backend [--datagram] [--from USER] SOCKET_PATH CERTIFICATE KEY [NAME]
#include "hello_server.hpp"

#include <pwd.h>
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

// user_id is that of the user as which the router runs.
uid_t user_id(const char* name) {
    const auto* user = getpwnam(name);
    if (user == nullptr)
        throw std::runtime_error(std::string("no such user: ") + name);
    return user->pw_uid;
}

int usage() {
    std::fputs("usage: library_backend [--datagram] [--from USER] SOCKET_PATH CERTIFICATE KEY [NAME]\n",
               stderr);
    return 2;
}

} // namespace

int main(int argc, char** argv) try {
    uid_t router = geteuid(); // may hand over, as may root; the packaged router's user is `snipass`
    snipass_options options{};
    options.allowed = &router;
    options.allowed_count = 1;
    for (; argc > 1 && argv[1][0] == '-'; --argc, ++argv) {
        const std::string_view option = argv[1];
        if (option == "--datagram") {
            options.protocol = SNIPASS_DATAGRAM;
        } else if (option == "--from" && argc > 2) {
            router = user_id(argv[2]);
            options.mode = 0666; // whoever may enter the folder may connect
            --argc, ++argv;
        } else {
            return usage();
        }
    }
    if (argc < 4)
        return usage();
    std::signal(SIGPIPE, SIG_IGN);
    auto* context = hello::make_context(argv[2], argv[3]);
    const std::string name = argc > 4 ? argv[4] : "library_backend";
    snipass_receiver* receiver = snipass_listen(argv[1], &options);
    if (receiver == nullptr)
        return std::perror(argv[1]), 1;
    sigset_t terms;
    sigemptyset(&terms);
    sigaddset(&terms, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &terms, nullptr);
    std::thread stopper(stop_on_sigterm, receiver);
    for (;;) {
        if (snipass_client* taken = snipass_receive(receiver, -1)) {
            const std::shared_ptr<snipass_client> client{taken, snipass_client_free};
            ++clients_being_served;
            hello::start_thread([=] {
                handle(client.get(), context, name);
                --clients_being_served;
            });
        } else if (errno == ESHUTDOWN) {
            break;
        } else {
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
