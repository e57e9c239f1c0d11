# SPDX-License-Identifier: BSL-1.0
"""libsnipass_preload.so, call by call: small servers in Python, each of them a few lines, against a router of the test's own."""
import contextlib
import fcntl
import os
import shutil
import subprocess
import sys
import textwrap
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from harness import handoff_sender, main  # noqa: E402
from harness.backend_case import BackendCase, descriptors, settled  # noqa: E402
from harness.places import BUILD, RUN, for_everybody  # noqa: E402
from harness.process import wait_until  # noqa: E402
from harness.receiver_checks import tcp_pair  # noqa: E402

PRELUDE = """
import errno, fcntl, os, resource, select, signal, socket, sys, time
path = sys.argv[1]
def say(*words): print(*words, flush=True)
def listen(address=("127.0.0.1", 443), family=socket.AF_INET, **options):
    s = socket.socket(family)
    if options.get("reuseport"): s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    s.bind(address); s.listen(64)
    return s
def attempt(function, *arguments):
    try: return function(*arguments)
    except OSError as error: return errno.errorcode[error.errno]
"""


class PreloadCase(BackendCase):
    def serve(self, code, *options, listen="443", **popen):
        """Runs `code` as a server; its lines come one by one with self.line()."""
        options = [*options, *(("--listen", listen) if listen else ())]
        script = self.folder / "server.py"
        script.write_text(PRELUDE + textwrap.dedent(code))
        self.start_piped(RUN, self.socket, *options, "--", sys.executable, script, self.socket, **popen)

    def start_piped(self, *command, **popen):
        self.server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True, **popen)
        self.addCleanup(self.server.stdout.close)
        self.addCleanup(self.server.stdin.close)
        self.addCleanup(self.stop, self.server)

    def line(self):
        return self.server.stdout.readline().strip()

    def hand_over(self, *client, **kind):
        """An honest handoff. Returns the client's end."""
        far, near = tcp_pair(*client, **kind)
        self.addCleanup(far.close)
        # As a router does: on a machine that is busy the header may come too late for the server's patience (10 ms).
        outcomes = []
        while (not outcomes or outcomes[-1] == "refused") and len(outcomes) < 5:
            outcomes.append(handoff_sender.offer(str(self.socket), near))
        self.assertEqual(outcomes[-1], "taken", outcomes)
        return far

    def client_of(self, host):
        """A client's near end."""
        far, near = tcp_pair(host)
        self.addCleanup(far.close)
        self.addCleanup(near.close)
        return near

    def as_user(self, number, action):
        """What `action` returns in a process of that user."""
        child = os.fork()
        if child == 0:
            os.setuid(number)
            os._exit(0 if action() else 1)
        return os.waitpid(child, 0)[1] == 0

    def knock_as_a_stranger(self):
        self.assertTrue(self.as_user(65534, lambda: handoff_sender.connect(str(self.socket)).close() or True))

    def sockets(self):
        """The open sockets of the server, whatever the number of its descriptors."""
        found = set()
        for fd in Path(f"/proc/{self.server.pid}/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):
                found.add(os.readlink(fd))
        return {target for target in found if target.startswith("socket:")}

    def children(self):
        return Path(f"/proc/{self.server.pid}/task/{self.server.pid}/children").read_text().split()

    def lie(self):
        far, near = tcp_pair()
        with far, near:
            return handoff_sender.tell(str(self.socket), "not a header", near)


class Accept(PreloadCase):
    def test_blocking_yields_the_client_and_its_address(self):
        self.serve("""
            listener = listen()
            say("listening")
            for _ in range(2):
                client, address = listener.accept()
                say(address, client.getpeername(), fcntl.fcntl(client, fcntl.F_GETFL) & os.O_NONBLOCK,
                    fcntl.fcntl(client, fcntl.F_GETFD))
        """)
        self.assertEqual(self.line(), "listening")
        for _ in range(2):
            far = self.hand_over()
            self.assertEqual(self.line(), f"{far.getsockname()} {far.getsockname()} 0 {fcntl.FD_CLOEXEC}")

    def test_a_client_of_an_ipv4_router_has_a_mapped_address_for_an_ipv6_server(self):
        self.serve("""
            listener = listen(("::", 443), socket.AF_INET6)
            say("listening")
            client, address = listener.accept()
            client.recv(65536)
            raw = socket.socket(fileno=os.dup(client.fileno()))
            say(address[:2], client.getpeername()[:2], client.getsockname()[:2])
            other = socket.create_server(("127.0.0.1", 0))
            os.dup2(other.fileno(), client.fileno())  # the number is another socket's, which nobody maps
            say(client.getsockname() == other.getsockname())
        """)
        self.line()
        far = self.hand_over("127.0.0.1")
        peer, local = (("::ffff:127.0.0.1", name[1]) for name in (far.getsockname(), far.getpeername()))
        self.assertEqual(self.line(), f"{peer} {peer} {local}")
        self.assertEqual(self.line(), "True")

    def test_a_client_of_a_dual_stack_router_has_an_address_that_an_ipv4_server_can_read(self):
        self.serve("""
            listener = listen()
            say("listening")
            client, address = listener.accept()
            client.recv(65536)
            say(address, client.getpeername(), client.getsockname())
        """)
        self.line()
        far = self.hand_over("127.0.0.1", dual_stack=True)
        self.assertEqual(self.line(), f"{far.getsockname()} {far.getsockname()} {far.getpeername()}")

    def test_blocking_fails_once_for_a_lie(self):
        self.serve("""
            listener = listen()
            say("listening")
            say(attempt(listener.accept))
            client, address = listener.accept()
            say(address)
        """)
        self.line()
        self.assertEqual(self.lie(), "refused")
        self.assertEqual(self.line(), "ECONNABORTED")
        self.assertEqual(str(self.hand_over().getsockname()), self.line())

    def test_nonblocking_passes_over_lies(self):
        self.serve("""
            listener = listen()
            listener.setblocking(False)
            say(attempt(listener.accept))
            sys.stdin.readline()
            client, address = listener.accept()
            say(address)
            say(attempt(listener.accept))
        """)
        self.assertEqual(self.line(), "EAGAIN")
        far, near = tcp_pair()
        with far, near:
            connections = [handoff_sender.connect(str(self.socket)) for _ in range(4)]
            for lie, connection in zip(("no descriptor", "not a header", "a pipe"), connections):
                handoff_sender.LIES[lie](near, connection)
            handoff_sender.send_with(connections[3], handoff_sender.header(near), [near])
            self.server.stdin.write("\n")
            self.server.stdin.flush()
            self.assertEqual(str(far.getsockname()), self.line())
            self.assertEqual(self.line(), "EAGAIN")
            self.assertEqual([handoff_sender.answer(c, 2) for c in connections], ["refused"] * 3 + ["taken"])
            for connection in connections:
                connection.close()

    def test_an_event_loop_is_not_held_up_by_silence(self):
        self.serve("""
            listener = listen()
            listener.setblocking(False)
            say("listening")
            while True:
                select.select([listener], [], [])
                before = time.monotonic()
                attempt(listener.accept)
                say(time.monotonic() - before)
        """)
        self.line()
        with handoff_sender.connect(str(self.socket)):
            self.assertLess(float(self.line()), 0.5)  # 10 ms; the rest is for a busy machine

    def test_of_many_slow_liars_one_accept_waits_for_one(self):
        """Each would speak a moment before patience ends. Those behind the first are gone before they do."""
        self.serve("""
            listener = listen()
            listener.setblocking(False)
            say("listening")
            sys.stdin.readline()
            say(attempt(listener.accept))
        """)
        self.line()
        liars = [handoff_sender.connect(str(self.socket)) for _ in range(30)]
        self.server.stdin.write("\n")
        self.server.stdin.flush()
        gone = 0
        for liar in liars:
            time.sleep(0.005)
            gone += handoff_sender.answer(liar, 0.0001) == "refused"
            try:
                liar.send(b"?")
            except OSError:
                pass  # it was not waited for
            liar.close()
        self.assertEqual(self.line(), "EAGAIN")
        self.assertGreater(gone, 15)

    def test_the_sender_must_be_allowed(self):
        if os.geteuid() != 0:
            self.skipTest("only root can be somebody else")
        self.folder.chmod(0o755)
        for options, outcome in (((), "refused"), (("--from", "nobody"), "taken")):
            with self.subTest(options=options):
                self.serve("""
                    listener = listen()
                    say("listening")
                    while True: attempt(listener.accept)
                """, *options, stderr=subprocess.PIPE)
                self.addCleanup(self.server.stderr.close)
                self.line()
                far, near = tcp_pair()
                with far, near:
                    self.assertTrue(self.as_user(65534, lambda expected=outcome: handoff_sender.offer(str(self.socket), near) == expected))
                self.stop(self.server)
                said = self.server.stderr.read()
                self.assertEqual("user 65534 may not hand over clients: snipass-run --from USER" in said, outcome == "refused")

    @unittest.skipUnless(os.geteuid() == 0, "only root can be somebody else")
    def test_in_a_user_namespace_users_without_a_number_are_not_nobody(self):
        nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "unshare", "--user", "--map-user=65534", "--map-group=65534"]
        if subprocess.run([*nobody, "true"], stderr=subprocess.DEVNULL).returncode != 0:
            self.skipTest("no user namespaces here")
        self.folder.chmod(0o777)
        script = self.folder / "server.py"
        script.write_text(PRELUDE + textwrap.dedent("""
            listener = listen()
            say("listening")
            while True: attempt(listener.accept)
        """))
        self.start_piped(*nobody, *for_everybody(BUILD / "snipass-run"), self.socket, "--listen", "443", "--", "/usr/bin/python3", script, self.socket)
        self.line()
        near = self.client_of("127.0.0.1")
        self.assertTrue(self.as_user(1234, lambda: handoff_sender.offer(str(self.socket), near) == "refused"))

    def test_a_stranger_is_not_the_death_of_a_server_whose_stderr_nobody_reads(self):
        if os.geteuid() != 0:
            self.skipTest("only root can be somebody else")
        self.folder.chmod(0o755)
        self.serve("""
            signal.signal(signal.SIGPIPE, signal.SIG_DFL)
            listener = listen()
            say("listening")
            say(attempt(listener.accept))
        """, stderr=subprocess.PIPE)
        self.server.stderr.close()
        self.line()
        self.knock_as_a_stranger()
        self.assertEqual(self.line(), "ECONNABORTED")

    def test_a_stranger_is_reported_to_stderr_and_not_to_what_has_its_number(self):
        if os.geteuid() != 0:
            self.skipTest("only root can be somebody else")
        self.folder.chmod(0o755)
        self.serve("""
            near, far = socket.socketpair()
            os.dup2(near.fileno(), 2)
            listener = listen()
            say("listening")
            attempt(listener.accept)
            far.setblocking(False)
            say(attempt(far.recv, 100))
        """)
        self.line()
        self.knock_as_a_stranger()
        self.assertEqual(self.line(), "EAGAIN")

    def test_out_of_descriptors_is_emfile_and_the_client_stays_in_the_backlog(self):
        self.serve("""
            listener = listen()
            say("listening")
            select.select([listener], [], [])
            # Room for the router's connection, but not for the client that it brings.
            spare = os.dup(0)
            os.close(spare)
            resource.setrlimit(resource.RLIMIT_NOFILE, (spare + 1, 1024))
            say(attempt(listener.accept))
            resource.setrlimit(resource.RLIMIT_NOFILE, (1024, 1024))
            say(listener.accept()[1])
        """)
        self.line()
        far, near = tcp_pair()
        with far, near:
            self.assertEqual(handoff_sender.offer(str(self.socket), near), "taken")
            self.assertEqual(self.line(), "EMFILE")
            self.assertEqual(self.line(), str(far.getsockname()))

    def test_a_fork_does_not_keep_what_a_waiting_accept_has_reserved(self):
        self.serve("""
            import threading
            listener = listen()
            threading.Thread(target=listener.accept, daemon=True).start()
            blocked = f"/proc/self/task/{[t for t in os.listdir('/proc/self/task') if t != str(os.getpid())][0]}/syscall"
            number = {"x86_64": "288", "aarch64": "242"}.get(os.uname().machine)
            while number and open(blocked).read().split()[0] != number: time.sleep(0.01)
            mine = len(os.listdir("/proc/self/fd"))
            child = os.fork()
            if child == 0: os._exit(len(os.listdir("/proc/self/fd")))
            say(mine - os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        """)
        self.assertEqual(self.line(), "1")

    def test_a_thread_that_is_cancelled_in_it_leaves_nothing_behind(self):
        done = subprocess.run([RUN, self.socket, "--listen", "443", "--", BUILD / "preload_cancelled", "150"], timeout=120,
                              capture_output=True, text=True)
        self.assertEqual(done.stdout, "0 descriptors leaked\n")

    def test_keeps_no_descriptor_of_a_handoff(self):
        self.serve("""
            listener = listen()
            say("listening")
            while True: listener.accept()[0].close()
        """)
        self.line()
        self.hand_over()
        before = settled(lambda: descriptors(self.server.pid))
        for _ in range(100):
            self.hand_over()
        wait_until(lambda: descriptors(self.server.pid) <= before, "the descriptors to go")


