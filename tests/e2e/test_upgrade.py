# SPDX-License-Identifier: BSL-1.0
"""A restart under a service manager that keeps descriptors: the next process goes on with the relays and the listeners of the one before.

The test is that manager (FDSTORE=1 of sd_notify(3)). docs/upgrade.md
"""

import hashlib
import os
import signal
import socket
import sys
import threading
import time

import harness
from harness import DEADLINE, Case, client_hello, main, read_all, read_exactly, wait_until
from harness.case import HEAD
from harness.places import SNIPASS
from harness.router import unless_sanitized

HELLO = client_hello("far.example.com")
ACTIVATE = os.path.join(os.path.dirname(harness.__file__), "activate.py")
STATE = "snipass-state"
# What a router calls to leave, each as strace(1) makes it fail: a file in memory, its seals, a queue, a message in it for that
# file, one for the listeners, one for the clients, and one for the manager.
FAILURES = ("memfd_create:error=ENOMEM", "fcntl:error=EPERM", "socketpair:error=EMFILE", "sendmsg:error=ETOOMANYREFS:when=1",
            "sendmsg:error=ENOBUFS:when=2", "sendmsg:error=ENOBUFS:when=3", "sendmsg:error=ECONNREFUSED:when=4")
# And what the next one calls to take what was left, with what strace shows of it: to look from the start, the seals and the bytes of
# the file, and each message.
TAKEN_BY = {"setsockopt": "SO_PEEK_OFF", "fcntl": "F_GET_SEALS", "pread64": "snipass\\n", "recvmsg": "SCM_RIGHTS"}
NUMBER = 8  # bytes of each number that is sent


def numbered(count, start=0):
    return b"".join(number.to_bytes(NUMBER, "big") for number in range(start, start + count))


class Generations(Case):
    """self.restart() is `systemctl restart`."""

    head = HEAD

    def setUp(self):
        super().setUp()
        self.far = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.far.settimeout(DEADLINE)
        self.addCleanup(self.far.close)
        self.configuration = self.to_far()
        self.generation = 0

    def to_far(self, rest="", name="far"):
        return (f'\n[[route]]\nnames = ["far.example.com"]\nbackend = "{name}"\n'
                f'[backend.{name}]\nproxy = ["127.0.0.1:{self.far.getsockname()[1]}"]\n{rest}\n')

    def start(self, kept=(), names=(), keeps="1", tracer=(), **options):
        self.generation += 1
        passed = {"pass_fds": kept, "prefix": [*tracer, sys.executable, ACTIVATE, ",".join(map(str, kept)), ":".join(names)]} if kept else {}
        return self.router(self.configuration, head=self.head, name=f"router{self.generation}", compare_descriptors=False,
                           env={"FDSTORE": keeps}, **passed, **options)

    def leave(self, router):
        """It stops; what it has left to the next."""
        self.assertEqual(router.terminate(), 0, router.lines)
        wait_until(lambda: STATE in router.manager.stored, f"it is stored; the router said {router.lines}")
        return router.manager.stored.pop(STATE)

    def restart(self, router, **options):
        kept = self.leave(router)
        self.assertEqual(len(kept), 1, router.lines)
        return self.take_over(kept, **options)

    def take_over(self, kept, **options):
        """As systemd does, the test keeps what it has until it is told to forget it."""
        after = self.start(kept, [STATE] * len(kept), **options)
        for fd in kept:
            os.close(fd)
        return after

    def pair(self, router, hello=HELLO):
        client = self.connect(router, hello)
        backend, _ = self.far.accept()
        backend.settimeout(DEADLINE)
        self.addCleanup(backend.close)
        self.assertEqual(read_exactly(backend, len(hello)), hello)
        return client, backend


