"""The receivers in other languages, examples/receivers/: written from docs/handoff.md, so they must pass what ours pass."""
import fcntl
import os
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "support"))
import handoff_sender  # noqa: E402
from backend_case import SOURCE, BackendCase  # noqa: E402
from receiver_checks import BehindRouter, RefusesLies, tcp_pair  # noqa: E402

RECEIVERS = SOURCE / "examples" / "receivers"


class Receiver(BehindRouter, RefusesLies, BackendCase):
    ignores = ["a TLV over the end"]  # they do not read TLVs

    def command(self):
        """The program and its first arguments; SOCKET_PATH, CERTIFICATE and KEY follow."""
        raise NotImplementedError

    def setUp(self):
        super().setUp()
        self.server = self.start(*self.command(), self.socket, self.certificate, self.key)
        self.wait_for_socket()

    def test_a_client_that_has_gone_is_no_trouble(self):
        far, near = tcp_pair()
        with near, handoff_sender.connect(str(self.socket)) as connection:
            header = handoff_sender.header(near)
            far.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            far.close()  # RST: getpeername() fails from now on
            handoff_sender.send_with(connection, header, [near])
            handoff_sender.answer(connection, 4)
        with self.router() as router:
            self.fetch(router.address)

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


class Python(Receiver):
    def command(self):
        return [sys.executable, RECEIVERS / "receiver.py"]


class Node(Receiver):
    def command(self):
        return ["node", RECEIVERS / "receiver.js"]

    @property
    def processes(self):
        children = Path(f"/proc/{self.server.pid}/task/{self.server.pid}/children").read_text()
        return [self.server.pid, *map(int, children.split())]


class Compiled(Receiver):
    """One that is built, once for all its tests."""
    compiler, source = [], ""

    @classmethod
    def setUpClass(cls):
        if not shutil.which(cls.compiler[0]):
            raise AssertionError(f"{cls.compiler[0]} is needed: scripts/install-deps test")
        folder = cls.enterClassContext(tempfile.TemporaryDirectory())
        cls.program = f"{folder}/receiver"
        subprocess.run([*cls.compiler, "-o", cls.program, RECEIVERS / cls.source], check=True, capture_output=True)

    def command(self):
        return [self.program]


class Go(Compiled):
    compiler, source = ["go", "build"], "receiver.go"


class Rust(Compiled):
    """Its standard library has no TLS: its clients speak plain HTTP."""
    compiler, source = ["rustc", "-O", "-D", "warnings"], "receiver.rs"

    def connect(self, address, **_):
        return socket.create_connection(address, timeout=20)


del Receiver, Compiled, RefusesLies  # they are no tests by themselves
if __name__ == "__main__":
    unittest.main()
