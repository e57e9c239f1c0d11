# SPDX-License-Identifier: BSL-1.0
"""Who may come to a listener and how often, as an admin meets it: the file, the log, the counters, [metrics], a reload."""

import contextlib

import harness
from harness import Case, client_hello, read_all, read_exactly
from harness.metrics import metrics_address, scrape

HELLO = client_hello("blog.example.com")


def head(listener):
    return f"""
[server]
workers = 4
[log]
format = "json"
[metrics]
address = "127.0.0.1:0"
[[listener]]
address = "127.0.0.1:0"
{listener}
[[route]]
names = ["blog.example.com"]
backend = "blog"
"""


class Admission(Case):
    def start_router(self, listener):
        self.receiver("blog", serve="raw")
        return self.router(self.backend("blog"), head=head(listener))

    def served(self, router, source):
        client = self.connect(router, HELLO, source=source)
        self.assertEqual(read_exactly(client, len(HELLO)), HELLO)
        client.close()

    def refused(self, router, source):
        client = self.connect(router, HELLO, source=source)
        self.assertEqual(read_all(client)[0], b"")
        client.close()

    def test_denied(self):
        router = self.start_router('allow = ["127.0.0.0/24"]\ndeny = "127.0.0.66"')
        self.served(router, "127.0.0.1")
        for count, (source, why) in enumerate((("127.0.0.66", "it is in deny"), ("127.0.1.1", "it is not in allow")), 1):
            self.refused(router, source)
            line = router.sessions(count, outcome="denied")[-1]
            self.assertEqual(line["detail"], why)
            self.assertTrue(line["client"].startswith(source + ":"), line)
        self.assertEqual(router.counters()["denied"], 2)

    def test_a_rate_is_the_files_with_several_workers(self):
        """The burst is all workers' together: an exact number, however the kernel spreads the clients."""
        router = self.start_router("max_rate_per_source = 1\nmax_burst_per_source = 3")
        for _ in range(3):
            self.served(router, "127.0.0.8")
        # However slow the machine is: at some time one comes within a second of the one before.
        while not router.counters()["rate_limited"]:
            clients = [self.connect(router, HELLO, source="127.0.0.8") for _ in range(10)]
            for client in clients:
                with contextlib.suppress(ConnectionResetError):
                    read_exactly(client, len(HELLO))
                client.close()
        line = router.sessions(1, outcome="rate_limited")[0]
        self.assertEqual(line["detail"], "max_rate_per_source")
        self.served(router, "127.0.0.9")

    def test_a_reload_brings_and_takes_it(self):
        router = self.start_router("")
        self.served(router, "127.0.0.1")
        self.reload(router, 'deny = ["127.0.0.1"]')
        self.refused(router, "127.0.0.1")
        self.reload(router, "")
        self.served(router, "127.0.0.1")

    def reload(self, router, listener):
        router.reload(head(listener) + self.backend("blog"))

    def test_metrics_have_it_by_listener(self):
        router = self.start_router('deny = ["127.0.0.1"]')
        self.refused(router, "127.0.0.1")
        router.wait_counted(denied=1)
        samples = scrape(metrics_address(router))
        self.assertEqual(samples.value("snipass_sessions_total", listener="127.0.0.1:0", outcome="denied"), 1)


if __name__ == "__main__":
    harness.main()
