# SPDX-License-Identifier: BSL-1.0
"""The machine under the benchmark: a network of its own, the programs to measure, and what to say about it."""

import fcntl
import os
import pathlib
import platform
import socket
import struct
import subprocess
import sys

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("SNIPASS_BUILD_DIR", REPOSITORY / "build-bench"))
INSIDE = "SNIPASS_BENCH_INSIDE"

# Of the private namespace only; the machine's own values stay as they are.
SYSCTLS = {
    "net/ipv4/ip_local_port_range": "10000 65000",  # the listeners of the benchmark are below
    "net/ipv4/tcp_tw_reuse": "1",
    "net/ipv4/tcp_max_tw_buckets": "8192",
    "net/ipv4/tcp_max_syn_backlog": "65535",
    "net/core/somaxconn": "65535",
    "net/unix/max_dgram_qlen": "4096",
}

EXIT_SKIPPED = 77  # what ctest takes for a test that cannot be run here


def install_packages():
    """Installs what is missing, as root; for anybody else, what is missing shows when it is needed."""
    if os.geteuid() == 0:
        subprocess.run([REPOSITORY / "scripts" / "install-deps", "build", "bench"], check=True)


def build():
    subprocess.run(["cmake", "--preset", "bench"], cwd=REPOSITORY, stdout=subprocess.DEVNULL, check=True)
    targets = ("snipass", "snipass-tls", "snipass-run", "snipass_preload", "bench/all")
    subprocess.run(["cmake", "--build", "--preset", "bench", "--target", *targets],
                   cwd=REPOSITORY, stdout=sys.stderr, check=True)


def is_inside():
    return os.environ.get(INSIDE) == "1"


def enter_private_network():
    """Runs this program again in a network namespace of its own, and does not return."""
    as_root = [] if os.geteuid() == 0 else ["--map-root-user"]
    unshare = ["unshare", *as_root, "--net", "--"]
    if subprocess.run([*unshare, "true"], check=False).returncode != 0:
        print("bench: this system does not let you have a network namespace; run it as root", file=sys.stderr)
        sys.exit(EXIT_SKIPPED)
    os.execvpe("unshare", [*unshare, sys.executable, *sys.argv], {**os.environ, INSIDE: "1"})


def is_real_root():
    """Whether this is root outside of any user namespace: there, all users' numbers are as they are."""
    return os.geteuid() == 0 and pathlib.Path("/proc/self/uid_map").read_text().split() == ["0", "0", "4294967295"]


def set_up_private_network():
    bring_up_loopback()
    refused = []
    for name, value in SYSCTLS.items():
        try:
            pathlib.Path("/proc/sys", name).write_text(value)
        except OSError:
            refused.append(name)
    if refused:
        print("bench: could not set", ", ".join(refused), file=sys.stderr)


def bring_up_loopback():
    set_flags, up, running = 0x8914, 0x1, 0x40  # SIOCSIFFLAGS, IFF_UP, IFF_RUNNING: netdevice(7)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, set_flags, struct.pack("16sh14x", b"lo", up | running))


def cpus():
    """The router's CPU and everybody else's. On a machine with one CPU they share it."""
    usable = sorted(os.sched_getaffinity(0))
    return usable[0], usable[-1]


def output(*command):
    """What a command says; nothing if it cannot be run or fails."""
    try:
        return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def commit():
    return output("git", "rev-parse", "--short", "HEAD")


def uncommitted():
    """The files in git's short form that are not as they were committed, but for the results themselves."""
    return output("git", "status", "--porcelain", "--", ".", ":!bench/results")


def system_settings():
    return {name: pathlib.Path("/proc/sys", name).read_text().strip() for name in SYSCTLS}


def describe():
    model = next((line.split(":", 1)[1].strip() for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines()
                  if line.startswith("model name")), platform.machine())
    versions = {
        "haproxy": output("haproxy", "-v").split("\n")[0].removeprefix("HAProxy version ").split(" ")[0],
        "nginx": output("dpkg-query", "-W", "-f", "${Version}", "libnginx-mod-stream"),
        "sniproxy": output("dpkg-query", "-W", "-f", "${Version}", "sniproxy"),
        "hitch": output("dpkg-query", "-W", "-f", "${Version}", "hitch"),
        "openssl": output("openssl", "version"),
        "compiler": output("c++", "--version").split("\n")[0],
    }
    return {
        "date": output("date", "--utc", "+%Y-%m-%d %H:%M UTC"),
        "commit": commit() + (" with changes" if uncommitted() else ""),
        "snipass": output(str(BUILD / "snipass"), "--version").split("\n")[0],
        "cpu": f"{len(os.sched_getaffinity(0))} x {model}",
        "kernel": platform.release(),
        "versions": versions,
        "sysctls": system_settings(),
    }
