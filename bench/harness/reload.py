# SPDX-License-Identifier: BSL-1.0
"""Start and reload with a large table: how long it takes, and what the clients of that moment notice."""

import json
import signal
import subprocess
import time

LIVE_SECONDS = 60  # give up after that
OPEN_RATE = 1_000

# The route that the new file has and the old one has not.
NEW_ROUTE = '\n[[route]]\nnames = ["blog.example.com"]\nbackend = "tested"\n'


def measure(bed, load, contender, setup, rounds):
    values = {}
    for _ in range(rounds):
        router = contender.start(bed, setup)
        once = {"start_s": router.start_seconds}
        try:
            once |= reload(router, load)
        finally:
            contender.stop(bed, router)
        for metric, value in once.items():
            values.setdefault(metric, []).append(value)
    bed.stop()
    return values


def reload(router, load):
    load.run("closed", router, "600", count=200)
    stall = quiet_reload(router, load)
    memory, cpu = router.process.user_memory(), router.process.cpu_ns()
    clients = start_clients(router, load)
    begin = time.monotonic()
    with open(router.folder / "snipass.toml", "a", encoding="ascii") as file:
        file.write(NEW_ROUTE)
    router.process.signal(signal.SIGHUP)
    wait_until_live(router, load, begin)
    live = time.monotonic() - begin
    time.sleep(1)  # the old table goes while clients still come
    seen = stop_clients(clients)
    cpu = router.process.cpu_ns() - cpu

    # The same without a reload: what those who look for the new table cost the clients is in both.
    clients = start_clients(router, load)
    begin = time.monotonic()
    while time.monotonic() - begin < live:
        load.run("closed", router, "another name", count=1)
        time.sleep(0.02)
    time.sleep(1)
    quiet = stop_clients(clients)
    if seen["failed"] or quiet["failed"]:
        raise RuntimeError(f"clients were lost: in the reload {seen}, in quiet {quiet}")
    a_thousand = 1000 / seen["completed"], 1000 / quiet["completed"]
    return {"live_s": live, "more_wait_ms": (seen["max_us"] - quiet["max_us"]) / 1000, "cpu_s": cpu / 1e9, "slow": seen["slow"] * a_thousand[0], "quiet_slow": quiet["slow"] * a_thousand[1], "quiet_max_us": quiet["max_us"], "quiet_p999_us": quiet["p999_us"],
            "reload_max_us": seen["max_us"], "reload_p999_us": seen["p999_us"], "memory_mb": memory / 1e6,
            "reload_peak_mb": router.process.peak_memory() / 1e6, "stall_ms": stall}


def quiet_reload(router, load):
    """Milliseconds of CPU time that the threads which serve clients spend on a reload: a client can wait so long at most,
    whatever else the machine does. The table that it loads is the old one."""
    before = router.process.cpu_ns(without_main=True)
    cpu = router.process.cpu_ns()
    router.process.signal(signal.SIGHUP)
    while True:  # until nothing happens any more but a look at the workers now and then
        time.sleep(0.3)
        if router.process.cpu_ns() - cpu < 3_000_000:
            return (router.process.cpu_ns(without_main=True) - before) / 1e6
        cpu = router.process.cpu_ns()


def start_clients(router, load):
    command = load.command("open", router, "600", rate=OPEN_RATE, ms=1000 * LIVE_SECONDS)
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def stop_clients(clients):
    clients.send_signal(signal.SIGTERM)
    output, _ = clients.communicate(timeout=30)
    return json.loads(output)


def wait_until_live(router, load, begin):
    while not load.run("closed", router, "another name", may_fail=True, count=1)["completed"]:
        if time.monotonic() - begin > LIVE_SECONDS:
            raise TimeoutError("the new table does not come")
        time.sleep(0.02)
