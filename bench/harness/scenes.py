# SPDX-License-Identifier: BSL-1.0
"""The scenes. Each returns {"rows": [...], ...} for report.py; what is measured how is in bench/README.md."""

import dataclasses
import time

import reload
import rounds
from contenders import Setup
from rounds import Row, alternate, bulk, short_connections, tls_clients

CONCURRENCY = 32
OPEN_RATE = 3_000
MEMORY_ROUNDS = 3
TRACED_RATE = 250  # under strace, with time between two clients


@dataclasses.dataclass(frozen=True)
class Plan:
    """How long and how large."""
    rounds: int
    short_rounds: int  # of the scene that most targets are about
    open_rounds: int
    round_ms: int
    open_ms: int  # of one round: p99 is of what it has at this rate
    waiting: int  # clients in the background
    staying: int  # connections for the memory of those that are routed
    bulk_bytes: int  # on each of 4 connections
    route_counts: tuple
    traced: int  # connections under strace


FULL = Plan(7, 15, 3, 1_000, 6_000, 10_000, 4_000, 512 << 20, (10, 10_000, 1_000_000), 3_000)
QUICK = Plan(5, 5, 3, 300, 1_000, 2_000, 1_000, 128 << 20, (10, 10_000), 1_000)


class Scenes:
    def __init__(self, bed, load, plan, contenders):
        self.bed, self.load, self.plan = bed, load, plan
        self.contenders = contenders

    def of(self, *kinds, bulk=False):
        return [one for one in self.contenders
                if one.family != "terminate" and (not kinds or one.kind in kinds) and (bulk or not one.only_bulk)]

    def report(self, unit, rows, values, **more):
        return {"unit": unit, **more, "rows": [
            {"name": row.name, "contender": row.contender.name, "family": row.contender.family,
             "kind": row.contender.kind, "group": row.group, "values": values[row.name]} for row in rows]}

    def closed(self, rows, hello="600", rounds=None):
        once = short_connections(self.load, hello, "closed", concurrency=CONCURRENCY, ms=self.plan.round_ms)
        return self.report("cpu_us", rows, alternate(self.bed, self.load, rows, rounds or self.plan.rounds, once, hello))

    def short(self):
        """Short connections, closed loop, 600-byte hello, 10 routes."""
        return self.closed([Row(one) for one in self.of()], rounds=self.plan.short_rounds)

    def hello_300(self):
        """The same with a 300-byte hello."""
        return self.closed([Row(one) for one in self.of()], "300")

    def hello_1900(self):
        """The same with a post-quantum hello of 1.9 KB."""
        return self.closed([Row(one) for one in self.of()], "1900")

    def http(self):
        """Short connections of HTTP in clear, routed by host and path, by the first request of a browser."""
        rows = [Row(one, Setup(http=True)) for one in self.of("floor", "snipass") if one.family != "proxy"]
        rows += [Row(one, Setup(http=True, scgi=True), one.name.replace("stream", "scgi")) for one in self.of("snipass") if one.family == "stream"]
        return self.closed(rows, "http", rounds=self.plan.short_rounds)

    def routes(self):
        """Short connections with more and more routes, the tested name last."""
        rows = []
        for one in self.of("snipass", "peer"):
            for count in self.plan.route_counts:
                if one.name == "sniproxy" and count > 10_000:
                    continue  # it tries one regex after the other, for minutes
                rows.append(Row(one, Setup(routes=count), f"{one.name} {count:,}", group=one.name))
        return self.closed(rows)

    def access_log(self):
        """Short connections with a log line for each, against none."""
        rows = [Row(one, Setup(access_log=on), f"{one.name} log {'on' if on else 'off'}", group=one.name)
                for one in self.of("snipass") for on in (False, True)]
        return self.closed(rows)

    def operated(self):
        """Short connections with [metrics] and [control], against none."""
        rows = [Row(one, Setup(operated=on), f"{one.name} {'operated' if on else 'alone'}", group=one.name)
                for one in self.of("snipass") for on in (False, True)]
        return self.closed(rows, rounds=self.plan.short_rounds)

    def open(self):
        """Short connections at a fixed rate; latency from the intended start."""
        rows = [Row(one) for one in self.of()]
        once = short_connections(self.load, "600", "open", rate=OPEN_RATE, ms=self.plan.open_ms)
        return self.report("p99_us", rows, alternate(self.bed, self.load, rows, self.plan.open_rounds, once))

    def waiting(self):
        """Short connections while others wait with 3 bytes of a hello."""
        return self.closed([Row(one, crowd=self.plan.waiting) for one in self.of("snipass", "peer")])

    def bulk_up(self):
        """Bulk from client to backend over 4 connections."""
        return self.bulk("up", "sink", self.plan.bulk_bytes + self.hello_size())

    def bulk_down(self):
        """Bulk from backend to client over 4 connections."""
        return self.bulk("down", "source", self.plan.bulk_bytes)

    def bulk(self, direction, job, job_bytes):
        setup = Setup(job=job, job_bytes=job_bytes)
        rows = [Row(one, setup) for one in self.of(bulk=True) if one.family == "proxy"]
        once = bulk(self.load, direction, self.plan.bulk_bytes, 4)
        return self.report("cpu_ms_per_gb", rows, alternate(self.bed, self.load, rows, self.plan.rounds, once))

    def hello_size(self):
        return self.load.hellos["600"].stat().st_size

    def tls_full(self):
        """TLS that ends: full handshakes (TLS 1.3, P-256), each for one small answer of a plain backend."""
        return self.terminated("own_us", ms=self.plan.round_ms)

    def tls_resumed(self):
        """TLS that ends: the same with resumed sessions."""
        return self.terminated("own_us", ms=self.plan.round_ms, resume="true")

    def tls_up(self):
        """TLS that ends: bulk from client to a plain backend over 4 connections."""
        return self.terminated("all_ms", "sink", direction="up", bytes=self.plan.bulk_bytes, concurrency=4)

    def tls_down(self):
        """TLS that ends: bulk from a plain backend to the client over 4 connections."""
        return self.terminated("all_ms", "source", direction="down", bytes=self.plan.bulk_bytes, concurrency=4)

    def terminated(self, unit, job="answer", **options):
        setup = Setup(job=job, job_bytes=options.get("bytes", 0), copies=True)
        rows = [Row(one, setup) for one in self.contenders if one.family == "terminate" and (job == "answer" or one.kind != "floor")]
        once = tls_clients(self.load, unit.rpartition("_")[2], **options)
        return self.report(unit, rows, alternate(self.bed, self.load, rows, self.plan.rounds, once, hello=""))

    def memory(self):
        """User memory and descriptors per connection that waits, and per connection that is through."""
        rows, values = [Row(one) for one in self.of("snipass", "peer")], {}
        for row in rows:
            for _ in range(MEMORY_ROUNDS):
                for metric, count, first_bytes in ("waiting", self.plan.waiting, 3), ("through", self.plan.staying, 0):
                    cost = self.cost_of_crowd(row.contender, count, first_bytes)
                    for unit, value in zip(("bytes", "fds"), cost):
                        values.setdefault(row.name, {}).setdefault(f"{metric}_{unit}", []).append(value)
        return self.report("waiting_bytes", rows, values)

    def cost_of_crowd(self, contender, count, first_bytes):
        router = contender.start(self.bed, Setup(job="hold"))
        try:
            # They pay what is paid once, and stay, so that nobody lives in the memory that they leave.
            first = self.load.crowd(router, "600", 256, first_bytes)
            time.sleep(1)
            memory, descriptors = router.process.user_memory(), router.process.descriptors()
            crowd = self.load.crowd(router, "600", count, first_bytes)
            time.sleep(1)
            cost = ((router.process.user_memory() - memory) / count,
                    (router.process.descriptors() - descriptors) / count)
            if rounds.dismiss(crowd) or rounds.dismiss(first):
                raise RuntimeError(f"{contender.name} turned clients away")
        finally:
            self.bed.stop()
        return cost

    def syscalls(self):
        """System calls per connection, counted by strace: of a router that is saturated, and of one that serves one client at a time."""
        rows, values, detail = [Row(one) for one in self.of()], {}, {}
        for row in rows:
            router = row.contender.start(self.bed, row.setup)
            try:
                self.load.run("closed", router, "600", count=500, concurrency=CONCURRENCY)
                saturated = rounds.system_calls(router, self.load, "closed", count=self.plan.traced, concurrency=CONCURRENCY)
                alone = rounds.system_calls(router, self.load, "open", count=self.plan.traced, rate=TRACED_RATE)
                detail |= {f"{row.name}, saturated": saturated, f"{row.name}, one at a time": alone}
                values[row.name] = {"syscalls": [sum(saturated.values())], "syscalls_alone": [sum(alone.values())]}
            finally:
                self.bed.stop()
        return self.report("syscalls", rows, values, detail=detail)

    def reload(self):
        """Start and SIGHUP with as many routes as the plan has: until the new table is live, and the longest wait meanwhile."""
        snipass = next((one for one in self.contenders if one.name == "snipass-stream"), None)
        rows, values, detail = [], {}, {}
        for one_list in (False, True) if snipass else ():
            setup = Setup(routes=self.plan.route_counts[-1], one_list=one_list)
            row = Row(snipass, setup, f"{setup.routes:,} {'names of one route' if one_list else 'routes'}")
            rows.append(row)
            values[row.name] = reload.measure(self.bed, self.load, snipass, setup, min(5, self.plan.rounds))
            more = sorted(values[row.name]["more_wait_ms"])
            detail[f"{row.name}: ms that the longest wait was longer than without a reload, each pair"] = {
                str(number): value for number, value in enumerate(more, 1)}
        return self.report("live_s", rows, values, detail=detail)

    def parser(self):
        """Reading one ClientHello (Google Benchmark)."""
        return self.micro("bench_parser")

    def table(self):
        """One look at the route table, by kind and number of patterns (Google Benchmark)."""
        return self.micro("bench_table")

    def micro(self, program):
        values = rounds.micro(self.bed, program, self.plan.rounds)
        return {"unit": "ns", "rows": [
            {"name": name, "contender": program, "family": "micro", "kind": "snipass", "group": "",
             "values": {metric: [one[metric] for one in each] for metric in each[0]}} for name, each in values.items()]}


NAMES = ["short", "hello_300", "hello_1900", "http", "routes", "access_log", "operated", "open", "waiting", "bulk_up", "bulk_down",
         "tls_full", "tls_resumed", "tls_up", "tls_down", "memory", "syscalls", "reload", "parser", "table"]
