# SPDX-License-Identifier: BSL-1.0
"""The receivers in other languages, examples/receivers/: written from docs/handoff.md, so they must pass what ours pass."""
import fcntl
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from harness import handoff_sender, main  # noqa: E402
from harness.backend_case import BackendCase, can_connect, is_gone  # noqa: E402
from harness.places import SOURCE  # noqa: E402
from harness.process import wait_until  # noqa: E402
from harness.receiver_checks import (  # noqa: E402
    BehindRouter, KeepsItsPlace, KnowsOfSnipass, KnowsSenders, OutlivesThreads, RefusesLies, RefusesTheUnknown, tcp_pair)

RECEIVERS = SOURCE / "examples" / "receivers"


class Receiver(BehindRouter, KeepsItsPlace, KnowsOfSnipass, RefusesTheUnknown, KnowsSenders, RefusesLies, BackendCase):
    ignores = ["a TLV over the end", "a second host name"]  # they do not read TLVs

    def command(self):
        """The program and its first arguments; options, SOCKET_PATH, CERTIFICATE and KEY follow."""
        raise NotImplementedError

    def command_at(self, path, *options):
        return [*self.command(), *options, path, self.certificate, self.key]

    def setUp(self):
        super().setUp()
        self.server = self.start(*self.command_at(self.socket))
        self.wait_for_socket()

    def test_what_is_refused_keeps_its_flags(self):
        """They belong to the socket, which is the router's still, and perhaps somebody else's soon."""
        with socket.create_server(("127.0.0.1", 0)) as listener:
            listener.setblocking(False)
            with handoff_sender.connect(str(self.socket)) as connection:
                far, near = tcp_pair()
                with far, near:
                    handoff_sender.send_with(connection, handoff_sender.header(near), [listener])
                self.assertEqual(handoff_sender.answer(connection, 4), "refused")
            self.assertTrue(fcntl.fcntl(listener, fcntl.F_GETFL) & os.O_NONBLOCK)


class Python(OutlivesThreads, Receiver):
    def command(self):
        return ["python3", RECEIVERS / "receiver.py"]


class Node(OutlivesThreads, Receiver):
    def command(self):
        return ["node", RECEIVERS / "receiver.js"]

    @property
    def processes(self):
        children = Path(f"/proc/{self.server.pid}/task/{self.server.pid}/children").read_text()
        return [self.server.pid, *map(int, children.split())]

    def test_while_node_hangs_its_clients_are_the_routers(self):
        self.server.send_signal(signal.SIGSTOP)
        pairs = [tcp_pair() for _ in range(24)]
        with ThreadPoolExecutor(len(pairs)) as pool:
            outcomes = list(pool.map(lambda pair: handoff_sender.offer(str(self.socket), pair[1], patience=0.5), pairs))
        for far, near in pairs:
            far.close()
            near.close()
        self.assertLessEqual(outcomes.count("taken"), 8)
        with self.router() as router, ThreadPoolExecutor(24) as pool:
            answers = [pool.submit(self.fetch, router.address) for _ in range(24)]
            time.sleep(0.3)  # long enough for them to be lost
            self.server.send_signal(signal.SIGCONT)
            for answer in answers:
                self.assertIn("client: ", answer.result()[1])

    def test_a_client_for_whom_node_has_no_descriptor_waits(self):
        with self.router() as router, ThreadPoolExecutor(1) as pool:
            self.fetch(router.address)  # what it opens but once
            limit = resource.prlimit(self.server.pid, resource.RLIMIT_NOFILE)
            resource.prlimit(self.server.pid, resource.RLIMIT_NOFILE, (0, limit[1]))
            answer = pool.submit(self.fetch, router.address)
            time.sleep(0.3)
            resource.prlimit(self.server.pid, resource.RLIMIT_NOFILE, limit)
            self.assertIn("client: ", answer.result()[1])

    def wait_for_end(self, child):
        """Node is dead, and nobody takes clients for it; another one can have its place."""
        self.server.wait(timeout=20)
        wait_until(lambda: is_gone(child), "its child to go")
        far, near = tcp_pair()
        with far, near:
            self.assertEqual(handoff_sender.offer(str(self.socket), near), "away")
        self.server = self.start(*self.command_at(self.socket))
        self.wait_for_socket()

    def test_dies_with_a_client_unread_and_its_child_with_it(self):
        _, child = self.processes
        self.server.send_signal(signal.SIGSTOP)
        far, near = tcp_pair()
        with far, near:
            self.assertEqual(handoff_sender.offer(str(self.socket), near), "taken")
            wait_until(lambda: len(os.listdir(f"/proc/{child}/task")) == 2, "the client to be passed on")
            self.server.kill()
            self.wait_for_end(child)
        with self.router() as router:
            self.fetch(router.address)

    def test_dies_while_its_child_hangs_and_its_child_with_it(self):
        _, child = self.processes
        os.kill(child, signal.SIGSTOP)
        self.server.kill()
        self.wait_for_end(child)
        with self.router() as router:
            self.fetch(router.address)

    def test_is_restarted_under_load(self):
        restarts, threads = 6, 4
        with self.router() as router, self.load(router.address, threads) as load:
            for _ in range(restarts):
                served = load.served
                _, child = self.processes
                self.server.terminate()
                self.wait_for_end(child)
                wait_until(lambda: load.served > served + threads, "the next Node to serve")
        self.assertLessEqual(len(load.failures), restarts * threads)  # whom Node was serving

    def test_its_child_ends_where_the_channel_does(self):
        """Be the parent alive or not: what it would take from then on nobody would serve."""
        child = (RECEIVERS / "receiver.js").read_text().split("const CHILD = `\n")[1].split("`;")[0].replace("\\\\", "\\")
        for answer in (None, b'{"cmd":"NODE_HANDLE_NACK"}\n'):
            with self.subTest(answer=answer):
                path = self.folder / f"child{bool(answer)}.sock"
                far, near = tcp_pair()
                ours, its = socket.socketpair()
                with far, near, ours:
                    with its:
                        process = self.start("python3", "-c", child, path, os.getpid(), pass_fds=[its.fileno()],
                                             env={**os.environ, "NODE_CHANNEL_FD": str(its.fileno())})
                    self.wait_for_socket(path)
                    self.assertEqual(handoff_sender.offer(str(path), near), "taken")
                    if answer:
                        _, (client,), _, _ = socket.recv_fds(ours, 4096, 1)
                        os.close(client)
                        ours.sendall(answer)
                    else:
                        wait_until(lambda: ours.recv(1, socket.MSG_PEEK), "the client to be passed on")
                process.wait(timeout=20)


