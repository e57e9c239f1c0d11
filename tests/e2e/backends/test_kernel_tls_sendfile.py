# SPDX-License-Identifier: BSL-1.0
"""What a server sends by sendfile(), splice(), writev() and the like to a client whose TLS the kernel speaks: past a small buffer and a slow
reader nothing is cut, and nothing is in another order. Nothing of ours is in the path that could hold a byte back: not a library's buffer,
nor a thread."""
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from harness import kernel_tls  # noqa: E402
from harness.kernel_tls import CLOSE_NOTIFY, TLS_1_2, TLS_1_3, read_record, read_to_the_end  # noqa: E402
from harness.preload_case import PreloadCase  # noqa: E402

WHOLE = b"".join(b"%07d\n" % i for i in range(40_000))  # no two lines are the same
BUFFERS = {"sending": 20_000, "receiving": 4_096}

# Each way to send what is at a place of the file; how much of it was taken.
SERVER = """
file = os.open("FILE", os.O_RDONLY)
whole = os.pread(file, 1 << 30, 0)
size, more, no_signal = len(whole), 0x8000, 0x4000
out, into = os.pipe()
in_pipe = 0
def splice(s, at):
    global in_pipe
    in_pipe = in_pipe or os.splice(file, into, min(50_000, size - at), offset_src=at)
    n = os.splice(out, s.fileno(), in_pipe)
    in_pipe -= n
    return n
def sendfile(s, at, most=30_000): return os.sendfile(s.fileno(), file, at, most)
def writev(s, at): return os.writev(s.fileno(), [whole[at:at + 1], whole[at + 1:at + 9_000], whole[at + 9_000:at + 25_000]])
def kept_back(s, at): return s.send(whole[at:at + 10_001], no_signal | (more if at + 10_001 < size else 0))
def head_then_file(s, at): return s.send(whole[:501], no_signal | more) if at == 0 else sendfile(s, at)
def in_turn(s, at): return (splice if in_pipe else (sendfile, writev, kept_back, splice)[at // 7_001 % 4])(s, at)
WAYS = {"sendfile": sendfile, "sendfile beyond the end": lambda s, at: sendfile(s, at, 2 * size), "splice": splice, "writev": writev,
        "send with MSG_MORE": kept_back, "a head, then a file": head_then_file, "all in turn": in_turn}
listener = listen()
say("listening")
for line in sys.stdin:
    way, corks, blocks = eval(line)
    client, _ = listener.accept()
    client.setblocking(blocks)
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, corks)
    at, was_full = 0, False
    while at < size:
        try:
            at += WAYS[way](client, at)
        except BlockingIOError:
            if not was_full: say("full")
            was_full = True
            select.select([], [client], [])
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, False)
    client.close()
"""


class Sendfile(PreloadCase):
    def setUp(self):
        super().setUp()
        (self.folder / "whole").write_bytes(WHOLE)
        self.farewell = kernel_tls.Farewell(self.folder / "farewell.sock")
        self.addCleanup(self.farewell.stop)
        self.serve(SERVER.replace("FILE", str(self.folder / "whole")))
        self.assertEqual(self.line(), "listening")

    def arrives(self, way, corks=False, blocks=False):
        for version in (TLS_1_2, TLS_1_3):
            with self.subTest(version=version):
                self.server.stdin.write(f"{(way, corks, blocks)}\n")
                self.server.stdin.flush()
                far, near = kernel_tls.pair(version, **BUFFERS)
                far.settimeout(120)
                self.addCleanup(far.close)
                kernel_tls.hand_over(self.socket, near, self.farewell.path)
                if not blocks:
                    self.assertEqual(self.line(), "full")  # before the client has read a byte
                data, behind = read_to_the_end(far, 1_500)
                self.assertEqual(len(data), len(WHOLE))
                self.assertTrue(data == WHOLE, "it is in another order")
                self.assertEqual((behind, read_record(far)), (CLOSE_NOTIFY, "FIN"))

    def test_sendfile(self):
        self.arrives("sendfile")

    def test_sendfile_of_a_server_that_blocks(self):
        self.arrives("sendfile", blocks=True)

    def test_sendfile_beyond_the_end_of_the_file(self):
        self.arrives("sendfile beyond the end")

    def test_splice(self):
        self.arrives("splice")

    def test_writev(self):
        self.arrives("writev")

    def test_what_msg_more_keeps_back(self):
        self.arrives("send with MSG_MORE")

    def test_a_head_that_msg_more_keeps_back_for_its_file(self):
        self.arrives("a head, then a file")

    def test_a_cork(self):
        """nginx's tcp_nopush."""
        self.arrives("a head, then a file", corks=True)

    def test_all_of_them_in_turn(self):
        self.arrives("all in turn")


if __name__ == "__main__":
    kernel_tls.main()
