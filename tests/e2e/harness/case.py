# SPDX-License-Identifier: BSL-1.0
"""The base of every end-to-end test: a temporary folder, certificates, and the check that the router kept nothing."""

import pathlib
import resource
import shutil
import socket
import sys
import tempfile
import unittest

from .places import BUILD, certificates
from .process import DEADLINE, Watched, wait_until
from .receiver import Receiver
from .router import Router

SKIPPED = 77  # the exit status that ctest shows as a skipped test

# What most tests start from; {} is the rest of the file.
HEAD = """
[server]
workers = 2
[log]
format = "json"
level = "info"
[[listener]]
address = "127.0.0.1:0"
"""
# For a reload to a port that the sandbox has not been told of at the start.
UNCONFINED_HEAD = HEAD.replace("[server]", '[server]\nsandbox = "off"')


class Case(unittest.TestCase):
    longMessage = True

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # A unix socket's path has at most 107 bytes, so the folder's own is short.
        cls.class_folder = pathlib.Path(tempfile.mkdtemp(prefix="snipass-"))
        cls.addClassCleanup(shutil.rmtree, cls.class_folder, ignore_errors=True)
        cls.certificate, cls.key = certificates() / "cert.pem", certificates() / "key.pem"

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="t", dir=self.class_folder))

    def keep(self, thing):
        """Stops it with the test."""
        self.addCleanup(thing.stop)
        return thing

    def router(self, rest="", *, head=HEAD, compare_descriptors=True, folder=None, **options):
        """compare_descriptors: False if clients may be there before it is ready."""
        router = self.keep(Router(folder or self.folder, head + rest, **options))
        if compare_descriptors:
            self.addCleanup(self._kept_nothing, router)  # runs before its stop: cleanups run last to first
        return router

    def _kept_nothing(self, router):
        if router.is_running() and router.descriptors_at_start is not None:
            router.wait_descriptors(router.descriptors_at_start)

    def receiver(self, name, *arguments, **options):
        """A backend that takes handed-off sockets at {folder}/{name}.sock."""
        return self.keep(Receiver(self.folder / f"{name}.sock", name, self.certificate, self.key, *arguments, **options))

    def run_program(self, argv, **options):
        return self.keep(Watched(argv, **options))

    def example(self, program, name):
        """One of the example backends, ready to take sockets at {folder}/{name}.sock."""
        path = self.folder / f"{name}.sock"
        process = self.run_program([BUILD / "examples" / program, path, self.certificate, self.key, name])
        wait_until(path.is_socket, f"{program} listens")
        return process

    def connect(self, router, data=b"", *, host="127.0.0.1", listener="127.0.0.1:0", source=None):
        """A plain TCP connection to the router, closed with the test, on which data was sent."""
        connection = socket.create_connection((host, router.port(listener)), DEADLINE, (source, 0) if source else None)
        self.addCleanup(connection.close)
        connection.sendall(data)
        return connection

    def backend(self, name, *, protocol="stream", rest=""):
        """The configuration of a backend at {folder}/{name}.sock."""
        return f'\n[backend.{name}]\nhandoff = "unix:{self.folder}/{name}.sock"\nprotocol = "{protocol}"\n{rest}\n'


def main():
    """Runs the file. A test that was skipped shows: ctest calls the file skipped, if nothing failed."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    result = unittest.main(verbosity=2, exit=False, warnings=None if sys.warnoptions else "ignore").result
    if not result.wasSuccessful():
        sys.exit(1)
    if result.skipped:
        print("\n".join(f"skipped: {test}: {reason}" for test, reason in result.skipped), file=sys.stderr)
        sys.exit(SKIPPED)
    sys.exit(0)
