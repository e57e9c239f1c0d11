# SPDX-License-Identifier: BSL-1.0
"""What `cmake --install` leaves behind is enough to build a backend with pkg-config, and with find_package(snipass)."""
import os
import re
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from harness import handoff_sender, main  # noqa: E402
from harness.backend_case import BackendCase  # noqa: E402
from harness.places import BUILD, SOURCE  # noqa: E402

C_PROGRAM = """
#include <snipass/openssl.h>
#include <snipass/snipass.h>
#include <stdio.h>
int main(int argc, char** argv) {
    snipass_receiver* receiver = argc > 1 ? snipass_listen(argv[1], NULL) : NULL;
    puts(receiver != NULL ? "listening" : "not listening");
    snipass_receiver_free(receiver);
    return receiver == NULL;
}
"""
# What the documented lines leave to the reader: a server, its certificate; and argv[1] in place of the folder /run/site-handoff.
C_WORLD = """
#include <openssl/ssl.h>
#include <snipass/snipass.h>
#include <string.h>
#include <unistd.h>
void run(void);
void serve(int client);
snipass_receiver* __real_snipass_listen(const char* path, const struct snipass_options* options);
snipass_receiver* __wrap_snipass_listen(const char* path, const struct snipass_options* options);

static const char* path_here;
static SSL_CTX* context;

snipass_receiver* __wrap_snipass_listen(const char* path, const struct snipass_options* options) {
    return strcmp(path, "/run/site-handoff/handoff.sock") == 0 ? __real_snipass_listen(path_here, options) : NULL;
}

void serve(int client) {
    static const char answer[] = "HTTP/1.1 200 OK\\r\\nContent-Length: 6\\r\\n\\r\\nserved";
    char request[4096];
    SSL* ssl = SSL_new(context);
    SSL_set_fd(ssl, client);
    if (SSL_accept(ssl) == 1 && SSL_read(ssl, request, sizeof request) > 0)
        SSL_write(ssl, answer, sizeof answer - 1);
    SSL_shutdown(ssl);
    SSL_free(ssl);
    close(client);
}

int main(int argc, char** argv) {
    context = SSL_CTX_new(TLS_server_method());
    if (argc != 4 || SSL_CTX_use_certificate_file(context, argv[2], SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_use_PrivateKey_file(context, argv[3], SSL_FILETYPE_PEM) != 1)
        return 1;
    path_here = argv[1];
    run();
    return 0;
}
"""
ASIO_WORLD = """
#include <boost/asio/io_context.hpp>
#include <snipass/acceptor.hpp>
#include <stdexcept>
int main() {
    boost::asio::io_context io;
    CODE
    return acceptor.is_open() ? 0 : 1;
}
"""
CMAKE_PROJECT = """
cmake_minimum_required(VERSION 3.18)
project(consumer C)
find_package(snipass 0.1 REQUIRED)
add_executable(consumer consumer.c)
target_link_libraries(consumer PRIVATE snipass::snipass)
"""


