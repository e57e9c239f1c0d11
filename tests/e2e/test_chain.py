# SPDX-License-Identifier: BSL-1.0
"""Routers in a row: what one hands off, the next takes at a listener "handoff:PATH", by either protocol."""

import os
import pathlib
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
import unittest

import harness
from harness import Case, client_hello, curl, gnutls_cli, handoff_sender, python_tls, read_all, s_client, wait_until

HELLO = client_hello("blog.example.com")
ACTIVATE = pathlib.Path(harness.__file__).with_name("activate.py")

SECOND_HEAD = """
[server]
workers = 2
{server}
[log]
format = "json"
[[listener]]
address = "handoff:{path}"
{listener}
"""

# Hands one descriptor over as another user, and says what came of it.
STRANGER = """
import os, sys
sys.path.insert(0, sys.argv[1])
import socket
from harness import handoff_sender
with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as far:
    client = server.accept()[0]
    os.setresgid(65534, 65534, 65534)
    os.setresuid(65534, 65534, 65534)
    if sys.argv[3] == "stream":
        print(handoff_sender.offer(sys.argv[2], client))
    else:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
            channel.connect(sys.argv[2] + ".datagram")
            handoff_sender.send_with(channel, b"hello", [client])
        print("sent")
    client.close()
"""


class Chain(Case):
    def setUp(self):
        super().setUp()
        self.path = self.folder / "in.sock"

    def second(self, rest, *, listener="", server="", name="second", **options):
        """The router behind: it takes what is handed over at self.path."""
        head = SECOND_HEAD.format(path=self.path, listener=listener, server=server)
        return self.router(rest, head=head, name=name, **options)

    def first(self, protocol="stream", rest="", **options):
        """The router in front: all its clients go to the second."""
        path = f"{self.path}.datagram" if protocol == "datagram" else self.path
        return self.router(f'[backend.second]\nhandoff = "unix:{path}"\nprotocol = "{protocol}"\n{rest}\n'
                           '[default]\nbackend = "second"\n', name="first", **options)

    def to_receiver(self, name="blog", **options):
        return f'[default]\nbackend = "{name}"\n' + self.backend(name, **options)

    def client(self):
        """A TCP client as a router would have accepted it: its own end, and the accepted one."""
        with socket.create_server(("127.0.0.1", 0)) as listener:
            far = socket.create_connection(listener.getsockname(), harness.DEADLINE)
            near = listener.accept()[0]
        self.addCleanup(far.close)
        self.addCleanup(near.close)
        return far, near

    def send_datagram(self, payload, descriptors):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
            channel.connect(f"{self.path}.datagram")
            handoff_sender.send_with(channel, payload, descriptors)


