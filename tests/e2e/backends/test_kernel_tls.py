# SPDX-License-Identifier: BSL-1.0
"""libsnipass_preload.so and clients whose TLS the kernel speaks, call by call: what a server reads, and how its ends are said."""
import socket
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from harness import kernel_tls  # noqa: E402
from harness.kernel_tls import ALERT, CLOSE_NOTIFY, DATA, HANDSHAKE, TLS_1_2, TLS_1_3, read_record, send_record  # noqa: E402
from harness.places import BUILD  # noqa: E402
from harness.preload_case import PreloadCase  # noqa: E402

# Each way to read, as far as Python has it: what came, or the error.
READS = """
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
room = ctypes.create_string_buffer(64)
class Part(ctypes.Structure): _fields_ = [("base", ctypes.c_void_p), ("size", ctypes.c_size_t)]
class Header(ctypes.Structure):
    _fields_ = [("name", ctypes.c_void_p), ("name_size", ctypes.c_uint), ("parts", ctypes.POINTER(Part)), ("count", ctypes.c_size_t),
                ("control", ctypes.c_void_p), ("control_size", ctypes.c_size_t), ("flags", ctypes.c_int), ("pad", ctypes.c_int), ("size", ctypes.c_uint)]
part = Part(ctypes.addressof(room), 64)
def by_libc(function, *arguments):
    ctypes.set_errno(0)
    n = getattr(libc, function)(*arguments)
    return room.raw[:n] if n >= 0 else errno.errorcode[ctypes.get_errno()]
def recvmmsg(s):
    message = Header(parts=ctypes.pointer(part), count=1)
    ctypes.set_errno(0)
    n = libc.recvmmsg(s.fileno(), ctypes.byref(message), 1, 0, None)
    return room.raw[:message.size] if n == 1 else errno.errorcode.get(ctypes.get_errno(), n)
def readv(s):
    room = bytearray(64)
    n = attempt(os.readv, s.fileno(), [room])
    return n if isinstance(n, str) else bytes(room[:n])
def by_message(*arguments):
    got = attempt(*arguments)
    return got if isinstance(got, str) else got[0] if not got[1] else ("control data", got)
def peek(s):
    got = by_message(s.recvmsg, 64, 64, socket.MSG_PEEK)
    return s.recv(len(got)) if isinstance(got, bytes) and got else got
READS = {
    "read": lambda s: attempt(os.read, s.fileno(), 64),
    "readv": readv,
    "recv": lambda s: attempt(s.recv, 64),
    "recvfrom": lambda s: by_libc("recvfrom", s.fileno(), room, 64, 0, None, None),
    "recvmsg": lambda s: by_message(s.recvmsg, 64),
    "recvmsg with control": lambda s: by_message(s.recvmsg, 64, 64),
    "recvmsg with control, peeking": peek,
    "recvmmsg": recvmmsg,
    "__read_chk": lambda s: by_libc("__read_chk", s.fileno(), room, 64, 64),
    "__recv_chk": lambda s: by_libc("__recv_chk", s.fileno(), room, 64, 64, 0),
    "__recvfrom_chk": lambda s: by_libc("__recvfrom_chk", s.fileno(), room, 64, 64, 0, None, None),
}
"""
WAYS = ("read", "readv", "recv", "recvfrom", "recvmsg", "recvmsg with control", "recvmsg with control, peeking", "recvmmsg",
        "__read_chk", "__recv_chk", "__recvfrom_chk")