class Forks(PreloadCase):
    """What a child has from its parent is the parent's still."""

    def test_one_that_closes_everything_leaves_its_parents_listeners_alone(self):
        """As a child does before exec(). Its parent's event loop is shared with it, and so are the sockets."""
        for kind, made in (("two families", "listen(('0.0.0.0', 443)), listen(('::', 443), socket.AF_INET6)"),
                           ("reuseport", "listen(reuseport=True), listen(reuseport=True)")):
            with self.subTest(kind=kind):
                self.serve(f"""
                    import ctypes
                    listeners = {made}
                    loop = select.epoll()
                    for l in listeners: l.setblocking(False); loop.register(l, select.EPOLLIN)
                    child = os.fork()
                    if child == 0:
                        libc = ctypes.CDLL(None)
                        for fd in range(3, 64): libc.close(fd)
                        os._exit(0)
                    os.waitpid(child, 0)
                    say("ready")
                    taken = 0
                    while taken < 4:
                        for fd, _ in loop.poll():
                            answer = attempt(next(l for l in listeners if l.fileno() == fd).accept)
                            if answer != "EAGAIN": taken += 1; say(answer[1][0])
                """)
                self.assertEqual(self.line(), "ready")
                for host in ("127.0.0.1", "::1") * 2 if kind == "two families" else ("127.0.0.1",) * 4:
                    self.hand_over(host)
                    self.assertEqual(self.line(), host)
                self.stop(self.server)

    def test_of_a_daemon_too(self):
        """The process that has made the event loop has ended; its child is the server, and that one's child is not."""
        self.serve("""
            import ctypes
            pair = listen(("0.0.0.0", 443)), listen(("::", 443), socket.AF_INET6)
            loop = select.epoll()
            for l in pair: l.setblocking(False); loop.register(l, select.EPOLLIN)
            if os.fork(): os._exit(0)
            while os.getppid() == int(sys.argv[2]): time.sleep(0.01)
            child = os.fork()
            if child == 0:
                libc = ctypes.CDLL(None)
                for fd in range(3, 64): libc.close(fd)
                os._exit(0)
            os.waitpid(child, 0)
            say("ready")
            while True:
                for fd, _ in loop.poll():
                    answer = attempt(next(l for l in pair if l.fileno() == fd).accept)
                    if answer != "EAGAIN": say(answer[1][0])
        """.replace("int(sys.argv[2])", "int(open('/proc/self/stat').read().split()[5])"))
        self.assertEqual(self.line(), "ready")
        for host in ("127.0.0.1", "::1") * 2:
            self.hand_over(host)
            self.assertEqual(self.line(), host)

    def test_that_serves_one_family_leaves_the_others_listener_as_it_is(self):
        self.serve("""
            v4, v6 = listen(("0.0.0.0", 443)), listen(("::", 443), socket.AF_INET6)
            if os.fork() == 0:
                v4.close()
                while True:
                    answer = attempt(v6.accept)
                    if len(answer) == 2: say("child", answer[1][0])
            say("ready")
            sys.stdin.readline()
            v4.settimeout(20)
            say(v4.getsockname(), v6.getsockname()[0])
        """)
        self.line()
        self.hand_over("::1")
        self.assertEqual(self.line(), "child ::1")
        self.server.stdin.write("\n")
        self.server.stdin.flush()
        self.assertEqual(self.line(), "('0.0.0.0', 443) ::")

    def test_from_a_signal_handler_in_accept(self):
        """The child goes on where the handler was called: in our accept()."""
        self.start_piped(RUN, self.socket, "--listen", "443", "--", BUILD / "preload_forking", "accept")
        wait_until(lambda: self.socket.exists() and self.children(), "the handler's child")
        for _ in range(2):  # the parent, and its child
            self.hand_over()
        # The number that was reserved in the parent is another file's in the child, and stays open.
        self.assertEqual(sorted([self.line(), self.line()]), ["child: a client, and its log as it was", "parent: a client"])

    def test_from_a_signal_handler_anywhere(self):
        done = subprocess.run([RUN, self.socket, "--listen", "443", "--", BUILD / "preload_forking", "often"], timeout=60,
                              capture_output=True, text=True)
        self.assertEqual(done.stdout, "200 children\n")

    def test_one_that_another_thread_makes_keeps_no_connection_of_the_router(self):
        self.serve("""
            import threading
            listener = listen()
            listener.setblocking(True)
            threading.Thread(target=attempt, args=(listener.accept,), daemon=True).start()
            say("listening")
            sys.stdin.readline()
            if os.fork() == 0:
                say(sum("socket" in os.readlink(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd")
                        if os.path.exists(f"/proc/self/fd/{fd}")))
            time.sleep(60)
        """)
        self.line()
        with handoff_sender.connect(str(self.socket)):  # silent: accept() waits for it, for a moment
            wait_until(lambda: len(self.sockets()) == 2, "the connection to be accepted")
            self.server.stdin.write("\n")
            self.server.stdin.flush()
            self.assertEqual(self.line(), "1")  # the listener


