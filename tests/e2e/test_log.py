# SPDX-License-Identifier: BSL-1.0
"""What an admin reads: a session's line in both formats, the counters, and what the settings leave out."""

import re
import signal
import socket

import harness
from harness import DEADLINE, Case, client_hello, read_all, wait_until

HEAD = """
[server]
workers = 2
[log]
{}
[[listener]]
address = "127.0.0.1:0"
unmatched = "close"
[[route]]
names = ["*.example.com"]
backend = "blog"
"""
ODD = 'h2" outcome=x'  # a protocol's name that would like to be more than that


class Log(Case):
    def start_router(self, log):
        """Three clients: one is handed off, one refused for its name, one for its protocol. The router, and the first's address."""
        self.receiver("blog", serve="raw")
        router = self.router(self.backend("blog"), head=HEAD.format(log))
        listening = re.compile(r'"?address"?[=:]"127\.0\.0\.1:(\d+)"')
        port = router.wait_for(lambda me: [found for line in me.lines if (found := listening.search(line))], "its port")[0][1]
        addresses = []
        for data in (client_hello("blog.example.com", alpn=["h2", ODD]), client_hello("other.org"), b"GET / HTTP/1.0\r\n\r\n"):
            with socket.create_connection(("127.0.0.1", int(port)), DEADLINE) as client:
                addresses.append("%s:%d" % client.getsockname())
                client.sendall(data)
                client.shutdown(socket.SHUT_WR)
                read_all(client)
        return router, addresses[0]

    def test_text(self):
        router, client = self.start_router('format = "text"')
        lines = router.wait_for(
            lambda me: (found,) if len(found := [line for line in me.lines if " session " in line]) == 3 else None, "three lines")[0]
        taken = next(line for line in lines if client in line)
        self.assertRegex(taken, r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z session handed_off client=" + re.escape(client) +
                         r' listener=127\.0\.0\.1:0 server_name="blog\.example\.com" alpn="h2,h2\\" outcome=x" match=wildcard route=\d+ '
                         r'backend="blog" id=[0-9a-f]+ duration_us=\d+ hello_bytes=\d+$')
        self.assertEqual(sorted(line.split()[2] for line in lines), ["handed_off", "no_route", "not_tls"])
        self.assertTrue([line for line in router.lines if re.match(r"\S+Z info listening listener=", line)])

    def test_json(self):
        router, client = self.start_router('format = "json"')
        router.sessions(3)
        taken = router.session(client=client)
        self.assertEqual(taken["outcome"], "handed_off")
        self.assertEqual(taken["alpn"], ["h2", ODD])
        self.assertEqual((taken["match"], taken["server_name"], taken["backend"]), ("wildcard", "blog.example.com", "blog"))
        refused = router.session(outcome="no_route")
        self.assertEqual((refused["route"], refused["backend"], refused["server_name"]), (None, None, "other.org"))
        self.assertIsNone(router.session(outcome="not_tls")["server_name"])

    def test_the_counters_on_sigusr1(self):
        router, _ = self.start_router('format = "json"')
        router.sessions(3)
        counters = router.counters()
        expected = {"accepted": 3, "accept_paused": 0, "handed_off": 1, "no_route": 1, "not_tls": 1, "shed": 0, "match_wildcard": 1,
                    "match_no_route": 1, "match_not_tls": 1, "match_exact": 0}
        self.assertEqual({key: counters[key] for key in expected}, expected)

    def test_who_leaves_without_a_byte_is_counted_and_has_no_line(self):
        router, _ = self.start_router('format = "json"')
        router.sessions(3)
        socket.create_connection(("127.0.0.1", router.port()), DEADLINE).close()
        wait_until(lambda: router.counters()["empty"] == 1, "it is counted")
        self.assertEqual(router.counters()["client_closed"], 1)
        router.terminate()
        self.assertEqual(len([e for e in router.events if e.get("event") == "session"]), 3)

    def burst(self, router):
        """So many clients of one source at once, one way or the other."""
        router.port()  # it has told
        router.signal(signal.SIGSTOP)
        clients = [self.connect(router, client_hello("blog.example.com")) for _ in range(60)]
        router.signal(signal.SIGCONT)
        return clients

    def test_a_source_has_few_lines_a_second_of_clients_that_nobody_serves(self):
        router = self.router(self.backend("blog", rest='hold = "0s"'), head=HEAD.format('format = "json"'))
        for client in self.burst(router):
            self.assertEqual(read_all(client), (b"", "fin"))
        router.wait_counted(backend_absent=60)
        router.terminate()
        told = [e for e in router.events if e.get("message") == "more clients of one source got to no backend"]
        self.assertEqual({e["source"] for e in told}, {"127.0.0.1"})
        self.assertEqual(len(router.sessions(outcome="backend_absent")) + sum(e["lines_left_out"] for e in told), 60)

    def test_a_flood_from_seven_networks_hides_no_backend_that_is_away(self):
        """Each /48 has 160 lines a second, here of as many /64, and with that all places that sources have are taken."""
        head = HEAD.format('format = "json"').replace("workers = 2", "workers = 1")
        head = head.replace('unmatched = "close"', 'unmatched = "close"\naccept_proxy_protocol = ["127.0.0.1"]')
        router = self.router(self.backend("blog", rest='hold = "0s"'), head=head)

        def by_balancer(source, hello):
            return self.connect(router, f"PROXY TCP6 {source} 2001:db8::1 1024 443\r\n".encode() + hello)

        flood = [f"2001:db8:{network}:{part}{number:02x}::1" for network in range(7) for part in range(4) for number in range(40)]
        router.port()  # it has told
        router.signal(signal.SIGSTOP)
        other = client_hello("other.org")
        strangers = [by_balancer(source, other) for source in flood]
        honest = by_balancer("2001:db8:ffff::1", client_hello("blog.example.com"))
        router.signal(signal.SIGCONT)
        for client in (*strangers, honest):
            self.assertEqual(read_all(client), (b"", "fin"))
        line = router.session(outcome="backend_absent")
        self.assertEqual((line["client"], line["backend"]), ("[2001:db8:ffff::1]:1024", "blog"))

    def test_each_client_that_is_served_has_its_line(self):
        self.receiver("blog", serve="raw")
        router = self.router(self.backend("blog"), head=HEAD.format('format = "json"'))
        self.burst(router)
        router.sessions(60, outcome="handed_off")

    def test_without_sessions(self):
        router, _ = self.start_router('format = "json"\naccess = false')
        wait_until(lambda: router.counters()["handed_off"] == 1, "it is counted")
        router.terminate()
        self.assertEqual([e for e in router.events if e.get("event") == "session"], [])

    def test_a_level_leaves_out_what_is_below_it(self):
        self.receiver("blog", serve="raw")
        router = self.router(self.backend("blog"), head=HEAD.format('format = "json"\nlevel = "warn"').replace("[server]", "[server]\nmax_waiting = 1000"))
        router.reload("")
        router.terminate()
        # A build with sanitizers warns that it has no sandbox.
        self.assertEqual({e["level"] for e in router.events if "level" in e and e["message"] != "sandbox"}, {"error"})


if __name__ == "__main__":
    harness.main()
