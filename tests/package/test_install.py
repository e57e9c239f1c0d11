# SPDX-License-Identifier: BSL-1.0
"""Installs the build into a temporary root, and looks at the result as an admin and as systemd would."""

import os
import pathlib
import re
import shutil
import stat
import subprocess
import tempfile
import unittest

SOURCE = pathlib.Path(__file__).resolve().parents[2]
PREFIX = os.environ["SNIPASS_PREFIX"].lstrip("/")
SYSCONFDIR = os.environ["SNIPASS_SYSCONFDIR"].lstrip("/")
LIBDIR = os.environ["SNIPASS_LIBDIR"]
CONFIGURATION = f"{SYSCONFDIR}/snipass/snipass.toml"
BINARY = f"{PREFIX}/sbin/snipass"
SERVICE = f"{PREFIX}/lib/systemd/system/snipass.service"
TLS_BINARY = f"{PREFIX}/sbin/snipass-tls"
TLS_SERVICE = f"{PREFIX}/lib/systemd/system/snipass-tls.service"
ECH_BINARY = f"{PREFIX}/sbin/snipass-ech"
ECH_SERVICE = f"{PREFIX}/lib/systemd/system/snipass-ech.service"
SOCKET = f"{PREFIX}/lib/systemd/system/snipass.socket"
LOGROTATE = f"{SYSCONFDIR}/logrotate.d/snipass"
SYSUSERS = f"{PREFIX}/lib/sysusers.d/snipass.conf"

EXPECTED = {
    BINARY: 0o755,
    CONFIGURATION: 0o644,
    SERVICE: 0o644,
    TLS_BINARY: 0o755,
    TLS_SERVICE: 0o644,
    ECH_BINARY: 0o755,
    ECH_SERVICE: 0o644,
    SOCKET: 0o644,
    SYSUSERS: 0o644,
    LOGROTATE: 0o644,
    f"{PREFIX}/share/doc/snipass/README.md": 0o644,
    f"{PREFIX}/share/doc/snipass/CHANGELOG.md": 0o644,
    f"{PREFIX}/share/doc/snipass/ARCHITECTURE.md": 0o644,
    f"{PREFIX}/share/doc/snipass/SECURITY.md": 0o644,
    f"{PREFIX}/share/doc/snipass/LICENSE": 0o644,
    f"{PREFIX}/share/doc/snipass/examples/stream_backend.cpp": 0o644,
    f"{PREFIX}/share/doc/snipass/examples/passed_descriptor.hpp": 0o644,
    f"{PREFIX}/share/doc/snipass/docs/handoff.md": 0o644,
    f"{PREFIX}/share/doc/snipass/docs/backends.md": 0o644,
    f"{PREFIX}/share/doc/snipass/docs/log.md": 0o644,
    f"{PREFIX}/share/doc/snipass/examples/systemd/nginx.service.d/snipass.conf": 0o644,
    f"{PREFIX}/share/doc/snipass/examples/systemd/snipass.service.d/socket.conf": 0o644,
    f"{PREFIX}/share/doc/snipass/examples/systemd/snipass.service.d/transparent.conf": 0o644,
    f"{PREFIX}/share/doc/snipass/examples/receivers/receiver.go": 0o644,
    f"{PREFIX}/bin/snipass-run": 0o755,
    f"{PREFIX}/share/doc/snipass/docs/configuration.md": 0o644,
    f"{PREFIX}/share/doc/snipass/examples/snipass.toml": 0o644,
    f"{PREFIX}/share/doc/snipass/examples/systemd-socket.toml": 0o644,
    f"{PREFIX}/share/snipass/snipass.schema.json": 0o644,
    f"{PREFIX}/share/man/man1/snipass-run.1": 0o644,
    f"{PREFIX}/share/man/man5/snipass.toml.5": 0o644,
    f"{PREFIX}/share/man/man8/snipass.8": 0o644,
    f"{PREFIX}/share/man/man8/snipass-tls.8": 0o644,
    f"{PREFIX}/share/man/man8/snipass-ech.8": 0o644,
}
ZSH = "vendor-completions" if PREFIX == "usr" and os.path.exists("/etc/debian_version") else "site-functions"
for name in ("snipass", "snipass-tls", "snipass-ech", "snipass-run"):
    for completion in (f"bash-completion/completions/{name}", f"zsh/{ZSH}/_{name}", f"fish/vendor_completions.d/{name}.fish"):
        EXPECTED[f"{PREFIX}/share/{completion}"] = 0o644