class Close(PreloadCase):
    """The router's copy of a client: close() waits for it to go."""
    server_code = """
        listener = listen()
        say("listening")
        while True:
            client, address = listener.accept()
            before = time.monotonic()
            client.close()
            say(time.monotonic() - before)
    """

    def acknowledged(self):
        far, near = tcp_pair()
        self.addCleanup(far.close)
        connection = handoff_sender.connect(str(self.socket))
        handoff_sender.send_with(connection, handoff_sender.header(near), [near])
        self.assertEqual(connection.recv(1), handoff_sender.ACK)
        return far, near, connection

    def test_the_client_sees_its_end_though_the_router_was_slow(self):
        self.serve(self.server_code)
        self.line()
        far, near, connection = self.acknowledged()
        near.recv(64)  # so that the close sends FIN, not RST
        far.settimeout(0.005)
        with self.assertRaises(TimeoutError):
            far.recv(1)  # the router still has it
        near.close()
        connection.close()
        far.settimeout(10)
        self.assertEqual(far.recv(1), b"")

    def test_a_router_that_is_stuck_holds_up_one_close_in_a_while(self):
        self.serve(self.server_code)
        self.line()
        stuck = [self.acknowledged() for _ in range(4)]
        times = [float(self.line()) for _ in stuck]
        self.assertGreater(times[0], 0.04)
        self.assertLess(sum(times[1:]), 0.04)
        for _, near, connection in stuck:
            near.close()
            connection.close()

    def test_a_forked_child_keeps_no_connection_to_the_router(self):
        self.serve("""
            listener = listen()
            say("listening")
            client, address = listener.accept()
            if os.fork() == 0:
                say(sum("socket" in os.readlink(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd")
                        if os.path.exists(f"/proc/self/fd/{fd}")))
            time.sleep(60)
        """)
        self.line()
        _, near, connection = self.acknowledged()
        self.assertEqual(self.line(), "2")  # the listener and the client
        near.close()
        connection.close()


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
        self.start_piped(RUN, self.socket, "--listen", "127.0.0.1:443", "--", RUN, other, "--listen", "127.0.0.2:443", "--",
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


class Exec(PreloadCase):
    @unittest.skipIf(RUN.parent.name == "checked", "a sanitizer's runtime does not come back without the environment")
    def test_a_program_that_inherits_a_listener_takes_clients_whatever_its_environment(self):
        self.serve("""
            if len(sys.argv) == 2:
                v6 = socket.socket(socket.AF_INET6); v6.bind(("::1", 443)); v6.listen(64)
                os.set_inheritable(v6.fileno(), True)
                os.execve(sys.executable, [sys.executable, sys.argv[0], path, str(v6.fileno())], {})
            v6 = socket.socket(fileno=int(sys.argv[2]))
            say(v6.family == socket.AF_INET6, v6.getsockname()[:2])
            say(v6.accept()[1][:2])
        """)
        self.assertEqual(self.line(), "True ('::1', 443)")
        host, port = self.hand_over().getsockname()
        self.assertEqual(self.line(), f"('::ffff:{host}', {port})")

    def test_a_program_that_inherits_none_gets_the_environment_that_it_was_given(self):
        self.serve("""
            listener = listen()
            os.execve("/usr/bin/env", ["env"], {"ONLY": "this"})
        """)
        self.assertEqual(self.server.stdout.read(), "ONLY=this\n")


class Settings(PreloadCase):
    def test_what_cannot_be_used_is_reported_and_left_out(self):
        for text in ("443=/x", "*:70000=/x", "127.0.0.1:443", "unix:", "unix:relative", "[::1:443=/x", "*:443=" + "/x" * 60,
                     "localhost:443=/x", "*:=/x", "*:4 43=/x", "*:443=/x *:444=/x", "*:443=/x unix:/x"):
            with self.subTest(text=text):
                done = subprocess.run(["/bin/true"], capture_output=True, text=True, check=True, env={
                    "LD_PRELOAD": str(BUILD / "libsnipass_preload.so"), "SNIPASS_LISTEN": text})
                self.assertIn("snipass preload: SNIPASS_LISTEN: cannot use", done.stderr)

    def test_good_ones_are_silent(self):
        done = subprocess.run(["/bin/true"], capture_output=True, text=True, check=True, env={
            "LD_PRELOAD": str(BUILD / "libsnipass_preload.so"), "SNIPASS_ALLOW_UID": "0,65534 7",
            "SNIPASS_LISTEN": "unix:/run/a.sock,unix:/run/a.sock *:443=/run/b.sock [::1]:8443=/run/c.sock,127.0.0.1:1=/d"})
        self.assertEqual(done.stderr, "")


class Wrapper(PreloadCase):
    def test_says_what_is_wrong(self):
        run, here = RUN, str(self.folder / "s.sock")
        for arguments, problem in (
                ([], "usage:"),
                (["relative.sock", "--", "true"], "absolute path"),
                (["/nowhere/s.sock", "--", "true"], "/nowhere is no folder"),
                ([str(self.folder / ("a" * 100)), "--", "true"], "longer than 107 bytes"),
                ([here, "--listen"], "--listen needs an address"),
                ([here, "--listen", "host", "--", "true"], "has no port"),
                ([here, "--listen", "443", "--listen", "444", "--", "true"], "--listen may be given once"),
                ([here, "--listen", "443", "--", run, here, "--listen", "444", "--", "true"], "another listener already: *:443="),
                ([here, "--from", "no-such-user", "--", "true"], "no user"),
                ([here, "true"], "-- stands in front"),
                ([here, "--"], "no command")):
            with self.subTest(arguments=arguments):
                done = subprocess.run([run, *arguments], capture_output=True, text=True)
                self.assertEqual(done.returncode, 2)
                self.assertIn(problem, done.stderr)

    def test_an_address_that_the_library_would_leave_out_is_an_error(self):
        """And what to write instead is said: otherwise the server would start, and listen on TCP."""
        for address, advice in (
                ("localhost", 'as "443" or "127.0.0.1:443"'), ("localhost:443", '"127.0.0.1:443"'), ("", "has no port"),
                ("::1", '"[::1]:443"'), ("::1:443", '"[::1]:443"'), ("[::1]", '"[::1]:443"'), ("[::1:443", '"[::1]:443"'),
                ("0", "1 to 65535"), ("*:0", "1 to 65535"), ("99999", "1 to 65535"), ("65536", "1 to 65535"),
                ("18446744073709551617", "1 to 65535"), ("127.0.0.1:", "has no port"), (":443", 'or "443" alone'),
                ("1.2.3:443", '"127.0.0.1:443"'), ("1.2.3.256:443", '"127.0.0.1:443"'), ("1.2.3.4.5:443", '"127.0.0.1:443"'),
                ("01.2.3.4:443", '"127.0.0.1:443"'), ("1.2..3:443", '"127.0.0.1:443"'), ("127.0.0.1:44 3", "has no port"),
                ("[1.2.3.4]:443", '"[::1]:443"'), ("[1:2]:443", '"[::1]:443"'), ("[1::2::3]:443", '"[::1]:443"'),
                ("[:::]:443", '"[::1]:443"'), ("[:1::]:443", '"[::1]:443"'), ("[12345::]:443", '"[::1]:443"'),
                ("[1:2:3:4:5:6:7::8]:443", '"[::1]:443"'), ("[::g]:443", '"[::1]:443"'), ("[]:443", '"[::1]:443"'),
                ("[::1.2.3]:443", '"[::1]:443"'), ("[::1.2.3.4:5]:443", '"[::1]:443"'), ("x=/y,*:443", "is no address")):
            with self.subTest(address=address):
                done = subprocess.run([RUN, self.socket, "--listen", address, "--", "true"], capture_output=True, text=True)
                self.assertEqual(done.returncode, 2)
                self.assertIn(advice, done.stderr)

    def test_an_address_that_the_library_takes_is_none(self):
        for address in ("443", "*:443", "1", "65535", "127.0.0.1:443", "0.0.0.0:8443", "[::]:443", "[::1]:443", "[1:2:3:4:5:6:7:8]:443",
                        "[2001:db8::]:443", "[2001:DB8::7:8]:443", "[::ffff:192.0.2.1]:443", "[1:2:3:4:5:6:1.2.3.4]:443"):
            with self.subTest(address=address):
                done = subprocess.run([RUN, self.socket, "--listen", address, "--", "/bin/true"], capture_output=True, text=True)
                self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_a_program_that_the_library_would_not_get_into_is_refused(self):
        if os.geteuid() != 0:
            self.skipTest("only root can make one")
        program = self.folder / "true"
        program.write_bytes(Path("/bin/true").read_bytes())
        self.folder.chmod(0o755)
        for mode, owner, user, refused in ((0o4755, (0, 0), 65534, "setuid"), (0o4755, (0, 0), 0, ""), (0o4755, (1, 0), 0, "setuid"),
                                           (0o2755, (0, 1), 0, "setgid"), (0o2755, (1, 0), 0, "")):
            with self.subTest(mode=oct(mode), owner=owner, user=user):
                os.chown(program, *owner)
                program.chmod(mode)
                done = subprocess.run([*for_everybody(RUN), self.socket, "--", program], user=user, capture_output=True, text=True)
                self.assertEqual(done.returncode, 2 if refused else 0, done.stderr)
                self.assertIn(f"is {refused}: start it as its own user and group" if refused else "", done.stderr)
        os.chown(program, 0, 0)
        program.chmod(0o755)
        if shutil.which("setcap") and subprocess.run(["setcap", "cap_net_bind_service=+ep", program], stderr=subprocess.DEVNULL).returncode == 0:
            done = subprocess.run([*for_everybody(RUN), self.socket, "--", program], user=65534, capture_output=True, text=True)
            self.assertEqual((done.returncode, "has file capabilities" in done.stderr), (2, True))
        done = subprocess.run([RUN, self.socket, "--", "no-such-command"], capture_output=True, text=True)
        self.assertIn("there is no command", done.stderr)

    @unittest.skipIf(RUN.parent.name == "checked", "a sanitizer's runtime comes first, and snipass-run within snipass-run second")
    def test_a_program_that_does_not_call_libc_is_refused(self):
        (self.folder / "main.c").write_text("int main(void) { return 0; }")
        (self.folder / "main.go").write_text("package main\nfunc main() {}\n")
        environment = {**os.environ, "CGO_ENABLED": "0", "GO111MODULE": "off", "GOFLAGS": ""}
        for name, command, problem in (
                ("dynamic", ["cc", "main.c"], ""),
                ("static", ["cc", "-static", "main.c"], "does not load glibc"),
                ("static-pie", ["cc", "-static-pie", "main.c"], "does not load glibc"),
                ("go", ["go", "build"], "is a Go program")):
            with self.subTest(name=name):
                program = self.folder / name
                subprocess.run([*command, "-o", program, *(["main.go"] if name == "go" else [])], cwd=self.folder, env=environment,
                               check=True, capture_output=True)
                for arguments in ([], [RUN, self.folder / "second.sock", "--"]):
                    done = subprocess.run([RUN, self.socket, "--", *arguments, program], capture_output=True, text=True)
                    self.assertEqual(done.returncode, 2 if problem else 0, done.stderr)
                    self.assertIn(problem, done.stderr)
        unreadable = self.folder / "dynamic"
        unreadable.chmod(0o711)
        done = subprocess.run([*for_everybody(RUN), self.socket, "--", unreadable], user=65534 if os.geteuid() == 0 else None, capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_a_library_that_the_loader_would_not_find_is_refused(self):
        for name in ("my folder", "a:b"):
            folder = self.folder / name
            folder.mkdir()
            for file in (BUILD / "snipass-run", BUILD / "libsnipass_preload.so"):
                shutil.copy(file, folder)
            done = subprocess.run([folder / "snipass-run", self.socket, "--", "/bin/true"], capture_output=True, text=True)
            self.assertEqual((done.returncode, "a space or a colon" in done.stderr), (2, True))

    def test_hands_on_the_commands_exit_status(self):
        done = subprocess.run([RUN, self.socket, "--", "sh", "-c", "exit 7"])
        self.assertEqual(done.returncode, 7)


if __name__ == "__main__":
    main()
