# SPDX-License-Identifier: BSL-1.0
"""docs/scaling.md: two machines with routers and one address, BIRD that says who has it, and a machine in front with a resilient group of next
hops, by examples/ecmp. One machine is withdrawn under load and comes back; one dies."""

import contextlib
import json
import pathlib
import subprocess
import threading
import time
import unittest

from harness import machines, namespace, wait_until
from harness.machines import ADDRESS

EXAMPLES = pathlib.Path(__file__).resolve().parents[2] / "examples/ecmp"
IDLE = 120  # seconds in which nothing comes for a bucket before it may move


class Machine(machines.Machine):
    """With the address, a router, its backend and BIRD."""

    def __init__(self, case, number, name):
        super().__init__(case, name, f"10.0.{number}.1", f"10.0.{number}.2", "10.0.9.0/24")
        self.inside(lambda: self._ip(f"addr add {ADDRESS}/32 dev lo"))
        self.start_router(ADDRESS)
        text = (EXAMPLES / "router.conf").read_text()
        (self.folder / "bird.conf").write_text(text.replace("10.0.1.1", f"10.0.{number}.1"))
        self.control = self.folder / "bird.ctl"
        self.inside(lambda: bird(case, self.folder / "bird.conf", self.control))

    def birdc(self, *words):
        subprocess.run(["birdc", "-s", self.control, *words], check=True, capture_output=True)


def bird(case, configuration, control):
    case.run_program(["bird", "-f", "-c", configuration, "-s", control])


class Scaling(machines.Visited):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for key, value in (("ip_forward", 1), ("fib_multipath_hash_policy", 1)):
            pathlib.Path("/proc/sys/net/ipv4", key).write_text(f"{value}\n")
        made = [subprocess.run(["ip", "nexthop", *words.split()], capture_output=True, text=True, check=False) for words in
                ("add id 1 dev lo", "add id 2 group 1 type resilient buckets 4", "del id 2", "del id 1")]
        if made[1].returncode:
            raise unittest.SkipTest(f"no resilient groups of next hops here: {made[1].stderr}")

    def setUp(self):
        super().setUp()
        self.client = namespace.Neighbour("client", "10.0.9.1", "10.0.9.2", f"{ADDRESS}/32")
        self.addCleanup(self.client.close)
        self.machines = [Machine(self, 1, "one"), Machine(self, 2, "two")]
        self.one, self.two = self.machines
        bird(self, EXAMPLES / "spreader.conf", self.folder / "bird.ctl")
        self.mirror = self.run_program([EXAMPLES / "resilient-next-hops", "--buckets", 1024, "--idle", IDLE, ADDRESS])
        self.wait_for_hops(2)

    def hops(self):
        found = subprocess.run(["ip", "-json", "route", "show", ADDRESS], capture_output=True, text=True, check=False).stdout
        routes = json.loads(found or "[]")
        return {hop["gateway"] for route in routes for hop in route.get("nexthops", [route]) if "gateway" in hop}

    def wait_for_hops(self, count):
        try:
            wait_until(lambda: len(self.hops()) == count, "")
        except AssertionError:
            controls = [self.folder / "bird.ctl", *(machine.control for machine in self.machines)]
            told = [subprocess.run(words, capture_output=True, text=True, check=False).stdout for words in
                    (*(["birdc", "-s", control, "show", "protocols"] for control in controls), ["ip", "route", "show", "table", "all"])]
            raise AssertionError(f"{count} machines should have the address:\n" + "\n".join((*told, *self.mirror.lines))) from None

    def machine_of_a_new_client(self):
        with self.visit() as client:
            port = client.getsockname()[1]
            return wait_until(lambda: next((machine for machine in self.machines if port in machine.ports()), None), "a backend tells of it")

    def staying(self, count):
        """So many clients that stay, by the machine that has them."""
        clients = [self.keep_open(self.visit()) for _ in range(count)]
        ports = {client.getsockname()[1]: client for client in clients}
        wait_until(lambda: ports.keys() <= self.one.ports() | self.two.ports(), "their backends have told of them")
        by_machine = [[client for port, client in ports.items() if port in machine.ports()] for machine in self.machines]
        self.assertTrue(all(by_machine), "each machine has its part")
        return by_machine

    @contextlib.contextmanager
    def load(self, clients):
        """Short clients all the time, and those who stay say something again and again. Gives the failures of the short ones."""
        stop, failures, lost, served = threading.Event(), [], [], []

        def come():
            while not stop.wait(0.01):
                try:
                    self.visit().close()
                    served.append(1)
                except (OSError, AssertionError, EOFError) as problem:
                    failures.append(repr(problem))

        def stay():
            while not stop.wait(0.2):
                lost.extend(client for client in list(clients) if client not in lost and not self.is_served(client))

        threads = [threading.Thread(target=one) for one in (come, come, come, stay)]
        for thread in threads:
            thread.start()
        try:
            yield failures
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        self.assertEqual(len(lost), 0, "\n".join(("of those that another machine has nobody is lost", *self.mirror.lines)))
        print(f"{len(served)} short clients were served meanwhile, {len(failures)} were cut off: {failures[:3]}")

    def test_a_machine_that_is_withdrawn_costs_its_own_clients_and_none_of_another_s_when_it_goes_and_when_it_comes_back(self):
        of_one, of_two = self.staying(40)
        with self.load(of_two) as failures:
            self.one.birdc("disable", "snipass")
            self.wait_for_hops(1)
            failures.clear()  # those on their way to it
            self.assertEqual([client for client in of_one if self.is_served(client)], [], "they come to a machine that does not know them")
            self.assertEqual({self.machine_of_a_new_client() for _ in range(20)}, {self.two})
            # Half of these would be the other machine's, if all were dealt anew.
            of_two += [self.keep_open(self.visit()) for _ in range(20)]
            self.one.birdc("enable", "snipass")
            self.wait_for_hops(2)
            wait_until(lambda: self.machine_of_a_new_client() is self.one, "it gets clients again")
            self.assertEqual(failures, [])
        self.assertEqual([client for client in of_two if not self.is_served(client)], [], "\n".join(self.mirror.lines))

    def test_a_machine_that_dies_is_noticed_and_new_clients_are_served_by_another(self):
        _, of_two = self.staying(40)
        with self.load(of_two):
            self.one.cut_off()
            began = time.monotonic()
            self.wait_for_hops(1)
            print(f"noticed after {time.monotonic() - began:.1f} s")
            self.assertEqual({self.machine_of_a_new_client() for _ in range(20)}, {self.two})


if __name__ == "__main__":
    namespace.run_in_namespace()
