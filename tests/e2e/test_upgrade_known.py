# SPDX-License-Identifier: BSL-1.0
"""What the next process does not have to find out anew: where backends are and which of their addresses fail, what was counted, who waits at
a listener for handoffs, what lies in a backend's queue, what the log has. docs/upgrade.md

The file runs in a network and mount namespace of its own, with its own resolv.conf and DNS server on port 53.
"""

import json
import os
import socket
import threading
import urllib.request

from harness import DEADLINE, client_hello, handoff_sender, read_all, read_exactly, wait_until
from harness.case import HEAD
from harness.namespace import Resolver, run_in_namespace
from test_upgrade import HELLO, STATE, Generations

BLOG = client_hello("blog.example.com")


class Addresses(Generations):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.resolver = Resolver()

    def to(self, addresses, rest):
        listed = ", ".join(f'"{one}"' for one in addresses)
        self.configuration = f'\n[[route]]\nnames = ["far.example.com"]\nbackend = "far"\n[backend.far]\nproxy = [{listed}]\n{rest}\n'

    def served(self, router):
        """One client, relayed to self.far."""
        client, backend = self.pair(router)
        client.close()
        backend.close()

    def test_what_is_ejected_stays_so_and_is_probed_when_its_time_has_come(self):
        port = self.far.getsockname()[1]
        self.to([f"127.0.0.2:{port}", f"127.0.0.1:{port}"], 'eject_after = 1\ncheck_interval = "1h"')
        first = self.start()
        self.served(first)
        first.wait_for(lambda router: [e for e in router.events if e.get("message") == "an address is ejected"], "the first address fails")
        with socket.create_server(("127.0.0.2", port)) as back:
            back.setblocking(False)
            second = self.restart(first)
            self.served(second)
            self.assertEqual(second.session(outcome="proxied")["address"], f"127.0.0.1:{port}")
            with self.assertRaises(BlockingIOError):
                back.accept()
        self.assertEqual([e for e in second.events if "address is" in e.get("message", "")], [])

    def test_a_name_is_asked_for_again_when_its_time_has_come(self):
        self.resolver.answers["back.test"] = ["127.0.0.1"]
        self.to([f"back.test:{self.far.getsockname()[1]}"], 'resolve_interval = "1h"')
        first = self.start()
        self.served(first)
        self.resolver.answers["back.test"] = "stall"
        self.resolver.asked.clear()
        second = self.restart(first)
        self.served(second)
        self.assertEqual(self.resolver.asked, [])
        self.assertEqual([e for e in second.events if e.get("message") == "resolved"], [])

    def test_an_old_answer_is_used_while_it_is_asked_for_again(self):
        self.resolver.answers["back.test"] = ["127.0.0.1"]
        self.to([f"back.test:{self.far.getsockname()[1]}"], 'resolve_interval = "1s"')
        first = self.start()
        self.served(first)
        self.resolver.answers["back.test"] = "stall"
        kept = self.leave(first)
        self.resolver.asked.clear()
        second = self.take_over(kept)
        wait_until(lambda: self.resolver.asked, "it is asked for again")
        self.served(second)


class Counters(Generations):
    def test_they_go_on(self):
        self.head = '[metrics]\naddress = "127.0.0.1:0"\n' + HEAD
        first = self.start()
        for _ in range(3):
            client, backend = self.pair(first)
            client.close()
            backend.close()
        first.wait_counted(proxied=3)
        client, backend = self.pair(first)
        waiting = self.connect(first, HELLO[:100])
        first.wait_counted(accepted=5)
        second = self.restart(self.restart(first))
        second.wait_counted(accepted=5, proxied=3)
        self.assertEqual(self.scraped(second), {"accepted": 5, "in_flight": 2, "proxied": 3, "of_far": 3})
        client.close()
        backend.close()
        waiting.close()
        second.wait_counted(accepted=5, proxied=4, client_closed=1)
        self.assertEqual(self.scraped(second), {"accepted": 5, "in_flight": 0, "proxied": 4, "of_far": 4})

    def scraped(self, router):
        at = router.wait_for(lambda one: [e["at"] for e in one.events if e.get("message") == "metrics"], "the address of metrics")[-1]
        with urllib.request.urlopen(f"http://{at}/metrics", timeout=DEADLINE) as answer:
            lines = dict(line.rsplit(" ", 1) for line in answer.read().decode().splitlines() if not line.startswith("#"))
        names = {"accepted": "snipass_accepted_clients_total", "in_flight": "snipass_in_flight_clients",
                 "proxied": 'snipass_sessions_total{listener="127.0.0.1:0",outcome="proxied"}',
                 "of_far": 'snipass_backend_sessions_total{backend="far",outcome="proxied"}'}
        return {key: int(lines[name]) for key, name in names.items()}

    def test_a_client_that_nobody_goes_on_with_is_in_flight_no_more(self):
        self.head = '[metrics]\naddress = "127.0.0.1:0"\n' + HEAD + '[[listener]]\naddress = "127.0.0.2:0"\n'
        first = self.start()
        waiting = self.connect(first, HELLO[:100], host="127.0.0.2", listener="127.0.0.2:0")
        first.wait_counted(accepted=1)
        self.head = '[metrics]\naddress = "127.0.0.1:0"\n' + HEAD
        second = self.restart(first)
        self.assertEqual(read_all(waiting), (b"", "reset"))
        scraped = self.scraped(second)
        self.assertEqual((scraped["accepted"], scraped["in_flight"]), (1, 0))