class Relays(Generations):
    def test_an_idle_client_goes_on_and_its_line_of_the_log_is_whole(self):
        first = self.start()
        client, backend = self.pair(first)
        name = "%s:%d" % client.getsockname()
        second = self.restart(first)
        self.assertIn("FDSTOREREMOVE=1", second.manager.states)
        client.sendall(b"to the backend")
        self.assertEqual(read_exactly(backend, 14), b"to the backend")
        backend.sendall(b"to the client")
        backend.shutdown(socket.SHUT_WR)
        self.assertEqual(read_all(client), (b"to the client", "fin"))
        client.close()
        self.assertEqual(read_all(backend), (b"", "fin"))
        line = second.session(outcome="proxied")
        self.assertEqual((line["to_backend"], line["to_client"]), (len(HELLO) + 14, 13))
        self.assertEqual((line["end"], line["closed_first"], line["backend"]), ("finished", "backend", "far"))
        self.assertEqual((line["server_name"], line["match"]), ("far.example.com", "exact"))
        self.assertEqual(line["client"], name)
        self.assertEqual(first.sessions(), [], "its end is told once")
        self.assertEqual(second.counters()["proxied"], 1)

    def test_the_one_after_has_it_from_the_next(self):
        router = self.start()
        client, backend = self.pair(router)
        for number in range(5):
            router = self.restart(router)
            client.sendall(b"%d" % number)
            self.assertEqual(read_exactly(backend, 1), b"%d" % number)
        client.close()
        self.assertEqual(read_all(backend), (b"", "fin"))
        backend.close()
        self.assertEqual(router.session(outcome="proxied")["to_backend"], len(HELLO) + 5)

    def test_half_closed_clients_hear_the_rest(self):
        first = self.start()
        client, backend = self.pair(first)
        other, of_other = self.pair(first)
        client.shutdown(socket.SHUT_WR)
        self.assertEqual(read_all(backend), (b"", "fin"))
        of_other.shutdown(socket.SHUT_WR)
        self.assertEqual(read_all(other), (b"", "fin"))
        self.restart(first)
        backend.sendall(b"the answer")
        backend.close()
        self.assertEqual(read_all(client), (b"the answer", "fin"))
        other.sendall(b"the rest")
        other.close()
        self.assertEqual(read_all(of_other), (b"the rest", "fin"))

    def test_bytes_that_nobody_takes_are_kept(self):
        first = self.start()
        client, backend = self.pair(first)
        sent = hashlib.sha256()
        client.setblocking(False)
        quiet = 0
        while quiet < 20:  # until the router's pipe is full, too
            try:
                chunk = numbered(8192, quiet)
                done = client.send(chunk)
                sent.update(chunk[:done])
                quiet = 0
            except BlockingIOError:
                quiet += 1
                threading.Event().wait(0.01)
        self.restart(first)
        client.setblocking(True)
        client.shutdown(socket.SHUT_WR)
        got, end = read_all(backend)
        self.assertEqual((hashlib.sha256(got).hexdigest(), end), (sent.hexdigest(), "fin"))

    def test_bulk_both_ways_through_restarts(self):
        router = self.start()
        client, backend = self.pair(router)
        count = 4_000_000
        bulk = numbered(count)
        got = {}

        def say(connection):
            connection.sendall(bulk)

        def hear(name, connection):
            got[name] = hashlib.sha256(read_exactly(connection, len(bulk))).digest()

        threads = [threading.Thread(target=say, args=(client,)), threading.Thread(target=say, args=(backend,)),
                   threading.Thread(target=hear, args=("client", client)), threading.Thread(target=hear, args=("backend", backend))]
        for thread in threads:
            thread.start()
        restarts = 0
        while any(thread.is_alive() for thread in threads) and restarts < 30:
            router = self.restart(router)
            restarts += 1
        for thread in threads:
            thread.join(DEADLINE)
        self.assertEqual(got, dict.fromkeys(["client", "backend"], hashlib.sha256(bulk).digest()))

    def test_a_side_that_left_meanwhile(self):
        first = self.start()
        client, backend = self.pair(first)
        kept = self.leave(first)
        backend.sendall(b"a last word")
        backend.close()
        second = self.take_over(kept)
        self.assertEqual(read_all(client), (b"a last word", "fin"))
        client.close()
        self.assertEqual(second.session(outcome="proxied")["closed_first"], "backend")

    def test_a_stop_without_a_next_process_resets_them(self):
        first = self.start()
        client, backend = self.pair(first)
        for fd in self.leave(first):
            os.close(fd)
        self.assertEqual(read_all(client), (b"", "reset"))
        self.assertEqual(read_all(backend), (b"", "reset"))

    def test_a_backend_that_is_gone_from_the_file_ends_them(self):
        first = self.start()
        client, _ = self.pair(first)
        self.configuration = self.to_far(name="other")
        second = self.restart(first)
        self.assertEqual(read_all(client), (b"", "reset"))
        line = second.session(outcome="proxied")
        self.assertEqual((line["end"], line["backend"]), ("removed", "far"))

    def test_a_start_that_fails_loses_nobody(self):
        first = self.start()
        client, backend = self.pair(first)
        kept = self.leave(first)
        good, self.configuration = self.configuration, self.configuration + "\nnonsense = 1\n"
        self.assertEqual(self.start(kept, [STATE], ready=False).wait(), 2)
        self.configuration = good + '\n[[listener]]\naddress = "192.0.2.1:1"\n'  # not this machine's
        self.assertEqual(self.start(kept, [STATE], ready=False).wait(), 1)
        self.configuration = good
        self.take_over(kept)
        client.sendall(b"still here")
        self.assertEqual(read_exactly(backend, 10), b"still here")

    def test_it_may_have_other_workers(self):
        first = self.start()
        pairs = [self.pair(first) for _ in range(20)]
        self.head = HEAD.replace("workers = 2", "workers = 3")
        self.restart(first)
        for client, backend in pairs:
            client.sendall(b"x")
            self.assertEqual(read_exactly(backend, 1), b"x")


