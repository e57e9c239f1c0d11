# SPDX-License-Identifier: BSL-1.0
"""snipass-run: what it refuses, what it says, and that its library stays with the server."""
import contextlib
import os
import pwd
import shutil
import socket
import subprocess
import sys
import textwrap
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from harness import main  # noqa: E402
from harness.places import APART, BUILD, EXECUTABLE, RUN, for_everybody  # noqa: E402
from harness.preload_case import PRELUDE, PreloadCase  # noqa: E402
from harness.process import wait_until  # noqa: E402


CHECKED = RUN.parent.name == "checked"
NO_USER = "there is no user snipass"


class Exec(PreloadCase):
    @unittest.skipIf(CHECKED, "a sanitizer's runtime does not come back without the environment")
    def test_a_program_that_inherits_a_listener_takes_clients_whatever_its_environment(self):
        self.serve("""
            if len(sys.argv) == 2:
                v6 = socket.socket(socket.AF_INET6); v6.bind(("::1", 443)); v6.listen(64)
                os.set_inheritable(v6.fileno(), True)
                os.execve(sys.executable, [sys.executable, sys.argv[0], path, str(v6.fileno())], {})
            v6 = socket.socket(fileno=int(sys.argv[2]))
            say(v6.family == socket.AF_INET6, v6.getsockname()[:2])
            say(v6.accept()[1][:2])
        """)
        self.assertEqual(self.line(), "True ('::1', 443)")
        host, port = self.hand_over().getsockname()
        self.assertEqual(self.line(), f"('::ffff:{host}', {port})")

    def test_a_program_that_inherits_none_gets_the_environment_that_it_was_given(self):
        self.serve("""
            listener = listen()
            os.execve("/usr/bin/env", ["env"], {"ONLY": "this"})
        """)
        self.assertEqual(self.server.stdout.read(), "ONLY=this\n")


