# SPDX-License-Identifier: BSL-1.0
"""Debian's nginx, unmodified, as a backend: two workers, HTTP/2, its own reload and its own upgrade of the binary."""
import contextlib
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from harness import main, nginx  # noqa: E402
from harness.backend_case import BackendCase, can_connect  # noqa: E402
from harness.places import BUILD  # noqa: E402
from harness.process import wait_until  # noqa: E402
from harness.receiver_checks import BehindRouter, ServerTests, ServesClients  # noqa: E402

# What an administrator writes; only the paths differ.
CONFIGURATION = """
    access_log {folder}/access.log;
    server {{
        {listen}
        server_name test.example;
        ssl_certificate {folder}/cert.pem;
        ssl_certificate_key {folder}/key.pem;
        location / {{
            default_type text/plain;
            return 200 "client: $remote_addr:$remote_port\\nserver: $server_addr:$server_port\\nhttp2: $http2\\n";
        }}
    }}
"""


def configuration_of(folder, listen):
    return nginx.configuration(folder, CONFIGURATION.format(folder=folder, listen=listen), "worker_processes 2;")


class NginxServer:
    """An nginx behind the router. listen() is what its configuration says of that."""
    run_options, protocol = ("--listen", "443"), "stream"

    def setUp(self):
        super().setUp()
        self.folder.chmod(0o777)
        configuration = self.folder / "nginx.conf"
        configuration.write_text(configuration_of(self.folder, self.listen()))
        self.command = ["/usr/sbin/nginx", "-p", str(self.folder), "-e", str(self.folder / "error.log"), "-c", str(configuration)]
        self.start_nginx()

    def start_nginx(self, *arguments):
        # As nginx.service does it: the master goes into the background and writes its pid.
        subprocess.run([BUILD / "snipass-run", self.socket, *self.run_options, "--", *self.command, *arguments], check=True,
                       stdin=subprocess.DEVNULL, capture_output=True)
        if not arguments:
            self.addCleanup(self.kill_group, os.getpgid(self.master()))

    @staticmethod
    def kill_group(group):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(group, signal.SIGKILL)

    def master(self):
        def read():
            with contextlib.suppress(FileNotFoundError):  # while one master gives way to the next
                return (self.folder / "nginx.pid").read_text()
        return int(wait_until(read, "nginx.pid"))

    def workers(self, master=None):
        children = Path(f"/proc/{master or self.master()}/task/{master or self.master()}/children").read_text()
        return sorted(int(pid) for pid in children.split())

    processes = property(workers)