class Listeners(Generations):
    def test_who_waits_in_the_backlog_is_served_by_the_next_process(self):
        first = self.start()
        port = first.port()
        kept = self.leave(first)
        waiting = [socket.create_connection(("127.0.0.1", port), DEADLINE) for _ in range(10)]
        for client in waiting:
            self.addCleanup(client.close)
            client.sendall(HELLO)
        second = self.take_over(kept)
        self.assertEqual(second.port(), port, "it is the same socket")
        for _ in waiting:
            backend, _ = self.far.accept()
            backend.settimeout(DEADLINE)
            self.addCleanup(backend.close)
            self.assertEqual(read_exactly(backend, len(HELLO)), HELLO)

    def test_a_listener_that_is_gone_from_the_file_is_closed(self):
        first = self.start()
        port = first.port()
        self.head = HEAD.replace("127.0.0.1:0", "127.0.0.2:0")
        self.restart(first)
        with self.assertRaises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), DEADLINE)


class OnTheirWay(Generations):
    """Clients that no backend has: who has not said all of the hello, who is held, who is being offered."""

    def began(self, router, data):
        """A client of which the router has seen that much."""
        client = self.connect(router, data)
        wait_until(lambda: router.counters()["accepted"] > 0, "accepted")
        return client

    def test_a_client_that_waits_for_the_rest_of_its_hello(self):
        first = self.start()
        client = self.began(first, HELLO[:100])
        second = self.restart(first)
        client.sendall(HELLO[100:])
        backend, _ = self.far.accept()
        backend.settimeout(DEADLINE)
        self.addCleanup(backend.close)
        self.assertEqual(read_exactly(backend, len(HELLO)), HELLO)
        client.close()
        backend.close()
        line = second.session(outcome="proxied")
        self.assertEqual(line["server_name"], "far.example.com")
        self.assertEqual(first.sessions(), [])

    def test_its_time_goes_on(self):
        self.head = HEAD.replace("workers = 2", 'workers = 2\nhello_timeout = "4s"')
        first = self.start()
        client = self.began(first, HELLO[:100])
        kept = self.leave(first)
        time.sleep(4.1)
        second = self.take_over(kept)
        self.assertEqual(read_all(client)[0], b"")
        self.assertGreater(second.session(outcome="hello_timeout")["duration_us"], 4_000_000)

    def test_a_client_behind_a_balancer_whose_header_was_taken(self):
        self.head = HEAD + 'accept_proxy_protocol = ["127.0.0.1"]\n'
        first = self.start()
        header = b"PROXY TCP4 192.0.2.77 203.0.113.1 4711 443\r\n"
        client = self.began(first, header + HELLO[:100])
        other = self.began(first, header[:20])
        wait_until(lambda: first.counters()["accepted"] == 2, "both are accepted")
        second = self.restart(first)
        client.sendall(HELLO[100:])
        other.sendall(header[20:] + HELLO)
        for _ in range(2):
            backend, _ = self.far.accept()
            backend.close()
        for line in second.sessions(2, outcome="proxied"):
            self.assertEqual((line["client"], line["via"].split(":")[0]), ("192.0.2.77:4711", "127.0.0.1"))

    def held(self, hold):
        self.configuration = ('\n[[route]]\nnames = ["far.example.com"]\nbackend = "blog"\n' +
                              self.backend("blog", rest=f'hold = "{hold}"'))
        first = self.start()
        client = self.connect(first, HELLO)
        first.wait_for(lambda router: [e for e in router.events if e.get("backend") == "blog"], "its backend is away")
        return first, client

    def test_a_held_client_gets_its_backend_when_that_is_there(self):
        first, client = self.held("60s")
        second = self.restart(first)
        self.receiver("blog", serve="raw")
        self.assertEqual(read_exactly(client, len(HELLO)), HELLO)
        self.assertEqual(second.session(outcome="handed_off")["client"], "%s:%d" % client.getsockname())
        self.assertEqual(first.sessions(), [])

    def test_a_held_client_has_what_is_left_of_its_time(self):
        first, client = self.held("4s")
        kept = self.leave(first)
        time.sleep(4.1)
        second = self.take_over(kept)
        self.assertEqual(read_all(client)[0], b"")
        self.assertEqual(second.session(outcome="backend_absent")["backend"], "blog")

    def test_a_handoff_that_is_not_acknowledged_is_taken_back(self):
        self.configuration = ('\n[[route]]\nnames = ["far.example.com"]\nbackend = "blog"\n' +
                              self.backend("blog", rest='hold = "60s"\nack_timeout = "60s"'))
        silent = socket.socket(socket.AF_UNIX)
        silent.bind(str(self.folder / "blog.sock"))
        silent.listen()
        silent.settimeout(DEADLINE)
        first = self.start()
        client = self.connect(first, HELLO)
        asked, _ = silent.accept()
        second = self.restart(first)
        again, _ = silent.accept()
        with self.assertRaises(BrokenPipeError):
            asked.send(b"\x06", socket.MSG_NOSIGNAL)
        for connection in (asked, again, silent):
            connection.close()
        (self.folder / "blog.sock").unlink()
        self.receiver("blog", serve="raw")
        self.assertEqual(read_exactly(client, len(HELLO)), HELLO)
        second.session(outcome="handed_off")


