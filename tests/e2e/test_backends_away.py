# SPDX-License-Identifier: BSL-1.0
"""A backend that is away: each way of being away has its own outcome, ends within its time, and touches nobody else."""

import pathlib
import socket
import threading
import time

import harness
from harness import Case, client_hello, read_all, read_exactly, wait_until

HELLO = client_hello("blog.example.com")
ROUTE = '[[route]]\nnames = ["blog.example.com"]\nbackend = "blog"\n'
OTHER_ROUTE = '[[route]]\nnames = ["other.example.com"]\nbackend = "other"\n'


class Away(Case):
    def start_router(self, rest, **options):
        return self.router(ROUTE + rest, **options)

    def refused(self, router, outcome):
        client = self.connect(router, HELLO)
        self.assertEqual(read_all(client)[0], b"")
        address, port = client.getsockname()
        line = router.session(client=f"{address}:{port}")
        self.assertEqual((line["outcome"], line["backend"]), (outcome, "blog"))
        return line

    def served(self, router, receiver, hello=HELLO):
        client = self.connect(router, hello)
        self.assertEqual(read_exactly(client, len(hello)), hello)
        receiver.took(client.getsockname()[1])
        return client


class Refusals(Away):
    def test_absent(self):
        for protocol in ("stream", "datagram"):
            with self.subTest(protocol=protocol):
                router = self.start_router(self.backend("blog", protocol=protocol, rest='hold = "0s"'), name=protocol)
                line = self.refused(router, "backend_absent")
                self.assertEqual(line["detail"], f"blog: {self.folder / 'blog.sock'}: No such file or directory")

    def test_refused(self):
        for protocol, kind in (("stream", socket.SOCK_STREAM), ("datagram", socket.SOCK_DGRAM)):
            with self.subTest(protocol=protocol):
                with socket.socket(socket.AF_UNIX, kind) as unix:
                    unix.bind(str(self.folder / f"{protocol}.sock"))  # a file that nobody is behind any more
                text = self.backend(protocol, protocol=protocol, rest='hold = "0s"').replace(f"backend.{protocol}", "backend.blog")
                line = self.refused(self.start_router(text, name=protocol), "backend_refused")
                self.assertEqual(line["detail"], f"blog: {self.folder / protocol}.sock: Connection refused")

    def test_what_failed_is_named_and_a_socket_of_the_other_type_says_which_key_may_be_wrong(self):
        kinds = {"stream": socket.SOCK_DGRAM, "datagram": socket.SOCK_STREAM}
        for protocol, kind in kinds.items():
            with self.subTest(protocol=protocol), socket.socket(socket.AF_UNIX, kind) as unix:
                path = self.folder / f"{protocol}.sock"
                unix.bind(str(path))
                text = self.backend(protocol, protocol=protocol, rest='hold = "0s"').replace(f"backend.{protocol}", "backend.blog")
                line = self.refused(self.start_router(text, name=protocol), "backend_failed")
                self.assertEqual(line["detail"], f"blog: {path}: Protocol wrong type for socket; protocol may be the other one, "
                                                 '"stream" or "datagram"')
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as unix:
            unix.bind(str(self.folder / "far"))
            for address, why in ((f"unix:{self.folder}/far", "Protocol wrong type for socket; it takes datagrams, and no connections"),
                                 ("255.255.255.255:443", "Network is unreachable")):
                text = f'[backend.blog]\nproxy = ["{address}"]\nhold = "0s"\n'
                line = self.refused(self.start_router(text, name=address[:4]), "backend_failed")
                self.assertEqual(line["detail"], f"blog: {address}: {why}")

    def test_declined(self):
        receiver = self.receiver("blog", manner="decline")
        router = self.start_router(self.backend("blog", rest='hold = "0s"'))
        line = self.refused(router, "backend_declined")
        self.assertEqual(line["detail"], f"blog: {receiver.path}: it closed without an ACK")
        self.assertEqual(len(receiver.reported("taken")), 0)

    def test_silent(self):
        receiver = self.receiver("blog", manner="silent")
        router = self.start_router(self.backend("blog", rest='hold = "0s"\nack_timeout = "200ms"'))
        line = self.refused(router, "backend_silent")
        self.assertEqual(line["detail"], f"blog: {receiver.path}: no answer in time")
        self.assertGreaterEqual(line["duration_us"], 200_000)

    def test_busy_backlog(self):
        receiver = self.receiver("blog", manner="deaf", backlog=0)
        router = self.start_router(self.backend("blog", rest='hold = "0s"\nack_timeout = "500ms"'))
        self.addCleanup(receiver.stop)  # the router watches what lies in its backlog until then
        # listen(0) has room for one connection; whoever comes next finds the backlog full.
        first = self.connect(router, HELLO)
        wait_until(lambda: unix_connections(self.folder / "blog.sock") >= 1, "the first waits in the backlog")
        self.refused(router, "backend_backlog_full")
        first.close()

    def test_busy_queue(self):
        receiver = self.receiver("blog", protocol="datagram", serve="raw")
        router = self.start_router(self.backend("blog", protocol="datagram", rest='hold = "300ms"'))
        self.served(router, receiver)
        receiver.freeze()
        room = int(pathlib.Path("/proc/sys/net/unix/max_dgram_qlen").read_text())  # of the queue: 10, and 512 under systemd
        clients = [self.connect(router, HELLO) for _ in range(room + 54)]
        router.sessions(1, outcome="backend_queue_full")
        receiver.thaw()
        told = wait_until(lambda: (now := router.counters())["handed_off"] + now["backend_queue_full"] == len(clients) + 1 and now, "all are told")
        receiver.taken(told["handed_off"])
        for client in clients:
            data, end = b"", ""
            client.shutdown(socket.SHUT_WR)
            data, end = read_all(client)
            self.assertIn((data, end), [(HELLO, "fin"), (b"", "fin"), (b"", "reset")])
        self.served(router, receiver)


