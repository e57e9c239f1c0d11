# SPDX-License-Identifier: BSL-1.0
"""examples/prometheus and examples/grafana, with a real Prometheus that scrapes a router under load."""

import contextlib
import json
import pathlib
import re
import socket
import subprocess
import threading
import unittest
import urllib.parse
import urllib.request

import harness
from harness import DEADLINE, Case, Watched, client_hello, read_exactly, wait_until
from harness.metrics import ask, metrics_address
from harness.tls_end import TlsEnd, make_certificate

EXAMPLES = pathlib.Path(__file__).resolve().parents[2] / "examples"
RULES = EXAMPLES / "prometheus/snipass.rules.yml"
DASHBOARD = json.loads((EXAMPLES / "grafana/snipass.json").read_text())
METRIC = re.compile(r"\b(?:snipass|process)_\w+|\bup\b")

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
unmatched = "close"
"""

ROUTE = '[[route]]\nnames = ["{name}.example.com"]\nbackend = "{name}"\n'


class Prometheus(Watched):
    """With the example's configuration, but that it scrapes twice a second."""

    def __init__(self, folder, target):
        text = (EXAMPLES / "prometheus/prometheus.yml").read_text()
        for theirs, ours in (("15s", "500ms"), ("127.0.0.1:9145", target), ("snipass.rules.yml", str(RULES))):
            assert theirs in text
            text = text.replace(theirs, ours)
        file = folder / "prometheus.yml"
        file.write_text(text)
        super().__init__(["prometheus", f"--config.file={file}", f"--storage.tsdb.path={folder / 'tsdb'}", "--web.listen-address=127.0.0.1:0"])
        find = re.compile(r'msg="Listening on" address=(\S+)')
        line = self.wait_for(lambda me: [found for found in map(find.search, me.lines) if found], "where it listens")[0]
        self.address = line.group(1)
        self.wait_for(lambda me: [one for one in me.lines if "ready to receive web requests" in one], "it is ready")

    def ask(self, what, **arguments):
        url = f"http://{self.address}/api/v1/{what}?{urllib.parse.urlencode(arguments)}"
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(url, timeout=DEADLINE) as answer:
            return json.load(answer)["data"]

    def query(self, expression):
        return self.ask("query", query=expression)["result"]


def expressions():
    """Each query of the dashboard, as Grafana would ask it for all routers."""
    panels = [(panel["title"], target["expr"]) for panel in DASHBOARD["panels"] for target in panel.get("targets", [])]
    panels += [(one["name"], one["expr"]) for one in DASHBOARD["annotations"]["list"]]
    return [(title, text.replace("$instance", ".*").replace("$__rate_interval", "20s")) for title, text in panels]


