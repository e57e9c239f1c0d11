# SPDX-License-Identifier: BSL-1.0
"""Several files: what a running router makes of them, at reloads, and in its sandbox."""

import os
import subprocess

import harness
from harness import Case, client_hello, read_all, read_exactly
from harness.places import SNIPASS

HEAD = """include = ["routes.d/*.toml"]
[log]
format = "json"
[[listener]]
address = "127.0.0.1:0"
unmatched = "close"
"""


class Include(Case):
    def setUp(self):
        super().setUp()
        (self.folder / "routes.d").mkdir()
        for name in ("one", "two"):
            self.receiver(name, serve="raw")

    def write(self, name, backend, host=None, folder="routes.d"):
        """As a deployment does: whole, or not at all."""
        text = f'[[route]]\nnames = ["{host or backend}.example.com"]\nbackend = "{backend}"\n'
        temporary = self.folder / f"{name}.new"
        temporary.write_text(text + self.backend(backend))
        temporary.rename(self.folder / folder / name)

    def visit(self, router, name):
        hello = client_hello(f"{name}.example.com")
        client = self.connect(router, hello)
        self.assertEqual(read_exactly(client, len(hello)), hello)
        host, port = client.getsockname()
        client.close()
        return router.session(client=f"{host}:{port}")

    def refused(self, router, name):
        self.assertEqual(read_all(self.connect(router, client_hello(f"{name}.example.com")))[0], b"")

    def problem(self, router):
        """Of the last reload, if it was refused."""
        router.counters()  # written behind it
        told = [e["message"] for e in router.events if e.get("level") == "error"]
        return told[-2] if told and told[-1].startswith("not reloaded") else None

    def test_a_reload_takes_files_that_have_come_and_drops_those_that_have_gone(self):
        self.write("a.toml", "one")
        router = self.router(head=HEAD)
        line = self.visit(router, "one")
        self.assertEqual((line["route"], line["route_file"]), (1, f"{self.folder}/routes.d/a.toml"))
        self.refused(router, "two")
        self.write("b.toml", "two")
        router.reload()
        self.assertEqual(self.visit(router, "two")["backend"], "two")
        (self.folder / "routes.d/a.toml").unlink()
        router.reload()
        self.refused(router, "one")
        self.visit(router, "two")

    def test_a_folder_that_comes_later_is_read_in_the_sandbox(self):
        (self.folder / "routes.d").rmdir()
        router = self.router(head=HEAD)
        self.refused(router, "one")
        (self.folder / "routes.d").mkdir()
        self.write("a.toml", "one")
        router.reload()
        self.visit(router, "one")

    def test_all_files_or_none(self):
        self.write("a.toml", "one")
        router = self.router(head=HEAD)
        self.write("b.toml", "two")
        (self.folder / "routes.d/c.toml").write_text('[[route]]\nnames = ["x.example.com"]\nbackend = "gone"\n')
        router.reload()
        self.assertIn(f"{self.folder}/routes.d/c.toml:3:11: error: route.backend: there is no backend", self.problem(router))
        self.assertIn(f"{self.folder}/routes.d/c.toml:3:11", router.manager.status())
        self.visit(router, "one")
        self.refused(router, "two")
        (self.folder / "routes.d/c.toml").unlink()
        router.reload()
        self.visit(router, "two")

    def test_check_says_in_which_file(self):
        self.write("a.toml", "one")
        (self.folder / "routes.d/b.toml").write_text("[[route]]\nname = 1\n")
        file = self.folder / "x.toml"
        file.write_text(HEAD)
        checked = subprocess.run([SNIPASS, "check", file], capture_output=True, text=True, check=False)
        self.assertEqual(checked.returncode, 2, checked)
        self.assertIn(f"{self.folder}/routes.d/b.toml:2:1: error: route.name: unknown key", checked.stderr)
        (self.folder / "routes.d/b.toml").unlink()
        checked = subprocess.run([SNIPASS, "check", file], capture_output=True, text=True, check=False)
        self.assertIn(f"{file}: valid: 1 listener, 1 route with 1 name, 1 backend, in 2 files", checked.stdout)
        self.assertIn(f"{self.folder}/routes.d/a.toml:6:11: warning: backend.one.handoff: ", checked.stdout)  # not below /run

    def test_a_link_to_a_folder_that_was_not_known_takes_a_restart(self):
        """As with sites-available: links to a folder that is known at the start may come and go."""
        (self.folder / "available").mkdir()
        (self.folder / "etc/routes.d").mkdir(parents=True)
        (self.folder / "other").mkdir()
        self.write("a.toml", "one", folder="available")
        self.write("b.toml", "two", folder="available")
        self.write("c.toml", "two", folder="other")
        os.symlink(self.folder / "available/a.toml", self.folder / "etc/routes.d/a.toml")
        router = self.router(head=HEAD, folder=self.folder / "etc")
        os.symlink(self.folder / "available/b.toml", self.folder / "etc/routes.d/b.toml")
        router.reload()
        self.visit(router, "two")
        os.unlink(self.folder / "etc/routes.d/b.toml")
        os.symlink(self.folder / "other/c.toml", self.folder / "etc/routes.d/c.toml")
        router.reload()
        problem = self.problem(router)
        if problem is None:  # a kernel without Landlock
            return self.visit(router, "two")
        told = " ".join(e["message"] for e in router.events if e.get("level") == "error")
        self.assertIn(f"it was not in the folder {self.folder}/other at the start; restart snipass", told)
        self.visit(router, "one")


if __name__ == "__main__":
    harness.main()
