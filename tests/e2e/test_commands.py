# SPDX-License-Identifier: BSL-1.0
"""`check`, `explain`, `--version`: what they print, and their exit statuses."""

import os
import re
import subprocess

import harness
from harness import Case
from harness.places import SOURCE
from harness.router import SNIPASS

GOOD = """[[listener]]
address = "127.0.0.1:0"

[[route]]
names = ["blog.example.com", "*.blog.example.com"]
backend = "blog"

[[route]]
names = ["*.example.com"]
alpn = ["acme-tls/1"]
source = ["192.0.2.0/24"]
backend = "acme"

[backend.blog]
handoff = "unix:/run/blog/handoff.sock"

[backend.acme]
proxy = ["10.0.0.5:443"]

[default]
backend = "blog"
"""

BAD = """[server]
worker = 2
hello_timeout = "5 parsecs"

[[listener]]
address = "127.0.0.1:0"

[[route]]
names = ["exa mple.com"]
backend = "blog"

[[route]]
names = ["a.example.com"]
backend = "blgo"

[backend.blog]
handoff = "unix:/run/blog/handoff.sock"
"""

WARNED = GOOD + """
[backend.unused]
handoff = "unix:/run/unused.sock"
"""


class Commands(Case):
    def snipass(self, *arguments, text=GOOD):
        file = self.folder / "snipass.toml"
        file.write_text(text)
        words = [str(file) if word == "FILE" else word for word in arguments]
        self.ran = subprocess.run([SNIPASS, *words], capture_output=True, text=True, timeout=harness.DEADLINE, check=False)
        return self.ran.returncode, self.ran.stdout + self.ran.stderr

    def test_version(self):
        status, output = self.snipass("--version")
        self.assertEqual(status, 0)
        lines = output.splitlines()
        for line, pattern in zip(lines, (r"snipass 0\.1\.0", r"commit: ([0-9a-f]{7,}(-dirty)?|unknown)", r"compiler: (GNU|Clang) \d+\.\d+.*",
                                         r"libraries: Boost 1\.\d+\S*, spdlog \d\S*, RE2 \d\S*, toml\+\+ 3\S*, c-ares \d\S*, libidn2 2\S*, CLI11 2\S*, OpenSSL 3\S*")):
            self.assertRegex(line, f"^{pattern}$")
        self.assertEqual(len(lines), 4)

    def test_a_good_file(self):
        status, output = self.snipass("check", "--config", "FILE")
        self.assertEqual(status, 0, output)
        self.assertNotIn("error", output)
        self.assertEqual(self.ran.stderr, "")
        self.assertIn("valid: 1 listener, 2 routes with 3 names, 2 backends", output)

    def test_the_file_may_stand_alone(self):
        self.assertEqual(self.snipass("check", "FILE")[0], 0)
        self.assertEqual(self.snipass("run", "FILE", text=BAD)[0], 2)
        self.assertEqual(self.snipass("check", "FILE", "--config", "FILE")[0], 2)

    def test_the_file_has_a_default(self):
        for command in ("run", "check", "explain", "status", "sessions", "drain", "resume", "close", "reload"):
            self.assertRegex(self.snipass(command, "--help")[1], r"--config .*/etc/snipass/snipass\.toml")

    def test_every_mistake_at_once_with_its_place_and_what_to_write(self):
        status, output = self.snipass("check", "--config", "FILE", text=BAD)
        self.assertEqual(status, 2)
        for line, hint in ((2, "workers"), (3, "hello_timeout"), (9, "exa mple.com"), (14, "blog")):
            self.assertRegex(output, rf"(?m)^.*snipass\.toml:{line}:\d+: error: .*{hint}", output)
        self.assertEqual(self.ran.stdout, "")

    def test_a_warning_is_no_failure(self):
        status, output = self.snipass("check", "--config", "FILE", text=WARNED)
        self.assertEqual(status, 0)
        self.assertRegex(output, r"(?m)^.*snipass\.toml:\d+:\d+: warning: .*unused")

    def test_a_file_that_is_not_there(self):
        status, output = self.snipass("check", "--config", str(self.folder / "nowhere.toml"))
        self.assertEqual(status, 2)
        self.assertEqual(self.ran.stderr, f"{self.folder}/nowhere.toml: error: cannot be read: No such file or directory\n")

    def test_run_refuses_a_bad_file(self):
        status, output = self.snipass("run", "--config", "FILE", text=BAD)
        self.assertEqual(status, 2)
        self.assertRegex(output, r"snipass\.toml:2:\d+: error: ")

    def test_run_says_why_it_cannot_listen(self):
        taken = self.router('[[route]]\nnames = ["a.example.com"]\nbackend = "a"\n' + self.backend("a"))
        status, output = self.snipass("run", "--config", "FILE", text=GOOD.replace("127.0.0.1:0", f"127.0.0.1:{taken.port()}"))
        self.assertNotEqual(status, 0)
        self.assertIn(str(taken.port()), output)

    def test_explain(self):
        for arguments, backend, hint in (
            (["blog.example.com"], "blog", "exact"),
            (["WWW.Blog.Example.com."], "blog", "wildcard"),
            (["x.example.com", "--alpn", "acme-tls/1", "--source", "192.0.2.7"], "acme", "wildcard"),
            (["x.example.com", "--source", "192.0.2.7"], "blog", "default"),
            (["x.example.org"], "blog", "default"),
        ):
            with self.subTest(arguments=arguments):
                status, output = self.snipass("explain", "--config", "FILE", *arguments)
                self.assertEqual(status, 0, output)
                self.assertIn(backend, output)
                self.assertIn(hint, output.lower())

    def test_explain_a_name_in_another_script(self):
        text = GOOD.replace('"*.example.com"', '"xn--bcher-kva.example"')
        status, output = self.snipass("explain", "--config", "FILE", "bücher.example", "--alpn", "acme-tls/1", "--source", "192.0.2.7", text=text)
        self.assertEqual(status, 0, output)
        self.assertIn('"bücher.example" is sent as "xn--bcher-kva.example"\n"xn--bcher-kva.example" goes to backend "acme"\n', output)
        status, output = self.snipass("explain", "--config", "FILE", "bücher..example" + "\N{SNOWMAN}" * 64)
        self.assertEqual(status, 2)
        self.assertIn("has no ASCII form", output)

    def explain_hello(self, content, *arguments, text=GOOD):
        captured = self.folder / "captured"
        captured.write_bytes(content)
        return self.snipass("explain", "--config", "FILE", "--hello", str(captured), *arguments, text=text)

    def test_explain_a_captured_hello(self):
        hello = harness.client_hello("www.blog.example.com", alpn=["h2"])
        for form, content in (("binary", hello), ("hexadecimal", b"# a comment\n" + hello.hex(" ").encode() + b"\n")):
            with self.subTest(form):
                status, output = self.explain_hello(content)
                self.assertEqual(status, 0, output)
                for line in ('server_name: "www.blog.example.com"', 'ALPN: "h2"', '"www.blog.example.com" goes to backend "blog"'):
                    self.assertIn(line + "\n", output)
                for pattern in (r"^versions: TLS 1\.3, TLS 1\.2", r"^groups: .*x25519", r"^key shares: .*x25519.* bytes\)",
                                r"^ECH: none$", r"^JA4: t13d\d{4}h2_[0-9a-f]{12}_[0-9a-f]{12}$"):
                    self.assertRegex(output, f"(?m){pattern}")

    def test_explain_says_of_what_is_no_captured_hello_why(self):
        os.mkfifo(self.folder / "fifo")
        for name, why in ((self.folder, "is no file of at most 1 MiB"), (self.folder / "fifo", "is no file of at most 1 MiB")):
            with self.subTest(name=name):
                status, output = self.snipass("explain", "--config", "FILE", "--hello", str(name), text=GOOD)
                self.assertEqual(status, 2)
                self.assertIn(why, output)

    def test_explain_and_the_access_log_say_the_same_of_a_hello(self):
        text = """[log]
format = "json"
hello = true
""" + GOOD
        hello = harness.client_hello("www.example.com", alpn=["h2", "http/1.1"])
        said = dict(line.split(": ", 1) for line in self.explain_hello(hello, text=text)[1].split("\n\n")[0].splitlines())
        router = self.router(head=text.replace("/run/blog/handoff.sock", str(self.folder / "blog.sock")))
        self.receiver("blog", serve="raw")
        self.connect(router, hello)
        logged = router.session(server_name="www.example.com")
        self.assertEqual(logged["outcome"], "handed_off")
        self.assertEqual(", ".join(logged["versions"]), said["versions"])
        self.assertEqual(", ".join(f'"{protocol}"' for protocol in logged["alpn"]), said["ALPN"])
        self.assertEqual([share.split(" (")[0] for share in said["key shares"].split(", ")], logged["key_shares"])
        self.assertEqual((logged["ech"], logged["ja4"]), (said["ECH"], said["JA4"]))

    def test_explain_a_hello_that_is_refused(self):
        """Why, and what each listener does with it."""
        listeners = """[[listener]]
address = "127.0.0.2:0"
malformed = "alert"
not_tls = "reset"
"""
        hello = harness.client_hello("blog.example.com")
        refused = (
            (hello[:5] + b"\2" + hello[6:], "malformed", "a handshake message other than ClientHello",
             ("the connection is closed", "the client gets a TLS alert (unexpected_message)")),
            (hello.replace(b"blog.example", b"blog\0example"), "malformed", "a NUL in the host name",
             ("the connection is closed", "the client gets a TLS alert (unrecognized_name)")),
            (b"GET / HTTP/1.1\r\n\r\n", "no TLS", "no TLS record", ('backend "blog" ', "the connection is reset")),
        )
        for content, kind, reason, ends in refused:
            with self.subTest(reason):
                status, output = self.explain_hello(content, text=listeners + GOOD)
                self.assertEqual(status, 0, output)
                first, other, one = output.splitlines()
                self.assertTrue(first.startswith(kind), first)
                self.assertIn(reason, first)
                for line, address, end in ((one, "127.0.0.1:0", ends[0]), (other, "127.0.0.2:0", ends[1])):
                    self.assertIn(f'listener "{address}", ', line)
                    self.assertIn(end, line)
        status, output = self.explain_hello(b"GET /", "--listener", "127.0.0.1:1")
        self.assertEqual(status, 2, output)

    def test_explain_half_a_hello(self):
        status, output = self.explain_hello(harness.client_hello("blog.example.com")[:100])
        self.assertEqual(status, 0, output)
        self.assertRegex(output, r'^not complete: it has 100 of at least \d+ bytes\n.* 5s .*\(hello_timeout\)\n$')

    def test_explain_a_capture_that_is_not_there(self):
        status, output = self.snipass("explain", "--config", "FILE", "--hello", str(self.folder / "nowhere"))
        self.assertEqual(status, 2)
        self.assertIn("nowhere: No such file or directory", output)

    def test_explain_with_a_bad_file(self):
        status, _ = self.snipass("explain", "--config", "FILE", "a.example.com", text=BAD)
        self.assertEqual(status, 2)

    def test_what_the_readme_shows(self):
        """Its commands as they stand, and what it says that they print."""
        (shown,) = re.findall(r"^```\n(\$ sed .*?)^```$", (SOURCE / "README.md").read_text(), re.DOTALL | re.MULTILINE)
        (self.folder / "config").symlink_to(SOURCE / "config")
        (self.folder / "snipass").symlink_to(os.path.abspath(SNIPASS))
        path = {**os.environ, "PATH": f"{self.folder}:{os.environ['PATH']}"}
        printed = ""
        for command in re.findall(r"^\$ (.*)", shown, re.MULTILINE):
            ran = subprocess.run(f"{command} 2>&1", shell=True, cwd=self.folder, env=path, capture_output=True, text=True, timeout=harness.DEADLINE, check=False)
            printed += f"$ {command}\n{ran.stdout}"
        self.assertEqual(printed, shown.replace("\n\n", "\n"))

    def test_wrong_words_are_answered_with_what_to_write(self):
        for arguments, said in (
            (["start"], '"start" is no command; write snipass and run, check, explain, status, sessions, drain, resume, close, reload, reopen, upgrade or ech; '),
            (["help"], "snipass --help says what they do"),
            (["drain"], "BACKEND is required"),
            (["close"], "ID is required"),
            (["-v"], "write snipass --version"),
            (["--config", "FILE"], "a command stands in front of --config"),
            (["explain", "snipass.toml", "www.example.com"], '"snipass.toml" is no host name; write --config snipass.toml'),
            (["explain", "--config", "FILE", "https://www.example.com/"], 'write the host name alone: "www.example.com"'),
            (["explain", "--config", "FILE", "www.example.com:443"], 'write the host name alone: "www.example.com"'),
        ):
            with self.subTest(arguments=arguments):
                status, output = self.snipass(*arguments)
                self.assertEqual(status, 2, output)
                self.assertIn(said, output)

    def test_help_says_what_the_exit_status_means(self):
        for arguments in (["--help"], ["status", "--help"], ["check", "--help"]):
            with self.subTest(arguments=arguments):
                self.assertRegex(" ".join(self.snipass(*arguments)[1].split()), "Exit status: 0 done; .* 3 no router of this file runs")

    def test_explain_of_a_client_that_is_denied(self):
        closed = GOOD.replace('address = "127.0.0.1:0"', 'address = "127.0.0.1:0"\ndeny = ["192.0.2.0/24"]')
        status, output = self.snipass("explain", "--config", "FILE", "blog.example.com", "--source", "192.0.2.7", text=closed)
        self.assertEqual(status, 0, output)
        self.assertTrue(output.startswith('it is denied, wherever it comes to:\nlistener "127.0.0.1:0" is closed to 192.0.2.7: it is in deny\n'
                                          'otherwise "blog.example.com" goes to backend "blog"\n'), output)

    def test_wrong_use(self):
        for arguments in (["run", "--frobnicate"], ["frobnicate"], [], ["check", "--config"]):
            with self.subTest(arguments=arguments):
                status, output = self.snipass(*arguments)
                self.assertEqual(status, 2)
                self.assertNotEqual(output, "")


if __name__ == "__main__":
    harness.main()
