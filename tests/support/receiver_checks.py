"""Every lie of handoff_sender.LIES, told to one receiver: it refuses each, keeps nothing of it, and serves on."""
import socket

import backend_case
import handoff_sender


def tcp_pair():
    """A client's two ends: its own, and the router's, with bytes of the client's unread in it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        far = socket.create_connection(listener.getsockname())
        near, _ = listener.accept()
    far.sendall(b"\x16\x03\x01 unread")
    assert near.recv(1, socket.MSG_PEEK) == b"\x16"
    return far, near


def check_lies(case, path, pids, ignores=()):
    """pids: the receiver's processes. ignores: lies about things that this receiver never looks at."""
    def held():
        return [backend_case.descriptors(pid) for pid in pids]

    before = held()
    for lie in handoff_sender.LIES:
        if lie in ignores:
            continue
        with case.subTest(lie=lie):
            far, near = tcp_pair()
            with far, near:
                case.assertEqual(handoff_sender.tell(str(path), lie, near), "refused")
                # Refused means untouched: the router, whose the client still is, finds every byte in its place.
                case.assertEqual(near.recv(64, socket.MSG_PEEK), b"\x16\x03\x01 unread")
                far.setblocking(False)
                with case.assertRaises(BlockingIOError):
                    far.recv(1)
            backend_case.wait_for(lambda: held() <= before, f"the descriptors to go after: {lie}; {before} < {held()}")
