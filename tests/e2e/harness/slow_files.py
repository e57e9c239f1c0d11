# SPDX-License-Identifier: BSL-1.0
"""Files whose closing takes a minute, and a kernel that lets them come along with a byte."""
import contextlib
import pathlib
import socket
import struct
import subprocess

from . import handoff_sender

SHIM = pathlib.Path(__file__).resolve().parents[2] / "support" / "older_kernel.c"


@contextlib.contextmanager
def lingering_socket():
    """One whose last copy waits a minute when it is closed, for a client that does not read."""
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.create_connection(listener.getsockname()):
        near, _ = listener.accept()
        near.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while near.send(bytes(65_536)):
                pass
        near.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 60))
        yield near


@contextlib.contextmanager
def slow_file():
    """A unix socket in whose queue a TCP socket lies that lingers: its end takes a minute, until `far` is reset."""
    near, far = socket.socketpair(socket.AF_UNIX)
    with near, lingering_socket() as inner:
        handoff_sender.send_with(far, b"x", [inner])
        inner.close()
        far.close()
        yield near


def before_refusals(folder):
    """The environment of a program that cannot refuse descriptors, as before Linux 6.16."""
    shim = folder / "older_kernel.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-o", shim, SHIM, "-ldl"], check=True)
    # AddressSanitizer wants to be the first library.
    return {"LD_PRELOAD": str(shim), "ASAN_OPTIONS": "verify_asan_link_order=0"}