class RealClients(Chain):
    def check_all(self, first, second, receiver, **facts):
        for name, fetch in (("curl", curl), ("s_client", s_client), ("gnutls-cli", gnutls_cli)):
            with self.subTest(client=name):
                answer = fetch(first.port(), "blog.example.com", self.certificate).body
                self.assertEqual(answer["backend"], "blog")
                line = second.session(client="{}:{}".format(*answer["peer"]))
                self.assertEqual((line["outcome"], line["server_name"], line["listener"]),
                                 (facts["outcome"], "blog.example.com", f"handoff:{self.path}"))
        first.sessions(3, outcome="handed_off")

    def test_stream_to_stream(self):
        receiver = self.receiver("blog")
        second = self.second(self.to_receiver())
        first = self.first()
        self.check_all(first, second, receiver, outcome="handed_off")
        # One id names the client in both routers' logs, and at the backend.
        ids = [sorted(line["id"] for line in router.sessions(3)) for router in (first, second)]
        self.assertEqual(ids[0], ids[1])
        self.assertEqual(ids[0], sorted(taken["unique_id"] for taken in receiver.taken(3)))
        for taken in receiver.taken(3):
            self.assertEqual(taken["source"], taken["peer"])
            self.assertEqual(taken["authority"], "blog.example.com")

    def test_stream_to_datagram(self):
        receiver = self.receiver("blog", protocol="datagram")
        self.check_all(self.first(), self.second(self.to_receiver(protocol="datagram")), receiver, outcome="handed_off")

    def test_datagram_to_datagram(self):
        receiver = self.receiver("blog", protocol="datagram")
        second = self.second(self.to_receiver(protocol="datagram"))
        self.check_all(self.first("datagram"), second, receiver, outcome="handed_off")

    def test_either_to_a_proxied_backend(self):
        receiver = self.receiver("blog", protocol="tcp-v2")
        second = self.second(f'[backend.blog]\nproxy = "127.0.0.1:{receiver.port}"\nproxy_protocol = "v2"\n[default]\nbackend = "blog"\n')
        for protocol in ("stream", "datagram"):
            with self.subTest(protocol=protocol):
                first = self.first(protocol)
                with python_tls(first.port(), "blog.example.com", self.certificate) as client:
                    client.sendall(b"GET / HTTP/1.1\r\n\r\n")
                    self.assertIn(b'"backend": "blog"', client.recv(65536))
                    source = list(client.getsockname()[:2])
                self.assertEqual(receiver.took(source[1])["source"], source)
                wait_until(lambda p=source[1]: second.sessions(outcome="proxied", client=f"127.0.0.1:{p}"), "ended")
                first.stop()

    def test_three_in_a_row(self):
        self.receiver("blog")
        third_path = self.folder / "third.sock"
        head = SECOND_HEAD.format(path=third_path, listener="", server="")
        self.router(self.to_receiver(), head=head, name="third")
        self.second(f'[backend.third]\nhandoff = "unix:{third_path}"\n[default]\nbackend = "third"\n')
        first = self.first()
        for _ in range(20):
            self.assertEqual(curl(first.port(), "blog.example.com", self.certificate).body["backend"], "blog")

    def test_a_hello_in_pieces_by_datagram(self):
        # What a router sends that waits for less than the whole hello.
        receiver = self.receiver("blog", protocol="datagram", serve="raw")
        second = self.second(self.to_receiver(protocol="datagram"))
        for consumed, unread in ((HELLO[:1], HELLO[1:]), (HELLO[:100], HELLO[100:] + b"more"), (b"", HELLO), (HELLO, b"")):
            with self.subTest(consumed=len(consumed)):
                far, near = self.client()
                far.sendall(unread)
                self.send_datagram(consumed, [near])
                near.close()
                wanted = consumed + unread
                got = b""
                while len(got) < len(wanted):
                    got += far.recv(65536)
                self.assertEqual(got, wanted)
        self.assertEqual(receiver.taken(4)[1]["payload"], len(HELLO))  # no more than the hello, no less
        far, near = self.client()
        self.send_datagram(HELLO[:100], [near])
        near.close()
        time.sleep(0.05)  # it waits for the rest
        far.sendall(HELLO[100:])
        self.assertEqual(far.recv(65536)[:5], HELLO[:5])
        second.sessions(5, outcome="handed_off")

    def test_who_was_read_in_large_part_is_not_held(self):
        second = self.second(self.to_receiver(protocol="datagram", rest='hold = "1h"'))
        held, near = self.client()
        self.send_datagram(bytes(16_384), [near])
        near.close()
        second.wait_counted(accepted=1)
        other, near = self.client()
        self.send_datagram(bytes(16_385), [near])
        near.close()
        self.assertEqual(read_all(other), (b"", "fin"))
        second.wait_counted(accepted=2, backend_absent=1)
        held.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        held.close()
        second.wait_counted(client_closed=1)

    def test_a_stream_backend_cannot_have_what_came_by_datagram(self):
        self.receiver("blog")
        self.receiver("last", protocol="datagram", serve="raw")
        second = self.second(self.to_receiver(rest='sorry = "last"') + self.backend("last", protocol="datagram"))
        client = self.connect(self.first("datagram"), HELLO)
        self.assertEqual(client.recv(len(HELLO), socket.MSG_WAITALL)[:5], HELLO[:5])
        line = second.session(backend="last")
        self.assertEqual(line["outcome"], "handed_off")
        self.assertIn("blog: its first bytes are no longer in its socket", line["detail"])


