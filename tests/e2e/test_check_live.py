# SPDX-License-Identifier: BSL-1.0
"""`snipass check --live`: the backends of a file are tried as the router would, and what they show is held against the routes."""

import contextlib
import json
import os
import pwd
import re
import socket
import subprocess
import sys
import threading
import time
import unittest

import harness
from harness import DEADLINE, Case
from harness.case import HEAD
from harness.places import APART, SNIPASS
from harness.receiver import Receiver
from harness.tls_end import TlsEnd, make_certificate


def route(*names, backend="blog", rest=""):
    return f"\n[[route]]\nnames = {json.dumps(names)}\nbackend = \"{backend}\"\n{rest}\n"


class Live(Case):
    def certificate_for(self, *names, days=90):
        """The files of a certificate and its key."""
        base = self.folder / names[0].replace("*", "any")
        files = base.with_suffix(".pem"), base.with_suffix(".key")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", str(days), "-subj", f"/CN={names[0]}",
                        "-addext", "subjectAltName=" + ",".join(f"DNS:{name}" for name in names), "-keyout", files[1], "-out", files[0]],
                       check=True, capture_output=True)
        return files

    def server(self, name, *names, days=90, **options):
        return self.keep(Receiver(self.folder / f"{name}.sock", name, *self.certificate_for(*names, days=days), **options))

    def check(self, text, user=None, prefix=(), cwd=None):
        file = self.folder / "snipass.toml"
        file.write_text(HEAD + text)
        user = user or pwd.getpwuid(os.geteuid()).pw_name  # whose the sockets of a test are
        ran = subprocess.run([*prefix, os.path.abspath(SNIPASS), "check", "--live", "--user", user, "--config", str(file)], cwd=cwd, capture_output=True, text=True,
                             timeout=4 * DEADLINE, check=False)
        return ran.returncode, ran.stdout + ran.stderr

    def test_a_backend_that_does_its_part(self):
        self.server("blog", "blog.example.com", "*.blog.example.com")
        status, text = self.check(self.backend("blog") + route("blog.example.com", "*.blog.example.com", "/^x/"))
        self.assertEqual(status, 0, text)
        where = re.escape(f"unix:{self.folder}/blog.sock")
        self.assertRegex(text, rf"(?m)^blog {where}: takes clients, blog\.example\.com: TLSv1\.3 h2$")
        self.assertRegex(text, rf"(?m)^blog {where}: takes clients, snipass-check\.blog\.example\.com: TLSv1\.3 h2$")
        self.assertRegex(text, r"(?m)^every backend does its part, 0 warnings$")
        self.assertIn("asked as user ", text)

    def test_the_client_that_is_handed_over_is_our_own(self):
        blog = self.server("blog", "blog.example.com")
        self.check(self.backend("blog") + route("blog.example.com"))
        taken = blog.taken()[0]
        self.assertEqual((taken["authority"], taken["source"][0]), ("blog.example.com", "127.0.0.1"))

    def test_who_is_not_there_or_does_not_acknowledge(self):
        full = socket.socket(socket.AF_UNIX)
        full.bind(str(self.folder / "full.sock"))
        full.listen(0)
        waiting = socket.socket(socket.AF_UNIX)
        waiting.connect(str(self.folder / "full.sock"))
        for one in (full, waiting):
            self.addCleanup(one.close)
        deaf = socket.socket(socket.AF_UNIX)
        self.addCleanup(deaf.close)
        deaf.bind(str(self.folder / "deaf.sock"))
        self.server("silent", "a.example.com", manner="silent")
        self.server("unwilling", "a.example.com", manner="decline")
        self.server("datagram", "a.example.com", protocol="datagram")
        for name, said in (("absent", "nobody is there: no such socket"), ("deaf", "nobody is there: the connection is refused"),
                           ("full", "it does not accept: its backlog is full"),
                           ("silent", "it does not acknowledge within ack_timeout"), ("unwilling", "it has declined the client"),
                           ("datagram", "it is a socket of the other kind: is protocol right?")):
            with self.subTest(name=name):
                status, text = self.check(self.backend(name, rest='ack_timeout = "500ms"') + route("a.example.com", backend=name))
                self.assertEqual(status, 1, text)
                self.assertRegex(text, rf"(?m)^{re.escape(str(self.folder))}/snipass\.toml:\d+:\d+: error: backend\.{name}: unix:\S+: {re.escape(said)}")
                self.assertIn("not every backend does its part", text)

    def test_by_datagram_the_hello_goes_with_the_client(self):
        self.server("blog", "blog.example.com", protocol="datagram")
        status, text = self.check(self.backend("blog", protocol="datagram") + route("blog.example.com"))
        self.assertEqual(status, 0, text)
        self.assertIn("blog.example.com: TLSv1.3 h2", text)

    def test_a_backend_that_is_relayed_to(self):
        for protocol, header in (("tcp", ""), ("tcp-v2", 'proxy_protocol = "v2"')):
            with self.subTest(protocol=protocol):
                far = self.server("far", "far.example.com", protocol=protocol)
                with socket.socket() as nobody:
                    nobody.bind(("127.0.0.1", 0))
                    backend = '[backend.far]\nproxy = ["127.0.0.1:%d"]\n' + header + "\n"
                    routes = route("far.example.com", backend="far")
                    if protocol == "tcp":
                        status, text = self.check(backend % far.port + routes)
                        self.assertEqual(status, 0, text)
                        self.assertIn("far.example.com: TLSv1.3 h2", text)
                    status, text = self.check(backend % nobody.getsockname()[1] + routes)
                    self.assertEqual(status, 1, text)
                    self.assertIn("the connection is refused", text)

    def test_a_certificate_without_the_name_or_at_its_end(self):
        self.server("blog", "other.example.com")
        self.server("old", "old.example.com", days=3)
        status, text = self.check(self.backend("blog") + route("blog.example.com") + self.backend("old") + route("old.example.com", backend="old"))
        self.assertEqual(status, 0, text)
        self.assertRegex(text, r"(?m)^\S+snipass\.toml:\d+:\d+: warning: backend\.blog: blog\.example\.com: its certificate does not have that name")
        self.assertRegex(text, r"(?m)^\S+snipass\.toml:\d+:\d+: warning: backend\.old: old\.example\.com: its certificate ends in [23] days")
        self.assertIn("every backend does its part, 2 warnings", text)

    def test_one_certificate_for_names_of_two_backends(self):
        self.server("blog", "*.example.com")
        self.server("shop", "shop.example.com")
        status, text = self.check(self.backend("blog") + self.backend("shop") + route("blog.example.com") + route("shop.example.com", backend="shop"))
        self.assertEqual(status, 0, text)
        self.assertRegex(text, r'(?m): warning: backend\.blog: its certificate has "shop\.example\.com", too, which goes to shop: .* 421 ')
        self.assertNotIn("backend.shop: its certificate has", text)

    def test_a_protocol_that_the_route_does_not_have(self):
        self.server("blog", "blog.example.com")
        status, text = self.check(self.backend("blog") + route("blog.example.com", rest='alpn = ["mqtt"]') + route("blog.example.com"))
        self.assertEqual(status, 0, text)
        self.assertIn('the route has alpn = ["mqtt"], and the server chose none', text)

    def test_no_tls_where_the_route_leads(self):
        self.server("blog", "blog.example.com", serve="once")
        status, text = self.check(self.backend("blog") + route("blog.example.com"))
        self.assertEqual(status, 1, text)
        self.assertRegex(text, r"error: backend\.blog: blog\.example\.com: ")

    def test_a_backend_of_http_alone_is_only_visited(self):
        self.receiver("live", serve="raw")
        clear = '\n[[listener]]\naddress = "127.0.0.2:0"\nprotocol = "http"\n'
        status, text = self.check(clear + self.backend("live") + route("live.example.com", backend="live", rest='paths = ["/live/*"]'))
        self.assertEqual(status, 0, text)
        self.assertRegex(text, r"(?m)^live unix:\S+: takes clients$")

    def test_a_backend_whose_tls_ends_in_snipass_tls(self):
        make_certificate(self.folder / "live" / "a", "a.example.com", days=90)
        text = (f'[tls]\ncertificates = ["{self.folder}/live/*"]\nhandoff = "unix:{self.folder}/tls.sock"\n'
                f'[backend.clear]\ntls = "terminate"\nhandoff = "unix:{self.folder}/clear.sock"\n' + route("a.example.com", backend="clear"))
        status, said = self.check(text)
        self.assertEqual(status, 1, said)
        for path in ("tls", "clear"):
            self.assertRegex(said, rf"error: backend\.clear: unix:{re.escape(str(self.folder))}/{path}\.sock: nobody is there")
        self.receiver("clear", serve="raw")
        self.keep(TlsEnd(self.folder, HEAD + text))
        status, said = self.check(text)
        self.assertEqual(status, 0, said)
        self.assertRegex(said, r"(?m)^clear unix:\S+/tls\.sock: takes clients, a\.example\.com: TLSv1\.3 http/1\.1$")
        self.assertRegex(said, r"(?m)^clear unix:\S+/clear\.sock: there$")
        self.assertIn("0 warnings", said)
        make_certificate(self.folder / "live" / "b", "b.example.com", days=90)
        status, said = self.check(text + route("b.example.com", backend="clear"))  # of which snipass-tls has not heard
        self.assertEqual(status, 1, said)
        self.assertRegex(said, r"(?m)error: backend\.clear: b\.example\.com: .*unrecognized name: .*\(systemctl reload snipass-tls\)$")

    def encrypted(self, port, rest=""):
        return (f'[tls]\ncertificates = ["{self.folder}/live/*"]\nhandoff = "unix:{self.folder}/tls.sock"\n'
                f'[backend.far]\ntls = "terminate"\nproxy = ["127.0.0.1:{port}"]\nbackend_tls = true\n{rest}\n' + route("a.example.com", backend="far"))

    def test_a_backend_to_which_snipass_tls_speaks_tls(self):
        make_certificate(self.folder / "live" / "a", "a.example.com", days=90)
        far = self.server("far", "far.example.com", protocol="tcp")
        ca = f'backend_ca = "{self.folder}/far.example.pem"\n'
        name = 'backend_name = "far.example.com"\n'
        for rest, said in ((ca + name, "far 127.0.0.1:%d: there, TLSv1.3 http/1.1"), (ca + name + 'alpn = ["h2", "http/1.1"]', "far 127.0.0.1:%d: there, TLSv1.3 http/1.1"),
                           (ca, "error: backend.far: 127.0.0.1:%d: TLS: our alert: bad certificate; "),
                           (name + f'backend_ca = "{self.folder}/live/a/fullchain.pem"\n', "error: backend.far: 127.0.0.1:%d: TLS: our alert: ")):
            with self.subTest(rest=rest):
                _, text = self.check(self.encrypted(far.port, rest))
                self.assertIn(said % far.port, text)

    def test_a_backend_that_refuses_snipass_tls_s_certificate(self):
        files = make_certificate(self.folder / "live" / "a", "a.example.com", days=90)
        for version in ("tls1_2", "tls1_3"):
            with self.subTest(version=version), subprocess.Popen(["openssl", "s_server", "-accept", "127.0.0.1:0", "-cert", files, "-key", files.parent / "privkey.pem", f"-{version}",
                                                                  "-Verify", "1", "-verify_return_error"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
                self.addCleanup(server.kill)
                port = int(re.search(r"ACCEPT .*:(\d+)", next(line for line in server.stdout if line.startswith("ACCEPT")))[1])
                status, text = self.check(self.encrypted(port, f'backend_ca = "{files}"'))
                server.kill()
                self.assertEqual(status, 1, text)
                self.assertIn(f"error: backend.far: 127.0.0.1:{port}: TLS: the backend's alert: ", text)

    def test_a_mistake_in_the_file_comes_first(self):
        status, text = self.check(self.backend("blog") + route("blog.example.com", backend="blgo"))
        self.assertEqual(status, 2, text)
        self.assertNotIn("asked as", text)

    @unittest.skipUnless(os.geteuid() == 0, "to become somebody else needs root")
    def test_a_user_that_is_not_there(self):
        status, text = self.check(self.backend("blog") + route("blog.example.com"), user="nobodyx")
        self.assertEqual((status, text.splitlines()[-1]), (2, '--user: there is no user "nobodyx" here; write as whom the router runs, such as --user root'))

    @unittest.skipUnless(os.geteuid() == 0 and subprocess.run(["unshare", "--map-root-user", "true"], check=False, capture_output=True).returncode == 0, "no user namespaces here")
    def test_root_who_cannot_become_the_router_s_user_asks_nobody(self):
        blog = self.server("blog", "blog.example.com")
        status, text = self.check(self.backend("blog") + route("blog.example.com"), user="nobody", prefix=("unshare", "--map-root-user"))
        self.assertEqual(status, 2, text)
        self.assertRegex(text.splitlines()[-1], "^--user: cannot become nobody: .*; write --user root to ask as root$")
        self.assertEqual(blog.reported("taken"), [])

    @unittest.skipUnless(os.geteuid() == 0, "only root can have mounts of its own")
    def test_what_snipass_tls_may_not_read_root_is_told_of(self):
        key = make_certificate(self.folder / "live" / "a", "a.example.com", days=90).parent / "privkey.pem"
        for folder in (self.class_folder, self.folder):
            folder.chmod(0o755)
        passwd = self.folder / "passwd"
        passwd.write_text("root:x:0:0::/:/bin/sh\nsnipass-tls:x:65534:65534::/:/bin/sh\n")
        text = (f'[tls]\ncertificates = ["{self.folder}/live/*"]\nhandoff = "unix:{self.folder}/tls.sock"\n'
                f'[backend.clear]\ntls = "terminate"\nhandoff = "unix:{self.folder}/clear.sock"\n' + route("a.example.com", backend="clear"))
        for owner, mode, folder, said in ((0, 0o400, 0o755, f"{key}: cannot be read: Permission denied, as user snipass-tls"), (65534, 0o400, 0o755, None),
                                          (65534, 0o400, 0o700, f"{key.parent}/fullchain.pem: Permission denied, as user snipass-tls")):
            with self.subTest(owner=owner, folder=folder):
                os.chown(key, owner, owner)
                key.chmod(mode)
                key.parent.chmod(folder)
                _, told = self.check(text, user="root", prefix=(sys.executable, APART, "sh", "-c", f'mount --bind {passwd} /etc/passwd && exec "$0" "$@"'))
                if said:
                    self.assertRegex(told, rf"(?m)^\S+snipass\.toml:\d+:\d+: warning: tls\.certificates: {re.escape(said)}$")
                else:
                    self.assertNotIn("Permission denied", told)

    @unittest.skipUnless(os.geteuid() == 0, "only root can have mounts of its own")
    def test_without_proc_no_program_of_the_folder_is_run_instead(self):
        (self.folder / "proc").mkdir()
        here = self.folder / "snipass-tls"
        here.write_text("#!/bin/sh\necho run by mistake\n")
        here.chmod(0o755)
        status, text = self.check(self.backend("blog") + route("blog.example.com"), cwd=self.folder,
                                  prefix=(sys.executable, APART, "sh", "-c", f'mount --bind {self.folder / "proc"} /proc && exec "$0" "$@"'))
        self.assertEqual(status, 1, text)
        self.assertIn("cannot find snipass-tls, which is beside this program: /proc/self/exe: ", text)
        self.assertNotIn("run by mistake", text)

    def test_a_server_that_is_silent_is_asked_for_one_name(self):
        with socket.create_server(("127.0.0.1", 0), backlog=16) as server:
            status, text = self.check('[backend.far]\nproxy = ["127.0.0.1:%d"]\n' % server.getsockname()[1] +
                                      route("a.example.com", "b.example.com", "c.example.com", backend="far"))
            server.setblocking(False)
            server.accept()[0].close()
            with self.assertRaises(BlockingIOError):
                server.accept()
        self.assertEqual(status, 1, text)
        self.assertIn("error: backend.far: a.example.com: no TLS handshake in time", text)
        self.assertIn(": not asked for its other names, since it is silent\n", text)

    def test_a_server_that_is_slow_is_not_asked_for_all_its_names(self):
        with socket.create_server(("127.0.0.1", 0)) as server:
            def refuse_late():
                with contextlib.suppress(OSError):
                    while True:
                        with server.accept()[0] as connection:
                            connection.recv(4096)
                            time.sleep(3)  # two of them are more than an address has in all
                            connection.sendall(bytes.fromhex("15030300020228"))  # handshake_failure

            refusing = threading.Thread(target=refuse_late)
            refusing.start()
            status, text = self.check('[backend.far]\nproxy = ["127.0.0.1:%d"]\n' % server.getsockname()[1] +
                                      route("a.example.com", "b.example.com", "c.example.com", backend="far"))
            server.shutdown(socket.SHUT_RDWR)
            refusing.join()
        self.assertEqual(status, 1, text)
        self.assertIn(": not asked for its other names, since it is slow\n", text)
        self.assertNotIn("c.example.com", text)

    def test_a_server_that_never_stops_talking_has_its_time(self):
        with socket.create_server(("127.0.0.1", 0)) as server:
            def flood():
                connection, _ = server.accept()
                with connection, contextlib.suppress(OSError):
                    while True:
                        connection.sendall(bytes.fromhex("160303000400000000") * 1000)  # HelloRequest

            flooding = threading.Thread(target=flood)
            flooding.start()
            status, text = self.check('[backend.far]\nproxy = ["127.0.0.1:%d"]\n' % server.getsockname()[1] + route("a.example.com", backend="far"))
            flooding.join()
        self.assertEqual(status, 1, text)
        self.assertIn("error: backend.far: a.example.com: no TLS handshake in time", text)

    def test_what_the_router_s_user_may_not_root_does_not_hide(self):
        self.server("blog", "blog.example.com")
        self.class_folder.chmod(0o755)
        self.folder.chmod(0o755)
        (self.folder / "blog.sock").chmod(0o600)
        status, text = self.check(self.backend("blog") + route("blog.example.com"), user="nobody")
        self.assertEqual(status, 1, text)
        self.assertIn("asked as user nobody", text)
        self.assertIn("this user may not connect", text)


if __name__ == "__main__":
    harness.main()