class Nginx(NginxServer, ServerTests):
    """Its configuration says `listen unix:...`."""
    run_options = ()

    def listen(self):
        return f"listen unix:{self.socket} ssl http2;"

    def test_http2(self):
        with self.router() as router:
            host, port = router.address
            answer = subprocess.run(["curl", "-sS", "--http2", "--cacert", self.certificate, "-w", "%{http_version}",
                                     "--resolve", f"test.example:{port}:{host}", f"https://test.example:{port}/"],
                                    capture_output=True, text=True, check=True).stdout
            self.assertIn("http2: h2\n", answer)
            self.assertTrue(answer.endswith("\n2"), answer)

    def test_both_workers_serve(self):
        with self.router() as router:
            before = {pid: self.cpu(pid) for pid in self.workers()}
            self.assertEqual(len(before), 2)
            wait_until(lambda: self.fetch_many(router.address, 50) == [] and
                     all(self.cpu(pid) > ticks for pid, ticks in before.items()), "both workers to have worked", 60)

    @staticmethod
    def cpu(pid):
        return sum(int(ticks) for ticks in Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[11:13])

    def test_reload_under_load_loses_nobody(self):
        with self.router() as router, self.load(router.address) as load:
            for _ in range(5):
                old = self.workers()
                os.kill(self.master(), signal.SIGHUP)
                wait_until(lambda: len(set(self.workers()) - set(old)) == 2, "two new workers")
                load.wait_for_more(100)
        self.assertEqual(load.failures, [])

    def test_reload_under_a_load_of_http2_loses_no_request(self):
        done, failures, served = threading.Event(), [], []
        with self.router() as router:
            host, port = router.address

            def visit():
                """Five requests on each connection. A worker that is told to go while a connection has had no request yet ends it (GOAWAY:
                nothing was processed), as it does on TCP; browsers ask again, and so does curl with --retry."""
                while not done.is_set():
                    result = subprocess.run(
                        ["curl", "-sS", "--http2", "--retry", "3", "--retry-all-errors", "--retry-delay", "1", "--cacert", self.certificate,
                         "-o", os.devnull, "-w", "%{http_version} %{http_code} ",
                         "--resolve", f"test.example:{port}:{host}", f"https://test.example:{port}/[1-5]"], capture_output=True, text=True)
                    (served if result.stdout == "2 200 " * 5 else failures).append(result.stdout + result.stderr)

            clients = [threading.Thread(target=visit) for _ in range(4)]
            for client in clients:
                client.start()
            try:
                for _ in range(5):
                    old, before = self.workers(), len(served)
                    os.kill(self.master(), signal.SIGHUP)
                    wait_until(lambda o=old: len(set(self.workers()) - set(o)) == 2, "two new workers")
                    wait_until(lambda n=before: len(served) > n + 8 or failures, "connections to be served", 60)
            finally:
                done.set()
                for client in clients:
                    client.join()
        self.assertEqual(failures, [])

    def test_upgrade_of_the_binary_loses_nobody(self):
        with self.router() as router, self.load(router.address) as load:
            old = self.master()
            os.kill(old, signal.SIGUSR2)
            new = wait_until(lambda: self.master() != old and self.master(), "the new master")
            self.addCleanup(self.kill_group, os.getpgid(new))
            wait_until(lambda: len(self.workers(new)) == 2, "the new workers")
            load.wait_for_more(50)
            os.kill(old, signal.SIGQUIT)
            wait_until(lambda: not Path(f"/proc/{old}").exists() or not self.workers(old), "the old master to go")
            load.wait_for_more(100)
        self.assertEqual(load.failures, [])

    def test_configuration_test_disturbs_nobody(self):
        with self.router() as router:
            self.start_nginx("-t")
            self.fetch(router.address)

    def test_starts_again_after_a_crash(self):
        master = self.master()
        os.killpg(os.getpgid(master), signal.SIGKILL)  # the socket's file stays behind
        wait_until(lambda: not can_connect(self.socket), "nginx to be dead")
        self.assertTrue(self.socket.exists())
        (self.folder / "nginx.pid").unlink()
        self.start_nginx()
        with self.router() as router:
            self.fetch(router.address)


class NginxUnchanged(Nginx):
    """Its configuration says `listen 443 ssl` as it always did; the router has that port in truth."""
    run_options = NginxServer.run_options

    def listen(self):
        return "listen 443 ssl http2; listen [::]:443 ssl http2;"

    def test_believes_to_listen_on_tcp(self):
        with self.router() as router:
            _, body = self.fetch(router.address)
            self.assertIn(f"server: 127.0.0.1:{router.address[1]}\n", body)


class Addresses(BehindRouter, ServesClients, BackendCase):
    """For other forms of the same `listen`: does everybody get through, and does nginx know who they are?"""


class NginxReuseport(NginxServer, Addresses):
    """One listener for each worker."""

    def listen(self):
        return "listen 443 ssl http2 reuseport; listen [::]:443 ssl http2 reuseport;"


class NginxDualStack(NginxServer, Addresses):
    """One listener for both families: it sees IPv4 clients as IPv6, as on TCP."""

    def listen(self):
        return "listen [::]:443 ssl http2 ipv6only=off;"

    def saw(self, own, body):
        return super().saw(own if "[" in own else "::ffff:" + own, body)


class NginxIPv4(NginxServer, Addresses):
    """A server that never meets IPv6 clients has no room for their addresses; it serves them nevertheless."""

    def listen(self):
        return "listen 443 ssl http2;"

    def saw(self, own, body):
        return super().saw("0.0.0.0:" + own.rsplit(":")[-1] if "[" in own else own, body)


class NginxSiteOfOneFamily(NginxServer, BehindRouter, BackendCase):
    """nginx chooses among the sites of the listener that a client has come to: a site on IPv4 alone is not there for IPv6 clients."""

    def listen(self):
        return f"""
            listen 443 ssl; server_name localhost; ssl_certificate {self.certificate}; ssl_certificate_key {self.key};
            location / {{ return 200 "the site on IPv4 alone"; }}
        }}
        server {{
            listen 443 ssl; listen [::]:443 ssl;"""

    def test_each_family_gets_its_sites(self):
        with self.router(host="127.0.0.1") as v4, self.router(host="::1") as v6:
            for _ in range(5):
                for router, wanted in ((v4, "the site on IPv4 alone"), (v6, "client: ::1:")):
                    with self.connect(router.address, "localhost") as connection:
                        self.assertIn(wanted, self.get(connection, host_name="localhost", close=True))


del ServerTests, Addresses  # they are no tests by themselves
if __name__ == "__main__":
    main()
