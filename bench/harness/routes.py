# SPDX-License-Identifier: BSL-1.0
"""Route tables of any size in each router's own language. The tested name is the last one."""

# Debian's places: a user's PATH need not have /usr/sbin.
HAPROXY, NGINX, SNIPROXY = "/usr/sbin/haproxy", "/usr/sbin/nginx", "/usr/sbin/sniproxy"
NGINX_STREAM = "/usr/lib/nginx/modules/ngx_stream_module.so"

TESTED_NAME = "www.example.com"  # of the captured hellos
# What a browser sends, of some 500 bytes.
HEAD = (f"GET /live/1 HTTP/1.1\r\nHost: {TESTED_NAME}\r\nConnection: keep-alive\r\nPragma: no-cache\r\nCache-Control: no-cache\r\n"
        "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/146.0.0.0 Safari/537.36\r\n"
        "Accept: text/event-stream\r\nDNT: 1\r\nUpgrade-Insecure-Requests: 1\r\nReferer: http://www.example.com/a/page/of/the/site\r\n"
        "Accept-Encoding: gzip, deflate\r\nAccept-Language: en-GB,en;q=0.9,de;q=0.8\r\n"
        "Cookie: session=0123456789abcdef0123456789abcdef; consent=necessary; theme=dark\r\n\r\n")


def other_names(count):
    return (f"n{number:07}.bench.example" for number in range(count - 1))


def snipass(file, setup, port, tested_backend):
    with open(file, "w", encoding="ascii") as out:
        out.write("[server]\nworkers = 1\n"
                  f'hello_timeout = "{setup.patience}s"\n\n'
                  f'[log]\nlevel = "warn"\naccess = {str(setup.access_log).lower()}\n\n'
                  f'[[listener]]\naddress = "127.0.0.1:{port}"\nunmatched = "close"\n' + ('protocol = "http"\n\n' if setup.http else "\n"))
        if setup.operated:
            out.write(f'[metrics]\naddress = "unix:{file.parent}/metrics.sock"\nroutes = true\n\n[control]\npath = "{file.parent}/control.sock"\n\n')
        if setup.one_list:
            names = ",\n".join(f'  "{name}"' for name in other_names(setup.routes))
            out.write(f'[[route]]\nnames = [\n{names}\n]\nbackend = "other"\n\n')
        else:
            out.writelines(f'[[route]]\nnames = ["{name}"]\nbackend = "other"\n\n' for name in other_names(setup.routes))
        paths = 'paths = ["/live/*"]\n' if setup.http else ""
        out.write(f'[[route]]\nnames = ["{TESTED_NAME}"]\n{paths}backend = "tested"\n\n'
                  f"[backend.tested]\n{tested_backend}\n\n"
                  '[backend.other]\nhandoff = "unix:/nonexistent/other.sock"\nhold = "0s"\n')


def haproxy(folder, setup, port, backend_port, tuned):
    with open(folder / "names.map", "w", encoding="ascii") as names:
        names.writelines(f"{name} other\n" for name in other_names(setup.routes))
        names.write(f"{TESTED_NAME} tested\n")
    tuning = "  tune.pipesize 1048576\n  tune.bufsize 16384\n" if tuned else ""
    splice = "  option splice-request\n  option splice-response\n" if tuned else ""
    (folder / "haproxy.cfg").write_text(
        f"global\n  nbthread 1\n  no strict-limits\n  ulimit-n 20000\n  maxconn 19000\n{tuning}"
        f"defaults\n  mode tcp\n{splice}  timeout connect 5s\n  timeout client 10m\n  timeout server 10m\n"
        f"frontend tls\n  bind 127.0.0.1:{port} defer-accept\n"
        f"  tcp-request inspect-delay {setup.patience}s\n"
        "  tcp-request content accept if { req.ssl_hello_type 1 }\n"
        f"  use_backend %[req.ssl_sni,lower,map_str({folder}/names.map,other)]\n"
        f"backend tested\n  server one 127.0.0.1:{backend_port}\n"
        "backend other\n  server one 127.0.0.1:9\n")
    return [HAPROXY, "-db", "-f", folder / "haproxy.cfg"]


def nginx(folder, setup, port, backend_port):
    with open(folder / "names.map", "w", encoding="ascii") as names:
        names.writelines(f"{name} other;\n" for name in other_names(setup.routes))
        names.write(f"{TESTED_NAME} tested;\n")
    (folder / "nginx.conf").write_text(
        f"load_module {NGINX_STREAM};\n"
        f"daemon off;\nuser root;\nworker_processes 1;\nworker_rlimit_nofile 20000;\npid {folder}/nginx.pid;\n"
        f"error_log {folder}/error.log crit;\n"
        "events { worker_connections 19000; }\n"
        f"stream {{\n  map_hash_max_size {max(2048, 4 * setup.routes)};\n  map_hash_bucket_size 128;\n"
        f"  map $ssl_preread_server_name $to {{ default other; include {folder}/names.map; }}\n"
        f"  upstream tested {{ server 127.0.0.1:{backend_port}; }}\n"
        "  upstream other { server 127.0.0.1:9; }\n"
        f"  server {{ listen 127.0.0.1:{port} backlog=65535; ssl_preread on; preread_timeout {setup.patience}s;"
        " proxy_pass $to; }\n}\n")
    return [NGINX, "-p", folder, "-c", folder / "nginx.conf"]


def sniproxy(folder, setup, port, backend_port):
    with open(folder / "sniproxy.conf", "w", encoding="ascii") as out:
        out.write(f"user root\npidfile {folder}/sniproxy.pid\n"
                  f"error_log {{\n  filename {folder}/error.log\n  priority alert\n}}\n"
                  f"listener 127.0.0.1:{port} {{\n  protocol tls\n  table names\n}}\ntable names {{\n")
        escaped = (name.replace(".", "\\\\.") for name in other_names(setup.routes))
        out.writelines(f"  ^{name}$ 127.0.0.1:9\n" for name in escaped)
        tested = TESTED_NAME.replace(".", "\\\\.")
        out.write(f"  ^{tested}$ 127.0.0.1:{backend_port}\n}}\n")
    return [SNIPROXY, "-f", "-n", "20000", "-c", folder / "sniproxy.conf"]
