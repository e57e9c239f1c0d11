# SPDX-License-Identifier: BSL-1.0
"""What strangers share, and one of them takes all of: the others are served all the same."""

import harness
from harness import Case, client_hello, read_exactly, wait_until

# Each worker has a part of a bound, and not exactly its part of the clients.
HEAD = harness.case.HEAD.replace("workers = 2", "workers = 1")
HELLO = client_hello("blog.example.com")
GREEDY = "127.0.0.1"
ROUTE = '[[route]]\nnames = ["blog.example.com"]\nbackend = "blog"\n'


def honest_sources(count):
    return [f"127.0.1.{number + 1}" for number in range(count)]


class Shares(Case):
    def wait_held(self, router, count):
        wait_until(lambda: router.descriptor_count() >= router.descriptors_at_start + count, f"{count} clients are held")

    def check_a_backend_that_is_away(self, router, greedy, honest):
        """Greedy and honest connect. 1,100 whole hellos of one source, then 100 of as many, then the backend comes back."""
        first = [greedy() for _ in range(1_100)]
        router.sessions(1_100 - 1_024, outcome="backend_max_pending")
        self.wait_held(router, 1_024)
        then = [honest(number) for number in range(1, 101)]
        displaced = router.sessions(1_100 - 1_024 + 100, outcome="backend_max_pending")
        self.assertEqual(len({line["client"].rpartition(":")[0] for line in displaced}), 1)
        self.receiver("blog", serve="raw")
        for client in then:
            self.assertEqual(read_exactly(client, len(HELLO)), HELLO)
        router.sessions(1_100 + 100 - len(displaced), outcome="handed_off")
        for client in first + then:
            client.close()

    def test_a_backend_that_is_away_is_everybodys(self):
        router = self.router(ROUTE + self.backend("blog", rest='hold = "1h"'), head=HEAD)
        self.check_a_backend_that_is_away(
            router, lambda: self.connect(router, HELLO), lambda number: self.connect(router, HELLO, source=f"127.0.1.{number}"))

    def test_behind_a_balancer_the_source_is_the_header_s(self):
        router = self.router(ROUTE + self.backend("blog", rest='hold = "1h"'),
                             head=HEAD + 'accept_proxy_protocol = ["127.0.0.1"]\n')

        def by_balancer(source):
            return self.connect(router, f"PROXY TCP4 {source} 192.0.2.1 1024 443\r\n".encode() + HELLO)

        self.check_a_backend_that_is_away(
            router, lambda: by_balancer("198.51.100.1"), lambda number: by_balancer(f"203.0.113.{number}"))


if __name__ == "__main__":
    harness.main()
