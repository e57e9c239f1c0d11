# SPDX-License-Identifier: BSL-1.0
"""What a client costs: the system calls of the router, counted by strace."""

import contextlib
import pathlib
import re
import signal
import socket
import threading

import harness
from harness import Case, client_hello, wait_until

CLIENTS, EACH = 32, 100
# One worker, so that all clients are one worker's: what a wake-up costs (five calls) is shared by those it finds.
HEAD = harness.case.HEAD.replace('level = "info"', 'level = "info"\naccess = false').replace("workers = 2", "workers = 1")


def can_refuse_descriptors():
    """SO_PASSRIGHTS, Linux 6.16. Older kernels are asked whether a backend's answer came with some."""
    with socket.socket(socket.AF_UNIX) as one, contextlib.suppress(OSError):
        one.setsockopt(socket.SOL_SOCKET, 83, 0)
        return True


def answer_all(backend):
    """A backend that says one byte to each client, and closes."""
    with contextlib.suppress(OSError):  # until it is shut down
        while True:
            connection, _ = backend.accept()
            with connection:
                connection.recv(65_536)
                connection.sendall(b"!")


class SystemCalls(Case):
    def start_router(self, protocol):
        self.receiver("blog", protocol=protocol, serve="once")
        snipass = self.router(
            '[[route]]\nnames = ["blog.example.com"]\nbackend = "blog"\n' + self.backend("blog", protocol=protocol), head=HEAD)
        self.visit(snipass.port(), 4 * CLIENTS)  # what happens once: connecting to the backend, growing buffers
        return snipass

    def start_router_to(self, backend):
        snipass = self.router(
            '[[route]]\nnames = ["blog.example.com"]\nbackend = "blog"\n[backend.blog]\n'
            f'proxy = ["127.0.0.1:{backend.getsockname()[1]}"]\n', head=HEAD)
        self.visit(snipass.port(), 4 * CLIENTS)
        return snipass

    def count(self, snipass):
        """System calls a client, and strace's own table for the message."""
        table = self.folder / "strace"
        strace = self.run_program(["strace", "-f", "-c", "-o", table, "-p", str(snipass.pid)])
        strace.wait_for(lambda me: [line for line in me.lines if "attached" in line], "attached")
        for _ in range(EACH):
            self.visit_together(snipass)
        self.assertEqual(self.failures, [])
        strace.signal(signal.SIGINT)
        strace.wait()
        text = table.read_text()
        total = int(re.search(r"(?m)^100\.00\s+\S+\s+(?:\S+\s+)?(\d+)\s+(?:\d+\s+)?total$", text).group(1))
        own = sum(int(errors) for errors in  # calls that this test's signals interrupted
                  re.findall(r"(?m)^\s*\S+\s+\S+\s+\S+\s+\d+\s+(\d+)\s+epoll_wait$", text))
        # And what goes on without clients: the guard's sleep, and its signals to a worker that this test has stopped.
        guard = "clock_nanosleep|restart_syscall|getpid|tgkill|rt_sigprocmask|rt_sigreturn"
        own += sum(int(calls) for calls in re.findall(rf"(?m)^\s*\S+\s+\S+\s+\S+\s+(\d+)\s+(?:\d+\s+)?(?:{guard})$", text))
        return (total - own) / (CLIENTS * EACH), text

    def best_of_three(self, snipass, what):
        """A machine that is busy otherwise makes the backend slow and its queue full, and the router tries again: what is asked
        is what a client costs when the backend takes it."""
        calls, table = min(self.count(snipass) for _ in range(3))
        print(f"{what}: {calls:.2f} system calls a client")
        return calls, table

    def setUp(self):
        super().setUp()
        self.failures = []

    def visit(self, port, count):
        hello = client_hello("blog.example.com")
        for _ in range(count):
            try:
                with socket.create_connection(("127.0.0.1", port), harness.DEADLINE) as client:
                    client.sendall(hello)
                    assert client.recv(1) == b"!"
            except (OSError, AssertionError) as error:
                self.failures.append(repr(error))
                return

    def visit_together(self, snipass):
        """So many clients at the same time, whatever else the machine does: they come while the router is stopped."""
        hello = client_hello("blog.example.com")
        snipass.signal(signal.SIGSTOP)
        wait_until(lambda: self.is_stopped(snipass), "the router to stop")
        clients = []
        for _ in range(CLIENTS):
            clients.append(socket.create_connection(("127.0.0.1", snipass.port()), harness.DEADLINE))
            clients[-1].sendall(hello)
        snipass.signal(signal.SIGCONT)
        for client in clients:
            with client:
                self.assertEqual(client.recv(1), b"!")

    def is_stopped(self, snipass):
        tasks = pathlib.Path(f"/proc/{snipass.pid}/task").iterdir()
        return all(re.search(r"State:\s+[Tt]", (task / "status").read_text()) for task in tasks)

    def test_a_datagram_handoff_takes_five(self):
        calls, table = self.best_of_three(self.start_router("datagram"), "datagram")
        # accept4, peek, discard, sendmsg, close: 5.1 with the wake-ups. The kernel's queue for the backend has room for ten
        # (net.unix.max_dgram_qlen), so a backend that is slow on a busy machine makes the router ask and try again.
        self.assertLessEqual(calls, 5.2, table)

    def test_a_stream_handoff_takes_few(self):
        calls, table = self.best_of_three(self.start_router("stream"), "stream")
        self.assertLessEqual(calls, 13 if can_refuse_descriptors() else 15, table)

    def test_a_short_relayed_connection_takes_seventeen(self):
        backend = socket.create_server(("127.0.0.1", 0), backlog=4 * CLIENTS)
        answering = threading.Thread(target=answer_all, args=(backend,))
        answering.start()
        try:
            calls, table = self.best_of_three(self.start_router_to(backend), "relay")
        finally:
            backend.shutdown(socket.SHUT_RD)
            answering.join()
            backend.close()
        self.assertLessEqual(calls, 17, table)


if __name__ == "__main__":
    harness.main()
