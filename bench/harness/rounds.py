# SPDX-License-Identifier: BSL-1.0
"""Rounds that alternate over the contenders, so that what disturbs the machine disturbs all of them alike."""

import dataclasses
import json
import math
import random
import re
import signal
import subprocess
import sys
import time

import machine
from contenders import Setup
from process import wait_until

SETTLE_SECONDS = 0.15  # for the last sessions to end, and for a log that writes in batches


@dataclasses.dataclass(frozen=True)
class Row:
    """One line of a scene's table: a contender in a setup."""
    contender: object
    setup: Setup = Setup()
    label: str = ""
    crowd: int = 0  # clients that wait in the background
    group: str = ""  # rows of one group are compared with each other; empty: all of the scene

    @property
    def name(self):
        return self.label or self.contender.name


class Load:
    """The load generator, with the hello that its clients send."""

    def __init__(self, bed, hellos):
        self.bed = bed
        self.hellos = hellos

    def command(self, kind, router, hello, **options):
        arguments = [f"--{key.replace('_', '-')}={value}" for key, value in options.items()]
        return ["taskset", "-c", str(self.bed.load_cpu), str(machine.BUILD / "bench_load"), kind,
                f"--port={router.port}", f"--hello={self.hellos[hello]}", *arguments]

    def run_tls(self, router, **options):
        arguments = [f"--{key.replace('_', '-')}={value}" for key, value in options.items()]
        done = subprocess.run(["taskset", "-c", str(self.bed.load_cpu), str(machine.BUILD / "bench_tls_load"), f"--port={router.port}", *arguments],
                              capture_output=True, text=True, timeout=120)
        if done.returncode != 0:
            raise RuntimeError(f"{router.process.name} failed its clients: {done.stderr}\n{router.log()}")
        seen = json.loads(done.stdout)
        if seen["resumed"] != (seen["completed"] if "resume" in options else 0):
            raise RuntimeError(f"{router.process.name} resumed {seen['resumed']} of {seen['completed']} sessions")
        return seen

    def run(self, kind, router, hello, may_fail=False, **options):
        done = subprocess.run(self.command(kind, router, hello, **options), capture_output=True, text=True, timeout=120)
        seen = json.loads(done.stdout) if done.returncode == 0 else {"failed": done.stderr.strip()}
        if not may_fail and (seen.get("failed") or seen.get("unfinished")):
            raise RuntimeError(f"{router.process.name} failed its clients: {seen}\n{router.log()}")
        return seen

    def crowd(self, router, hello, count, first_bytes=0):
        """Clients that stay until their process is ended with dismiss()."""
        command = self.command("crowd", router, hello, count=count, first_bytes=first_bytes)
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if not process.stdout.readline():
            raise RuntimeError("the crowd did not get in")
        return process


def dismiss(crowd):
    rest, _ = crowd.communicate(timeout=30)
    return json.loads(rest)["gone"]


def start_all(bed, load, rows, hello):
    """Starts each row's router, and sees to it that it routes a hello, if there is one."""
    routers, crowds = {}, []
    for row in rows:
        router = row.contender.start(bed, row.setup)
        if row.setup.job == "answer" and hello:
            load.run("closed", router, hello, count=1, concurrency=1)
        if row.crowd:
            crowds.append(load.crowd(router, "600", row.crowd, first_bytes=3))
        routers[row.name] = router
    return routers, crowds


def alternate(bed, load, rows, rounds, once, hello="600"):
    """once(router) -> {metric: value}. Returns for each row its values in the order of the rounds."""
    routers, crowds = start_all(bed, load, rows, hello)
    values = {row.name: {} for row in rows}
    order = random.Random(6)
    try:
        for number in range(-1, rounds):  # the first is for warming up
            for row in order.sample(rows, len(rows)):
                for metric, value in once(routers[row.name]).items():
                    if number >= 0:
                        values[row.name].setdefault(metric, []).append(value)
            print(".", end="", file=sys.stderr, flush=True)
        print(file=sys.stderr)
        for row in rows:
            if not routers[row.name].process.is_running():
                raise RuntimeError(f"{row.name} ended during the rounds")
        if any(dismiss(crowd) for crowd in crowds):
            raise RuntimeError("some of the waiting clients were turned away")
    finally:
        bed.stop()
    return values


