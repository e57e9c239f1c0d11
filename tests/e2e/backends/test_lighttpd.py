# SPDX-License-Identifier: BSL-1.0
"""Debian's lighttpd, unmodified, as a backend, with its graceful restart."""
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from harness import main  # noqa: E402
from harness.places import BUILD  # noqa: E402
from harness.receiver_checks import ServerTests  # noqa: E402

CONFIGURATION = """
server.modules = ("mod_openssl", "mod_ssi")
server.document-root = "{folder}/www"
server.errorlog = "{folder}/error.log"
server.port = 443
$SERVER["socket"] == "[::]:443" {{
    server.v6only = "enable"
    ssl.engine = "enable"
}}
ssl.engine = "enable"
ssl.pemfile = "{folder}/cert.pem"
ssl.privkey = "{folder}/key.pem"
index-file.names = ("index.shtml")
mimetype.assign = (".shtml" => "text/html")
ssi.extension = (".shtml")
"""
PAGE = """client: <!--#echo var="REMOTE_ADDR" -->:<!--#echo var="REMOTE_PORT" -->
"""


class Lighttpd(ServerTests):
    def setUp(self):
        super().setUp()
        (self.folder / "www").mkdir()
        (self.folder / "www/index.shtml").write_text(PAGE)
        configuration = self.folder / "lighttpd.conf"
        configuration.write_text(CONFIGURATION.format(folder=self.folder))
        self.server = self.start(BUILD / "snipass-run", self.socket, "--listen", "443", "--",
                                 "/usr/sbin/lighttpd", "-D", "-f", configuration)
        self.wait_for_socket()

    def test_graceful_restart_under_load_loses_nobody(self):
        with self.router() as router, self.load(router.address) as load:
            for _ in range(3):
                self.server.send_signal(signal.SIGUSR1)
                load.wait_for_more(50)
        self.assertEqual(load.failures, [])


del ServerTests  # it is no test by itself
if __name__ == "__main__":
    main()
