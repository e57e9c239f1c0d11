# SPDX-License-Identifier: BSL-1.0
"""Who is compared where TLS ends: snipass-tls behind its router, the proxies that Debian has, and `openssl s_server`, which does a
handshake and nothing else. All in front of the same plain backend, with the same certificate."""

import dataclasses
import pathlib
import shutil
import subprocess

import machine
import routes
from contenders import Contender
from process import wait_until

HITCH, OPENSSL = "/usr/sbin/hitch", shutil.which("openssl") or "openssl"
ANSWER = "snipass bench ok"  # floor.h


@dataclasses.dataclass(frozen=True)
class Certificate:
    chain: pathlib.Path
    key: pathlib.Path
    both: pathlib.Path


class Several:
    """Processes that are one contender: what is measured of one, of all of them."""

    def __init__(self, *processes):
        self.processes = processes
        self.name = processes[-1].name

    def cpu_ns(self):
        return sum(one.cpu_ns() for one in self.processes)

    def own_cpu_ns(self):
        """Of the last one, which ends the TLS."""
        return self.processes[-1].cpu_ns()

    def is_running(self):
        return all(one.is_running() for one in self.processes)


def certificate(bed):
    """One for all: P-256, as most have it."""
    if "certificate" not in bed.shared:
        one = Certificate(*(bed.folder / name for name in ("fullchain.pem", "privkey.pem", "both.pem")))
        subprocess.run([OPENSSL, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                        "-subj", f"/CN={routes.TESTED_NAME}", "-addext", f"subjectAltName=DNS:{routes.TESTED_NAME}",
                        "-keyout", one.key, "-out", one.chain], check=True, capture_output=True)
        one.both.write_text(one.key.read_text() + one.chain.read_text())
        bed.shared["certificate"] = one
    return bed.shared["certificate"]


def handed_off_backend(bed, setup):
    """The same backend under snipass-run: the path at which it takes clients."""
    key = ("handed off", setup.job, setup.job_bytes)
    if key not in bed.shared:
        port = str(next(bed.ports))
        path = bed.folder / f"plain-{port}.sock"
        bed.start_load_side("snipass-run", path, "--listen", port, "--from", "0", "--", machine.BUILD / "bench_tcp_backend", port, setup.job,
                            str(setup.job_bytes), "copy")
        wait_until(path.exists, path)
        bed.shared[key] = path
    return bed.shared[key]


SNIPASS = """
[server]
workers = 1
[log]
level = "warn"
access = false
[[listener]]
address = "127.0.0.1:{port}"
[[route]]
names = ["{name}"]
backend = "tested"
[tls]
certificates = [{{ chain = "{certificate.chain}", key = "{certificate.key}" }}]
handoff = "unix:{folder}/tls.sock"
[backend.tested]
tls = "terminate"
handoff = "unix:{backend}"
"""


def snipass(bed, setup, folder, port):
    file = folder / "snipass.toml"
    file.write_text(SNIPASS.format(port=port, name=routes.TESTED_NAME, certificate=certificate(bed), folder=folder,
                                   backend=handed_off_backend(bed, setup)))
    own = bed.start([machine.BUILD / "snipass-tls", "run", "--config", file], bed.router_cpu, folder)
    wait_until((folder / "tls.sock").exists, "snipass-tls listens")
    return Several(bed.start([machine.BUILD / "snipass", "run", "--config", file], bed.router_cpu, folder), own)


def nginx(bed, setup, folder, port):
    one = certificate(bed)
    (folder / "nginx.conf").write_text(
        f"load_module {routes.NGINX_STREAM};\n"
        f"daemon off;\nuser root;\nworker_processes 1;\npid {folder}/nginx.pid;\nerror_log {folder}/error.log crit;\n"
        "events { worker_connections 1024; }\n"
        f"stream {{\n  server {{ listen 127.0.0.1:{port} ssl; ssl_protocols TLSv1.2 TLSv1.3;\n"
        f"    ssl_certificate {one.chain}; ssl_certificate_key {one.key}; proxy_pass 127.0.0.1:{bed.backend(setup)}; }}\n}}\n")
    return [routes.NGINX, "-p", folder, "-c", folder / "nginx.conf"]


def haproxy(bed, setup, folder, port):
    (folder / "haproxy.cfg").write_text(
        "global\n  nbthread 1\n"
        "defaults\n  mode tcp\n  timeout connect 5s\n  timeout client 10m\n  timeout server 10m\n"
        f"frontend tls\n  bind 127.0.0.1:{port} ssl crt {certificate(bed).both}\n  default_backend tested\n"
        f"backend tested\n  server one 127.0.0.1:{bed.backend(setup)}\n")
    return [routes.HAPROXY, "-db", "-f", folder / "haproxy.cfg"]


def hitch(bed, setup, folder, port):
    (folder / "hitch.conf").write_text(
        f'frontend = "[127.0.0.1]:{port}"\nbackend = "[127.0.0.1]:{bed.backend(setup)}"\npem-file = "{certificate(bed).both}"\n'
        'user = "nobody"\nworkers = 1\nbacklog = 1024\ntls-protos = TLSv1.2 TLSv1.3\ndaemon = off\nquiet = on\n')
    return [HITCH, f"--config={folder}/hitch.conf"]


def s_server(bed, _setup, folder, port):
    """It answers itself, out of a file: the handshake alone, as a program that is nothing but one does it."""
    (folder / "answer").write_text(ANSWER)
    one = certificate(bed)
    return ["sh", "-c", f"cd {folder} && exec {OPENSSL} s_server -accept 127.0.0.1:{port} -cert {one.chain} -key {one.key} "
            "-HTTP -quiet -num_tickets 1"]


def all_terminators():
    return [
        Contender("openssl s_server", "terminate", "floor", s_server, (OPENSSL,)),
        Contender("snipass-tls", "terminate", "snipass", snipass, tuple(machine.BUILD / name for name in ("snipass", "snipass-tls", "snipass-run"))),
        Contender("nginx, TLS", "terminate", "peer", nginx, (routes.NGINX, routes.NGINX_STREAM)),
        Contender("haproxy, TLS", "terminate", "peer", haproxy, (routes.HAPROXY,)),
        Contender("hitch", "terminate", "peer", hitch, (HITCH,), needs_root=True),
    ]
