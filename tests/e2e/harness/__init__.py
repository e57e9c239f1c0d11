# SPDX-License-Identifier: BSL-1.0
"""What the end-to-end tests share: the router and backends as child processes, certificates, real TLS clients.

Everything a test starts is stopped with it; every port is chosen by the kernel; nothing depends on how fast the machine
is: a test waits for what must happen, for at most DEADLINE seconds.
"""

from . import client_programs, handoff_sender, nginx
from .case import Case, main
from .clients import (Dribble, chromium, client_hello, curl, gnutls_cli, hello_for, of_another_client, python_tls, read_all,
                      read_exactly, s_client, tstclnt)
from .process import DEADLINE, Watched, wait_until
from .receiver import Receiver
from .router import Router, is_sanitized, unless_sanitized

__all__ = [
    "DEADLINE", "Case", "Dribble", "Receiver", "Router", "Watched", "chromium", "client_hello", "client_programs", "curl", "gnutls_cli", "handoff_sender", "hello_for",
    "is_sanitized", "main", "nginx", "of_another_client", "python_tls", "read_all", "read_exactly", "s_client", "tstclnt", "unless_sanitized", "wait_until",
]
