# SPDX-License-Identifier: BSL-1.0
"""Proxied backends that real programs play, and that misbehave: socat, openssl, nginx in front, bulk both ways at once, death and stalls.

SNIPASS_LONG=1: two gigabytes each way, where it is 64 MB otherwise.
"""

import hashlib
import os
import signal
import socket
import ssl
import struct
import threading
import time

from harness import DEADLINE, Case, client_hello, main, read_all, wait_until
from harness.case import HEAD

NAME = "far.example.com"
HELLO = client_hello(NAME)
BULK = (2 << 30) if os.environ.get("SNIPASS_LONG") else 64 << 20
CHUNK = 1 << 20


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as one:
        return one.getsockname()[1]


def is_listened_on(port):
    with open("/proc/net/tcp", encoding="ascii") as sockets:
        return any(row.split()[1].endswith(f":{port:04X}") and row.split()[3] == "0A" for row in sockets)


def has_unread(port):
    """A connection at that port of this machine has bytes that nobody has read."""
    with open("/proc/net/tcp", encoding="ascii") as sockets:
        rows = [row.split() for row in list(sockets)[1:]]
    return any(row[1].endswith(f":{port:04X}") and row[3] == "01" and int(row[4].split(":")[1], 16) > 0 for row in rows)


def reset(connection):
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


