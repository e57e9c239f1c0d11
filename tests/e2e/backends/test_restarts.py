# SPDX-License-Identifier: BSL-1.0
"""No client is lost when a backend restarts: an open loop of full TLS handshakes, while the backend behind the router is stopped,
killed, hung and upgraded, in turn. SNIPASS_LONG=1: fifty times each, at 200 clients a second.

A client may fail only if a process that was killed with -9 had acknowledged it: `acknowledged` says who that is.
"""
import collections
import contextlib
import datetime
import json
import os
import random
import signal
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from harness import main  # noqa: E402
from harness.backend_case import BackendCase, can_connect, is_gone  # noqa: E402
from harness.places import BUILD  # noqa: E402
from harness.process import wait_until  # noqa: E402
from harness.router import SiteRouter  # noqa: E402
from test_nginx import configuration_of  # noqa: E402

HERE = Path(__file__).resolve().parent
ROUNDS, RATE = (50, 200) if os.environ.get("SNIPASS_LONG") else (1, 60)
ACK_TIMEOUT = 0.5
# As many as come while they are held: the rate times the hold, and more for a machine that is slow.
BACKEND = f'ack_timeout = "{ACK_TIMEOUT * 1000:.0f}ms"\nmax_pending = 20000'
PAUSE = 0.4  # between two blows, and how long the backend is away
Kill = collections.namedtuple("Kill", "pid begun successor")


class Server:
    """A backend as an administrator has it: a process that is started, stopped, killed, hung and upgraded."""
    can_be_upgraded = True

    def __init__(self, case):
        self.case = case
        self.process = self.started()

    def started(self):
        return self.case.start(*self.command(), log="backend.log")

    def start(self):
        self.process = self.started()
        self.wait_until_up()

    def wait_until_up(self):
        self.case.wait_for_socket()

    def signal(self, number):
        self.process.send_signal(number)

    def stop(self):
        self.signal(signal.SIGTERM)
        self.case.assertEqual(self.process.wait(60), 0)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def upgrade(self):
        old = self.process
        self.process = self.started()
        self.wait_until_up()
        old.send_signal(signal.SIGTERM)
        self.case.assertEqual(old.wait(60), 0)


class Acknowledging(Server):
    """acknowledging_backend.py."""

    def command(self):
        self.log = self.case.folder / "acknowledged.log"
        return [sys.executable, HERE / "acknowledging_backend.py", self.case.socket, self.case.certificate, self.case.key, self.log]

    def wait_until_up(self):
        # The path is there all the time, and the process before may be behind it.
        wait_until(lambda: self.case.socket_owner() == self.process.pid, "the new process's socket")

    def acknowledged(self, router):
        """By its own log: client -> times of ACKs that were not too late, with the process."""
        found = collections.defaultdict(list)
        for line in self.log.read_text().splitlines():
            when, what, pid, client = line.split()
            if what == "ack":
                found[client].append((float(when), int(pid)))
            elif what == "back":
                found[client].pop()
        return found


class ByRoutersLog(Server):
    def acknowledged(self, router):
        """By the router's log: it has the ACK of whoever it says is handed off."""
        found = collections.defaultdict(list)
        for line in router.events:
            if line.get("outcome") == "handed_off":
                when = datetime.datetime.fromisoformat(line["time"].replace("Z", "+00:00")).timestamp()
                found[line["client"]].append((when, None))
        return found


class Library(ByRoutersLog):
    """examples/library_backend, which is libsnipass. To be upgraded it listens at another path, which is renamed."""

    def command(self):
        self.number = getattr(self, "number", 0) + 1
        self.path = self.case.folder / f"new{self.number}.sock"
        return [BUILD / "examples" / "library_backend", self.path, self.case.certificate, self.case.key]

    def wait_until_up(self):
        self.case.wait_for_socket(self.path)
        self.path.rename(self.case.socket)


class SecondRouter(ByRoutersLog):
    """Another snipass, in front of a backend that stays. Nothing takes over from it while it is there, so it is not upgraded."""
    can_be_upgraded = False
    CONFIGURATION = """
[[listener]]
address = "handoff:{front}"
[backend.last]
handoff = "unix:{last}"
[default]
backend = "last"
"""

    def __init__(self, case):
        last = case.folder / "last.sock"
        case.start(BUILD / "examples" / "library_backend", last, case.certificate, case.key, log="last.log")
        self.file = case.folder / "second.toml"
        self.file.write_text(self.CONFIGURATION.format(front=case.socket, last=last))
        super().__init__(case)

    def command(self):
        return [BUILD / "snipass", "run", "--config", self.file]


