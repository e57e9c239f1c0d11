# SPDX-License-Identifier: BSL-1.0
"""Node's https, unmodified, as a backend: one process, and a cluster of workers."""
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from harness import main  # noqa: E402
from harness.places import BUILD  # noqa: E402
from harness.process import wait_until  # noqa: E402
from harness.receiver_checks import ServerTests  # noqa: E402

SERVER = """
const fs = require('fs'), https = require('https'), cluster = require('cluster');
const folder = process.argv[2], workers = Number(process.argv[3]);
if (workers && cluster.isPrimary) {
    cluster.schedulingPolicy = cluster[process.argv[4]];
    for (let i = 0; i < workers; ++i) cluster.fork();
} else {
    https.createServer({cert: fs.readFileSync(folder + '/cert.pem'), key: fs.readFileSync(folder + '/key.pem')},
        (request, response) => {
            const {remoteAddress, remotePort} = request.socket;
            response.end(`client: ${remoteAddress}:${remotePort}\\nserver: ${request.socket.localPort}\\npid: ${process.pid}\\n`);
        }).listen(443, () => console.log('listening'));
}
"""


class Node(ServerTests):
    """It listens on [::], so an IPv4 client has a mapped address, as on TCP."""
    cluster = ["0"]

    def saw(self, own, body):
        return super().saw(own, body) or super().saw(own, body.replace("client: ::ffff:", "client: "))

    def setUp(self):
        super().setUp()
        (self.folder / "server.js").write_text(SERVER)
        self.server = self.start(BUILD / "snipass-run", self.socket, "--listen", "443", "--",
                                 "node", self.folder / "server.js", self.folder, *self.cluster)
        wait_until(lambda: (self.folder / "server.log").read_text().count("listening") >= max(1, int(self.cluster[0])),
                 "Node to listen")
        self.wait_for_socket()


class NodeCluster(Node):
    """The primary accepts, and hands clients to its workers in turn."""
    cluster = ["2", "SCHED_RR"]


class NodeClusterShared(Node):
    """The workers share the listener."""
    cluster = ["2", "SCHED_NONE"]

    @property
    def processes(self):
        children = Path(f"/proc/{self.server.pid}/task/{self.server.pid}/children").read_text()
        return [int(pid) for pid in children.split()]

    def test_both_workers_serve(self):
        with self.router() as router:
            pids = set()
            wait_until(lambda: pids.add(self.fetch(router.address)[1].split("pid: ")[1]) or len(pids) == 2, "both workers")


del ServerTests  # it is no test by itself
if __name__ == "__main__":
    main()
