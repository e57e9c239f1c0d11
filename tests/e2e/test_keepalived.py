# SPDX-License-Identifier: BSL-1.0
"""docs/scaling.md: two machines with routers on one network, and an address that keepalived moves between them, by examples/keepalived. The machine
that has it dies under load and comes back; its router alone ends."""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import threading
import time
import unittest

from harness import machines, namespace, wait_until
from harness.machines import ADDRESS

EXAMPLE = (pathlib.Path(__file__).resolve().parents[2] / "examples/keepalived/keepalived.conf").read_text()
# On a machine that has no time for keepalived the example's would move the address where nothing has happened. SNIPASS_MEASURE=1 leaves them.
PATIENCE = () if os.environ.get("SNIPASS_MEASURE") else (("advert_int 0.3", "advert_int 1"), ("fall 2", "fall 4"))


class Machine(machines.Machine):
    """With a router, its backend and keepalived."""

    def __init__(self, case, number, priority):
        super().__init__(case, f"m{number}", "192.0.2.254", f"192.0.2.1{number}")
        self.plug_into("switch")
        self.start_router("*", '[metrics]\naddress = "127.0.0.1:9145"')
        text = EXAMPLE
        for theirs, ours in (("interface eth0", f"interface {self.interface}-far"), ("priority 150", f"priority {priority}"), *PATIENCE):
            assert theirs in text
            text = text.replace(theirs, ours)
        (self.folder / "keepalived.conf").write_text(text)
        self.start_keepalived()

    def start_keepalived(self):
        words = ["keepalived", "--dont-fork", "--log-console", "--log-detail", "--vrrp", "--use-file", self.folder / "keepalived.conf",
                 "--pid", self.folder / "keepalived.pid", "--vrrp_pid", self.folder / "vrrp.pid"]
        self.keepalived = self.inside(lambda: self.case.run_program(words))

    def has_the_address(self):
        shown = self.inside(lambda: subprocess.run(["ip", "-json", "addr", "show", f"{self.interface}-far"], capture_output=True, text=True, check=True).stdout)
        return any(one["local"] == ADDRESS for link in json.loads(shown) for one in link["addr_info"])

    def die(self):
        """It is cut off, and what ran has gone."""
        self.cut_off()
        self.keepalived.signal(signal.SIGTERM)
        self.keepalived.wait()

    def boot(self):
        self.inside(lambda: subprocess.run(["nft", "delete table inet gone"], check=True))
        self.start_keepalived()
        self.keepalived.wait_for(lambda me: [line for line in me.lines if "Entering BACKUP STATE" in line], "it waits for its turn")


@unittest.skipUnless(shutil.which("keepalived", path="/usr/sbin:/usr/bin"), "no keepalived here")
class Keepalived(machines.Visited):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        made = subprocess.run("ip link add probe type bridge && ip link del probe", shell=True, capture_output=True, text=True, check=False)
        if made.returncode:
            raise unittest.SkipTest(f"no bridges here: {made.stderr}")

    def setUp(self):
        super().setUp()
        subprocess.run("ip link add switch type bridge && ip link set switch up", shell=True, check=True)
        self.addCleanup(subprocess.run, ["ip", "link", "del", "switch"], check=False)
        self.client = namespace.Neighbour("client", "192.0.2.254", "192.0.2.20")
        self.addCleanup(self.client.close)
        self.client.plug_into("switch")
        self.one = Machine(self, 1, 150)
        wait_until(self.one.has_the_address, "the first machine has the address")
        self.two = Machine(self, 2, 100)
        self.two.keepalived.wait_for(lambda me: [line for line in me.lines if "Entering BACKUP STATE" in line], "the other waits for its turn")

    def staying(self, machine, count=10):
        clients = [self.keep_open(self.visit()) for _ in range(count)]
        wait_until(lambda: {one.getsockname()[1] for one in clients} <= machine.ports(), "that machine has them")
        return clients

    def served(self, clients):
        for one in clients:
            one.settimeout(0.5)
        return [one for one in clients if self.is_served(one)]

    def gap(self, event):
        """How long nobody new is served around what `event` does, in seconds, and how many tries failed."""
        stop, gone = threading.Event(), []

        def come():
            while not stop.is_set():
                try:
                    self.visit(patience=0.25).close()
                    gone.append((time.monotonic(), True))
                except (OSError, AssertionError, EOFError):
                    gone.append((time.monotonic(), False))
                    stop.wait(0.05)

        threads = [threading.Thread(target=come) for _ in range(3)]
        for thread in threads:
            thread.start()
        try:
            wait_until(lambda: sum(good for _, good in gone) > 20, "clients are served")
            began = time.monotonic()
            event()
            wait_until(self.two.has_the_address, "the other machine has the address")
            known = self.two.ports()
            wait_until(lambda: len(self.two.ports() - known) > 20, "it serves")
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        good = sorted(at for at, was_good in gone if was_good)
        longest = max(after - before for before, after in zip(good, good[1:]) if after > began)
        return longest, sum(not was_good for _, was_good in gone)

    def test_a_machine_that_dies_loses_its_clients_and_new_ones_are_served_by_the_other(self):
        of_one = self.staying(self.one)
        longest, failed = self.gap(self.one.die)
        print(f"nobody new was served for {longest:.1f} s; {failed} tries of 0.25 s failed")
        self.assertEqual(self.served(of_one), [], "they come to a machine that does not know them")
        of_two = self.staying(self.two)
        self.one.boot()  # who has the address keeps it
        self.staying(self.two)
        self.assertFalse(self.one.has_the_address())
        self.assertEqual(len(self.served(of_two)), len(of_two))

    def test_a_router_that_ends_gives_the_address_up(self):
        longest, failed = self.gap(lambda: self.one.router.terminate())
        print(f"nobody new was served for {longest:.1f} s; {failed} tries of 0.25 s failed")
        self.assertFalse(self.one.has_the_address())


if __name__ == "__main__":
    namespace.run_in_namespace()
