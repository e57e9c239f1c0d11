#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""snipass-tls ends and begins again while clients come and go."""

import os
import signal
import threading
from pathlib import Path

from harness import DEADLINE, Case, main, python_tls, wait_until
from harness.case import HEAD
from harness.tls_end import TlsSite

CLIENTS, RESTARTS = 6, 3


class Restart(TlsSite, Case):
    def test_under_load_nobody_is_lost(self):
        self.receiver("b", serve="raw")
        text = "[server]\ndrain_timeout = \"1s\"\n" + self.text(f'handoff = "unix:{self.socket}"\n', head=HEAD.replace("[server]\n", ""))
        self.tls = self.tls_end(text)
        router = self.router(head=text)
        over, served, lost = threading.Event(), [0] * CLIENTS, []

        def come(number):
            while not over.is_set():
                try:
                    with python_tls(router.port(), "a.example", self.a) as client:
                        client.sendall(b"echo")
                        if client.recv(4) != b"echo":
                            raise EOFError("closed without an answer")
                    served[number] += 1
                except (OSError, EOFError) as problem:
                    lost.append(repr(problem))
        threads = [threading.Thread(target=come, args=[number]) for number in range(CLIENTS)]
        for one in threads:
            one.start()
        long_lived = python_tls(router.port(), "a.example", self.a)
        for _ in range(RESTARTS):
            before = list(served)
            self.assertEqual(self.tls.terminate(), 0)
            self.tls = self.tls_end(text)
            wait_until(lambda before=before: all(now > then + 1 for now, then in zip(served, before)) or lost, "all are served again")
        over.set()
        for one in threads:
            one.join()
        long_lived.close()
        self.assertEqual(lost, [])

    def begin(self, *arguments):
        self.receiver("b", serve="raw")
        self.text_of_both = "[server]\ndrain_timeout = \"1m\"\n" + self.text(
            f'handoff = "unix:{self.socket}"\n', head=HEAD.replace("[server]\n", ""))
        self.tls = self.tls_end(self.text_of_both, arguments=arguments)
        return self.router(head=self.text_of_both)

    def ask(self, client):
        client.sendall(b"echo")
        self.assertEqual(client.recv(4), b"echo")

    def serve_on(self, *arguments, main_ends):
        """The next process takes new clients while the one before serves on whom it has."""
        router = self.begin(*arguments)
        old = self.tls
        with python_tls(router.port(), "a.example", self.a) as before:
            self.ask(before)
            old.signal(signal.SIGTERM)
            if main_ends:
                self.assertEqual(old.process.wait(DEADLINE), 0)
            else:
                wait_until(lambda: not (self.folder / "tls.sock").exists(), "it takes nobody new")
            old.manager.wait_for("STOPPING=1")
            states = list(old.manager.states)
            self.tls = self.tls_end(self.text_of_both, arguments=arguments)
            with python_tls(router.port(), "a.example", self.a) as after:
                self.ask(after)
                self.ask(before)
            self.assertEqual(old.is_running(), not main_ends)
            self.tls.session(outcome="handed_off")
            self.assertEqual(old.manager.states, states)  # the manager is another one's
        self.assertEqual(old.wait(), 0)  # and its last line is read
        old.session(outcome="handed_off", end="finished")

    def test_the_next_process_takes_new_clients_while_the_old_one_serves_on(self):
        self.serve_on(main_ends=False)

    def test_a_stand_in_ends_at_once_and_the_process_behind_it_serves_on(self):
        self.serve_on("--stand-in", main_ends=True)

    def test_a_stand_in_passes_signals_on_and_does_not_outlive_nor_leave_the_process_behind_it(self):
        router = self.begin("--stand-in")
        self.tls.reload(self.text_of_both.replace('hold = "5s"', 'hold = "6s"'))
        with python_tls(router.port(), "a.example", self.a) as client:
            self.ask(client)
        self.tls.wait_counted(handed_off=1)
        behind = int(Path(f"/proc/{self.tls.pid}/task/{self.tls.pid}/children").read_text())
        self.tls.signal(signal.SIGKILL)
        self.tls.wait()  # its output ends with the other process's
        wait_until(lambda: not Path(f"/proc/{behind}/exe").exists(), "both are gone")
        self.tls = self.tls_end(self.text_of_both, arguments=("--stand-in",))
        behind = int(Path(f"/proc/{self.tls.pid}/task/{self.tls.pid}/children").read_text())
        os.kill(behind, signal.SIGKILL)
        self.assertEqual(self.tls.wait(), -signal.SIGKILL)

    def test_a_stand_in_ends_as_the_process_behind_it_that_could_not_begin(self):
        tls = self.tls_end("[tls]\n", arguments=("--stand-in",), ready=False)
        self.assertEqual(tls.wait(), 2)


if __name__ == "__main__":
    main()
