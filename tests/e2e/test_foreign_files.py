# SPDX-License-Identifier: BSL-1.0
"""Files that others send to the router, whose end takes its time: no worker waits for it."""

import contextlib
import os
import signal
import socket
import struct
import threading
import unittest

import harness
from harness import Case, client_hello, handoff_sender, read_all, wait_until
from harness.receiver_checks import acting_as, needs_root
from harness.slow_files import before_refusals, slow_file

HEAD = harness.case.HEAD.replace("workers = 2", "workers = 1")
ROUTE = '[[route]]\nnames = ["blog.example.com"]\nbackend = "blog"\n'
SO_PASSRIGHTS = 83


def refuses_descriptors():
    """This kernel does, if it is asked to (Linux 6.16)."""
    with socket.socket(socket.AF_UNIX) as one, contextlib.suppress(OSError):
        one.setsockopt(socket.SOL_SOCKET, SO_PASSRIGHTS, 0)
        return True


class ForeignFiles(Case):
    def serves(self, router):
        """Of one worker: it would not, if it waited."""
        with self.connect(router, b"this is not TLS\r\n") as other:
            other.settimeout(20)
            read_all(other)

    def threads(self, router):
        return len(os.listdir(f"/proc/{router.pid}/task"))


class FromABackend(ForeignFiles):
    """The answer to a handoff is one byte."""

    def answer(self, file, env=None):
        """The router, the outcome of a client whose backend answers with `file`, and what the backend's call came to."""
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(self.folder / "blog.sock"))
            listener.listen()
            router = self.router(ROUTE + self.backend("blog", rest='hold = "0s"'), head=HEAD, env=env, compare_descriptors=False)
            said = []

            def take():
                connection, _ = listener.accept()
                with connection:
                    _, descriptors, _, _ = socket.recv_fds(connection, 4096, 1)
                    try:
                        handoff_sender.send_with(connection, handoff_sender.ACK, [file])
                        file.close()
                    except OSError as error:
                        said.append(error)
                    os.close(descriptors[0])

            backend = threading.Thread(target=take)
            backend.start()
            before = self.threads(router)
            client = self.connect(router, client_hello("blog.example.com"))
            backend.join(harness.DEADLINE)
            self.serves(router)
            address, port = client.getsockname()
            return router, before, router.session(client=f"{address}:{port}")["outcome"], said

    @unittest.skipUnless(refuses_descriptors(), "Linux before 6.16")
    def test_the_kernel_refuses_an_answer_with_a_file(self):
        with slow_file() as file:
            router, before, outcome, said = self.answer(file)
            self.assertEqual(outcome, "backend_declined")
            self.assertEqual([type(error) for error in said], [PermissionError])
            self.assertEqual(self.threads(router), before)

    def test_where_it_cannot_the_file_ends_in_another_thread(self):
        with slow_file() as file:
            env = before_refusals(self.folder)
            router, _, outcome, said = self.answer(file, env)
            self.assertEqual(outcome, "backend_declined")
            self.assertEqual(said, [])
            self.serves(router)  # its only worker is free

    def test_where_it_cannot_an_honest_answer_counts(self):
        env = before_refusals(self.folder)
        self.receiver("blog", serve="once")
        router = self.router(ROUTE + self.backend("blog"), head=HEAD, env=env)
        client = self.connect(router, client_hello("blog.example.com"))
        self.assertEqual(len(read_all(client)[0]), 1)
        self.assertEqual(router.session()["outcome"], "handed_off")


