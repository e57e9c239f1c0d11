"""The machine under the benchmark: a network of its own, the programs to measure, and what to say about it."""

import fcntl
import os
import pathlib
import platform
import shutil
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

# Program to look for, package that has it.
PACKAGES = {
    "/usr/sbin/haproxy": "haproxy",
    "/usr/sbin/nginx": "nginx",
    "/usr/lib/nginx/modules/ngx_stream_module.so": "libnginx-mod-stream",
    "/usr/sbin/sniproxy": "sniproxy",
    "/usr/bin/gnuplot": "gnuplot-nox",
    "/usr/bin/strace": "strace",
    "/usr/lib/x86_64-linux-gnu/libbenchmark.so": "libbenchmark-dev",
}


def missing_packages():
    return [package for file, package in PACKAGES.items() if not os.path.exists(file)]


def install_packages():
    """Installs what is missing, as root."""
    missing = missing_packages()
    if not missing or os.geteuid() != 0 or not shutil.which("apt-get"):
        return
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    for arguments in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", *missing]):
        subprocess.run(["apt-get", *arguments], env=environment, stdout=subprocess.DEVNULL, check=False)


def build():
    subprocess.run(["cmake", "--preset", "bench"], cwd=REPOSITORY, stdout=subprocess.DEVNULL, check=True)
    subprocess.run(["cmake", "--build", "--preset", "bench", "--target", "snipass", "bench/all"],
                   cwd=REPOSITORY, stdout=sys.stderr, check=True)


def is_inside():
    return os.environ.get(INSIDE) == "1"


def enter_private_network():
    """Runs this program again in a network namespace of its own, and does not return."""
    environment = {**os.environ, INSIDE: "1"}
    as_root = [] if os.geteuid() == 0 else ["--map-root-user"]
    os.execvpe("unshare", ["unshare", *as_root, "--net", "--", sys.executable, *sys.argv], environment)


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


def uncommitted():
    """The files in git's short form that are not as they were committed, but for the results themselves."""
    return output("git", "status", "--porcelain", "--", ".", ":!bench/results")


def describe():
    model = next((line.split(":", 1)[1].strip() for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines()
                  if line.startswith("model name")), platform.machine())
    versions = {
        "haproxy": output("haproxy", "-v").split("\n")[0].removeprefix("HAProxy version ").split(" ")[0],
        "nginx": output("dpkg-query", "-W", "-f", "${Version}", "libnginx-mod-stream"),
        "sniproxy": output("dpkg-query", "-W", "-f", "${Version}", "sniproxy"),
        "compiler": output("c++", "--version").split("\n")[0],
    }
    return {
        "date": output("date", "--utc", "+%Y-%m-%d %H:%M UTC"),
        "commit": output("git", "rev-parse", "--short", "HEAD") + (" with changes" if uncommitted() else ""),
        "snipass": output(str(BUILD / "snipass"), "--version").split("\n")[0],
        "cpu": f"{len(os.sched_getaffinity(0))} x {model}",
        "kernel": platform.release(),
        "versions": versions,
        "sysctls": SYSCTLS,
    }
