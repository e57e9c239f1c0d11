# SPDX-License-Identifier: BSL-1.0
"""SIGHUP and SIGTERM, while connections go on."""

import contextlib
import random
import signal
import socket
import threading

import harness
from harness import Case, client_hello, python_tls, read_all, read_exactly, unless_sanitized, wait_until

HEAD = """
[server]
workers = 2
sandbox = "off"
hello_timeout = "60s"
[log]
format = "json"
"""


def listener(host):
    return f'[[listener]]\naddress = "{host}:0"\n'


def route(name, backend):
    return f'[[route]]\nnames = ["{name}.example.com"]\nbackend = "{backend}"\n'


class Reload(Case):
    def setUp(self):
        super().setUp()
        self.one = self.receiver("one", serve="raw")
        self.two = self.receiver("two", serve="raw")
        self.both = self.backend("one") + self.backend("two")
        self.first = HEAD + listener("127.0.0.1") + route("blog", "one") + route("shop", "two") + self.both
        self.snipass = self.router(self.first, head="")

    def echo(self, client, data):
        client.sendall(data)
        self.assertEqual(read_exactly(client, len(data)), data)

    def visit(self, name="blog", **where):
        hello = client_hello(f"{name}.example.com")
        client = self.connect(self.snipass, hello, **where)
        self.assertEqual(read_exactly(client, len(hello)), hello)
        return client

    def backend_of(self, client):
        host, port = client.getsockname()
        return self.snipass.session(client=f"{host}:{port}")["backend"]

    def test_a_good_file_is_used_at_once_and_live_connections_go_on(self):
        live = self.visit()
        hello = client_hello("blog.example.com")
        half = self.connect(self.snipass, hello[:100])
        self.assertEqual(self.backend_of(live), "one")
        self.snipass.reload(HEAD + listener("127.0.0.1") + route("blog", "two") + route("shop", "one") + self.both)
        self.assertEqual(self.backend_of(self.visit()), "two")
        self.assertEqual(self.backend_of(self.visit("shop")), "one")
        self.echo(live, b"as before")
        half.sendall(hello[100:])  # whoever was waiting at the time is not lost either
        self.assertEqual(read_exactly(half, len(hello)), hello)
        self.assertIn("RELOADING=1", self.snipass.manager.states)

    def test_a_bad_file_changes_nothing_and_the_log_says_why(self):
        live = self.visit()
        for bad in ("[[route]\n", self.first.replace('backend = "one"', 'backend = "onw"'), ""):
            with self.subTest(bad=bad[:20]):
                errors = len([event for event in self.snipass.events if event.get("level") == "error"])
                self.snipass.reload(bad)
                self.snipass.wait_for(
                    lambda me, n=errors: len([event for event in me.events if event.get("level") == "error"]) > n, "an error line")
                self.assertRegex(self.snipass.manager.status(),
                                 rf"^NOT RELOADED, the configuration before goes on: {self.snipass.file}(:\d+:\d+)?: error: .*; write")
                self.assertEqual(self.backend_of(self.visit()), "one")
                self.echo(live, b"as before")
        self.snipass.signal(signal.SIGUSR1)  # whatever happens, the status stays
        self.snipass.wait_for(lambda me: [event for event in me.events if event.get("message") == "counters"], "the counters")
        self.assertRegex(self.snipass.manager.status(), "^NOT RELOADED")
        self.snipass.reload(self.first)
        self.assertRegex(self.snipass.manager.status(), "^Serving ")
        self.assertTrue([line for line in self.snipass.lines if str(self.snipass.file) in line and "onw" in line], "no reason")

    def test_reloads_that_overtake_each_other_end_ready(self):
        for _ in range(20):
            self.snipass.signal(signal.SIGHUP)
        states = self.snipass.manager.states
        wait_until(lambda: states.count("RELOADING=1") >= 1 and states[-2] == "READY=1", f"READY=1 at the end of {states}")
        self.snipass.reload()
        self.visit()

    def test_what_only_a_restart_changes_is_told_once_for_each_change(self):
        def said():
            return [event["message"] for event in self.snipass.events if "server.workers: changes" in event.get("message", "")]

        def workers(count):
            self.snipass.reload(self.first.replace("workers = 2", f"workers = {count}"))
            self.snipass.wait_for(lambda me: me.manager.status().startswith("Serving"), "reloaded")
            self.snipass.counters()  # written behind it
            return len(said())

        self.assertEqual([workers(count) for count in (3, 3, 2, 2, 3)], [1, 1, 1, 1, 2])
        line = self.first[:self.first.index("workers = 2")].count("\n") + 1
        self.assertRegex(said()[0], rf"toml:{line}:11: warning: .* what it was at the start holds until then; run systemctl restart snipass$")

    def test_a_file_that_is_gone(self):
        self.snipass.file.unlink()
        self.snipass.reload()
        self.assertEqual(self.backend_of(self.visit()), "one")

    def test_listeners_appear_and_disappear(self):
        live = self.visit()
        old = self.snipass.port()
        descriptors = self.snipass.descriptor_count()
        both = HEAD + listener("127.0.0.1") + listener("127.0.0.2") + route("blog", "one") + route("shop", "two") + self.both
        self.snipass.reload(both)
        self.assertEqual(self.snipass.port(), old, "a listener that stays keeps its port")
        self.visit(host="127.0.0.2", listener="127.0.0.2:0")
        self.visit()
        self.snipass.reload(both.replace(listener("127.0.0.1"), ""))
        with self.assertRaises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", old))
        self.visit(host="127.0.0.2", listener="127.0.0.2:0")
        self.echo(live, b"as before")
        self.snipass.reload(self.first)
        self.visit()
        self.snipass.wait_descriptors(descriptors)

    def at(self, *addresses):
        """The first file with these addresses."""
        listeners = "".join(f'[[listener]]\naddress = "{address}"\n' for address in addresses)
        return self.first.replace(listener("127.0.0.1"), listeners)

    def test_an_address_within_another_comes_and_goes(self):
        self.snipass.reload(self.at("[::]:0"))
        port = self.snipass.port("[::]:0")
        wide, v4, one = f"[::]:{port}", f"0.0.0.0:{port}", f"127.0.0.1:{port}"
        for addresses, at_one, at_two, at_v6 in (((wide,), wide, wide, wide), ((one, wide), one, wide, wide),
                                                 ((wide, v4), v4, v4, wide), ((one, v4, wide), one, v4, wide),
                                                 ((wide,), wide, wide, wide)):
            self.snipass.reload(self.at(*addresses))
            for host, expected in (("127.0.0.1", at_one), ("127.0.0.2", at_two), ("::1", at_v6)):
                with self.subTest(addresses=addresses, host=host):
                    client = self.visit(host=host, listener="[::]:0")
                    name, client_port = client.getsockname()[:2]
                    name = f"[{name}]" if ":" in name else name
                    self.assertEqual(self.snipass.session(client=f"{name}:{client_port}")["listener"], expected)

    def test_an_address_around_one_that_is_open_takes_two_reloads(self):
        port = self.port_that_nobody_is_given()
        for before, after in ((f"127.0.0.1:{port}", f"0.0.0.0:{port}"), (f"0.0.0.0:{port}", f"[::]:{port}"),
                              (f"[::]:{port}", f"127.0.0.1:{port}")):
            with self.subTest(before=before, after=after):
                self.snipass.reload(self.at(before))
                self.snipass.reload(self.at(after))
                why = self.snipass.wait_for(lambda me, what=after: [e["message"] for e in me.events if f"cannot listen on {what}:" in e.get("message", "")], "why not")
                self.assertIn(f"this process does, on {before}", why[0])
                self.visit(listener=before)
                self.snipass.reload(self.at("127.0.0.3:0"))
                wait_until(lambda p=port: not self.is_open(p), "it is closed")
                self.snipass.reload(self.at(after))
                self.visit(listener=after)

    @staticmethod
    def port_that_nobody_is_given():
        """It is below those of port 0 (ip_local_port_range), so that no other test takes it while it is closed."""
        for port in random.sample(range(20_000, 30_000), 100):
            with socket.socket() as one, contextlib.suppress(OSError):
                one.bind(("127.0.0.1", port))
                return port
        raise AssertionError("no port is free")

    @staticmethod
    def is_open(port):
        with socket.socket() as client:
            return client.connect_ex(("127.0.0.1", port)) == 0

    def test_who_waits_on_a_listener_that_goes_is_served(self):
        hello = client_hello("blog.example.com")
        waiting = self.connect(self.snipass, hello[:50])
        wait_until(lambda: self.snipass.descriptor_count() > self.snipass.descriptors_at_start, "it waits")
        self.snipass.reload(self.first.replace(listener("127.0.0.1"), listener("127.0.0.3")))
        waiting.sendall(hello[50:])
        self.assertEqual(read_exactly(waiting, len(hello)), hello)
        self.snipass.reload(self.first)

    def test_reloading_under_load_loses_nobody(self):
        done = threading.Event()
        failures, served = [], [0, 0]

        def load(number):
            hello = client_hello("blog.example.com")
            while not done.is_set():
                try:
                    with socket.create_connection(("127.0.0.1", self.snipass.port()), harness.DEADLINE) as client:
                        client.sendall(hello)
                        assert read_exactly(client, len(hello)) == hello
                        served[number] += 1
                except (OSError, AssertionError) as error:
                    failures.append(repr(error))
                    return

        threads = [threading.Thread(target=load, args=(number,)) for number in (0, 1)]
        for thread in threads:
            thread.start()
        for number in range(30):
            self.snipass.reload(self.first.replace('backend = "one"', 'backend = "two"') if number % 2 else self.first)
        wait_until(lambda: min(served) > 20 or failures, "clients are served")
        done.set()
        for thread in threads:
            thread.join()
        self.assertEqual(failures, [])


