# SPDX-License-Identifier: BSL-1.0
"""libsnipass_preload.so, call by call: what becomes of clients, from accept() to close(), and over forks."""
import fcntl
import os
import subprocess
import sys
import textwrap
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from harness import handoff_sender, main  # noqa: E402
from harness.backend_case import descriptors, settled  # noqa: E402
from harness.places import BUILD, RUN, for_everybody  # noqa: E402
from harness.preload_case import PRELUDE, PreloadCase  # noqa: E402
from harness.process import wait_until  # noqa: E402
from harness.receiver_checks import tcp_pair  # noqa: E402


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
                self.assertEqual("user 65534 may not hand over clients: snipass-run --from 65534" in said, outcome == "refused")

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
        done = subprocess.run([RUN, self.socket, "--from", "0", "--listen", "443", "--", BUILD / "preload_cancelled", "150"], timeout=120,
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
        self.start_piped(RUN, self.socket, "--from", "0", "--listen", "443", "--", BUILD / "preload_forking", "accept")
        wait_until(lambda: self.socket.exists() and self.children(), "the handler's child")
        for _ in range(2):  # the parent, and its child
            self.hand_over()
        # The number that was reserved in the parent is another file's in the child, and stays open.
        self.assertEqual(sorted([self.line(), self.line()]), ["child: a client, and its log as it was", "parent: a client"])

    def test_from_a_signal_handler_anywhere(self):
        done = subprocess.run([RUN, self.socket, "--from", "0", "--listen", "443", "--", BUILD / "preload_forking", "often"], timeout=60,
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


if __name__ == "__main__":
    main()
