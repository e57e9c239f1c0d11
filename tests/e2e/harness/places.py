# SPDX-License-Identifier: BSL-1.0
"""Where things are: the source, and a build of it, named by SNIPASS_BUILD_DIR or SNIPASS (a router); without, the newest."""

import atexit
import functools
import os
import pathlib
import shutil
import subprocess
import tempfile

SOURCE = pathlib.Path(__file__).resolve().parents[3]


def _build():
    if "SNIPASS_BUILD_DIR" in os.environ:
        return pathlib.Path(os.environ["SNIPASS_BUILD_DIR"])
    if "SNIPASS" in os.environ:
        return pathlib.Path(os.environ["SNIPASS"]).parent
    return max((SOURCE / "build-dev", SOURCE / "build"), key=lambda path: path.stat().st_mtime if path.exists() else 0)


BUILD = _build().resolve()
SNIPASS = os.environ.get("SNIPASS", str(BUILD / "snipass"))
# Runs a command with mounts of its own.
APART = pathlib.Path(__file__).with_name("apart.py")
# snipass-run, or what takes its place: the same with sanitizers (tests/e2e/backends/CMakeLists.txt).
RUN = pathlib.Path(os.environ.get("SNIPASS_RUN") or BUILD / "snipass-run")


@functools.cache
def folder_of_the_run(name):
    """A folder that is there until the test file ends."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix=f"snipass-{name}-", dir="/tmp"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


@functools.cache
def certificates():
    """cert.pem, key.pem and both.pem: one certificate a run, since its key takes time."""
    folder = folder_of_the_run("cert")
    names = "DNS:example.com,DNS:*.example.com,DNS:test.example,DNS:localhost,IP:127.0.0.1"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                    "-subj", "/CN=example.com", "-addext", f"subjectAltName={names}", "-keyout", "key.pem", "-out", "cert.pem"],
                   cwd=folder, check=True, capture_output=True)
    (folder / "both.pem").write_text((folder / "cert.pem").read_text() + (folder / "key.pem").read_text())
    return folder


def for_everybody(*command):
    """The command with copies of our own files that any user can reach: the checkout may lie in /root."""
    return [_public_copy(word) if isinstance(word, pathlib.Path) and word.is_file() and {SOURCE, BUILD} & set(word.parents) else word
            for word in command]


@functools.cache
def _public_copy(file):
    top = folder_of_the_run("public")
    folder = top / file.parent.name
    folder.mkdir(exist_ok=True)
    # A program may need these: snipass-run looks beside itself, and EXECUTABLE says where the loader looks.
    for library in BUILD.glob("src/libsnipass/libsnipass.so.*"):
        shutil.copy(library, top)
    for one in {file, *file.parent.glob("snipass-run"), *file.parent.glob("libsnipass_preload.so")}:
        shutil.copy(one, folder)
        (folder / one.name).chmod(0o755)
    for one in (top, folder):
        one.chmod(0o755)
    return folder / file.name


# The environment for what another user runs: a Python that is not in root's home, and libsnipass.
EXECUTABLE = {**os.environ, "PATH": f"/usr/bin:/bin:{os.environ['PATH']}",
              "LD_LIBRARY_PATH": str(folder_of_the_run("public"))}
