# SPDX-License-Identifier: BSL-1.0
"""libsnipass_preload.so in a server with many threads. In the sanitizers' builds both are built with them."""
import os
import random
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from harness import handoff_sender, main  # noqa: E402
from harness.backend_case import MANY, BackendCase  # noqa: E402
from harness.places import BUILD, RUN  # noqa: E402
from harness.receiver_checks import tcp_pair  # noqa: E402

# Those that end at once; each of the others would cost the server its patience.
QUICK_LIES = ("no descriptor", "two descriptors", "not a header", "version 1", "a pipe", "a listening socket", "close at once")


class Crowd(BackendCase):
    maxDiff = None

    def test_many_threads_take_many_clients(self):
        other = self.folder / "polled.sock"
        server = subprocess.Popen(
            [RUN, self.socket, "--listen", "443", "--from", "root", "--", BUILD / "preload_crowd", str(MANY)], text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
            env={**os.environ, "SNIPASS_LISTEN": f"*:444={other}"})
        self.addCleanup(server.stdout.close)
        self.addCleanup(server.stderr.close)
        self.addCleanup(self.stop, server)
        self.assertEqual(server.stdout.readline(), "listening\n")
        said = []
        reader = threading.Thread(target=lambda: said.append(server.stderr.read()))
        reader.start()

        def visit(number):
            path = str(random.choice((self.socket, other)))
            far, near = tcp_pair()
            with far, near:
                if number % 5 == 0:
                    handoff_sender.tell(path, random.choice(QUICK_LIES), near)
                # A server that was just lied to by others may give up on this one; the router would come again, too.
                while (answer := handoff_sender.offer(path, near, 10)) == "refused":
                    pass
                far.settimeout(10)
                return answer, far.recv(2), far.recv(2)

        with ThreadPoolExecutor(16) as pool:
            answers = set(pool.map(visit, range(MANY)))
        status = server.wait(60)
        reader.join()
        self.assertEqual((status, *said), (0, ""))
        self.assertEqual(answers, {("taken", b"!", b"")})


if __name__ == "__main__":
    main()
