# SPDX-License-Identifier: BSL-1.0
"""nginx's configuration, as far as every test has the same: all its files in a folder of the test's."""

import os


def configuration(folder, http, main="daemon off;"):
    """`http` and `main` are what stands in that block, and outside of all. As root, workers are Debian's www-data."""
    user = "user www-data;" if os.geteuid() == 0 and "user " not in main else ""
    temporary = " ".join(f"{kind}_temp_path {folder}/tmp-{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    return f"""{user} {main}
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 4096; }}
http {{
    {temporary}
    {http}
}}
"""