class KernelTls(PreloadCase):
    def client(self, version=TLS_1_3, farewell=None, **buffers):
        """The client's end, of one that the server has taken."""
        far, near = kernel_tls.pair(version, **buffers)
        far.settimeout(120)
        self.addCleanup(far.close)
        kernel_tls.hand_over(self.socket, near, farewell)
        return far

    def serve_reads(self):
        """A server that reads in each way in turn, twice to see that an end is one for good."""
        self.serve(READS + """
        listener = listen()
        say("listening")
        for way in sys.stdin:
            client, _ = listener.accept()
            while (got := READS[way.strip()](client)) and not isinstance(got, str): say(got)
            say(got, READS[way.strip()](client) if got == b"" else "")
            client.close()
        """.replace("\n        ", "\n"))
        self.assertEqual(self.line(), "listening")

    def reads(self, way, version, *records, lines):
        self.server.stdin.write(way + "\n")
        self.server.stdin.flush()
        far = self.client(version)
        for kind, data in records:
            send_record(far, kind, data)
        self.assertEqual([self.line() for _ in lines], list(lines), way)
        return far

    def test_close_notify_is_the_end_however_it_is_read(self):
        self.serve_reads()
        for way in WAYS:
            for version in (TLS_1_2, TLS_1_3):
                with self.subTest(way=way, version=version):
                    far = self.reads(way, version, (DATA, b"request"), CLOSE_NOTIFY, lines=("b'request'", "b'' b''"))
                    self.assertEqual(read_record(far), CLOSE_NOTIFY)

    def test_warnings_are_skipped_and_renegotiation_is_refused(self):
        self.serve_reads()
        hello = b"\x01\x00\x0b\xb8" + bytes(3000)
        for way in WAYS:
            with self.subTest(way=way):
                far = self.reads(way, TLS_1_2, (ALERT, b"\x01\x64"), (HANDSHAKE, hello), (DATA, b"behind"), CLOSE_NOTIFY,
                                 lines=("b'behind'", "b'' b''"))
                self.assertEqual(read_record(far), (ALERT, b"\x01\x64"))
                self.assertEqual(read_record(far), CLOSE_NOTIFY)
                far = self.reads(way, TLS_1_3, (ALERT, b"\x01\x5a"), CLOSE_NOTIFY, lines=("b'' b''",))

    def test_a_fin_alone_is_an_end_as_on_tcp(self):
        """Whether an upload was cut nobody can tell then: docs/tls.md."""
        self.serve_reads()
        for way in WAYS:
            with self.subTest(way=way):
                self.server.stdin.write(way + "\n")
                self.server.stdin.flush()
                far = self.client()
                far.sendall(b"upload")
                far.shutdown(socket.SHUT_WR)
                self.assertEqual([self.line(), self.line()], ["b'upload'", "b'' b''"])
                self.assertEqual(read_record(far), CLOSE_NOTIFY)

    def test_what_cannot_go_on_is_a_reset(self):
        self.serve_reads()
        for way in WAYS:
            with self.subTest(way=way):
                self.reads(way, TLS_1_3, (ALERT, b"\x02\x28"), lines=("ECONNRESET",))
                far = self.reads(way, TLS_1_3, (HANDSHAKE, b"\x18\x00\x00\x01\x00"), lines=("ECONNRESET",))
                self.assertEqual(read_record(far), (ALERT, b"\x02\x50"))

    def test_errno_stays_at_the_end(self):
        """nginx logs it."""
        self.serve(READS + """
        listener = listen()
        say("listening")
        client, _ = listener.accept()
        ctypes.set_errno(errno.EXDEV)
        say(libc.recv(client.fileno(), room, 64, 0), errno.errorcode[ctypes.get_errno()])
        """.replace("\n        ", "\n"))
        self.line()
        send_record(self.client(), *CLOSE_NOTIFY)
        self.assertEqual(self.line(), "0 EXDEV")

    def ends(self, code, *expected, **client):
        """What the client hears of a server that does that."""
        self.serve(f"""
            listener = listen()
            say("listening")
            client, _ = listener.accept()
            {code}
            say("done")
            sys.stdin.readline()
        """)
        self.assertEqual(self.line(), "listening")
        far = self.client(**client)
        self.assertEqual(self.line(), "done")
        for record in expected:
            self.assertEqual(read_record(far), record)
        return far

    def test_close_says_close_notify(self):
        for version in (TLS_1_2, TLS_1_3):
            self.ends("client.send(b'answer'); client.close()", (DATA, b"answer"), CLOSE_NOTIFY, "FIN", version=version)
            self.stop(self.server)

    def test_shutdown_says_close_notify_once(self):
        self.ends("client.shutdown(socket.SHUT_WR); client.close()", CLOSE_NOTIFY, "FIN")

    def test_a_close_in_the_parent_leaves_the_client_to_the_child(self):
        self.serve("""
            listener = listen()
            say("listening")
            client, _ = listener.accept()
            if os.fork() == 0:
                sys.stdin.readline()
                client.send(b"of the child")
                client.shutdown(socket.SHUT_WR)
                os._exit(0)
            client.close()
            say("closed")
            os.wait()
        """)
        self.assertEqual(self.line(), "listening")
        far = self.client()
        self.assertEqual(self.line(), "closed")
        self.server.stdin.write("\n")
        self.server.stdin.flush()
        self.assertEqual([read_record(far) for _ in range(3)], [(DATA, b"of the child"), CLOSE_NOTIFY, "FIN"])

    def test_a_copy_goes_on_after_a_close(self):
        copies = {"dup": "os.dup(client.fileno())", "dup2": "os.dup2(client.fileno(), 77)", "fcntl": "fcntl.fcntl(client, fcntl.F_DUPFD, 50)",
                  "fcntl, close-on-exec": "fcntl.fcntl(client, fcntl.F_DUPFD_CLOEXEC, 60)",
                  "SCM_RIGHTS": "(lambda a, b: (socket.send_fds(a, [b'x'], [client.fileno()]), socket.recv_fds(b, 1, 1)[1][0])[1])(*socket.socketpair())"}
        for name, code in copies.items():
            with self.subTest(copy=name):
                self.ends(f"""
            copy = {code}
            client.close()
            os.write(copy, b"goes on")
            socket.socket(fileno=copy).shutdown(socket.SHUT_WR)""", (DATA, b"goes on"), CLOSE_NOTIFY, "FIN")
                self.stop(self.server)

    def test_no_byte_that_was_accepted_is_lost_at_the_end_of_a_full_buffer(self):
        farewell = kernel_tls.Farewell(self.folder / "farewell.sock")
        self.addCleanup(farewell.stop)
        for end in ("client.close()", "client.shutdown(socket.SHUT_WR); client.close()", "client.shutdown(socket.SHUT_RDWR)",
                    "client.close(); sys.exit()"):
            for version in (TLS_1_2, TLS_1_3):
                with self.subTest(end=end, version=version):
                    self.serve(f"""
            listener = listen()
            say("listening")
            client, _ = listener.accept()
            client.setblocking(False)
            accepted = 0
            try:
                while True: accepted += client.send(bytes(20000))
            except BlockingIOError: pass
            say(accepted)
            {end}
            sys.stdin.readline()
                    """)
                    self.assertEqual(self.line(), "listening")
                    far = self.client(version, farewell.path, sending=30_000, receiving=4_096)
                    accepted = int(self.line())
                    data, behind = kernel_tls.read_to_the_end(far)
                    self.assertEqual((len(data), behind), (accepted, CLOSE_NOTIFY))
                    self.assertEqual(read_record(far), "FIN")
                    self.stop(self.server)

    def test_the_steps(self):
        """Tests of these programs that need such a kernel: the handshake's end, the keys, the router and its relay, the ends."""
        for program in ("unit_tests", "tls_tests", "integration_tests"):
            with self.subTest(program=program):
                done = subprocess.run([BUILD / program, "[kernel_tls]"], capture_output=True, text=True, check=False)
                self.assertEqual(done.returncode, 0, done.stdout[-4000:])
                self.assertNotIn("SKIPPED", done.stdout)
                self.assertNotIn("No test cases matched", done.stdout + done.stderr)


if __name__ == "__main__":
    kernel_tls.main()