class Command(Generations):
    """snipass upgrade, and SIGUSR2."""

    def setUp(self):
        super().setUp()
        self.head = f'[control]\npath = "{self.folder}/control.sock"\n' + HEAD

    def upgrade(self, router):
        return self.run_program([SNIPASS, "upgrade", "--config", router.file])

    def test_it_waits_until_the_next_process_serves(self):
        first = self.start()
        client, backend = self.pair(first)
        command = self.upgrade(first)
        self.assertEqual(first.wait(), 0)
        self.assertTrue(command.is_running())
        wait_until(lambda: STATE in first.manager.stored, "it is stored")
        self.take_over(first.manager.stored.pop(STATE))
        self.assertEqual(command.wait(), 0, command.lines)
        self.assertEqual(command.lines[-1], "upgraded")
        client.sendall(b"still here")
        self.assertEqual(read_exactly(backend, 10), b"still here")

    def test_what_is_drained_stays_so(self):
        first = self.start()
        self.assertEqual(self.run_program([SNIPASS, "drain", "far", "--config", first.file]).wait(), 0)
        second = self.restart(first)
        client = self.connect(second, HELLO)
        self.assertEqual(read_all(client)[0], b"")
        self.assertEqual(second.session(outcome="backend_drained")["backend"], "far")
        self.assertEqual(self.run_program([SNIPASS, "resume", "far", "--config", second.file]).wait(), 0)
        self.pair(second)

    def goes_on(self, router, client, backend):
        client.sendall(b"still here")
        self.assertEqual(read_exactly(backend, 10), b"still here")
        self.assertTrue(router.is_running())
        self.assertEqual(router.manager.stored, {})

    def test_a_mistake_in_the_file_changes_nothing(self):
        first = self.start()
        client, backend = self.pair(first)
        first.rewrite(self.head + self.configuration + "\nnonsense = 1\n")
        self.assertEqual(self.upgrade(first).wait(), 2)
        self.goes_on(first, client, backend)

    def test_where_nobody_keeps_the_clients_nothing_happens(self):
        first = self.start(keeps="0")
        client, backend = self.pair(first)
        command = self.upgrade(first)
        self.assertEqual(command.wait(), 3)
        self.assertIn("FileDescriptorStoreMax=", command.lines[-1])
        first.signal(signal.SIGUSR2)
        first.wait_for(lambda router: [e for e in router.events if e.get("message") == "not upgraded"], "it is told")
        self.goes_on(first, client, backend)

    def test_sigusr2(self):
        first = self.start()
        client, backend = self.pair(first)
        first.signal(signal.SIGUSR2)
        self.assertEqual(first.wait(), 0)
        wait_until(lambda: STATE in first.manager.stored, "it is stored")
        second = self.take_over(first.manager.stored.pop(STATE))
        self.goes_on(second, client, backend)

    def test_a_program_says_what_it_can_take_over(self):
        first = self.start()
        for version, status in (("1", 0), ("2", 0), ("0", 2), ("3", 2), ("x", 2)):
            command = self.run_program([SNIPASS, "run", "--can-take-over", version, "--config", first.file])
            self.assertEqual(command.wait(), status, command.lines)
        first.rewrite("nonsense = 1\n")
        self.assertEqual(self.run_program([SNIPASS, "run", "--can-take-over", "1", "--config", first.file]).wait(), 2)


