// SPDX-License-Identifier: BSL-1.0
// What the tests of libsnipass share: a receiver at a path of its own, and what one asks of it.
#pragma once

#include "snipass/snipass.h"

#include "catch.hpp"
#include "handoff_sender.hpp"

#include <array>
#include <memory>
#include <string>

namespace handoff_test {

using namespace std::string_literals;

using client_ptr = std::unique_ptr<snipass_client, decltype(&snipass_client_free)>;
using receiver_ptr = std::unique_ptr<snipass_receiver, decltype(&snipass_receiver_free)>;

struct fixture {
    temporary_folder folder;
    std::string path = folder.path / "handoff.sock";
    snipass_options options{};

    [[nodiscard]] receiver_ptr listen() const {
        return {snipass_listen(path.c_str(), &options), snipass_receiver_free};
    }
};

inline client_ptr receive(const receiver_ptr& receiver, int timeout_ms = 0) {
    return {snipass_receive(receiver.get(), timeout_ms), snipass_client_free};
}

// Nothing to take, and everything that has arrived was looked at.
inline bool takes_nothing(const receiver_ptr& receiver) {
    return !receive(receiver) && errno == EAGAIN;
}

inline std::string text_of(const sockaddr* address) {
    char text[INET6_ADDRSTRLEN] = "";
    if (address->sa_family == AF_INET) {
        const auto* v4 = reinterpret_cast<const sockaddr_in*>(address);
        inet_ntop(AF_INET, &v4->sin_addr, text, sizeof text);
        return text + ":"s + std::to_string(ntohs(v4->sin_port));
    }
    const auto* v6 = reinterpret_cast<const sockaddr_in6*>(address);
    inet_ntop(AF_INET6, &v6->sin6_addr, text, sizeof text);
    return "["s + text + "]:" + std::to_string(ntohs(v6->sin6_port));
}

inline std::string address_of(int fd, decltype(getpeername)* ask) {
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    REQUIRE(ask(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0);
    return text_of(reinterpret_cast<sockaddr*>(&address));
}

// hand_over is a router that has let go: the handoff, end of file behind it.
inline test_fd hand_over(const std::string& path, int client) {
    auto connection = connect_unix(path);
    send_with(connection, example_header(), std::array{client});
    shutdown(connection.get(), SHUT_WR);
    return connection;
}

} // namespace handoff_test
