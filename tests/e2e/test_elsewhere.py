# SPDX-License-Identifier: BSL-1.0
"""Backends on another machine (a network namespace): what only shows where the way there is not this machine's own."""

import os
import pathlib
import resource
import socket
import subprocess

import harness
from harness import DEADLINE, client_hello, read_all, read_exactly, unless_sanitized, wait_until
from harness.namespace import CaseWithNeighbour, Neighbour, run_in_namespace

OWN, OTHER = CaseWithNeighbour.own, CaseWithNeighbour.other
PORT = 9443  # nobody else is in this namespace
HELLO = client_hello("far.example.com")
HEAD = harness.case.HEAD.replace("workers = 2", "workers = 1").replace("127.0.0.1:0", f"127.0.0.1:{PORT}")


def backend(proxy, rest=""):
    listed = ", ".join(f'"{one}"' for one in proxy)
    return f'\n[[route]]\nnames = ["far.example.com"]\nbackend = "far"\n[backend.far]\nproxy = [{listed}]\n{rest}\n'


class Elsewhere(CaseWithNeighbour):
    def server(self, port=PORT):
        server = self.neighbour.inside(lambda: socket.create_server((OTHER, port), backlog=64))
        server.settimeout(DEADLINE)
        self.addCleanup(server.close)
        return server

    def start_router(self, rest, head=HEAD, **options):
        return self.router(rest, head=head, compare_descriptors=False, **options)

    def client(self, data=HELLO):
        client = socket.create_connection(("127.0.0.1", PORT), DEADLINE)
        self.addCleanup(client.close)
        client.sendall(data)
        return client

    def reaches(self, server, hello=HELLO):
        connection, _ = server.accept()
        self.addCleanup(connection.close)
        connection.settimeout(DEADLINE)
        self.assertEqual(read_exactly(connection, len(hello)), hello)
        return connection

    # -- with the last descriptor gone nobody can say whose an address is

    def out_of_descriptors(self, router, waiting):
        """Half a hello from so many, and then room for one more descriptor: the next client's own."""
        clients = [self.client(HELLO[:40]) for _ in range(waiting)]
        wait_until(lambda: router.descriptor_count() >= router.descriptors_at_start + waiting, "they wait")
        _, hard = resource.prlimit(router.pid, resource.RLIMIT_NOFILE)
        highest = max(int(number) for number in os.listdir(f"/proc/{router.pid}/fd"))
        resource.prlimit(router.pid, resource.RLIMIT_NOFILE, (highest + 2, hard))
        return clients

    @unless_sanitized
    def test_out_of_descriptors_a_backend_at_the_listeners_port_is_no_loop(self):
        self.is_served_by_those_who_make_room(backend([f"{OTHER}:{PORT}"]), HELLO)

    @unless_sanitized
    def test_out_of_descriptors_who_may_be_forwarded_is_not_refused(self):
        self.resolver.answers["www.test"] = [OTHER]
        rest = ('\n[[route]]\nnames = ["*.test"]\nbackend = "asked"\n[backend.asked]\n'
                f'proxy = ["{{host_name}}:{PORT}"]\nresolve_interval = "1h"\n')
        self.is_served_by_those_who_make_room(rest, client_hello("www.test"), first_looked_up=True)

    def is_served_by_those_who_make_room(self, rest, hello, first_looked_up=False):
        server = self.server()
        router = self.start_router(rest, HEAD.replace("127.0.0.1:", "[::]:"))
        if first_looked_up:  # it takes descriptors of its own
            client = self.client(hello)
            self.reaches(server, hello).close()
            client.close()
            router.session(outcome="proxied")
        self.out_of_descriptors(router, 10)
        self.client(hello)
        self.reaches(server, hello)
        self.assertEqual(router.sessions(outcome="destination_refused"), [])

    # -- what becomes of packets on the way

    def there(self, command):
        """On the other machine."""
        self.neighbour.inside(lambda: subprocess.run(command.split(), check=True))

    def test_an_address_that_is_administratively_prohibited_is_unreachable_and_ejected(self):
        # As firewalld rejects: in IPv6 that ends a connect as EACCES.
        cable = Neighbour("six", "2600::1", "2600::2")
        self.addCleanup(cable.close)
        cable.inside(lambda: pathlib.Path("/proc/sys/net/ipv6/conf/all/forwarding").write_text("1"))
        cable.inside(lambda: subprocess.run("ip -6 route add prohibit 2600:1::/64".split(), check=True))
        subprocess.run("ip -6 route add 2600:1::/64 via 2600::2".split(), check=True)
        router = self.start_router(backend(["[2600:1::5]:443"], 'hold = "0s"\neject_after = 2\ncheck_interval = "1h"'))
        for _ in range(3):
            self.assertEqual(read_all(self.client()), (b"", "fin"))
        self.assertEqual({line["detail"] for line in router.sessions(3)}, {"far: [2600:1::5]:443: No route to host"})
        told = [e["why"] for e in router.events if e.get("message") == "an address is ejected"]
        self.assertEqual(told, ["No route to host"])

    # -- names with addresses of both families (RFC 8305)

    def both_families(self, name, rest=""):
        """A router for a backend with both, of which IPv6 is preferred; what IPv6 and IPv4 serve; and the cable of IPv6."""
        cable = Neighbour("six", "2600::1", "2600::2")
        self.addCleanup(cable.close)
        six = cable.inside(lambda: socket.create_server(("2600::2", 9500), family=socket.AF_INET6, backlog=64))
        four = self.server(9500)
        for server in (six, four):
            server.settimeout(DEADLINE)
            self.addCleanup(server.close)
        self.resolver.answers["both.test"] = ["2600::2", OTHER]
        router = self.start_router(backend(["both.test:9500"], 'check_interval = "1h"\neject_after = 2\n' + rest), name=name)
        return router, six, four, cable

    def test_an_ipv6_address_is_used_as_any_other(self):
        router, six, four, _ = self.both_families("both")
        told = router.wait_for(lambda r: [e for e in r.events if e.get("message") == "resolved"], "it is resolved")
        self.assertEqual(told[0]["addresses"], f"2600::2, {OTHER}")
        client = self.client()
        self.reaches(six).close()
        client.close()
        self.assertEqual(router.session(outcome="proxied")["endpoint"], "[2600::2]:9500")

    def test_a_silent_ipv6_address_has_a_quarter_of_a_second_and_then_comes_last(self):
        router, _, four, cable = self.both_families("silent", 'connect_timeout = "25s"')
        router.wait_for(lambda r: [e for e in r.events if e.get("message") == "resolved"], "it is resolved")
        cable.inside(lambda: subprocess.run("ip -6 route add blackhole 2600::1/128".split(), check=True))  # no SYN-ACK arrives
        for _ in range(6):
            client = self.client()
            self.reaches(four).close()
            client.close()
        lines = router.sessions(6, outcome="proxied")
        self.assertEqual({line["endpoint"] for line in lines}, {f"{OTHER}:9500"})
        times = sorted(line["connect_us"] for line in lines)
        self.assertGreaterEqual(times[-2], 250_000)
        self.assertLess(times[0], 250_000)
        told = [e["address"] for e in router.events if e.get("message") == "an address is ejected"]
        self.assertEqual(told, ["[2600::2]:9500"])

    def test_a_backend_that_acknowledges_nothing_is_given_up_after_user_timeout(self):
        server = self.server()
        router = self.start_router(backend([f"{OTHER}:{PORT}"], 'user_timeout = "1s"\nkeepalive = "1s"'))
        client = self.client()
        connection = self.reaches(server)
        connection.sendall(b"here")
        self.assertEqual(read_exactly(client, 4), b"here")
        self.there(f"ip route add blackhole {OWN}/32")  # what the other machine says is lost from now on
        self.addCleanup(self.there, f"ip route del blackhole {OWN}/32")
        client.sendall(b"anybody?")
        # The system's own patience is a quarter of an hour.
        self.assertEqual(read_all(client), (b"", "reset"))
        # The kernel gives up, or the relay finds that nothing is taken (min_rate): at nearly the same time.
        self.assertIn(router.session()["end"], ("backend_reset", "backend_slow"))


if __name__ == "__main__":
    run_in_namespace()
