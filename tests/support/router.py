# SPDX-License-Identifier: BSL-1.0
"""The router itself, for the tests of backends: build/snipass with a configuration of one listener and one backend."""
import json
import re
import signal
import subprocess

import backend_case

CONFIGURATION = """
[log]
format = "json"
[[listener]]
address = "{listen}"
[backend.site]
handoff = "unix:{socket}"
protocol = "{protocol}"
hold = "{hold}"
{backend}
[default]
backend = "site"
"""


class Router:
    """A running snipass; .address is where its clients connect to."""

    def __init__(self, folder, socket, protocol="stream", hold="10s", listen="127.0.0.1:0", backend=""):
        self._file = folder / f"snipass-{id(self)}.toml"
        self._file.write_text(CONFIGURATION.format(listen=listen, socket=socket, protocol=protocol, hold=hold,
                                                   backend=backend))
        self._log = folder / f"snipass-{id(self)}.log"
        with open(self._log, "wb") as log:
            self.process = subprocess.Popen([backend_case.BUILD / "snipass", "run", "--config", self._file],
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        host, port = backend_case.wait_for(self._listening, "the router to listen").rsplit(":", 1)
        self.address = (host.strip("[]"), int(port))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self, sig=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(sig)
        self.process.wait(timeout=20)

    def _listening(self):
        if self.process.poll() is not None:
            raise AssertionError(self._log.read_text())
        found = re.search(r'"listening".*"address": ?"([^"]+)"', self._log.read_text())
        return found and found[1]

    def lines(self):
        """The log, as it stands: a dictionary a line."""
        return [json.loads(line) for line in self._log.read_text().splitlines() if line.startswith("{")]
