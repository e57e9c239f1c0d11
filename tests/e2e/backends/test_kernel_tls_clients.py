#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""plaintext = "ktls": the clients of test_tls_clients.py at servers that get the client's own socket."""
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import test_tls_clients  # noqa: E402
from harness import client_programs, kernel_tls  # noqa: E402


class KernelTlsClients(test_tls_clients.TlsClients):
    plaintext = "ktls"


if __name__ == "__main__":
    client_programs.go()  # where there is a compiler
    kernel_tls.main()
