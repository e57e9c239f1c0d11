"""Debian's HAProxy, unmodified, as a backend that terminates TLS: its reload in master-worker mode, its own unix listener."""
import signal
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "support"))
from backend_case import BUILD, catches, wait_for  # noqa: E402
from receiver_checks import ServerTests  # noqa: E402

CONFIGURATION = """
global
    maxconn 4000
    nbthread 2
defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s
frontend site
    bind {bind} ssl crt {folder}/both.pem alpn h2,http/1.1
    http-request return status 200 content-type text/plain lf-string "client: %[src]:%[src_port]\\n"
"""


class HAProxy(ServerTests):
    """Its configuration says `bind :443` as it always did."""
    run_options = ("--listen", "443")

    def bind(self):
        return ":443,[::]:443 v6only"

    def setUp(self):
        super().setUp()
        configuration = self.folder / "haproxy.cfg"
        configuration.write_text(CONFIGURATION.format(folder=self.folder, bind=self.bind()))
        self.server = self.start(BUILD / "snipass-run", self.socket, *self.run_options, "--",
                                 "/usr/sbin/haproxy", "-W", "-f", configuration)
        self.wait_for_socket()

    @property
    def processes(self):
        return [int(pid) for pid in Path(f"/proc/{self.server.pid}/task/{self.server.pid}/children").read_text().split()]

    def test_reload_under_load_loses_nobody(self):
        with self.router() as router, self.load(router.address) as load:
            for _ in range(3):
                # HAProxy's master misses a signal that comes before it has finished its own (re)start.
                wait_for(lambda: catches(self.server.pid, signal.SIGUSR2), "the master to be ready")
                old = set(self.processes)
                self.server.send_signal(signal.SIGUSR2)
                wait_for(lambda: self.processes and not old & set(self.processes), "another worker", 30)
                load.wait_for_more(50)
        self.assertEqual(load.failures, [])


class HAProxyUnix(HAProxy):
    """Its configuration says `bind unix@...`."""
    run_options = ()

    def bind(self):
        return f"unix@{self.socket} mode 666"


del ServerTests  # it is no test by itself
if __name__ == "__main__":
    unittest.main()
