// SPDX-License-Identifier: BSL-1.0
/* Takes clients by the `datagram` handoff, answers each and lets it go. As cheap as can be: it shares the
 * load generator's CPU and is no part of any figure. With `hold` it keeps the clients it was given.
 *
 *     datagram_receiver PATH [hold] */
#include "../floor/floor.h"

int main(int argc, char** argv) {
    if (argc < 2)
        return 2;
    const int hold = argc > 2 && strcmp(argv[2], "hold") == 0;
    const int socket = bind_unix(argv[1], SOCK_DGRAM);
    static char hello[1 << 18];
    for (;;) {
        const int client = recv_with_fd(socket, hello, sizeof hello, 0);
        if (client < 0)
            die("recvmsg");
        answer(client);
        if (!hold)
            close(client);
    }
}
