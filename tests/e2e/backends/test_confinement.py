# SPDX-License-Identifier: BSL-1.0
"""What a backend can do with a client's socket on the router's network, and what Landlock keeps it from.

The backend lives in a network namespace of its own, in which there is nothing. The client's socket was made in the router's,
by the router: disconnected, it is a fresh TCP socket there."""
import contextlib
import ctypes
import os
import socket
import subprocess
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from harness import client_hello, main, unless_sanitized  # noqa: E402
from harness.backend_case import BackendCase  # noqa: E402
from harness.places import BUILD, RUN, for_everybody  # noqa: E402
from harness.process import wait_until  # noqa: E402
from harness.router import SiteRouter  # noqa: E402


LANDLOCK_CREATE_RULESET, VERSION = 444, 1
ABI_WITH_TCP = 4
LIBRARY = BUILD / "src" / "libsnipass" / "libsnipass.so"
# It answers each client with what became of one attempt, by another client's socket.
BACKEND = """
import ctypes, errno, socket, sys
service, port, confine = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
libc = ctypes.CDLL(None, use_errno=True)
if confine:  # as a server of its own does it
    class Confinement(ctypes.Structure):
        _fields_ = [("bind", ctypes.c_void_p), ("bind_count", ctypes.c_size_t), ("connect", ctypes.POINTER(ctypes.c_uint16)),
                    ("connect_count", ctypes.c_size_t)]
    may = (ctypes.c_uint16 * 1)(int(confine[1]))
    assert ctypes.CDLL(confine[0]).snipass_confine(ctypes.byref(Confinement(None, 0, may, 1 if may[0] else 0))) == 0
def disconnected(client):
    assert libc.connect(client.fileno(), bytes(16), 16) == 0  # AF_UNSPEC
    return client
def attempt(action, *arguments):
    try:
        action(*arguments)
        return "done"
    except OSError as error:
        return errno.errorcode[error.errno]
listener = socket.create_server(("127.0.0.1", 443))
print("listening", flush=True)
first, second, third = (listener.accept()[0] for _ in range(3))
own = socket.socket()
told = [attempt(disconnected(first).connect, ("127.0.0.1", service)), attempt(disconnected(second).bind, ("127.0.0.1", port)),
        attempt(own.bind, ("127.0.0.1", port))]
if told[1] == "done": second.listen()
third.recv(65536, socket.MSG_PEEK)
third.sendall(" ".join(told).encode())
if told[1] == "done": second.accept()[0].sendall(b"by the backend")
third.recv(65536)
"""


def landlock_abi():
    return ctypes.CDLL(None).syscall(LANDLOCK_CREATE_RULESET, None, 0, VERSION)


@unittest.skipUnless(os.geteuid() == 0, "only root can make the namespace")
class Confinement(BackendCase):
    def setUp(self):
        super().setUp()
        (self.folder / "backend.py").write_text(BACKEND)
        self.service = self.enterContext(socket.create_server(("127.0.0.1", 0)))
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]

    def told(self, *options, arguments=()):
        """What the backend could do: connect to the router's loopback, bind there, and bind a socket of its own."""
        service, hello = self.service.getsockname()[1], client_hello()
        backend = self.start("unshare", "--net", RUN, self.socket, "--from", "0", "--listen", "443", *options, "--",
                             sys.executable, self.folder / "backend.py", service, self.port, *arguments)
        wait_until(self.socket.exists, "the backend")  # it listens from its bind() on
        with SiteRouter(self.folder, self.socket) as running, contextlib.ExitStack() as clients:
            for count in (1, 2, 3):  # one after the other: the third hears what became of the others
                client = clients.enter_context(socket.create_connection(running.address, 20))
                client.sendall(hello)
                running.sessions(count)
            told = client.recv(4096).decode()
            if told.split()[1] == "done":
                with socket.create_connection(("127.0.0.1", self.port), 20) as stranger:
                    self.assertEqual(stranger.recv(4096), b"by the backend")
        self.stop(backend)
        self.socket.unlink(missing_ok=True)
        return told

    def test_without_it_a_backend_reaches_the_routers_network(self):
        self.assertEqual(self.told(), "done done done")

    @unittest.skipUnless(landlock_abi() >= ABI_WITH_TCP, "this kernel's Landlock knows nothing of TCP")
    def test_with_it_there_is_no_way_but_to_the_ports_that_are_listed(self):
        service = str(self.service.getsockname()[1])
        for options, expected in (
                (["--confine"], "EACCES EACCES EACCES"),
                (["--try-confine"], "EACCES EACCES EACCES"),
                (["--confine", "--may-connect", service], "done EACCES EACCES"),
                (["--confine", "--may-connect", f"1,{service}"], "done EACCES EACCES"),
                (["--confine", "--may-bind", str(self.port)], "EACCES done done")):
            with self.subTest(options=options):
                self.assertEqual(self.told(*options), expected)

    @unless_sanitized
    @unittest.skipUnless(landlock_abi() >= ABI_WITH_TCP, "this kernel's Landlock knows nothing of TCP")
    def test_a_server_of_its_own_confines_itself(self):
        self.assertEqual(self.told(arguments=(LIBRARY, 0)), "EACCES EACCES EACCES")
        self.assertEqual(self.told(arguments=(LIBRARY, self.service.getsockname()[1])), "done EACCES EACCES")


