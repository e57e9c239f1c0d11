# SPDX-License-Identifier: BSL-1.0
"""Which backend a client gets, by name, ALPN and source; and what becomes of clients that no route takes."""

import struct

import harness
from harness import Case, client_hello, read_all, read_exactly, s_client

ROUTES = """
[[route]]
names = ["a.example.com", "*.wild.example.com"]
backend = "one"
[[route]]
names = ["*.example.com"]
alpn = ["acme-tls/1"]
backend = "two"
[[route]]
names = ["*.example.com"]
source = ["127.0.0.2"]
backend = "three"
[[route]]
names = ["*.deep.wild.example.com"]
backend = "two"
[[route]]
names = ['/r[0-9]+\\.example\\.net/', '/.*\\.example\\.net/']
backend = "three"
[[route]]
names = ["/r1.*/"]
backend = "one"
"""

UNRECOGNIZED_NAME, DECODE_ERROR = 112, 50


class Routes(Case):
    def setUp(self):
        super().setUp()
        self.names = ("one", "two", "three", "fallback")
        self.receivers = {name: self.receiver(name, serve="raw") for name in self.names}
        self.snipass = self.router(
            ROUTES + "".join(map(self.backend, self.names)) + '[default]\nbackend = "fallback"\n'
        )

    def goes_to(self, backend, match, name, *, alpn=(), source=None):
        with self.subTest(name=name, alpn=alpn, source=source):
            hello = client_hello(name, alpn=alpn)
            client = self.connect(self.snipass, hello, source=source)
            self.assertEqual(read_exactly(client, len(hello)), hello)
            address, port = client.getsockname()
            line = self.snipass.session(client=f"{address}:{port}")
            self.assertEqual((line["outcome"], line["backend"], line["match"]), ("handed_off", backend, match))
            self.receivers[backend].took(port)

    def test_the_most_specific_name_wins(self):
        self.goes_to("one", "exact", "a.example.com")
        self.goes_to("one", "exact", "A.EXAMPLE.com")
        self.goes_to("one", "wildcard", "x.wild.example.com")
        self.goes_to("two", "wildcard", "x.deep.wild.example.com")
        self.goes_to("two", "wildcard", "x.y.deep.wild.example.com")
        self.goes_to("three", "regex", "r1.example.net")
        self.goes_to("three", "regex", "x.example.net")
        self.goes_to("one", "regex", "r1.example.org")

    def test_every_condition_of_a_route_must_hold(self):
        self.goes_to("two", "wildcard", "b.example.com", alpn=["acme-tls/1"])
        self.goes_to("two", "wildcard", "b.example.com", alpn=["h2", "acme-tls/1"])
        self.goes_to("three", "wildcard", "b.example.com", source="127.0.0.2")
        self.goes_to("two", "wildcard", "b.example.com", alpn=["acme-tls/1"], source="127.0.0.2")
        self.goes_to("fallback", "no_route", "b.example.com")

    def test_who_has_no_route_goes_to_the_default(self):
        self.goes_to("fallback", "no_route", "example.com")
        self.goes_to("fallback", "no_route", "wild.example.com")
        self.goes_to("fallback", "no_route", "nobody.example.org")
        self.goes_to("fallback", "no_server_name", None)


POLICIES = """
[server]
workers = 1
[log]
format = "json"
[[listener]]
address = "127.0.0.1:0"
unmatched = "close"
[[listener]]
address = "127.0.0.2:0"
unmatched = "reset"
malformed = "reset"
[[listener]]
address = "127.0.0.3:0"
unmatched = "alert"
malformed = "alert"
not_tls = "reset"
[[listener]]
address = "127.0.0.4:0"
unmatched = "close"
malformed = "default"
not_tls = "default"
[[route]]
names = ["blog.example.com"]
backend = "blog"
"""

# A hello whose server_name list is one byte longer than its extension.
MALFORMED = client_hello("blog.example.com").replace(b"\0\x13\0\0\x10blog", b"\0\x14\0\0\x10blog")
HTTP = b"GET / HTTP/1.1\r\nHost: blog.example.com\r\n\r\n"