@unittest.skipIf(CHECKED, "a sanitizer's runtime does not come back without the environment")
class Wrappers(PreloadCase):
    """What stands between snipass-run and the server, and does away with the environment."""
    SERVER = """
        listener = listen()
        say("other.so" in open("/proc/self/maps").read())
        say(listener.accept()[1][0])
    """
    CLEARED = "import os, sys; os.environ.clear(); "

    def setUp(self):
        super().setUp()
        (self.folder / "other.c").write_text("int other;")
        self.other = self.folder / "other.so"
        subprocess.run(["cc", "-shared", "-fPIC", "-o", self.other, self.folder / "other.c"], check=True)

    def check_behind(self, *wrapper, has_other=False):
        self.socket = self.folder / f"{len(list(self.folder.iterdir()))}.sock"
        (self.folder / "server.py").write_text(PRELUDE + textwrap.dedent(self.SERVER))
        self.start_piped(RUN, self.socket, "--from", "0", "--listen", "443", "--", *wrapper,
                         sys.executable, self.folder / "server.py", self.socket)
        self.assertEqual(self.line(), str(has_other))
        self.hand_over()
        self.assertEqual(self.line(), "127.0.0.1")
        self.stop(self.server)

    def test_the_library_stays_with_the_server(self):
        export = f"export LD_PRELOAD={self.other}; "
        for name, wrapper, has_other in (
                ("env -i", ["env", "-i"], False),
                ("another library", ["env", f"LD_PRELOAD={self.other}"], True),
                ("another library, and nothing else", ["env", "-i", f"LD_PRELOAD={self.other}"], True),
                ("an entry point", ["sh", "-c", export + 'exec "$@"', "sh"], True),
                ("an entry point that waits", ["sh", "-c", export + '"$@" & wait', "sh"], True),
                ("two of them", ["env", "-i", "sh", "-c", export + 'exec "$@"', "sh"], True),
                ("snipass-run again", ["env", "-i", RUN, self.folder / "second.sock", "--from", "0", "--listen", "444", "--"], False),
                ("setpriv", ["setpriv", "--reset-env"], False),
                ("execv", ["python3", "-c", self.CLEARED + "os.execv(sys.argv[1], sys.argv[1:])"], False),
                ("execvp", ["perl", "-e", "%ENV = (); exec @ARGV"], False),
                ("posix_spawn", ["python3", "-c", "import os, sys; os.posix_spawn(sys.argv[1], sys.argv[1:], {}); os.wait()"], False),
                ("posix_spawnp", ["python3", "-c", "import os, sys; os.posix_spawnp(sys.argv[1], sys.argv[1:], {}); os.wait()"], False),
                ("fexecve", ["python3", "-c", "import os, sys; os.execve(os.open(sys.argv[1], os.O_RDONLY), sys.argv[1:], {})"], False)):
            with self.subTest(name=name):
                self.check_behind(*wrapper, has_other=has_other)

    def test_execl_and_its_like(self):
        (self.folder / "main.c").write_text("""
            #include <stdlib.h>
            #include <string.h>
            #include <unistd.h>
            int main(int argc, char** argv) {
                char* nothing[] = {NULL};
                const char* kind = argv[1];
                if (argc != 5) return 1;
                if (strcmp(kind, "execle") == 0) execle(argv[2], argv[2], argv[3], argv[4], NULL, nothing);
                if (strcmp(kind, "execvpe") == 0) execvpe(argv[2], argv + 2, nothing);
                clearenv();
                if (strcmp(kind, "execl") == 0) execl(argv[2], argv[2], argv[3], argv[4], NULL);
                if (strcmp(kind, "execlp") == 0) execlp(argv[2], argv[2], argv[3], argv[4], NULL);
                return 1;
            }
        """)
        subprocess.run(["cc", "-D_GNU_SOURCE", "-w", "-o", self.folder / "wrapper", self.folder / "main.c"], check=True)
        for kind in ("execl", "execlp", "execle", "execvpe"):
            with self.subTest(kind=kind):
                self.check_behind(self.folder / "wrapper", kind)

    def told(self, script, *arguments):
        done = subprocess.run([RUN, self.socket, "--from", "0", "--", "sh", "-c", script, "sh", *arguments], capture_output=True, text=True)
        return done.stderr

    def test_a_program_on_the_way_that_takes_no_library_is_told_of_once(self):
        static = self.folder / "static"
        (self.folder / "main.c").write_text("int main(void) { return 0; }")
        subprocess.run(["cc", "-static", "-o", static, self.folder / "main.c"], check=True)
        for script in ('exec "$1"', '"$1"; "$1" & "$1"; wait; exec "$1"'):
            with self.subTest(script=script):
                line = f"snipass preload: {static} is linked statically"
                self.assertEqual(self.told(script, static).count(line), 1)
        self.assertIn(f"write: {static} ... snipass-run SOCKET ... -- SERVER", self.told('exec "$1"', static))

    @unittest.skipUnless(os.geteuid() == 0, "only root can make one")
    def test_a_setuid_program_on_the_way_is_told_of(self):
        program = self.folder / "true"
        program.write_bytes(Path("/bin/true").read_bytes())
        os.chown(program, 1, 0)
        program.chmod(0o4755)
        (self.folder / "script").write_text(f"#!{program}\n")
        (self.folder / "script").chmod(0o755)
        for command in (program, self.folder / "script"):
            self.assertIn(f"{program} is setuid", self.told('exec "$1"', command))
        self.assertEqual(self.told("setpriv --no-new-privs true; exec true"), "")

    def test_what_takes_the_library_is_not_told_of(self):
        (self.folder / "script").write_text("#!/usr/bin/env sh\ntrue\n")
        (self.folder / "script").chmod(0o755)
        self.assertEqual(self.told('env true; /bin/true; "$1"; exec "$1"', self.folder / "script"), "")


