# SPDX-License-Identifier: BSL-1.0
"""transparent = true: the backend sees the client's own address, and its answers find the way back, for IPv4 and IPv6, by each
of the ways that docs/configuration.md has.

The file runs in a network namespace of its own, between two other machines: the client's and the backend's.
"""

import pathlib
import re
import socket
import subprocess
import unittest

from harness import DEADLINE, Case, client_hello, read_all, read_exactly
from harness.namespace import Neighbour, run_in_namespace

HELLO = client_hello("far.example.com")
DOCS = pathlib.Path(__file__).resolve().parents[2] / "docs/configuration.md"
# The least that a router needs of root's rights, and what the drop-in gives it.
CAPABILITIES = ("setpriv", "--bounding-set=-all,+net_raw", "--inh-caps=-all")


def may_be_transparent():
    with socket.socket() as one:
        try:
            one.setsockopt(socket.IPPROTO_IP, 19, 1)  # IP_TRANSPARENT
        except PermissionError:
            return False
    return True


class Transparent:
    """What holds for both families."""

    FAMILY = CLIENT = OWN_FOR_CLIENT = BACKEND = OWN_FOR_BACKEND = CLIENTS = BACKENDS = None

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.client_machine = Neighbour("client", cls.OWN_FOR_CLIENT, cls.CLIENT, cls.BACKENDS)
        cls.addClassCleanup(cls.client_machine.close)
        cls.backend_machine = Neighbour("backend", cls.OWN_FOR_BACKEND, cls.BACKEND, cls.CLIENTS)
        cls.addClassCleanup(cls.backend_machine.close)

    def setUp(self):
        super().setUp()
        self.far = self.backend_machine.inside(lambda: socket.create_server((self.BACKEND, 0), family=self.FAMILY, backlog=16))
        self.far.settimeout(DEADLINE)
        self.addCleanup(self.far.close)
        self.port = self.far.getsockname()[1]

    @staticmethod
    def written(address, port):
        return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"

    def forwarder(self, rest, prefix=(), protocol="tls"):
        head = (f'[log]\nformat = "json"\n[[listener]]\naddress = "{self.written(self.OWN_FOR_CLIENT, 0)}"\n'
                f'protocol = "{protocol}"\n')
        return self.router('[[route]]\nnames = ["far.example.com"]\nbackend = "far"\n[backend.far]\n'
                           f'proxy = ["{self.written(self.BACKEND, self.port)}"]\n{rest}\n',
                           head=head, compare_descriptors=False, prefix=prefix)

    def client(self, router, said=HELLO):
        connection = self.client_machine.inside(lambda: socket.create_connection(
            (self.OWN_FOR_CLIENT, router.port(self.written(self.OWN_FOR_CLIENT, 0))), DEADLINE))
        self.addCleanup(connection.close)
        connection.sendall(said)
        return connection

    def run_documented(self, heading):
        """The commands of the docs' block that has `heading` in it, for this family and this test's interface and port."""
        blocks = [block for block in re.findall(r"(?ms)^```\w*\n(.*?)^```", DOCS.read_text()) if heading in block]
        self.assertEqual(len(blocks), 1, blocks)
        for line in blocks[0].splitlines():
            command = line.partition("#")[0].strip().replace("eth1", "backend").replace("sport 443", f"sport {self.port}")
            if self.FAMILY == socket.AF_INET6:
                command = re.sub(r"^ip ", "ip -6 ", command).replace(" ip snipass", " ip6 snipass").replace("iptables", "ip6tables")
            subprocess.run(["sh", "-ec", command], check=True)

    def undo(self):
        """Whatever was there, and for both families."""
        for command in ("ip route flush table 100", "ip -6 route flush table 100", "ip rule del lookup 100", "ip -6 rule del lookup 100",
                        "nft delete table ip snipass", "nft delete table ip6 snipass", "iptables -t mangle -F", "ip6tables -t mangle -F"):
            subprocess.run(["sh", "-c", command], capture_output=True, check=False)

    def check_answers_come(self, *headings, protocol="tls", said=HELLO):
        self.addCleanup(self.undo)
        for heading in headings:
            self.run_documented(heading)
        client = self.client(self.forwarder("transparent = true", CAPABILITIES, protocol), said)
        backend, peer = self.far.accept()
        backend.settimeout(DEADLINE)
        with backend:
            self.assertEqual(peer[0], self.CLIENT)
            self.assertEqual(read_exactly(backend, len(said)), said)
            backend.sendall(b"answer" * 100_000)
        self.assertEqual(read_all(client), (b"answer" * 100_000, "fin"))

    def test_the_backend_sees_the_clients_address(self):
        self.check_answers_come("ip rule add iif eth1")

    def test_of_http_in_clear(self):
        self.check_answers_come("ip rule add iif eth1", protocol="http", said=b"GET / HTTP/1.1\r\nHost: far.example.com\r\n\r\n")

    def test_with_nft(self):
        self.check_answers_come("nft add rule", "ip rule add fwmark")

    def test_with_iptables(self):
        self.check_answers_come("iptables -t mangle", "ip rule add fwmark")

    def test_without_it_the_backend_sees_the_router(self):
        client = self.client(self.forwarder("transparent = false"))
        backend, peer = self.far.accept()
        with backend:
            self.assertEqual(peer[0], self.OWN_FOR_BACKEND)
        client.close()

    def test_without_the_routes_a_connect_times_out_and_the_log_says_so(self):
        router = self.forwarder('transparent = true\nconnect_timeout = "200ms"\nhold = "0s"')
        self.assertEqual(read_all(self.client(router)), (b"", "fin"))
        self.assertEqual(router.session()["outcome"], "backend_silent")

    def test_without_the_capability_the_log_says_so_and_nothing_is_ejected(self):
        router = self.forwarder('transparent = true\neject_after = 1\nhold = "0s"', ("setpriv", "--bounding-set=-all", "--inh-caps=-all"))
        self.assertEqual(read_all(self.client(router)), (b"", "fin"))
        self.assertEqual(router.session()["detail"], f"far: {self.written(self.BACKEND, self.port)}: Operation not permitted")
        self.assertEqual([e for e in router.events if e.get("message") == "an address is ejected"], [])


