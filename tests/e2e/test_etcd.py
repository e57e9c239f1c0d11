# SPDX-License-Identifier: BSL-1.0
"""docs/scaling.md, routes in etcd: examples/etcd/routes-from-etcd keeps routes.d/ equal to a real etcd, whichever of them is away for a while."""

import base64
import json
import pathlib
import signal
import urllib.request

from harness import DEADLINE, Case, client_hello, namespace, read_all, wait_until

PROGRAM = pathlib.Path(__file__).resolve().parents[2] / "examples/etcd/routes-from-etcd"
PREFIX = "/snipass/routes/"

HEAD = """include = ["routes.d/*.toml"]
[server]
workers = 1
[log]
format = "json"
[[listener]]
address = "127.0.0.1:0"
unmatched = "close"
[[route]]
names = ["always.example.com"]
backend = "site"
"""
ROUTE = '[[route]]\nnames = ["{name}.example.com"]\nbackend = "site"\n'


class Etcd(Case):
    def setUp(self):
        super().setUp()
        self.routes = self.folder / "routes.d"
        self.routes.mkdir()
        self.receiver("site", serve="raw")
        self.start_etcd()
        self.running = self.router(self.backend("site"), head=HEAD)
        self.follow()

    def start_etcd(self):
        self.etcd = self.run_program(["etcd", "--data-dir", self.folder / "etcd", "--log-level", "error", "--unsafe-no-fsync"])
        wait_until(self.is_answered, "etcd answers")

    def ask(self, what, **body):
        request = urllib.request.Request(f"http://127.0.0.1:2379/v3/kv/{what}", json.dumps(body).encode())
        with urllib.request.urlopen(request, timeout=DEADLINE) as answer:
            return json.load(answer)

    def is_answered(self):
        try:
            return self.ask("range", key=self.base64("x"))
        except OSError:
            return False

    @staticmethod
    def base64(text):
        return base64.b64encode(text.encode()).decode()

    def put(self, name, text=None):
        self.ask("put", key=self.base64(PREFIX + name), value=self.base64(text or ROUTE.format(name=name)))

    def delete(self, name):
        self.ask("deleterange", key=self.base64(PREFIX + name))

    def follow(self):
        self.follower = self.run_program([PROGRAM, self.routes, "kill", "-HUP", self.running.pid])

    def is_routed(self, name):
        hello = client_hello(f"{name}.example.com")
        with self.connect(self.running, hello) as client:
            client.shutdown(1)
            return read_all(client)[0] == hello

    def wait_routed(self, *names):
        for name in names:
            wait_until(lambda name=name: self.is_routed(name), f"{name} is routed")

    def wait_not_routed(self, name):
        wait_until(lambda: not self.is_routed(name), f"{name} is routed no more")

    def test_a_route_comes_changes_and_goes(self):
        self.put("blog")
        self.wait_routed("blog", "always")
        self.put("blog", ROUTE.format(name="other"))
        self.wait_routed("other")
        self.wait_not_routed("blog")
        self.put("shop")
        self.wait_routed("shop")
        self.delete("blog")
        self.wait_not_routed("other")
        self.wait_routed("shop", "always")
        self.assertEqual([path.name for path in self.routes.iterdir()], ["etcd-shop.toml"])

    def test_what_changed_while_the_follower_was_away_is_made_up_for(self):
        self.put("blog")
        self.put("shop")
        self.wait_routed("blog", "shop")
        self.follower.stop()
        self.delete("blog")
        self.put("news")
        self.assertTrue(self.is_routed("blog"))
        self.follow()
        self.wait_routed("news", "shop")
        self.wait_not_routed("blog")

    def test_while_etcd_is_away_all_goes_on_and_then_what_changes_comes(self):
        self.put("blog")
        self.wait_routed("blog")
        self.etcd.signal(signal.SIGKILL)
        self.etcd.wait()
        self.follower.wait_for(lambda me: [line for line in me.lines if "tried again" in line], "it says so")
        self.wait_routed("blog", "always")
        self.start_etcd()
        self.put("shop")
        self.wait_routed("shop", "blog")

    def test_a_router_that_starts_anew_has_all_of_them(self):
        self.put("blog")
        self.wait_routed("blog")
        self.running.terminate()
        self.running = self.router(self.backend("site"), head=HEAD, name="anew")
        self.wait_routed("blog")

    def test_a_mistake_changes_nothing_and_is_got_over(self):
        self.put("blog")
        self.wait_routed("blog")
        self.put("bad", "[[route]]\nnames = 5\n")
        wait_until(lambda: (self.routes / "etcd-bad.toml").exists(), "it is there")
        self.put("shop")
        self.wait_routed("blog", "always")
        self.delete("bad")
        self.wait_routed("shop")

    def test_an_etcd_that_has_lost_all_is_not_believed(self):
        self.put("blog")
        self.wait_routed("blog")
        self.ask("deleterange", key=self.base64(PREFIX), range_end=self.base64(PREFIX[:-1] + "0"))
        self.follower.wait_for(lambda me: [line for line in me.lines if "nothing is removed" in line], "it says so")
        self.assertTrue(self.is_routed("blog"))

    def test_names_that_are_paths_and_files_of_others_are_left_alone(self):
        mine = self.routes / "mine.toml"
        mine.write_text(ROUTE.format(name="mine"))
        self.put("../../escaped")
        self.put(".hidden")
        self.put("blog")
        self.wait_routed("blog", "mine")
        self.delete("blog")
        self.put("shop")
        self.wait_routed("shop", "mine")
        self.assertEqual(sorted(path.name for path in self.routes.iterdir()), ["etcd-shop.toml", "mine.toml"])


if __name__ == "__main__":
    namespace.run_in_namespace()