class Check(PreloadCase):
    def check(self, *arguments, before=(), run=(BUILD / "snipass-run",), **environment):
        done = subprocess.run([*before, *run, "--check", self.socket, *arguments], capture_output=True, text=True,
                              env=os.environ | environment)
        return done.returncode, done.stdout + done.stderr

    def test_a_server_that_takes_clients(self):
        self.serve("listener = listen(); say('listening'); time.sleep(60)")
        self.line()
        status, said = self.check()
        self.assertEqual((status, said), (0, f"python3 (process {self.server.pid}) takes clients at {self.socket}\n"))

    def test_it_waits_for_a_server_that_is_starting(self):
        self.serve("time.sleep(0.5); listener = listen(); time.sleep(60)")
        self.assertEqual(self.check()[0], 0)

    def test_a_server_without_the_library(self):
        for listen, said in ((None, "without the library. A receiver of its own may do so"), ("443", "without the library")):
            with self.subTest(listen=listen):
                self.server = self.start(sys.executable, "-c", textwrap.dedent(f"""
                    import socket, time
                    listener = socket.socket({'socket.AF_INET' if listen else 'socket.AF_UNIX'})
                    listener.bind({('127.0.0.1', 0) if listen else str(self.socket)!r}); listener.listen()
                    print(listener.getsockname(), flush=True)
                    time.sleep(60)
                """), log="port")
                wait_until(lambda: (self.folder / "port").read_text().endswith("\n"), "the listener")
                port = (self.folder / "port").read_text().split()[-1].rstrip(")")
                status, output = self.check(*(["--listen", port] if listen else []))
                self.assertEqual(status, 1, output)
                self.assertIn(f"(process {self.server.pid})", output)
                self.assertIn(said, output)
                self.stop(self.server)
                self.socket.unlink(missing_ok=True)
                (self.folder / "port").unlink()

    def test_nobody_at_all(self):
        status, said = self.check("--listen", "1")
        self.assertEqual(status, 1)
        self.assertIn(f"nobody listens at {self.socket}", said)
        self.assertIn("was\nthe drop-in copied, and systemctl daemon-reload called?", said)
        self.assertIn("nobody listens on TCP port 1 either", said)

    def test_it_waits_no_longer_than_the_main_process_of_its_unit(self):
        ended = subprocess.Popen(["true"])
        ended.wait()
        with self.subTest("which has ended"):
            status, said = self.check(MAINPID=str(ended.pid))
            self.assertEqual(status, 1)
            self.assertIn(f"the main process of the unit ({ended.pid}) has ended", said)
            self.assertIn(f"nobody listens at {self.socket}", said)
        with self.subTest("which ends meanwhile"), subprocess.Popen(["cat"], stdin=subprocess.PIPE) as main_process:
            checking = subprocess.Popen([BUILD / "snipass-run", "--check", self.socket], stderr=subprocess.PIPE, text=True,
                                        env=os.environ | {"MAINPID": str(main_process.pid)})
            wait_until(lambda: Path(f"/proc/{checking.pid}/comm").read_text() == "snipass-run\n", "it looks")
            main_process.communicate()
            self.assertIn(f"({main_process.pid}) has ended", checking.communicate()[1])
            self.assertEqual(checking.returncode, 1)
        with self.subTest("which has left a server behind"):
            self.serve("listener = listen(); say('listening'); time.sleep(60)")
            self.line()
            self.assertEqual(self.check(MAINPID=str(ended.pid))[0], 0)

    @unittest.skipUnless(os.geteuid() == 0, "only root can have mounts of its own")
    def test_a_socket_of_another_machine_in_this_network_namespace_is_not_taken_for_ours(self):
        ended = subprocess.Popen(["true"])
        ended.wait()
        (self.folder / "run").mkdir()
        self.socket = self.folder / "run/handoff.sock"
        script = self.folder / "elsewhere.py"
        script.write_text(PRELUDE + "listener = listen(); say('listening'); time.sleep(60)")
        self.start_piped(sys.executable, APART, "sh", "-c", 'mount -t tmpfs none "$0" && exec "$@"', self.socket.parent,
                         RUN, self.socket, "--from", "0", "--listen", "443", "--", sys.executable, script, self.socket)
        self.line()
        status, said = self.check(MAINPID=str(ended.pid))
        self.assertEqual(status, 1, said)
        self.assertIn("there is no such file", said)
        self.serve("listener = listen(); say('listening'); time.sleep(60)")
        self.line()
        self.assertEqual(self.check(), (0, f"python3 (process {self.server.pid}) takes clients at {self.socket}\n"))

    @unittest.skipUnless(os.geteuid() == 0, "only root can have processes of its own")
    def test_a_server_that_root_does_not_see_is_no_verdict(self):
        self.serve("listener = listen(); say('listening'); time.sleep(60)")
        self.line()
        status, said = self.check(before=("unshare", "--pid", "--fork", sys.executable, APART, "sh", "-c",
                                          'mount -t proc proc /proc && exec "$0" "$@"'))
        self.assertEqual(status, 2, said)
        self.assertIn(f"somebody listens at {self.socket} whom this machine does not show", said)
        self.assertIn("(ss -xlp)", said)

    def test_a_server_that_was_bound_by_another_name_is_seen(self):
        self.serve("""
            listener = socket.socket(socket.AF_UNIX)
            listener.bind(f"{path}.4711.tmp"); listener.listen(); os.rename(f"{path}.4711.tmp", path)
            say("listening"); time.sleep(60)
        """, listen=None)
        self.line()
        self.assertEqual(self.check(), (0, f"python3 (process {self.server.pid}) takes clients at {self.socket}\n"))

    def test_a_server_that_has_ended(self):
        with socket.socket(socket.AF_UNIX) as left:
            left.bind(str(self.socket))
        status, said = self.check()
        self.assertEqual(status, 1)
        self.assertIn("the server that made it has ended", said)

    def apart(self, *command):
        return self.check(before=(sys.executable, APART, *command))

    @unittest.skipUnless(os.geteuid() == 0, "only root can have mounts of its own")
    def test_where_it_cannot_look_it_says_so(self):
        self.serve("listener = listen(); say('listening'); time.sleep(60)")
        self.line()
        (self.folder / "empty").mkdir()
        for name, how, said in (
                ("no /proc", f"mount --bind {self.folder / 'empty'} /proc", "/proc/net/unix: No such file or directory. Mount /proc"),
                ("another network namespace", "", "cannot be seen from here: in another network namespace")):
            with self.subTest(name=name):
                network = ("unshare", "--net") if not how else ()
                status, output = self.apart(*network, "sh", "-c", f'{how or "true"} && exec "$0" "$@"')
                self.assertEqual(status, 2, output)
                self.assertIn(said, output)
                self.assertNotIn("nobody", output)

    @unittest.skipUnless(os.geteuid() == 0, "only root can become another user")
    def test_a_folder_that_may_not_be_entered(self):
        closed = self.folder / "closed"
        closed.mkdir(mode=0o700)
        self.socket = closed / "x.sock"
        status, output = self.check(before=("setpriv", "--reuid", "65534", "--clear-groups"), run=for_everybody(BUILD / "snipass-run"))
        self.assertEqual(status, 2, output)
        self.assertIn("Permission denied. Root may", output)


