# SPDX-License-Identifier: BSL-1.0
"""A plain HTTP server on libsnipass, as a program in C would be: its calls, by ctypes.

    library_server.py LIBRARY SOCKET LARGE-FILE
"""
import ctypes
import errno
import signal
import sys
import threading

PAIRS_AND_KERNEL_TLS, SIZE = 3, 65536


class Options(ctypes.Structure):
    _fields_ = [("protocol", ctypes.c_int), ("mode", ctypes.c_uint), ("backlog", ctypes.c_int), ("patience_ms", ctypes.c_uint),
                ("allowed", ctypes.c_void_p), ("allowed_count", ctypes.c_size_t), ("in_clear", ctypes.c_int)]


class Address(ctypes.Structure):
    _fields_ = [("family", ctypes.c_ushort), ("port", ctypes.c_ubyte * 2), ("host", ctypes.c_ubyte * 4)]


# With an errno that passes from one call to the next, as in C.
libc = ctypes.CDLL(None, use_errno=True)
library = ctypes.CDLL(sys.argv[1], use_errno=True)
for function, result, arguments in (
        ("snipass_listen", ctypes.c_void_p, [ctypes.c_char_p, ctypes.POINTER(Options)]),
        ("snipass_receive", ctypes.c_void_p, [ctypes.c_void_p, ctypes.c_int]),
        ("snipass_client_peer", ctypes.POINTER(Address), [ctypes.c_void_p, ctypes.POINTER(ctypes.c_uint)]),
        ("snipass_client_farewell", ctypes.c_char_p, [ctypes.c_void_p]),
        ("snipass_client_in_clear", ctypes.c_int, [ctypes.c_void_p]),
        ("snipass_client_release", ctypes.c_int, [ctypes.c_void_p]),
        ("snipass_client_free", None, [ctypes.c_void_p]),
        ("snipass_stop", None, [ctypes.c_void_p]),
        ("snipass_tls_close", ctypes.c_int, [ctypes.c_int, ctypes.c_char_p])):
    getattr(library, function).restype, getattr(library, function).argtypes = result, arguments


def receive(fd, room):
    while (n := libc.recv(fd, room, SIZE, 0)) < 0:
        if (n := library.snipass_tls_read_end(fd)) <= 0:
            return b""
    return room.raw[:n]


def send(fd, data):
    while data:
        if (n := libc.send(fd, data, len(data), 0x4000)) <= 0:  # MSG_NOSIGNAL
            return
        data = data[n:]


def serve(fd, peer, farewell):
    room, said = ctypes.create_string_buffer(SIZE), b""
    while more := receive(fd, room):
        said += more
        while b"\r\n\r\n" in said:
            head, _, said = said.partition(b"\r\n\r\n")
            body = LARGE if head.startswith(b"GET /large ") else f"client: {peer}\n".encode()
            send(fd, b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
            if b"\r\nConnection: close" in head:
                library.snipass_tls_close(fd, farewell)
                return
    library.snipass_tls_close(fd, farewell)


with open(sys.argv[3], "rb") as file:
    LARGE = file.read()
receiver = library.snipass_listen(sys.argv[2].encode(), ctypes.byref(Options(in_clear=PAIRS_AND_KERNEL_TLS)))
if not receiver:
    sys.exit(f"{sys.argv[2]}: errno {ctypes.get_errno()}")
signal.signal(signal.SIGTERM, lambda *_: library.snipass_stop(receiver))  # Python calls it between two calls of libsnipass
while True:
    client = library.snipass_receive(receiver, 100)
    if client:
        assert library.snipass_client_in_clear(client), "clear text was asked for"
        address = library.snipass_client_peer(client, ctypes.byref(ctypes.c_uint())).contents
        name = ".".join(map(str, address.host)) + ":" + str(int.from_bytes(bytes(address.port), "big"))
        end = library.snipass_client_farewell(client)
        threading.Thread(target=serve, args=(library.snipass_client_release(client), name, end)).start()
        library.snipass_client_free(client)
    elif ctypes.get_errno() == errno.ESHUTDOWN:
        break  # Python waits for the threads