class Compiled(Receiver):
    """One that is built, once for all its tests."""
    compiler, source = [], ""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        if not shutil.which(cls.compiler[0]):
            raise AssertionError(f"{cls.compiler[0]} is needed: scripts/install-deps test")
        folder = cls.enterClassContext(tempfile.TemporaryDirectory())
        os.chmod(folder, 0o755)  # another user runs it, too
        cls.program = f"{folder}/receiver"
        subprocess.run([*cls.compiler, "-o", cls.program, RECEIVERS / cls.source], check=True, capture_output=True)

    def command(self):
        return [self.program]


GO_TEST = """
package main

import ("context"; "net"; "net/http"; "testing")

func TestShutdown(t *testing.T) {
	listener, err := listen(t.TempDir() + "/s", newSenders(nil))
	if err != nil { t.Fatal(err) }
	server := &http.Server{}
	served := make(chan error)
	go func() { served <- server.Serve(listener) }()
	server.Shutdown(context.Background())
	if err := <-served; err != http.ErrServerClosed { t.Fatal(err) }
}

func TestClose(t *testing.T) {
	listener, err := listen(t.TempDir() + "/s", newSenders(nil))
	if err != nil { t.Fatal(err) }
	accepted := make(chan error)
	go func() { _, err := listener.Accept(); accepted <- err }()
	listener.Close()
	if err := <-accepted; err != net.ErrClosed { t.Fatal(err) }
	if _, err := listener.Accept(); err != net.ErrClosed { t.Fatal(err) }
}
"""


class Go(Compiled):
    compiler, source = ["go", "build"], "receiver.go"

    def test_stops_cleanly_with_whom_it_has_acknowledged(self):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            far = socket.create_connection(listener.getsockname(), timeout=20)
            near, _ = listener.accept()
        with far, near, handoff_sender.connect(str(self.socket)) as connection:
            handoff_sender.send_with(connection, handoff_sender.header(near), [near])
            self.assertEqual(connection.recv(1), handoff_sender.ACK)  # it is theirs, and not let go yet
            self.server.terminate()
            wait_until(lambda: not can_connect(self.socket), "the listener to go")
            near.close()
            connection.close()
            with self.client_tls.wrap_socket(far, server_hostname="test.example") as client:
                self.assertIn("client: ", self.get(client, close=True))
        self.assertEqual(self.server.wait(timeout=20), 0)

    def test_short_of_descriptors_it_keeps_whom_it_has_acknowledged(self):
        for shortage in ("EMFILE", "ENFILE", "ENOMEM", "ENOBUFS"):
            with self.subTest(shortage=shortage), self.router() as router, ThreadPoolExecutor(1) as pool:
                strace = self.start("strace", "-f", "-e", f"inject=fcntl:error={shortage}", "-p", self.server.pid, log=shortage)
                wait_until(lambda: "attached" in (self.folder / shortage).read_text(), "strace to be there")
                answer = pool.submit(self.fetch, router.address)
                wait_until(lambda: "F_DUPFD_CLOEXEC" in (self.folder / shortage).read_text(), "a copy to fail")
                time.sleep(0.1)  # long enough for the client to be lost
                self.stop(strace, signal.SIGINT)
                self.assertIn("client: ", answer.result()[1])

    def test_is_a_listener_as_net_http_expects_it(self):
        """Shutdown and Close are heard by whoever is in Accept."""
        with tempfile.TemporaryDirectory() as folder:
            shutil.copy(RECEIVERS / "receiver.go", folder)
            Path(folder, "go.mod").write_text("module receiver\n")
            Path(folder, "receiver_test.go").write_text(GO_TEST)
            done = subprocess.run(["go", "test", "."], cwd=folder, capture_output=True, text=True, timeout=120)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_stops_cleanly_with_nobody_there(self):
        self.server.terminate()
        self.assertEqual(self.server.wait(timeout=20), 0)


class Rust(OutlivesThreads, Compiled):
    """Its standard library has no TLS: its clients speak plain HTTP."""
    compiler, source = ["rustc", "-O", "-D", "warnings"], "receiver.rs"

    def command_at(self, path, *options):
        return [*self.command(), *options, path]

    def connect(self, address, **_):
        return socket.create_connection(address, timeout=20)


del Receiver, Compiled, RefusesLies, RefusesTheUnknown, KeepsItsPlace, KnowsOfSnipass, KnowsSenders, OutlivesThreads  # they are no tests by themselves
if __name__ == "__main__":
    main()
