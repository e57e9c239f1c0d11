# SPDX-License-Identifier: BSL-1.0
"""A router in a chroot without /proc: what works there works, and what cannot says so, and whose fault it is."""

import os
import stat
import sys
import unittest

import harness
from harness import Case, client_hello, read_all, read_exactly
from harness.places import APART

HELLO = client_hello("blog.example.com")
ROUTE = '[[route]]\nnames = ["blog.example.com"]\nbackend = "blog"\n'


@unittest.skipUnless(os.geteuid() == 0, "only root can have mounts of its own")
class WithoutProc(Case):
    def setUp(self):
        super().setUp()
        (self.folder / "empty").mkdir()
        self.prefix = (sys.executable, APART, "sh", "-c", f'mount --bind {self.folder / "empty"} /proc && exec "$0" "$@"')

    def told(self, snipass):
        """What the start says of it; the last line of a start is there by then."""
        snipass.wait_for(lambda me: [event for event in me.events if event.get("message") == "serving"], "it serves")
        return [event for event in snipass.events if "there is no /proc here" in event.get("message", "")]

    def test_a_handoff_listener_is_opened_and_serves(self):
        self.receiver("blog", serve="raw")
        for mode in ("0660", "0622"):
            with self.subTest(mode=mode):
                path = self.folder / f"in{mode}.sock"
                inner = self.router(ROUTE + self.backend("blog") + f'[[listener]]\naddress = "handoff:{path}"\nmode = "{mode}"\n',
                                    name=f"inner{mode}", prefix=self.prefix)
                self.assertEqual(oct(stat.S_IMODE(path.stat().st_mode)), oct(int(mode, 8)))
                outer = self.router(ROUTE + f'[backend.blog]\nhandoff = "unix:{path}"\n', name=f"outer{mode}")
                client = self.connect(outer, HELLO)
                self.assertEqual(read_exactly(client, len(HELLO)), HELLO)
                self.assertEqual(self.told(inner), [])

    def test_a_backend_whose_user_cannot_be_told_is_not_called_absent(self):
        receiver = self.receiver("blog", serve="raw")
        snipass = self.router(ROUTE + self.backend("blog", rest='user = 0\nhold = "0s"'), prefix=self.prefix)
        (told,) = self.told(snipass)
        self.assertRegex(told["message"], r'toml:\d+:8: error: there is no /proc here, .* such as "blog"')
        client = self.connect(snipass, HELLO)
        self.assertEqual(read_all(client)[0], b"")
        line = snipass.session()
        self.assertEqual((line["outcome"], line["detail"]), ("backend_failed", f"blog: {receiver.path}: there is no /proc here, "
                         "without which nobody can tell whose socket it is (user)"))


if __name__ == "__main__":
    harness.main()
