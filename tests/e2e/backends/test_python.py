# SPDX-License-Identifier: BSL-1.0
"""Python as a backend, unmodified: http.server with ssl, asyncio, and a server that forks for each client."""
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from harness import main  # noqa: E402
from harness.places import BUILD  # noqa: E402
from harness.receiver_checks import ServerTests  # noqa: E402

CONTEXT = """
import http.server, socketserver, ssl, sys
folder, kind = sys.argv[1:]
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(folder + "/cert.pem", folder + "/key.pem")
"""
HTTP_SERVER = CONTEXT + """
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        body = "client: %s:%d\\n" % self.client_address[:2]
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())
    def log_message(self, *_): pass
class Threads(socketserver.ThreadingMixIn, http.server.HTTPServer): request_queue_size = 1024; daemon_threads = True
class Forks(socketserver.ForkingMixIn, http.server.HTTPServer): request_queue_size = 1024
server = {"threads": Threads, "forks": Forks}[kind](("127.0.0.1", 443), Handler)
# The handshake belongs into the client's own thread, not into accept().
server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
server.serve_forever()
"""
ASYNCIO = CONTEXT + """
import asyncio
async def serve(reader, writer):
    try:
        while request := await reader.readuntil(b"\\r\\n\\r\\n"):
            body = "client: %s:%d\\n" % writer.get_extra_info("peername")[:2]
            writer.write(f"HTTP/1.1 200 OK\\r\\nContent-Length: {len(body)}\\r\\n\\r\\n{body}".encode())
            if b"Connection: close" in request: break
        await writer.drain()
        writer.close()
    except (asyncio.IncompleteReadError, OSError): pass
async def main():
    start = asyncio.start_unix_server if kind == "unix" else asyncio.start_server
    where = {"path": folder + "/handoff.sock"} if kind == "unix" else {"host": None, "port": 443}
    async with await start(serve, **where, ssl=context, backlog=1024) as server: await server.serve_forever()
asyncio.run(main())
"""


class PythonServer:
    program, kind, run_options = HTTP_SERVER, "threads", ("--listen", "443")

    def setUp(self):
        super().setUp()
        (self.folder / "server.py").write_text(self.program)
        self.server = self.start(BUILD / "snipass-run", self.socket, *self.run_options, "--",
                                 sys.executable, self.folder / "server.py", self.folder, self.kind)
        self.wait_for_socket()


class PythonHTTPServer(PythonServer, ServerTests):
    # It listens on an IPv4 address only, and has no room for an IPv6 client's.
    def saw(self, own, body):
        return super().saw(own.replace("[::1]", "0.0.0.0"), body)


class PythonForks(PythonHTTPServer):
    kind = "forks"


class PythonAsyncio(PythonServer, ServerTests):
    program, kind = ASYNCIO, "tcp"


class PythonAsyncioUnix(PythonAsyncio):
    kind, run_options = "unix", ()


del ServerTests  # it is no test by itself
if __name__ == "__main__":
    main()