class Unbound(PreloadCase):
    """What the server's user reads where the socket cannot be made: the server itself speaks of a port."""

    def told(self, *wrapper, before=(), run=(RUN,), python=sys.executable):
        (self.folder / "server.py").write_text(PRELUDE + "say(attempt(listen))\n")
        done = subprocess.run([*before, *run, self.socket, "--from", "0", "--listen", "443", "--", *wrapper, python,
                               self.folder / "server.py", self.socket], capture_output=True, text=True, env=EXECUTABLE)
        return done.stdout.strip(), done.stderr

    def check_told(self, told, error, why, remedy):
        output, said = told
        self.assertEqual(output, error)
        self.assertIn(f"snipass preload: cannot listen at {self.socket}: {why}; {remedy}", said)

    def test_a_folder_that_has_gone(self):
        gone = self.folder / "gone"
        gone.mkdir()
        self.socket = gone / "x.sock"
        told = self.told("sh", "-c", f'rmdir {gone}; exec "$0" "$@"')
        self.check_told(told, "ENOENT", "No such file or directory", "make its folder first")

    @unittest.skipUnless(os.geteuid() == 0, "only root can become another user")
    def test_a_folder_that_the_user_may_not_write_to(self):
        for folder in (self.class_folder, self.folder):
            folder.chmod(0o755)
        told = self.told(before=("setpriv", "--reuid", "65534", "--clear-groups"), run=for_everybody(RUN), python="python3")
        self.check_told(told, "EACCES", "Permission denied", "let this user write to its folder")

    def test_a_path_that_is_taken(self):
        with self.subTest("by a file"):
            self.socket.write_text("")
            self.check_told(self.told(), "EADDRINUSE", "Address already in use", "another process listens there, or")
            self.socket.unlink()
        with self.subTest("by a server"), socket.socket(socket.AF_UNIX) as other:
            other.bind(str(self.socket))
            other.listen()
            self.check_told(self.told(), "EADDRINUSE", "Address already in use", "another process listens there, or")