class Nginx(ByRoutersLog):
    """Debian's nginx under snipass-run, with two workers; upgraded as nginx is: USR2, QUIT."""
    port, listen = "443", "listen 443 ssl; listen [::]:443 ssl;"

    def command(self):
        configuration = self.case.folder / "nginx.conf"
        configuration.write_text(configuration_of(self.case.folder, self.listen))
        self.pid_file = self.case.folder / "nginx.pid"
        return [BUILD / "snipass-run", self.case.socket, "--listen", self.port, "--", "/usr/sbin/nginx", "-p", self.case.folder,
                "-e", self.case.folder / "error.log", "-c", configuration]

    def started(self):
        self.case.folder.chmod(0o777)
        process = super().started()
        self.case.assertEqual(process.wait(30), 0)  # the master is in the background
        self.case.addCleanup(self.kill_groups)
        self.case.addCleanup(self.case._show_log, self.case.folder / "error.log")
        return process

    def master(self):
        with contextlib.suppress(FileNotFoundError, ValueError):
            return int(self.pid_file.read_text())

    def wait_until_up(self):
        # Debian's nginx writes its file before it has a session of its own.
        self.group = wait_until(lambda: self.master() if self.master() and os.getpgid(self.master()) == self.master() else None,
                              "nginx in the background")
        self.case.wait_for_socket()

    def signal(self, number):
        os.killpg(self.group, number)

    def stop(self):
        master = self.master()
        os.kill(master, signal.SIGQUIT)
        wait_until(lambda: is_gone(master), "nginx to end", 60)

    def kill(self):
        self.signal(signal.SIGKILL)
        wait_until(lambda: not can_connect(self.case.socket), "nginx to be dead")
        self.pid_file.unlink(missing_ok=True)

    def upgrade(self):
        old = self.master()
        os.kill(old, signal.SIGUSR2)
        wait_until(lambda: self.master() not in (None, old), "the new master")
        new = self.master()
        wait_until(lambda: len(Path(f"/proc/{new}/task/{new}/children").read_text().split()) == 2, "its workers")
        os.kill(old, signal.SIGQUIT)
        wait_until(lambda: is_gone(old), "the old master to end", 60)

    def kill_groups(self):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.group, signal.SIGKILL)


class Restarts(BackendCase):
    rate = RATE

    def test_a_backend_that_logs_its_acks(self):
        self.check(Acknowledging)

    def test_libsnipass(self):
        self.check(Library)

    def test_nginx(self):
        self.check(Nginx)

    def test_a_second_router(self):
        self.check(SecondRouter)

    def socket_owner(self):
        """The process behind the path, by the kernel's word."""
        with socket.socket(socket.AF_UNIX) as s, contextlib.suppress(OSError):
            s.connect(str(self.socket))
            return struct.unpack("3i", s.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[0]

    def site(self):
        return SiteRouter(self.folder, self.socket, hold="30s", backend=BACKEND)

    def check(self, kind):
        self.server = kind(self)
        self.server.wait_until_up()
        self.kills, self.story, self.counts = [], [], collections.Counter()
        blows = [self.restart, self.kill, self.hang, self.hang_and_replace, *([self.upgrade] if kind.can_be_upgraded else [])]
        with self.site() as router:
            load = subprocess.Popen([sys.executable, HERE / "open_loop.py", str(router.address[1]), self.certificate, str(self.rate)],
                                    stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            try:
                time.sleep(1)
                for _ in range(ROUNDS):
                    for blow in blows:
                        self.story.append((time.time(), blow.__name__))
                        blow()
                        self.counts[blow.__name__] += 1
                        time.sleep(random.uniform(PAUSE / 2, PAUSE))
            finally:
                result = json.loads(load.communicate()[0])
        acknowledged = self.server.acknowledged(router)
        excused = [f for f in result["failures"] if self.was_killed_with(f, acknowledged)]
        lost = [f for f in result["failures"] if f not in excused]
        by_killed = sum(1 for times in acknowledged.values() for when, pid in times
                        if any(-2 < when - kill.begun and when < kill.successor and pid in (None, kill.pid) for kill in self.kills))
        print(f"\n{kind.__name__}: {dict(self.counts)}; {result['clients']} clients in {result['seconds']:.0f} s, {result['served']} "
              f"served, {len(result['failures'])} failed, of whom {len(excused)} were acknowledged by a process killed with -9 "
              f"({by_killed} were acknowledged in the two seconds before a kill); median {result['median'] * 1000:.1f} ms, p99 "
              f"{result['p99'] * 1000:.0f} ms, longest {result['longest']:.1f} s; latest start {result['latest_start']:.2f} s",
              file=sys.stderr)
        self.assertEqual(len(lost), 0, "\n".join(self.told(failure, router.events) for failure in lost[:10]))
        self.assertEqual(result["served"] + len(excused), result["clients"])

    def was_killed_with(self, failure, acknowledged):
        """The client was acknowledged by a process that was killed before the client had its answer. Until its successor starts
        there is no other who could have: the router may read an ACK when its sender is dead. Its log has milliseconds."""
        return any(failure["started"] - 0.001 <= when <= kill.successor and kill.begun <= failure["ended"] and pid in (None, kill.pid)
                   for when, pid in acknowledged.get(failure["client"], ()) for kill in self.kills)

    def told(self, failure, log):
        """What is known of a client that was lost."""
        blows = [(f"{at - failure['started']:+.3f}", what) for at, what in self.story + [(kill.begun, "killed") for kill in self.kills]
                 if -3 < at - failure["started"] < failure["ended"] - failure["started"] + 1]
        lines = [line for line in log if line.get("client") == failure["client"]]
        return (f"{failure['client']} started {failure['started']:.3f} failed {failure['ended'] - failure['started']:+.3f}: "
                f"{failure['problem']}; {blows}; {lines}")

    # --- blows

    def restart(self):
        self.server.stop()
        time.sleep(PAUSE)
        self.server.start()

    def kill(self):
        pid, begun = self.server.process.pid, time.time()
        self.server.kill()
        time.sleep(PAUSE)
        self.kills.append(Kill(pid, begun, time.time()))
        self.server.start()

    def hang(self):
        self.server.signal(signal.SIGSTOP)
        time.sleep(PAUSE + 2 * ACK_TIMEOUT)
        self.server.signal(signal.SIGCONT)

    def hang_and_replace(self):
        self.server.signal(signal.SIGSTOP)
        time.sleep(PAUSE + 2 * ACK_TIMEOUT)
        self.kill()

    def upgrade(self):
        self.server.upgrade()


if __name__ == "__main__":
    main()
