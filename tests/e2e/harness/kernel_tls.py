# SPDX-License-Identifier: BSL-1.0
"""Clients whose TLS the kernel speaks, with keys that everybody knows, and what snipass-tls does with them: the handoff and the
farewell. For kernels that have no TLS there is SNIPASS_VM (tests/README.md)."""
import array
import contextlib
import errno
import os
import socket
import struct
import sys
import threading
import time

from . import case, handoff_sender
from .places import BUILD

TCP_ULP, SOL_TLS, TLS_TX, TLS_RX, SET_RECORD_TYPE = 31, 282, 1, 2, 1
TLS_1_2, TLS_1_3, AES_128_GCM = 0x0303, 0x0304, 51
ALERT, HANDSHAKE, DATA = 21, 22, 23
CLOSE_NOTIFY = (ALERT, b"\x01\x00")
PLAINTEXT, FAREWELL = 0xE2, 0xE3


def keep_keys(s, version=TLS_1_3):
    """Gives the kernel keys for both directions, all of them zero."""
    s.setsockopt(socket.IPPROTO_TCP, TCP_ULP, b"tls")
    for direction in (TLS_RX, TLS_TX):
        s.setsockopt(SOL_TLS, direction, struct.pack("=HH", version, AES_128_GCM) + bytes(36))


def pair(version=TLS_1_3, sending=0, receiving=0):
    """The client's end and the backend's, both with keys; the buffers of the way from the backend, if they matter."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        far = socket.socket()
        if receiving:
            far.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receiving)
        far.connect(listener.getsockname())
        near, _ = listener.accept()
    if sending:
        near.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, sending)
    for end in (far, near):
        keep_keys(end, version)
    return far, near


def lacks_kernel_tls():
    """Why this machine has none; None where it has."""
    try:
        for end in pair():
            end.close()
    except OSError as error:
        return f"the kernel has no TLS (TCP_ULP: {error.strerror})"
    return None


def send_record(s, kind, data):
    s.sendmsg([data], [(SOL_TLS, SET_RECORD_TYPE, bytes([kind]))])


def read_record(s, most=16_384):
    """Type and bytes of the next record, or of a part of it; "FIN" or "RST" at an end without one."""
    try:
        data, control, _, _ = s.recvmsg(most, socket.CMSG_SPACE(1))
    except ConnectionResetError:
        return "RST"
    return (control[0][2][0] if control else 0, data) if data else "FIN"


def read_to_the_end(s, most=16_384):
    """The data, and what came behind them."""
    data = bytearray()
    while True:
        record = read_record(s, most)
        if not isinstance(record, tuple) or record[0] != DATA:
            return bytes(data), record
        data += record[1]


class Farewell:
    """snipass-tls, as far as the ends of connections go: whoever waits for room."""

    def __init__(self, path):
        self.path, self.taken = str(path), 0
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(self.path)
        self._listener.listen(64)
        self._threads = [threading.Thread(target=self._serve)]
        self._threads[0].start()

    def stop(self):
        self._listener.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        self._listener.close()

    def _serve(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                data, control, _, _ = connection.recvmsg(16, socket.CMSG_SPACE(4))
            assert data == b"\x01" and len(control) == 1, (data, control)
            client = socket.socket(fileno=array.array("i", control[0][2])[0])
            self.taken += 1
            self._threads.append(threading.Thread(target=self._end, args=(client,)))
            self._threads[-1].start()

    @staticmethod
    def _end(client):
        with client, contextlib.suppress(OSError):
            os.set_blocking(client.fileno(), True)  # then what is accepted is on its way
            send_record(client, *CLOSE_NOTIFY)
            client.shutdown(socket.SHUT_WR)


def hand_over(path, near, farewell=None, seconds=20):
    """Offers it until it is taken: a slow machine's header may come too late for the server's patience (10 ms)."""
    extra = handoff_sender.tlv(PLAINTEXT, b"\x01") + (handoff_sender.tlv(FAREWELL, os.fsencode(farewell)) if farewell else b"")
    deadline = time.monotonic() + seconds
    while (result := handoff_sender.offer(str(path), near, patience=5, extra=extra)) != "taken":
        if time.monotonic() > deadline:
            raise AssertionError(f"the client was not taken: {result}")
        time.sleep(0.01)


def is_would_block(error):
    return error.errno in (errno.EAGAIN, errno.EWOULDBLOCK)


def main():
    """Runs the file where the kernel has TLS: here, else in the machine that SNIPASS_VM starts; else it is skipped."""
    why = lacks_kernel_tls()
    if why is None:
        case.main()
    if "SNIPASS_VM" not in os.environ:
        print(f"skipped: {why}; SNIPASS_VM names a program that runs a command on another kernel (tests/README.md)", file=sys.stderr)
        sys.exit(case.SKIPPED)
    run_in_vm(sys.argv[1:])


def run_in_vm(arguments, hours=0.25):
    """Runs this program in the machine that SNIPASS_VM starts, in its place."""
    vm, program = os.environ["SNIPASS_VM"], os.path.abspath(sys.argv[0])
    os.chdir(BUILD)
    os.execv(vm, [vm, "--timeout", f"{hours * 3600:.0f}", "--env", f"SNIPASS_BUILD_DIR={BUILD}", "--env", "PYTHONDONTWRITEBYTECODE=1",
                  "--env", "SNIPASS_TEST_DEADLINE=120", "--", sys.executable, program, *arguments])
