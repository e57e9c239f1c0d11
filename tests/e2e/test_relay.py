# SPDX-License-Identifier: BSL-1.0
"""Proxied backends: the relay behaves like a wire, costs two descriptors, and ends as it should."""

import signal
import socket
import struct
import threading
import time

import harness
from harness import DEADLINE, Case, client_hello, of_another_client, read_all, read_exactly, wait_until

HELLO = client_hello("far.example.com")


def reset(connection):
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


class Proxied(Case):
    """A backend that the test itself plays: self.backend_side() is the next connection that the router makes to it."""

    def setUp(self):
        super().setUp()
        self.far = self.listening(socket.create_server(("127.0.0.1", 0), backlog=1024))
        self.far_address = "127.0.0.1:%d" % self.far.getsockname()[1]

    def listening(self, server):
        server.settimeout(DEADLINE)
        self.addCleanup(server.close)
        return server

    def configuration(self, rest="", address=None):
        return ('\n[[route]]\nnames = ["far.example.com"]\nbackend = "far"\n'
                f'[backend.far]\nproxy = ["{address or self.far_address}"]\n{rest}\n')

    def backend_side(self, server=None):
        connection, _ = (server or self.far).accept()
        connection.settimeout(DEADLINE)
        self.addCleanup(connection.close)
        return connection

    def pair(self, router, server=None, hello=HELLO):
        """A client that has said hello, and the backend's side of it that has heard it."""
        client = self.connect(router, hello)
        backend = self.backend_side(server)
        self.assertEqual(read_exactly(backend, len(hello)), hello)
        return client, backend


class Wire(Proxied):
    def test_bytes_pass_and_the_log_tells(self):
        router = self.router(self.configuration())
        client, backend = self.pair(router)
        backend.sendall(b"answer")
        self.assertEqual(read_exactly(client, 6), b"answer")
        backend.shutdown(socket.SHUT_WR)
        self.assertEqual(read_all(client), (b"", "fin"))
        client.close()
        self.assertEqual(read_all(backend), (b"", "fin"))
        line = router.session(outcome="proxied")
        self.assertEqual((line["to_backend"], line["to_client"]), (len(HELLO), 6))
        self.assertEqual((line["end"], line["closed_first"]), ("finished", "backend"))
        self.assertEqual((line["backend"], line["address"]), ("far", self.far_address))
        self.assertLessEqual(line["connect_us"], line["duration_us"])

    def test_a_unix_socket(self):
        path = str(self.folder / "far.unix")
        server = self.listening(socket.socket(socket.AF_UNIX))
        server.bind(path)
        server.listen()
        client, backend = self.pair(self.router(self.configuration(address=f"unix:{path}")), server)
        client.shutdown(socket.SHUT_WR)
        self.assertEqual(read_all(backend), (b"", "fin"))
        backend.sendall(b"x" * 1_000_000)
        backend.close()
        self.assertEqual(read_all(client), (b"x" * 1_000_000, "fin"))

    def test_half_close_and_reset_both_ways(self):
        router = self.router(self.configuration())
        for first in ("client", "backend"):
            for act, end in (("fin", "finished"), ("reset", f"{first}_reset")):
                with self.subTest(first=first, act=act):
                    client, backend = self.pair(router)
                    one, other = (client, backend) if first == "client" else (backend, client)
                    one.sendall(b"last words")
                    if act == "fin":
                        one.shutdown(socket.SHUT_WR)
                        self.assertEqual(read_all(other), (b"last words", "fin"))
                        answer = b"y" * 5_000_000
                        speaker = threading.Thread(target=lambda: (other.sendall(answer), other.close()))
                        speaker.start()
                        self.assertEqual(read_all(one), (answer, "fin"))
                        speaker.join()
                    else:
                        wait_until(lambda: other.recv(10, socket.MSG_PEEK) == b"last words", "they have passed")
                        reset(one)
                        self.assertEqual(read_all(other), (b"last words", "reset"))
                    self.assertTrue(router.session(end=end, closed_first=first))

    def test_urgent_data_pass_in_their_place(self):
        router = self.router(self.configuration())
        client, backend = self.pair(router)
        for one, other in ((client, backend), (backend, client)):
            for _ in range(20):  # soon large enough to be spliced
                words = b"x" * 100_000
                one.sendall(words)
                one.send(b"!", socket.MSG_OOB)
                one.sendall(b"after")
                self.assertEqual(read_exactly(other, len(words) + 6), words + b"!after")

    def test_a_gone_backend_is_told_of_by_an_error_and_the_client_is_closed(self):
        self.far.close()
        router = self.router(self.configuration('hold = "0s"'))
        client = self.connect(router, HELLO)
        self.assertEqual(read_all(client), (b"", "fin"))
        self.assertEqual(router.session()["outcome"], "backend_refused")

    def test_idle_and_lifetime(self):
        for key, end in (("idle_timeout", "idle"), ("max_lifetime", "lifetime")):
            with self.subTest(key):
                router = self.router(self.configuration(f'{key} = "100ms"'), name=key)
                client, backend = self.pair(router)
                self.assertEqual(read_all(client), (b"", "reset"))
                self.assertEqual(read_all(backend), (b"", "reset"))
                self.assertEqual(router.session()["end"], end)

    def test_the_kernel_watches_both_sides_of_a_session_that_lives_on(self):
        router = self.router(self.configuration('keepalive = "1s"\nuser_timeout = "90s"'))
        self.pair(router)

        def watched():
            """The router's own connections that have a timer for keepalive probes."""
            shown = self.run_program(["ss", "-tnopH", "state", "established"])
            shown.wait()
            return [line for line in shown.lines if f"pid={router.pid}," in line and "timer:(keepalive," in line]

        wait_until(lambda: len(watched()) == 2, "both are watched")


