#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""plaintext = "ktls" with protocol = "scgi": the receivers of test_tls_scgi.py get the client's own socket, behind its request's head."""
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import test_tls_scgi  # noqa: E402
from harness import kernel_tls  # noqa: E402


class KernelTlsScgi(test_tls_scgi.TlsScgi):
    plaintext = "ktls"


if __name__ == "__main__":
    kernel_tls.main()
