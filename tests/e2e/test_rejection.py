# SPDX-License-Identifier: BSL-1.0
"""A refused client is told so in words: what curl, openssl s_client, gnutls-cli, NSS and Chromium print for each policy."""

import contextlib
import shutil
import socket
import struct
import threading
import unittest

import harness
from harness import Case, chromium, curl, gnutls_cli, s_client, tstclnt

HEAD = """
[server]
workers = 1
[log]
format = "json"
[[route]]
names = ["blog.example.com"]
backend = "blog"
"""
LISTENER = """
[[listener]]
address = "{address}:0"
unmatched = "{policy}"
malformed = "{policy}"
"""
ADDRESSES = {"close": "127.0.0.1", "reset": "127.0.0.2", "alert": "127.0.0.3"}
CLIENTS = {"curl": curl, "openssl": s_client, "gnutls": gnutls_cli, "nss": tstclnt}

# Each is printed by some version of OpenSSL from 3.0, GnuTLS from 3.7 or curl from 7.88; one of them must be.
CLOSED = {
    "curl": ["SSL_ERROR_SYSCALL", "unexpected eof"],
    "openssl": ["unexpected eof"],
    "gnutls": ["non-properly terminated"],
    "nss": ["PR_END_OF_FILE_ERROR"],
    "chromium": ["net_error -100"],  # ERR_CONNECTION_CLOSED
}
RESET = {
    "curl": ["reset by peer", "errno=104", "SSL_ERROR_SYSCALL"],
    "openssl": ["errno=104"],
    "gnutls": ["pull function", "reset by peer"],
    "nss": ["PR_CONNECT_RESET_ERROR"],
    "chromium": ["net_error -101"],  # ERR_CONNECTION_RESET
}
# And these all must be.
UNRECOGNIZED_NAME = {
    "curl": ["unrecognized name"],
    "openssl": ["unrecognized name", "alert number 112"],
    "gnutls": ["[112]", "server name sent was not recognized"],
    "nss": ["SSL_ERROR_UNRECOGNIZED_NAME_ALERT"],
    "chromium": ["net_error -159"],  # ERR_SSL_UNRECOGNIZED_NAME_ALERT
}
DECODE_ERROR = {
    "curl": ["decode error"],
    "openssl": ["decode error", "alert number 50"],
    "gnutls": ["[50]", "decode error"],
    "nss": ["SSL_ERROR_DECODE_ERROR_ALERT"],
    "chromium": ["net_error -107"],  # ERR_SSL_PROTOCOL_ERROR: it has no word of its own for this alert
}


REFUSED = (("other.example.com", False, "no_route"), ("blog.example.com", True, "malformed"))  # name, corrupted, outcome


class Relay:
    """A client's way to a listener; what comes back passes as it came, a reset too. With a name, it makes the length of
    the hello's list of names lie, so that a real client has sent what a TLS stack refuses."""

    def __init__(self, address, corrupted_name=None):
        self._target, self._name = address, corrupted_name
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def _changed(self, hello):
        if self._name is None:
            return hello
        entry = b"\0" + struct.pack("!H", len(self._name)) + self._name.encode()
        right, wrong = (struct.pack("!H", len(entry) + more) + entry for more in (0, 1))
        assert right in hello
        return hello.replace(right, wrong)

    def _accept(self):
        with contextlib.suppress(OSError):  # closed
            while True:
                client, _ = self._listener.accept()
                self._threads.append(threading.Thread(target=self._serve, args=(client,)))
                self._threads[-1].start()

    def _serve(self, client):
        with client, socket.create_connection(self._target, harness.DEADLINE) as router:
            client.settimeout(harness.DEADLINE)
            router.sendall(self._changed(client.recv(65536)))
            try:
                while data := router.recv(65536):
                    client.sendall(data)
                client.shutdown(socket.SHUT_WR)
            except ConnectionResetError:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                return
            with contextlib.suppress(OSError):
                while client.recv(65536):
                    continue

    def close(self):
        self._listener.shutdown(socket.SHUT_RDWR)  # ends accept()
        for thread in self._threads:
            thread.join()
        self._listener.close()


class Rejection(Case):
    def setUp(self):
        super().setUp()
        listeners = "".join(LISTENER.format(address=a, policy=p) for p, a in ADDRESSES.items())
        self.snipass = self.router(self.backend("blog"), head=HEAD + listeners)

    def ask(self, client, policy, name, corrupted=False):
        """What the client prints when it is refused."""
        address = ADDRESSES[policy]
        with contextlib.closing(Relay((address, self.snipass.port(f"{address}:0")), name if corrupted else None)) as relay:
            answer = client(relay.port, name, self.certificate)
        if client is not chromium:
            self.assertNotEqual(answer.status, 0, answer)
        return answer.output + answer.messages

    def each(self, policy, words, *, every=False):
        for name, corrupted, outcome in REFUSED:
            for client, program in CLIENTS.items():
                with self.subTest(client=client, outcome=outcome):
                    printed = self.ask(program, policy, name, corrupted).lower()
                    wanted = words[outcome][client]
                    found = [one for one in wanted if one.lower() in printed]
                    self.assertTrue(found == wanted if every else found, f"{wanted} not in {printed}")
            self.assertEqual(len(self.snipass.sessions(len(CLIENTS), outcome=outcome)), len(CLIENTS))

    def test_close(self):
        self.each("close", {"no_route": CLOSED, "malformed": CLOSED})

    def test_reset(self):
        self.each("reset", {"no_route": RESET, "malformed": RESET})

    def test_alert(self):
        self.each("alert", {"no_route": UNRECOGNIZED_NAME, "malformed": DECODE_ERROR}, every=True)

    @unittest.skipUnless(shutil.which("chromium"), "no chromium here")
    def test_a_browser(self):
        for policy, outcome, words in (("close", "no_route", CLOSED), ("reset", "no_route", RESET),
                                       ("alert", "no_route", UNRECOGNIZED_NAME), ("alert", "malformed", DECODE_ERROR)):
            name, corrupted = next(row[:2] for row in REFUSED if row[2] == outcome)
            with self.subTest(policy=policy, outcome=outcome):
                self.assertIn(words["chromium"][0], self.ask(chromium, policy, name, corrupted))


if __name__ == "__main__":
    harness.main()
