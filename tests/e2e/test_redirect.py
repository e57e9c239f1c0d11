# SPDX-License-Identifier: BSL-1.0
"""A firewall rule (REDIRECT) sends a port's clients to the router's: headers tell of the address that the client asked for.
And a listener on a link-local address.

The file runs in a network namespace of its own, beside another machine, the client's.
"""

import socket
import subprocess

from harness import DEADLINE, Case, client_hello, read_exactly
from harness.namespace import Neighbour, run_in_namespace

NAME = "blog.example.com"
HELLO = client_hello(NAME)
OWN, CLIENT, OWN6, CLIENT6 = "192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8::2"
ROUTE = f'[[route]]\nnames = ["{NAME}"]\nbackend = "blog"\n'


class BetweenMachines(Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for name, own, client in (("four", OWN, CLIENT), ("six", OWN6, CLIENT6)):
            machine = Neighbour(name, own, client)
            cls.addClassCleanup(machine.close)
            setattr(cls, name, machine)

    def listening(self, address):
        head = f'[log]\nformat = "json"\n[[listener]]\naddress = "{address}"\n'
        self.blog = self.receiver("blog", serve="raw")
        return self.router(ROUTE + self.backend("blog"), head=head, compare_descriptors=False)

    def visit(self, machine, where):
        family = socket.AF_INET6 if ":" in where[0] else socket.AF_INET
        client = machine.inside(lambda: socket.socket(family))
        self.addCleanup(client.close)
        client.settimeout(DEADLINE)
        client.connect(where)
        client.sendall(HELLO)
        self.assertEqual(read_exactly(client, len(HELLO)), HELLO)


class Redirect(BetweenMachines):
    def redirect(self, setup, undo, port):
        self.addCleanup(subprocess.run, ["sh", "-c", undo], check=True)
        subprocess.run(["sh", "-ec", setup.format(port=port)], check=True)

    def check(self, setup, undo):
        router = self.listening("[::]:0")  # of both families
        self.redirect(setup, undo, router.port("[::]:0"))
        self.visit(self.four, (OWN, 443))
        self.visit(self.six, (OWN6, 443))
        self.visit(self.four, (OWN, router.port("[::]:0")))  # not redirected
        told = [one["destination"] for one in self.blog.taken(3)]
        self.assertEqual(told, [[OWN, 443], [OWN6, 443], [OWN, router.port("[::]:0")]])

    def test_by_nft(self):
        self.check("nft add table inet t; nft add chain inet t c '{{ type nat hook prerouting priority -100; }}'; "
                   "nft add rule inet t c tcp dport 443 redirect to :{port}", "nft delete table inet t")

    def test_by_iptables(self):
        rule = "PREROUTING -t nat -p tcp --dport 443 -j REDIRECT --to-ports {port}"
        self.check(f"iptables -A {rule}; ip6tables -A {rule}", "iptables -t nat -F; ip6tables -t nat -F")


    def test_a_family_that_is_not_tracked_hides_nothing_of_the_other(self):
        router = self.listening("[::]:0")
        self.redirect("nft add table ip t; nft add chain ip t c '{{ type nat hook prerouting priority -100; }}'; "
                      "nft add rule ip t c tcp dport 443 redirect to :{port}", "nft delete table ip t", router.port("[::]:0"))
        self.visit(self.six, (OWN6, router.port("[::]:0")))
        self.visit(self.four, (OWN, 443))
        self.assertEqual(self.blog.taken(2)[1]["destination"], [OWN, 443])


class LinkLocal(BetweenMachines):
    def test_a_listener_on_an_interface(self):
        subprocess.run(["ip", "addr", "add", "fe80::77/64", "dev", "six", "nodad"], check=True)
        router = self.listening("[fe80::77%six]:0")
        far = self.six.inside(lambda: socket.if_nametoindex("six-far"))
        self.visit(self.six, ("fe80::77", router.port("[fe80::77%six]:0"), 0, far))
        self.assertEqual(self.blog.taken(1)[0]["destination"][0], "fe80::77")


if __name__ == "__main__":
    run_in_namespace()
