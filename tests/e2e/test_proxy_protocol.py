# SPDX-License-Identifier: BSL-1.0
"""PROXY protocol headers: from balancers in front, and to backends behind; with nginx and haproxy on both sides."""

import socket
import struct
import time

import harness
from harness import DEADLINE, Case, client_hello, read_all, read_exactly, wait_until

HELLO = client_hello("far.example.com")
SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"


def v2(client, local, tlvs=b"", command=0x21):
    body = socket.inet_aton(client[0]) + socket.inet_aton(local[0]) + struct.pack("!HH", client[1], local[1]) + tlvs
    return SIGNATURE + bytes([command, 0x11]) + struct.pack("!H", len(body)) + body


V1 = b"PROXY TCP4 192.0.2.1 198.51.100.2 12345 443\r\n"
V2 = v2(("192.0.2.1", 12345), ("198.51.100.2", 443), b"\x02\x00\x01a")


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


class ProxyProtocol(Case):
    def setUp(self):
        super().setUp()
        self.far = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.far.settimeout(DEADLINE)
        self.addCleanup(self.far.close)

    def behind_balancer(self, networks='"127.0.0.1"', rest="", port=None):
        head = harness.case.HEAD.rstrip() + f"\naccept_proxy_protocol = [{networks}]\n"
        return self.router('\n[[route]]\nnames = ["far.example.com"]\nbackend = "far"\n[backend.far]\n'
                           f'proxy = ["127.0.0.1:{port or self.far.getsockname()[1]}"]\n{rest}\n', head=head)

    def backend_side(self):
        connection, _ = self.far.accept()
        connection.settimeout(DEADLINE)
        self.addCleanup(connection.close)
        return connection

    def test_the_header_is_taken_and_its_client_counts(self):
        router = self.behind_balancer(rest='proxy_protocol = "v1"')
        for header in (V1, V2):
            with self.subTest(header):
                client = self.connect(router, header + HELLO)
                backend = self.backend_side()
                self.assertEqual(read_exactly(backend, len(V1 + HELLO)), V1 + HELLO)
                client.close()
                backend.close()
                line = router.sessions(1, client="192.0.2.1:12345")[-1]
                self.assertTrue(line["via"].startswith("127.0.0.1:"), line)

    def test_any_segmentation(self):
        router = self.behind_balancer()
        for header in (V1, V2):
            for size in (1, 7, len(header) - 1, len(header), len(header) + 1):
                with self.subTest(header=header, size=size):
                    client = self.connect(router)
                    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    whole = header + HELLO
                    head = whole[:len(header) + 20]
                    for at in range(0, len(head), size):
                        client.sendall(head[at:at + size])
                        time.sleep(0.001)
                    client.sendall(whole[len(head):])
                    backend = self.backend_side()
                    self.assertEqual(read_exactly(backend, len(HELLO)), HELLO)
                    client.close()
                    backend.close()

    def test_local_keeps_the_addresses(self):
        router = self.behind_balancer()
        client = self.connect(router, v2(("192.0.2.1", 1), ("192.0.2.2", 2), command=0x20) + HELLO)
        self.backend_side().close()
        client.close()
        self.assertTrue(router.session()["client"].startswith("127.0.0.1:"))

    def test_what_is_no_header_is_closed_and_counted_and_the_log_has_the_rule(self):
        router = self.behind_balancer()
        for count, (start, why) in enumerate((
                (HELLO, "no PROXY header: it begins with the bytes 16 03 01 "),
                (b"PROXY TCP4 nonsense\r\n" + HELLO, 'PROXY v1: not two addresses and two ports with one space before each: "TCP4 nonsense"'),
                (b"PROXY TCP4 192.0.2.1 192.0.2.2 \x1b 443\r\n" + HELLO,
                 'PROXY v1: its source port is no number from 0 to 65535: "\\u001B"'),
                (SIGNATURE + b"\x21\x51\0\0" + HELLO, "PROXY v2: its address family is none of 0 to 3: 5")), 1):
            client = self.connect(router, start)
            self.assertEqual(read_all(client)[0], b"")
            line = router.sessions(count, outcome="bad_proxy_header")[-1]
            self.assertTrue(line["detail"].startswith(why), line)

    def test_a_destination_of_the_other_family_is_no_reason_to_refuse_a_client(self):
        router = self.behind_balancer(rest='proxy_protocol = "v1"')
        client = self.connect(router, b"PROXY TCP6 2001:db8::9 192.0.2.1 1111 443\r\n" + HELLO)
        told = b"PROXY TCP6 2001:db8::9 ::ffff:192.0.2.1 1111 443\r\n" + HELLO
        backend = self.backend_side()
        self.assertEqual(read_exactly(backend, len(told)), told)
        client.close()
        backend.close()
        self.assertEqual(router.session(match="exact")["client"], "[2001:db8::9]:1111")

    def test_what_is_not_about_tcp_leaves_the_addresses(self):
        router = self.behind_balancer()
        udp = socket.inet_aton("192.0.2.1") + socket.inet_aton("192.0.2.2") + struct.pack("!HH", 1, 2)
        for count, (family, block) in enumerate(((0x00, b""), (0x12, udp), (0x31, bytes(216))), 1):
            header = SIGNATURE + bytes([0x21, family]) + struct.pack("!H", len(block)) + block
            client = self.connect(router, header + HELLO)
            backend = self.backend_side()
            self.assertEqual(read_exactly(backend, len(HELLO)), HELLO)
            client.close()
            backend.close()
            line = router.sessions(count, match="exact")[-1]
            self.assertEqual(line["client"], line["via"])

    def test_half_a_header_waits_for_the_deadline_or_the_end(self):
        router = self.behind_balancer()
        client = self.connect(router, V2[:20])
        client.shutdown(socket.SHUT_WR)
        self.assertEqual(read_all(client)[0], b"")
        self.assertEqual(router.session()["outcome"], "client_closed")

    def test_from_elsewhere_it_is_no_header(self):
        router = self.behind_balancer(networks='"10.0.0.0/8"')
        client = self.connect(router, HELLO)
        self.assertEqual(read_exactly(self.backend_side(), len(HELLO)), HELLO)
        client.close()
        for count, header in enumerate((V1, V2), 1):
            stranger = self.connect(router, header + HELLO)
            self.assertEqual(read_all(stranger)[0], b"")
            line = router.sessions(count, outcome="not_tls")[-1]
            self.assertEqual(line["detail"], "a PROXY header from 127.0.0.1; if that is a load balancer in front of listener "
                             '"127.0.0.1:0", add "127.0.0.1" to its accept_proxy_protocol')

    def test_a_header_where_none_is_accepted_is_logged_with_the_key_to_write(self):
        router = self.router()
        read_all(self.connect(router, V1 + HELLO))
        self.assertIn('write accept_proxy_protocol = ["127.0.0.1"]', router.session()["detail"])

    def test_a_second_header_is_none(self):
        router = self.behind_balancer()
        self.assertEqual(read_all(self.connect(router, V2 + V1 + HELLO))[0], b"")
        self.assertEqual(router.session(outcome="not_tls")["detail"], "a second PROXY header")

    def test_sources_are_the_clients(self):
        head = harness.case.HEAD.rstrip() + '\naccept_proxy_protocol = ["127.0.0.1"]\n'
        router = self.router('\n[[route]]\nnames = ["far.example.com"]\nsource = ["192.0.2.0/24"]\nbackend = "far"\n'
                             f'[backend.far]\nproxy = ["127.0.0.1:{self.far.getsockname()[1]}"]\n', head=head)
        client = self.connect(router, V2 + HELLO)
        self.assertEqual(read_exactly(self.backend_side(), len(HELLO)), HELLO)
        client.close()
        other = self.connect(router, v2(("203.0.113.1", 1), ("198.51.100.2", 443)) + HELLO)
        self.assertEqual(read_all(other)[0], b"")
        self.assertEqual(router.session(client="203.0.113.1:1")["outcome"], "no_route")

    def test_a_handoff_backend_hears_of_the_client(self):
        head = harness.case.HEAD.rstrip() + '\naccept_proxy_protocol = ["127.0.0.1"]\n'
        receiver = self.receiver("near", serve="raw")
        router = self.router('\n[[route]]\nnames = ["far.example.com"]\nbackend = "near"\n' + self.backend("near"), head=head)
        client = self.connect(router, V2 + HELLO)
        self.assertEqual(read_exactly(client, len(HELLO)), HELLO)
        self.assertEqual(tuple(receiver.taken(1)[0]["source"]), ("192.0.2.1", 12345))

    # -- other people's programs

    def nginx(self, text):
        conf = self.folder / "nginx.conf"
        conf.write_text(f"daemon off; master_process off; error_log stderr; pid {self.folder}/nginx.pid;\n"
                        "events {}\n" + text)
        return self.run_program(["nginx", "-p", self.folder, "-c", conf])

    def wait_port(self, port):
        def answers():
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                return True
            except OSError:
                return False
        wait_until(answers, f"somebody listens on port {port}")

    def fetch(self, port):
        return harness.clients._run(["curl", "-sS", "--max-time", DEADLINE, "--cacert", self.certificate, "--noproxy", "*",
                                     "--connect-to", f"far.example.com:443:127.0.0.1:{port}", "https://far.example.com/"]).output

    def test_nginx_reads_our_headers(self):
        for version in ("v1", "v2"):
            with self.subTest(version):
                port = free_port()
                logs = self.folder
                self.nginx(f"""http {{ access_log off; client_body_temp_path {logs}/b; proxy_temp_path {logs}/p;
                    fastcgi_temp_path {logs}/f; uwsgi_temp_path {logs}/u; scgi_temp_path {logs}/s;
                    server {{ listen 127.0.0.1:{port} ssl proxy_protocol; ssl_certificate {self.certificate};
                    ssl_certificate_key {self.key};
                    location / {{ return 200 "$proxy_protocol_addr:$proxy_protocol_port to $proxy_protocol_server_addr:$proxy_protocol_server_port"; }} }} }}""")
                self.wait_port(port)
                router = self.router('\n[[route]]\nnames = ["far.example.com"]\nbackend = "far"\n[backend.far]\n'
                                     f'proxy = ["127.0.0.1:{port}"]\nproxy_protocol = "{version}"\n', name=version)
                answer = self.fetch(router.port())
                line = router.session(outcome="proxied")
                self.assertEqual(answer, f"{line['client']} to 127.0.0.1:{router.port()}")

    def test_haproxy_in_front_and_behind(self):
        front, behind = free_port(), free_port()
        pem = self.folder / "both.pem"
        pem.write_text(self.certificate.read_text() + self.key.read_text())
        for send in ("send-proxy", "send-proxy-v2"):
            with self.subTest(send):
                router = self.behind_balancer(rest='proxy_protocol = "v2"', port=behind)
                conf = self.folder / "haproxy.cfg"
                conf.write_text(f"""defaults
    mode tcp
    timeout connect 5s
    timeout client 30s
    timeout server 30s
frontend front
    bind 127.0.0.1:{front}
    default_backend router
backend router
    server router 127.0.0.1:{router.port()} {send}
frontend behind
    mode http
    bind 127.0.0.1:{behind} ssl crt {pem} accept-proxy
    http-request return status 200 content-type text/plain lf-string "%ci:%cp %[fc_pp_authority] %[fc_pp_unique_id,hex]"
""")
                haproxy = self.run_program(["haproxy", "-db", "-f", conf])
                self.wait_port(front)
                answer = self.fetch(front).split()
                self.assertEqual(answer[1], "far.example.com", answer)
                line = router.session(outcome="proxied")
                self.assertEqual(answer[0], line["client"])
                self.assertNotEqual(line["client"], line["via"])
                self.assertEqual(answer[2].lower(), line["id"])
                haproxy.stop()
                router.stop()


if __name__ == "__main__":
    harness.main()
