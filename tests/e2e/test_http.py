# SPDX-License-Identifier: BSL-1.0
"""Listeners for HTTP in clear: routed by Host, path and method, redirected, refused by an answer."""

import socket
import socket
import subprocess

import harness
from harness import Case, Dribble, client_hello, curl, read_all, read_exactly, wait_until
from harness.case import HEAD
from harness.places import SNIPASS

CLEAR = 'protocol = "http"\n'
BOTH = HEAD + '[[listener]]\naddress = "0.0.0.0:0"\n' + CLEAR
TO_HTTPS = '\n[backend.https]\nredirect = "https"\n'
SECOND_HEAD = '[log]\nformat = "json"\n[[listener]]\naddress = "handoff:{}"\n' + CLEAR


def request(target="/", host="blog.example.com", *, method="GET", version="1.1", more="", body=""):
    return f"{method} {target} HTTP/{version}\r\nHost: {host}\r\n{more}\r\n{body}".encode()


def head_of(answer):
    """The status line and the fields of an answer."""
    lines = answer.partition(b"\r\n\r\n")[0].decode().split("\r\n")
    return lines[0], dict(line.split(": ", 1) for line in lines[1:])


class Http(Case):
    def clear(self, rest, **options):
        return self.router(rest, head=HEAD + CLEAR, **options)

    def echoed(self, router, text, **options):
        """A backend got all of it, and nothing else, and the router says where it went."""
        client = self.connect(router, text, **options)
        self.assertEqual(read_exactly(client, len(text)), text)
        address, port = client.getsockname()
        return router.session(client=f"{address}:{port}"), client

    def refused(self, router, text, **options):
        client = self.connect(router, text, **options)
        answer, end = read_all(client)
        self.assertEqual(end, "fin")
        return answer


class Routes(Http):
    def setUp(self):
        super().setUp()
        for name in ("live", "blog"):
            self.receiver(name, serve="raw")
        self.receiver("upload", protocol="datagram", serve="raw")
        far = self.receiver("far", protocol="tcp", serve="raw")
        self.snipass = self.clear(
            '[[route]]\nnames = ["blog.example.com"]\npaths = ["/live/*", "/feed"]\nmethods = ["GET"]\nbackend = "live"\n'
            '[[route]]\nnames = ["blog.example.com"]\nmethods = ["PUT"]\nbackend = "upload"\n'
            '[[route]]\nnames = ["blog.example.com"]\nbackend = "blog"\n'
            '[[route]]\nnames = ["*.far.example.com"]\nbackend = "far"\n'
            + self.backend("live") + self.backend("blog") + self.backend("upload", protocol="datagram")
            + f'[backend.far]\nproxy = "127.0.0.1:{far.port}"\n'
        )

    def goes_to(self, backend, text, **wanted):
        with self.subTest(text=text):
            line, _ = self.echoed(self.snipass, text)
            self.assertEqual(line["backend"], backend)
            self.assertEqual({key: line.get(key) for key in wanted}, wanted)

    def test_by_host_path_and_method(self):
        self.goes_to("live", request("/live/1"), outcome="handed_off", match="exact", host="blog.example.com",
                     method="GET", target="/live/1", version="1.1", server_name=None)
        self.goes_to("live", request("/feed?x"), target="/feed?x")
        self.goes_to("live", request("/x/%2e%2E/live/%31"))
        self.goes_to("live", request("http://BLOG.example.com/live/1", "blog.example.com"))
        self.goes_to("blog", request("/live"))
        self.goes_to("blog", request("/Live/1"))
        self.goes_to("blog", request("/live/1", method="POST", more="Content-Length: 3\r\n", body="abc"))
        self.goes_to("blog", request("/", "BLOG.example.com.:8080", version="1.0"), host="BLOG.example.com.")

    def test_a_datagram_has_the_head_and_the_body_is_not_lost(self):
        self.goes_to("upload", request("/x", method="PUT", more="Content-Length: 3\r\n", body="abc"), method="PUT")

    def test_a_proxied_backend(self):
        client = self.connect(self.snipass, request("/", "a.far.example.com"))
        self.assertEqual(read_exactly(client, 10), b"GET / HTTP")
        client.close()
        line = self.snipass.session(backend="far")
        self.assertEqual((line["outcome"], line["match"], line["host"]), ("proxied", "wildcard", "a.far.example.com"))

    def test_the_next_request_of_a_connection_goes_where_the_first_went(self):
        _, client = self.echoed(self.snipass, request("/live/1"))
        client.sendall(request("/"))
        self.assertEqual(read_exactly(client, len(request("/"))), request("/"))
        self.assertEqual(len(self.snipass.sessions()), 1)

    def test_a_head_in_pieces(self):
        slow = Dribble(self.snipass.port(), [1, 3, 10, 20])
        self.addCleanup(slow.stop)
        with socket.create_connection(("127.0.0.1", slow.port)) as client:
            client.sendall(request("/live/1"))
            self.assertEqual(read_exactly(client, len(request("/live/1"))), request("/live/1"))