class Scraped(Case):
    def setUp(self):
        super().setUp()
        self.receiver("blog", serve="raw")
        far = self.receiver("far", protocol="tcp", serve="raw")
        rest = "".join(ROUTE.format(name=name) for name in ("blog", "far", "away"))
        rest += self.backend("blog") + f'[backend.far]\nproxy = ["127.0.0.1:{far.port}"]\n' + self.backend("away", rest='hold = "0s"')
        make_certificate(self.folder / "live/a", "a.example.com", days=90)
        rest += f'[tls]\ncertificates = ["{self.folder}/live/*"]\nhandoff = "unix:{self.folder}/tls.sock"\n'
        self.keep(TlsEnd(self.folder, HEAD + rest))
        self.loaded = self.router(rest, head=HEAD, compare_descriptors=False)
        self.prometheus = self.keep(Prometheus(self.folder, "{}:{}".format(*metrics_address(self.loaded))))

    @contextlib.contextmanager
    def load(self):
        """Clients of each backend, one that is relayed all the time, and reloads."""
        stop, problems = threading.Event(), []
        relayed = self.connect(self.loaded, hello := client_hello("far.example.com"))
        read_exactly(relayed, len(hello))

        def come():
            while not stop.is_set():
                try:
                    for name in ("blog", "far", "away", "stranger"):
                        with socket.create_connection(("127.0.0.1", self.loaded.port()), DEADLINE) as client:
                            client.sendall(client_hello(f"{name}.example.com"))
                            with contextlib.suppress(ConnectionResetError):
                                client.recv(1)
                    relayed.sendall(b"ping")
                    read_exactly(relayed, 4)
                    self.loaded.reload()
                    stop.wait(0.02)
                except Exception as problem:  # told below
                    problems.append(problem)
                    return

        clients = threading.Thread(target=come)
        clients.start()
        try:
            yield
        finally:
            stop.set()
            clients.join()
        self.assertEqual(problems, [])

    def test_every_query_of_the_dashboard_has_data(self):
        self.assertGreater(len(expressions()), 30)
        with self.load():
            for title, expression in expressions():
                with self.subTest(panel=title, query=expression):
                    wait_until(lambda e=expression: self.prometheus.query(e), "it has data")
                    # What "or vector(0)" would hide.
                    for name in METRIC.findall(expression):
                        self.assertTrue(self.prometheus.ask("series", **{"match[]": name}), name)
            for one in DASHBOARD["templating"]["list"]:
                if one["type"] == "query":
                    metric, label = re.fullmatch(r"label_values\((\w+), (\w+)\)", one["query"]["query"]).groups()
                    self.assertIn(label, self.prometheus.query(metric)[0]["metric"])

    def test_the_rules_are_evaluated_and_see_what_happens(self):
        def rules():
            return {rule["name"]: rule for group in self.prometheus.ask("rules")["groups"] for rule in group["rules"]}

        with self.load():
            wait_until(lambda: rules()["SnipassBackendAway"]["state"] in ("pending", "firing"), "the backend that is away is seen")
            wait_until(lambda: rules()["SnipassLosesClients"]["state"] in ("pending", "firing"), "and its clients")
            wait_until(lambda: {rule["health"] for rule in rules().values()} == {"ok"}, "all of them are evaluated")
        for name, rule in rules().items():
            for metric in METRIC.findall(rule["query"]):
                self.assertTrue(self.prometheus.ask("series", **{"match[]": metric}), f"{name}: {metric}")


class Rules(unittest.TestCase):
    def promtool(self, *words):
        done = subprocess.run(["promtool", *words], cwd=EXAMPLES / "prometheus", capture_output=True, text=True, timeout=DEADLINE, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_promtool_finds_no_mistake_in_the_configuration_and_the_rules(self):
        self.promtool("check", "config", "prometheus.yml")
        self.promtool("check", "rules", RULES.name)

    def test_each_alert_fires_when_it_should_and_not_before(self):
        self.promtool("test", "rules", "snipass.test.yml")

    def test_no_alert_is_left_out_of_that(self):
        tests = (EXAMPLES / "prometheus/snipass.test.yml").read_text()
        alerts = re.findall(r"- alert: (\w+)", RULES.read_text())
        self.assertEqual([name for name in alerts if f'alertname="{name}"' not in tests], [])


class Dashboard(unittest.TestCase):
    def test_its_panels_have_a_place_of_their_own(self):
        taken = {}
        for panel in DASHBOARD["panels"]:
            place = panel["gridPos"]
            self.assertLessEqual(place["x"] + place["w"], 24, panel["title"])
            for x in range(place["x"], place["x"] + place["w"]):
                for y in range(place["y"], place["y"] + place["h"]):
                    self.assertEqual(taken.setdefault((x, y), panel["title"]), panel["title"])
        self.assertEqual(len({panel["id"] for panel in DASHBOARD["panels"]}), len(DASHBOARD["panels"]))


class Promtool(Case):
    def test_it_finds_nothing_to_complain_of_in_metrics(self):
        route = '[[route]]\nnames = ["/a\\"b+/"]\nbackend = "far"\n[backend.far]\nproxy = ["127.0.0.1:9", "localhost:9"]\n'
        router = self.router(self.backend("blog") + ROUTE.format(name="blog") + route, head=HEAD)
        text = ask(metrics_address(router))[2]
        self.assertIn('snipass_route_sessions_total{route="/a\\"b+/"} 0', text)
        done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, timeout=DEADLINE, check=False)
        self.assertEqual((done.returncode, done.stdout + done.stderr), (0, ""))


if __name__ == "__main__":
    harness.main()
