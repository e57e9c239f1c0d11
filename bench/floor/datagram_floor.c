// SPDX-License-Identifier: BSL-1.0
/* The floor of the `datagram` handoff: accept4, recv, sendmsg with the descriptor, close, and nothing else.
 * No parsing, no routing, no bookkeeping, no error handling but to stop: no router that passes descriptors
 * can cost less.
 *
 *     datagram_floor PORT RECEIVER_PATH */
#include "floor.h"

int main(int argc, char** argv) {
    if (argc != 3)
        return 2;
    const int listener = listen_for_clients(argv[1], 0);
    const struct sockaddr_un address = unix_address(argv[2]);
    const int receiver = check(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), "socket");
    check(connect(receiver, (const struct sockaddr*)&address, sizeof address), argv[2]);
    char hello[4096];
    for (;;) {
        const int client = check(accept4(listener, NULL, NULL, SOCK_CLOEXEC), "accept4");
        const ssize_t size = recv(client, hello, sizeof hello, 0);
        if (size > 0)
            send_with_fd(receiver, hello, (size_t)size, client);
        close(client);
    }
}
