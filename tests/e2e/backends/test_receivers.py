"""The receivers in other languages, examples/receivers/: written from docs/handoff.md, so they must pass what ours pass."""
import shutil
import socket
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "support"))
from backend_case import SOURCE, BackendCase  # noqa: E402
from receiver_checks import BehindRouter, RefusesLies  # noqa: E402

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
