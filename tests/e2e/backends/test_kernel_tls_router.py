#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""plaintext = "ktls": a router, snipass-tls, and unmodified servers that get the client's own socket, with real clients."""
import hashlib
import os
import signal
import socket
import ssl
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import test_tls  # noqa: E402
import test_tls_servers  # noqa: E402
from harness import Case, curl, gnutls_cli, kernel_tls, python_tls, read_all, s_client, wait_until  # noqa: E402
from harness.tls_end import TlsSite  # noqa: E402

BULK = 8 << 20
SMALL = 200_000  # of an answer, and the buffers are smaller
NGINX = test_tls_servers.NGINX.replace("listen 8080;", "listen 8080 sndbuf=16k;")


class KernelTlsServers(test_tls_servers.TlsServers):
    plaintext = "ktls"


class KernelTls(TlsSite, Case):
    plaintext = "ktls"
    pump = staticmethod(test_tls.Tls.pump)
    test_many_megabytes_each_way = test_tls.Tls.test_a_hundred_megabytes_each_way_and_half_close

    def nginx(self, text=NGINX):
        configuration = self.folder / "nginx.conf"
        configuration.write_text(text.format(folder=self.folder))
        self.unmodified("/usr/sbin/nginx", "-p", self.folder, "-e", self.folder / "error.log", "-c", configuration, listen="8080")

    def open_files(self):
        return len(os.listdir(f"/proc/{self.tls.pid}/fd"))

    def test_an_unmodified_http_server_answers_https_and_says_its_end(self):
        (self.folder / "page").mkdir()
        (self.folder / "page/index.html").write_text("hello in clear\n")
        self.unmodified(sys.executable, "-u", "-m", "http.server", "--bind", "127.0.0.1", "--directory", self.folder / "page", "8080")
        router = self.both(self.of_socket())
        port = router.port()
        for versions in (("--tlsv1.3",), ("--tls-max", "1.2")):
            answer = curl(port, "a.example", self.a, *versions)
            self.assertEqual((answer.status, answer.output), (0, "hello in clear\n"), answer)
        for answer in (s_client(port, "b.example", self.b), gnutls_cli(port, "a.example", self.a)):
            self.assertIn("hello in clear", answer.output)
            self.assertNotIn("unexpected eof", answer.output)  # which close_notify in front of FIN spares them
            self.assertNotIn("not properly terminated", answer.output)
        for line in self.tls.sessions(4):
            self.assertEqual((line["outcome"], line["plaintext"]), ("handed_off", "ktls"))
            self.assertNotIn("end", line)

    def test_nothing_of_a_client_is_left_and_nobody_notices_the_end_of_snipass_tls(self):
        self.unmodified(sys.executable, "-c", test_tls.ECHO)
        router = self.both(self.of_socket())
        before = self.open_files()
        clients = [python_tls(router.port(), "a.example", self.a) for _ in range(20)]
        self.tls.sessions(20)
        wait_until(lambda: self.open_files() == before, "no descriptor of them is open")
        self.tls.process.send_signal(signal.SIGKILL)
        self.tls.process.wait()
        for client in clients:
            with client:
                client.sendall(b"still here")
                socket.socket.shutdown(client, socket.SHUT_WR)  # SSLSocket's would forget that it is one
                said = read_all(client)[0]
                self.assertTrue(said.startswith(hashlib.sha256(b"still here").hexdigest().encode()), said)

    def nanoseconds(self):
        """What each thread of snipass-tls has spent on a CPU."""
        return {task.name: task.joinpath("schedstat").read_text().split()[0] for task in Path(f"/proc/{self.tls.pid}/task").iterdir()}

    def test_bulk_costs_snipass_tls_nothing(self):
        """Not a nanosecond. One thread looks a few times a second whether the workers get on, whatever they do."""
        (self.folder / "large").write_bytes(bytes(BULK))
        self.nginx(test_tls_servers.NGINX)
        router = self.both(self.of_socket())
        with python_tls(router.port(), "a.example", self.a) as client:
            self.assertEqual(self.tls.session()["plaintext"], "ktls")
            for _ in range(2):  # with the first one all is over that the handshake has left to do
                before, left = self.nanoseconds(), BULK
                client.sendall(b"GET /large HTTP/1.1\r\nHost: a.example\r\n\r\n")
                head = b""
                while not head.endswith(b"\r\n\r\n"):
                    head += client.recv(1)
                while left:
                    left -= len(client.recv(min(left, 1 << 18)))
                after = self.nanoseconds()
        self.assertLessEqual(len([thread for thread in after if after[thread] != before[thread]]), 1, (before, after))

    def test_a_slow_client_of_a_server_that_closes_gets_the_last_record(self):
        """nginx closes while its buffer is full. Without the farewell up to two records are lost."""
        whole = os.urandom(SMALL)
        (self.folder / "large").write_bytes(whole)
        self.nginx()
        router = self.both(self.of_socket())
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            for _ in range(5):
                with socket.socket() as raw:
                    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16_384)
                    raw.settimeout(60)
                    raw.connect(("127.0.0.1", router.port()))
                    context = ssl.create_default_context(cafile=str(self.a))
                    context.maximum_version = version
                    with context.wrap_socket(raw, server_hostname="a.example") as client:
                        client.sendall(b"GET /large HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n")
                        time.sleep(0.3)  # the server has closed by now
                        body = read_all(client)[0].partition(b"\r\n\r\n")[2]
                self.assertEqual(hashlib.sha256(body).hexdigest(), hashlib.sha256(whole).hexdigest(), len(body))
        self.assertNotIn("[alert]", (self.folder / "error.log").read_text())


if __name__ == "__main__":
    kernel_tls.main()