class Answers(Http):
    ROUTES = ('[[route]]\nnames = ["blog.example.com"]\npaths = ["/blog/*"]\nbackend = "blog"\n'
              '[[route]]\npaths = ["/old/*"]\nbackend = "https"\n' + TO_HTTPS)

    def setUp(self):
        super().setUp()
        self.snipass = self.clear(self.ROUTES + self.backend("blog", rest='hold = "0s"'))

    def test_redirects(self):
        for method, status in (("GET", "301 Moved Permanently"), ("HEAD", "301 Moved Permanently"), ("POST", "308 Permanent Redirect")):
            with self.subTest(method=method):
                answer = self.refused(self.snipass, request("/old/a?b", "Blog.Example.com:80", method=method))
                line, fields = head_of(answer)
                self.assertEqual(line, f"HTTP/1.1 {status}")
                self.assertEqual(fields["Location"], "https://blog.example.com/old/a?b")
                self.assertEqual(fields["Connection"], "close")
                self.assertEqual(answer.endswith(b"\r\n\r\n"), method == "HEAD")
        line = self.snipass.session(method="POST")
        self.assertEqual((line["outcome"], line["status"], line["backend"]), ("redirected", 308, "https"))

    def test_nobody_is_sent_to_a_host_that_no_route_has(self):
        answer = self.refused(self.snipass, request("/old/a", "evil.example"))
        self.assertEqual(head_of(answer)[0], "HTTP/1.1 421 Misdirected Request")
        self.assertNotIn(b"evil", answer)

    def test_refusals(self):
        for text, status, outcome in (
            (request("/"), "404 Not Found", "no_route"),
            (b"GET /x HTTP/1.0\r\n\r\n", "404 Not Found", "no_host"),
            (request("/blog/", "other.example.com"), "421 Misdirected Request", "no_route"),
            (request("/blog/", "192.0.2.1"), "421 Misdirected Request", "no_route"),
            (request("/blog/", more="Host: other.example.com\r\n"), "400 Bad Request", "malformed"),
            (request("/blog/%2fx"), "400 Bad Request", "malformed"),
            (b"GET / HTTP/1.1\r\n\r\n", "400 Bad Request", "malformed"),
            (request("/", more="X: " + 40_000 * "x" + "\r\n"), "431 Request Header Fields Too Large", "malformed"),
            (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "505 HTTP Version Not Supported", "not_http"),
            (client_hello(), "400 Bad Request", "not_http"),
        ):
            with self.subTest(text=text[:40]):
                before = self.snipass.counters()[outcome]
                self.assertEqual(head_of(self.refused(self.snipass, text))[0], f"HTTP/1.1 {status}")
                self.snipass.wait_counted(**{outcome: before + 1})

    def test_a_browser_that_speaks_tls_is_told_so(self):
        self.assertIn(b"speaks HTTP, and not TLS", self.refused(self.snipass, client_hello()))
        self.assertNotEqual(curl(self.snipass.port(), "blog.example.com", self.certificate).status, 0)

    def test_a_large_body_is_heard_out(self):
        client = self.connect(self.snipass, request("/old/", method="POST", more="Content-Length: 200000\r\n"))
        client.sendall(200_000 * b"x")
        self.assertIn(b" 308 ", read_all(client)[0])

    def test_a_backend_that_is_away(self):
        answer, end = read_all(self.connect(self.snipass, request("/blog/")))
        self.assertEqual((answer, end), (b"", "fin"))
        self.assertEqual(self.snipass.session(backend="blog")["outcome"], "backend_absent")

    def test_a_slow_head_ends_in_time(self):
        snipass = self.router(self.ROUTES + self.backend("blog"), head=HEAD.replace("workers = 2", 'hello_timeout = "300ms"') + CLEAR,
                              name="short")
        self.assertEqual(read_all(self.connect(snipass, b"GET / HTTP/1.1\r\n"))[0], b"")
        self.assertEqual(snipass.session()["outcome"], "hello_timeout")