@unittest.skipUnless(may_be_transparent(), "IP_TRANSPARENT takes CAP_NET_ADMIN or CAP_NET_RAW")
class IPv4(Transparent, Case):
    FAMILY = socket.AF_INET
    CLIENT, OWN_FOR_CLIENT, CLIENTS = "12.0.0.2", "12.0.0.1", "12.0.0.0/24"
    BACKEND, OWN_FOR_BACKEND, BACKENDS = "11.0.0.2", "11.0.0.1", "11.0.0.0/24"


@unittest.skipUnless(may_be_transparent() and socket.has_ipv6, "IP_TRANSPARENT takes CAP_NET_ADMIN or CAP_NET_RAW; IPv6")
class IPv6(Transparent, Case):
    FAMILY = socket.AF_INET6
    CLIENT, OWN_FOR_CLIENT, CLIENTS = "fd00:12::2", "fd00:12::1", "fd00:12::/64"
    BACKEND, OWN_FOR_BACKEND, BACKENDS = "fd00:11::2", "fd00:11::1", "fd00:11::/64"


class OtherFamily(Case):
    def test_a_client_that_no_address_is_for_is_refused_at_once_and_the_backend_is_not_away(self):
        """Held, it would be the first to knock, in vain, for all others."""
        with socket.create_server(("127.0.0.1", 0)) as far:
            head = '[log]\nformat = "json"\n[[listener]]\naddress = "[::1]:0"\n'
            router = self.router(f'[default]\nbackend = "far"\n[backend.far]\nproxy = ["127.0.0.1:{far.getsockname()[1]}"]\n'
                                 'transparent = true\nhold = "1h"\n', head=head)
            with socket.create_connection(("::1", router.port("[::1]:0")), DEADLINE) as client:
                client.sendall(HELLO)
                self.assertEqual(read_all(client), (b"", "fin"))
            session = router.session()
            self.assertEqual(session["outcome"], "backend_failed")
            self.assertIn("no address of the client's family", session["detail"])
            self.assertEqual([e for e in router.events if e.get("message") == "a backend does not take clients"], [])


if __name__ == "__main__":
    run_in_namespace()
