# SPDX-License-Identifier: BSL-1.0
"""Who is compared: the floors, snipass in its three ways, and the proxies that Debian has."""

import dataclasses
import itertools
import pathlib
import shutil
import socket
import time

import machine
import routes
from process import Process, wait_until


@dataclasses.dataclass(frozen=True)
class Setup:
    """What a router is to do. Everything about it is the same for all contenders of a scene."""
    routes: int = 10
    one_list: bool = False  # all names in one [[route]]
    access_log: bool = False
    operated: bool = False  # with [metrics] and [control]
    patience: int = 600  # seconds that an incomplete hello may take
    job: str = "answer"  # of the backend: answer, hold, sink or source
    job_bytes: int = 0
    http: bool = False  # clients speak HTTP in clear
    scgi: bool = False  # and those of `stream` are handed over by `scgi`, acknowledged
    copies: bool = False  # the backend reads what comes, as one must that is handed a socket pair


class Bed:
    """The bench itself: a folder, ports, and the receivers and backends that contenders share."""

    def __init__(self, folder, router_cpu, load_cpu):
        self.folder = folder
        self.router_cpu = router_cpu
        self.load_cpu = load_cpu
        self.processes = []
        self.load_side = []  # those of them that are receivers and backends
        self.shared = {}
        self.ports = itertools.count(2000)
        self.folders = itertools.count()

    def new_folder(self):
        folder = self.folder / f"c{next(self.folders)}"
        folder.mkdir()
        return folder

    def start(self, command, cpu, folder):
        process = Process(command, cpu, folder / "output.txt")
        self.processes.append(process)
        return process

    def start_load_side(self, program, *arguments):
        process = self.start([machine.BUILD / program, *arguments], self.load_cpu, self.folder)
        self.load_side.append(process)
        return process

    def receiver(self, protocol, job):
        """The path of a handoff receiver."""
        key = (protocol, job)
        if key not in self.shared:
            path = self.folder / f"{protocol}-{job}.sock"
            self.start_load_side(f"bench_{protocol}_receiver", path, job)
            wait_until(path.exists, path)
            self.shared[key] = path
        return self.shared[key]

    def backend(self, setup):
        """The port of a TCP backend."""
        key = (setup.job, setup.job_bytes, setup.copies)
        if key not in self.shared:
            port = next(self.ports)
            self.start_load_side("bench_tcp_backend", str(port), setup.job, str(setup.job_bytes), *(["copy"] if setup.copies else []))
            wait_until(lambda: is_listened_on(port), "backend")
            self.shared[key] = port
        return self.shared[key]

    def stop(self):
        for process in reversed(self.processes):
            process.stop()
        self.processes.clear()
        self.load_side.clear()
        self.shared.clear()


@dataclasses.dataclass
class Router:
    """A contender at work."""
    process: Process
    port: int
    folder: pathlib.Path
    start_seconds: float  # until it listens

    def log(self):
        """What it said last, wherever it says it."""
        return "\n".join(file.read_text(errors="replace")[-2000:] for name in ("output.txt", "error.log")
                         if (file := self.folder / name).exists())


@dataclasses.dataclass(frozen=True)
class Contender:
    name: str
    family: str  # datagram, stream, proxy, terminate: which floor it stands on
    kind: str  # floor, snipass or peer
    command: object  # (bed, setup, folder, port) -> command, or what it has started
    needs: tuple  # of files
    needs_root: bool = False  # the real one, not that of a user namespace
    only_bulk: bool = False  # tuned for it, and otherwise not what it is compared for

    def is_usable(self):
        return all(pathlib.Path(file).exists() for file in self.needs) and (not self.needs_root or machine.is_real_root())

    def what_is_missing(self):
        files = [str(file) for file in self.needs if not pathlib.Path(file).exists()]
        return f"there is no {', '.join(files)}" if files else "it needs root"

    def start(self, bed, setup):
        folder, port = bed.new_folder(), next(bed.ports)
        command = self.command(bed, setup, folder, port)
        begin = time.monotonic()
        process = bed.start(command, bed.router_cpu, folder) if isinstance(command, list) else command

        def is_up():
            if not process.is_running():
                raise RuntimeError(f"{self.name} ended: {(folder / 'output.txt').read_text()[-2000:]}")
            return is_listened_on(port)

        wait_until(is_up, f"{self.name} listens", 180)
        return Router(process, port, folder, time.monotonic() - begin)

    def stop(self, bed, router):
        router.process.stop()
        bed.processes.remove(router.process)
        shutil.rmtree(router.folder)


def is_listened_on(port):
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def handoff_job(setup):
    return "hold" if setup.job == "hold" else "answer"


def snipass(binary, family):
    def tested_backend(bed, setup):
        if family == "proxy":
            return f'proxy = ["127.0.0.1:{bed.backend(setup)}"]'
        protocol = 'scgi"\nscgi_ack = true' if setup.scgi else f'{family}"'
        return f'handoff = "unix:{bed.receiver(family, handoff_job(setup))}"\nprotocol = "{protocol}'

    def command(bed, setup, folder, port):
        file = folder / "snipass.toml"
        routes.snipass(file, setup, port, tested_backend(bed, setup))
        return [binary, "run", "--config", file]
    return command


def snipass_contenders(name, binary):
    return [Contender(f"{name}-{family}", family, "snipass", snipass(binary, family), (binary,))
            for family in ("datagram", "stream", "proxy")]


def handoff_floor(protocol):
    def command(bed, setup, _folder, port):
        path = bed.receiver(protocol, handoff_job(setup))
        return [machine.BUILD / f"bench_{protocol}_floor", str(port), path]
    return command


def splice_floor(bed, setup, _folder, port):
    return [machine.BUILD / "bench_splice_relay", str(port), str(bed.backend(setup))]


def peer(write, *options):
    return lambda bed, setup, folder, port: write(folder, setup, port, bed.backend(setup), *options)


def floor(name, family, command, program, **more):
    return Contender(name, family, "floor", command, (machine.BUILD / program,), **more)


def all_contenders(other_binary=None):
    datagram, stream, proxy = snipass_contenders("snipass", machine.BUILD / "snipass")
    others = snipass_contenders("other", other_binary.resolve()) if other_binary else []
    return [
        floor("datagram-floor", "datagram", handoff_floor("datagram"), "bench_datagram_floor"), datagram,
        floor("stream-floor", "stream", handoff_floor("stream"), "bench_stream_floor"), stream,
        floor("splice-floor", "proxy", splice_floor, "bench_splice_relay", only_bulk=True), proxy,
        *others,
        Contender("haproxy", "proxy", "peer", peer(routes.haproxy, False), (routes.HAPROXY,)),
        Contender("haproxy-splice", "proxy", "peer", peer(routes.haproxy, True), (routes.HAPROXY,), only_bulk=True),
        Contender("nginx", "proxy", "peer", peer(routes.nginx), (routes.NGINX, routes.NGINX_STREAM)),
        Contender("sniproxy", "proxy", "peer", peer(routes.sniproxy), (routes.SNIPROXY,), needs_root=True),
    ]
