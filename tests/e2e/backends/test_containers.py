# SPDX-License-Identifier: BSL-1.0
"""Backends in containers: docs/backends.md, Containers, with the kernel's namespaces. The image has a root of its own with nothing
but the server, its libc, a shell, snipass-run and the preload library; it has no list of users, no /proc and no network."""
import functools
import os
import re
import shutil
import socket
import subprocess
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from harness import client_hello, main  # noqa: E402
from harness.backend_case import BackendCase  # noqa: E402
from harness.places import BUILD, SOURCE, folder_of_the_run  # noqa: E402
from harness.process import wait_until  # noqa: E402
from harness.receiver_checks import router_of  # noqa: E402

CONTAINER = Path(__file__).resolve().parents[1] / "harness" / "container.py"
ROUTER, HOST_ROOT = 54321, 100000  # their numbers on the host; nobody has them
FEW = f"0 {HOST_ROOT} 1000"  # the user namespace's numbers
WITH_ROUTER = f"{FEW},{ROUTER} {ROUTER} 1"
SERVER = """
#include <arpa/inet.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>
int main(void) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(8443), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(listener, (struct sockaddr*)&address, sizeof address) != 0 || listen(listener, 64) != 0) return 1;
    for (;;) {
        char text[65536];
        socklen_t size = sizeof address;
        const int client = accept(listener, (struct sockaddr*)&address, &size);
        if (client < 0) continue;
        if (read(client, text, sizeof text) > 0)
            dprintf(client, "client: %s:%d", inet_ntoa(address.sin_addr), ntohs(address.sin_port));
        close(client);
    }
}
"""
ENTRY_POINT = "#!/bin/sh\nLD_PRELOAD=/lib/other.so\nexport LD_PRELOAD\n$1\nexit $?\n"


def call(*command, **options):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, **options)
    if done.returncode != 0:
        raise AssertionError(f"{command}: {done.stdout}{done.stderr}")
    return done.stdout


def compile_into(root, compiler):
    """The server, and a library for its entry point."""
    (root / "server.c").write_text(SERVER)
    (root / "other.c").write_text("int other;")
    call(*compiler, "-D_GNU_SOURCE", "-o", root / "bin" / "server", root / "server.c")
    call(*compiler, "-shared", "-fPIC", "-o", root / "lib" / "other.so", root / "other.c")


@functools.cache
def glibc_image():
    """What snipass-run, the preload library and a shell of this machine need, at the same paths."""
    root = folder_of_the_run("glibc")
    root.chmod(0o755)
    for name in ("bin", "lib", "run"):
        (root / name).mkdir()
    compile_into(root, ["cc"])
    programs = {BUILD / "snipass-run": "bin", BUILD / "libsnipass_preload.so": "bin", shutil.which("dash"): "bin/sh"}
    for program, place in programs.items():
        shutil.copy(program, root / place)
        for library in re.findall(r"(/\S+) \(0x", call("ldd", program)):
            (root / library[1:]).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(library, root / library[1:])
    return root


@functools.cache
def musl_image():
    """As in Alpine: everything is made with musl, by a C compiler and CMake alone."""
    root = folder_of_the_run("musl")
    root.chmod(0o755)
    for name in ("bin", "lib", "run"):
        (root / name).mkdir()
    # Debian's musl-gcc knows musl's own headers only; the kernel's are with the machine's compiler.
    kernel = ["-idirafter", "/usr/include", "-idirafter", f"/usr/include/{call('cc', '-print-multiarch').strip()}"]
    compile_into(root, ["musl-gcc"])
    build = folder_of_the_run("musl-build")
    call("cmake", "-S", SOURCE, "-B", build, "-DSNIPASS_ROUTER=OFF", "-DCMAKE_C_COMPILER=musl-gcc", f"-DCMAKE_C_FLAGS={' '.join(kernel)}",
         "-DCMAKE_INSTALL_PREFIX=/usr", "-DCCACHE=")
    call("cmake", "--build", build)
    call("cmake", "--install", build, env={**os.environ, "DESTDIR": str(root)})
    loader = Path(re.search(r"interpreter: (\S+)\]", call("readelf", "-l", root / "bin" / "server"))[1])
    shutil.copy(loader.resolve(), root / "lib" / loader.name)
    (root / "lib" / "libc.so").symlink_to(loader.name)
    return root


