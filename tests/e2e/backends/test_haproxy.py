# SPDX-License-Identifier: BSL-1.0
"""Debian's HAProxy, unmodified, as a backend that terminates TLS: its reload in master-worker mode, its own unix listener."""
import signal
import socket
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from harness import main  # noqa: E402
from harness.backend_case import BackendCase, catches  # noqa: E402
from harness.places import BUILD  # noqa: E402
from harness.process import wait_until  # noqa: E402
from harness.receiver_checks import BehindRouter, ServerTests  # noqa: E402

CONFIGURATION = """
global
    maxconn 4000
    nbthread 2
{in_global}defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s
frontend site
    bind {bind} ssl crt {folder}/both.pem alpn h2,http/1.1
    http-request return status 200 content-type text/plain lf-string "client: %[src]:%[src_port]\\n"
"""


class Server:
    """Its configuration says `bind :443` as it always did."""
    run_options = ("--listen", "443")

    def bind(self):
        return ":443,[::]:443 v6only"

    def setUp(self):
        super().setUp()
        self.start_with(self.bind())

    def start_with(self, bind, **more):
        self.configure(bind, **more)
        self.server = self.start(BUILD / "snipass-run", self.socket, *self.run_options, "--",
                                 "/usr/sbin/haproxy", "-W", "-f", self.folder / "haproxy.cfg")
        self.wait_for_socket()

    def configure(self, bind, in_global="", at_the_end=""):
        text = CONFIGURATION.format(folder=self.folder, bind=bind, in_global=in_global)
        (self.folder / "haproxy.cfg").write_text(text + at_the_end)

    def reload(self):
        # HAProxy's master misses a signal that comes before it has finished its own (re)start.
        wait_until(lambda: catches(self.server.pid, signal.SIGUSR2), "the master to be ready")
        self.server.send_signal(signal.SIGUSR2)

    @property
    def processes(self):
        return [int(pid) for pid in Path(f"/proc/{self.server.pid}/task/{self.server.pid}/children").read_text().split()]


class HAProxy(Server, ServerTests):
    def test_reload_under_load_loses_nobody(self):
        with self.router() as router, self.load(router.address) as load:
            for _ in range(3):
                old = set(self.processes)
                self.reload()
                wait_until(lambda: self.processes and not old & set(self.processes), "another worker", 30)
                load.wait_for_more(50)
        self.assertEqual(load.failures, [])


class HAProxyUnix(HAProxy):
    """Its configuration says `bind unix@...`."""
    run_options = ()

    def bind(self):
        return f"unix@{self.socket} mode 666"


class HAProxyReload(Server, BehindRouter, BackendCase):
    """What its listeners are after a reload that changes them."""
    protocol = "stream"

    def serves(self, *hosts):
        for host in hosts:
            with self.router(host=host) as router:
                own, body = self.fetch(router.address)
                self.assertIn(body, f"client: {own}\n".replace("[", "").replace("]", ""))

    def change(self, bind, *hosts):
        with self.subTest(bind=bind):
            old = set(self.processes)
            self.configure(bind)
            self.reload()
            wait_until(lambda: self.processes and not old & set(self.processes), f"the old worker to leave, {bind}", 30)
            self.serves(*hosts)

    def test_a_family_comes_and_goes(self):
        both = ("127.0.0.1", "::1")
        self.serves(*both)
        for bind, hosts in ((":443", both[:1]), (":443", both[:1]), (":443,[::]:443 v6only", both), ("[::]:443,:443", both),
                            ("[::]:443 v6only", both[1:]), (":443,[::]:443 v6only", both)):
            self.change(bind, *hosts)

    def test_a_listener_at_an_address_stays(self):
        self.stop(self.server)
        self.start_with("127.0.0.1:443")
        self.serves("127.0.0.1")
        for _ in range(2):
            self.change("127.0.0.1:443", "127.0.0.1")

    def test_a_reload_that_fails_leaves_what_there_was(self):
        """The old worker has paused its listeners for the new one, and resumes."""
        with socket.create_server(("127.0.0.1", 0)) as taken:
            self.configure(self.bind(), at_the_end=f"frontend other\n    bind 127.0.0.1:{taken.getsockname()[1]}\n")
            old = wait_until(lambda: self.processes, "its worker")
            self.reload()
            log = self.folder / "server.log"
            wait_until(lambda: "Resumed frontend site" in log.read_text(), "HAProxy to give up", 30)
            self.assertEqual(self.processes, old)
            self.serves("127.0.0.1", "::1")

    def test_a_check_by_a_program_harms_nothing(self):
        """Its child closes all that it has, before it becomes the program. The event loops are shared with it."""
        self.stop(self.server)
        self.start_with(f"{self.bind()} thread 2", in_global="    external-check\n    insecure-fork-wanted\n", at_the_end="""
backend checked
    option external-check
    external-check command /bin/true
    server one 127.0.0.1:9 check inter 100ms
""")
        for _ in range(5):
            time.sleep(0.2)
            self.serves("127.0.0.1", "::1")


del BackendCase, BehindRouter, ServerTests  # they are no tests by themselves
if __name__ == "__main__":
    main()