class Settings(PreloadCase):
    def test_what_cannot_be_used_is_reported_and_left_out(self):
        for text in ("443=/x", "*:70000=/x", "127.0.0.1:443", "unix:", "unix:relative", "[::1:443=/x", "*:443=" + "/x" * 60,
                     "localhost:443=/x", "*:=/x", "*:4 43=/x", "*:443=/x *:444=/x", "*:443=/x unix:/x"):
            with self.subTest(text=text):
                done = subprocess.run(["/bin/true"], capture_output=True, text=True, check=True, env={
                    "LD_PRELOAD": str(BUILD / "libsnipass_preload.so"), "SNIPASS_LISTEN": text})
                self.assertIn("snipass preload: SNIPASS_LISTEN: cannot use", done.stderr)

    def test_good_ones_are_silent(self):
        done = subprocess.run(["/bin/true"], capture_output=True, text=True, check=True, env={
            "LD_PRELOAD": str(BUILD / "libsnipass_preload.so"), "SNIPASS_ALLOW_UID": "0,65534 7",
            "SNIPASS_LISTEN": "unix:/run/a.sock,unix:/run/a.sock *:443=/run/b.sock [::1]:8443=/run/c.sock,127.0.0.1:1=/d"})
        self.assertEqual(done.stderr, "")


