# SPDX-License-Identifier: BSL-1.0
"""The installed units under a real systemd. Run by scripts/systemd-test, inside the machine that it boots."""

import grp
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

from harness import DEADLINE, Case, Receiver, client_hello, curl, read_exactly, wait_until  # noqa: E402
from harness.load import Load  # noqa: E402

CONFIGURATION = pathlib.Path("/etc/snipass/snipass.toml")
BACKENDS = pathlib.Path("/run/backends")
DROP_IN = pathlib.Path("/run/systemd/system/snipass.service.d/test.conf")
HELLO = client_hello("raw.example.com")
RESTARTS = 100 if os.environ.get("SNIPASS_LONG") else 5

TEXT = """
[log]
format = "json"
[[listener]]
address = "systemd:https"
[[route]]
names = ["blog.example.com"]
backend = "blog"
[[route]]
names = ["raw.example.com"]
backend = "raw"
[[route]]
names = ["proxied.example.com"]
backend = "proxied"
[backend.blog]
handoff = "unix:/run/backends/blog.sock"
[backend.raw]
handoff = "unix:/run/backends/raw.sock"
[backend.proxied]
proxy = ["localhost:{port}"]
"""


def systemctl(*words, check=True):
    result = subprocess.run(["systemctl", *words], capture_output=True, text=True, timeout=2 * DEADLINE, check=False)
    if check and result.returncode != 0:
        status = subprocess.run(["systemctl", "status", "--no-pager", "--full", "snipass.socket", *words[1:]],
                                capture_output=True, text=True, check=False)
        raise AssertionError(f"systemctl {words}: {result.stderr}{status.stdout}")
    return result


def show(unit, key):
    return systemctl("show", "--value", "--property", key, unit).stdout.strip()


def main_pid():
    return int(show("snipass.service", "MainPID"))