class Policies(Case):
    """Each policy as the client sees it."""

    def setUp(self):
        super().setUp()
        assert b"\0\x14\0\0\x10blog" in MALFORMED
        self.receiver("blog", serve="raw")
        self.fallback = self.receiver("fallback", serve="raw")
        self.snipass = self.router(
            self.backend("blog") + self.backend("fallback") + '[default]\nbackend = "fallback"\n', head=POLICIES
        )

    def refused(self, host, sent, outcome, expected):
        with self.subTest(host=host, outcome=outcome):
            client = self.connect(self.snipass, sent, host=host, listener=f"{host}:0")
            self.assertEqual(read_all(client), expected)
            address, port = client.getsockname()
            self.assertEqual(self.snipass.session(client=f"{address}:{port}")["outcome"], outcome)

    @staticmethod
    def alert(description):
        return struct.pack("!BHHBB", 21, 0x0303, 2, 2, description)

    def test_close(self):
        self.refused("127.0.0.1", client_hello("other.example.com"), "no_route", (b"", "fin"))
        self.refused("127.0.0.1", client_hello(None), "no_server_name", (b"", "fin"))
        self.refused("127.0.0.1", MALFORMED, "malformed", (b"", "fin"))
        self.refused("127.0.0.1", HTTP, "not_tls", (b"", "fin"))

    def test_reset(self):
        self.refused("127.0.0.2", client_hello("other.example.com"), "no_route", (b"", "reset"))
        self.refused("127.0.0.2", client_hello(None), "no_server_name", (b"", "reset"))
        self.refused("127.0.0.2", MALFORMED, "malformed", (b"", "reset"))
        self.refused("127.0.0.2", HTTP, "not_tls", (b"", "reset"))
        self.refused("127.0.0.3", HTTP, "not_tls", (b"", "reset"))

    def test_alert(self):
        unrecognized = (self.alert(UNRECOGNIZED_NAME), "fin")
        self.refused("127.0.0.3", client_hello("other.example.com"), "no_route", unrecognized)
        self.refused("127.0.0.3", client_hello(None), "no_server_name", unrecognized)
        self.refused("127.0.0.3", MALFORMED, "malformed", (self.alert(DECODE_ERROR), "fin"))

    def test_openssl_and_gnutls_understand_the_alert(self):
        port = self.snipass.port("127.0.0.3:0")
        argv = ["openssl", "s_client", "-connect", f"127.0.0.3:{port}", "-servername", "other.example.com"]
        messages = self.run_program(argv)
        messages.wait_for(lambda me: [line for line in me.lines if "alert number 112" in line], "the alert")
        argv = ["gnutls-cli", "-p", str(port), "--sni-hostname", "other.example.com", "127.0.0.3"]
        messages = self.run_program(argv)
        messages.wait_for(lambda me: [line for line in me.lines if "[112]" in line], "the alert")

    def test_default_for_what_is_no_hello(self):
        for sent, match in ((MALFORMED, "malformed"), (HTTP, "not_tls")):
            with self.subTest(match=match):
                client = self.connect(self.snipass, sent, host="127.0.0.4", listener="127.0.0.4:0")
                self.assertEqual(read_exactly(client, len(sent)), sent)
                line = self.snipass.session(match=match)
                self.assertEqual((line["outcome"], line["backend"]), ("handed_off", "fallback"))

    def test_a_route_is_never_won_by_a_malformed_hello(self):
        self.refused("127.0.0.1", MALFORMED, "malformed", (b"", "fin"))
        self.assertEqual(self.snipass.sessions(backend="blog"), [])

    def test_a_name_that_dns_would_not_take_is_unmatched_and_logged_as_sent(self):
        line = None
        for name in ("blog example.com", 'bl"og\\.example.com'):
            hello = client_hello("x" * len(name)).replace(b"x" * len(name), name.encode())
            client = self.connect(self.snipass, hello)
            read_all(client)
            line = self.snipass.session(server_name=name)
            self.assertEqual((line["outcome"], line["match"]), ("no_route", "no_route"))

    def test_without_a_default_unmatched_clients_are_closed(self):
        snipass = self.router(
            '[[route]]\nnames = ["blog.example.com"]\nbackend = "blog"\n' + self.backend("blog"), name="second"
        )
        client = self.connect(snipass, client_hello("other.example.com"))
        self.assertEqual(read_all(client), (b"", "fin"))
        answer = s_client(snipass.port(), "other.example.com", self.certificate)
        self.assertNotEqual(answer.status, 0)


if __name__ == "__main__":
    harness.main()
