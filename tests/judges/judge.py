# SPDX-License-Identifier: BSL-1.0
"""Reads request heads as a server on Python's h11 does: see read_heads.cpp."""
import sys

import h11


def in_hexadecimal(text):
    return text.hex() or "-"


def judge(head):
    connection = h11.Connection(h11.SERVER, max_incomplete_event_size=1 << 20)
    try:
        connection.receive_data(head)
        event = connection.next_event()
    except h11.RemoteProtocolError:
        return "refused"
    if not isinstance(event, h11.Request):
        return "waits"
    hosts = [value for name, value in event.headers if name == b"host"]
    return " ".join(["head", *map(in_hexadecimal, (event.method, event.target, hosts[0] if hosts else b""))])


while size := sys.stdin.buffer.read(4):
    print(judge(sys.stdin.buffer.read(int.from_bytes(size, "big"))))