# The absolute deadline must not end what a test waits for.
LONG_HELLO_TIMEOUT = harness.case.HEAD.replace("workers = 2", 'workers = 2\nhello_timeout = "60s"')


def unix_connections(path):
    with open("/proc/net/unix", encoding="ascii", errors="replace") as table:
        return sum(line.rstrip("\n").endswith(f" {path}") for line in table) - 1


class Told(Away):
    AWAY, BACK = "a backend does not take clients", "a backend takes clients again"

    def events(self, router, message):
        return [event for event in router.events if event.get("message") == message]

    def test_a_backend_that_declines_is_told_of_once_and_at_once_and_not_asked_all_the_time(self):
        receiver = self.receiver("blog", manner="decline")
        router = self.start_router(self.backend("blog", rest='hold = "2s"'), head=LONG_HELLO_TIMEOUT)
        clients = [self.connect(router, HELLO) for _ in range(3)]
        event = router.wait_for(lambda me: self.events(me, self.AWAY), self.AWAY)[0]
        self.assertEqual((event["backend"], event["why"]), ("blog", "backend_declined"))
        self.assertEqual(router.sessions(), [], "the log says so before a client has given up")
        for client in clients:
            self.assertEqual(read_all(client)[0], b"")
        self.assertEqual({line["outcome"] for line in router.sessions(3)}, {"backend_declined"})
        self.assertEqual(len(self.events(router, self.AWAY)), 1)
        # Each once, and the first of them after 20, 40, 80, 160, 320, 640 ms. Two workers do so each for itself.
        self.assertLess(len(receiver.reported("declined")), 3 + 2 * 8)

    def test_a_backend_that_is_away_is_told_of_once_and_so_is_its_return(self):
        for protocol in ("stream", "datagram"):
            with self.subTest(protocol=protocol):
                name = f"{protocol}-blog"
                text = self.backend(name, protocol=protocol, rest='hold = "30s"').replace(f"backend.{name}", "backend.blog")
                router = self.start_router(text, head=LONG_HELLO_TIMEOUT, name=protocol)
                clients = [self.connect(router, HELLO) for _ in range(5)]
                event = router.wait_for(lambda me: self.events(me, self.AWAY), self.AWAY)[0]
                self.assertEqual((event["backend"], event["why"]), ("blog", "backend_absent"))
                self.receiver(name, protocol=protocol, serve="raw")
                for client in clients:
                    self.assertEqual(read_exactly(client, len(HELLO)), HELLO)
                router.wait_for(lambda me: self.events(me, self.BACK), self.BACK)
                self.assertEqual((len(self.events(router, self.AWAY)), len(self.events(router, self.BACK))), (1, 1))