class Peers(Case):
    def setUp(self):
        super().setUp()
        self.far = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.far.settimeout(DEADLINE)
        self.addCleanup(self.far.close)
        self.far_port = self.far.getsockname()[1]

    def proxied(self, port=None, rest="", head=HEAD):
        return self.router(f'\n[[route]]\nnames = ["{NAME}"]\nbackend = "far"\n[backend.far]\n'
                           f'proxy = ["127.0.0.1:{port or self.far_port}"]\n{rest}\n', head=head)

    def pair(self, router):
        client = self.connect(router, HELLO)
        backend, _ = self.far.accept()
        backend.settimeout(DEADLINE)
        self.addCleanup(backend.close)
        return client, backend

    # -- other programs

    def test_socat_echoes_and_hears_the_end(self):
        port = free_port()
        self.run_program(["socat", f"TCP-LISTEN:{port},bind=127.0.0.1,fork,reuseaddr", "EXEC:cat"])
        wait_until(lambda: is_listened_on(port), "socat listens")
        client = self.connect(self.proxied(port), HELLO)
        client.sendall(b"and more" * 10_000)
        client.shutdown(socket.SHUT_WR)
        self.assertEqual(read_all(client), (HELLO + b"and more" * 10_000, "fin"))

    def s_server(self):
        """openssl s_server, which sends each line back from its end to its beginning, and a router before it."""
        port = free_port()
        server = self.run_program(["openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-cert", self.certificate,
                                   "-key", self.key, "-quiet", "-rev"])
        wait_until(lambda: is_listened_on(port), "openssl listens")
        return server, self.proxied(port, 'hold = "0s"')

    def tls(self, router, version=ssl.TLSVersion.TLSv1_3):
        context = ssl.create_default_context(cafile=self.certificate)
        context.minimum_version = context.maximum_version = version
        client = context.wrap_socket(self.connect(router), server_hostname=NAME, suppress_ragged_eofs=False)
        self.addCleanup(client.close)
        client.sendall(b"hello\n")
        self.assertEqual(client.recv(100), b"olleh\n")
        return client

    def end_of(self, client):
        """What the client hears last. Python's ssl makes an EOF of an RST, so the socket itself is asked first."""
        try:
            if not socket.socket.recv(client, 1, socket.MSG_PEEK):
                return "fin"
            return client.recv(100) or "close_notify"
        except ConnectionResetError:
            return "reset"
        except ssl.SSLError:
            return "alert"

    def test_s_server_answers_a_client_that_has_closed_its_side(self):
        _, router = self.s_server()
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            with self.subTest(version=version):
                client = self.tls(router, version)
                client.sendall(b"last words\n")
                socket.socket.shutdown(client, socket.SHUT_WR)  # SSLSocket's would forget that it speaks TLS
                self.assertEqual(client.recv(100), b"sdrow tsal\n")
                self.assertIn(self.end_of(client), ("close_notify", "alert", "fin"))  # OpenSSL misses the close_notify
                client.close()
        for line in router.sessions(2):
            self.assertEqual((line["end"], line["closed_first"]), ("finished", "client"))

    def test_s_server_closes_and_is_killed(self):
        server, router = self.s_server()
        client = self.tls(router)
        client.sendall(b"CLOSE\n")  # s_server -rev ends the connection
        self.assertEqual(self.end_of(client), "close_notify")
        client.close()
        self.assertEqual(router.session()["end"], "finished")
        client = self.tls(router)
        reset(client)
        self.assertEqual(router.session(end="client_reset")["closed_first"], "client")
        client = self.tls(router)
        server.signal(signal.SIGKILL)  # it has read all: FIN
        self.assertEqual(self.end_of(client), "fin")
        client.close()
        self.assertEqual(router.session(closed_first="backend")["end"], "finished")

    def test_s_server_is_killed_with_bytes_unread(self):
        server, router = self.s_server()
        client = self.tls(router)
        server.signal(signal.SIGSTOP)
        client.sendall(b"never read\n")
        port = int(server.argv[server.argv.index("-accept") + 1].rpartition(":")[2])
        wait_until(lambda: has_unread(port), "they have arrived")
        server.signal(signal.SIGKILL)
        self.assertEqual(router.session()["end"], "backend_reset")
        self.assertEqual(self.end_of(client), "reset")

    def test_nginx_in_front_sends_a_proxy_header(self):
        port = free_port()
        router = self.proxied(head=HEAD + 'accept_proxy_protocol = ["127.0.0.0/8"]\n', rest='proxy_protocol = "v1"')
        modules = "/usr/lib/nginx/modules/ngx_stream_module.so"
        load = f"load_module {modules};" if os.path.exists(modules) else ""
        file = self.folder / "nginx.conf"
        file.write_text(f"""{load} daemon off; master_process off; pid {self.folder}/nginx.pid; error_log stderr; events {{}}
stream {{ server {{ listen 127.0.0.1:{port}; proxy_pass 127.0.0.1:{router.port()}; proxy_protocol on; }} }}""")
        self.run_program(["nginx", "-p", self.folder, "-c", file])

        def visit():
            client = socket.socket()
            client.bind(("127.0.0.9", 0))
            if client.connect_ex(("127.0.0.1", port)) != 0:
                client.close()
                return None
            return client

        found = []
        wait_until(lambda: found.append(visit()) or found[-1], "nginx listens")
        with found[-1] as client:
            client.sendall(HELLO)
            backend, _ = self.far.accept()
            with backend:
                line, hello = backend.recv(4096).split(b"\r\n", 1)
                self.assertEqual(line.split()[:4], [b"PROXY", b"TCP4", b"127.0.0.9", b"127.0.0.1"])
                self.assertTrue(HELLO.startswith(hello))
        session = router.session(outcome="proxied")
        self.assertTrue(session["client"].startswith("127.0.0.9:"))
        self.assertTrue(session["via"].startswith("127.0.0.1:"))

    # -- much

    def test_bulk_both_ways_at_once(self):
        router = self.proxied()
        client, backend = self.pair(router)
        sums = {}

        def say(to, first):
            digest = hashlib.sha256(first)
            block = os.urandom(CHUNK)
            for number in range(BULK // CHUNK):
                chunk = number.to_bytes(8, "big") + block[8:]
                to.sendall(chunk)
                digest.update(chunk)
            to.shutdown(socket.SHUT_WR)
            sums[to, "said"] = digest.hexdigest()

        def hear(at):
            digest = hashlib.sha256()
            while data := at.recv(CHUNK):
                digest.update(data)
            sums[at, "heard"] = digest.hexdigest()

        jobs = [threading.Thread(target=say, args=(client, HELLO)), threading.Thread(target=say, args=(backend, b"")),
                threading.Thread(target=hear, args=(client,)), threading.Thread(target=hear, args=(backend,))]
        for job in jobs:
            job.start()
        for job in jobs:
            job.join()
        self.assertEqual(sums[client, "said"], sums[backend, "heard"])
        self.assertEqual(sums[backend, "said"], sums[client, "heard"])
        line = router.session(end="finished")
        self.assertEqual((line["to_backend"], line["to_client"]), (len(HELLO) + BULK, BULK))

    # -- backends that misbehave

    def test_a_backend_that_dies_at_once(self):
        router = self.proxied()
        for _ in range(20):
            client, backend = self.pair(router)
            backend.recv(1, socket.MSG_PEEK)  # it is connected to before it is spoken to
            backend.close()  # with the hello unread: RST
            self.assertEqual(read_all(client), (b"", "reset"))

    def test_a_backend_that_answers_before_it_reads(self):
        client, backend = self.pair(self.proxied())
        backend.sendall(b"too early")
        self.assertEqual(client.recv(9, socket.MSG_WAITALL), b"too early")
        self.assertEqual(backend.recv(len(HELLO), socket.MSG_WAITALL), HELLO)
        backend.close()
        self.assertEqual(read_all(client), (b"", "fin"))

    def test_a_backend_that_stalls_gets_all_of_it_later(self):
        client, backend = self.pair(self.proxied())
        data = os.urandom(8 << 20)
        speaker = threading.Thread(target=lambda: (client.sendall(data), client.shutdown(socket.SHUT_WR)))
        speaker.start()
        time.sleep(0.3)  # all buffers on the way are full
        self.assertEqual(read_all(backend), (HELLO + data, "fin"))
        speaker.join()

    def test_a_stalled_backend_is_cut_by_idle_timeout(self):
        client, backend = self.pair(self.proxied(rest='idle_timeout = "200ms"'))
        self.assertEqual(read_all(client), (b"", "reset"))
        backend.close()

    def test_a_backend_that_trickles_is_not_idle(self):
        client, backend = self.pair(self.proxied(rest='idle_timeout = "1s"'))
        for _ in range(20):
            backend.sendall(b".")
            time.sleep(0.1)
        backend.close()
        self.assertEqual(read_all(client)[0], b"." * 20)


if __name__ == "__main__":
    main()