class Containers:
    """Whatever libc the image has: self.image() is its root."""
    snipass_run = "/bin/snipass-run"

    def container(self, *options, numbers=None, command=("/bin/server",)):
        """Starts the server in it, once the folder for its socket is made as the recipe says. Returns its log."""
        root = self.image()
        self.count = getattr(self, "count", 0) + 1
        folder = root / "run" / f"{self.id().split('.')[-1][-20:]}-{self.count}"
        call("install", "-d", "-m", "2750", "-o", HOST_ROOT if numbers else 0, "-g", ROUTER, folder)
        self.socket = folder / "s"
        log = self.folder / f"{self.count}.log"
        self.start(sys.executable, CONTAINER, root, *([numbers] if numbers else []), "--", self.snipass_run,
                   f"/{self.socket.relative_to(root)}", "--listen", "8443", *options, "--", *command, log=log.name)
        return log

    def answer(self):
        """What the router's client hears."""
        wait_until(self.socket.exists, "the server's socket")
        with router_of(ROUTER, self.socket, "stream") as address:
            with socket.create_connection(address, 20) as client:
                client.sendall(client_hello())
                own = "{}:{}".format(*client.getsockname())
                try:
                    return client.recv(4096).decode().replace(own, "ITSELF")
                except ConnectionError:
                    return "reset"

    def test_the_router_has_a_number_and_no_name(self):
        self.container("--from", str(ROUTER))
        # Its file is there before it listens.
        wait_until(lambda: self.answer() == "client: ITSELF", "it serves")

    def test_without_its_number_it_is_refused_and_named(self):
        log = self.container()
        self.assertIn(self.answer(), ("reset", ""))
        self.assertEqual(log.read_text().count("there is no user snipass"), 1)
        self.assertIn(f"user {ROUTER} may not hand over clients", log.read_text())

    def test_in_a_user_namespace_that_has_the_routers_number(self):
        self.container("--from", str(ROUTER), numbers=WITH_ROUTER)
        wait_until(lambda: self.answer() == "client: ITSELF", "it serves")

    def test_the_folder_lets_the_routers_group_in_and_nobody_else(self):
        self.container("--from", "unmapped", numbers=FEW)
        wait_until(self.socket.exists, "the server's socket")
        status = self.socket.stat()
        self.assertEqual((status.st_uid, status.st_gid), (HOST_ROOT, ROUTER))
        for group, refused in ((ROUTER, False), (ROUTER + 1, True)):
            code = f"import socket; socket.socket(socket.AF_UNIX).connect({str(self.socket)!r})"
            done = subprocess.run(["/usr/bin/python3", "-c", code], user=ROUTER + 1, group=group, extra_groups=[], capture_output=True, text=True)
            self.assertEqual("PermissionError" in done.stderr, refused, done.stderr)

    def test_a_static_program_is_refused(self):
        root = self.image()
        call("cc", "-static", "-o", root / "bin" / "static", root / "server.c")
        log = self.container("--from", str(ROUTER), command=["/bin/static"])
        wait_until(lambda: log.read_text().endswith("\n"), "the line that says why")
        self.assertIn("/bin/static is linked statically", log.read_text())


@unittest.skipUnless(os.geteuid() == 0, "only root can make the namespaces")
class Glibc(Containers, BackendCase):
    def image(self):
        return glibc_image()

    def test_an_entry_point_that_brings_a_library_of_its_own(self):
        (self.image() / "bin" / "entry").write_text(ENTRY_POINT)
        (self.image() / "bin" / "entry").chmod(0o755)
        self.container("--from", str(ROUTER), command=("/bin/entry", "/bin/server"))
        wait_until(lambda: self.answer() == "client: ITSELF", "it serves")

    def test_a_program_of_another_libc_is_refused(self):
        root = self.image()
        shutil.copy(musl_image() / "bin" / "server", root / "bin" / "foreign")
        log = self.container("--from", str(ROUTER), command=["/bin/foreign"])
        wait_until(lambda: log.read_text().endswith("\n"), "the line that says why")
        self.assertIn("/bin/foreign is made for another libc", log.read_text())

    def test_a_static_program_with_a_receiver_of_its_own(self):
        root = self.image()
        call("go", "build", "-o", root / "bin" / "receiver", SOURCE / "examples" / "receivers" / "receiver.go",
             env={**os.environ, "CGO_ENABLED": "0", "GO111MODULE": "off"})
        for name in ("cert.pem", "key.pem"):
            shutil.copy(self.folder / name, root)
        folder = root / "run" / "go"
        call("install", "-d", "-m", "2750", "-o", HOST_ROOT, "-g", ROUTER, folder)
        self.socket = folder / "s"
        self.start(sys.executable, CONTAINER, root, WITH_ROUTER, "--", "/bin/receiver", "--from", ROUTER, "/run/go/s", "/cert.pem", "/key.pem")
        self.wait_for_socket()
        with router_of(ROUTER, self.socket, "stream") as address:
            own, body = self.fetch(address)
            self.assertEqual(body, f"client: {own}\n")


@unittest.skipUnless(os.geteuid() == 0, "only root can make the namespaces")
class Musl(Containers, BackendCase):
    snipass_run = "/usr/bin/snipass-run"

    def image(self):
        return musl_image()


del Containers
if __name__ == "__main__":
    main()