class Hold(Proxied):
    def test_a_client_waits_for_the_backend(self):
        port = self.far.getsockname()[1]
        self.far.close()
        router = self.router(self.configuration('hold = "30s"'))
        client = self.connect(router, HELLO)
        time.sleep(0.1)
        backend = self.backend_side(self.listening(socket.create_server(("127.0.0.1", port))))
        self.assertEqual(read_exactly(backend, len(HELLO)), HELLO)
        client.close()

    def test_only_max_pending_clients_are_held(self):
        port = self.far.getsockname()[1]
        self.far.close()
        head = harness.case.HEAD.replace("workers = 2", "workers = 1")
        router = self.router(self.configuration('hold = "30s"\nmax_pending = 2'), head=head)
        clients = [self.connect(router, HELLO) for _ in range(3)]
        line = router.session()
        self.assertEqual((line["outcome"], line["backend"]), ("backend_max_pending", "far"))
        backends = self.listening(socket.create_server(("127.0.0.1", port)))
        for _ in range(2):
            self.assertEqual(read_exactly(self.backend_side(backends), len(HELLO)), HELLO)
        for client in clients:
            client.close()

    def test_who_is_held_for_a_backend_that_a_reload_removes_is_closed_if_told_so(self):
        self.far.close()
        router = self.router(self.configuration('hold = "5m"\non_remove = "close"'))
        client = self.connect(router, HELLO)
        router.reload(harness.case.HEAD)
        line = router.session()
        self.assertEqual((line["outcome"], "a reload has removed it" in line["detail"]), ("backend_absent", True))
        client.close()

    def test_sorry_comes_at_once_or_after_the_hold_that_is_written(self):
        self.far.close()
        self.receiver("other", serve="raw")
        for rest, held in (("", 0), ('hold = "300ms"\n', 300_000)):
            with self.subTest(rest):
                router = self.router(self.configuration(rest + 'sorry = "other"') + self.backend("other"), name=f"held{held}")
                client = self.connect(router, HELLO)
                self.assertEqual(read_exactly(client, len(HELLO)), HELLO)
                line = router.session()
                self.assertEqual((line["outcome"], line["backend"]), ("handed_off", "other"))
                self.assertGreaterEqual(line["duration_us"], held)


