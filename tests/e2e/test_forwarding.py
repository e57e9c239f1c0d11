# SPDX-License-Identifier: BSL-1.0
"""proxy = ["{host_name}:443"]: forwarded to the name asked for, only where that is allowed, and never in a loop.

The file runs in a network and mount namespace of its own, with its own DNS server, and a second machine with
public addresses beside it.
"""

import os
import pathlib
import resource
import socket
import subprocess
import threading

import harness
from harness import DEADLINE, client_hello, of_another_client, read_all, unless_sanitized, wait_until
from harness.namespace import CaseWithNeighbour, run_in_namespace

OWN, OTHER = CaseWithNeighbour.own, CaseWithNeighbour.other


def free_port():
    with socket.socket() as one:
        one.bind(("", 0))
        return one.getsockname()[1]


class Forwarding(CaseWithNeighbour):
    def setUp(self):
        super().setUp()
        self.served = []

    def serve(self, server, talk):
        def accept():
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                self.served.append(server.getsockname())
                threading.Thread(target=talk, args=(connection,), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        self.addCleanup(server.close)
        self.addCleanup(server.shutdown, socket.SHUT_RDWR)

    def far(self, port, talk=None):
        """A server on the other machine."""
        self.serve(self.neighbour.inside(lambda: socket.create_server((OTHER, port), backlog=16)), talk or self.greet)

    def greet(self, connection):
        with connection:
            connection.recv(4096)
            connection.sendall(b"here\n")

    def forward(self, port, rest="", head=None, **options):
        rest = ('\n[[route]]\nnames = ["*.test"]\nbackend = "asked"\n[backend.asked]\n'
                f'proxy = ["{{host_name}}:{port}"]\n{rest}\n')
        return self.router(rest, head=head or harness.case.HEAD, compare_descriptors=False, **options)

    def ask(self, router, name, host="127.0.0.1", listener="127.0.0.1:0", source=""):
        """What a client that asks for `name` gets, up to the end."""
        with socket.create_connection((host, router.port(listener)), DEADLINE, (source, 0)) as client:
            client.sendall(client_hello(name))
            return read_all(client)

    def test_to_the_name_asked_for(self):
        port = free_port()
        self.far(port)
        self.resolver.answers["www.test"] = [OTHER]
        router = self.forward(port)
        self.assertEqual(self.ask(router, "WWW.test")[0], b"here\n")
        line = router.session(outcome="proxied")
        self.assertEqual((line["endpoint"], line["address"]), (f"{OTHER}:{port}", f"{{host_name}}:{port}"))

    @unless_sanitized
    def test_where_no_descriptor_is_left_for_the_question_a_waiting_client_makes_room(self):
        port = free_port()
        self.far(port)
        self.resolver.answers["www.test"] = [OTHER]
        head = harness.case.HEAD.replace("workers = 2", 'workers = 1\nhello_timeout = "1h"')
        router = self.forward(port, head=head)
        before = router.descriptor_count()
        for _ in range(5):
            self.connect(router, client_hello("www.test")[:10])
        wait_until(lambda: router.descriptor_count() >= before + 5, "five wait for their hello")
        _, hard = resource.prlimit(router.pid, resource.RLIMIT_NOFILE)
        # There is one for the client, and none for the question.
        resource.prlimit(router.pid, resource.RLIMIT_NOFILE, (self.lowest_free(router) + 1, hard))
        self.assertEqual(self.ask(router, "www.test")[0], b"here\n")

    @staticmethod
    def lowest_free(router):
        """The number that the router's next descriptor has."""
        used = {int(number) for number in os.listdir(f"/proc/{router.pid}/fd")}
        return min(set(range(len(used) + 1)) - used)

    @unless_sanitized
    def test_a_question_takes_none_of_the_descriptors_that_are_kept_for_handoffs(self):
        port, kept = free_port(), 16
        head = harness.case.HEAD.replace("workers = 2", "workers = 1")
        limit = self.lowest_free(self.forward(port, head=head)) + 1 + kept  # there is one for the client
        router = self.forward(port, head=head, name="few", prefix=["prlimit", f"--nofile={limit}:{limit}"])
        self.assertEqual(self.ask(router, "kept.test")[0], b"")
        router.session(outcome="no_resources")
        self.assertNotIn("kept.test", self.resolver.asked)

    def test_not_to_what_is_no_public_address(self):
        port = free_port()
        self.serve(socket.create_server(("", port), backlog=16), self.greet)  # on all addresses of this machine
        router = self.forward(port)
        addresses = ("127.0.0.1", "127.0.0.53", "10.1.2.3", "172.16.1.1", "192.168.0.1", "169.254.169.254", "100.64.0.1",
                     "192.0.2.1", "255.255.255.255", OWN)
        for number, address in enumerate(addresses):
            with self.subTest(address):
                name = address.replace(".", "-") + ".test"
                self.resolver.answers[name] = [address]
                source = f"127.0.3.{number + 1}"  # each has a line in the log
                self.assertEqual(self.ask(router, name, source=source), (b"", "fin"))
                self.assertEqual(router.session(server_name=name)["outcome"],
                                 "backend_absent" if address == "255.255.255.255" else "destination_refused")
        self.assertEqual(self.served, [])

    def test_of_several_addresses_only_the_allowed_ones(self):
        port = free_port()
        self.far(port)
        self.serve(socket.create_server(("127.0.0.1", port), backlog=16), self.greet)
        self.resolver.answers["mixed.test"] = ["127.0.0.1", OTHER, "10.0.0.1"]
        router = self.forward(port)
        for _ in range(3):
            self.assertEqual(self.ask(router, "mixed.test")[0], b"here\n")
        self.assertEqual(set(self.served), {(OTHER, port)})

    def test_a_name_that_comes_to_mean_something_else_is_checked_again(self):
        port = free_port()
        self.far(port)
        self.serve(socket.create_server(("127.0.0.1", port), backlog=16), self.greet)
        self.resolver.answers["rebind.test"] = [OTHER]
        router = self.forward(port, 'resolve_interval = "100ms"')
        self.assertEqual(self.ask(router, "rebind.test")[0], b"here\n")
        self.resolver.answers["rebind.test"] = ["127.0.0.1"]
        harness.wait_until(lambda: self.ask(router, "rebind.test")[0] == b"", "the new answer is in use")
        self.assertEqual(set(self.served), {(OTHER, port)})
        self.assertEqual(router.session(outcome="destination_refused")["detail"], "asked: 127.0.0.1 is not in allow_destinations")

    def test_what_the_file_lists_is_allowed_and_nothing_else(self):
        port = free_port()
        self.far(port)
        self.serve(socket.create_server(("127.0.0.2", port), backlog=16), self.greet)
        self.resolver.answers.update({"near.test": ["127.0.0.2"], "far.test": [OTHER]})
        router = self.forward(port, 'allow_destinations = ["127.0.0.2"]')
        self.assertEqual(self.ask(router, "near.test")[0], b"here\n")
        self.assertEqual(self.ask(router, "far.test"), (b"", "fin"))

    def test_what_the_file_denies_is_refused_whatever_is_allowed(self):
        port = free_port()
        self.far(port)
        self.resolver.answers["far.test"] = [OTHER]
        for number, allowed in enumerate(('', 'allow_destinations = ["public", "0.0.0.0/0"]')):
            with self.subTest(allowed):
                router = self.forward(port, f'{allowed}\ndeny_destinations = ["{OTHER}/32"]', name=f"denying{number}")
                self.assertEqual(self.ask(router, "far.test"), (b"", "fin"))
                self.assertEqual(router.session(outcome="destination_refused")["detail"], f"asked: {OTHER} is in deny_destinations")
                router.terminate()
        self.assertEqual(self.served, [])
        router = self.forward(port, 'deny_destinations = ["2001:db8::/32"]')
        self.assertEqual(self.ask(router, "far.test")[0], b"here\n")

    def test_a_loop_to_its_own_listener_is_refused_whatever_is_allowed(self):
        port = free_port()
        self.resolver.answers["loop.test"] = ["127.0.0.1"]
        for number, address in enumerate((f"127.0.0.1:{port}", f"[::]:{port}", f"0.0.0.0:{port}")):
            with self.subTest(address):
                head = harness.case.HEAD.replace("127.0.0.1:0", address)
                router = self.forward(port, 'allow_destinations = ["public", "127.0.0.0/8"]', head=head,
                                      name=f"router{number}")
                self.assertEqual(self.ask(router, "loop.test", listener=address), (b"", "fin"))
                self.assertIn("a loop", router.session(outcome="destination_refused")["detail"])
                router.terminate()

    def test_a_loop_through_another_machine_is_found(self):
        port = free_port()
        routers = []

        def back(connection):
            """Brings the client's bytes back to the router."""
            with connection, self.neighbour.inside(lambda: socket.create_connection((OWN, routers[0]), DEADLINE)) as again:
                again.sendall(connection.recv(4096))
                again.recv(4096)

        self.far(port, back)
        head = harness.case.HEAD.replace("127.0.0.1:0", f"{OWN}:0")
        router = self.forward(port, head=head)
        routers.append(router.port(f"{OWN}:0"))
        self.resolver.answers["round.test"] = [OTHER]
        self.assertEqual(self.ask(router, "round.test", host=OWN, listener=f"{OWN}:0")[0], b"")
        refused = router.session(outcome="destination_refused")
        self.assertIn("a loop", refused["detail"])
        self.assertEqual(len(self.served), 1)

    def test_a_name_that_stalls_delays_nobody_else(self):
        port = free_port()
        self.far(port)
        self.resolver.answers.update({"slow.test": "stall", "www.test": [OTHER]})
        router = self.forward(port, 'connect_timeout = "500ms"')
        with socket.create_connection(("127.0.0.1", router.port()), DEADLINE) as waiting:
            waiting.sendall(client_hello("slow.test"))
            self.assertEqual(self.ask(router, "www.test")[0], b"here\n")
            self.assertEqual(read_all(waiting), (b"", "fin"))
        self.assertEqual(router.session(server_name="slow.test")["outcome"], "backend_silent")

    def put(self, path, text):
        """A file of this machine for as long as the test."""
        mine = self.folder / "mounted"
        mine.write_text(text)
        subprocess.run(["mount", "--bind", mine, path], check=True)
        self.addCleanup(subprocess.run, ["umount", path], check=True)

    def test_a_name_in_etc_hosts_means_what_dns_says(self):
        port = free_port()
        self.far(port)
        self.serve(socket.create_server(("127.0.0.1", port), backlog=16), self.greet)
        self.put("/etc/hosts", "127.0.0.1 localhost\n127.0.0.1 www.test only.test\n")
        self.resolver.answers["www.test"] = [OTHER]
        router = self.forward(port, 'allow_destinations = ["public", "127.0.0.1"]')
        self.assertEqual(self.ask(router, "www.test")[0], b"here\n")
        self.assertEqual(self.ask(router, "only.test"), (b"", "fin"))
        self.assertEqual(self.served, [(OTHER, port)])

    def test_another_resolver_counts_at_once(self):
        port = free_port()
        self.far(port)
        self.resolver.answers.update({"before.test": [OTHER], "after.test": [OTHER]})
        conf = pathlib.Path("/etc/resolv.conf")
        before = conf.read_text()
        self.addCleanup(conf.write_text, before)
        conf.write_text("nameserver 127.0.0.54\n")  # nobody is there
        router = self.forward(port)
        self.assertEqual(self.ask(router, "before.test"), (b"", "fin"))
        self.assertEqual(router.session(server_name="before.test")["outcome"], "backend_absent")
        conf.write_text(before)
        self.assertEqual(self.ask(router, "after.test")[0], b"here\n")

    def test_a_server_that_fails_is_not_the_last(self):
        port = free_port()
        self.far(port)
        self.resolver.answers["www.test"] = [OTHER]
        conf = pathlib.Path("/etc/resolv.conf")
        before = conf.read_text()
        self.addCleanup(conf.write_text, before)
        conf.write_text("nameserver 127.0.0.54\n" + before)
        self.assertEqual(self.ask(self.forward(port), "www.test")[0], b"here\n")

    def test_few_sources_with_names_that_stall_shut_nobody_out(self):
        port = free_port()
        self.far(port)
        router = self.forward(port, 'connect_timeout = "10s"')
        hello = client_hello("stall000.test")

        def client(source, name):
            self.resolver.answers[f"{name}.test"] = [OTHER] if name.startswith("honest") else "stall"
            own = of_another_client(hello)
            return self.connect(router, own.replace(b"stall000", name.encode()), source=source)

        for number in range(640):
            client(f"127.0.1.{number % 8 + 1}", f"stall{number:03}")
        honest = [client(f"127.0.2.{number + 1}", f"honest{number:02}") for number in range(30)]
        self.assertEqual([read_all(one)[0] for one in honest], [b"here\n"] * 30)

    def test_a_name_without_an_answer_is_nobody(self):
        router = self.forward(free_port())
        self.assertEqual(self.ask(router, "none.test"), (b"", "fin"))
        line = router.session()
        self.assertEqual(line["outcome"], "backend_absent")
        self.assertRegex(line["detail"], r"^asked: none\.test: \w")


if __name__ == "__main__":
    run_in_namespace()