class FromARelayedBackend(ForeignFiles):
    """At a unix socket."""

    def relayed(self, env):
        """The router, a client of it, and the backend's side."""
        listener = socket.socket(socket.AF_UNIX)
        self.addCleanup(listener.close)
        listener.bind(str(self.folder / "far.sock"))
        listener.listen()
        listener.settimeout(harness.DEADLINE)
        router = self.router(ROUTE + f'[backend.blog]\nproxy = "unix:{self.folder}/far.sock"\n', head=HEAD, env=env,
                             compare_descriptors=False)
        client = self.connect(router, client_hello("blog.example.com"))
        backend, _ = listener.accept()
        backend.settimeout(harness.DEADLINE)
        self.addCleanup(backend.close)
        backend.recv(65_536)
        return router, client, backend

    @unittest.skipUnless(refuses_descriptors(), "Linux before 6.16")
    def test_the_kernel_refuses_bytes_with_a_file(self):
        router, _, backend = self.relayed(None)
        with slow_file() as file, self.assertRaises(PermissionError):
            handoff_sender.send_with(backend, b"x", [file])
        self.serves(router)

    def check_that_the_backend_is_gone(self, before, flags=0):
        with slow_file() as file:
            env = before_refusals(self.folder)
            router, client, backend = self.relayed(env)
            router.signal(signal.SIGSTOP)  # until its copy is the last
            if before:
                backend.sendall(before)
            socket.send_fds(backend, [b"x"], [file.fileno()], flags)
            file.close()
            router.signal(signal.SIGCONT)
            self.assertEqual(read_all(client)[1], "reset")
            self.serves(router)  # its only worker is free
            self.assertEqual(router.session(outcome="proxied")["end"], "backend_reset")

    def test_where_it_cannot_the_backend_is_gone_and_the_file_ends_in_another_thread(self):
        self.check_that_the_backend_is_gone(b"")

    def test_where_it_cannot_a_file_behind_other_bytes_ends_there_too(self):
        self.check_that_the_backend_is_gone(b"what is said before")

    def test_where_it_cannot_a_file_with_an_urgent_byte_ends_there_too(self):
        self.check_that_the_backend_is_gone(b"what is said before", socket.MSG_OOB)

    def test_where_it_cannot_the_end_of_the_client_does_not_wait_for_a_file_either(self):
        with slow_file() as file:
            env = before_refusals(self.folder)
            router, client, backend = self.relayed(env)
            router.signal(signal.SIGSTOP)
            handoff_sender.send_with(backend, b"x", [file])
            file.close()
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.close()
            router.signal(signal.SIGCONT)
            router.session(outcome="proxied")
            self.serves(router)

    def test_where_it_cannot_honest_bytes_pass(self):
        env = before_refusals(self.folder)
        router, client, backend = self.relayed(env)
        answer = os.urandom(3_000_000)

        def speak():
            backend.sendall(answer)
            backend.shutdown(socket.SHUT_WR)

        speaker = threading.Thread(target=speak)
        speaker.start()
        self.assertEqual(read_all(client), (answer, "fin"))
        speaker.join()
        client.sendall(b"more")
        self.assertEqual(backend.recv(4), b"more")
        client.close()
        self.assertEqual(router.session(outcome="proxied")["end"], "finished")


class FromAStranger(ForeignFiles):
    """Of a handoff listener."""

    def start_router(self):
        path = self.folder / "in.sock"
        for folder in (self.class_folder, self.folder):
            folder.chmod(0o755)
        listener = f'[[listener]]\naddress = "handoff:{path}"\nmode = "0666"\n'
        router = self.router(ROUTE + self.backend("blog", rest='hold = "0s"') + listener, head=HEAD, compare_descriptors=False)
        return router, str(path)

    @needs_root
    def test_what_lies_in_a_strangers_connection_ends_in_another_thread(self):
        router, path = self.start_router()
        before = self.threads(router)
        with slow_file() as file:
            router.signal(signal.SIGSTOP)  # or it might turn the stranger away before that has sent anything
            with acting_as(54321, 54321), handoff_sender.connect(path) as connection:
                handoff_sender.send_with(connection, b"x", [file])
                file.close()
            router.signal(signal.SIGCONT)
            wait_until(lambda: self.threads(router) == before + 1, "another thread that waits")
            self.serves(router)

    @needs_root
    def test_what_comes_with_a_strangers_datagram_ends_in_another_thread(self):
        router, path = self.start_router()
        before = self.threads(router)
        with slow_file() as file:
            with acting_as(54321, 54321), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
                channel.connect(path + ".datagram")
                router.signal(signal.SIGSTOP)  # until its copy is the last
                handoff_sender.send_with(channel, b"x", [file])
                file.close()
                router.signal(signal.SIGCONT)
            wait_until(lambda: self.threads(router) == before + 1, "another thread that waits")
            self.serves(router)


if __name__ == "__main__":
    harness.main()
