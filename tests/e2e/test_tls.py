#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""TLS ends in snipass-tls: real clients, router and snipass-tls with one file, and backends that speak no TLS."""

import hashlib
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import threading

from harness import Case, client_hello, curl, gnutls_cli, handoff_sender, main, python_tls, read_all, s_client, wait_until
from harness.case import HEAD
from harness.backend_case import can_connect
from harness.places import SNIPASS, SOURCE
from harness.tls_end import PROGRAM, TlsSite, make_certificate

LONG = os.environ.get("SNIPASS_LONG")
ECHO = """
import hashlib, socket, sys, threading
listener = socket.create_server(("127.0.0.1", 8080), backlog=1024)
print("listening", flush=True)
def serve(client, address):
    with client:
        # The library answers for the socket pair as TCP would.
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 0)
        assert client.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) in (0, 1)
        assert client.getsockopt(socket.SOL_SOCKET, socket.SO_DOMAIN) == socket.AF_INET
        assert client.getsockopt(socket.SOL_SOCKET, socket.SO_PROTOCOL) == socket.IPPROTO_TCP
        assert client.getpeername() == address, (client.getpeername(), address)
        print("client %s:%d to %s:%d" % (*address, *client.getsockname()), flush=True)
        hashed, size = hashlib.sha256(), 0
        while data := client.recv(65536):
            hashed.update(data)
            size += len(data)
        client.sendall(b"%s %d\\n" % (hashed.hexdigest().encode(), size))
        block = bytes(range(256)) * 256
        for _ in range(size // len(block)):
            client.sendall(block)
while True:
    threading.Thread(target=serve, args=listener.accept(), daemon=True).start()
"""