class Fallbacks(Away):
    def test_sorry_gets_the_clients_of_a_backend_that_failed(self):
        self.receiver("sorry", serve="raw")
        for manner in (None, "decline", "silent"):
            with self.subTest(manner=manner):
                receiver = self.receiver("blog", manner=manner) if manner else None
                router = self.start_router(
                    self.backend("blog", rest='hold = "0s"\nack_timeout = "200ms"\nsorry = "sorry"') + self.backend("sorry"),
                    name=f"router-{manner}",
                )
                client = self.connect(router, HELLO)
                self.assertEqual(read_exactly(client, len(HELLO)), HELLO)
                line = router.session(outcome="handed_off")
                self.assertEqual(line["backend"], "sorry")
                if receiver:
                    receiver.stop()

    def test_the_next_address_of_the_same_backend(self):
        receiver = self.receiver("second", serve="raw")
        self.receiver("first", manner="decline")
        paths = [f"unix:{self.folder}/{name}.sock" for name in ("nobody", "first", "second")]
        router = self.start_router(f'[backend.blog]\nhandoff = {paths}\n'.replace("'", '"'))
        self.served(router, receiver)

    def test_hold_keeps_the_clients_of_a_backend_that_restarts(self):
        for protocol in ("stream", "datagram"):
            with self.subTest(protocol=protocol):
                router = self.start_router(
                    self.backend("blog", protocol=protocol, rest='hold = "30s"'), head=LONG_HELLO_TIMEOUT, name=protocol)
                clients = [self.connect(router, HELLO) for _ in range(20)]
                receiver = self.receiver("blog", protocol=protocol, serve="raw")
                for client in clients:
                    self.assertEqual(read_exactly(client, len(HELLO)), HELLO)
                receiver.stop()
                clients = [self.connect(router, HELLO) for _ in range(20)]
                receiver = self.receiver("blog", protocol=protocol, serve="raw")
                for client in clients:
                    self.assertEqual(read_exactly(client, len(HELLO)), HELLO)

    def test_a_client_that_leaves_while_held_is_let_go(self):
        router = self.start_router(self.backend("blog", rest='hold = "30s"'), head=LONG_HELLO_TIMEOUT)
        clients = [self.connect(router, HELLO) for _ in range(10)]
        wait_until(lambda: router.descriptor_count() == router.descriptors_at_start + 10, "ten are held")
        for client in clients:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            client.close()
        router.wait_counted(client_closed=10)

    def half_closed(self, router):
        client = self.connect(router, HELLO)
        client.shutdown(socket.SHUT_WR)
        return client

    def test_a_client_that_has_closed_its_side_is_held_too(self):
        router = self.start_router(self.backend("blog", rest='hold = "1m"'), head=LONG_HELLO_TIMEOUT)
        clients = [self.half_closed(router) for _ in range(5)]
        time.sleep(1.2)  # each has been looked at
        self.receiver("blog", serve="raw")
        for client in clients:
            self.assertEqual(read_all(client), (HELLO, "fin"))

    def test_of_a_client_that_has_closed_its_side_and_got_nobody_the_log_says_so(self):
        router = self.start_router(self.backend("blog", rest='hold = "500ms"'), head=LONG_HELLO_TIMEOUT)
        self.half_closed(router)
        line = router.session(outcome="backend_absent")
        self.assertTrue(line["detail"].endswith("; the client had closed its side"), line)

    def test_a_client_that_has_closed_its_side_makes_way_where_there_is_no_room(self):
        head = LONG_HELLO_TIMEOUT.replace("workers = 2", "workers = 1")
        for kind in ("handoff", "proxy"):
            with self.subTest(kind):
                receiver = self.receiver("blog", protocol="tcp" if kind == "proxy" else "stream", serve="raw")
                receiver.stop()
                text = self.backend("blog", rest='hold = "1m"\nmax_pending = 3')
                if kind == "proxy":
                    text = text.replace(f'handoff = "unix:{self.folder}/blog.sock"\nprotocol = "stream"',
                                        f'proxy = "127.0.0.1:{receiver.port}"')
                router = self.start_router(text, head=head, name=kind)
                held = lambda count, r=router: wait_until(
                    lambda: r.descriptor_count() == r.descriptors_at_start + count, f"{count} are held")
                whole = self.connect(router, HELLO)
                held(1)
                doubtful = [self.half_closed(router) for _ in range(2)]
                held(3)
                time.sleep(1.2)  # each has been looked at
                others = [self.connect(router, HELLO) for _ in range(2)]
                for client in doubtful:
                    self.assertEqual(read_all(client)[0], b"")
                for line in router.sessions(2):
                    self.assertEqual(line["outcome"], "backend_max_pending")
                    self.assertIn("blog: max_pending clients are waiting for it", line["detail"])
                self.assertEqual(read_all(self.connect(router, HELLO))[0], b"")  # those who wait do not make way
                self.assertEqual(len(router.sessions(3)), 3)
                for client in (whole, *others):
                    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                    client.close()
                router.wait_descriptors(router.descriptors_at_start)
                router.stop()

    def test_others_notice_nothing(self):
        for manner in ("silent", "deaf"):
            with self.subTest(manner=manner):
                self.receiver("blog", manner=manner, backlog=4)
                other = self.receiver("other", serve="raw")
                router = self.start_router(
                    OTHER_ROUTE + self.backend("blog", rest='hold = "60s"\nack_timeout = "60s"') + self.backend("other"),
                    head=LONG_HELLO_TIMEOUT, name=f"router-{manner}")
                stuck = [self.connect(router, HELLO) for _ in range(50)]
                for _ in range(50):
                    self.served(router, other, client_hello("other.example.com")).close()
                self.assertEqual(router.sessions(backend="blog"), [])
                for client in stuck:
                    client.close()
                router.stop()


