# SPDX-License-Identifier: BSL-1.0
"""Debian's Apache with its event MPM, unmodified, as a backend: HTTP/1.1, HTTP/2, and its own graceful restart."""
import os
import signal
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from harness import main  # noqa: E402
from harness.places import BUILD  # noqa: E402
from harness.process import wait_until  # noqa: E402
from harness.receiver_checks import ServerTests  # noqa: E402

# "Listen 443" is what the administrator has already. The router has port 443 in production, so that <VirtualHost *:443>
# goes on to match; here it has another one, so there is no virtual host.
CONFIGURATION = """
ServerRoot {folder}
ServerName test.example
PidFile {folder}/apache.pid
ErrorLog {folder}/error.log
Mutex file:{folder} default
{user}
LoadModule mpm_event_module {modules}/mod_mpm_event.so
LoadModule authz_core_module {modules}/mod_authz_core.so
LoadModule mime_module {modules}/mod_mime.so
LoadModule dir_module {modules}/mod_dir.so
LoadModule include_module {modules}/mod_include.so
LoadModule http2_module {modules}/mod_http2.so
LoadModule ssl_module {modules}/mod_ssl.so
StartServers 2
ThreadsPerChild 25
Protocols h2 http/1.1
DocumentRoot {folder}/www
DirectoryIndex index.shtml
TypesConfig /dev/null
<Directory {folder}/www>
    Require all granted
    Options +Includes
    AddOutputFilter INCLUDES .shtml
</Directory>
Listen 443
SSLEngine on
SSLCertificateFile {folder}/cert.pem
SSLCertificateKeyFile {folder}/key.pem
"""
PAGE = """client: <!--#echo var="REMOTE_ADDR" -->:<!--#echo var="REMOTE_PORT" -->
protocol: <!--#echo var="SERVER_PROTOCOL" -->
"""


class Apache(ServerTests):
    def setUp(self):
        super().setUp()
        (self.folder / "www").mkdir()
        (self.folder / "www/index.shtml").write_text(PAGE)
        self.configuration = self.folder / "apache.conf"
        self.configuration.write_text(CONFIGURATION.format(
            folder=self.folder, modules="/usr/lib/apache2/modules",
            user="User www-data\nGroup www-data" if os.geteuid() == 0 else ""))
        self.server = self.start(BUILD / "snipass-run", self.socket, "--listen", "443", "--",
                                 "/usr/sbin/apache2", "-f", self.configuration, "-DFOREGROUND")
        self.wait_for_socket()
        wait_until(lambda: len(self.processes) >= 2, "Apache's children")

    @property
    def processes(self):
        """Those that serve."""
        return [int(pid) for pid in Path(f"/proc/{self.server.pid}/task/{self.server.pid}/children").read_text().split()]

    def test_http2(self):
        with self.router() as router:
            host, port = router.address
            answer = subprocess.run(["curl", "-sS", "--http2", "--cacert", self.certificate, "-w", "%{http_version}",
                                     "--resolve", f"test.example:{port}:{host}", f"https://test.example:{port}/"],
                                    capture_output=True, text=True, check=True).stdout
            self.assertIn("protocol: HTTP/2.0\n", answer)
            self.assertTrue(answer.endswith("\n2"), answer)

    def test_graceful_restart_under_load_loses_nobody(self):
        with self.router() as router, self.load(router.address) as load:
            for _ in range(3):
                old = set(self.processes)
                self.server.send_signal(signal.SIGUSR1)  # apachectl graceful
                wait_until(lambda: not old & set(self.processes), "other children", 30)
                load.wait_for_more(50)
        self.assertEqual(load.failures, [])


del ServerTests  # it is no test by itself
if __name__ == "__main__":
    main()