class Wishes(BackendCase):
    """Whether the server starts where the kernel cannot."""

    def run_with(self, *options, abi=None):
        before = []
        if abi is not None:
            before = ["strace", "-qq", "-o", self.folder / "strace", "-e", f"inject=landlock_create_ruleset:{abi}"]
        return subprocess.run([*before, BUILD / "snipass-run", self.socket, "--from", "0", *options, "--", "echo", "started"],
                              capture_output=True, text=True, timeout=60)

    def test_a_kernel_that_cannot_is_an_error_or_a_warning(self):
        for abi, reason in (("error=ENOSYS", "this kernel has no Landlock"), ("error=EOPNOTSUPP", "is switched off"),
                            ("retval=3", "Linux 6.7")):
            with self.subTest(abi=abi):
                done = self.run_with("--confine", abi=abi)
                self.assertEqual((done.returncode, done.stdout), (2, ""), done.stderr)
                self.assertIn(reason, done.stderr)
                self.assertIn("--try-confine", done.stderr)
                done = self.run_with("--try-confine", abi=abi)
                self.assertEqual((done.returncode, done.stdout), (0, "started\n"), done.stderr)
                self.assertIn("is not confined: ", done.stderr)
                self.assertIn(reason, done.stderr)

    @unittest.skipUnless(landlock_abi() >= ABI_WITH_TCP, "this kernel's Landlock knows nothing of TCP")
    def test_a_port_that_it_forbids_is_told_of(self):
        """The server says what it would say of a missing privilege."""
        code = "import socket, sys; socket.create_server(('127.0.0.1', int(sys.argv[1])))"
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = str(free.getsockname()[1])
        for listen, told in (("443", True), (port, False)):
            with self.subTest(listen=listen):
                done = subprocess.run([RUN, self.socket, "--from", "0", "--listen", listen, "--try-confine", "--",
                                       sys.executable, "-c", code, port], capture_output=True, text=True)
                line = f"snipass preload: port {port} may not be bound: Permission denied. No --listen names it; and --confine"
                self.assertEqual(line in done.stderr, told, done.stderr)
                self.assertEqual(done.returncode, int(told))

    def test_what_is_no_list_of_ports_is_an_error(self):
        for options, problem in ((["--confine", "--may-bind"], "needs ports"), (["--confine", "--may-bind", "http"], "no list of ports"),
                                 (["--confine", "--may-connect", "80,"], "no list"), (["--confine", "--may-connect", "65536"], "no list"),
                                 (["--confine", "--may-connect", ""], "no list"), (["--may-bind", "80"], "exceptions from --confine")):
            with self.subTest(options=options):
                done = self.run_with(*options)
                self.assertEqual(done.returncode, 2)
                self.assertIn(problem, done.stderr)

    @unittest.skipUnless(landlock_abi() >= ABI_WITH_TCP, "this kernel's Landlock knows nothing of TCP")
    def test_a_receiver_of_its_own_needs_no_socket(self):
        code = "import os, socket; print('LD_PRELOAD' in os.environ); socket.create_server(('127.0.0.1', 0))"
        done = subprocess.run([BUILD / "snipass-run", "--confine", "--", "python3", "-c", code], capture_output=True, text=True)
        self.assertEqual(done.stdout, "False\n")
        self.assertIn("Permission denied", done.stderr)
        for options in (["--listen", "443", "--confine"], ["--confine", "--from", "0"], []):
            done = subprocess.run([BUILD / "snipass-run", *options, "--", "true"], capture_output=True, text=True)
            self.assertEqual(done.returncode, 2)
            self.assertIn("SOCKET", done.stderr)

    @unittest.skipUnless(os.geteuid() == 0 and landlock_abi() >= ABI_WITH_TCP, "needs root, and Linux 6.7")
    def test_privileges_are_given_up_only_where_the_kernel_wants_it(self):
        for user, given_up in ((0, "0"), (65534, "1")):
            command = for_everybody(BUILD / "snipass-run", "/tmp/handoff.sock", "--from", "0", "--confine", "--", "grep",
                                    "NoNewPrivs", "/proc/self/status")
            done = subprocess.run(command, capture_output=True, text=True, user=user, cwd="/")
            self.assertEqual(done.stdout.split(), ["NoNewPrivs:", given_up], done.stderr)


if __name__ == "__main__":
    main()