class Package(BackendCase):
    def setUp(self):
        super().setUp()
        self.prefix = self.folder / "prefix"
        self.call("cmake", "--install", BUILD, "--prefix", self.prefix)
        self.libraries = next(self.prefix.rglob("libsnipass.so")).parent
        (self.folder / "consumer.c").write_text(C_PROGRAM)

    def call(self, *command, **environment):
        done = subprocess.run([str(c) for c in command], cwd=self.folder, env={**os.environ, **environment}, text=True,
                              capture_output=True)
        self.assertEqual(done.returncode, 0, f"{command}\n{done.stdout}{done.stderr}")
        return done.stdout

    def check_consumer(self, program):
        output = self.call(program, self.socket, LD_LIBRARY_PATH=str(self.libraries))
        self.assertEqual(output, "listening\n")

    def test_pkg_config(self):
        # The prefix is a stranger's: the file was written for the one that was configured.
        flags = self.call("pkg-config", f"--define-variable=prefix={self.prefix}", "--cflags", "--libs", "snipass",
                          PKG_CONFIG_PATH=str(self.libraries / "pkgconfig")).split()
        self.call("cc", "-std=c11", "-Wall", "-Wextra", "-Werror", "consumer.c", "-o", "consumer", *flags)
        self.check_consumer("./consumer")

    def test_folders_that_are_not_under_the_prefix(self):
        self.call("cmake", "-S", SOURCE, "-B", "configured", "-DBUILD_TESTING=OFF", "-DCMAKE_INSTALL_PREFIX=/usr",
                  "-DCMAKE_INSTALL_LIBDIR=/opt/lib", "-DCMAKE_INSTALL_INCLUDEDIR=/opt/include")
        told = {name: self.call("pkg-config", f"--variable={name}", "snipass",
                                PKG_CONFIG_PATH=str(self.folder / "configured/src/libsnipass")).strip()
                for name in ("libdir", "includedir")}
        self.assertEqual(told, {"libdir": "/opt/lib", "includedir": "/opt/include"})

    def documented(self, language):
        """The lines of docs/backends.md in that language, of each place."""
        return re.findall(rf"```{language}\n(.*?)```", (SOURCE / "docs/backends.md").read_text(), re.DOTALL)

    def test_the_documented_lines_serve_as_they_stand(self):
        """In C99, and with a server that knows of blocking sockets only: accept() returns them."""
        headers, code = self.documented("c")[0].split("\n\n", 1)
        (self.folder / "documented.c").write_text(
            f"{headers}\nvoid serve(int client);\nvoid run(void);\nvoid run(void) {{\n{code}}}\n")
        (self.folder / "world.c").write_text(C_WORLD)
        self.call("cc", "-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-c", f"-I{self.prefix}/include", "documented.c")
        self.call("cc", "-Wall", "-Wextra", "-Werror", f"-I{self.prefix}/include", "world.c", "documented.o", "-o", "documented",
                  "-Wl,--wrap=snipass_listen", f"-L{self.libraries}", "-lsnipass", "-lssl", "-lcrypto")
        self.start("./documented", self.socket, self.certificate, self.key, cwd=self.folder,
                   env={**os.environ, "LD_LIBRARY_PATH": str(self.libraries)})
        self.wait_for_socket()
        with handoff_sender.Sender(str(self.socket)) as router:
            for _ in range(3):
                self.assertEqual(self.fetch(router.address)[1], "served")

    def test_the_documented_lines_for_asio_compile_without_a_warning(self):
        code = self.documented("cpp")[1]
        (self.folder / "documented.cpp").write_text(ASIO_WORLD.replace("CODE", code))
        self.call("c++", "-std=c++20", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", f"-I{self.prefix}/include", "documented.cpp")

    def test_the_documented_units_are_the_examples_and_their_paths_those_of_the_configurations(self):
        files = [*(SOURCE / "examples/systemd").glob("*.service"), *(SOURCE / "examples/systemd").glob("*.service.d/snipass.conf")]
        units = {file: [line for line in file.read_text().splitlines() if line and line[0] != "#"] for file in files}
        blocks = [[line for line in block.splitlines() if line and line[0] != "#"] for block in self.documented("ini") if "[Service]" in block]
        self.assertCountEqual(blocks, units.values())
        configurations = "".join(file.read_text() for file in (SOURCE / "config/examples").glob("*.toml"))
        for file, lines in units.items():
            folder = re.search(r"install -d -m 2750 -o \S+ -g snipass (\S+)", "\n".join(lines))[1]
            self.assertIn(f"{folder}/handoff.sock ", "\n".join(lines), file)
            self.assertIn(f"unix:{folder}/handoff.sock", configurations, file)

    def test_find_package(self):
        (self.folder / "CMakeLists.txt").write_text(CMAKE_PROJECT)
        self.call("cmake", "-S", ".", "-B", "b", f"-DCMAKE_PREFIX_PATH={self.prefix}")
        self.call("cmake", "--build", "b")
        self.check_consumer("b/consumer")

    def test_the_library_needs_libc_only_and_shows_its_own_names_only(self):
        library = self.libraries / "libsnipass.so"
        needed = [line.split("[")[1].rstrip("]") for line in self.call("readelf", "-d", library).splitlines()
                  if "(NEEDED)" in line]
        if not any("asan" in name or "tsan" in name for name in needed):
            self.assertEqual(needed, ["libc.so.6"])
        names = [line.split()[-1] for line in self.call("nm", "-D", "--defined-only", library).splitlines()]
        self.assertEqual([name for name in names if not name.startswith("snipass_")], [])


if __name__ == "__main__":
    main()