class NothingIsLeft(Generations):
    def test_where_the_manager_keeps_nothing_a_stop_drains(self):
        for keeps in ("", "0"):
            first = self.start(keeps=keeps)
            client, backend = self.pair(first)
            first.signal(signal.SIGTERM)
            self.is_served_to_the_end(first, client, backend)

    def is_served_to_the_end(self, router, client, backend):
        router.wait_for(lambda one: [e for e in one.events if e.get("message") == "stopping"], "it stops")
        backend.sendall(b"to its end")
        backend.close()
        self.assertEqual(read_all(client), (b"to its end", "fin"))
        client.close()
        self.assertEqual(router.wait(), 0)
        self.assertEqual(router.manager.stored, {})

    def test_sigint_drains(self):
        first = self.start()
        client, backend = self.pair(first)
        first.signal(signal.SIGINT)
        self.is_served_to_the_end(first, client, backend)

    @unless_sanitized
    def test_where_a_system_call_fails_it_serves_on(self):
        """One that waits for the rest of its hello, and one that is relayed, by a router that cannot leave."""
        for number, failure in enumerate(FAILURES):
            with self.subTest(failure):
                first = self.start()
                client, backend = self.pair(first)
                waiting = self.connect(first, HELLO[:100])
                wait_until(lambda router=first: router.counters()["accepted"] == 2, "accepted")
                call = failure.partition(":")[0]
                strace = self.run_program(["strace", "-f", "-o", self.folder / f"strace{number}", "-e", f"trace={call}",
                                           "-e", f"inject={failure}", "-p", str(first.pid)])
                strace.wait_for(lambda me: [line for line in me.lines if "attached" in line], "attached")
                first.signal(signal.SIGTERM)
                told = first.wait_for(lambda one: [e for e in one.events if "nothing is left" in e.get("message", "")], "it is told")
                self.assertEqual(len(told), 1)
                waiting.sendall(HELLO[100:])
                other, _ = self.far.accept()
                other.settimeout(DEADLINE)
                self.assertEqual(read_exactly(other, len(HELLO)), HELLO)
                other.close()
                waiting.close()
                self.is_served_to_the_end(first, client, backend)
                self.assertIn("(INJECTED)", (self.folder / f"strace{number}").read_text())

    @unless_sanitized
    def test_where_a_system_call_fails_once_the_next_process_goes_on_all_the_same(self):
        router = self.start()
        client, backend = self.pair(router)
        trace = self.folder / "strace"

        def traced(router, *options):
            kept = self.leave(router)
            after = self.take_over(kept, tracer=["strace", "-D", "-f", "-o", trace, "-e", f"trace={','.join(TAKEN_BY)}", *options])
            after.wait_for(lambda one: [e for e in one.events if e.get("message", "").startswith("taken over")], "it is taken over")
            client.sendall(b"still here")
            self.assertEqual(read_exactly(backend, 10), b"still here")
            return after

        router = traced(router)
        own = [line.partition(" ")[2].strip() for line in trace.read_text().splitlines() if line.startswith(f"{router.pid} ")]
        failures = []
        for call, what in TAKEN_BY.items():
            lines = [line for line in own if line.startswith(f"{call}(")]
            found = [number for number, line in enumerate(lines, 1) if what in line]
            self.assertEqual(len(found), 3 if call == "recvmsg" else 1, lines)
            failures += [f"{call}:error=ENOMEM:when={number}" for number in found]
        for failure in failures:
            with self.subTest(failure):
                router = traced(router, "-e", f"inject={failure}")
                self.assertIn("(INJECTED)", trace.read_text())

    def test_what_cannot_be_read_is_told_and_closed(self):
        read_end, write_end = os.pipe()
        os.close(write_end)
        unlike = socket.socketpair()[0]
        for fd in (read_end, unlike.fileno()):
            router = self.start([fd], [STATE])
            router.wait_for(lambda one: [e for e in one.events if "cannot be taken" in e.get("message", "")], "it is told")
            self.pair(router)


if __name__ == "__main__":
    main()
