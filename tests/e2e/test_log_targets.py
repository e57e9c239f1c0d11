# SPDX-License-Identifier: BSL-1.0
"""Where sessions are written besides standard error: a file that logrotate rotates, a disk that is full, a real journald."""

import json
import pathlib
import re
import shutil
import signal
import socket
import subprocess

import harness
from harness import Case, client_hello, read_exactly, wait_until
from harness.metrics import metrics_address, scrape
from harness.places import SNIPASS

HELLO = client_hello("blog.example.com")
SOURCE = pathlib.Path(__file__).resolve().parents[2]
JOURNALD = pathlib.Path("/lib/systemd/systemd-journald")


def head(log):
    return f"""
[server]
workers = 2
[log]
format = "json"
{log}
[metrics]
address = "127.0.0.1:0"
[[listener]]
address = "127.0.0.1:0"
[[route]]
names = ["blog.example.com"]
backend = "blog"
"""


class Targets(Case):
    def setUp(self):
        super().setUp()
        self.receiver("blog", serve="raw")
        self.log = self.folder / "log"
        self.log.mkdir()
        self.file = self.log / "access.log"

    def start_router(self, log=None, **options):
        return self.router(self.backend("blog"), head=head(log or f'file = "{self.file}"'), **options)

    def visit(self, router):
        client = self.connect(router, HELLO)
        self.assertEqual(read_exactly(client, len(HELLO)), HELLO)
        name = f"127.0.0.1:{client.getsockname()[1]}"
        client.close()
        return name

    def clients(self, file):
        return [json.loads(line)["client"] for line in file.read_text().splitlines()] if file.exists() else []

    def visit_into(self, router, file):
        """One more session, whose line comes to that file."""
        client = self.visit(router)
        wait_until(lambda: client in self.clients(file), f"{client} in {file}")
        return client


class Files(Targets):
    def test_sessions_apart_from_events(self):
        router = self.start_router()
        self.visit_into(router, self.file)
        self.assertEqual(json.loads(self.file.read_text())["outcome"], "handed_off")
        self.assertEqual(router.sessions(), [])
        router.wait_for(lambda me: [e for e in me.events if e.get("message") == "serving"], "another thread writes it")

    def test_a_renamed_file_is_opened_again_at_the_signal_and_at_a_reload(self):
        router = self.start_router()
        for number, again in enumerate((lambda: router.signal(signal.SIGWINCH), router.reload)):
            old = self.log / f"old.{number}"
            before = self.visit_into(router, self.file)
            self.file.rename(old)
            late = self.visit_into(router, old)
            again()
            wait_until(self.file.exists, "it was opened again")
            after = self.visit_into(router, self.file)
            self.assertEqual(self.clients(old)[-2:], [before, late])
            self.assertEqual(self.clients(self.file), [after])

    def test_the_logrotate_configuration_that_is_installed(self):
        """Real logrotate, with the folder, the user and the unit of this test in place of the service's."""
        if not shutil.which("logrotate", path="/usr/sbin:/usr/bin"):
            self.skipTest("no logrotate")
        router = self.start_router(f'file = "{self.file}"\n[control]\npath = "{self.folder}/control.sock"')
        before = self.visit_into(router, self.file)
        text = (SOURCE / "systemd/snipass.logrotate").read_text()
        unit = "snipass reopen >/dev/null 2>&1 || systemctl kill --kill-who=main --signal=SIGWINCH snipass.service 2>/dev/null || true"
        self.assertIn(f"        {unit}\n", text)
        text = text.replace("/var/log/snipass", str(self.log)).replace("    su snipass snipass\n", "")
        text = text.replace(unit, f"{SNIPASS} reopen --config {router.file}")
        configuration = self.folder / "logrotate.conf"
        configuration.write_text(text)
        configuration.chmod(0o644)
        self.log.chmod(0o755)
        subprocess.run(["/usr/sbin/logrotate", "--force", "--state", self.folder / "state", configuration], check=True)
        wait_until(self.file.exists, "it was opened again")
        after = self.visit_into(router, self.file)
        self.assertEqual(self.clients(self.log / "access.log.1"), [before])
        self.assertEqual(self.clients(self.file), [after])

    def test_reopen_without_a_file(self):
        router = self.start_router(f'[control]\npath = "{self.folder}/control.sock"')
        asked = subprocess.run([SNIPASS, "reopen", "--config", router.file], capture_output=True, text=True, check=False)
        self.assertEqual((asked.returncode, asked.stderr), (2, "[log] has no file\n"))

    def test_reopen_says_so_once_it_is_done(self):
        router = self.start_router(f'file = "{self.file}"\n[control]\npath = "{self.folder}/control.sock"')
        argv = [SNIPASS, "reopen", "--config", router.file]
        for _ in range(20):
            self.file.rename(self.log / "old")
            asked = subprocess.run(argv, capture_output=True, text=True, check=False)
            self.assertEqual((asked.returncode, asked.stdout), (0, "the log's file is opened again\n"))
            self.assertTrue(self.file.exists())
        self.log.rename(self.folder / "moved")
        asked = subprocess.run(argv, capture_output=True, text=True, check=False)
        self.assertEqual(asked.returncode, 1)
        self.assertEqual(asked.stderr, f"{self.file} cannot be opened: No such file or directory; lines go on into the file that is open\n")

    def test_a_reload_that_is_refused_keeps_no_other_file_open(self):
        router = self.start_router()
        before = router.descriptor_count()
        with socket.create_server(("127.0.0.1", 0)) as other:
            text = head(f'file = "{self.log}/next.log"') + self.backend("blog")
            router.reload(text.replace('address = "127.0.0.1:0"', 'address = "127.0.0.1:%d"' % other.getsockname()[1]))
        self.assertIn("NOT RELOADED", router.manager.status())
        router.wait_descriptors(before)
        self.visit_into(router, self.file)

    def test_a_full_disk_loses_lines_that_are_counted_and_nothing_else(self):
        router = self.start_router('file = "/dev/full"')
        for _ in range(5):
            self.visit(router)
        where = metrics_address(router)
        wait_until(lambda: scrape(where).value("snipass_log_dropped_total") == 5, "they are counted")
        router.wait_for(lambda me: [e for e in me.events if e.get("message", "").startswith("log lines were lost: /dev/full")], "it is told")
        self.visit(router)
        self.assertEqual(router.terminate(), 0)

    def is_confined(self, router):
        return any("files" in e.get("confined", "") for e in router.events)

    def test_a_folder_that_is_not_there_ends_the_start(self):
        router = self.start_router(f'file = "{self.folder}/gone/access.log"', ready=False, compare_descriptors=False)
        self.assertEqual(router.wait(), 1)
        text = "\n".join(router.lines)
        self.assertIn("log.file: ", text)
        self.assertRegex(text, re.escape(str(router.file)) + r":6:8: error: log\.file: .* cannot be opened: No such file or directory")

    def test_a_reload_to_a_file_that_cannot_be_opened_leaves_all_as_it_was(self):
        router = self.start_router()
        (self.log / "folder").mkdir()
        router.reload(head(f'file = "{self.log}/folder"') + self.backend("blog"))
        self.assertIn(f'log.file: "{self.log}/folder" is a directory; write the name of a file in it, such as "{self.log}/folder/access.log"', router.manager.status())
        self.visit_into(router, self.file)

    def test_another_folder_takes_a_restart_where_files_are_confined(self):
        router = self.start_router()
        (self.folder / "other").mkdir()
        router.reload(head(f'file = "{self.folder}/other/access.log"') + self.backend("blog"))
        if self.is_confined(router):
            self.assertIn("[log] writes in another folder", router.manager.status())
            self.visit_into(router, self.file)
        else:
            self.visit_into(router, self.folder / "other/access.log")