class Senders(Chain):
    def test_lies_cost_nothing(self):
        self.receiver("blog")
        second = self.second(self.to_receiver())
        for lie in handoff_sender.LIES:
            with self.subTest(lie=lie):
                far, near = self.client()
                far.sendall(HELLO)
                self.assertNotEqual(handoff_sender.tell(str(self.path), lie, near), "taken")
                # Nobody else has the client, and all it said is still there.
                near.settimeout(5)
                self.assertEqual(near.recv(len(HELLO), socket.MSG_PEEK | socket.MSG_WAITALL), HELLO)
                near.close()
                self.assertEqual(read_all(far)[1], "reset")  # unread, as it was: and no copy kept it open
        for payload, count in ((HELLO, 0), (HELLO, 2), (b"", 0)):
            far, near = self.client()
            self.send_datagram(payload, [near] * count)
            near.close()
            self.assertEqual(read_all(far)[1], "fin")
        with socket.socket(socket.AF_UNIX) as other:
            self.send_datagram(HELLO, [other])
        self.assertEqual(curl(self.first().port(), "blog.example.com", self.certificate).body["backend"], "blog")
        self.assertEqual(len(second.sessions(1)), 1)

    def test_silent_senders_block_nobody(self):
        self.receiver("blog", serve="raw")
        second = self.second(self.to_receiver(), server="max_waiting_per_source = 10")
        silent = [handoff_sender.connect(str(self.path)) for _ in range(100)]
        for connection in silent:
            self.addCleanup(connection.close)
        client = self.connect(self.first(), HELLO)
        self.assertEqual(client.recv(1), HELLO[:1])
        for connection in silent:
            self.assertEqual(connection.recv(1), b"")
        self.assertEqual(len(second.sessions(1)), 1)

    def test_the_time_for_a_hello_counts_from_the_receipt(self):
        second = self.second(self.to_receiver(rest='hold = "0s"'), server='hello_timeout = "300ms"')
        far, near = self.client()
        far.sendall(HELLO[:100])
        time.sleep(0.5)  # longer than it would have had, had it been accepted there
        self.assertEqual(handoff_sender.offer(str(self.path), near), "taken")
        self.assertEqual(read_all(far)[0], b"")
        line = second.session(outcome="hello_timeout")
        self.assertGreaterEqual(line["duration_us"], 300_000)

    @unittest.skipUnless(os.geteuid() == 0, "needs root, to be another user")
    def test_strangers_are_refused(self):
        receiver = self.receiver("blog", serve="raw")
        self.folder.chmod(0o755)
        self.class_folder.chmod(0o755)
        here = str(pathlib.Path(__file__).parent)

        def stranger(protocol):
            return subprocess.run([sys.executable, "-c", STRANGER, here, self.path, protocol],
                                  capture_output=True, text=True, check=False)

        second = self.second(self.to_receiver(), listener='mode = "0666"')
        self.assertEqual(stranger("stream").stdout, "refused\n")
        self.assertEqual(stranger("datagram").stdout, "sent\n")
        second.wait_for(lambda me: [e for e in me.events if "65534 is not in allowed_users" in e.get("why", "")], "told")
        self.assertEqual(second.sessions(), [])
        second.terminate()

        # Without the mode they do not even get there; with leave they are as good as any.
        second = self.second(self.to_receiver(), name="closed")
        self.assertIn("PermissionError", stranger("stream").stderr)
        second.terminate()
        self.second(self.to_receiver(), listener='mode = "0666"\nallowed_users = ["65534"]', name="open")
        self.assertEqual(stranger("stream").stdout, "taken\n")
        self.assertEqual(stranger("datagram").stdout, "sent\n")
        self.assertEqual(receiver.reported("failed"), [])