class Memory(Case):
    @unless_sanitized  # AddressSanitizer keeps what was freed
    def test_a_large_file_that_is_loaded_again_and_again_takes_no_more_each_time(self):
        names = ", ".join(f'"n{number}.example.com"' for number in range(100_000))
        text = HEAD + listener("127.0.0.1") + f'[[route]]\nnames = [{names}]\nbackend = "one"\n' + self.backend("one")
        router = self.router("", head=text)

        def resident():
            with open(f"/proc/{router.pid}/status", encoding="ascii") as status:
                return int(next(line for line in status if line.startswith("VmRSS:")).split()[1])

        first = resident()
        for _ in range(5):
            router.reload(text)
        wait_until(lambda: resident() < 1.5 * first, "what was freed goes back")


class Stop(Case):
    def start_router(self, server=""):
        self.receiver("blog")
        proxied = self.receiver("proxied", protocol="tcp")
        return self.router(
            listener("127.0.0.1") + route("blog", "blog") + route("proxied", "proxied") + self.backend("blog")
            + f'[backend.proxied]\nproxy = ["127.0.0.1:{proxied.port}"]\n',
            head=HEAD.replace("workers = 2", "workers = 2\n" + server),
        )

    def long_lived(self, snipass, name):
        client = python_tls(snipass.port(), f"{name}.example.com", self.certificate)
        self.addCleanup(client.close)
        client.sendall(b"GET / HTTP/1.1\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\n")
        self.assertIn(b"101", client.recv(4096))
        return client

    def echo(self, client, data=b"still here"):
        client.sendall(data)
        self.assertEqual(client.recv(len(data)), data)

    def test_handed_off_connections_outlive_it(self):
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGKILL):
            with self.subTest(signal=number.name):
                snipass = self.start_router()
                client = self.long_lived(snipass, "blog")
                self.echo(client)
                snipass.signal(number)
                status = snipass.wait()
                self.assertEqual(status, -9 if number == signal.SIGKILL else 0)
                for _ in range(3):
                    self.echo(client)
                with self.assertRaises(ConnectionRefusedError):
                    socket.create_connection(("127.0.0.1", snipass.port()))
                client.close()
                self.doCleanups()

    def test_sigterm_waits_for_proxied_clients(self):
        snipass = self.start_router('drain_timeout = "60s"')
        client = self.long_lived(snipass, "proxied")
        snipass.signal(signal.SIGTERM)
        snipass.manager.wait_for("STOPPING=1")
        self.echo(client)
        self.assertTrue(snipass.is_running())
        client.close()
        self.assertEqual(snipass.wait(), 0)
        self.assertEqual(snipass.session(backend="proxied")["outcome"], "proxied")

    def test_but_no_longer_than_drain_timeout(self):
        snipass = self.start_router('drain_timeout = "200ms"')
        client = self.long_lived(snipass, "proxied")
        self.assertEqual(snipass.terminate(), 0)
        read_all(client)
        self.assertEqual(len(snipass.sessions(backend="proxied")), 1)

    def test_a_stop_waits_a_second_for_the_rest_of_a_hello_and_no_longer(self):
        snipass = self.start_router('drain_timeout = "20m"')  # a minute of hello_timeout
        client = self.connect(snipass, client_hello("blog.example.com")[:50])
        wait_until(lambda: snipass.descriptor_count() > snipass.descriptors_at_start, "it waits")
        self.assertEqual(snipass.terminate(), 0)
        read_all(client)
        line = snipass.session(outcome="cut_off")
        self.assertIn("the router stops", line["detail"])

    def test_who_is_waiting_is_still_served(self):
        snipass = self.start_router()
        hello = client_hello("blog.example.com")
        client = self.connect(snipass, hello[:50])
        wait_until(lambda: snipass.descriptor_count() > snipass.descriptors_at_start, "it waits")
        snipass.signal(signal.SIGTERM)
        snipass.manager.wait_for("STOPPING=1")
        client.sendall(hello[50:])
        self.assertGreater(len(client.recv(4096)), 0, "the server's first flight")
        self.assertEqual(snipass.wait(), 0)


if __name__ == "__main__":
    harness.main()
