// SPDX-License-Identifier: BSL-1.0
// A server with libsnipass that gets single requests of plain HTTP (`protocol = "scgi"`): a path that ends
// with /events is answered with a stream of events, any other with what the request was, and its body.
//
//     scgi_backend [--ack] [--from USER]... SOCKET_PATH
//
// --ack is for a backend with `scgi_ack = true`.
#include "library_senders.hpp"

#include <snipass/snipass.h>

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>

namespace {

using client_ptr = std::shared_ptr<snipass_client>;
using namespace std::chrono_literals;

constexpr std::size_t largest_body = 1 << 20;

bool say(const client_ptr& client, std::string_view text) {
    while (!text.empty()) {
        const auto n = send(snipass_client_fd(client.get()), text.data(), text.size(), MSG_NOSIGNAL);
        if (n < 0)
            return false;
        text.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
}

std::string_view variable(const client_ptr& client, const char* name) {
    const char* value = snipass_scgi_variable(client.get(), name);
    return value != nullptr ? value : "";
}

void stream_events(const client_ptr& client) {
    bool goes_on = say(client, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
                               "Cache-Control: no-store\r\nConnection: close\r\n\r\n");
    for (int number = 1; goes_on; ++number) {
        goes_on = say(client, "data: " + std::to_string(number) + "\n\n");
        std::this_thread::sleep_for(200ms);
    }
}

// The body is what lies in the socket: the head is out of it.
std::string read_body(const client_ptr& client) {
    const auto length = std::strtoul(variable(client, "HTTP_CONTENT_LENGTH").data(), nullptr, 10);
    std::string body(std::min<std::size_t>(length, largest_body), '\0');
    const auto n =
        body.empty() ? 0 : recv(snipass_client_fd(client.get()), body.data(), body.size(), MSG_WAITALL);
    body.resize(static_cast<std::size_t>(std::max<ssize_t>(n, 0)));
    return body;
}

void serve(const client_ptr& client) {
    const std::string_view uri = variable(client, "REQUEST_URI");
    const auto path = uri.substr(0, uri.find('?'));
    if (path.ends_with("/events"))
        return stream_events(client);
    std::string text{variable(client, "REQUEST_METHOD")};
    text.append(" ").append(path).append(" from ").append(variable(client, "REMOTE_ADDR")).append("\n");
    text += read_body(client);
    (void)say(client, "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(text.size()) +
                          "\r\nConnection: close\r\n\r\n" + text);
}

// start tries until there can be one more thread: nobody else has this client.
void start(const client_ptr& client) {
    for (;; usleep(10'000)) {
        try {
            return std::thread(serve, client).detach();
        } catch (const std::system_error&) {
            continue;
        }
    }
}

} // namespace

int main(int argc, char** argv) try {
    senders senders;
    snipass_options options{};
    options.protocol = SNIPASS_SCGI;
    while (argc > 1 && argv[1][0] == '-') {
        if (senders.take(argc, argv))
            continue;
        if (std::string_view(argv[1]) != "--ack")
            break;
        options.protocol = SNIPASS_SCGI_ACK;
        --argc, ++argv;
    }
    if (argc != 2 || argv[1][0] == '-')
        return std::fputs("usage: scgi_backend [--ack] [--from USER]... SOCKET_PATH\n", stderr), 2;
    senders.set(options);
    snipass_receiver* receiver = snipass_listen(argv[1], &options);
    if (receiver == nullptr)
        return std::perror(argv[1]), 1;
    for (;;) {
        const client_ptr client{snipass_receive(receiver, 1'000), snipass_client_free};
        const int error = errno;
        senders.tell_of(snipass_strangers(receiver), snipass_last_stranger(receiver));
        if (client)
            start(client);
        else if (error != EAGAIN)
            usleep(10'000); // out of descriptors: the clients wait in the backlog
    }
} catch (const std::exception& error) {
    return std::fprintf(stderr, "%s\n", error.what()), 1;
}
