# SPDX-License-Identifier: BSL-1.0
"""[control]: what status, sessions and close say and do, and who may ask."""

import json
import os
import pathlib
import re
import socket
import stat
import struct
import subprocess
import unittest

import harness
from harness import DEADLINE, client_hello, read_all, wait_until
from harness.case import HEAD
from harness.control_case import NAME, ControlCase, route
from harness.metrics import ask
from harness.places import BUILD, RUN, SNIPASS, for_everybody


class Control(ControlCase):
    # -- status

    def test_status_says_what_the_page_says(self):
        self.receiver("blog", serve="raw")
        router = self.start(self.backend("blog") + route(NAME, "blog"))
        self.visit(router)
        wait_until(lambda: self.status()["clients"]["outcomes"].get("handed_off") == 1, "it is counted")
        now = self.status()
        self.assertTrue(now["ready"])
        self.assertEqual([one["name"] for one in now["backends"]], ["blog"])
        status, text = self.command("status")
        self.assertEqual(status, 0)
        self.assertRegex(text, r"(?m)^snipass 0\.\d\S*, serving for \S+.*, 2 workers$")
        self.assertRegex(text, rf"(?m)^{re.escape(str(router.file))}: 1 route, in use since \S+Z$")
        self.assertRegex(text, r"(?m)^127\.0\.0\.1:0 +127\.0\.0\.1:\d+$")
        self.assertRegex(text, r"(?m)^BACKEND +KIND +STATE +HELD +NOW$")
        self.assertRegex(text, r"(?m)^blog +stream +up ")
        self.assertRegex(text, r"(?m)^process: [\d.]+ MiB, \d+ of \d+ descriptors$")
        self.assertIn("counted with [metrics]", text)

    def test_status_says_what_was_lost_and_who_made_way(self):
        extra = '[metrics]\naddress = "unix:%s"\n' % (self.folder / "m.sock")
        head = self.head(extra=extra, server="max_waiting_per_source = 2\n").replace("[log]\n", '[log]\nfile = "/dev/full"\n').replace("workers = 2", "workers = 1")
        router = self.router(self.backend("blog") + route(NAME, "blog"), head=head)
        for _ in range(5):
            self.connect(router, client_hello(NAME)[:20])
        router.wait_counted(shed_source=3)
        wait_until(lambda: self.status()["clients"]["log_dropped"] > 0, "lines are lost")
        self.assertRegex(self.command("status")[1], r"(?m)^process: .*, 3 clients made way at a bound, \d lines? of the log lost$")

    def test_status_with_metrics_has_what_became_of_clients(self):
        router = self.start(self.backend("blog", rest='hold = "0s"') + route(NAME, "blog"), extra='[metrics]\naddress = "127.0.0.1:0"\n')
        self.visit(router)
        wait_until(lambda: self.status()["failures"], "it is told")
        _, text = self.command("status")
        self.assertRegex(text, r"(?m)^blog +stream +away +0 +0 +0 +1$")
        self.assertRegex(text, rf"(?m)^\S+Z +127\.0\.0\.1:\d+ +backend_absent +{re.escape(NAME)} +blog +")

    def test_columns_are_aligned_and_coloured_on_a_terminal_alone(self):
        self.start(self.backend("blog") + route(NAME, "blog"))
        self.assertNotIn("\x1b", self.command("status")[1])
        for env, is_coloured in (({}, True), ({"NO_COLOR": "1"}, False)):
            with self.subTest(env=env):
                ours, theirs = os.openpty()
                argv = [SNIPASS, "status", "--config", str(self.folder / "router.toml")]
                clean = {key: value for key, value in os.environ.items() if key != "NO_COLOR"}
                subprocess.run(argv, stdout=theirs, timeout=DEADLINE, check=True, env={**clean, **env})
                os.close(theirs)
                text = os.read(ours, 65536).decode()
                os.close(ours)
                self.assertEqual("\x1b[32mup\x1b[0m" in text, is_coloured, text)

    def test_without_a_router_there_is_a_sentence_and_status_3(self):
        (self.folder / "router.toml").write_text(self.head() + self.backend("blog") + route(NAME, "blog"))
        for words in (["status"], ["sessions"], ["drain", "blog"], ["resume", "blog"], ["close", "0-1"], ["reload"]):
            with self.subTest(words=words):
                status, text = self.command(*words, env={"MAINPID": ""})
                self.assertEqual(status, 3, text)
                self.assertIn(f"no router runs that could be asked at {self.path}", text)

    def test_where_the_file_wants_no_socket_that_is_said(self):
        (self.folder / "router.toml").write_text(HEAD + '[control]\npath = "none"\n' + self.backend("blog") + route(NAME, "blog"))
        status, text = self.command("status")
        self.assertEqual((status, text), (3, 'no router can be asked: the file says [control] path = "none"\n'))

    def test_a_file_with_mistakes_leads_to_the_router_all_the_same(self):
        router = self.start(self.backend("blog") + route(NAME, "blog"))
        router.file.write_text(f'[control]\npath = "{self.path}"\n[server]\nworkers = "two"\n')
        self.assertEqual(self.command("status")[0], 0)

    def test_a_file_that_cannot_be_read_leads_to_nobody_else_s_router(self):
        for words in (["status"], ["drain", "blog"], ["reload"]):
            with self.subTest(words=words):
                status, text = self.command(*words, file=self.folder / "gone.toml", env={"MAINPID": str(os.getpid())})
                self.assertEqual((status, text), (2, f"{self.folder}/gone.toml: error: cannot be read: No such file or directory\n"))

    def test_a_file_whose_mistake_may_hide_the_path_is_called_that(self):
        (self.folder / "router.toml").write_text(f'[[listener]\n[control]\npath = "{self.path}"\n')
        status, text = self.command("status")
        if status != 3:
            self.skipTest("a router runs at the default path")
        self.assertIn("; the file has mistakes (snipass check), and may say another path\n", text)

    def test_output_that_is_lost_is_no_success(self):
        router = self.start(self.backend("blog") + route(NAME, "blog"))
        for words in (["status"], ["check"], ["explain", NAME], ["--help"], ["status", "--help"]):
            with self.subTest(words=words), open("/dev/full", "w") as full:
                argv = [SNIPASS, *words] + ([] if "--help" in words else ["--config", str(router.file)])
                ran = subprocess.run(argv, stdout=full, stderr=subprocess.PIPE, text=True, timeout=DEADLINE, check=False)
                self.assertEqual(ran.returncode, 1, ran.stderr)
                self.assertIn("standard output cannot be written to: what was to be said is lost\n", ran.stderr)

    def test_the_version_of_the_programs_beside_it_is_not_lost_unheard(self):
        for program in (RUN, BUILD / "snipass-tls"):
            with self.subTest(program=program), open("/dev/full", "w") as full:
                ran = subprocess.run([program, "--version"], stdout=full, stderr=subprocess.PIPE, timeout=DEADLINE, check=False)
                self.assertEqual(ran.returncode, 1, ran.stderr)

    def test_snipass_tls_has_no_check_of_its_own(self):
        ran = subprocess.run([BUILD / "snipass-tls", "check"], capture_output=True, text=True, timeout=DEADLINE, check=False)
        self.assertEqual((ran.returncode, ran.stderr), (2, "write snipass check: it looks at the file and the certificates of both programs\n"))

    # -- sessions

    def test_a_client_that_waits_is_listed_and_closed(self):
        router = self.start(self.backend("blog") + route(NAME, "blog"))
        client = self.connect(router, client_hello(NAME)[:20])
        one = self.session("waiting")
        self.assertEqual(one["client"], "%s:%d" % client.getsockname())
        self.assertEqual(self.command("close", one["id"]), (0, "closed\n"))
        self.assertEqual(router.session()["outcome"], "closed_by_admin")
        self.assertEqual(read_all(client)[0], b"")
        self.assertEqual(self.sessions(), [])

    def test_a_client_that_is_held_is_listed_and_closed_and_sorry_does_not_get_it(self):
        self.receiver("sorry", serve="raw")
        router = self.start(self.backend("sorry") + self.backend("blog", rest='hold = "60s"\nsorry = "sorry"') + route(NAME, "blog"))
        client = self.connect(router, client_hello(NAME))
        one = self.session("held")
        self.assertEqual((one["server_name"], one["backend"]), (NAME, "blog"))
        self.assertEqual(self.command("close", one["id"]), (0, "closed\n"))
        line = router.session()
        self.assertEqual((line["outcome"], line["backend"]), ("closed_by_admin", "blog"))
        self.assertEqual(read_all(client)[0], b"")

    def test_a_client_that_is_relayed_is_listed_with_its_bytes_and_closed(self):
        server = self.server()
        router = self.start(self.proxy("blog", server) + route(NAME, "blog"))
        client, connection = self.relay(router, server)
        connection.sendall(b"x" * 1000)
        wait_until(lambda: [one.get("bytes_to_client") for one in self.sessions()] == [1000], "bytes are counted")
        one = self.session("relayed")
        self.assertEqual(one["address"], "127.0.0.1:%d" % server.getsockname()[1])
        self.assertEqual(one["bytes_to_backend"], len(client_hello(NAME)))
        status, text = self.command("sessions")
        self.assertEqual(status, 0)
        self.assertRegex(text.splitlines()[0], "^ID +STATE +AGE +CLIENT +NAME +BACKEND +TO BACKEND +TO CLIENT$")
        self.assertRegex(text.splitlines()[1], rf"^{one['id']} +relayed +\S+ +127\.0\.0\.1:\d+ +{re.escape(NAME)} +blog \S+ +[\d.]+ (B|KiB) +1000 B$")
        self.assertEqual(self.command("close", one["id"]), (0, "closed\n"))
        line = router.session()
        self.assertEqual((line["outcome"], line["end"]), ("proxied", "closed_by_admin"))
        status, text = self.command("close", one["id"])
        self.assertEqual(status, 2)
        self.assertIn("it has ended", text)

    def test_sessions_of_one_backend(self):
        server = self.server()
        router = self.start(self.proxy("blog", server) + self.backend("away", rest='hold = "60s"') + self.backend("nobody_s") + route(NAME, "blog") + route("away.example.com", "away"))
        self.relay(router, server)
        self.connect(router, client_hello("away.example.com"))
        wait_until(lambda: len(self.sessions()) == 2, "both are there")
        self.assertEqual(self.session("relayed", "--backend", "blog")["backend"], "blog")
        self.assertEqual(self.session("held", "--backend", "away")["backend"], "away")
        self.assertEqual(self.sessions("--backend", "nobody_s"), [])

    def test_what_a_client_calls_itself_leaves_the_terminal_alone(self):
        name = b"\x1b[31m\x07\n<b>"
        hello = client_hello("x" * len(name)).replace(b"x" * len(name), name)
        router = self.start(self.backend("away", rest='hold = "60s"') + '[default]\nbackend = "away"\n')
        self.connect(router, hello)
        self.assertEqual(self.session("held")["server_name"], name.decode())
        text = self.command("sessions")[1]
        self.assertNotIn("\x1b", text)
        self.assertIn(r"\u001b[31m\u0007\u000a<b>", text)

    def test_of_thousands_the_oldest_thousand_are_listed(self):
        router = self.start(self.backend("away", rest='hold = "10m"\nmax_pending = 5000') + '[default]\nbackend = "away"\n')
        address = ("127.0.0.1", router.port())
        hello = client_hello(NAME)
        for _ in range(1_010):
            client = socket.create_connection(address, DEADLINE)
            self.addCleanup(client.close)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.sendall(hello)

        def counted():
            found = json.loads(self.command("sessions", "--json")[1])
            return len(found["sessions"]) + found["left_out"] == 1_010 and found
        found = wait_until(counted, "all are there")
        self.assertEqual((len(found["sessions"]), found["left_out"]), (1_000, 10))
        ages = [one["age_ms"] for one in found["sessions"]]
        self.assertEqual(ages, sorted(ages, reverse=True))
        self.assertIn("and 10 more", self.command("sessions")[1])

    def test_no_such_session(self):
        self.start(self.backend("blog") + route(NAME, "blog"))
        for name, said in (("0-1", "there is no session 0-1"), ("7-1", "there is no session 7-1"), ("x", "is no session's ID"), ("\x1b[31m", "\"\\u001B[31m\" is no session's ID"), ("1-", "is no session's ID")):
            with self.subTest(name=name):
                status, text = self.command("close", name)
                self.assertEqual(status, 2)
                self.assertIn(said, text)

    # -- who may ask

    def test_the_socket_is_for_its_group_and_goes_with_the_router(self):
        router = self.start(self.backend("blog") + route(NAME, "blog"))
        self.assertEqual(stat.S_IMODE(os.stat(self.path).st_mode), 0o660)
        router.terminate()
        self.assertFalse(self.path.exists())

    @unittest.skipUnless(os.geteuid() == 0, "to be somebody else needs root")
    def test_a_stranger_who_got_to_the_socket_is_told_that_he_may_not_ask(self):
        self.start(self.backend("blog") + route(NAME, "blog"))
        self.class_folder.chmod(0o755)
        self.folder.chmod(0o755)
        self.path.chmod(0o666)
        (self.folder / "router.toml").chmod(0o644)
        argv = [*for_everybody(pathlib.Path(SNIPASS)), "drain", "--config", str(self.folder / "router.toml"), "blog"]
        # A service whose first group is the router's, as snipass-tls, is no admin.
        for first, group, allowed in ((65534, 65534, False), (os.getegid(), 65534, False), (os.getegid(), os.getegid(), False), (65534, os.getegid(), True)):
            ran = subprocess.run(argv, user=65534, group=first, extra_groups=[group], capture_output=True, text=True, timeout=DEADLINE, check=False)
            self.assertEqual(ran.returncode, 0 if allowed else 1, ran.stderr)
            if not allowed:
                self.assertIn("only root, the router's user and its group may ask", ran.stderr)

    def test_a_stranger_does_not_get_there_by_a_relay_to_the_socket(self):
        """A tenant can put a link to it where his backend's socket should be."""
        link = self.folder / "shop.sock"
        link.symlink_to(self.path)
        head = self.head().replace("[[listener]]", '[[listener]]\nprotocol = "http"')
        router = self.router(self.backend("blog") + f'[backend.shop]\nproxy = ["unix:{link}"]\n' + route(NAME, "shop"), head=head)
        client = self.connect(router, f"POST /drain?backend=blog HTTP/1.1\r\nHost: {NAME}\r\n\r\n".encode())
        self.assertIn(b" 403 ", read_all(client)[0].split(b"\r\n")[0])
        self.assertFalse(self.backend_of("blog")["drained"])

    def test_who_asked_for_a_change_is_in_the_log(self):
        router = self.start(self.backend("blog") + route(NAME, "blog"))
        self.command("drain", "blog")
        event = router.wait_for(lambda me: [e for e in me.events if e.get("message") == "asked"], "it is told")[0]
        self.assertEqual((event["command"], event["user"]), ("drain blog", os.geteuid()))
        self.assertGreater(event["process"], 1)
        self.status()
        self.assertEqual(len([e for e in router.events if e.get("message") == "asked"]), 1)

    def test_a_router_of_another_file_is_not_meant(self):
        router = self.start(self.backend("blog") + route(NAME, "blog"))
        self.assertEqual(ask(self.path, f"/status?file={router.file}")[0], 200)
        status, _, text = ask(self.path, "/reload?file=/etc/other.toml", method="POST")
        self.assertEqual(status, 409)
        self.assertIn(f"serves {router.file}, and not /etc/other.toml", text)

    def test_nonsense_is_answered_or_closed_and_nothing_else_happens(self):
        router = self.start(self.backend("blog") + route(NAME, "blog"))
        for question in (b"\0" * 100_000, b"GET /" + b"a" * 100_000, b"POST /reload?%", b"GET /close?id=1 HTTP/1.0\r\n\r\n",
                         b"GET /drain?backend=blog HTTP/1.0\r\n\r\n", b"POST /drain?backend=%zz&&=&address HTTP/1.0\r\n\r\n"):
            with self.subTest(question=question[:40]), socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(DEADLINE)
                connection.connect(str(self.path))
                connection.sendall(question)
                connection.shutdown(socket.SHUT_WR)
                self.assertNotIn(b" 200 ", read_all(connection)[0][:20])
        self.assertFalse(self.backend_of("blog")["drained"])
        self.assertTrue(router.is_running())

    def test_who_does_not_ask_or_read_costs_one_of_sixteen_connections_and_no_client(self):
        self.receiver("blog", serve="raw")
        router = self.start(self.backend("blog") + route(NAME, "blog"))
        silent = []
        for _ in range(20):
            connection = socket.socket(socket.AF_UNIX)
            self.addCleanup(connection.close)
            connection.settimeout(DEADLINE)
            connection.connect(str(self.path))
            connection.sendall(b"GET /sta")
            silent.append(connection)
        for connection in silent[:4]:
            self.assertEqual(read_all(connection)[0], b"")
        self.assertTrue(self.status()["ready"])
        self.visit(router)
        self.assertEqual(router.session()["outcome"], "handed_off")


if __name__ == "__main__":
    harness.main()