class Comings(Chain):
    def sockets(self):
        return sorted(p.name for p in self.folder.glob("in.sock*"))

    def test_the_files(self):
        second = self.second(self.to_receiver())
        self.assertEqual(self.sockets(), ["in.sock", "in.sock.datagram"])
        for name in self.sockets():
            self.assertEqual(stat.S_IMODE(os.stat(self.folder / name).st_mode), 0o660)

        # One that is alive is left alone.
        other = self.second(self.to_receiver(), name="other", ready=False)
        self.assertEqual(other.wait(), 1)
        self.assertIn("another program listens there", "\n".join(other.lines))

        self.assertEqual(second.terminate(), 0)
        self.assertEqual(self.sockets(), [])

        # What a dead one left behind is replaced; what is no socket is not.
        second = self.second(self.to_receiver(), name="killed")
        second.process.kill()
        second.wait()
        self.assertEqual(self.sockets(), ["in.sock", "in.sock.datagram"])
        second = self.second(self.to_receiver(), name="again")
        second.terminate()
        self.path.write_text("precious")
        other = self.second(self.to_receiver(), name="file", ready=False)
        self.assertEqual(other.wait(), 1)
        self.assertEqual(self.path.read_text(), "precious")

    def test_reload_opens_keeps_and_closes(self):
        receiver = self.receiver("blog", serve="raw")
        tcp = harness.case.UNCONFINED_HEAD + self.to_receiver()
        both = tcp + f'[[listener]]\naddress = "handoff:{self.path}"\n'
        second = self.router("", head=tcp, name="second", compare_descriptors=False)
        self.assertEqual(self.sockets(), [])
        second.reload(both)
        first = self.first()
        for round in range(3):
            client = self.connect(first, HELLO)
            self.assertEqual(client.recv(1), HELLO[:1])
            inode = os.stat(self.path).st_ino
            second.reload(both)
            self.assertEqual(os.stat(self.path).st_ino, inode, "the same socket goes on")
        second.reload(tcp)
        wait_until(lambda: not self.sockets(), "the files are gone")
        held = self.connect(first, HELLO)
        second.reload(both)
        self.assertEqual(held.recv(1), HELLO[:1], "the first router kept it meanwhile")
        self.assertEqual(len(receiver.taken(4)), 4)

    def test_a_reload_changes_the_mode(self):
        head = SECOND_HEAD.format(path=self.path, listener='mode = "0600"', server="") + self.to_receiver()
        self.receiver("blog", serve="raw")
        second = self.router("", head=head, name="second")
        second.reload(head.replace("0600", "0666"))
        for name in self.sockets():
            self.assertEqual(stat.S_IMODE(os.stat(self.folder / name).st_mode), 0o666)

    def test_a_socket_that_systemd_passes_outlives_a_restart(self):
        """Whoever comes meanwhile waits in the backlog, and needs no `hold`."""
        self.receiver("blog", serve="raw")
        first = self.first(rest='hold = "0s"\nack_timeout = "20s"')
        head = SECOND_HEAD.format(path="systemd:in", listener="", server="")
        with socket.socket(socket.AF_UNIX) as passed:
            passed.bind(str(self.path))
            passed.listen(64)
            for name in ("before", "after"):
                client = self.connect(first, HELLO)
                second = self.router(self.to_receiver(), head=head, name=name, pass_fds=[passed.fileno()],
                                     prefix=[sys.executable, ACTIVATE, str(passed.fileno()), "in"], compare_descriptors=False)
                self.assertEqual(client.recv(len(HELLO), socket.MSG_WAITALL), HELLO)
                self.assertEqual(second.terminate(), 0)
                self.assertTrue(self.path.exists())

    def test_nobody_is_lost_when_the_second_restarts(self):
        """A clean stop, and a kill -9 while nobody was acknowledged: every client is served."""
        self.receiver("blog")
        first = self.first(rest='hold = "20s"')
        for stop in ("terminate", "kill"):
            with self.subTest(stop=stop):
                second = self.second(self.to_receiver(), name=f"{stop}-before", compare_descriptors=False)
                answers = []
                threads = [threading.Thread(target=lambda: answers.append(
                    curl(first.port(), "blog.example.com", self.certificate).body["backend"])) for _ in range(30)]
                for number, thread in enumerate(threads):
                    thread.start()
                    if number == 10 and stop == "terminate":
                        self.assertEqual(second.terminate(), 0)
                    if number == 10 and stop == "kill":
                        second.sessions(11, outcome="handed_off")  # whom it had acknowledged, it has handed on
                        second.signal(signal.SIGSTOP)
                    if number == 20 and stop == "kill":
                        second.process.kill()
                        second.wait()
                    if number == 20:
                        second = self.second(self.to_receiver(), name=f"{stop}-after", compare_descriptors=False)
                for thread in threads:
                    thread.join()
                self.assertEqual(answers, ["blog"] * 30)
                second.terminate()

    def test_clients_that_are_served_do_not_notice_that_either_router_dies(self):
        self.receiver("blog", serve="raw")
        second = self.second(self.to_receiver(), compare_descriptors=False)
        first = self.first(compare_descriptors=False)
        clients = [self.connect(first, HELLO) for _ in range(10)]
        for client in clients:
            self.assertEqual(client.recv(len(HELLO), socket.MSG_WAITALL), HELLO)
        second.sessions(10, outcome="handed_off")
        first.sessions(10, outcome="handed_off")
        for router in (first, second):
            router.process.kill()
            router.wait()
            for client in clients:
                client.sendall(b"still there?")
                self.assertEqual(client.recv(12, socket.MSG_WAITALL), b"still there?")

    def test_a_second_that_hangs_gives_the_client_back(self):
        self.receiver("blog", serve="raw")
        self.receiver("spare", serve="raw")
        second = self.second(self.to_receiver(), compare_descriptors=False)
        first = self.first(rest='hold = "0s"\nack_timeout = "200ms"\nsorry = "spare"\n' + self.backend("spare"),
                           compare_descriptors=False)
        second.signal(signal.SIGSTOP)
        client = self.connect(first, HELLO)
        self.assertEqual(client.recv(len(HELLO), socket.MSG_WAITALL), HELLO)
        self.assertEqual(first.session(outcome="handed_off")["backend"], "spare")
        second.signal(signal.SIGCONT)
        other = self.connect(first, HELLO)
        self.assertEqual(other.recv(len(HELLO), socket.MSG_WAITALL), HELLO)
        self.assertEqual(len(second.sessions(1)), 1)  # the one that was taken back never became a session there


if __name__ == "__main__":
    harness.main()
