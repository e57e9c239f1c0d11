# SPDX-License-Identifier: BSL-1.0
"""Prometheus' own judge of /metrics (promtool, of Debian's package prometheus)."""

import subprocess

import harness
from harness import DEADLINE, Case
from harness.metrics import ask, metrics_address

HEAD = """
[server]
workers = 2
[log]
format = "json"
[metrics]
address = "127.0.0.1:0"
routes = true
[[listener]]
address = "127.0.0.1:0"
[[route]]
names = ["blog.example.com"]
backend = "blog"
[[route]]
names = ["/a\\"b+/"]
backend = "far"
[backend.far]
proxy = ["127.0.0.1:9", "localhost:9"]
"""


class Promtool(Case):
    def test_it_finds_nothing_to_complain_of(self):
        router = self.router(self.backend("blog"), head=HEAD)
        text = ask(metrics_address(router))[2]
        self.assertIn('snipass_route_sessions_total{route="/a\\"b+/"} 0', text)
        done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, timeout=DEADLINE, check=False)
        self.assertEqual((done.returncode, done.stdout + done.stderr), (0, ""))


if __name__ == "__main__":
    harness.main()