class Journal(Targets):
    """journald as it is, in a mount namespace of its own, with the router in it."""

    def setUp(self):
        super().setUp()
        if not JOURNALD.exists():
            self.skipTest("no journald")
        if subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False).returncode != 0:
            self.skipTest("no mount namespace")
        script = f"mount -t tmpfs tmpfs /run && mkdir -p /run/systemd/journal /run/log/journal && exec {JOURNALD}"
        self.journald = self.run_program(["unshare", "--mount", "--propagation", "private", "sh", "-c", script])
        wait_until(lambda: pathlib.Path(f"/proc/{self.journald.pid}/root/run/systemd/journal/socket").exists(), "journald listens")
        self.inside = ["nsenter", f"--mount=/proc/{self.journald.pid}/ns/mnt"]

    def entries(self, *matches):
        found = subprocess.run([*self.inside, "journalctl", "--directory=/run/log/journal", "--output=json", "--no-pager", *matches],
                               capture_output=True, text=True, check=False)
        return [json.loads(line) for line in found.stdout.splitlines()]

    def wait_entries(self, count, *matches):
        wait_until(lambda: len(self.entries(*matches)) >= count, f"{count} entries with {matches}")
        return self.entries(*matches)

    def start_inside(self):
        """The router, which has told its port to the journal, and that entry."""
        router = self.router(self.backend("blog"), head=head("journal = true"), prefix=self.inside, compare_descriptors=False)
        event = self.wait_entries(1, "SNIPASS_LISTENER=127.0.0.1:0")[0]
        router.port = lambda listener=None: int(event["SNIPASS_ADDRESS"].rpartition(":")[2])
        return router, event

    def test_fields_of_sessions_and_events(self):
        router, event = self.start_inside()
        self.assertEqual((event["PRIORITY"], event["SYSLOG_IDENTIFIER"], event["_PID"]), ("6", "snipass", str(router.pid)))
        client = self.visit(router)
        session = self.wait_entries(1, "SNIPASS_BACKEND=blog")[0]
        self.assertEqual((session["SNIPASS_CLIENT"], session["SNIPASS_OUTCOME"], session["SNIPASS_SERVER_NAME"]),
                         (client, "handed_off", "blog.example.com"))
        self.assertTrue(session["MESSAGE"].startswith(f"session handed_off client={client} "))
        self.assertEqual([line for line in router.lines if "session" in line or "listening" in line], [])
        self.assertEqual(self.entries("SNIPASS_BACKEND=other"), [])

    def test_a_journal_that_stops_and_comes_back_holds_nobody_up(self):
        router, _ = self.start_inside()
        self.journald.signal(signal.SIGSTOP)
        clients = [self.visit(router) for _ in range(20)]
        self.journald.signal(signal.SIGCONT)
        self.wait_entries(20, "SNIPASS_BACKEND=blog")
        self.assertEqual({e["SNIPASS_CLIENT"] for e in self.entries("SNIPASS_BACKEND=blog")}, set(clients))


if __name__ == "__main__":
    harness.main()
