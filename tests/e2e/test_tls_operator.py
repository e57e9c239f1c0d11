#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""What somebody meets who runs snipass-tls on a machine that is short of something, or who has removed a file."""

import os
import pathlib
import subprocess

from harness import Case, kernel_tls, main, python_tls, unless_sanitized
from harness.case import HEAD
from harness.tls_end import PROGRAM, TlsSite


class Operator(TlsSite, Case):
    def test_a_socket_that_was_removed_is_there_again_after_a_reload(self):
        self.receiver("b", serve="raw")
        text = self.text(f'handoff = "unix:{self.socket}"\nhold = "30s"\n', head=HEAD)
        self.tls = self.tls_end(text)
        router = self.router(head=text)
        path = self.folder / "tls.sock"
        for removed in ([path], [path, pathlib.Path(f"{path}.datagram")], []):
            inodes = [os.stat(one).st_ino for one in removed]
            for one in removed:
                one.unlink()
            self.tls.reload()
            self.assertTrue(path.is_socket())
            self.assertTrue(all(os.stat(one).st_ino != inode for one, inode in zip(removed, inodes)))
            with python_tls(router.port(), "a.example", self.a) as client:
                client.sendall(b"echo")
                self.assertEqual(client.recv(4), b"echo")

    def test_a_socket_that_is_not_in_the_file_is_told_of_by_its_key(self):
        file = self.folder / "snipass.toml"
        file.write_text(self.text(f'handoff = "unix:{self.socket}"\n', head=HEAD))
        (self.folder / "tls.sock.status").mkdir()
        ran = subprocess.run([PROGRAM, "run", "--config", file], capture_output=True, text=True, timeout=30, check=False)
        self.assertEqual(ran.returncode, 1, ran.stderr)
        self.assertRegex(ran.stderr, rf"{file}:\d+:\d+: error: tls\.handoff: cannot listen on unix:\S+/tls\.sock\.status: ")

    def test_where_the_kernel_has_no_tls_it_is_said_and_clients_are_relayed(self):
        if kernel_tls.lacks_kernel_tls() is None:
            self.skipTest("this kernel has TLS")
        self.receiver("b", serve="raw")
        router = self.both(f'handoff = "unix:{self.socket}"\nplaintext = "ktls"\n')
        with python_tls(router.port(), "a.example", self.a) as client:
            client.sendall(b"echo")
            self.assertEqual(client.recv(4), b"echo")
        self.assertEqual(self.tls.session(outcome="handed_off")["plaintext"], "relay")
        said = [line for line in self.tls.lines if "this kernel has no TLS" in line]
        self.assertEqual(len(said), 1, self.tls.lines)
        self.assertRegex(said[0], r":\d+:13: warning: backend\.b\.plaintext: .* run modprobe tls, and write the line \W*tls\W+ into /etc/modules-load\.d/")

    def run_short_of(self, limit):
        """What it says and its status, where it cannot listen in the end."""
        text = self.text(f'handoff = "unix:{self.socket}"\n', head=HEAD).replace(f"{self.folder}/tls.sock", f"{self.folder}/nowhere/tls.sock")
        file = self.folder / "short.toml"
        file.write_text(text)
        ended = subprocess.run(["prlimit", limit, PROGRAM, "run", "--config", file], stderr=subprocess.PIPE, text=True, check=False)
        return ended.returncode, ended.stderr

    @unless_sanitized
    def test_without_descriptors_the_file_is_innocent(self):
        for most in range(5, 100):
            status, words = self.run_short_of(f"--nofile={most}")
            self.assertEqual(status, 1, f"{most} descriptors: {words}")
            if "cannot listen" in words and "Too many open files" not in words:
                break
        self.assertIn("cannot listen", words)

    @unless_sanitized
    def test_its_last_words_have_its_own_name(self):
        said = ""
        step = 2 << 20
        for size in range(step, 1 << 30, step):
            _, words = self.run_short_of(f"--as={size}")
            said += words
            if "cannot listen" in words:
                break
        self.assertIn("snipass-tls: ended: ", said)  # of memory, or of a thread for which there is none
        self.assertNotIn("snipass: ended", said)


if __name__ == "__main__":
    main()
