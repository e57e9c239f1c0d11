# SPDX-License-Identifier: BSL-1.0
"""The routers that the suite can be run against, each with the configuration its own documentation recommends."""
import os
import shutil
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2]


def program(variable, name):
    """What the environment says, or that of the newest build; where there is none, where `run` will build it."""
    built = sorted(SOURCE.glob(f"build*/{name}"), key=lambda path: path.stat().st_mtime, reverse=True)
    return os.path.abspath(os.environ.get(variable) or (built or [SOURCE / "build-dev" / name])[0])


SNIPASS = program("SNIPASS", "snipass")
SUITE = program("SNI_CONFORMANCE", "sni_conformance")


class Snipass:
    """The backends take the client's socket, as snipass is meant to be used."""
    more = ""
    name = "snipass"
    takes_sockets = True
    version = [SNIPASS, "--version"]

    def available(self):
        return os.access(SNIPASS, os.X_OK)

    def backend(self, name, where):
        return f'[backend.{name}]\nhandoff = "unix:{where}"\n'

    def configure(self, folder, port, backends):
        text = '[server]\nhello_timeout = "30s"\n'  # as nginx: a busy machine sends 3,000 pieces in more than 5
        text += f'[[listener]]\naddress = "127.0.0.1:{port}"\n{self.more}'
        for name in ("a", "b"):
            text += f'[[route]]\nnames = ["{name}.test"]\nbackend = "{name}"\n'
        text += "".join(self.backend(name, where) for name, where in backends.items())
        return text + '[default]\nbackend = "default"\n'

    def command(self, file):
        return [SNIPASS, "run", "--config", file]


class SnipassProxy(Snipass):
    """The same as a plain TCP proxy, for a comparison with what the others do."""
    name = "snipass-proxy"
    takes_sockets = False

    def backend(self, name, where):
        return f'[backend.{name}]\nproxy = ["{where}"]\n'


class Haproxy:
    """The configuration manual's example for req.ssl_sni, with a buffer that holds the largest shape."""
    name = "haproxy"
    takes_sockets = False
    version = ["haproxy", "-v"]

    def available(self):
        return shutil.which("haproxy")

    def configure(self, folder, port, backends):
        servers = "".join(f"backend {name}\n    server s {where}\n" for name, where in backends.items())
        return f"""global
    maxconn 200
    tune.bufsize 524288
defaults
    mode tcp
    timeout connect 5s
    timeout client 30s
    timeout server 30s
frontend tls
    bind 127.0.0.1:{port}
    tcp-request inspect-delay 5s
    tcp-request content accept if {{ req.ssl_hello_type 1 }}
    use_backend a if {{ req.ssl_sni -i a.test }}
    use_backend b if {{ req.ssl_sni -i b.test }}
    default_backend default
{servers}"""

    def command(self, file):
        return ["haproxy", "-db", "-f", file]


class Nginx:
    """ssl_preread as its module's page shows it, with a buffer that holds the largest shape and half-close passed on."""
    name = "nginx"
    takes_sockets = False
    version = ["nginx", "-v"]
    module = Path("/usr/lib/nginx/modules/ngx_stream_module.so")

    def available(self):
        return shutil.which("nginx") and self.module.exists()

    def configure(self, folder, port, backends):
        return f"""load_module {self.module};
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ }}
stream {{
    map $ssl_preread_server_name $backend {{
        a.test {backends["a"]};
        b.test {backends["b"]};
        default {backends["default"]};
    }}
    server {{
        listen 127.0.0.1:{port};
        ssl_preread on;
        preread_buffer_size 512k;
        preread_timeout 30s;
        proxy_half_close on;
        proxy_pass $backend;
    }}
}}
"""

    def command(self, file):
        return ["nginx", "-p", str(Path(file).parent), "-e", "error.log", "-c", file]


class Sniproxy:
    """The manual page's table and fallback; the patterns are anchored. Its buffer has no setting."""
    name = "sniproxy"
    takes_sockets = False
    version = ["sniproxy", "-V"]

    def available(self):
        return shutil.which("sniproxy")

    def configure(self, folder, port, backends):
        return f"""pidfile {folder}/sniproxy.pid
error_log {{
    filename {folder}/error.log
}}
listener 127.0.0.1:{port} {{
    protocol tls
    table names
    fallback {backends["default"]}
}}
table names {{
    ^a\\\\.test$ {backends["a"]}
    ^b\\\\.test$ {backends["b"]}
}}
"""

    def command(self, file):
        return ["sniproxy", "-f", "-c", file]


ROUTERS = [Snipass(), SnipassProxy(), Haproxy(), Nginx(), Sniproxy()]


class SnipassHttp(Snipass):
    """A listener for HTTP in clear. What no request is gets an answer."""
    more = 'protocol = "http"\nunmatched = "default"\n'

    def configure(self, folder, port, backends):
        return super().configure(folder, port, backends).replace("[server]\n", '[server]\nhead_max = "64KiB"\n')


class HaproxyHttp(Haproxy):
    """A frontend of mode http, with room for the largest shape; hosts as the configuration manual compares them."""

    def configure(self, folder, port, backends):
        servers = "".join(f"backend {name}\n    server s {where}\n" for name, where in backends.items())
        return f"""global
    maxconn 200
    tune.bufsize 131072
    tune.http.maxhdr 1000
defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s
    timeout http-request 30s
    option httpclose
frontend http
    bind 127.0.0.1:{port}
    use_backend a if {{ req.hdr(host),host_only -i a.test }}
    use_backend b if {{ req.hdr(host),host_only -i b.test }}
    default_backend default
{servers}"""


class NginxHttp(Nginx):
    """A server of http for each name, and a default one; as a proxy, with room for the largest shape."""
    module = None

    def available(self):
        return shutil.which("nginx")

    def configure(self, folder, port, backends):
        servers = ""
        for name, where in backends.items():
            default = name == "default"
            servers += f"""    server {{
        listen 127.0.0.1:{port}{" default_server" if default else ""};
        server_name {"_" if default else name + ".test"};
        location / {{ proxy_pass http://{where}; }}
    }}
"""
        return f"""daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ }}
http {{
    access_log off;
    client_header_timeout 30s;
    large_client_header_buffers 4 64k;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    proxy_http_version 1.1;
    proxy_set_header Host $http_host;
    proxy_ignore_client_abort on;
    proxy_next_upstream off;
{servers}}}
"""


class SniproxyHttp(Sniproxy):
    """Its listener for HTTP, with the same table."""

    def configure(self, folder, port, backends):
        return super().configure(folder, port, backends).replace("protocol tls", "protocol http")


HTTP_ROUTERS = [SnipassHttp(), HaproxyHttp(), NginxHttp(), SniproxyHttp()]