class NoDoubleOwnership(Away):
    def test_a_stopped_backend_does_not_get_the_client_that_another_has(self):
        frozen = self.receiver("frozen", serve="raw")
        healthy = self.receiver("healthy", serve="raw")
        paths = [f"unix:{self.folder}/{name}.sock" for name in ("frozen", "healthy")]
        router = self.start_router(f'[backend.blog]\nhandoff = {paths}\nack_timeout = "300ms"\n'.replace("'", '"'))
        frozen.freeze()
        clients = [self.served(router, healthy) for _ in range(5)]
        frozen.thaw()
        frozen.wait_for(lambda me: len(me.reported("refused")) >= 5, "five refusals")
        self.assertEqual(frozen.reported("taken"), [])
        for client in clients:  # and they go on undisturbed
            client.sendall(b"still here")
            self.assertEqual(read_exactly(client, 10), b"still here")

    def test_whoever_acknowledged_has_the_client_alone(self):
        """A backend that is stopped and continued all the time: each client gets exactly one owner, or none."""
        frozen = self.receiver("frozen", serve="raw")
        healthy = self.receiver("healthy", serve="raw")
        paths = [f"unix:{self.folder}/{name}.sock" for name in ("frozen", "healthy")]
        router = self.start_router(f'[backend.blog]\nhandoff = {paths}\nack_timeout = "5ms"\n'.replace("'", '"'))
        done = threading.Event()

        def flicker():
            while not done.is_set():
                frozen.freeze()
                done.wait(0.006)
                frozen.thaw()
                done.wait(0.004)

        thread = threading.Thread(target=flicker)
        thread.start()
        try:
            ports = []
            for _ in range(300):
                client = self.connect(router, HELLO)
                self.assertEqual(read_exactly(client, len(HELLO)), HELLO)
                ports.append(client.getsockname()[1])
                client.close()
        finally:
            done.set()
            thread.join()
            frozen.thaw()
        def taken():
            return sorted(event["peer"][1] for one in (frozen, healthy) for event in one.reported("taken"))

        wait_until(lambda: len(taken()) >= len(ports), "all reports are in")
        self.assertEqual(taken(), sorted(ports))
        self.assertGreater(len(frozen.reported("refused")), 0, "it was never too late: the test tests nothing")


class Proxied(Away):
    def test_nobody_listens(self):
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
        router = self.start_router(f'[backend.blog]\nproxy = ["127.0.0.1:{port}"]\n')
        self.refused(router, "backend_refused")

    def test_the_next_address(self):
        receiver = self.receiver("proxied", protocol="tcp", serve="raw")
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
        router = self.start_router(f'[backend.blog]\nproxy = ["127.0.0.1:{port}", "127.0.0.1:{receiver.port}"]\n')
        client = self.connect(router, HELLO)
        self.assertEqual(read_exactly(client, len(HELLO)), HELLO)

    def test_half_close_and_the_proxy_header(self):
        receiver = self.receiver("proxied", protocol="tcp-v2", serve="raw")
        router = self.start_router(f'[backend.blog]\nproxy = ["localhost:{receiver.port}"]\nproxy_protocol = "v2"\n')
        body = bytes(range(256)) * 4000
        client = self.connect(router)
        threading.Thread(target=lambda: (client.sendall(HELLO + body), client.shutdown(socket.SHUT_WR))).start()
        self.assertEqual(read_all(client), (HELLO + body, "fin"))
        self.assertEqual(receiver.taken()[0]["source"], list(client.getsockname()))
        line = router.session(outcome="proxied")
        self.assertEqual(line["backend"], "blog")


if __name__ == "__main__":
    harness.main()