class Ends(Proxied):
    def test_stopping_waits_for_those_who_finish_and_resets_the_others(self):
        router = self.router("", head=harness.case.HEAD.replace("workers = 2", 'workers = 2\ndrain_timeout = "500ms"')
                             + self.configuration())
        finishing, finishing_backend = self.pair(router)
        staying, staying_backend = self.pair(router)
        router.signal(signal.SIGTERM)
        router.manager.wait_for("STOPPING=1")
        finishing_backend.sendall(b"still served")
        finishing_backend.close()
        self.assertEqual(read_all(finishing), (b"still served", "fin"))
        finishing.close()
        self.assertEqual(read_all(staying), (b"", "reset"))
        self.assertEqual(read_all(staying_backend), (b"", "reset"))
        self.assertEqual(router.wait(), 0)
        self.assertEqual([e["left"] for e in router.events if "left" in e], [1])
        self.assertEqual(router.session(end="stopped")["outcome"], "proxied")

    def test_all_whom_stopping_cuts_off_are_counted_reset_and_logged(self):
        head = harness.case.HEAD.replace("workers = 2", 'workers = 4\ndrain_timeout = "500ms"')
        router = self.router("", head=head + self.configuration())
        pairs = [self.pair(router) for _ in range(12)]
        ports = {f"127.0.0.1:{client.getsockname()[1]}" for client, _ in pairs}
        for client, backend in pairs[:6]:  # whatever they are about to say
            client.sendall(b"half a question")
            self.assertEqual(read_exactly(backend, 15), b"half a question")
        self.assertEqual(router.terminate(), 0)
        for client, backend in pairs:
            self.assertEqual(read_all(client), (b"", "reset"))
            self.assertEqual(read_all(backend), (b"", "reset"))
        self.assertEqual([e["left"] for e in router.events if "left" in e], [12])
        lines = router.sessions(12, end="stopped", outcome="proxied")
        self.assertEqual({line["client"] for line in lines}, ports)
        self.assertEqual(len(router.sessions()), 12)

    def test_who_has_said_nothing_when_the_stop_cuts_it_off_is_reset_and_who_was_refused_is_not(self):
        head = harness.case.HEAD.replace("workers = 2", 'workers = 1\ndrain_timeout = "300ms"') + 'unmatched = "alert"\n'
        router = self.router("", head=head + self.configuration())
        silent, begun = self.connect(router), self.connect(router, HELLO[:50])
        wait_until(lambda: router.descriptor_count() >= router.descriptors_at_start + 2, "they are accepted")
        refused = self.connect(router, client_hello("none.example.com"))  # it has a second to read its alert
        wait_until(lambda: refused.recv(10, socket.MSG_PEEK), "it has it")
        self.assertEqual(router.terminate(), 0)
        self.assertEqual([read_all(client) for client in (silent, begun)], [(b"", "reset")] * 2)
        self.assertEqual(read_all(refused)[1], "fin")
        self.assertEqual(len(router.sessions(3, outcome="cut_off")), 3)

    def test_stopping_ends_when_the_last_one_does(self):
        router = self.router(self.configuration())
        client, backend = self.pair(router)
        router.signal(signal.SIGTERM)
        router.manager.wait_for("STOPPING=1")
        client.close()
        backend.close()
        self.assertEqual(router.wait(), 0)

    def test_a_reload_touches_nobody(self):
        router = self.router(self.configuration())
        client, backend = self.pair(router)
        router.reload(harness.case.HEAD)
        client.sendall(b"still here")
        self.assertEqual(read_exactly(backend, 10), b"still here")

    def test_a_removed_backend_or_address_closes_its_sessions_if_told_so(self):
        other = self.listening(socket.create_server(("127.0.0.1", 0)))
        other_address = "127.0.0.1:%d" % other.getsockname()[1]
        close = self.configuration('on_remove = "close"')
        router = self.router(close, head=harness.case.UNCONFINED_HEAD)
        client, backend = self.pair(router)
        router.reload(harness.case.UNCONFINED_HEAD + close + '\n[backend.unused]\nproxy = "127.0.0.1:1"\n')
        client.sendall(b"still here")
        self.assertEqual(read_exactly(backend, 10), b"still here")
        router.reload(harness.case.UNCONFINED_HEAD + self.configuration(address=other_address))
        self.assertEqual(read_all(client)[1], "reset")
        self.assertEqual(read_all(backend)[1], "reset")
        self.assertEqual(router.session()["end"], "removed")


class Idle(Proxied):
    SESSIONS = 5000

    # All that a relayed session keeps of what its client chose: 240 bytes.
    LONG_NAME = ".".join(["a" * 60, "b" * 60, "c" * 60, "d" * 20, "far", "example", "com"])
    LONG_OFFER = ("p" * 79, "q" * 100, "r" * 50)

    def test_5000_idle_sessions_cost_two_descriptors_and_a_kibibyte_each(self):
        self.assertLessEqual(self.cost_of_one(HELLO), 1024)

    def test_5000_idle_sessions_with_long_names_and_offers_cost_hardly_more_than_that(self):
        self.assertLessEqual(self.cost_of_one(client_hello(self.LONG_NAME, alpn=self.LONG_OFFER)), 1088)

    def test_what_log_hello_remembers_costs_a_quarter_of_a_kibibyte(self):
        head = harness.case.HEAD.replace("[log]", "[log]\nhello = true")
        self.assertLessEqual(self.cost_of_one(client_hello(self.LONG_NAME, alpn=self.LONG_OFFER), head=head), 1344)

    def cost_of_one(self, hello, **options):
        """The memory that an idle session takes; 0 where that cannot be measured."""
        rest = self.configuration().replace('["far.example.com"]', '["far.example.com", "*.far.example.com"]')
        router = self.router(rest, **options)
        for _ in range(100):  # what grows once, has grown
            client, backend = self.pair(router, hello=hello)
            client.close(), backend.close()
        wait_until(lambda: len(router.sessions()) >= 100, "they have ended")
        descriptors, memory = router.descriptor_count(), router.memory()
        kept = []
        for _ in range(self.SESSIONS):
            client, backend = self.pair(router, hello=of_another_client(hello))
            backend.sendall(b"!")  # before that, 64 bytes more are kept to know a loop
            self.assertEqual(read_exactly(client, 1), b"!")
            kept.append((client, backend))
        self.assertLessEqual(router.descriptor_count() - descriptors, 2 * self.SESSIONS)
        each = (router.memory() - memory) / self.SESSIONS
        print(f"an idle proxied session: {each:.0f} bytes")
        for client, backend in kept:
            client.close(), backend.close()
        return 0 if harness.is_sanitized() else each

    def test_of_a_long_offer_the_line_of_a_relayed_session_has_what_is_kept(self):
        router = self.router(self.configuration().replace('["far.example.com"]', '["*.far.example.com"]'))
        client, backend = self.pair(router, hello=client_hello(self.LONG_NAME, alpn=("h2", *self.LONG_OFFER)))
        client.close(), backend.close()
        line = router.session(outcome="proxied")
        self.assertEqual((line["server_name"], line["alpn"]), (self.LONG_NAME, ["h2"]))


if __name__ == "__main__":
    harness.main()
