# SPDX-License-Identifier: BSL-1.0
"""The Debian packages made of the build, without compiling: what is in which, and what lintian says. Then a machine is booted in which they
are installed, upgraded, removed and purged (tests/package/machine). scripts/package-test is the long form, with a release in a fresh Debian."""

import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

SOURCE = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(SOURCE / "tests" / "e2e"))
from harness import main  # noqa: E402

BUILD = os.environ["SNIPASS_BUILD_DIR"]
LIBDIR = f"./usr/{os.environ['SNIPASS_LIBDIR']}"


class Packages(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # The machine sees what is on the file system of the source.
        cls.folder = pathlib.Path(cls.enterClassContext(tempfile.TemporaryDirectory(prefix="packages-", dir=BUILD)))
        done = subprocess.run([SOURCE / "scripts/package", "--from", BUILD, "--no-symbols", "--to", cls.folder],
                              env={**os.environ, "SNIPASS_NO_INSTALL": "1"}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        if done.returncode != 0:
            raise AssertionError(done.stdout)
        cls.packages = {path.name.split("_")[0]: path for path in cls.folder.glob("*.deb")}

    def content(self, package):
        listed = subprocess.run(["dpkg-deb", "-c", self.packages[package]], capture_output=True, text=True, check=True).stdout
        return {line.split()[5] for line in listed.splitlines() if not line.startswith("d")}

    def test_each_has_its_part(self):
        self.assertEqual(set(self.packages), {"snipass", "snipass-run", "libsnipass0", "libsnipass-dev"})
        for package, files in (("snipass", {"./usr/sbin/snipass", "./usr/sbin/snipass-tls", "./usr/sbin/snipass-ech", "./etc/snipass/snipass.toml", "./usr/lib/sysusers.d/snipass.conf",
                                            "./usr/share/man/man8/snipass.8.gz", "./usr/share/snipass/snipass.schema.json", "./usr/share/doc/snipass/README.md",
                                            "./usr/share/bash-completion/completions/snipass", "./usr/share/zsh/vendor-completions/_snipass",
                                            "./usr/share/fish/vendor_completions.d/snipass.fish"}),
                               ("snipass-run", {"./usr/bin/snipass-run", f"{LIBDIR}/snipass/libsnipass_preload.so", "./usr/share/man/man1/snipass-run.1.gz"}),
                               ("libsnipass0", {f"{LIBDIR}/libsnipass.so.0"}),
                               ("libsnipass-dev", {"./usr/include/snipass/snipass.h", f"{LIBDIR}/libsnipass.so", f"{LIBDIR}/pkgconfig/snipass.pc"})):
            self.assertEqual(files - self.content(package), set(), package)
        self.assertEqual({path.rpartition("/")[2] for path in self.content("snipass") if "/systemd/system/" in path},
                         {"snipass.service", "snipass.socket", "snipass-tls.service", "snipass-ech.service"})

    def test_the_links_of_the_documents_lead_somewhere(self):
        self.assertEqual([path for path in self.content("snipass") if path.endswith(".md.gz")], [])

    def test_lintian_finds_no_error(self):
        done = subprocess.run(["lintian", "--allow-root", "--fail-on", "error", *self.packages.values()], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout)

    def test_a_machine_installs_upgrades_and_removes_them(self):
        done = subprocess.run([SOURCE / "scripts/systemd-test", "--packages", self.folder, BUILD], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        if done.returncode == 77:
            self.skipTest(done.stdout)
        print(done.stdout)
        self.assertEqual(done.returncode, 0)


if __name__ == "__main__":
    main()
