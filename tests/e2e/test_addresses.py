# SPDX-License-Identifier: BSL-1.0
"""Where proxied backends are: balancing, failing addresses, checks, and DNS that lies, stalls and changes.

The file runs in a network and mount namespace of its own, with its own resolv.conf and DNS server on port 53.
"""

import os
import pathlib
import signal
import socket
import threading
import time

import harness
from harness import DEADLINE, Case, client_hello, handoff_sender, wait_until
from harness.namespace import Resolver, run_in_namespace


HELLO = client_hello("far.example.com")


class Addresses(Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.resolver = Resolver()

    def setUp(self):
        super().setUp()
        self.resolver.answers.clear()
        self.resolver.asked.clear()

    def server(self, host="127.0.0.1", port=0):
        """A backend that says where it is to each client."""
        return self.serve(socket.create_server((host, port), backlog=128, family=socket.AF_INET6 if ":" in host else socket.AF_INET), host)

    def serve(self, server, host):
        def serve():
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                threading.Thread(target=talk, args=(connection,), daemon=True).start()

        def talk(connection):
            with connection:
                try:
                    connection.recv(4096)
                    connection.sendall(host.encode() + b"\n")
                    connection.recv(4096)  # until the client goes
                except OSError:
                    pass

        threading.Thread(target=serve, daemon=True).start()
        self.addCleanup(server.close)
        self.addCleanup(lambda: server.shutdown(socket.SHUT_RDWR) if server.fileno() >= 0 else None)
        return server

    def far(self, proxy, rest="", workers=1, **options):
        listed = ", ".join(f'"{one}"' for one in proxy)
        head = harness.case.HEAD.replace("workers = 2", f"workers = {workers}")
        return self.router(f'\n[[route]]\nnames = ["far.example.com"]\nbackend = "far"\n[backend.far]\nproxy = [{listed}]\n{rest}\n',
                           head=head, compare_descriptors=False, **options)

    def ask(self, router, keep=False, source=None, source_port=0):
        """Who served: the address that a client gets to."""
        client = socket.create_connection(("127.0.0.1", router.port()), DEADLINE, (source, source_port) if source else None)
        self.addCleanup(client.close)
        client.sendall(HELLO)
        answer = client.makefile("rb").readline().decode().strip()
        if not keep:
            client.close()
        return answer

    def silent(self, host, port):
        """A listener whose queue is full: SYNs vanish. What is in the queue comes first."""
        server = socket.create_server((host, port), backlog=0)
        self.addCleanup(server.close)
        port = server.getsockname()[1]
        waiting = []
        for _ in range(4):
            waiting.append(socket.socket())
            self.addCleanup(waiting[-1].close)
            waiting[-1].setblocking(False)
            waiting[-1].connect_ex((host, port))
        return server

    def two(self):
        first = self.server("127.0.0.2")
        return first, self.server("127.0.0.3", first.getsockname()[1]), first.getsockname()[1]

    def test_who_is_served_by_one_address_is_no_connection_to_the_others(self):
        listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(3)]
        for one in listeners:
            self.addCleanup(one.close)
            one.setblocking(False)
        first = self.server()
        addresses = [one.getsockname()[1] for one in (first, *listeners)]
        router = self.far([f"127.0.0.1:{port}" for port in addresses])
        for _ in range(5):
            self.assertEqual(self.ask(router), "127.0.0.1")
        router.sessions(5, outcome="proxied")
        for one in listeners:
            with self.assertRaises(BlockingIOError):
                one.accept()

    def is_there(self, host, port):
        with socket.socket() as client:
            return client.connect_ex((host, port)) == 0

    def close(self, server):
        server.shutdown(socket.SHUT_RDWR)
        server.close()

    # -- what this machine lacks

    def sysctl(self, name, value):
        """In this namespace, up to the end of the test."""
        key = pathlib.Path("/proc/sys/net", name)
        self.addCleanup(key.write_text, key.read_text())
        key.write_text(value)

    def test_want_of_local_ports_is_told_once_with_what_to_do(self):
        port = self.server("127.0.0.2").getsockname()[1]
        router = self.far([f"127.0.0.2:{port}"], 'hold = "0s"')
        self.sysctl("ipv4/ip_local_port_range", "20000 20001")
        asked = [self.ask(router, keep=True, source="127.0.0.1", source_port=30_000 + number) for number in range(4)]
        self.assertEqual(asked, ["127.0.0.2", "127.0.0.2", "", ""])
        for line in router.sessions(2, outcome="no_resources"):
            self.assertIn("no local port is left towards it", line["detail"])
        told = [e for e in router.events if "no local port is left" in e.get("message", "")]
        self.assertEqual([(e["backend"], e["address"]) for e in told], [("far", f"127.0.0.2:{port}")])
        self.assertIn("widen net.ipv4.ip_local_port_range, or write more addresses", told[0]["message"])

    def test_without_ipv6_an_ipv6_address_is_out_of_reach_and_not_short_of_ports(self):
        self.sysctl("ipv6/conf/all/disable_ipv6", "1")
        router = self.far(["[::1]:443"], 'hold = "0s"')
        self.assertEqual(self.ask(router), "")
        self.assertIn("Network is unreachable", router.session(outcome="backend_failed")["detail"])
        self.assertEqual([e for e in router.events if "no local port" in e.get("message", "")], [])

    # -- literal addresses

    def test_order_and_the_next_address_when_one_refuses(self):
        first, _, port = self.two()
        router = self.far([f"127.0.0.2:{port}", f"127.0.0.3:{port}"])
        self.assertEqual({self.ask(router) for _ in range(4)}, {"127.0.0.2"})
        self.close(first)
        self.assertEqual({self.ask(router) for _ in range(4)}, {"127.0.0.3"})
        line = router.session(address=f"127.0.0.3:{port}")
        self.assertEqual(line["endpoint"], f"127.0.0.3:{port}")

    def test_round_robin(self):
        _, _, port = self.two()
        router = self.far([f"127.0.0.2:{port}", f"127.0.0.3:{port}"], 'balance = "round_robin"')
        got = [self.ask(router) for _ in range(6)]
        self.assertEqual((got.count("127.0.0.2"), got.count("127.0.0.3")), (3, 3))

    def test_least_sessions_over_all_workers(self):
        _, _, port = self.two()
        router = self.far([f"127.0.0.2:{port}", f"127.0.0.3:{port}"], 'balance = "least_sessions"', workers=4)
        got = [self.ask(router, keep=True) for _ in range(10)]
        self.assertEqual((got.count("127.0.0.2"), got.count("127.0.0.3")), (5, 5))

    def test_least_sessions_fills_up_what_others_have_left(self):
        _, _, port = self.two()
        router = self.far([f"127.0.0.2:{port}", f"127.0.0.3:{port}"], 'balance = "least_sessions"', workers=4)
        clients = {"127.0.0.2": [], "127.0.0.3": []}
        for _ in range(12):
            client = socket.create_connection(("127.0.0.1", router.port()), DEADLINE)
            self.addCleanup(client.close)
            client.sendall(HELLO)
            clients[client.makefile("rb").readline().decode().strip()].append(client)
        for client in clients["127.0.0.2"]:
            client.close()
        router.sessions(6)
        self.assertEqual([self.ask(router, keep=True) for _ in range(6)], ["127.0.0.2"] * 6)

    def test_source_hash(self):
        _, _, port = self.two()
        router = self.far([f"127.0.0.2:{port}", f"127.0.0.3:{port}"], 'balance = "source_hash"', workers=2)
        seen = set()
        for number in range(1, 30):
            source = f"127.0.1.{number}"
            got = {self.ask(router, source=source) for _ in range(3)}
            self.assertEqual(len(got), 1)
            seen |= got
        self.assertEqual(seen, {"127.0.0.2", "127.0.0.3"})

    def test_an_address_that_fails_is_ejected_and_comes_back_by_a_probe(self):
        first, second, port = self.two()
        router = self.far([f"127.0.0.2:{port}", f"127.0.0.3:{port}"], 'eject_after = 2\ncheck_interval = "100ms"')
        self.close(first)
        for _ in range(3):
            self.ask(router)
        self.server("127.0.0.2", port)
        router.wait_for(lambda r: [e for e in r.events if e.get("message") == "an address is back"], "a probe brings it back")
        self.assertEqual(self.ask(router), "127.0.0.2")

    def events(self, router, message):
        return router.wait_for(lambda r: [e for e in r.events if e.get("message") == message], message)

    def test_an_ejection_is_logged_once_with_its_reason(self):
        first, _, port = self.two()
        router = self.far([f"127.0.0.2:{port}", f"127.0.0.3:{port}"], 'eject_after = 2\ncheck_interval = "1h"')
        self.close(first)
        for _ in range(5):
            self.assertEqual(self.ask(router), "127.0.0.3")
        router.sessions(5, outcome="proxied")
        told = [{key: e[key] for key in ("backend", "address", "why", "failures")} for e in self.events(router, "an address is ejected")]
        self.assertEqual(told, [{"backend": "far", "address": f"127.0.0.2:{port}", "why": "Connection refused", "failures": 2}])

    def test_what_is_no_fault_of_an_address_does_not_eject_it(self):
        # A client of IPv4 cannot be the source of a connection to IPv6: EAFNOSUPPORT.
        server = self.server("::1") if socket.has_ipv6 else self.skipTest("no IPv6 here")
        router = self.far([f"[::1]:{server.getsockname()[1]}"], 'transparent = true\neject_after = 1\nhold = "0s"')
        for _ in range(3):
            self.ask(router)
        router.sessions(3)
        self.assertEqual([e for e in router.events if e.get("message") == "an address is ejected"], [])

    def test_connects_do_not_bring_back_what_a_tls_check_has_ejected(self):
        plain = self.server("127.0.0.2")
        port = plain.getsockname()[1]
        router = self.far([f"127.0.0.2:{port}"], 'check = "tls"\ncheck_interval = "1h"\neject_after = 1')
        self.events(router, "an address is ejected")
        for _ in range(3):
            self.assertEqual(self.ask(router), "127.0.0.2")  # there is no other
        router.sessions(3, outcome="proxied")
        # It would have been told before the sessions' ends.
        self.assertEqual([e for e in router.events if e.get("message") == "an address is back"], [])

    def test_a_client_that_leaves_ends_the_attempts(self):
        ports = [self.silent("127.0.0.2", 0).getsockname()[1] for _ in range(2)]
        router = self.far([f"127.0.0.2:{port}" for port in ports], 'connect_timeout = "5m"')
        client = socket.create_connection(("127.0.0.1", router.port()), DEADLINE)
        client.sendall(HELLO)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        client.close()
        self.assertEqual(router.session()["outcome"], "client_closed")

    def test_a_reload_that_removes_a_backend_ends_the_attempts_if_told_so(self):
        silent = self.silent("127.0.0.2", 0).getsockname()[1]
        sorry = self.server("127.0.0.3").getsockname()[1]
        for rest, outcome in (("", "backend_absent"), ('sorry = "sorry"', "proxied")):
            with self.subTest(rest):
                other = f'[backend.sorry]\nproxy = "127.0.0.3:{sorry}"\n'
                router = self.far([f"127.0.0.2:{silent}"], f'connect_timeout = "5m"\nhold = "5m"\non_remove = "close"\n{rest}\n{other}', name=outcome)
                client = socket.create_connection(("127.0.0.1", router.port()), DEADLINE)
                self.addCleanup(client.close)
                client.sendall(HELLO)
                wait_until(lambda r=router: r.descriptor_count() >= r.descriptors_at_start + 2, "it is being connected")
                router.reload(harness.case.HEAD.replace("workers = 2", "workers = 1") + other)
                client.shutdown(socket.SHUT_WR) if rest else None
                line = router.session()
                self.assertEqual((line["outcome"], line["detail"]), (outcome, "far: a reload has removed it"))
                router.stop()

    def test_one_client_has_eight_connects_under_way_at_most(self):
        port = self.silent("127.0.0.2", 0).getsockname()[1]
        hosts = [f"127.0.2.{number}" for number in range(1, 33)]
        for host in hosts:
            self.silent(host, port)
        self.resolver.answers["back.test"] = hosts
        router = self.far([f"back.test:{port}"], 'connect_timeout = "5m"')
        self.assertEqual(len(self.events(router, "resolved")[0]["addresses"].split(", ")), 32)
        base = router.descriptor_count()
        client = socket.create_connection(("127.0.0.1", router.port()), DEADLINE)
        self.addCleanup(client.close)
        client.sendall(HELLO)
        wait_until(lambda: router.descriptor_count() >= base + 1 + 8, "eight are under way")
        time.sleep(0.6)  # two more would be by now
        self.assertEqual(router.descriptor_count(), base + 1 + 8)

    def test_silent_addresses_beyond_the_eighth_have_their_turn(self):
        port = self.silent("127.0.0.2", 0).getsockname()[1]
        hosts = [f"127.0.2.{number}" for number in range(1, 11)]
        for host in hosts[:-1]:
            self.silent(host, port)
        self.server(hosts[-1], port)
        self.resolver.answers["back.test"] = hosts
        router = self.far([f"back.test:{port}"], 'connect_timeout = "3s"\neject_after = 0')
        self.assertEqual(self.ask(router), hosts[-1])
        self.assertGreaterEqual(router.session(outcome="proxied")["connect_us"], 3_000_000)

    def test_a_silent_address_that_is_listed_first_has_a_head_start_of_a_second(self):
        silent = self.silent("127.0.0.2", 0).getsockname()[1]
        good = self.server("127.0.0.3").getsockname()[1]
        router = self.far([f"127.0.0.2:{silent}", f"127.0.0.3:{good}"], 'connect_timeout = "25s"')
        self.assertEqual(self.ask(router), "127.0.0.3")
        took = router.session(outcome="proxied")["connect_us"]
        self.assertGreaterEqual(took, 1_000_000)
        self.assertLess(took, 15_000_000)

    def test_a_silent_address_is_ejected_though_clients_give_up_before(self):
        silent = self.silent("127.0.0.2", 0).getsockname()[1]
        router = self.far([f"127.0.0.2:{silent}"], 'connect_timeout = "25s"\neject_after = 2')
        for _ in range(2):
            client = socket.create_connection(("127.0.0.1", router.port()), DEADLINE)
            client.sendall(HELLO)
            client.close()
        self.assertEqual(self.events(router, "an address is ejected")[0]["why"], "a client gave up waiting for it")

    def test_a_client_that_has_closed_its_side_gets_to_the_next_address(self):
        first, _, port = self.two()
        self.close(first)
        router = self.far([f"127.0.0.2:{port}", f"127.0.0.3:{port}"])
        address = ("127.0.0.1", router.port())
        router.signal(signal.SIGSTOP)  # until the FIN has come
        with socket.create_connection(address, DEADLINE) as client:
            client.sendall(HELLO)
            client.shutdown(socket.SHUT_WR)
            router.signal(signal.SIGCONT)
            self.assertEqual(client.makefile("rb").readline(), b"127.0.0.3\n")

    def half_closed(self, router):
        """A client that says its hello and closes its side; where its answer comes."""
        client = socket.create_connection(("127.0.0.1", router.port()), DEADLINE)
        self.addCleanup(client.close)
        client.sendall(HELLO)
        client.shutdown(socket.SHUT_WR)
        return client.makefile("rb")

    def test_a_client_that_has_closed_its_side_gets_past_a_silent_address(self):
        silent = self.silent("127.0.0.2", 0).getsockname()[1]
        good = self.server("127.0.0.3").getsockname()[1]
        router = self.far([f"127.0.0.2:{silent}", f"127.0.0.3:{good}"], 'connect_timeout = "25s"')
        self.assertEqual(self.half_closed(router).readline(), b"127.0.0.3\n")

    def test_a_client_that_has_closed_its_side_is_held(self):
        first, _, port = self.two()
        self.close(first)
        router = self.far([f"127.0.0.2:{port}"], 'hold = "1m"')
        clients = [self.half_closed(router) for _ in range(3)]
        time.sleep(1.2)  # each has been looked at
        self.server("127.0.0.2", port)
        self.assertEqual([client.readline() for client in clients], [b"127.0.0.2\n"] * 3)

    def test_who_is_held_is_not_waited_for_any_longer_than_hold(self):
        refusing, other = self.two()[:2]
        port = refusing.getsockname()[1]
        self.close(refusing)
        router = self.far([f"127.0.0.2:{port}"], 'hold = "2s"\nconnect_timeout = "20s"\neject_after = 1')
        client = socket.create_connection(("127.0.0.1", router.port()), DEADLINE)
        self.addCleanup(client.close)
        client.sendall(HELLO)
        self.events(router, "an address is ejected")
        self.silent("127.0.0.2", port)
        self.assertEqual(client.recv(1), b"")
        line = router.session()
        self.assertEqual(line["outcome"], "backend_silent")
        self.assertLess(line["duration_us"], 15_000_000)

    def test_silent_addresses_take_three_times_connect_timeout_together(self):
        ports = [self.silent("127.0.0.2", 0).getsockname()[1] for _ in range(5)]
        ports.append(self.server("127.0.0.2").getsockname()[1])
        router = self.far([f"127.0.0.2:{port}" for port in ports], 'connect_timeout = "300ms"\neject_after = 0\nhold = "0s"')
        self.assertEqual(self.ask(router), "")
        self.assertEqual(router.session()["outcome"], "backend_silent")

    def test_whoever_does_not_take_the_first_bytes_has_the_client_go_on(self):
        # More than a connection has room for at once: a large hello that another router has read.
        hello = client_hello("far.example.com", alpn=[f"{number:0250}" for number in range(150)])
        buffers = pathlib.Path("/proc/sys/net/ipv4/tcp_wmem")  # this namespace's
        self.addCleanup(buffers.write_text, buffers.read_text())
        buffers.write_text("4608 4608 4608")
        for manner, count in (("stall", 1), ("reset", 1), ("stall", 5)):
            with self.subTest(manner=manner, count=count):
                bad = [socket.socket() for _ in range(count)]
                for one in bad:
                    self.addCleanup(one.close)
                    one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2304)
                    one.bind(("127.0.0.2", 0))
                    one.listen()
                good = socket.create_server(("127.0.0.3", 0))
                self.addCleanup(good.close)
                good.settimeout(DEADLINE)
                path, name = self.folder / f"{manner}{count}", f"r{manner}{count}"
                router = self.far(["{}:{}".format(*one.getsockname()) for one in (*bad, good)],
                                  f'proxy_protocol = "v1"\nconnect_timeout = "1s"\nhold = "0s"\neject_after = 0\n'
                                  f'[[listener]]\naddress = "handoff:{path}"\n', name=name)
                with socket.create_server(("127.0.0.1", 0)) as listener:
                    far = socket.create_connection(listener.getsockname(), DEADLINE)
                    near = listener.accept()[0]
                self.addCleanup(far.close)
                with near, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
                    channel.connect(f"{path}.datagram")
                    handoff_sender.send_with(channel, hello, [near])
                if manner == "reset":
                    first = bad[0].accept()[0]
                    first.recv(1)
                    first.close()
                if count > 3:  # three times connect_timeout
                    self.assertEqual(far.recv(1), b"")
                    self.assertEqual(router.session()["outcome"], "backend_silent")
                    continue
                with good.accept()[0] as served:
                    served.settimeout(DEADLINE)
                    header = "PROXY TCP4 127.0.0.1 127.0.0.1 {} {}\r\n".format(far.getsockname()[1], far.getpeername()[1]).encode()
                    self.assertEqual(harness.read_exactly(served, len(header) + len(hello)), header + hello)
                far.close()
                self.assertEqual(router.session(outcome="proxied")["endpoint"], "{}:{}".format(*good.getsockname()))

    def test_whoever_was_tried_before_that_has_its_connect_timeout(self):
        silent = [self.silent(f"127.0.0.{number}", 0) for number in range(2, 9)]
        addresses = ["{}:{}".format(*one.getsockname()) for one in silent]
        router = self.far(addresses, 'connect_timeout = "1500ms"\neject_after = 0\nhold = "0s"')
        with socket.create_connection(("127.0.0.1", router.port()), DEADLINE) as client:
            client.sendall(HELLO)
            # The sixth is tried at 4 s (or 3 s, if the machine is slow) and has room when its SYN comes again, a second later. The
            # seventh would be tried between, but that is too late.
            slow = silent[5]
            wanted = "{:08X}:{:04X} 02".format(int.from_bytes(socket.inet_aton("127.0.0.7"), "little"), slow.getsockname()[1])  # SYN_SENT

            def is_asked():
                own = "\n".join(router.descriptors())
                with open(f"/proc/{router.pid}/net/tcp", encoding="ascii") as table:
                    return any(wanted in row and f"socket:[{row.split()[9]}]" in own for row in table)

            wait_until(is_asked, "it is being connected")
            slow.listen(128)
            self.serve(slow, "127.0.0.7")
            self.assertEqual(client.makefile("rb").readline(), b"127.0.0.7\n")

    def test_a_check_finds_out_without_a_client(self):
        first, _, port = self.two()
        router = self.far([f"127.0.0.2:{port}", f"127.0.0.3:{port}"],
                          'check = "connect"\ncheck_interval = "100ms"\neject_after = 2')
        self.close(first)
        router.wait_for(lambda r: [e for e in r.events if e.get("message") == "an address is ejected"], "it is ejected")
        self.assertEqual(self.ask(router), "127.0.0.3")

    def test_a_tls_check_wants_an_answer_in_tls(self):
        plain = self.server("127.0.0.2")
        tls = socket.create_server(("127.0.0.3", 0))
        port = tls.getsockname()[1]
        tls.close()
        self.run_program(["openssl", "s_server", "-accept", f"127.0.0.3:{port}", "-cert", self.certificate, "-key", self.key, "-quiet"])
        wait_until(lambda: self.is_there("127.0.0.3", port), "openssl listens")
        router = self.far([f"127.0.0.2:{plain.getsockname()[1]}", f"127.0.0.3:{port}"],
                          'check = "tls"\ncheck_interval = "100ms"\neject_after = 1')
        ejected = router.wait_for(
            lambda r: [e for e in r.events if e.get("message") == "an address is ejected" and "127.0.0.2" in e["address"]],
            "what does not speak TLS is ejected")
        self.assertTrue(ejected)
        time.sleep(0.3)  # probes of the other one have been answered
        last = [e for e in router.events if "127.0.0.3" in e.get("address", "") and "backend" in e]
        self.assertTrue(not last or last[-1]["message"] == "an address is back", last)

    def test_of_many_addresses_only_some_are_probed_at_a_time(self):
        server = socket.create_server(("0.0.0.0", 0), backlog=512)  # and never says anything
        self.addCleanup(server.close)
        port = server.getsockname()[1]
        addresses = [f"127.0.1.{number}:{port}" for number in range(1, 201)]
        router = self.far(addresses, 'check = "tls"\neject_after = 1\nconnect_timeout = "1s"\ncheck_interval = "1h"')
        most = 0

        def all_are_ejected(events):
            nonlocal most
            most = max(most, router.descriptor_count())
            return len(events("an address is ejected")) == len(addresses)

        wait_until(lambda: all_are_ejected(lambda m: [e for e in router.events if e.get("message") == m]), "all have been probed")
        self.assertGreater(most, 64)
        self.assertLess(most, 64 + 40)

    # -- names

    def test_a_name_that_changes(self):
        _, _, port = self.two()
        self.resolver.answers["back.test"] = ["127.0.0.2"]
        router = self.far([f"back.test:{port}"], 'resolve_interval = "100ms"')
        self.assertEqual(self.ask(router), "127.0.0.2")
        self.resolver.answers["back.test"] = ["127.0.0.3"]
        wait_until(lambda: self.ask(router) == "127.0.0.3", "the new address is used")

    def test_the_resolvers_reason_is_in_the_line_of_those_it_was_the_end_of(self):
        port = self.server("127.0.0.2").getsockname()[1]
        with socket.create_server(("127.0.0.1", 0)) as refusing:
            refused = refusing.getsockname()[1]
        reasons = {"fail": "Temporary failure in name resolution", "none": "No address associated with hostname"}
        for answer, reason in reasons.items():
            for hold in ("0s", "300ms"):
                with self.subTest(answer=answer, hold=hold):
                    self.resolver.answers["back.test"] = answer
                    router = self.far([f"back.test:{port}"], f'hold = "{hold}"', name=answer + hold)
                    self.assertEqual(self.ask(router), "")
                    line = router.session()
                    self.assertEqual((line["outcome"], line["detail"]), ("backend_failed", f"far: back.test: {reason}"))
                    router.stop()
        router = self.far([f"127.0.0.1:{refused}", f"back.test:{port}"], 'hold = "0s"')
        self.events(router, "a name cannot be resolved; its addresses cannot be tried")
        self.assertEqual(self.ask(router), "")
        self.assertEqual(router.session()["detail"], f"far: 127.0.0.1:{refused}: Connection refused; far: back.test: {reason}")

    def test_a_resolver_that_has_not_answered_yet_is_the_reason_then(self):
        self.resolver.answers["back.test"] = "stall"
        router = self.far(["back.test:443"], 'hold = "0s"\nconnect_timeout = "300ms"')
        self.assertEqual(self.ask(router), "")
        self.assertEqual(router.session()["detail"], "far: back.test: there is no answer of the resolver so far")

    def test_the_last_good_answer_stays(self):
        _, _, port = self.two()
        self.resolver.answers["back.test"] = ["127.0.0.2"]
        router = self.far([f"back.test:{port}"], 'resolve_interval = "100ms"')
        self.assertEqual(self.ask(router), "127.0.0.2")
        for trouble in ("fail", "none", "stall", ["0.0.0.0"], ["224.0.0.1"]):
            with self.subTest(trouble):
                self.resolver.answers["back.test"] = trouble
                asked = len(self.resolver.asked)
                wait_until(lambda n=asked: len(self.resolver.asked) > n, "it is asked again")
                time.sleep(0.05)
                self.assertEqual(self.ask(router), "127.0.0.2")

    def test_it_starts_unresolved_and_holds_clients_until_it_knows(self):
        _, _, port = self.two()
        self.resolver.answers["back.test"] = "fail"
        router = self.far([f"back.test:{port}"], 'resolve_interval = "100ms"\nhold = "30s"')
        threading.Timer(0.5, self.resolver.answers.__setitem__, ("back.test", ["127.0.0.3"])).start()
        self.assertEqual(self.ask(router), "127.0.0.3")

    def test_whoever_comes_before_the_first_answer_waits_for_it(self):
        _, sorry, port = self.two()
        self.resolver.answers["back.test"] = "stall"
        rest = f'sorry = "sorry"\nconnect_timeout = "25s"\n[backend.sorry]\nproxy = "127.0.0.3:{sorry.getsockname()[1]}"'
        router = self.far([f"back.test:{port}"], rest)
        clients = []
        for _ in range(60):  # they come over a second: some are looked at before the first one knocks
            clients.append(socket.create_connection(("127.0.0.1", router.port()), DEADLINE))
            self.addCleanup(clients[-1].close)
            clients[-1].sendall(HELLO)
            time.sleep(0.017)
        wait_until(lambda: "back.test" in self.resolver.asked, "it is asked")
        self.assertEqual(router.sessions(), [])
        self.resolver.answers["back.test"] = ["127.0.0.2"]
        self.resolver.answer_now()
        self.assertEqual([client.makefile("rb").readline() for client in clients], [b"127.0.0.2\n"] * 60)

    def test_who_waits_for_the_first_answer_makes_way_if_it_has_closed_its_side(self):
        port = self.server("127.0.0.2").getsockname()[1]
        self.resolver.answers["back.test"] = "stall"
        router = self.far([f"back.test:{port}"], 'connect_timeout = "1m"\nmax_pending = 1')
        first = self.half_closed(router)
        wait_until(lambda: "back.test" in self.resolver.asked, "it is asked")
        time.sleep(1.2)  # the client has been looked at
        second = socket.create_connection(("127.0.0.1", router.port()), DEADLINE)
        self.addCleanup(second.close)
        second.sendall(HELLO)
        self.assertEqual(first.read(), b"")
        self.assertEqual(router.session()["outcome"], "backend_max_pending")
        self.resolver.answers["back.test"] = ["127.0.0.2"]
        self.resolver.answer_now()
        self.assertEqual(second.makefile("rb").readline(), b"127.0.0.2\n")

    def test_a_name_that_leaves_the_file_and_comes_back_is_looked_up_before_it_is_used(self):
        _, _, port = self.two()
        self.resolver.answers["back.test"] = ["127.0.0.2"]
        router = self.far([f"back.test:{port}"], 'connect_timeout = "25s"')
        with_it = router.file.read_text()
        self.assertEqual(self.ask(router), "127.0.0.2")
        router.reload(with_it.replace("back.test", "127.0.0.3"))
        self.assertEqual(self.ask(router), "127.0.0.3")
        time.sleep(0.2)  # who keeps names up to date has heard of it
        self.resolver.answers["back.test"] = "stall"
        asked = len(self.resolver.asked)
        router.reload(with_it)
        client = socket.create_connection(("127.0.0.1", router.port()), DEADLINE)
        self.addCleanup(client.close)
        client.sendall(HELLO)
        wait_until(lambda: len(self.resolver.asked) > asked, "it is asked again")
        self.resolver.answers["back.test"] = ["127.0.0.3"]
        self.resolver.answer_now()
        self.assertEqual(client.makefile("rb").readline(), b"127.0.0.3\n")

    def test_a_first_answer_that_is_none_is_not_waited_for(self):
        _, sorry, port = self.two()
        self.resolver.answers["back.test"] = "fail"
        rest = f'sorry = "sorry"\nconnect_timeout = "5m"\n[backend.sorry]\nproxy = "127.0.0.3:{sorry.getsockname()[1]}"'
        router = self.far([f"back.test:{port}"], rest)
        self.assertEqual(self.ask(router), "127.0.0.3")

    def test_of_many_names_only_some_are_looked_up_at_a_time(self):
        names = [f"name{number}.test" for number in range(100)]
        self.resolver.answers.update(dict.fromkeys(names, "stall"))
        router = self.far([f"{name}:443" for name in names], prefix=["prlimit", "--nofile=512:512"])
        wait_until(lambda: len(set(self.resolver.asked)) >= 32, "as many as may be are asked for")
        # Those that failed may be asked for again, and there are a worker, and what the daemon has besides.
        self.assertLess(len(os.listdir(f"/proc/{router.pid}/task")), 32 + 16 + 20)
        self.resolver.answers.update(dict.fromkeys(names, ["127.0.0.2"]))
        router.wait_for(lambda r: len([e for e in r.events if e.get("message") == "resolved"]) == 100, "all have been resolved")

    def test_names_whose_servers_are_dead_delay_no_name_behind_them(self):
        port = self.server("127.0.0.3").getsockname()[1]
        dead = [f"dead{number}.test" for number in range(200)]
        self.resolver.answers.update({**dict.fromkeys(dead, "stall"), "back.test": ["127.0.0.3"]})
        conf = pathlib.Path("/etc/resolv.conf")
        before = conf.read_text()
        self.addCleanup(conf.write_text, before)
        conf.write_text(before.replace("timeout:2", "timeout:30"))  # for each, 32 of them at a time would take three minutes
        router = self.far([f"{name}:{port}" for name in (*dead, "back.test")])
        resolved = self.events(router, "resolved")
        self.assertEqual([e["name"] for e in resolved], ["back.test"])
        self.assertEqual(self.ask(router), "127.0.0.3")

    def test_a_stalling_name_delays_neither_others_nor_the_end(self):
        _, _, port = self.two()
        self.resolver.answers.update({"slow.test": "stall", "back.test": ["127.0.0.3"]})
        router = self.far([f"slow.test:{port}", f"back.test:{port}"])
        self.assertEqual(self.ask(router), "127.0.0.3")
        begun = time.monotonic()
        self.assertEqual(router.terminate(), 0)
        self.assertLess(time.monotonic() - begun, 4, "getaddrinfo itself would take 10 s")

    def test_a_name_that_leads_back_to_the_router_is_not_followed(self):
        self.resolver.answers["back.test"] = ["127.0.0.1"]
        second = '\n[[listener]]\naddress = "[::]:7443"\n'  # nobody else is in this namespace
        router = self.far(["back.test:7443"], 'hold = "30s"' + second)
        for _ in range(3):
            self.assertEqual(self.ask(router), "")
        for line in router.sessions(3):
            self.assertEqual((line["outcome"], line["detail"]),
                             ("destination_refused", "far: a loop: its address is this router's own"))
        told = self.events(router, "an address of a backend is this router's own and is not connected to")
        self.assertEqual([one["address"] for one in told], ["127.0.0.1:7443"])
        # The listener may go, and another server come.
        router.reload(router.file.read_text().replace(second, ""))
        wait_until(lambda: not self.is_there("127.0.0.1", 7443), "nobody listens")
        self.server("127.0.0.1", 7443)
        self.assertEqual(self.ask(router), "127.0.0.1")

    def test_the_next_address_is_tried_where_the_first_is_a_loop(self):
        self.resolver.answers["back.test"] = ["127.0.0.1"]
        port = self.server("127.0.0.2").getsockname()[1]
        router = self.far(["back.test:7443", f"127.0.0.2:{port}"], '[[listener]]\naddress = "127.0.0.1:7443"\n')
        self.assertEqual(self.ask(router), "127.0.0.2")

    def test_a_slow_address_of_a_name_is_raced_by_the_next(self):
        router, _, _ = self.silent_and_good('connect_timeout = "25s"')
        self.assertEqual(self.ask(router), "127.0.0.3")
        self.assertLess(router.session(outcome="proxied")["connect_us"], 10_000_000)

    def silent_and_good(self, rest):
        """A router whose backend is a name with a silent address first (the resolver does not change their order), its port."""
        port = self.server("127.0.0.3").getsockname()[1]
        silent = self.silent("127.0.0.2", port)
        self.resolver.answers["back.test"] = ["127.0.0.2", "127.0.0.3"]
        router = self.far([f"back.test:{port}"], rest)
        self.assertEqual(self.events(router, "resolved")[0]["addresses"], "127.0.0.2, 127.0.0.3")
        return router, silent, port

    def test_a_silent_address_of_a_name_is_waited_for_by_few_clients(self):
        router, _, port = self.silent_and_good('connect_timeout = "25s"\neject_after = 2\ncheck_interval = "1h"')
        for _ in range(6):
            self.assertEqual(self.ask(router), "127.0.0.3")
        times = sorted(line["connect_us"] for line in router.sessions(6, outcome="proxied"))  # each worker has a log of its own
        self.assertEqual([e["address"] for e in self.events(router, "an address is ejected")], [f"127.0.0.2:{port}"])
        # Whoever waits for it waits for 250 ms; a machine may be slow for the others, too, but not for all.
        self.assertGreaterEqual(times[-2], 250_000)
        self.assertLess(times[0], 250_000)

    def test_a_silent_address_of_a_name_comes_back_when_it_answers(self):
        router, silent, port = self.silent_and_good('eject_after = 1\ncheck_interval = "100ms"')
        self.assertEqual(self.ask(router), "127.0.0.3")
        self.events(router, "an address is ejected")
        silent.close()
        self.server("127.0.0.2", port)
        self.events(router, "an address is back")
        self.assertEqual(self.ask(router), "127.0.0.2")


if __name__ == "__main__":
    run_in_namespace()
