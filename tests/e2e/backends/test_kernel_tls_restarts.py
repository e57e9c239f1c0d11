# SPDX-License-Identifier: BSL-1.0
"""plaintext = "ktls": no client is lost when snipass-tls, or a server in clear behind it, restarts."""
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import test_tls_restarts  # noqa: E402
from harness import kernel_tls  # noqa: E402


class KernelTlsRestarts(test_tls_restarts.TlsRestarts):
    plaintext = "ktls"
    rate = 5  # what a kernel without hardware below it can do


if __name__ == "__main__":
    kernel_tls.main()
