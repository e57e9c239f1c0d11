# SPDX-License-Identifier: BSL-1.0
"""What the scripts do to the machine, and how they tell how far they are."""
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

SOURCE = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(SOURCE / "tests" / "e2e"))
from harness import main, namespace  # noqa: E402

# A package manager whose packages do what Debian's servers do: they are enabled for the next boot, and ask before they start.
APT = """#!/bin/sh
[ "$(echo "$*" | grep -c ' install ')" = 1 ] || exit 0
echo "pmstatus:server:50.0:half" >&3
[ "$(readlink /proc/$$/fd/1)" != "$(readlink /proc/$$/fd/3)" ] || echo "its status and its output are one pipe"
ln -s /lib/systemd/system/server.service /etc/systemd/system/multi-user.target.wants/server.service
ln -s /lib/systemd/system/server.service /etc/systemd/system/alias.service
ln -s ../init.d/server /etc/rc3.d/S01server
/usr/sbin/policy-rc.d server start
echo "asked: $?"
exit ${APT_STATUS-0}
"""


class InstallDeps(unittest.TestCase):
    """In mounts of its own, where the machine's units and /usr/sbin are not seen."""

    @classmethod
    def setUpClass(cls):
        namespace.enter_or_skip()
        for folder in ("/etc/systemd/system", "/etc/systemd/user", "/etc/rc3.d", "/usr/sbin"):
            if os.path.isdir(folder):
                subprocess.run(["mount", "-t", "tmpfs", "tmpfs", folder], check=True)

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        for name, text in (("apt-get", APT), ("dpkg-query", "#!/bin/sh\n"), ("update-rc.d", "#!/bin/sh\n")):
            path = pathlib.Path(folder.name, name)
            path.write_text(text)
            path.chmod(0o755)
        self.path = f"{folder.name}:/usr/bin:/bin"
        self.units = pathlib.Path("/etc/systemd/system/multi-user.target.wants")
        self.units.mkdir(exist_ok=True)
        self.mine = self.units / "mine.service"
        self.mine.symlink_to("/lib/systemd/system/mine.service")
        self.addCleanup(self.mine.unlink)

    def install(self, **environment):
        return subprocess.run([SOURCE / "scripts" / "install-deps", "build"], env={"PATH": self.path, **environment},
                              capture_output=True, text=True, check=False)

    def started_at_boot(self):
        return [str(path) for folder in ("/etc/systemd/system", "/etc/rc3.d") for path in pathlib.Path(folder).rglob("*")
                if path.is_symlink()]

    def test_nothing_is_enabled_and_nothing_started(self):
        for status in (0, 100):
            with self.subTest(apt=status):
                before = self.started_at_boot()
                done = self.install(APT_STATUS=str(status))
                self.assertEqual(done.returncode, status, done.stderr)
                self.assertEqual(self.started_at_boot(), before)
                self.assertIn("not started at boot: server.service", done.stderr)
                self.assertIn("packages: installed 50 %", done.stderr)
                self.assertFalse(os.path.exists("/usr/sbin/policy-rc.d"))
                if status:
                    self.assertIn("asked: 101", done.stderr)
                    self.assertNotIn("are one pipe", done.stderr)  # apt makes its status non-blocking

    def test_a_policy_that_is_there_stays(self):
        policy = pathlib.Path("/usr/sbin/policy-rc.d")
        policy.write_text("#!/bin/sh\nexit 104\n")
        policy.chmod(0o755)
        self.addCleanup(policy.unlink)
        self.assertIn("asked: 104", self.install(APT_STATUS="100").stderr)
        self.assertIn("104", policy.read_text())


class Progress(unittest.TestCase):
    def told(self, *lines):
        with tempfile.NamedTemporaryFile("r") as log:
            done = subprocess.run([SOURCE / "scripts" / "progress", "release", log.name], input="".join(f"{line}\n" for line in lines),
                                  capture_output=True, text=True, check=True)
            self.assertEqual(log.read().splitlines(), list(lines))
        return done.stdout.splitlines()

    def test_each_tenth_of_a_build_is_one_line(self):
        self.assertEqual(self.told(*(f"[{i}/300] Building [{i}]" for i in range(1, 301))),
                         [f"release: built {i} %" for i in range(0, 101, 10)])

    def test_downloading_and_installing_are_two_things(self):
        self.assertEqual(self.told("dlstatus:1:20.5:Retrieving", "dlstatus:2:99.9:Retrieving", "Setting up", "pmstatus:a:4.1:Unpacking",
                                   "pmstatus:a:5.2:Unpacking"),
                         ["release: downloaded 20 %", "release: downloaded 90 %", "release: installed 0 %"])


def configure(build, *options):
    return subprocess.run([os.environ.get("SNIPASS_CMAKE", "cmake"), "--preset", "release", "-B", build, *options], cwd=SOURCE, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


class Configuration(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def test_a_compiler_cache_that_appears_between_two_runs_is_left_alone(self):
        """The first run of cmake found none, and says so in its cache."""
        done = configure(self.folder, "-DCCACHE=CCACHE-NOTFOUND")
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertNotIn("ccache", (self.folder / "CMakeFiles/rules.ninja").read_text())

    def test_all_that_is_missing_is_named_at_once_and_what_installs_it(self):
        done = configure(self.folder, *(f"-DCMAKE_DISABLE_FIND_PACKAGE_{name}=ON" for name in ("Boost", "spdlog")))
        self.assertNotEqual(done.returncode, 0)
        said = " ".join(done.stdout.split())
        self.assertIn("Missing: Boost 1.79, spdlog.", said)
        self.assertIn("scripts/install-deps build installs", said)


if __name__ == "__main__":
    main()
