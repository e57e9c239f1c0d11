# SPDX-License-Identifier: BSL-1.0
"""After the handoff the router keeps nothing, and its end touches nobody."""

import os
import signal

import harness
from harness import Case, client_hello, is_sanitized, read_exactly

COUNT = 1000
HELLO = client_hello("blog.example.com")


class Afterwards(Case):
    def setUp(self):
        super().setUp()
        self.blog = self.receiver("blog", serve="raw")
        self.snipass = self.router('[[route]]\nnames = ["blog.example.com"]\nbackend = "blog"\n' + self.backend("blog"))

    def clients(self, count):
        """Connected, handed off, and their hellos echoed by the backend."""
        clients = []
        for _ in range(0, count, 50):
            some = [self.connect(self.snipass, HELLO) for _ in range(50)]
            for client in some:
                self.assertEqual(read_exactly(client, len(HELLO)), HELLO)
            clients += some
        return clients

    def all_go_on(self, clients):
        for client in clients:
            client.sendall(b"still here")
        for client in clients:
            self.assertEqual(read_exactly(client, 10), b"still here")

    def test_a_thousand_live_clients_cost_nothing_and_survive_kill_9(self):
        for client in self.clients(COUNT):  # what the allocator keeps after its first thousand is no cost of a client
            client.close()
        self.snipass.sessions(COUNT, outcome="handed_off")
        self.snipass.wait_descriptors(self.snipass.descriptors_at_start)
        memory = self.snipass.memory()

        clients = self.clients(COUNT)
        self.snipass.sessions(2 * COUNT, outcome="handed_off")
        self.snipass.wait_descriptors(self.snipass.descriptors_at_start)
        # One kept byte a client would not be seen in whole pages; a kept object of 100 bytes would.
        if not is_sanitized():
            self.assertLessEqual(self.snipass.memory(), memory + 65_536)
        self.all_go_on(clients)

        self.snipass.signal(signal.SIGKILL)
        self.assertEqual(self.snipass.wait(), -signal.SIGKILL)
        for _ in range(3):
            self.all_go_on(clients)

    def test_the_backends_close_is_seen_at_once(self):
        """A registration or descriptor kept by the router would keep the connection open."""
        clients = self.clients(50)
        self.blog.close_clients()
        for client in clients:
            self.assertEqual(client.recv(1), b"")

    def test_the_backends_traffic_does_not_wake_the_router(self):
        clients = self.clients(50)
        before = switches(self.snipass.pid)
        for _ in range(40):
            self.all_go_on(clients)
        # 2,000 messages; a stale epoll registration would wake it for each.
        self.assertLess(switches(self.snipass.pid) - before, 200)


def switches(pid):
    """How often the threads of a process have slept."""
    total = 0
    for thread in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{thread}/status", encoding="ascii") as status:
            total += sum(int(line.split()[1]) for line in status if line.startswith("voluntary_ctxt_switches"))
    return total


if __name__ == "__main__":
    harness.main()