class Units(Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        subprocess.run(["systemd-sysusers"], check=True, capture_output=True)
        # As docs tell an admin: a folder and sockets that the group snipass may use, and nobody else.
        BACKENDS.mkdir(mode=0o750)
        group = grp.getgrnam("snipass").gr_gid
        os.chown(BACKENDS, 0, group)
        cls.receivers = {}
        for name, serve in (("blog", "https"), ("raw", "raw")):
            path = BACKENDS / f"{name}.sock"
            cls.receivers[name] = Receiver(path, name, cls.certificate, cls.key, serve=serve)
            cls.addClassCleanup(cls.receivers[name].stop)
            os.chown(path, 0, group)
            os.chmod(path, 0o660)
        proxied = Receiver(BACKENDS / "unused", "proxied", cls.certificate, cls.key, protocol="tcp")
        cls.addClassCleanup(proxied.stop)
        cls.text = TEXT.format(port=proxied.port)

    def setUp(self):
        super().setUp()
        CONFIGURATION.write_text(self.text)
        systemctl("daemon-reload")
        self.addCleanup(self.reset)

    def reset(self):
        if any(sys.exc_info()) or self._outcome.result.failures or self._outcome.result.errors:
            print(subprocess.run(["journalctl", "--no-pager", "--lines=40", "--unit=snipass.service"], capture_output=True, text=True, check=False).stdout)
        systemctl("stop", "snipass.socket", "snipass.service", check=False)
        systemctl("reset-failed", check=False)
        shutil.rmtree(DROP_IN.parent, ignore_errors=True)

    def drop_in(self, text):
        DROP_IN.parent.mkdir(parents=True, exist_ok=True)
        DROP_IN.write_text(f"[Service]\n{text}\n")
        systemctl("daemon-reload")

    def visit(self, host="127.0.0.1"):
        with socket.create_connection((host, 443), DEADLINE) as client:
            client.sendall(HELLO)
            self.assertEqual(read_exactly(client, len(HELLO)), HELLO)

    def test_the_socket_starts_the_service_and_every_kind_of_backend_is_reached(self):
        systemctl("start", "snipass.socket")
        self.assertEqual(show("snipass.service", "ActiveState"), "inactive")
        for name in ("blog", "proxied"):  # a socket in /run; a name that getaddrinfo has to look up
            self.assertEqual(curl(443, f"{name}.example.com", self.certificate).body["backend"], name)
        self.visit("127.0.0.1")
        self.visit("::1")
        self.assertEqual(show("snipass.service", "ActiveState"), "active")

    def test_it_runs_as_its_own_user_with_one_capability_in_its_sandbox(self):
        systemctl("start", "snipass.socket", "snipass.service")
        status = dict(line.split(":\t", 1) for line in pathlib.Path(f"/proc/{main_pid()}/status").read_text().splitlines() if ":\t" in line)
        self.assertNotEqual(status["Uid"].split()[0], "0")
        CAP_NET_BIND_SERVICE = 1 << 10
        for kind in ("CapEff", "CapPrm", "CapBnd", "CapAmb"):
            self.assertEqual(int(status[kind], 16), CAP_NET_BIND_SERVICE, kind)
        self.assertEqual((status["NoNewPrivs"], status["Seccomp"]), ("1", "2"))
        limits = pathlib.Path(f"/proc/{main_pid()}/limits").read_text()
        soft, hard = re.search(r"Max open files\s+(\d+)\s+(\d+)", limits).groups()
        self.assertEqual(soft, hard)  # 1048576, or less where this machine's systemd may not raise it

    def test_behind_the_socket_unit_it_needs_no_capability_and_may_bind_nothing(self):
        example = pathlib.Path("/usr/share/doc/snipass/examples/systemd/snipass.service.d/socket.conf")
        self.drop_in(example.read_text().partition("[Service]")[2])
        systemctl("start", "snipass.socket", "snipass.service")
        self.visit()
        for name in ("blog", "proxied"):
            self.assertEqual(curl(443, f"{name}.example.com", self.certificate).body["backend"], name)
        status = pathlib.Path(f"/proc/{main_pid()}/status").read_text()
        self.assertRegex(status, r"CapBnd:\t0+\n")
        self.assertEqual(show("snipass.service", "SocketBindDeny"), "any")

    def test_no_program_but_itself_can_be_started_where_it_lives(self):
        systemctl("start", "snipass.socket", "snipass.service")
        enter = ["nsenter", f"--mount=/proc/{main_pid()}/ns/mnt"]
        for program, status in (("/usr/sbin/snipass", 0), ("/usr/bin/env", 126)):
            done = subprocess.run([*enter, program, "--version"], capture_output=True, text=True, check=False)
            self.assertEqual(done.returncode, status, done.stderr)

    def test_without_the_socket_unit_it_binds_port_443_itself(self):
        CONFIGURATION.write_text(self.text.replace("systemd:https", "[::]:443"))
        systemctl("start", "snipass.service")
        self.visit("127.0.0.1")
        self.visit("::1")

    def test_a_reload_with_a_good_file(self):
        systemctl("start", "snipass.socket", "snipass.service")
        pid = main_pid()
        CONFIGURATION.write_text(self.text.replace('names = ["blog.', 'names = ["new.'))
        systemctl("reload", "snipass.service")
        wait_until(lambda: show("snipass.service", "ActiveState") == "active", "it is active again")
        wait_until(lambda: curl(443, "new.example.com", self.certificate).status == 0, "the new name")
        self.assertEqual(main_pid(), pid)

    def test_a_reload_with_a_bad_file_fails_and_changes_nothing(self):
        systemctl("start", "snipass.socket", "snipass.service")
        pid = main_pid()
        CONFIGURATION.write_text("[servre]\n")
        self.assertNotEqual(systemctl("reload", "snipass.service", check=False).returncode, 0)
        self.assertEqual((show("snipass.service", "ActiveState"), main_pid()), ("active", pid))
        self.visit()

    def test_the_router_is_asked_by_its_control_socket_which_is_on_by_default(self):
        systemctl("start", "snipass.socket", "snipass.service")
        socket_file = pathlib.Path("/run/snipass/control.sock")
        self.assertEqual((socket_file.stat().st_mode & 0o777, socket_file.owner(), socket_file.group()), (0o660, "snipass", "snipass"))
        for user, status in (("root", 0), ("snipass", 0), ("nobody", 1)):
            asked = subprocess.run(["/usr/sbin/snipass", "status"], user=user, group=user if user != "nobody" else "nogroup", extra_groups=[], capture_output=True, text=True, check=False)
            self.assertEqual(asked.returncode, status, asked.stderr)
        self.assertIn("be root, the router's user, or in its group", asked.stderr)
        for words, said in ((["drain", "blog"], "blog gets no new clients"), (["resume", "blog"], "blog gets new clients"), (["reload"], "reloaded /etc/snipass/snipass.toml: it says what it said before")):
            asked = subprocess.run(["/usr/sbin/snipass", *words], capture_output=True, text=True, check=False)
            self.assertEqual(asked.returncode, 0, asked.stderr)
            self.assertIn(said, asked.stdout)
        systemctl("stop", "snipass.socket", "snipass.service")
        asked = subprocess.run(["/usr/sbin/snipass", "status"], capture_output=True, text=True, check=False)
        self.assertEqual(asked.returncode, 3, asked.stderr)

    def test_a_reload_that_the_running_router_alone_refuses_fails_too(self):
        systemctl("start", "snipass.socket", "snipass.service")
        CONFIGURATION.write_text(self.text + '\n[[listener]]\naddress = "handoff:/run/elsewhere/handoff.sock"\n')
        self.assertNotEqual(systemctl("reload", "snipass.service", check=False).returncode, 0)
        self.visit()

    def test_restarts_under_load_lose_nobody(self):
        systemctl("start", "snipass.socket", "snipass.service")
        with Load(self.visit, threads=8) as load:
            for _ in range(5):
                pid = main_pid()
                systemctl("restart", "snipass.service")
                self.assertNotEqual(main_pid(), pid)
                load.wait_for_more(50)
        print(f"5 restarts, {load.served} clients served, {len(load.failures)} lost")
        self.assertEqual(load.failures, [])

    def test_relayed_clients_and_new_ones_go_on_through_restarts(self):
        """With the router's own socket: systemd keeps it between two processes, as it keeps the clients."""
        far = socket.create_server(("127.0.0.1", 0))
        far.settimeout(DEADLINE)
        self.addCleanup(far.close)
        CONFIGURATION.write_text(TEXT.format(port=far.getsockname()[1]).replace("localhost", "127.0.0.1").replace("systemd:https", "[::]:443"))
        systemctl("start", "snipass.service")
        hello = client_hello("proxied.example.com")
        client = socket.create_connection(("127.0.0.1", 443), DEADLINE)
        self.addCleanup(client.close)
        client.sendall(hello)
        backend, _ = far.accept()
        backend.settimeout(DEADLINE)
        self.addCleanup(backend.close)
        self.assertEqual(read_exactly(backend, len(hello)), hello)
        bulk = os.urandom(1 << 20) * 100
        heard = {}
        threads = [threading.Thread(target=connection.sendall, args=(bulk,)) for connection in (client, backend)]
        threads += [threading.Thread(target=lambda n=name, c=connection: heard.update({n: read_exactly(c, len(bulk)) == bulk}))
                    for name, connection in (("client", client), ("backend", backend))]
        with Load(self.visit, threads=4) as load:
            for thread in threads:
                thread.start()
            for _ in range(RESTARTS):
                pid = main_pid()
                systemctl("restart", "snipass.service")
                self.assertNotEqual(main_pid(), pid)
            for thread in threads:
                thread.join()
            load.wait_for_more(50)
        print(f"{RESTARTS} restarts, {load.served} clients served, {len(load.failures)} lost, 100 MB each way")
        self.assertEqual((load.failures, heard), ([], {"client": True, "backend": True}))
        systemctl("stop", "snipass.service")
        with self.assertRaises(ConnectionResetError):
            client.recv(1)

    def test_snipass_upgrade_begins_the_program_that_is_installed(self):
        CONFIGURATION.write_text(self.text.replace("systemd:https", "[::]:443"))
        systemctl("start", "snipass.service")
        with Load(self.visit, threads=4) as load:
            for _ in range(3):
                pid = main_pid()
                done = subprocess.run(["snipass", "upgrade"], capture_output=True, text=True, timeout=DEADLINE, check=False)
                self.assertEqual((done.returncode, done.stdout.splitlines()[-1:]), (0, ["upgraded"]), done.stderr)
                self.assertNotIn(main_pid(), (0, pid))
                load.wait_for_more(20)
        self.assertEqual(load.failures, [])

    def test_killed_it_comes_back_and_who_came_meanwhile_is_served(self):
        systemctl("start", "snipass.socket", "snipass.service")
        for number in (signal.SIGKILL, signal.SIGSEGV):
            pid = main_pid()
            os.kill(pid, number)
            wait_until(lambda p=pid: not pathlib.Path(f"/proc/{p}").exists(), "it is gone")
            self.visit()
            self.assertNotIn(main_pid(), (0, pid))

    def test_hung_it_is_ended_by_the_watchdog_and_comes_back(self):
        self.drop_in("WatchdogSec=1s")
        systemctl("start", "snipass.socket", "snipass.service")
        self.visit()
        wait_until(lambda: show("snipass.service", "WatchdogTimestamp"), "the watchdog is on")
        os.kill(main_pid(), signal.SIGSTOP)
        wait_until(lambda: int(show("snipass.service", "NRestarts")) > 0, "a new process")
        self.visit()

    def test_the_journal_has_priorities_and_no_second_time(self):
        for text, form in ((self.text.replace('"json"', '"text"'), r"(info|warn|error) "), (self.text, r"\{")):
            CONFIGURATION.write_text(text)
            systemctl("restart", "snipass.socket", "snipass.service")
            CONFIGURATION.write_text("[servre]\n")
            os.kill(main_pid(), signal.SIGHUP)
            invocation = "_SYSTEMD_INVOCATION_ID=" + show("snipass.service", "InvocationID")

            def priority(words):
                lines = subprocess.run(["journalctl", "--output=json", invocation, "_TRANSPORT=stdout"], capture_output=True, text=True, check=True)
                entries = [json.loads(line) for line in lines.stdout.splitlines()]
                return {entry["PRIORITY"] for entry in entries if words in entry["MESSAGE"] and re.match(form, entry["MESSAGE"])}

            wait_until(lambda: priority("servre") == {"3"}, "the mistake, as an error")
            self.assertEqual(priority("serving"), {"6"})
            systemctl("stop", "snipass.socket", "snipass.service")

    def test_the_file_of_sessions_is_rotated_as_installed(self):
        """LogsDirectory= of the unit, the sandbox, the installed configuration of logrotate, and its signal."""
        folder = pathlib.Path("/var/log/snipass")
        file = folder / "access.log"
        CONFIGURATION.write_text(self.text.replace("[log]", f'[log]\nfile = "{file}"'))
        systemctl("start", "snipass.socket", "snipass.service")
        self.assertEqual((folder.stat().st_mode & 0o777, folder.owner(), folder.group()), (0o750, "snipass", "snipass"))
        self.visit()
        wait_until(lambda: file.exists() and "handed_off" in file.read_text(), "a session's line")
        self.assertEqual((file.stat().st_mode & 0o777, file.owner()), (0o600, "snipass"))
        subprocess.run(["logrotate", "--force", "/etc/logrotate.d/snipass"], check=True)
        old = folder / "access.log.1"
        self.assertIn("handed_off", old.read_text())
        wait_until(file.exists, "it was opened again")
        self.visit()
        wait_until(lambda: "handed_off" in file.read_text(), "a line in the new file")
        self.assertEqual(old.read_text().count("\n"), 1)

    def test_the_journal_has_fields(self):
        CONFIGURATION.write_text(self.text.replace("[log]", "[log]\njournal = true"))
        systemctl("start", "snipass.socket", "snipass.service")
        self.visit()

        def found():
            told = subprocess.run(["journalctl", "-o", "json", "-u", "snipass", "SNIPASS_BACKEND=raw", "SNIPASS_OUTCOME=handed_off"],
                                  capture_output=True, text=True, check=False)
            return [json.loads(line) for line in told.stdout.splitlines()]
        wait_until(found, "the session's entry")
        self.assertEqual((found()[0]["SNIPASS_SERVER_NAME"], found()[0]["_PID"]), ("raw.example.com", str(main_pid())))

    def test_a_bad_file_at_start_is_tried_again_until_it_is_good(self):
        CONFIGURATION.write_text("[servre]\n")
        systemctl("start", "snipass.socket")
        client = socket.create_connection(("127.0.0.1", 443), DEADLINE)
        self.addCleanup(client.close)
        client.sendall(HELLO)
        wait_until(lambda: int(show("snipass.service", "NRestarts")) > 0, "a second try")
        self.assertEqual(show("snipass.socket", "ActiveState"), "active")
        CONFIGURATION.write_text(self.text)
        self.assertEqual(read_exactly(client, len(HELLO)), HELLO, "whoever came meanwhile is served")


if __name__ == "__main__":
    print(f"systemd {re.search(r'[0-9]+', subprocess.check_output(['systemctl', '--version'], text=True)).group()}, pid 1 is {os.readlink('/proc/1/exe')}")
    tempfile.tempdir = "/tmp"
    unittest.main(verbosity=2, warnings="ignore")
