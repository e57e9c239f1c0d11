# SPDX-License-Identifier: BSL-1.0
"""What systemd gives and hears: passed sockets that outlive a restart, readiness, reloads, the watchdog."""

import pathlib
import signal
import socket
import sys
import threading
import time

import harness
from harness import Case, Router, client_hello, read_exactly, wait_until

HEAD = """
[server]
workers = 2
[log]
format = "json"
[[listener]]
address = "systemd:https"
[[route]]
names = ["blog.example.com"]
backend = "blog"
"""

HELLO = client_hello("blog.example.com")
ACTIVATE = pathlib.Path(harness.__file__).with_name("activate.py")


class Activation(Case):
    def setUp(self):
        super().setUp()
        self.blog = self.receiver("blog", serve="raw")
        self.socket = socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True, backlog=1024)
        self.addCleanup(self.socket.close)
        self.port = self.socket.getsockname()[1]

    def activated(self, name="router"):
        fd = self.socket.fileno()
        return self.router(self.backend("blog"), head=HEAD, pass_fds=[fd], name=name,
                           prefix=[sys.executable, ACTIVATE, str(fd), "https"], compare_descriptors=False)

    def visit(self, host="127.0.0.1"):
        with socket.create_connection((host, self.port), harness.DEADLINE) as client:
            client.sendall(HELLO)
            self.assertEqual(read_exactly(client, len(HELLO)), HELLO)

    def test_it_serves_on_the_socket_that_it_was_passed(self):
        snipass = self.activated()
        self.visit()
        self.visit("::1")
        self.assertEqual(snipass.session(listener="systemd:https")["outcome"], "handed_off")
        facts = self.blog.taken(2)
        self.assertEqual((facts[0]["source"][0], facts[0]["form"]), ("127.0.0.1", ""), "IPv4, also of a dual-stack socket")
        self.assertEqual((facts[1]["source"][0], facts[1]["form"]), ("::1", "v6"))

    def test_a_socket_that_was_not_passed_is_an_error(self):
        snipass = self.router(self.backend("blog"), head=HEAD, ready=False)
        self.assertNotEqual(snipass.wait(), 0)
        self.assertTrue([line for line in snipass.lines if "https" in line], snipass.lines)

    def test_a_restart_under_load_loses_nobody(self):
        done = threading.Event()
        failures, served = [], [0] * 4

        def load(number):
            while not done.is_set():
                try:
                    self.visit()
                    served[number] += 1
                except (OSError, AssertionError) as error:
                    failures.append(repr(error))
                    return

        snipass = self.activated()
        threads = [threading.Thread(target=load, args=(number,)) for number in range(len(served))]
        for thread in threads:
            thread.start()
        try:
            for number in range(5):
                before = sum(served)
                wait_until(lambda n=before: sum(served) > n + 20 or failures, "clients are served")
                self.assertEqual(snipass.terminate(), 0)
                time.sleep(0.05)  # clients come to the backlog while nobody is there
                snipass = self.activated(f"router{number}")
        finally:
            done.set()
            for thread in threads:
                thread.join()
        self.assertEqual(failures, [])

    def test_who_waits_in_the_backlog_is_served_by_the_next_process(self):
        clients = [self.connect_plain() for _ in range(20)]
        self.activated()
        for client in clients:
            self.assertEqual(read_exactly(client, len(HELLO)), HELLO)

    def connect_plain(self):
        """To the kernel's queue: nobody accepts yet."""
        client = socket.create_connection(("127.0.0.1", self.port), harness.DEADLINE)
        self.addCleanup(client.close)
        client.sendall(HELLO)
        return client

    def test_a_reload_keeps_the_passed_socket(self):
        snipass = self.activated()
        snipass.reload()
        self.visit()


class Notify(Case):
    def is_served(self, snipass):
        """Not connected, which is the kernel's doing, but accepted, routed and answered."""
        client = self.connect(snipass, HELLO)
        self.assertEqual(read_exactly(client, len(HELLO)), HELLO)

    def test_the_states_of_a_life(self):
        self.receiver("blog", serve="raw")
        snipass = self.router('[[route]]\nnames = ["blog.example.com"]\nbackend = "blog"\n' + self.backend("blog"))
        snipass.reload()
        states = [state for state in snipass.manager.states if state in ("READY=1", "RELOADING=1", "STOPPING=1")]
        self.assertEqual(states, ["READY=1", "RELOADING=1", "READY=1"])
        self.assertTrue([state for state in snipass.manager.states if state.startswith("MONOTONIC_USEC=")])
        self.assertEqual(snipass.terminate(), 0)
        snipass.manager.wait_for("STOPPING=1")

    def test_ready_means_that_clients_are_served(self):
        self.receiver("blog", serve="raw")
        for number in range(5):
            snipass = self.router('[[route]]\nnames = ["blog.example.com"]\nbackend = "blog"\n' + self.backend("blog"),
                                  name=f"router{number}", compare_descriptors=False)
            self.is_served(snipass)

    def test_the_watchdog_is_fed_and_a_hung_process_does_not_feed_it(self):
        snipass = self.router(
            '[[route]]\nnames = ["blog.example.com"]\nbackend = "blog"\n' + self.backend("blog"), env={"WATCHDOG_USEC": "200000"})
        snipass.manager.wait_for("WATCHDOG=1", 5)
        snipass.signal(signal.SIGSTOP)
        time.sleep(0.3)  # what was sent before is read
        fed = snipass.manager.states.count("WATCHDOG=1")
        time.sleep(0.5)
        self.assertEqual(snipass.manager.states.count("WATCHDOG=1"), fed)
        snipass.signal(signal.SIGCONT)
        snipass.manager.wait_for("WATCHDOG=1", fed + 1)

    def test_without_a_manager(self):
        self.receiver("blog", serve="raw")
        snipass = self.keep(Router(self.folder, harness.case.HEAD + '[[route]]\nnames = ["blog.example.com"]\nbackend = "blog"\n'
                                   + self.backend("blog"), env={"NOTIFY_SOCKET": ""}, ready=False))
        self.is_served(snipass)


if __name__ == "__main__":
    harness.main()
