# SPDX-License-Identifier: BSL-1.0
"""A tenant makes the path of his backend lead to another tenant's socket: the router connects with its own rights."""

import os
import re
import unittest

import harness
from harness import Case, client_hello, read_all, read_exactly

BLOG, SHOP = 4242, 4243  # users; whoever they are on this machine
HELLO = client_hello("blog.example.com")


@unittest.skipUnless(os.geteuid() == 0, "needs root, to give sockets to users")
class ConfusedDeputy(Case):
    def tenant(self, name, user, protocol):
        """A folder with a backend's socket in it, both the user's."""
        folder = self.folder / name
        folder.mkdir()
        receiver = self.receiver(f"{name}/handoff", serve="raw", protocol=protocol)
        for path in (folder, receiver.path):
            os.chown(path, user, user)
        return receiver

    def start_router(self, protocol, rest):
        path = self.folder / "blog/current/handoff.sock"
        return self.router(f'[[route]]\nnames = ["blog.example.com"]\nbackend = "blog"\n[backend.blog]\nhandoff = "unix:{path}"\n'
                           f'protocol = "{protocol}"\nhold = "0s"\n{rest}\n', name=f"router-{protocol}-{len(rest)}")

    def echo(self, router):
        client = self.connect(router, HELLO)
        self.assertEqual(read_exactly(client, len(HELLO)), HELLO)

    def check(self, protocol):
        blog, shop = self.tenant("blog", BLOG, protocol), self.tenant("shop", SHOP, protocol)
        current = self.folder / "blog/current"

        def lead_to(folder):
            link = self.folder / "blog/next"
            link.symlink_to(folder)
            link.rename(current)

        # Without a user the attack succeeds: another tenant has the client.
        lead_to(shop.path.parent)
        trusting = self.start_router(protocol, "")
        self.echo(trusting)
        self.assertEqual(len(shop.taken()), 1)
        trusting.terminate()

        router = self.start_router(protocol, f"user = {BLOG}")
        why = "at its path is a link, or the socket of another user than the file says (user)"

        def refused(count):
            client = self.connect(router, HELLO)
            self.assertIn(read_all(client)[1], ("fin", "rst"))
            lines = router.sessions(count, outcome="backend_failed")
            self.assertRegex(lines[-1]["detail"], f"^blog: /.*handoff.sock: {re.escape(why)}$")

        refused(1)  # a folder that leads to the other's
        self.assertIn(why, router.wait_for(lambda me: [e for e in me.events if e.get("backend") == "blog" and e.get("why") == "backend_failed"],
                                           "the log names it")[0]["detail"])
        (self.folder / "blog/false").mkdir()
        (self.folder / "blog/false/handoff.sock").symlink_to(shop.path)
        lead_to(self.folder / "blog/false")
        refused(2)  # a link to the other's socket
        (self.folder / "blog/false/handoff.sock").unlink()
        (self.folder / "blog/false/handoff.sock").symlink_to(blog.path)
        refused(3)  # a link is a link, also to his own
        lead_to(blog.path.parent)
        self.echo(router)  # a folder that is switched is a deployment
        self.assertEqual((len(blog.taken()), len(shop.reported("taken"))), (1, 1))

    def test_by_stream(self):
        self.check("stream")

    def test_by_datagram(self):
        self.check("datagram")


if __name__ == "__main__":
    harness.main()
