# SPDX-License-Identifier: BSL-1.0
"""libsnipass_preload.so, call by call: what becomes of a listener."""
import subprocess
import sys
import textwrap
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from harness import handoff_sender, main  # noqa: E402
from harness.places import RUN  # noqa: E402
from harness.preload_case import PRELUDE, PreloadCase  # noqa: E402
from harness.process import wait_until  # noqa: E402
from harness.receiver_checks import tcp_pair  # noqa: E402


class Bind(PreloadCase):
    def test_a_tcp_listener_looks_like_one_to_its_server(self):
        self.serve("""
            listener = listen()
            say(listener.getsockname())
            T = socket.IPPROTO_TCP
            say(listener.getsockopt(socket.SOL_SOCKET, socket.SO_DOMAIN) == socket.AF_INET,
                listener.getsockopt(socket.SOL_SOCKET, socket.SO_PROTOCOL) == T,
                listener.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN), listener.getsockopt(T, socket.TCP_NODELAY))
            say(attempt(listener.setsockopt, T, socket.TCP_NODELAY, 1), attempt(listener.setsockopt, T, socket.TCP_DEFER_ACCEPT, 1),
                attempt(listener.setsockopt, socket.IPPROTO_IP, socket.IP_TOS, 8))
            say(listener.getsockopt(T, socket.TCP_NODELAY), listener.getsockopt(T, socket.TCP_DEFER_ACCEPT) > 0)
        """)
        self.assertEqual(self.line(), "('127.0.0.1', 443)")
        self.assertEqual(self.line(), "True True 1 0")
        self.assertEqual(self.line(), "None None None")
        self.assertEqual(self.line(), "1 True")

    def test_clients_inherit_what_was_set_on_the_listener_before_and_after_its_bind(self):
        self.serve("""
            import struct
            S, T = socket.SOL_SOCKET, socket.IPPROTO_TCP
            listener = socket.socket()
            listener.setsockopt(S, socket.SO_KEEPALIVE, 1)
            listener.setsockopt(S, socket.SO_LINGER, struct.pack("ii", 1, 3))
            listener.setsockopt(S, socket.SO_SNDTIMEO, struct.pack("ll", 7, 0))
            listener.setsockopt(S, socket.SO_RCVTIMEO, struct.pack("ll", 0, 50000))
            listener.setsockopt(S, socket.SO_RCVBUF, 16384)
            listener.bind(("127.0.0.1", 443)); listener.listen(64)
            say(attempt(listener.accept))  # SO_RCVTIMEO is accept()'s, too
            listener.setsockopt(S, socket.SO_RCVTIMEO, struct.pack("ll", 60, 0))
            listener.setsockopt(T, socket.TCP_KEEPIDLE, 60)
            listener.setsockopt(T, socket.TCP_NODELAY, 1)
            say(attempt(listener.setsockopt, T, 9999, 1), attempt(listener.bind, ("127.0.0.1", 443)))
            say(listener.getsockopt(S, socket.SO_RCVBUF), len(listener.getsockopt(T, socket.TCP_INFO, 256)) > 100)
            say("listening")
            client = listener.accept()[0]
            say(*(client.getsockopt(S, o) for o in (socket.SO_KEEPALIVE, socket.SO_RCVBUF)),
                *(client.getsockopt(T, o) for o in (socket.TCP_KEEPIDLE, socket.TCP_NODELAY)),
                struct.unpack("ii", client.getsockopt(S, socket.SO_LINGER, 8)), struct.unpack("ll", client.getsockopt(S, socket.SO_SNDTIMEO, 16)))
        """)
        self.assertEqual([self.line() for _ in range(4)], ["EAGAIN", "ENOPROTOOPT EINVAL", "32768 True", "listening"])
        self.hand_over()
        self.assertEqual(self.line(), "1 32768 60 1 (1, 3) (7, 0)")

    def test_options_that_are_not_for_clients(self):
        """SO_ATTACH_FILTER is a pointer, which is nothing any more when the client comes."""
        self.serve("""
            import ctypes, struct
            S = socket.SOL_SOCKET
            program = ctypes.create_string_buffer(struct.pack("HBBI", 6, 0, 0, 0xffffffff))  # ret #-1
            listener = listen()
            say(attempt(listener.setsockopt, S, 26, struct.pack("HxxxxxxP", 1, ctypes.addressof(program))),
                attempt(listener.setsockopt, S, 47, struct.pack("Q", 1000000)))
            ctypes.memset(program, 0xff, len(program))
            say(listener.getsockname(), listener.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            client, address = listener.accept()
            say(struct.unpack("Q", client.getsockopt(S, 47, 8))[0])  # SO_MAX_PACING_RATE
        """)
        self.assertEqual(self.line(), "None None")
        self.assertEqual(self.line(), "('127.0.0.1', 443) 0")
        self.hand_over()
        self.assertEqual(self.line(), "1000000")

    def test_a_listener_that_is_paused_can_go_on(self):
        """As HAProxy does it: connect(AF_UNSPEC), and listen() again."""
        self.serve("""
            import ctypes
            listener = listen()
            say(ctypes.CDLL(None).connect(listener.fileno(), bytes(16), 16))
            listener.listen(64)
            say(listener.accept()[1])
        """)
        self.assertEqual(self.line(), "0")
        self.assertEqual(str(self.hand_over().getsockname()), self.line())

    def test_an_address_that_is_too_long_is_an_error_as_ever(self):
        self.serve("""
            import ctypes
            libc = ctypes.CDLL(None, use_errno=True)
            for family, size in ((1, 128), (1, 4096), (10, 16), (2, 8)):
                s = socket.socket(family)
                address = family.to_bytes(2, "little") + (443).to_bytes(2, "big") + b"x" * 4096
                say(libc.bind(s.fileno(), address, size), errno.errorcode[ctypes.get_errno()])
        """)
        self.assertEqual([self.line() for _ in range(4)], ["-1 EINVAL"] * 4)

    def test_registered_with_an_event_loop_before_its_bind(self):
        self.serve("""
            listener = socket.socket()
            loop = select.epoll()
            loop.register(listener, select.EPOLLIN | select.EPOLLET)
            listener.bind(("127.0.0.1", 443)); listener.listen(64); listener.setblocking(False)
            say("listening")
            while True:
                loop.poll()
                answer = attempt(listener.accept)
                if len(answer) == 2: say(answer[1])
        """)
        self.line()
        self.assertEqual(str(self.hand_over().getsockname()), self.line())

    def test_the_longest_path_for_both_families(self):
        self.socket = self.folder / ("s" * (106 - len(str(self.folder))))
        self.assertEqual(len(str(self.socket)), 107)
        self.serve("""
            pair = listen(("0.0.0.0", 443)), listen(("::", 443), socket.AF_INET6)
            say("listening")
            pair[0].setblocking(False)
            while attempt(pair[0].accept) == "EAGAIN": select.select(pair, [], [], 0.01)
        """)
        self.assertEqual(self.line(), "listening")

    def test_threads_may_bind_at_the_same_time(self):
        self.serve("""
            import threading
            together, failed = threading.Barrier(8), []
            def work():
                for _ in range(20):
                    s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
                    together.wait()
                    problem = attempt(s.bind, ("127.0.0.1", 443))
                    if problem: failed.append(problem)
                    together.wait()
                    s.close()
            threads = [threading.Thread(target=work) for _ in range(8)]
            for t in threads: t.start()
            for t in threads: t.join()
            say(failed)
        """)
        self.assertEqual(self.line(), "[]")

    def test_other_sockets_are_left_alone(self):
        self.serve("""
            udp = socket.socket(type=socket.SOCK_DGRAM)
            say(attempt(udp.bind, ("127.0.0.1", 4433)), udp.getsockname())
            other = listen(("127.0.0.1", 0))
            a, b = socket.create_connection(other.getsockname()), other.accept()
            say(b[1] == a.getsockname(), attempt(other.setsockopt, socket.SOL_SOCKET, 9999, 1))
            unix = listen(path + ".other", socket.AF_UNIX)
            c = socket.socket(socket.AF_UNIX); c.connect(path + ".other")
            d, address = unix.accept()
            c.sendall(b"as ever"); say(d.recv(64), repr(address), unix.getsockname() == path + ".other")
        """, listen="4433")
        self.assertEqual(self.line(), "None ('127.0.0.1', 4433)")
        self.assertEqual(self.line(), "True ENOPROTOOPT")
        self.assertEqual(self.line(), "b'as ever' '' True")

    def test_an_address_must_be_the_one_that_was_named(self):
        self.serve("""
            right, wrong = listen(("127.0.0.2", 0)), socket.socket()
            say(right.family)
            say(os.path.exists(path))
            listen(("127.0.0.1", 4434)); say(os.path.exists(path))
        """, listen="127.0.0.1:4434")
        self.line()
        self.assertEqual([self.line(), self.line()], ["False", "True"])

    def test_binding_twice_fails_as_on_tcp_unless_the_port_is_shared(self):
        self.serve("""
            one = listen(reuseport=True)
            one.setblocking(False)
            say(attempt(listen, ("127.0.0.1", 443)))
            two = listen(reuseport=True)
            say("listening", fcntl.fcntl(one, fcntl.F_GETFL) & os.O_NONBLOCK != 0)
            select.select([one], [], []); select.select([two], [], [])
            say(one.accept()[1]); say(attempt(two.accept))
        """)
        self.assertEqual(self.line(), "EADDRINUSE")
        self.assertEqual(self.line(), "listening True")
        self.assertEqual(str(self.hand_over().getsockname()), self.line())

    def test_a_second_address_on_the_port_is_refused_and_the_remedy_said(self):
        self.serve("""
            one = listen(("127.0.0.1", 443))
            other_family = listen(("::1", 443), socket.AF_INET6)
            say(attempt(listen, ("127.0.0.2", 443)), attempt(listen, ("::", 443), socket.AF_INET6))
            say(one.getsockname())
        """, stderr=subprocess.PIPE)
        self.addCleanup(self.server.stderr.close)
        self.assertEqual(self.line(), "EADDRINUSE EADDRINUSE")
        self.assertEqual(self.line(), "('127.0.0.1', 443)")
        self.assertIn("127.0.0.2 is a second address on port 443; give each its own socket: snipass-run", self.server.stderr.readline())

    def test_two_addresses_with_a_socket_each(self):
        other = self.folder / "other.sock"
        script = self.folder / "server.py"
        script.write_text(PRELUDE + textwrap.dedent("""
            one, two = listen(("127.0.0.1", 443)), listen(("127.0.0.2", 443))
            say("listening")
            say(*(l.accept()[1][1] for l in (one, two)))
        """))
        self.start_piped(RUN, self.socket, "--from", "0", "--listen", "127.0.0.1:443", "--", RUN, other, "--listen", "127.0.0.2:443", "--",
                         sys.executable, script, self.socket)
        self.line()
        first = self.hand_over().getsockname()[1]
        self.socket = other
        second = self.hand_over().getsockname()[1]
        self.assertEqual(self.line(), f"{first} {second}")

    def test_a_live_listener_of_another_process_is_not_replaced_but_a_dead_ones_file_is(self):
        code = """
            listener = attempt(listen)
            say(listener)
            time.sleep(60)
        """
        self.serve(code)
        self.assertIn("socket.socket", self.line())
        first = self.server
        self.serve(code)
        self.assertEqual(self.line(), "EADDRINUSE")
        self.stop(first)
        self.serve(code)
        self.assertIn("socket.socket", self.line())

    def test_a_listener_that_is_bound_and_does_not_listen_yet_is_live(self):
        self.serve("""
            first = socket.socket()
            first.bind(("127.0.0.1", 443))
            say("bound")
            sys.stdin.readline()
            first.listen(64)
            attempt(first.accept)  # the other one's look
            say(first.accept()[1])
        """)
        first = self.server
        self.assertEqual(self.line(), "bound")
        self.serve("say(attempt(listen))")
        self.assertEqual(self.line(), "EADDRINUSE")
        self.server = first
        first.stdin.write("\n")
        first.stdin.flush()
        self.assertEqual(str(self.hand_over().getsockname()), self.line())

    PAIR = """
        def make(family): return listen(("::" if family == socket.AF_INET6 else "0.0.0.0", 443), family)
        def watch(*sockets):
            loop = select.epoll()
            for s in sockets: s.setblocking(False); loop.register(s, select.EPOLLIN)
            return loop
        def serve_next(loop, *sockets):
            # Says which socket takes the next client, and its address.
            while True:
                for fd, _ in loop.poll():
                    s = next(s for s in sockets if s.fileno() == fd)
                    answer = attempt(s.accept)
                    if answer != "EAGAIN": return say(s.getsockname()[0], answer[1][0] if len(answer) == 2 else answer)
        def served_by(loop, listener):
            say("ready")
            while True:
                woken_for = [fd for fd, _ in loop.poll()]
                answer = attempt(listener.accept) if woken_for == [listener.fileno()] else woken_for
                if answer != "EAGAIN": return say(answer[1][1] if len(answer) == 2 else answer)
    """

    def test_ipv4_and_ipv6_beside_each_other_take_the_clients_of_their_family(self):
        """A server may choose the site by the listener. In a forked process, too."""
        forks = "pid = os.fork()\nif pid: os.waitpid(pid, 0); sys.exit()"
        for order in ("(socket.AF_INET, socket.AF_INET6)", "(socket.AF_INET6, socket.AF_INET)"):
            for forked in ("", forks):
                with self.subTest(order=order, forked=bool(forked)):
                    self.serve("\n".join((textwrap.dedent(self.PAIR), f"pair = [make(family) for family in {order}]", forked, textwrap.dedent("""
                        loop = watch(*pair)
                        say(*sorted(s.getsockname()[0] for s in pair))
                        while True: serve_next(loop, *pair)
                    """))))
                    self.assertEqual(self.line(), "0.0.0.0 ::")
                    for _ in range(3):
                        self.hand_over()
                        self.assertEqual(self.line(), "0.0.0.0 127.0.0.1")
                        self.hand_over("::1")
                        self.assertEqual(self.line(), ":: ::1")
                        self.hand_over("127.0.0.1", dual_stack=True)
                        self.assertEqual(self.line(), "0.0.0.0 127.0.0.1")
                    self.assertEqual(list(self.folder.glob("*.tmp")), [])
                    self.stop(self.server)

    def test_of_which_family_a_client_is_counts_also_when_the_router_is_slow_to_say(self):
        self.serve(textwrap.dedent(self.PAIR) + textwrap.dedent("""
            v4, v6 = make(socket.AF_INET), make(socket.AF_INET6)
            v6.setblocking(False)
            say("listening")
            say(attempt(v4.accept)); select.select([v6], [], []); say(v6.accept()[1][0])
        """))
        self.line()
        far, near = tcp_pair("::1")
        with far, near, handoff_sender.connect(str(self.socket)) as connection:
            time.sleep(0.02)
            handoff_sender.send_with(connection, handoff_sender.header(near), [near])
            self.assertEqual([self.line(), self.line()], ["ECONNABORTED", "::1"])

    def test_a_client_of_the_other_family_is_the_routers_until_its_listener_has_taken_it(self):
        self.serve(textwrap.dedent(self.PAIR) + textwrap.dedent("""
            v4, v6 = make(socket.AF_INET), make(socket.AF_INET6)
            for s in v4, v6: s.setblocking(False)
            say("listening")
            select.select([v4], [], []); say(attempt(v4.accept))
            sys.stdin.readline()
            select.select([v6], [], []); say(v6.accept()[1][0])
        """))
        self.line()
        far, near = tcp_pair("::1")
        with far, near, handoff_sender.connect(str(self.socket)) as connection:
            handoff_sender.send_with(connection, handoff_sender.header(near), [near])
            self.assertEqual(self.line(), "EAGAIN")
            connection.setblocking(False)
            with self.assertRaises(BlockingIOError):
                connection.recv(1)
            self.server.stdin.write("\n")
            self.server.stdin.flush()
            self.assertEqual(self.line(), "::1")
            self.assertEqual(handoff_sender.answer(connection, 5), "taken")

    def test_where_the_other_listener_has_no_room_the_client_stays_the_routers(self):
        self.serve(textwrap.dedent(self.PAIR) + textwrap.dedent("""
            v4, v6 = make(socket.AF_INET), make(socket.AF_INET6)
            v6.listen(1)
            v4.setblocking(False)
            say("listening")
            while True: select.select([v4], [], []); attempt(v4.accept)
        """))
        self.line()
        far, near = tcp_pair("::1")
        with far, near:
            # Two wait in the other's queue for ever; from then on each is refused. On a machine that is busy one may be refused
            # before, because its header comes too late.
            answers = []
            while (answers.count("taken back") < 2 or answers[-1] != "refused") and len(answers) < 30:
                answers.append(handoff_sender.offer(str(self.socket), near, 0.1))
        self.assertNotIn("taken", answers)
        self.assertEqual(answers[-1], "refused", answers)

    def test_of_ipv4_and_ipv6_either_may_be_closed_alone_under_an_event_loop(self):
        """The one that is left goes on waking it. A registration belongs to the socket, and the socket has changed."""
        for order in ("(socket.AF_INET, socket.AF_INET6)", "(socket.AF_INET6, socket.AF_INET)"):
            for closed in (0, 1):
                for forked in ("", "if os.fork(): os.wait(); sys.exit()"):
                    with self.subTest(order=order, closed=closed, forked=bool(forked)):
                        self.serve(textwrap.dedent(self.PAIR) + textwrap.dedent(f"""
                            pair = [make(family) for family in {order}]
                            {forked}
                            loop = watch(*pair)
                            pair[{closed}].close()
                            served_by(loop, pair[{1 - closed}])
                        """))
                        self.assertEqual(self.line(), "ready")
                        self.assertEqual(str(self.hand_over().getsockname()[1]), self.line())
                        self.stop(self.server)

    def test_who_waits_already_when_the_other_family_is_closed_goes_on(self):
        for how in ("attempt(v6.accept)", "select.select([v6], [], [])"):
            with self.subTest(how=how):
                self.serve(textwrap.dedent(self.PAIR) + textwrap.dedent(f"""
                    import threading
                    v4, v6 = make(socket.AF_INET), make(socket.AF_INET6)
                    def serve():
                        while True:
                            answer = {how}
                            if len(answer) != 2 and answer != "ECONNABORTED": v6.setblocking(False); answer = attempt(v6.accept)
                            if len(answer) == 2: say(answer[1][0])
                    threading.Thread(target=serve, daemon=True).start()
                    task = next(t for t in os.listdir("/proc/self/task") if t != str(os.getpid()))
                    while open(f"/proc/self/task/{{task}}/stat").read().split()[2] != "S": time.sleep(0.01)
                    time.sleep(0.05)
                    v4.close()
                    say("closed")
                    time.sleep(60)
                """))
                self.assertEqual(self.line(), "closed")
                wait_until(lambda: handoff_sender.offer(str(self.socket), self.client_of("::1"), 0.2) == "taken", "the thread to come back")
                self.assertEqual(self.line(), "::1")
                self.stop(self.server)

    def test_more_listeners_than_there_are_workers(self):
        """Of nginx with many workers and reuseport, say."""
        self.serve("""
            many = [listen(("0.0.0.0", 443), reuseport=True) for _ in range(100)]
            v6 = [listen(("::", 443), socket.AF_INET6, reuseport=True) for _ in range(2)]
            for l in v6: l.close()
            say("listening")
            say(many[-1].getsockname(), many[-1].accept()[1][0])
        """)
        self.line()  # its file is there before it listens
        self.hand_over()
        self.assertEqual(self.line(), "('0.0.0.0', 443) 127.0.0.1")

    def test_of_several_sockets_of_one_port_a_closed_one_wakes_nobody(self):
        self.serve(textwrap.dedent(self.PAIR) + textwrap.dedent("""
            pair = [listen(reuseport=True) for _ in range(2)]
            loop = watch(*pair)
            pair[0].close()
            served_by(loop, pair[1])
        """))
        self.assertEqual(self.line(), "ready")
        self.assertEqual(str(self.hand_over().getsockname()[1]), self.line())

    def test_the_servers_own_unix_listener(self):
        self.serve("""
            listener = listen(path, socket.AF_UNIX)
            say(listener.getsockname() == path)
            client, address = listener.accept()
            client.recv(65536)  # a close with bytes unread would be a reset, and the far end then has no peer
            say(address, client.getsockname())
        """, listen=None)
        self.assertEqual(self.line(), "True")
        far = self.hand_over()
        self.assertEqual(self.line(), f"{far.getsockname()} {far.getpeername()}")

    def test_anybody_who_may_enter_the_folder_may_connect(self):
        self.serve("""
            os.umask(0o077)
            listen()
            say("listening")
            time.sleep(60)
        """)
        self.line()
        self.assertEqual(self.socket.stat().st_mode & 0o777, 0o666)


if __name__ == "__main__":
    main()
