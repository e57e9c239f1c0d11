# SPDX-License-Identifier: BSL-1.0
"""The programs of tests/e2e/programs."""

import os
import subprocess
import sys

from .places import BUILD, SOURCE
from .router import sanitizer

FOLDER = SOURCE / "tests" / "e2e" / "programs"
JAVA = FOLDER / "Client.java"
WEBSOCKET_ECHO = (sys.executable, FOLDER / "websocket_echo.py")


def library_server(*arguments):
    """A server on libsnipass, which its Python loads. A sanitizer wants to be the first library."""
    first = ()
    if kind := sanitizer():
        runtime = subprocess.run(["cc", f"-print-file-name=lib{kind}.so"], check=True, capture_output=True, text=True).stdout.strip()
        first = ("env", f"LD_PRELOAD={runtime}", "ASAN_OPTIONS=detect_leaks=0")
    return [*first, sys.executable, FOLDER / "library_server.py", BUILD / "src/libsnipass/libsnipass.so", *arguments]


def go(source="client.go", program="go-tls-client"):
    """A program in Go, built once for a build folder; what cannot be written to has it already."""
    program = BUILD / program
    source = FOLDER / source
    if os.access(BUILD, os.W_OK) and not (program.exists() and program.stat().st_mtime > source.stat().st_mtime):
        new = program.with_name(f"{program.name}.{os.getpid()}")
        subprocess.run(["go", "build", "-o", new, source], cwd=FOLDER, env={**os.environ, "GOFLAGS": "", "CGO_ENABLED": "0"}, check=True)
        new.rename(program)  # several tests may do this at a time
    return program