class Tls(TlsSite, Case):
    def test_an_unmodified_http_server_answers_https(self):
        (self.folder / "page").mkdir()
        (self.folder / "page/index.html").write_text("hello in clear\n")
        server = self.unmodified(sys.executable, "-u", "-m", "http.server", "--bind", "127.0.0.1", "--directory", self.folder / "page", "8080")
        router = self.both(self.of_socket())
        port = router.port()
        for versions in (("--tlsv1.3",), ("--tls-max", "1.2"), ("--http2",)):
            answer = curl(port, "a.example", self.a, *versions)
            self.assertEqual((answer.status, answer.output), (0, "hello in clear\n"), answer)
        self.assertIn("hello in clear", s_client(port, "b.example", self.b).output)
        self.assertIn("hello in clear", gnutls_cli(port, "deep.w.example", self.a).output)
        with python_tls(port, "a.example", self.a, source="127.0.0.7") as client:
            client.sendall(b"GET / HTTP/1.0\r\n\r\n")
            self.assertIn(b"hello in clear", read_all(client)[0])
        server.wait_for(lambda me: any(line.startswith("127.0.0.7 ") for line in me.lines), "the client's own address in its log")
        line = self.tls.session(client=f"127.0.0.7:{[s for s in router.sessions(6) if s['client'].startswith('127.0.0.7')][0]['client'].split(':')[1]}")
        self.assertEqual((line["outcome"], line["tls"], line["server_name"], line["end"]), ("handed_off", "TLSv1.3", "a.example", "finished"))
        ids = {session["id"] for session in router.sessions(6)}
        self.assertEqual({session["id"] for session in self.tls.sessions(6)}, ids)

    def test_who_asks_for_no_name_gets_the_default_certificate_if_there_is_one(self):
        self.receiver("b", serve="raw")
        text = self.text(self.of_socket(), '[default]\nbackend = "b"\n', head=HEAD, server='default = "a.example"\n')
        self.tls = self.tls_end(text)
        router = self.router(head=text)
        context = ssl.create_default_context(cafile=str(self.a))
        context.check_hostname = False
        for name in (None, "nobody.example"):
            with context.wrap_socket(self.connect(router), server_hostname=name) as client:
                client.sendall(b"echo")
                self.assertEqual(client.recv(4), b"echo")
        self.tls.reload(text.replace('default = "a.example"\n', ""))
        with self.assertRaises(ssl.SSLError):
            context.wrap_socket(self.connect(router), server_hostname=None)
        self.tls.session(outcome="no_certificate")

    def test_the_example_receiver_answers_in_clear_where_it_was_told_to(self):
        program = SOURCE / "examples/receivers/receiver.py"
        receiver = self.run_program([sys.executable, "-u", program, "--from", "0", "--in-clear", self.socket])
        wait_until(self.socket.is_socket, "it listens")
        router = self.both(self.of_socket("0s"))
        with python_tls(router.port(), "a.example", self.a) as client:
            client.sendall(b"GET / HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n")
            self.assertTrue(read_all(client)[0].endswith(b"client: 127.0.0.1:%d\n" % client.getsockname()[1]))
        receiver.stop()
        receiver = self.run_program([sys.executable, "-u", program, "--from", "0", self.socket, self.certificate, self.key])
        wait_until(lambda: can_connect(self.socket), "it listens again")
        with python_tls(router.port(), "a.example", self.a) as client:
            self.assertEqual(client.recv(1), b"")  # it would take what is said for a hello, so it has refused
        self.tls.session(outcome="backend_declined")

    def test_a_receiver_is_told_what_was_chosen(self):
        receiver = self.receiver("b", serve="raw")
        router = self.both(self.of_socket() + 'alpn = ["h2", "http/1.1"]\n')
        with python_tls(router.port(), "a.example", self.a, alpn=("http/1.1", "h2")) as client:
            self.assertEqual(client.selected_alpn_protocol(), "h2")
            client.sendall(b"echo")
            self.assertEqual(client.recv(4), b"echo")
            report = receiver.taken()[0]
            self.assertEqual(report["source"], list(client.getsockname()[:2]))
            self.assertEqual(report["destination"], ["127.0.0.1", router.port()])
            self.assertEqual((report["alpn"], report["authority"], report["plaintext"]), ("h2", "a.example", "02"))
            cipher = client.cipher()[0].encode()
            version = client.version().encode()
            inner = bytes([0x21, 0, len(version)]) + version + bytes([0x23, 0, len(cipher)]) + cipher
            self.assertEqual(bytes.fromhex(report["ssl"]), b"\x01\0\0\0\x01" + inner)

    def test_a_hundred_megabytes_each_way_and_half_close(self):
        server = self.unmodified(sys.executable, "-c", ECHO)
        router = self.both(self.of_socket())
        size = (100 if LONG else 16) << 20
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            block, hashed = os.urandom(1 << 20), hashlib.sha256()
            for _ in range(size >> 20):
                hashed.update(block)
            context = ssl.create_default_context(cafile=str(self.a))
            context.maximum_version = version
            raw = socket.create_connection(("127.0.0.1", router.port()), 30)
            incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
            tls = context.wrap_bio(incoming, outgoing, server_hostname="a.example")
            self.pump(raw, incoming, outgoing, tls.do_handshake)
            for _ in range(size >> 20):
                tls.write(block)
                raw.sendall(outgoing.read())
            raw.shutdown(socket.SHUT_WR)  # a FIN; close_notify is in the unit tests
            heard = b""
            pieces = hashlib.sha256()
            while b"\n" not in heard:
                piece = self.pump(raw, incoming, outgoing, lambda: tls.read(65536))
                self.assertNotEqual(piece, b"", "it has answered")
                heard += piece
            line, _, rest = heard.partition(b"\n")
            self.assertEqual(line.decode(), f"{hashed.hexdigest()} {size}")
            count = 0
            while rest or count == 0:
                pieces.update(rest)
                count += len(rest)
                rest = self.pump(raw, incoming, outgoing, lambda: tls.read(65536))  # without close_notify: SSLEOFError
            raw.close()
            self.assertEqual(count, size)
            wanted = hashlib.sha256()
            for _ in range(size >> 16):
                wanted.update(bytes(range(256)) * 256)
            self.assertEqual(pieces.hexdigest(), wanted.hexdigest())
        server.wait_for(lambda me: len([line for line in me.lines if line.startswith("client 127.0.0.1:") and f"to 127.0.0.1:{router.port()}" in line]) >= 2,
                        "getpeername and getsockname as TCP has them")

    @staticmethod
    def pump(raw, incoming, outgoing, call):
        while True:
            try:
                result = call()
                if data := outgoing.read():
                    raw.sendall(data)
                return result
            except ssl.SSLWantReadError:
                if data := outgoing.read():
                    raw.sendall(data)
                data = raw.recv(1 << 18)
                incoming.write(data) if data else incoming.write_eof()

    def test_a_client_whom_nobody_takes_hears_so_though_a_backend_that_hangs_has_a_copy(self):
        server = self.unmodified(sys.executable, "-c", ECHO)
        server.process.send_signal(signal.SIGSTOP)
        self.addCleanup(server.process.send_signal, signal.SIGCONT)
        router = self.both(self.of_socket("0s"))
        with python_tls(router.port(), "a.example", self.a) as client:
            self.assertEqual(client.recv(1), b"")
        self.assertEqual(self.tls.session()["outcome"], "backend_silent")

    def test_a_proxied_backend_gets_clear_text_and_a_header(self):
        receiver = self.receiver("far", protocol="tcp-v2", serve="raw")
        router = self.both(f'proxy = ["127.0.0.1:{receiver.port}"]\nproxy_protocol = "v2"\n')
        with python_tls(router.port(), "a.example", self.a) as client:
            client.sendall(b"echo")
            self.assertEqual(client.recv(4), b"echo")
            report = receiver.taken()[0]
            self.assertEqual((report["source"], report["authority"]), (list(client.getsockname()[:2]), "a.example"))
            self.assertTrue(bytes.fromhex(report["ssl"]).startswith(b"\x01\0\0\0\x01\x21\0\x07TLSv1.3"))
            self.assertNotIn("plaintext", report)
        line = self.tls.session(outcome="proxied")
        self.assertEqual((line["to_backend"], line["to_client"], line["tls"]), (4, 4, "TLSv1.3"))

    def test_clients_wait_while_snipass_tls_restarts(self):
        self.receiver("b", serve="raw")
        # `hold` is too short, but a restart takes as long as drain_timeout, and the router knows.
        text = self.text(self.of_socket("1ms"), head=HEAD)
        router = self.router(head=text)
        answers = []

        def come():
            with python_tls(router.port(), "a.example", self.a) as client:
                client.sendall(b"echo")
                answers.append(client.recv(4))
        waiting = threading.Thread(target=come)
        waiting.start()
        router.wait_for(lambda me: any(e.get("message") == "a backend does not take clients" for e in me.events), "it is away")
        self.tls_end(text)
        waiting.join(30)
        self.assertEqual(answers, [b"echo"])
        self.assertEqual(router.session(server_name="a.example")["outcome"], "handed_off")

    def test_a_backend_that_is_away_is_waited_for_behind_the_handshake_and_then_sorry(self):
        router = self.both(self.of_socket("30s"))
        with python_tls(router.port(), "a.example", self.a) as client:  # the handshake is done
            client.sendall(b"kept")
            self.tls.wait_for(lambda me: any(e.get("message") == "a backend does not take clients" for e in me.events), "it is away")
            self.receiver("b", serve="raw")
            self.assertEqual(client.recv(4), b"kept")
        sorry = self.text(self.of_socket("0s") + 'sorry = "other"\n', f'[backend.other]\ntls = "terminate"\nhandoff = "unix:{self.folder}/other.sock"', head=HEAD)
        self.receiver("other", serve="raw")
        self.tls.reload(sorry)
        (self.folder / "b.sock").unlink()
        with python_tls(router.port(), "a.example", self.a) as client:
            client.sendall(b"else")
            self.assertEqual(client.recv(4), b"else")
        self.assertEqual(self.tls.session(backend="other")["outcome"], "handed_off")

    def test_nobody_takes_it(self):
        router = self.both(self.of_socket("0s"))
        with python_tls(router.port(), "a.example", self.a) as client:
            self.assertEqual(client.recv(1), b"")  # close_notify
        self.assertEqual(self.tls.session()["outcome"], "backend_absent")

    def test_refusals_are_alerts(self):
        self.receiver("b", serve="raw")
        router = self.both(self.of_socket())
        for name, alpn, alert, outcome in (("none.example", (), "unrecognized name", "no_certificate"),
                                           ("a.example", ("imap",), "no application protocol", "alpn_mismatch")):
            with self.assertRaises(ssl.SSLError) as caught:
                python_tls(router.port(), name, self.a, alpn=alpn)
            self.assertIn(alert.replace(" ", "_"), str(caught.exception).lower().replace(" ", "_"))
            self.assertEqual(self.tls.session(server_name=name, outcome=outcome)["outcome"], outcome)
        with self.assertRaises(ssl.SSLError):
            python_tls(router.port(), "a.example", self.b)  # it does not know who has issued ours
        line = self.tls.session(outcome="handshake_failed")
        self.assertIn("the client's alert: unknown CA", line["detail"])

    def test_what_the_router_says_and_what_the_client_asks_for_must_agree(self):
        self.receiver("b", serve="raw")
        self.both(self.of_socket())
        for authority, expected in ((b"b.example", b"\x15\x03\x03\0\x02\x02\x70"), (None, b"\x15\x03\x03\0\x02\x02\x70")):
            with socket.create_server(("127.0.0.1", 0)) as listener:
                client = socket.create_connection(listener.getsockname(), 30)
                near, _ = listener.accept()
            client.sendall(client_hello("a.example"))
            self.assertEqual(handoff_sender.offer(f"{self.folder}/tls.sock", near, 30, authority=authority), "taken")
            self.assertEqual(read_all(client)[0], expected)
            client.close()
        self.assertIn("and its hello asks for", self.tls.sessions(2, outcome="no_route")[0]["detail"])

    def test_half_handshakes_leave_real_clients_served(self):
        self.receiver("b", serve="raw")
        router = self.both(self.of_socket(), server="max_handshakes = 64\n")
        hello, silent = client_hello("a.example"), []
        for _ in range(10_000 if LONG else 500):
            silent.append(self.connect(router, hello))
        # Of another source: of the largest one the oldest goes, also if it has come behind some that are still on their way.
        with python_tls(router.port(), "a.example", self.a, source="127.0.0.7") as client:
            client.sendall(b"echo")
            self.assertEqual(client.recv(4), b"echo")
        self.assertIn("max_handshakes", self.tls.session(outcome="shed")["detail"])
        for one in silent:
            one.close()

    def test_a_reload_takes_new_certificates_and_a_bad_one_keeps_the_old(self):
        self.receiver("b", serve="raw")
        router = self.both(self.of_socket())
        with python_tls(router.port(), "a.example", self.a) as before:
            old = before.getpeercert(True)
            new = make_certificate(self.live / "a", "a.example")
            self.tls.reload()
            with python_tls(router.port(), "a.example", new) as after:
                self.assertNotEqual(after.getpeercert(True), old)
            shutil.copy(self.live / "b/privkey.pem", self.live / "a/privkey.pem")
            self.tls.reload()
            self.tls.wait_for(lambda me: any("is not the key of the first certificate" in e.get("message", "") for e in me.events), "it says why")
            with python_tls(router.port(), "a.example", new) as after:
                self.assertNotEqual(after.getpeercert(True), old)
            before.sendall(b"echo")  # who was served before notices nothing
            self.assertEqual(before.recv(4), b"echo")

    def test_sessions_are_resumed_also_after_a_reload(self):
        self.receiver("b", serve="raw")
        router = self.both(self.of_socket())
        context = ssl.create_default_context(cafile=str(self.a))
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        session = None
        for resumed in (False, True):
            raw = socket.create_connection(("127.0.0.1", router.port()), 30)
            with context.wrap_socket(raw, server_hostname="a.example", session=session) as client:
                client.sendall(b"echo")
                self.assertEqual(client.recv(4), b"echo")
                self.assertEqual(client.session_reused, resumed)
                session = client.session
            self.tls.reload()

    def test_sessions_are_resumed_after_a_restart(self):
        self.receiver("b", serve="raw")
        router = self.both(self.of_socket())
        context = ssl.create_default_context(cafile=str(self.a))
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        session = None
        for resumed in (False, True, True):
            raw = socket.create_connection(("127.0.0.1", router.port()), 30)
            with context.wrap_socket(raw, server_hostname="a.example", session=session) as client:
                client.sendall(b"echo")
                self.assertEqual(client.recv(4), b"echo")
                self.assertEqual(client.session_reused, resumed)
                session = client.session
            self.tls.stop()
            self.tls = self.tls_end(self.tls.file.read_text())
        self.assertEqual(os.stat(self.folder / "tls.sock.tickets").st_mode & 0o777, 0o600)

    def test_keys_of_tickets_that_others_may_read_are_not_used(self):
        self.receiver("b", serve="raw")
        keys = self.folder / "tls.sock.tickets"
        keys.write_bytes(b"anything")
        keys.chmod(0o644)
        router = self.both(self.of_socket())
        with python_tls(router.port(), "a.example", self.a) as client:
            client.sendall(b"echo")
            self.assertEqual(client.recv(4), b"echo")
        self.assertEqual(keys.read_bytes(), b"anything")
        self.assertTrue(any("is not this user's alone" in line for line in self.tls.lines), self.tls.lines)

    def test_check_reads_the_certificates(self):
        file = self.folder / "f.toml"
        file.write_text(self.text(self.of_socket(), head=HEAD))
        (self.live / "b/privkey.pem").chmod(0o644)  # a warning of one, and what is said of all
        result = subprocess.run([SNIPASS, "check", str(file)], capture_output=True, text=True, timeout=30)
        self.assertEqual(result.returncode, 0, result)
        self.assertRegex(result.stdout, "/b/privkey.pem: everybody may read this key")
        self.assertRegex(result.stdout, r'f.toml:\d+:\d+: warning: route.names: no certificate has "none.example"')
        shutil.copy(self.live / "b/privkey.pem", self.live / "a/privkey.pem")
        result = subprocess.run([SNIPASS, "check", str(file)], capture_output=True, text=True, timeout=30)
        self.assertEqual(result.returncode, 2, result)
        self.assertRegex(result.stderr, r"f.toml:\d+:\d+: error: tls.certificates: .*/a/privkey.pem: is not the key of")

    def test_it_does_not_start_with_what_it_cannot_use(self):
        file = self.folder / "f.toml"
        for text, why in ((HEAD + "[default]\nbackend = 'b'\n[backend.b]\nhandoff = 'unix:/b'\n", "no [tls], which is what snipass-tls is for"),
                          (self.text(self.of_socket(), head=HEAD).replace("/live/*", "/live/none"), "cannot be read: No such file")):
            file.write_text(text)
            result = subprocess.run([PROGRAM, "run", file], capture_output=True, text=True, timeout=30)
            self.assertEqual(result.returncode, 2, result)
            self.assertIn(why, result.stderr)

    def test_keys_are_not_for_others_to_see(self):
        self.receiver("b", serve="raw")
        self.both(self.of_socket())
        with open(f"/proc/{self.tls.pid}/limits", encoding="ascii") as limits:
            core = next(line for line in limits if line.startswith("Max core file size"))
        self.assertEqual(core.split()[4:6], ["0", "0"])
        self.assertEqual(os.stat(f"/proc/{self.tls.pid}/environ").st_uid, 0)

    def test_a_stop_lets_who_is_served_go_on_and_then_ends(self):
        self.receiver("b", serve="raw")
        router = self.both(self.of_socket())
        client = python_tls(router.port(), "a.example", self.a)
        client.sendall(b"echo")
        self.assertEqual(client.recv(4), b"echo")
        self.tls.signal(signal.SIGTERM)
        self.tls.wait_for(lambda me: any(e.get("message") == "stopping" for e in me.events), "it stops")
        client.sendall(b"more")
        self.assertEqual(client.recv(4), b"more")
        client.close()
        self.assertEqual(self.tls.wait(), 0)


if __name__ == "__main__":
    main()
