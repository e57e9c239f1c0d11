# SPDX-License-Identifier: BSL-1.0
"""[metrics]: what a scrape says while clients come and go, who may ask, and what a reload, a mistake and a stop do to it."""

import contextlib
import os
import signal
import socket
import stat
import struct
import subprocess
import threading

import harness
from harness import DEADLINE, Case, client_hello, hello_for, read_all, wait_until
from harness.places import SNIPASS
from harness.metrics import ask, metrics_address, scrape, status_of

HEAD = """
[server]
workers = 2
{server}
[log]
format = "json"
[metrics]
address = "127.0.0.1:0"
{metrics}
[[listener]]
address = "127.0.0.1:0"
unmatched = "close"
[[route]]
names = ["blog.example.com"]
backend = "blog"
"""
HOSTILE = b'<script>"\\\n\x01\xff{x="y"} 1'


def head(metrics="", server=""):
    return HEAD.format(metrics=metrics, server=server)


class Metrics(Case):
    def start(self, rest="", **settings):
        self.receiver("blog", serve="raw")
        return self.router(self.backend("blog") + rest, head=head(**settings))

    def visit(self, router, hello=None, count=1):
        """So many clients, one after the other, to their end."""
        for _ in range(count):
            with socket.create_connection(("127.0.0.1", router.port()), DEADLINE) as client:
                client.sendall(hello or client_hello("blog.example.com"))
                client.shutdown(socket.SHUT_WR)
                read_all(client)

    def reset(self, client):
        """The client goes at once: after a FIN it might wait for its answer still."""
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()

    def wait_for_sample(self, where, value, name, **labels):
        wait_until(lambda: scrape(where).value(name, **labels) == value, f"{name} {labels} is {value}")

    def test_a_scrape_while_clients_come_takes_nothing_from_them(self):
        router = self.start()
        where = metrics_address(router)
        seen, stop, problems = [], threading.Event(), []

        def watch():
            while not stop.is_set():
                try:
                    seen.append(scrape(where).total("snipass_sessions_total", outcome="handed_off"))
                except Exception as problem:  # told below
                    problems.append(problem)
                    return

        watchers = [threading.Thread(target=watch) for _ in range(2)]
        for one in watchers:
            one.start()
        self.visit(router, count=60)
        self.wait_for_sample(where, 60, "snipass_sessions_total", listener="127.0.0.1:0", outcome="handed_off")
        stop.set()
        for one in watchers:
            one.join()
        self.assertEqual(problems, [])
        self.assertGreater(len(seen), 0)
        now = scrape(where)
        self.assertEqual(now.value("snipass_backend_sessions_total", backend="blog", outcome="handed_off"), 60)
        self.assertEqual(now.value("snipass_handoff_duration_seconds_count"), 60)
        self.assertEqual(now.value("snipass_handoff_duration_seconds_bucket", le="+Inf"), 60)
        self.assertEqual(now.value("snipass_hello_size_bytes_count"), 60)
        self.assertEqual(now.value("snipass_accepted_clients_total"), 60)
        self.assertEqual(now.value("snipass_matches_total", match="exact"), 60)
        self.assertEqual(now.value("snipass_config_routes"), 1)
        self.assertGreater(now.value("process_resident_memory_bytes"), 1 << 20)
        self.assertGreater(now.value("process_open_fds"), 5)

    def test_no_byte_of_a_client_s_becomes_a_label(self):
        router = self.start()
        where = metrics_address(router)
        self.visit(router, hello_for(HOSTILE))
        self.wait_for_sample(where, 1, "snipass_sessions_total", listener="127.0.0.1:0", outcome="no_route")
        self.assertNotIn("<script", ask(where)[2])

    def test_the_last_clients_that_nobody_served_are_told_with_their_names_escaped(self):
        router = self.start()
        where = metrics_address(router)
        self.visit(router, hello_for(HOSTILE))
        failure = wait_until(lambda: status_of(where)["failures"], "it is told")[0]
        self.assertEqual((failure["outcome"], failure["fault"]), ("no_route", False))
        self.assertEqual(failure["server_name"], HOSTILE.decode("latin-1"))
        self.assertTrue(failure["client"].startswith("127.0.0.1:"), failure)

    def test_a_backend_that_is_away_has_its_clients_and_says_so(self):
        router = self.router(self.backend("blog", rest='hold = "60s"'), head=head())
        where = metrics_address(router)
        self.assertEqual(scrape(where).value("snipass_backend_up", backend="blog"), 1)
        client = self.connect(router, client_hello("blog.example.com"))
        self.wait_for_sample(where, 1, "snipass_backend_held_clients", backend="blog")
        self.assertEqual(scrape(where).value("snipass_backend_up", backend="blog"), 0)
        self.assertEqual(scrape(where).value("snipass_held_clients"), 1)
        self.reset(client)
        self.wait_for_sample(where, 0, "snipass_backend_held_clients", backend="blog")

    def test_who_waits_is_counted_where_nobody_but_its_worker_knows(self):
        router = self.start()
        where = metrics_address(router)
        client = self.connect(router, client_hello("blog.example.com")[:3])
        self.wait_for_sample(where, 1, "snipass_waiting_clients")
        self.assertEqual(scrape(where).value("snipass_in_flight_clients"), 1)
        client.close()
        self.wait_for_sample(where, 0, "snipass_waiting_clients")

    def test_bytes_are_counted_as_they_pass(self):
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
            router = self.router(f'[backend.blog]\nproxy = ["127.0.0.1:{port}"]\n', head=head())
            where = metrics_address(router)
            hello = client_hello("blog.example.com")
            client = self.connect(router, hello)
            connection, _ = server.accept()
            with connection:
                connection.sendall(b"1234567")
                self.wait_for_sample(where, len(hello), "snipass_relayed_bytes_total", backend="blog", direction="to_backend")
                self.wait_for_sample(where, 7, "snipass_relayed_bytes_total", backend="blog", direction="to_client")
                self.assertEqual(scrape(where).value("snipass_relayed_clients"), 1)
                self.assertEqual(scrape(where).value("snipass_backend_relayed_clients", backend="blog"), 1)
                state = {"backend": "blog", "address": f"127.0.0.1:{port}", "state": "up"}
                self.assertEqual(scrape(where).value("snipass_backend_addresses", **state), 1)
            client.close()
            self.wait_for_sample(where, 1, "snipass_backend_sessions_total", backend="blog", outcome="proxied")
            self.assertEqual(scrape(where).total("snipass_relayed_bytes_total", backend="blog"), len(hello) + 7)

    def test_an_address_that_is_ejected(self):
        nobody = socket.socket()  # it has the port, and does not listen
        self.addCleanup(nobody.close)
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]
        backend = f'[backend.blog]\nproxy = ["127.0.0.1:{port}"]\nhold = "0s"\neject_after = 1\n'
        router = self.router(backend, head=head())
        where = metrics_address(router)
        self.visit(router)
        state = {"backend": "blog", "address": f"127.0.0.1:{port}", "state": "ejected"}
        self.wait_for_sample(where, 1, "snipass_backend_addresses", **state)
        self.assertEqual(scrape(where).value("snipass_backend_ejections_total", backend="blog"), 1)

    def test_routes_have_counters_where_the_file_says_so(self):
        router = self.start(metrics="routes = true")
        where = metrics_address(router)
        self.visit(router, count=3)
        self.wait_for_sample(where, 3, "snipass_route_sessions_total", route="blog.example.com")

    def test_ten_thousand_routes(self):
        routes = "".join(f'[[route]]\nnames = ["site-{i}.example.com"]\nbackend = "blog"\n' for i in range(10_000))
        router = self.start(rest=routes, metrics="routes = true")
        where = metrics_address(router)
        self.visit(router, client_hello("site-9999.example.com"))
        self.wait_for_sample(where, 1, "snipass_route_sessions_total", route="site-9999.example.com")
        _, headers, text = ask(where, **{"Accept-Encoding": "gzip"})
        self.assertEqual(headers["Content-Encoding"], "gzip")
        self.assertLess(int(headers["Content-Length"]), len(text) / 5)

    def test_a_reload_keeps_the_numbers_of_what_stays(self):
        router = self.start()
        where = metrics_address(router)
        self.visit(router, count=2)
        counted = {"backend": "blog", "outcome": "handed_off"}
        self.wait_for_sample(where, 2, "snipass_backend_sessions_total", **counted)
        other = '[backend.aside]\nhandoff = "unix:/run/nobody.sock"\n[[route]]\nnames = ["aside.example.com"]\nbackend = "aside"\n'
        router.reload(head() + other + self.backend("blog"))
        self.assertEqual(scrape(where).value("snipass_backend_sessions_total", **counted), 2)
        self.visit(router)
        self.wait_for_sample(where, 3, "snipass_backend_sessions_total", **counted)
        self.assertEqual(scrape(where).value("snipass_backend_sessions_total", backend="aside", outcome="handed_off"), 0)
        self.assertEqual(scrape(where).value("snipass_sessions_total", listener="127.0.0.1:0", outcome="handed_off"), 3)
        router.reload(head().replace('"blog"', '"aside"') + '[backend.aside]\nhandoff = "unix:/run/nobody.sock"\n')
        self.assertEqual(scrape(where).total("snipass_backend_sessions_total", backend="blog"), 0)

    def test_a_file_with_a_mistake_is_told(self):
        router = self.start()
        where = metrics_address(router)
        self.assertEqual(scrape(where).value("snipass_config_last_reload_successful"), 1)
        good_since = scrape(where).value("snipass_config_last_reload_success_timestamp_seconds")
        router.reload("[metrics]\naddress = 1\n")
        self.assertEqual(scrape(where).value("snipass_config_last_reload_successful"), 0)
        self.assertEqual(scrape(where).value("snipass_config_last_reload_success_timestamp_seconds"), good_since)
        file = status_of(where)["configuration"]
        self.assertFalse(file["last_reload_good"])
        self.assertIn(f"{router.file}:", file["why"])
        router.reload(head() + self.backend("blog"))
        self.assertEqual(scrape(where).value("snipass_config_last_reload_successful"), 1)

    def test_addresses_come_and_go_with_reloads(self):
        off = 'sandbox = "off"'
        path = self.folder / "m.sock"
        file = head(server=off) + self.backend("blog")
        router = self.start(server=off)
        first = metrics_address(router)
        router.reload(file.replace('"127.0.0.1:0"\n\n[[', f'["127.0.0.1:0", "unix:{path}"]\n[['))
        self.assertEqual(scrape(first).value("snipass_ready"), 1)
        self.assertEqual(scrape(path).value("snipass_ready"), 1)
        router.reload(file.replace('[metrics]\naddress = "127.0.0.1:0"\n', ""))
        with self.assertRaises(OSError):
            ask(first)
        wait_until(lambda: not path.exists(), "the socket's file is gone")
        router.reload(file)
        self.visit(router)
        self.wait_for_sample(metrics_address(router), 1, "snipass_sessions_total", listener="127.0.0.1:0", outcome="handed_off")
        router.descriptors_at_start = None  # another socket than at the start

    def test_a_unix_socket_is_for_its_group_and_goes_with_the_router(self):
        path = self.folder / "m.sock"
        self.receiver("blog", serve="raw")
        router = self.router(self.backend("blog"), head=head().replace('"127.0.0.1:0"\n\n[[', f'"unix:{path}"\n[['))
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o660)
        self.assertEqual(scrape(path).value("snipass_ready"), 1)
        self.assertEqual(ask(path, Host="whoever.example")[0], 200)
        router.terminate()
        self.assertFalse(path.exists())

    def test_who_may_ask_for_what(self):
        router = self.start(metrics='hosts = ["router.example.com"]')
        where = metrics_address(router)
        self.assertEqual(ask(where, Host="router.example.com:9145")[0], 200)
        status, _, text = ask(where, Host="stranger.example.com")
        self.assertEqual(status, 421)
        self.assertIn("hosts = ", text)
        self.assertEqual(ask(where, "/status.json", Host="stranger.example.com")[0], 421)
        self.assertEqual(ask(where, "/nothing")[0], 404)
        status, headers, _ = ask(where, method="POST")
        self.assertEqual((status, headers["Allow"]), (405, "GET, HEAD"))
        status, headers, text = ask(where, method="HEAD")
        self.assertEqual((status, text), (200, ""))
        self.assertGreater(int(headers["Content-Length"]), 1_000)
        self.assertIn("default-src 'none'", headers["Content-Security-Policy"])

    def raw(self, where, question):
        with socket.create_connection(where, DEADLINE) as connection:
            connection.sendall(question)
            with contextlib.suppress(ConnectionResetError):
                return connection.makefile("rb").read()
        return b""

    def test_nonsense_is_answered_or_closed_and_nothing_else_happens(self):
        where = metrics_address(self.start())
        rows = [b"\x16\x03\x01\x02\x00", b"GET / HTTP/9.9\r\n\r\n", b"\0" * 100_000, b"GET /" + b"a" * 100_000,
                b"GET / HTTP/1.1\r\n\r\n", b"GET / HTTP/1.1\r\nHost: a\r\nHost: 127.0.0.1\r\n\r\n", b"GET  \r\n\r\n\r\n"]
        for question in rows:
            with self.subTest(question=question[:40]):
                self.assertNotIn(b" 200 ", self.raw(where, question)[:20])
        self.assertIn(b" 200 ", self.raw(where, b"GET /metrics HTTP/1.0\r\n\r\n")[:20])
        self.assertEqual(scrape(where).value("snipass_ready"), 1)

    def test_of_more_than_sixteen_connections_the_oldest_goes(self):
        router = self.start()
        where = metrics_address(router)
        silent = []
        for _ in range(20):
            connection = socket.create_connection(where, DEADLINE)
            self.addCleanup(connection.close)
            connection.sendall(b"GET /metrics HTT")
            silent.append(connection)
        for connection in silent[:4]:
            self.assertEqual(read_all(connection)[0], b"")
        self.assertEqual(scrape(where).value("snipass_ready"), 1)  # and a fifth one has gone for it
        self.assertEqual(read_all(silent[4])[0], b"")
        self.visit(router)
        for connection in silent[5:]:  # and the rest once their time is over
            self.assertEqual(read_all(connection)[0], b"")

    def test_who_does_not_read_holds_nobody_up(self):
        routes = "".join(f'[[route]]\nnames = ["site-{i}.example.com"]\nbackend = "blog"\n' for i in range(20_000))
        router = self.start(rest=routes, metrics="routes = true")
        where = metrics_address(router)
        for _ in range(20):
            connection = socket.socket()
            self.addCleanup(connection.close)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.settimeout(DEADLINE)
            connection.connect(where)
            connection.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
        self.visit(router, count=5)
        self.wait_for_sample(where, 5, "snipass_sessions_total", listener="127.0.0.1:0", outcome="handed_off")

    def test_what_balancers_ask(self):
        self.receiver("blog", serve="raw")
        router = self.router(self.backend("away", rest='hold = "60s"') + self.backend("blog"),
                             head=head().replace('backend = "blog"', 'backend = "away"') + '[default]\nbackend = "blog"\n')
        where = metrics_address(router)
        self.assertEqual(ask(where, "/healthz")[::2], (200, "ok\n"))
        self.assertEqual(ask(where, "/readyz")[::2], (200, "ok\n"))
        client = self.connect(router, client_hello("blog.example.com"))
        self.wait_for_sample(where, 1, "snipass_held_clients")
        router.signal(signal.SIGTERM)
        wait_until(lambda: ask(where, "/readyz")[::2] == (503, "stopping\n"), "it is not ready any more")
        self.assertEqual(ask(where, "/healthz")[0], 200)
        self.reset(client)
        self.assertEqual(router.wait(), 0)

    def test_an_address_that_somebody_has(self):
        with socket.create_server(("127.0.0.1", 0)) as other:
            address = "127.0.0.1:%d" % other.getsockname()[1]
            file = head().replace('"127.0.0.1:0"\n\n[[', f'"{address}"\n[[') + self.backend("blog")
            router = self.router(file, head="", ready=False)
            self.assertEqual(router.wait(), 1)
            self.assertRegex("\n".join(router.lines), rf"{router.file}:\d+:\d+: error: metrics\.address: cannot listen on {address}: Address already in use \(another program listens there")
            good = self.router(self.backend("blog"), head=head(server='sandbox = "off"'), name="good")
            good.reload(file)
            self.assertEqual(scrape(metrics_address(good)).value("snipass_config_last_reload_successful"), 0)

    def test_a_mistake_is_told_with_its_place(self):
        file = self.folder / "mistaken.toml"
        file.write_text('[metrics]\naddress = "localhost:9145"\n' + head().split('address = "127.0.0.1:0"\n\n', 1)[1] + self.backend("blog"))
        done = subprocess.run([SNIPASS, "check", "--config", file], capture_output=True, text=True, timeout=DEADLINE, check=False)
        self.assertEqual(done.returncode, 2)
        self.assertIn(f'{file}:2:11: error: metrics.address: "localhost:9145" is a name', done.stdout + done.stderr)


if __name__ == "__main__":
    harness.main()
