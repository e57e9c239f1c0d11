#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""What a client costs in user space stays what it is: the counts of `count`, with ten per cent of room.

The release build is measured. Whoever makes a client dearer changes a number here, and says why."""

import importlib.machinery
import importlib.util
import os
import pathlib
import shutil
import sys
import unittest

# Of a handoff 300 are the shares of sources, 200 that a listener may speak HTTP and a route have paths. What a relay takes
# depends on how its bytes arrive, by six per cent.
COUNTS = {"datagram": 5_640, "stream": 7_860, "relay": 14_800}
HTTP = 14_000  # of a request of HTTP in clear, with the 501 bytes of a browser, by datagram: each byte is looked at
PARSER = 1_610  # of them, in src/tls: the end of the hello is found, and the message is read
METRICS = 350  # at most more with [metrics] (230 were measured): a look at the clock, which the access log would take anyway, and some additions
ROOM = 1.1
NOT_RUN = 77  # ctest's SKIP_RETURN_CODE

SNIPASS = pathlib.Path(os.environ.get("SNIPASS_RELEASE", pathlib.Path(__file__).resolve().parents[2] / "build" / "snipass"))


def load_count():
    loader = importlib.machinery.SourceFileLoader("count", str(pathlib.Path(__file__).with_name("count")))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("count", loader))
    loader.exec_module(module)
    module.router.SNIPASS = str(SNIPASS)
    return module


class Instructions(unittest.TestCase):
    def check(self, kind):
        total, each = load_count().count(kind)
        print(f"{kind}: {total:,.0f} instructions a client, {COUNTS[kind]:,} are expected")
        most = sorted(((cost, name) for name, cost in each.items()), reverse=True)[:40]
        self.assertLess(total, ROOM * COUNTS[kind], "\n".join(f"{cost:8,.0f}  {name[:160]}" for cost, name in most))
        return each

    def test_a_datagram_handoff(self):
        each = self.check("datagram")
        parser = sum(cost for name, cost in each.items() if name.startswith("snipass::tls::"))
        print(f"parser: {parser:,.0f} of them, {PARSER:,} are expected")
        self.assertLess(parser, ROOM * PARSER)

    def test_a_request_of_http(self):
        total, each = load_count().count("datagram", http=True)
        print(f"datagram, HTTP: {total:,.0f} instructions a client, {HTTP:,} are expected")
        most = sorted(((cost, name) for name, cost in each.items()), reverse=True)[:40]
        self.assertLess(total, ROOM * HTTP, "\n".join(f"{cost:8,.0f}  {name[:160]}" for cost, name in most))

    def test_a_stream_handoff(self):
        self.check("stream")

    def test_metrics_cost_a_handoff_next_to_nothing(self):
        program = load_count()
        off, _ = program.count("datagram")
        on, _ = program.count("datagram", program.METRICS)
        print(f"datagram: {off:,.0f} instructions a client, {on:,.0f} with [metrics]")
        self.assertLess(on - off, METRICS)

    def test_a_relayed_client(self):
        self.check("relay")


if __name__ == "__main__":
    if not SNIPASS.exists():
        sys.exit(print(f"no release build at {SNIPASS}") or NOT_RUN)
    if not shutil.which("valgrind"):
        sys.exit("no valgrind here: scripts/install-deps test")
    unittest.main(verbosity=2)
