# SPDX-License-Identifier: BSL-1.0
"""Network namespaces for tests: the test file's process moves to one of its own, and makes others for its peers."""

import ctypes
import os
import pathlib
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import unittest

from . import apart
from .apart import CLONE_NEWNET
from .case import SKIPPED, Case, main



class Resolver:
    """Answers A and AAAA queries as `answers` says: name -> list of addresses, "stall", "fail" or "none"."""

    def __init__(self):
        self.answers = {}
        self.asked = []
        self._stalled = []
        self._lock = threading.Lock()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.53", 53))
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            query, client = self._socket.recvfrom(4096)
            with self._lock:
                reply = self._reply(query)
                if reply:
                    self._socket.sendto(reply, client)
                else:
                    self._stalled.append((query, client))

    def answer_now(self):
        """What stalled is answered as `answers` says by now."""
        with self._lock:
            for query, client in self._stalled:
                self._socket.sendto(self._reply(query), client)

    def _reply(self, query):
        name, at = [], 12
        while query[at]:
            name.append(query[at + 1:at + 1 + query[at]].decode())
            at += 1 + query[at]
        question = query[12:at + 5]
        (kind,) = struct.unpack("!H", query[at + 1:at + 3])
        name = ".".join(name)
        self.asked.append(name)
        answer = self.answers.get(name, "fail")
        if answer == "stall":
            return None
        code = 2 if answer == "fail" else 0
        families = {1: socket.AF_INET, 28: socket.AF_INET6}  # A, AAAA
        found = []
        for one in answer if isinstance(answer, list) else []:
            family = socket.AF_INET6 if ":" in one else socket.AF_INET
            if family == families.get(kind):
                found.append(socket.inet_pton(family, one))
        records = b"".join(b"\xc0\x0c" + struct.pack("!HHIH", kind, 1, 0, len(one)) + one for one in found)
        return query[:2] + struct.pack("!HHHHH", 0x8180 | code, 1, len(found), 0, 0) + question + records


class Neighbour:
    """Another machine: a namespace at the other end of a cable."""

    def __init__(self, name, own, theirs, *routes):
        """own and theirs are the two ends' addresses; routes are networks that it reaches through us."""
        self.interface = name
        self._keeper = subprocess.Popen(["unshare", "--net", "sleep", "infinity"])
        self._here = os.open("/proc/self/ns/net", os.O_RDONLY)
        path = f"/proc/{self._keeper.pid}/ns/net"
        while os.stat(path).st_ino == os.fstat(self._here).st_ino:  # until unshare has done its work
            pass
        self._there = os.open(path, os.O_RDONLY)
        self._ip(f"link add {name} type veth peer name {name}-far netns {self._keeper.pid}")
        # An IPv6 address is used at once, without asking whether somebody else has it.
        size, how = ("64", "nodad") if ":" in own else ("24", "")
        self._ip(f"addr add {own}/{size} dev {name} {how}")
        self._ip(f"link set {name} up")
        for what in (f"addr add {theirs}/{size} dev {name}-far {how}", f"link set {name}-far up", "link set lo up",
                     *(f"route add {network} via {own}" for network in routes)):
            self.inside(lambda what=what: self._ip(what))

    def plug_into(self, bridge):
        self._ip(f"addr flush dev {self.interface}")
        self._ip(f"link set {self.interface} master {bridge}")

    @staticmethod
    def _ip(arguments):
        subprocess.run(["ip", *arguments.split()], check=True)

    def inside(self, job):
        """job() with this thread on that machine; its sockets stay there."""
        libc = ctypes.CDLL(None, use_errno=True)
        assert libc.setns(self._there, CLONE_NEWNET) == 0, os.strerror(ctypes.get_errno())
        try:
            return job()
        finally:
            assert libc.setns(self._here, CLONE_NEWNET) == 0

    def close(self):
        self._keeper.kill()
        self._keeper.wait()
        os.close(self._here)
        os.close(self._there)
        subprocess.run(["ip", "link", "del", self.interface], check=False, capture_output=True)


class CaseWithNeighbour(Case):
    """A case with a DNS server and another machine, both of the class."""
    own, other = "11.0.0.1", "11.0.0.2"  # public addresses: forwarding needs no list

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.resolver = Resolver()
        cls.neighbour = Neighbour("other", cls.own, cls.other)
        cls.addClassCleanup(cls.neighbour.close)

    def setUp(self):
        super().setUp()
        self.resolver.answers.clear()


def why_not():
    """Enters namespaces of this process's own, or says why it cannot."""
    if os.geteuid() != 0:
        return "namespaces need root"
    try:
        apart.enter()
    except OSError as error:
        return f"no namespaces here: {error}"
    return None


def enter_or_skip():
    """For setUpClass."""
    reason = why_not()
    if reason:
        raise unittest.SkipTest(reason)


def run_in_namespace(setup=""):
    """The file's main(), where port 53, /etc/resolv.conf and all addresses are its own."""
    reason = why_not()
    if reason:
        print(f"skipped: {reason}")
        sys.exit(SKIPPED)
    with tempfile.TemporaryDirectory() as folder:
        conf = pathlib.Path(folder) / "resolv.conf"
        conf.write_text("nameserver 127.0.0.53\noptions timeout:2 attempts:1\n")
        hosts = pathlib.Path(folder) / "nsswitch.conf"
        hosts.write_text("hosts: files dns\n")
        subprocess.run(f"ip link set lo up && {setup or 'true'} && "
                       f"mount --bind {conf} /etc/resolv.conf && mount --bind {hosts} /etc/nsswitch.conf", shell=True, check=True)
        main()