def install(root):
    result = subprocess.run(
        [os.environ["SNIPASS_CMAKE"], "--install", os.environ["SNIPASS_BUILD_DIR"]],
        env={**os.environ, "DESTDIR": str(root)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if result.returncode != 0:
        raise AssertionError(result.stdout)
    return result.stdout


def setUpModule():
    Tree.temporary = tempfile.TemporaryDirectory(prefix="snipass-install-")
    unittest.addModuleCleanup(Tree.temporary.cleanup)
    Tree.root = pathlib.Path(Tree.temporary.name) / "root"
    Tree.root.mkdir()
    install(Tree.root)


class Tree(unittest.TestCase):
    """The installed tree, made once."""

    temporary = None
    root = None

    def text(self, path):
        return (self.root / path).read_text()


class InstalledTree(Tree):
    def test_each_file_is_in_its_place(self):
        found = {
            str(path.relative_to(self.root)): stat.S_IMODE(path.stat().st_mode)
            for path in self.root.rglob("*")
            if path.is_file()
        }
        self.assertEqual({path: found.get(path) for path in EXPECTED}, EXPECTED)
        elsewhere = rf"{PREFIX}/(bin/snipass-run$|include/snipass/|{LIBDIR}/|share/doc/snipass/)"
        self.assertEqual([path for path in found if path not in EXPECTED and not re.match(elsewhere, path)], [])

    def test_the_documents_links_lead_somewhere(self):
        documents = self.root / PREFIX / "share/doc/snipass"
        for page in documents.rglob("*.md"):
            for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
                with self.subTest(page=str(page.relative_to(documents)), link=link):
                    self.assertTrue((page.parent / link).exists())

    def test_the_unit_runs_what_was_installed(self):
        start = re.search(r"^ExecStart=(.*)$", self.text(SERVICE), re.MULTILINE).group(1)
        self.assertEqual(start, f"/{BINARY} run --config /{CONFIGURATION}")

    def test_the_installed_configuration_takes_no_port_and_says_why(self):
        result = subprocess.run(
            [self.root / BINARY, "check", "--config", self.root / CONFIGURATION],
            capture_output=True, text=True, check=False,
        )
        self.assertEqual(result.returncode, 2)
        self.assertIn("no [[listener]]; write one", result.stderr)

    def test_a_second_install_keeps_the_admins_configuration(self):
        with tempfile.TemporaryDirectory(prefix="snipass-install-") as root:
            own = pathlib.Path(root) / CONFIGURATION
            own.parent.mkdir(parents=True)
            own.write_text("# mine\n")
            output = install(root)
            self.assertEqual(own.read_text(), "# mine\n")
            self.assertIn(f"Kept: {own}", output)
            example = pathlib.Path(root) / f"{PREFIX}/share/doc/snipass/examples/snipass.toml"
            self.assertNotEqual(example.read_text(), "# mine\n")

    def test_what_is_installed_is_stripped(self):
        for file in (BINARY, f"{PREFIX}/{LIBDIR}/libsnipass.so", f"{PREFIX}/{LIBDIR}/snipass/libsnipass_preload.so"):
            with self.subTest(file=file):
                sections = subprocess.run(["readelf", "-SW", self.root / file], capture_output=True, text=True, check=True).stdout
                self.assertIn(".text", sections)
                self.assertNotRegex(sections, r"\.symtab|\.debug_info")


class Uninstall(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="snipass-uninstall-")
        self.addCleanup(folder.cleanup)
        self.root, self.build = pathlib.Path(folder.name, "root"), pathlib.Path(folder.name, "build")
        self.build.mkdir()
        install(self.root)
        shutil.copy(pathlib.Path(os.environ["SNIPASS_BUILD_DIR"], "install_manifest.txt"), self.build)

    def uninstall(self):
        """What the target does, on another copy of its list: other tests install from the same build meanwhile."""
        return subprocess.run([os.environ["SNIPASS_CMAKE"], f"-DBUILD={self.build}", f"-DSOURCE={SOURCE}", f"-DCONFIGURATION=/{CONFIGURATION}",
                               "-P", SOURCE / "cmake/uninstall.cmake"], env={**os.environ, "DESTDIR": str(self.root)},
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)

    def left(self):
        return sorted(str(path.relative_to(self.root)) for path in self.root.rglob("*") if not path.is_dir() or "snipass" in path.name)

    def test_removes_each_file_and_each_folder_of_its_own(self):
        done = self.uninstall()
        self.assertEqual((done.returncode, self.left()), (0, []), done.stdout)

    def test_leaves_what_an_admin_has_written(self):
        own = self.root / CONFIGURATION
        own.write_text("# mine\n")
        route = own.with_name("routes.toml")
        route.write_text("")
        done = self.uninstall()
        self.assertIn(f"Kept: {own}", done.stdout)
        self.assertEqual(self.left(), sorted(str(path.relative_to(self.root)) for path in (own.parent, own, route)))

    def test_refuses_what_is_enabled(self):
        link = self.root / "etc/systemd/system/multi-user.target.wants/snipass.service"
        link.parent.mkdir(parents=True)
        link.symlink_to(f"/{SERVICE}")
        done = self.uninstall()
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("systemctl disable --now snipass.service", " ".join(done.stdout.split()))
        self.assertTrue((self.root / BINARY).exists())
        link.rename(link.with_name("snipass-tls.service"))
        self.assertIn("systemctl disable --now snipass-tls.service", " ".join(self.uninstall().stdout.split()))

    def test_refuses_while_a_server_of_snipass_run_goes_on(self):
        library = self.root / PREFIX / LIBDIR / "snipass/libsnipass_preload.so"
        with subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0,
                              env={**os.environ, "LD_PRELOAD": str(library)}) as server:
            server.stdin.write(b"loaded\n")
            server.stdout.readline()
            done = self.uninstall()
            self.assertNotEqual(done.returncode, 0)
            self.assertIn(f"cat (process {server.pid})", done.stdout)
            self.assertTrue(library.exists())
            server.stdin.close()
        self.assertEqual(self.uninstall().returncode, 0)

    def test_refuses_while_units_call_snipass_run(self):
        units = self.root / "etc/systemd/system"
        mentioned, unit, drop_in = units / "other.service", units / "app.service", units / "nginx.service.d/snipass.conf"
        drop_in.parent.mkdir(parents=True)
        for path, text in ((mentioned, "# snipass-run\nExecStart=/bin/true"), (unit, "ExecStart=snipass-run"), (drop_in, "ExecStart=/usr/bin/snipass-run")):
            path.write_text(f"[Service]\n{text}\n")
        for caller in (unit, drop_in):
            done = self.uninstall()
            self.assertNotEqual(done.returncode, 0)
            self.assertIn(str(caller), done.stdout)
            self.assertNotIn(str(mentioned), done.stdout)
            self.assertTrue((self.root / BINARY).exists())
            caller.unlink()
        self.assertEqual(self.uninstall().returncode, 0)

    def test_says_so_where_nothing_was_installed(self):
        (self.build / "install_manifest.txt").unlink()
        self.assertIn("has installed nothing", self.uninstall().stdout)


class ManualPages(Tree):
    def test_are_formatted_without_a_warning(self):
        for page in (self.root / PREFIX / "share/man").rglob("snipass*.[158]"):
            with self.subTest(page=page.name):
                result = subprocess.run(["groff", "-man", "-Tutf8", "-ww", "-z", page], capture_output=True, text=True, check=False)
                self.assertEqual((result.returncode, result.stderr), (0, ""))

    def test_name_every_option_of_snipass_run(self):
        usage = subprocess.run([self.root / PREFIX / "bin/snipass-run", "--help"], capture_output=True, text=True, check=True).stdout
        page = self.text(f"{PREFIX}/share/man/man1/snipass-run.1").replace("\\-", "-")
        options = set(re.findall(r"--[a-z]+(?:-[a-z]+)*", usage))
        self.assertEqual(options, {"--listen", "--from", "--confine", "--try-confine", "--may-bind", "--may-connect", "--check", "--version"})
        for option in options:
            self.assertIn(option, page)

    def test_name_every_key_of_the_configuration(self):
        page = self.text(f"{PREFIX}/share/man/man5/snipass.toml.5")
        example = self.text(f"{PREFIX}/share/doc/snipass/examples/snipass.toml")
        keys = set(re.findall(r"(?m)^#?([a-z_]+) = ", example))
        self.assertGreater(len(keys), 30)
        self.assertEqual([key for key in keys if not re.search(rf"\b{key}\b", page)], [])


class Units(Tree):
    def relocated(self):
        """The units with paths below the temporary root, so that what they start exists."""
        folder = pathlib.Path(tempfile.mkdtemp(prefix="units-", dir=self.temporary.name))
        self.addCleanup(shutil.rmtree, folder)
        text = self.text(SERVICE).replace(f"/{BINARY}", str(self.root / BINARY))
        (folder / "snipass.service").write_text(text)
        text = self.text(TLS_SERVICE).replace(f"/{TLS_BINARY}", str(self.root / TLS_BINARY))
        (folder / "snipass-tls.service").write_text(text)
        text = self.text(ECH_SERVICE).replace(f"/{ECH_BINARY}", str(self.root / ECH_BINARY))
        (folder / "snipass-ech.service").write_text(text)
        shutil.copy(self.root / SOCKET, folder)
        return folder

    def test_systemd_finds_no_mistake_in_them(self):
        folder = self.relocated()
        result = subprocess.run(
            ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no",
             folder / "snipass.service", folder / "snipass.socket", folder / "snipass-tls.service", folder / "snipass-ech.service"],
            capture_output=True, text=True, check=False,
        )
        self.assertEqual((result.returncode, result.stderr), (0, ""))

    def test_nor_in_the_drop_in_for_transparent_backends(self):
        folder = self.relocated()
        shutil.copytree(self.root / PREFIX / "share/doc/snipass/examples/systemd/snipass.service.d", folder / "snipass.service.d")
        verify = ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", folder / "snipass.service"]
        result = subprocess.run(verify, capture_output=True, text=True, check=False)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        # It is read: a mistake in it would be told.
        with open(folder / "snipass.service.d/transparent.conf", "a", encoding="utf-8") as file:
            file.write("AmbientCapability=CAP_NET_RAW\n")
        self.assertIn("transparent.conf", subprocess.run(verify, capture_output=True, text=True, check=False).stderr)

    def test_exposure_is_at_most_1_5(self):
        for service in (SERVICE, TLS_SERVICE, ECH_SERVICE):
            with self.subTest(service):
                result = subprocess.run(
                    ["systemd-analyze", "security", "--no-pager", "--offline=true", "--threshold=15", self.root / service],
                    capture_output=True, text=True, check=False,
                )
                self.assertEqual(result.returncode, 0, result.stdout + result.stderr)

    def test_only_the_capability_to_bind_low_ports(self):
        sets = re.findall(r"^(CapabilityBoundingSet|AmbientCapabilities)=(.*)$", self.text(SERVICE), re.MULTILINE)
        self.assertEqual(
            sets, [("CapabilityBoundingSet", "CAP_NET_BIND_SERVICE"), ("AmbientCapabilities", "CAP_NET_BIND_SERVICE")]
        )

    def test_the_user_of_the_unit_is_the_one_that_sysusers_makes(self):
        for service in (SERVICE, TLS_SERVICE, ECH_SERVICE):
            user = re.search(r"^User=(.*)$", self.text(service), re.MULTILINE).group(1)
            self.assertRegex(self.text(SYSUSERS), rf"(?m)^u {user} ")

    def test_those_with_keys_have_no_capability_at_all(self):
        for service in (TLS_SERVICE, ECH_SERVICE):
            self.assertIn("\nCapabilityBoundingSet=\n", self.text(service))

    def test_snipass_ech_has_no_network(self):
        self.assertIn("\nPrivateNetwork=yes\n", self.text(ECH_SERVICE))
        self.assertIn("\nRestrictAddressFamilies=AF_UNIX\n", self.text(ECH_SERVICE))
        self.assertNotIn("AmbientCapabilities", self.text(TLS_SERVICE))


if __name__ == "__main__":
    unittest.main()