class Handoffs(Generations):
    """A router behind another one."""

    def setUp(self):
        super().setUp()
        self.path = str(self.folder / "in.sock")
        self.head = f'[log]\nformat = "json"\n[server]\nworkers = 2\n[[listener]]\naddress = "handoff:{self.path}"\n'
        self.configuration += '\n[default]\nbackend = "far"\n'

    def served(self, *clients):
        """All get to the backend, whose answer gets to them."""
        for _ in clients:
            backend, _ = self.far.accept()
            backend.settimeout(DEADLINE)
            self.addCleanup(backend.close)
            self.assertEqual(read_exactly(backend, len(BLOG)), BLOG)
            backend.sendall(b"served")
        for client in clients:
            self.assertEqual(read_exactly(client, 6), b"served")

    def client(self):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            far = socket.create_connection(listener.getsockname(), DEADLINE)
            near = listener.accept()[0]
        self.addCleanup(far.close)
        self.addCleanup(near.close)
        far.sendall(BLOG)
        return far, near

    def offered(self):
        """One handoff by each protocol, to whoever serves next: the clients, and what becomes of the first."""
        outcomes = []
        far, near = self.client()
        thread = threading.Thread(target=lambda: outcomes.append(handoff_sender.offer(self.path, near, patience=DEADLINE)))
        thread.start()
        self.addCleanup(thread.join)
        other, of_other = self.client()
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
            channel.connect(f"{self.path}.datagram")
            handoff_sender.send_with(channel, handoff_sender.whole_record(of_other), [of_other])
        of_other.close()
        return far, other, thread, outcomes

    def test_who_is_handed_over_between_two_processes_is_served_by_the_next(self):
        first = self.start()
        kept = self.leave(first)
        files = [os.stat(f"{self.path}{suffix}").st_ino for suffix in ("", ".datagram")]
        far, other, thread, outcomes = self.offered()
        second = self.take_over(kept)
        self.served(far, other)
        thread.join()
        self.assertEqual(outcomes, ["taken"])
        self.assertEqual(files, [os.stat(f"{self.path}{suffix}").st_ino for suffix in ("", ".datagram")])
        self.assertEqual(second.counters()["accepted"], 2)

    def test_a_start_that_fails_leaves_the_sockets_where_they_are(self):
        first = self.start()
        kept = self.leave(first)
        far, other, thread, _ = self.offered()
        good, self.configuration = self.configuration, self.configuration + '\n[[listener]]\naddress = "192.0.2.1:1"\n'  # not this machine's
        self.assertEqual(self.start(kept, [STATE], ready=False).wait(), 1)
        self.configuration = good
        self.take_over(kept)
        self.served(far, other)
        thread.join()

    def test_a_file_that_somebody_has_removed_is_made_anew(self):
        first = self.start()
        kept = self.leave(first)
        os.unlink(self.path)
        self.take_over(kept)
        far, near = self.client()
        self.assertEqual(handoff_sender.offer(self.path, near, patience=DEADLINE), "taken")
        self.served(far)


class Channels(Generations):
    def test_what_lies_in_the_queue_of_a_datagram_backend_stays_there(self):
        self.configuration = '\n[default]\nbackend = "blog"\n' + self.backend("blog", protocol="datagram")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as queue:
            queue.bind(str(self.folder / "blog.sock"))
            queue.settimeout(DEADLINE)
            first = self.start()
            clients = [self.connect(first, BLOG) for _ in range(3)]
            first.sessions(3, outcome="handed_off")
            second = self.restart(first)
            clients.append(self.connect(second, BLOG))
            for _ in clients:
                hello, descriptors, _, _ = socket.recv_fds(queue, 65536, 1)
                self.assertEqual(hello, BLOG)
                with socket.socket(fileno=descriptors[0]) as taken:
                    taken.sendall(b"served")
        for client in clients:
            self.assertEqual(read_all(client), (b"served", "fin"))


class Log(Generations):
    def test_each_client_has_one_line_in_the_file(self):
        file = self.folder / "sessions.log"
        self.head = HEAD.replace("[log]", f'[log]\nfile = "{file}"')
        router = self.start()
        names = []
        for number in range(12):
            client, backend = self.pair(router)
            names.append("%s:%d" % client.getsockname())
            client.close()
            backend.close()
            if number % 3 == 1:
                router = self.restart(router)

        def written():
            return [json.loads(line)["client"] for line in file.read_text().splitlines()]
        wait_until(lambda: len(written()) == len(names), f"a line for each: {written()}")
        self.assertEqual(sorted(written()), sorted(names))


if __name__ == "__main__":
    run_in_namespace()