class Wrapper(PreloadCase):
    def test_says_what_is_wrong(self):
        run, here = RUN, str(self.folder / "s.sock")
        for arguments, problem in (
                ([], "usage:"),
                (["relative.sock", "--", "true"], "absolute path"),
                (["unix:/run/s.sock", "--", "true"], 'leave out "unix:", and write /run/s.sock'),
                ([here, "--listen=443", "--", "true"], "write --listen 443"),
                (["/nowhere/s.sock", "--", "true"], "/nowhere is no folder"),
                ([f"{here}/s.sock", "--", "true"], "is no folder"),
                ([f"{here} s", "--", "true"], "without spaces"),
                ([str(self.folder / ("a" * 100)), "--", "true"], "longer than 107 bytes"),
                ([here, "--listen"], "--listen needs an address"),
                ([here, "--listen", "host", "--", "true"], "has no port"),
                ([here, "--listen", "443", "--listen", "444", "--", "true"], "--listen may be given once"),
                ([here, "--listen", "443", "--", run, here, "--listen", "444", "--", "true"], "another listener already: *:443="),
                ([here, "--from"], "--from needs a user"),
                ([here, "--from", "no-such-user", "--", "true"], "no user"),
                ([here, "--from", "-1", "--", "true"], "no user"),
                ([here, "--from", "4294967295", "--", "true"], "no user"),
                ([here, *["--from", "0"] * 17, "--", "true"], "16 users at most"),
                ([here, "true"], "-- stands in front"),
                ([here, "--"], "no command")):
            with self.subTest(arguments=arguments):
                done = subprocess.run([run, *arguments], capture_output=True, text=True)
                self.assertEqual(done.returncode, 2)
                self.assertIn(problem, done.stderr)

    def test_says_its_version(self):
        done = subprocess.run([RUN, "--version"], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0)
        self.assertRegex(done.stdout, r"^snipass-run \d+\.\d+\.\d+\n$")

    def users(self, *options, before=(), environment=None):
        """SNIPASS_ALLOW_UID, and what was said."""
        done = subprocess.run([*before, RUN, self.socket, *options, "--", "sh", "-c", "echo $SNIPASS_ALLOW_UID"], capture_output=True,
                              text=True, check=True, env={**os.environ, **(environment or {})})
        return done.stdout.strip(), done.stderr

    def test_users_are_given_by_name_or_by_number(self):
        daemon = pwd.getpwnam("daemon").pw_uid
        self.assertEqual(self.users("--from", "daemon", "--from", "1234567"), (f"{daemon} 1234567", ""))

    @unittest.skipUnless(os.geteuid() == 0, "only root can have another list of users")
    def test_the_user_snipass_is_the_default(self):
        users = self.folder / "passwd"
        users.write_text(f"{Path('/etc/passwd').read_text()}snipass:x:54321:54321::/:/bin/false\n")
        before = (sys.executable, APART, "sh", "-c", 'mount --bind "$0" /etc/passwd && exec "$@"', users)
        self.assertEqual(self.users(before=before), ("54321", ""))
        self.assertEqual(self.users("--from", "0", before=before), ("0", ""))

    def test_without_that_user_it_says_so_once(self):
        with contextlib.suppress(KeyError):
            pwd.getpwnam("snipass")
            self.skipTest("this machine has the user snipass")
        self.assertEqual(self.users()[1].count(NO_USER), 1)
        done = subprocess.run([RUN, self.socket, "--", RUN, self.folder / "second.sock", "--", "true"], capture_output=True, text=True)
        self.assertEqual(done.stderr.count(NO_USER), 1)

    def test_an_address_that_the_library_would_leave_out_is_an_error(self):
        """And what to write instead is said: otherwise the server would start, and listen on TCP."""
        for address, advice in (
                ("localhost", 'as "443" or "127.0.0.1:443"'), ("localhost:443", '"127.0.0.1:443"'), ("", "has no port"),
                ("::1", '"[::1]:443"'), ("::1:443", '"[::1]:443"'), ("[::1]", '"[::1]:443"'), ("[::1:443", '"[::1]:443"'),
                ("0", "1 to 65535"), ("*:0", "1 to 65535"), ("99999", "1 to 65535"), ("65536", "1 to 65535"),
                ("18446744073709551617", "1 to 65535"), ("127.0.0.1:", "has no port"), (":443", 'or "443" alone'),
                ("1.2.3:443", '"127.0.0.1:443"'), ("1.2.3.256:443", '"127.0.0.1:443"'), ("1.2.3.4.5:443", '"127.0.0.1:443"'),
                ("01.2.3.4:443", '"127.0.0.1:443"'), ("1.2..3:443", '"127.0.0.1:443"'), ("127.0.0.1:44 3", "has no port"),
                ("[1.2.3.4]:443", '"[::1]:443"'), ("[1:2]:443", '"[::1]:443"'), ("[1::2::3]:443", '"[::1]:443"'),
                ("[:::]:443", '"[::1]:443"'), ("[:1::]:443", '"[::1]:443"'), ("[12345::]:443", '"[::1]:443"'),
                ("[1:2:3:4:5:6:7::8]:443", '"[::1]:443"'), ("[::g]:443", '"[::1]:443"'), ("[]:443", '"[::1]:443"'),
                ("[::1.2.3]:443", '"[::1]:443"'), ("[::1.2.3.4:5]:443", '"[::1]:443"'), ("x=/y,*:443", "is no address")):
            with self.subTest(address=address):
                done = subprocess.run([RUN, self.socket, "--listen", address, "--", "true"], capture_output=True, text=True)
                self.assertEqual(done.returncode, 2)
                self.assertIn(advice, done.stderr)

    def test_an_address_that_the_library_takes_is_none(self):
        for address in ("443", "*:443", "1", "65535", "127.0.0.1:443", "0.0.0.0:8443", "[::]:443", "[::1]:443", "[1:2:3:4:5:6:7:8]:443",
                        "[2001:db8::]:443", "[2001:DB8::7:8]:443", "[::ffff:192.0.2.1]:443", "[1:2:3:4:5:6:1.2.3.4]:443"):
            with self.subTest(address=address):
                done = subprocess.run([RUN, self.socket, "--listen", address, "--from", "0", "--", "/bin/true"], capture_output=True, text=True)
                self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_a_program_that_the_library_would_not_get_into_is_refused(self):
        if os.geteuid() != 0:
            self.skipTest("only root can make one")
        program = self.folder / "true"
        program.write_bytes(Path("/bin/true").read_bytes())
        self.folder.chmod(0o755)
        for mode, owner, user, refused in ((0o4755, (0, 0), 65534, "setuid"), (0o4755, (0, 0), 0, ""), (0o4755, (1, 0), 0, "setuid"),
                                           (0o2755, (0, 1), 0, "setgid"), (0o2755, (1, 0), 0, "")):
            with self.subTest(mode=oct(mode), owner=owner, user=user):
                os.chown(program, *owner)
                program.chmod(mode)
                done = subprocess.run([*for_everybody(RUN), self.socket, "--", program], user=user, capture_output=True, text=True)
                self.assertEqual(done.returncode, 2 if refused else 0, done.stderr)
                self.assertIn(f"is {refused}: start it as its own user and group" if refused else "", done.stderr)
        os.chown(program, 0, 0)
        program.chmod(0o755)
        if shutil.which("setcap") and subprocess.run(["setcap", "cap_net_bind_service=+ep", program], stderr=subprocess.DEVNULL).returncode == 0:
            done = subprocess.run([*for_everybody(RUN), self.socket, "--", program], user=65534, capture_output=True, text=True)
            self.assertEqual((done.returncode, "has file capabilities" in done.stderr), (2, True))
        done = subprocess.run([RUN, self.socket, "--", "no-such-command"], capture_output=True, text=True)
        self.assertIn("there is no command", done.stderr)

    @unittest.skipIf(CHECKED, "a sanitizer's runtime comes first, and snipass-run within snipass-run second")
    def test_a_program_that_does_not_call_libc_is_refused(self):
        (self.folder / "main.c").write_text("int main(void) { return 0; }")
        (self.folder / "main.go").write_text("package main\nfunc main() {}\n")
        environment = {**os.environ, "CGO_ENABLED": "0", "GO111MODULE": "off", "GOFLAGS": ""}
        for name, command, problem in (
                ("dynamic", ["cc", "main.c"], ""),
                ("static", ["cc", "-static", "main.c"], "is linked statically"),
                ("static-pie", ["cc", "-static-pie", "main.c"], "is linked statically"),
                ("go", ["go", "build"], "is a Go program")):
            with self.subTest(name=name):
                program = self.folder / name
                subprocess.run([*command, "-o", program, *(["main.go"] if name == "go" else [])], cwd=self.folder, env=environment,
                               check=True, capture_output=True)
                for arguments in ([], [RUN, self.folder / "second.sock", "--"]):
                    done = subprocess.run([RUN, self.socket, "--", *arguments, program], capture_output=True, text=True)
                    self.assertEqual(done.returncode, 2 if problem else 0, done.stderr)
                    self.assertIn(problem, done.stderr)
        unreadable = self.folder / "dynamic"
        unreadable.chmod(0o711)
        done = subprocess.run([*for_everybody(RUN), self.socket, "--from", "0", "--", unreadable], user=65534 if os.geteuid() == 0 else None, capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_a_library_that_the_loader_would_not_find_is_refused(self):
        for name in ("my folder", "a:b"):
            folder = self.folder / name
            folder.mkdir()
            for file in (BUILD / "snipass-run", BUILD / "libsnipass_preload.so"):
                shutil.copy(file, folder)
            done = subprocess.run([folder / "snipass-run", self.socket, "--", "/bin/true"], capture_output=True, text=True)
            self.assertEqual((done.returncode, "a space or a colon" in done.stderr), (2, True))

    def test_hands_on_the_commands_exit_status(self):
        done = subprocess.run([RUN, self.socket, "--", "sh", "-c", "exit 7"])
        self.assertEqual(done.returncode, 7)


if __name__ == "__main__":
    main()
