# SPDX-License-Identifier: BSL-1.0
"""[control]: what drain, resume and reload do."""

import json
import re
import signal
import socket
import threading

import harness
from harness import client_hello, read_all, wait_until
from harness.case import HEAD
from harness.control_case import NAME, ControlCase, route
from harness.metrics import ask


class Changes(ControlCase):
    # -- drain and resume

    def test_a_backend_that_is_drained_is_as_one_that_is_away(self):
        self.receiver("sorry", serve="raw")
        self.receiver("blog", serve="raw")
        router = self.start(self.backend("sorry") + self.backend("blog", rest='sorry = "sorry"') + route(NAME, "blog"),
                            extra='[metrics]\naddress = "unix:%s"\n' % (self.folder / "m.sock"))
        status, text = self.command("drain", "blog")
        self.assertEqual((status, text), (0, "blog gets no new clients: it is drained until snipass resume blog\n"))
        self.visit(router)
        line = router.session()
        self.assertEqual((line["backend"], line["outcome"]), ("sorry", "handed_off"))
        self.assertIn("it is drained", line["detail"])
        self.assertTrue(self.backend_of("blog")["drained"])
        self.assertTrue(self.backend_of("blog")["takes_clients"])
        self.assertRegex(self.command("status")[1], r"(?m)^blog +stream +drained .*\n  unix:\S+ +drained$")
        self.assertIn('snipass_backend_drained{backend="blog"} 1', ask(self.folder / "m.sock")[2])
        self.assertEqual(self.command("resume", "blog"), (0, "blog gets new clients\n"))
        self.assertIn('snipass_backend_drained{backend="blog"} 0', ask(self.folder / "m.sock")[2])
        self.visit(router)
        self.assertEqual(router.sessions(2)[-1]["backend"], "blog")

    def test_clients_of_a_drained_backend_are_held_and_get_to_it_when_it_is_resumed(self):
        self.receiver("blog", serve="raw")
        router = self.start(self.backend("blog", rest='hold = "60s"') + route(NAME, "blog"))
        self.command("drain", "blog")
        client = self.connect(router, client_hello(NAME))
        client.shutdown(socket.SHUT_WR)
        self.session("held")
        self.command("resume", "blog")
        self.assertEqual(router.session()["outcome"], "handed_off")
        read_all(client)

    def test_without_hold_and_sorry_the_outcome_says_that_it_is_drained(self):
        self.receiver("blog", serve="raw")
        router = self.start(self.backend("blog", rest='hold = "0s"') + route(NAME, "blog"))
        self.command("drain", "blog")
        self.visit(router)
        self.assertEqual(router.session()["outcome"], "backend_drained")

    def test_a_client_that_is_relayed_stays_when_its_backend_is_drained(self):
        server = self.server()
        router = self.start(self.proxy("blog", server, rest='hold = "0s"') + route(NAME, "blog"))
        client, connection = self.relay(router, server)
        self.command("drain", "blog")
        self.visit(router)
        self.assertEqual(router.session()["outcome"], "backend_drained")
        connection.sendall(b"still here")
        self.assertEqual(client.recv(10), b"still here")

    def test_of_a_backend_one_address_is_drained(self):
        first, second = self.server(), self.server()
        router = self.start(self.proxy("blog", first, second, rest='hold = "0s"') + route(NAME, "blog"))
        addresses = ["127.0.0.1:%d" % one.getsockname()[1] for one in (first, second)]
        self.relay(router, first)
        self.assertEqual(self.command("drain", "blog", addresses[0])[0], 0)
        self.relay(router, second)
        self.assertEqual([one["drained"] for one in self.backend_of("blog")["addresses"]], [True, False])
        self.assertRegex(self.command("status")[1], rf"(?m)^blog +proxy +1 of 2 drained .*\n  {addresses[0]} +drained .*\n  {addresses[1]} +up ")
        self.command("drain", "blog", addresses[1])
        self.visit(router)
        self.assertEqual(router.session()["outcome"], "backend_drained")
        self.command("resume", "blog")
        self.relay(router, first)

    def test_of_a_backend_one_path_is_drained(self):
        self.receiver("one", serve="raw")
        self.receiver("two", serve="raw")
        paths = [f"unix:{self.folder}/{name}.sock" for name in ("one", "two")]
        router = self.start(f'\n[backend.blog]\nhandoff = {json.dumps(paths)}\nhold = "0s"\n' + route(NAME, "blog"))
        for words, taken in ((["drain", "blog", paths[0]], "handed_off"), (["drain", "blog", paths[1]], "backend_drained"),
                             (["resume", "blog", paths[1]], "handed_off")):
            self.assertEqual(self.command(*words)[0], 0)
            count = len(router.sessions())
            self.visit(router)
            self.assertEqual(router.sessions(count + 1)[-1]["outcome"], taken)

    def test_what_is_drained_stays_so_over_a_reload(self):
        self.receiver("blog", serve="raw")
        blog = self.backend("blog", rest='hold = "0s"') + route(NAME, "blog")
        router = self.start(blog)
        self.command("drain", "blog")
        router.reload(self.head() + blog + self.backend("other"))
        self.visit(router)
        self.assertEqual(router.session()["outcome"], "backend_drained")
        router.reload(self.head() + self.backend("other") + route(NAME, "other"))  # gone, and with it that it is drained
        router.reload(self.head() + blog)
        self.assertFalse(self.backend_of("blog")["drained"])

    def test_no_such_backend(self):
        self.start(self.backend("blog") + route(NAME, "blog"))
        self.command("drain", "blog")
        for words, said in ((["drain", "blgo"], 'there is no backend "blgo"; write blog'),
                            (["sessions", "--backend", "blgo"], 'there is no backend "blgo"; write blog'),
                            (["resume", "blog", f"unix:{self.folder}/blog.sock"], "blog itself is drained"),
                            (["drain", "blog", "10.0.0.1:1"], f'blog has no address "10.0.0.1:1"; it has unix:{self.folder}/blog.sock')):
            with self.subTest(words=words):
                status, text = self.command(*words)
                self.assertEqual(status, 2)
                self.assertIn(said, text)

    # -- reload

    def test_a_reload_says_what_has_changed(self):
        old = self.backend("blog") + self.backend("gone") + route(NAME, "blog") + route("old.example.com", "gone")
        router = self.start(old)
        self.assertEqual(self.command("reload"), (0, f"reloaded {router.file}: it says what it said before\n"))
        router.file.write_text(self.head() + self.backend("blog", rest='hold = "1s"') + self.backend("new") + route(NAME, "new") + route("new.example.com", "blog"))
        status, text = self.command("reload")
        self.assertEqual(status, 0)
        self.assertEqual(text.splitlines(), ["altered route blog.example.com", "added route new.example.com", "removed route old.example.com",
                                             "altered backend blog", "added backend new", "removed backend gone", f"reloaded {router.file}"])

    def test_a_reload_says_which_table_has_changed(self):
        rest = self.backend("blog") + route(NAME, "blog")
        router = self.router(rest, head=self.head(), compare_descriptors=False)
        extra = '[metrics]\naddress = "unix:%s"\n' % (self.folder / "m.sock")
        router.file.write_text(self.head(extra=extra, server="max_waiting = 1000\n").replace('level = "info"', 'level = "debug"') + rest)
        self.assertEqual(self.command("reload"), (0, f"altered [server]\naltered [log]\nadded [metrics]\nreloaded {router.file}\n"))

    def test_a_reload_of_a_file_with_mistakes_says_them_and_status_2(self):
        router = self.start(self.backend("blog") + route(NAME, "blog"))
        router.file.write_text(self.head() + self.backend("blog", rest='hold = "soon"') + route(NAME, "blgo"))
        status, text = self.command("reload")
        self.assertEqual(status, 2)
        self.assertRegex(text, rf"(?m)^{re.escape(str(router.file))}:\d+:\d+: error: backend\.blog\.hold: ")
        self.assertRegex(text, rf"(?m)^{re.escape(str(router.file))}:\d+:\d+: error: route\.backend: ")
        self.assertTrue(text.endswith("not reloaded: the configuration before goes on\n"), text)
        self.assertFalse(self.status()["configuration"]["last_reload_good"])

    def test_a_reload_says_that_the_log_s_file_cannot_be_opened(self):
        blog = self.backend("blog") + route(NAME, "blog")
        folder = self.folder / "log"
        folder.mkdir()
        head = self.head().replace("[log]\n", f'[log]\nfile = "{folder}/1.log"\n')
        router = self.router(blog, head=head)
        folder.rename(self.folder / "moved")
        router.rewrite(head.replace("1.log", "2.log") + blog)
        status, text = self.command("reload")
        self.assertEqual(status, 2)
        self.assertIn(f'log.file: "{folder}/2.log" cannot be opened', text)

    def test_who_asks_while_a_reload_is_under_way_waits_for_the_next_one(self):
        names = ", ".join(f'"site-{i}.example.com"' for i in range(20_000))
        router = self.start(self.backend("blog") + route(NAME, "blog"))
        results = []
        asking = [threading.Thread(target=lambda: results.append(self.command("reload"))) for _ in range(4)]
        router.file.write_text(self.head() + self.backend("blog") + f'[[route]]\nnames = [{names}]\nbackend = "blog"\n')
        for one in asking:
            one.start()
        for one in asking:
            one.join()
        self.assertEqual([status for status, _ in results], [0] * 4, results)
        self.assertEqual(sum("added route site-0.example.com" in text for _, text in results) >= 1, True, results)

    def test_where_systemd_reloads_a_router_without_a_socket_the_signal_does(self):
        router = self.router(self.backend("blog") + route(NAME, "blog"), head=HEAD + '[control]\npath = "none"\n')
        ready = router.manager.states.count("READY=1")
        status, text = self.command("reload", env={"MAINPID": str(router.pid)})
        self.assertEqual(status, 0, text)
        router.manager.wait_for("READY=1", ready + 1)
        router.file.write_text("[server]\nworkers = 0.5\n[control]\npath = \"none\"\n")
        status, text = self.command("reload", env={"MAINPID": str(router.pid)})
        self.assertEqual(status, 2)
        self.assertIn("workers", text)

    def test_a_socket_that_somebody_has_removed_is_made_again(self):
        metrics = self.folder / "m.sock"
        router = self.start(self.backend("blog") + route(NAME, "blog"), extra=f'[metrics]\naddress = "unix:{metrics}"\n')
        for path in (self.path, metrics):
            path.unlink()
        router.signal(signal.SIGHUP)
        wait_until(lambda: self.path.exists() and metrics.exists(), "they are there")
        wait_until(lambda: self.command("status")[0] == 0, "it answers")
        self.assertEqual(ask(metrics)[0], 200)
        router.descriptors_at_start = None  # other sockets than at the start


if __name__ == "__main__":
    harness.main()