def with_cpu(router, work):
    before = router.process.cpu_ns()
    result = work()
    time.sleep(SETTLE_SECONDS)
    return result, router.process.cpu_ns() - before


def short_connections(load, hello, kind, **options):
    def once(router):
        others = load.bed.load_side
        backend = sum(process.cpu_ns() for process in others)
        seen, cpu = with_cpu(router, lambda: load.run(kind, router, hello, **options))
        backend = sum(process.cpu_ns() for process in others) - backend
        return {"cpu_us": cpu / 1000 / seen["completed"], "backend_us": backend / 1000 / seen["completed"], "rate": seen["completed"] / seen["seconds"],
                **{key: seen[key] for key in ("p50_us", "p99_us", "p999_us", "max_us")}}
    return once


def bulk(load, direction, bytes_each, connections):
    def once(router):
        seen, cpu = with_cpu(router, lambda: load.run("bulk", router, "600", direction=direction, bytes=bytes_each,
                                                      connections=connections))
        return {"cpu_ms_per_gb": cpu / 1e6 / (seen["bytes"] / 1e9), "gb_per_s": seen["bytes"] / 1e9 / seen["seconds"]}
    return once


def tls_clients(load, unit, **options):
    """Per connection, or per GB: the CPU of the one that ends the TLS, of all but the clients, and of the backend."""
    def once(router):
        backends = load.bed.load_side
        own, backend = router.process.own_cpu_ns(), sum(process.cpu_ns() for process in backends)
        seen, cpu = with_cpu(router, lambda: load.run_tls(router, **options))
        own, backend = router.process.own_cpu_ns() - own, sum(process.cpu_ns() for process in backends) - backend
        count = seen["bytes"] / 1e3 if seen["bytes"] else seen["completed"] * 1e3  # ms/GB, us/connection
        return {f"own_{unit}": own / count, f"router_{unit}": (cpu - own) / count, f"backend_{unit}": backend / count,
                f"all_{unit}": (cpu + backend) / count, "rate": seen["completed"] / seen["seconds"],
                "gb_per_s": seen["bytes"] / 1e9 / seen["seconds"]}
    return once


def micro(bed, program, repetitions):
    """Runs a Google Benchmark. Returns for each of its lines the figures of each repetition, of CPU time."""
    command = ["taskset", "-c", str(bed.router_cpu), str(machine.BUILD / program), "--benchmark_format=json",
               f"--benchmark_repetitions={repetitions}", "--benchmark_min_time=0.1"]
    seen = json.loads(subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True).stdout)
    values = {}
    for run in seen["benchmarks"]:
        if run.get("error_occurred"):
            raise RuntimeError(f"{run['name']}: {run['error_message']}")
        if run["run_type"] == "iteration":
            nanoseconds = run["cpu_time"] * {"ns": 1, "us": 1e3, "ms": 1e6}[run["time_unit"]]
            values.setdefault(run["run_name"], []).append(
                {"ns": nanoseconds, "ns_per_kb": 1e12 / run.get("bytes_per_second", math.inf)})
    return values


def system_calls(router, load, kind, **options):
    """Counts the router's system calls per connection with strace, under which nothing else can be measured."""
    pids = [argument for pid in router.process.pids() for argument in ("-p", str(pid))]
    table = router.folder / "strace.txt"
    with open(router.folder / "strace.log", "wb") as log:
        tracer = subprocess.Popen(["strace", "-f", "-c", "-o", str(table), *pids], stderr=log)
    wait_until(lambda: "attached" in (router.folder / "strace.log").read_text(), "strace attaches")
    seen = load.run(kind, router, "600", **options)
    time.sleep(SETTLE_SECONDS)
    tracer.send_signal(signal.SIGINT)
    tracer.wait(10)
    calls = {}
    for line in table.read_text().splitlines():
        row = re.match(r"\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+(?:\d+\s+)?(\w+)$", line)
        if row and row[2] != "total":
            calls[row[2]] = int(row[1]) / seen["completed"]
    return {name: round(value, 2) for name, value in sorted(calls.items(), key=lambda one: -one[1]) if value >= 0.005}