class Ways(Http):
    """How else a client comes."""

    def test_through_a_balancer(self):
        self.receiver("blog", serve="raw")
        snipass = self.router('[[route]]\nnames = ["blog.example.com"]\nbackend = "blog"\n' + self.backend("blog"),
                              head=HEAD + CLEAR + 'accept_proxy_protocol = ["127.0.0.1"]\n')
        client = self.connect(snipass, b"PROXY TCP4 192.0.2.7 192.0.2.1 5000 80\r\n" + request("/"))
        self.assertEqual(read_exactly(client, len(request("/"))), request("/"))
        self.assertEqual(snipass.session(client="192.0.2.7:5000")["host"], "blog.example.com")

    def test_from_router_to_router(self):
        for protocol in ("stream", "datagram"):
            with self.subTest(protocol=protocol):
                name = f"end-{protocol}"
                path = self.folder / f"{protocol}-in.sock"
                self.receiver(name, protocol=protocol, serve="raw")
                second = self.router('[[route]]\npaths = ["/old/*"]\nbackend = "https"\n'
                                     f'[[route]]\nnames = ["blog.example.com"]\nbackend = "{name}"\n'
                                     + TO_HTTPS + self.backend(name, protocol=protocol),
                                     head=SECOND_HEAD.format(path), name=f"second-{protocol}")
                wait_until(path.is_socket, "the second router")
                inner = path if protocol == "stream" else f"{path}.datagram"
                first = self.router(f'[default]\nbackend = "inner"\n[backend.inner]\nhandoff = "unix:{inner}"\nprotocol = "{protocol}"\n',
                                    head=HEAD + CLEAR + 'unmatched = "default"\n', name=f"first-{protocol}")
                text = request("/x", method="POST", more="Content-Length: 3\r\n", body="abc")
                self.echoed(first, text)
                self.assertEqual(second.session(backend=name)["host"], "blog.example.com")
                self.assertEqual(head_of(self.refused(first, request("/old/")))[0], "HTTP/1.1 301 Moved Permanently")

    def test_from_port_80_to_port_443(self):
        """curl follows the redirect to the site."""
        self.receiver("site")
        snipass = self.router('[[route]]\npaths = ["/*"]\nbackend = "https"\n[[route]]\nnames = ["blog.example.com"]\nbackend = "site"\n'
                              + TO_HTTPS + self.backend("site"), head=BOTH)
        clear, tls = snipass.port("0.0.0.0:0"), snipass.port()
        ran = subprocess.run(
            ["curl", "-sSL", "--noproxy", "*", "--max-time", "30", "--cacert", self.certificate, "--connect-to",
             f"blog.example.com:80:127.0.0.1:{clear}", "--connect-to", f"blog.example.com:443:127.0.0.1:{tls}",
             "-w", "\n%{url_effective} %{num_redirects}", "http://blog.example.com/x?y"],
            capture_output=True, text=True, check=True)
        self.assertIn('"backend": "site"', ran.stdout)
        self.assertTrue(ran.stdout.endswith("\nhttps://blog.example.com/x?y 1"), ran.stdout)

    def test_many_at_a_time(self):
        self.receiver("blog", serve="raw")
        snipass = self.clear('[[route]]\npaths = ["/old/*"]\nbackend = "https"\n[[route]]\nnames = ["blog.example.com"]\nbackend = "blog"\n'
                             + TO_HTTPS + self.backend("blog"))
        clients = []
        for i in range(300):
            clients.append(self.connect(snipass))
        for i, client in enumerate(clients):
            client.sendall(request("/old/" if i % 3 else "/x"))
        for i, client in enumerate(clients):
            if i % 3:
                self.assertIn(b" 301 ", read_all(client)[0])
            else:
                self.assertEqual(read_exactly(client, len(request("/x"))), request("/x"))
            client.close()
        snipass.wait_counted(redirected=200, handed_off=100)


class Commands(Http):
    FILE = BOTH + ('[[route]]\nnames = ["blog.example.com"]\npaths = ["/live/*"]\nbackend = "live"\n'
                   '[[route]]\npaths = ["/*"]\nbackend = "https"\n[backend.live]\nhandoff = "unix:/run/live.sock"\ncloses = true\n' + TO_HTTPS)

    def run_command(self, *words):
        file = self.folder / "file.toml"
        file.write_text(self.FILE)
        return subprocess.run([SNIPASS, *words, "--config", file], capture_output=True, text=True)

    def test_explain(self):
        ran = self.run_command("explain", "--http", "POST http://blog.example.com/x?y")
        self.assertEqual(ran.returncode, 0, ran.stderr)
        self.assertIn('"blog.example.com" goes to backend "https"', ran.stdout)
        self.assertIn("it is answered 308, Location: https://blog.example.com/x?y", ran.stdout)
        ran = self.run_command("explain", "--http", "http://blog.example.com/live/%2f")  # the route that takes it compares no path
        self.assertIn("it is answered 301, Location: https://blog.example.com/live/%2f", ran.stdout)
        ran = self.run_command("explain", "--http", "http://somebody@blog.example.com/")
        self.assertIn("malformed, so no route is looked up", ran.stdout)
        self.assertIn('malformed = "status": the client is answered 400 Bad Request', ran.stdout)
        ran = self.run_command("explain", "--http", "GET https://blog.example.com/")
        self.assertEqual(ran.returncode, 2)
        self.assertIn('write "GET http://www.example.com/"', ran.stderr)

    def test_check(self):
        ran = self.run_command("check")
        self.assertEqual(ran.returncode, 0)
        self.assertIn("can never win", ran.stdout + ran.stderr)


if __name__ == "__main__":
    harness.main()
