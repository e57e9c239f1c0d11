# SPDX-License-Identifier: BSL-1.0
"""Servers that know nothing of TLS, unmodified, with clients whose TLS the kernel speaks: nginx, Node, Python."""
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from harness import handoff_sender, kernel_tls  # noqa: E402
from harness.backend_case import BackendCase  # noqa: E402
from harness.kernel_tls import CLOSE_NOTIFY, DATA, TLS_1_2, TLS_1_3, read_record, read_to_the_end, send_record  # noqa: E402
from harness.places import BUILD, SOURCE  # noqa: E402
from harness.process import wait_until  # noqa: E402

SIZE = 200_000  # of an answer that does not fit into a small buffer


class Server(BackendCase):
    """What holds for each of them. `command` is how it is started, `program` a file that it runs."""
    program, command, name = "", (), "server"

    def setUp(self):
        super().setUp()
        self.folder.chmod(0o777)
        (self.folder / self.name).write_text(self.program.replace("FOLDER", str(self.folder)))
        (self.folder / "large").write_bytes(b"x" * SIZE)
        self.farewell = kernel_tls.Farewell(self.folder / "farewell.sock")
        (self.folder / "farewell.sock").chmod(0o777)
        self.addCleanup(self.farewell.stop)
        self.server = self.start(BUILD / "snipass-run", self.socket, "--from", "0", "--listen", "8080", "--", *self.command,
                                 self.folder / self.name, cwd=self.folder)
        self.wait_for_socket()

    def client(self, version=TLS_1_3, **buffers):
        far, near = kernel_tls.pair(version, **buffers)
        far.settimeout(120)
        self.addCleanup(far.close)
        kernel_tls.hand_over(self.socket, near, self.farewell.path)
        return far

    @staticmethod
    def request(path="/", close=False):
        return f"GET {path} HTTP/1.1\r\nHost: x\r\n{'Connection: close' if close else 'A: b'}\r\n\r\n".encode()

    def read_answer(self, far):
        """One with a length."""
        data = b""
        while b"\r\n\r\n" not in data:
            record = read_record(far)
            self.assertEqual((type(record), record[0]), (tuple, DATA), record)
            data += record[1]
        head, body = data.split(b"\r\n\r\n", 1)
        self.assertIn(b" 200 ", head)
        size = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        while len(body) < size:
            kind, more = read_record(far)
            self.assertEqual(kind, DATA)
            body += more
        return body

    def log(self):
        return "".join(path.read_text() for path in (self.folder / "server.log", self.folder / "error.log") if path.exists())

    def test_two_requests_then_close_notify(self):
        for version in (TLS_1_2, TLS_1_3):
            far = self.client(version)
            for _ in range(2):
                far.sendall(self.request())
                self.assertEqual(self.read_answer(far)[:4], b"here")
            send_record(far, *CLOSE_NOTIFY)
            self.assertEqual([read_record(far), read_record(far)], [CLOSE_NOTIFY, "FIN"])
        self.nothing_is_odd()

    def test_close_notify_directly_behind_a_request(self):
        far = self.client()
        far.sendall(self.request(close=True))
        send_record(far, *CLOSE_NOTIFY)
        data, behind = read_to_the_end(far)
        self.assertEqual((data.split(b"\r\n\r\n")[-1][:4], behind), (b"here", CLOSE_NOTIFY))
        self.nothing_is_odd()

    def test_a_slow_client_with_a_small_buffer_gets_all_of_a_large_answer(self):
        for version in (TLS_1_2, TLS_1_3):
            for _ in range(3):
                far = self.client(version, sending=20_000, receiving=4_096)
                far.sendall(self.request("/large", close=True))
                data, behind = read_to_the_end(far)
                self.assertEqual((len(data.split(b"\r\n\r\n", 1)[-1]), behind), (SIZE, CLOSE_NOTIFY))

    def test_the_server_lives_on_when_a_client_breaks_off(self):
        for record in ((21, b"\x02\x28"), (22, b"\x18\x00\x00\x01\x00")):
            far = self.client()
            far.sendall(self.request())
            self.read_answer(far)
            send_record(far, *record)
            read_to_the_end(far)
        far = self.client()
        far.sendall(self.request(close=True))
        self.assertEqual(self.read_answer(far)[:4], b"here")
        self.assertIsNone(self.server.poll())

    def nothing_is_odd(self):
        for word in ("EIO", "Input/output error", "Traceback", "[alert]", "[error]", "Error:"):
            self.assertNotIn(word, self.log())


class Nginx(Server):
    name, command = "nginx.conf", ("/usr/sbin/nginx", "-c")
    program = """
daemon off; pid FOLDER/nginx.pid; error_log FOLDER/error.log info; worker_processes 1;
events { worker_connections 512; }
http { access_log off; client_body_temp_path FOLDER/tmp1; proxy_temp_path FOLDER/tmp2; fastcgi_temp_path FOLDER/tmp3;
    uwsgi_temp_path FOLDER/tmp4; scgi_temp_path FOLDER/tmp5; default_type text/plain; sendfile on; lingering_close off;
    server { listen 8080; root FOLDER; location = / { return 200 "here $remote_addr\\n"; } } }
"""

    def test_it_logs_an_orderly_end(self):
        far = self.client()
        far.sendall(self.request())
        self.read_answer(far)
        send_record(far, *CLOSE_NOTIFY)
        self.assertEqual(read_record(far), CLOSE_NOTIFY)
        wait_until(lambda: "closed keepalive connection" in self.log(), "its line")
        self.assertNotIn("closed keepalive connection (", self.log())  # where there is an errno behind it


class NodeHttp(Server):
    name, command = "server.js", ("node",)
    program = """
const http = require('http'), fs = require('fs');
http.createServer((request, response) => {
    const isLarge = request.url === '/large';
    response.setHeader('Content-Length', isLarge ? fs.statSync('FOLDER/large').size : 5);
    isLarge ? fs.createReadStream('FOLDER/large').pipe(response) : response.end('here\\n');
}).listen(8080);
"""


class NodeNet(Server):
    """A server without an 'error' handler, which an error would end."""
    name, command = "server.js", ("node",)
    program = """
const net = require('net'), fs = require('fs'), large = fs.readFileSync('FOLDER/large');
net.createServer(socket => { socket.on('data', data => {
    const body = data.includes('/large') ? large : 'here\\n';
    socket.write(`HTTP/1.1 200 OK\\r\\nContent-Length: ${body.length}\\r\\n\\r\\n`);
    if (data.includes('close')) socket.end(body); else socket.write(body);
}); }).listen(8080);
"""

    def test_the_server_lives_on_when_a_client_breaks_off(self):
        """A reset ends such a server on TCP, too."""


PYTHON = """
import http.server, socketserver, sys
class Handler(http.server.SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        body = open("FOLDER/large", "rb").read() if self.path == "/large" else b"here\\n"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_): pass
class Threads(socketserver.ThreadingMixIn, http.server.HTTPServer): daemon_threads = True
class Forks(socketserver.ForkingMixIn, http.server.HTTPServer): pass
KIND(("127.0.0.1", 8080), Handler).serve_forever()
"""


class PythonThreads(Server):
    name, command, program = "server.py", (sys.executable,), PYTHON.replace("KIND", "Threads")


class PythonForks(Server):
    """The parent closes each client at once, and the child goes on."""
    name, command, program = "server.py", (sys.executable,), PYTHON.replace("KIND", "Forks")


class PythonAsyncio(Server):
    name, command = "server.py", (sys.executable,)
    program = """
import asyncio
async def serve(reader, writer):
    try:
        while True:
            request = await reader.readuntil(b"\\r\\n\\r\\n")
            body = open("FOLDER/large", "rb").read() if b"/large" in request else b"here\\n"
            writer.write(b"HTTP/1.1 200 OK\\r\\nContent-Length: %d\\r\\n\\r\\n%s" % (len(body), body))
            if b"Connection: close" in request: break
    except (asyncio.IncompleteReadError, ConnectionResetError): pass
    writer.close()
async def main():
    async with await asyncio.start_server(serve, "127.0.0.1", 8080) as server: await server.serve_forever()
asyncio.run(main())
"""


class Receiver(Server):
    """No server of others: examples/receivers/receiver.py, which says the end itself."""

    def setUp(self):
        BackendCase.setUp(self)
        self.farewell = kernel_tls.Farewell(self.folder / "farewell.sock")
        self.addCleanup(self.farewell.stop)
        self.server = self.start(sys.executable, SOURCE / "examples/receivers/receiver.py", "--from", "0", "--in-clear", self.socket)
        self.wait_for_socket()

    def read_answer(self, far):
        return super().read_answer(far).replace(b"client", b"here")

    def test_close_notify_directly_behind_a_request(self):
        far = self.client()
        far.sendall(self.request(close=True))
        send_record(far, *CLOSE_NOTIFY)
        self.assertEqual(read_to_the_end(far)[1], CLOSE_NOTIFY)

    def test_a_slow_client_with_a_small_buffer_gets_all_of_a_large_answer(self):
        """It has none."""


class DoesTlsItself(BackendCase):
    """A receiver that speaks TLS has no use for a client whose TLS the kernel speaks, whatever the header says."""

    def refuses(self, *command):
        self.start(*command, "--from", "0", self.socket, self.certificate, self.key)
        self.wait_for_socket()
        for extra in (b"", handoff_sender.tlv(kernel_tls.PLAINTEXT, b"\x01")):
            far, near = kernel_tls.pair()
            with far, near:
                self.assertEqual(handoff_sender.offer(str(self.socket), near, patience=60, extra=extra), "refused")
                near.sendall(b"untouched")
                self.assertEqual(read_record(far), (DATA, b"untouched"))

    def test_in_python(self):
        self.refuses(sys.executable, SOURCE / "examples/receivers/receiver.py")

    def test_in_node(self):
        self.refuses("node", SOURCE / "examples/receivers/receiver.js")

    def test_in_cpp(self):
        self.refuses(BUILD / "examples/stream_backend")


del Server  # it is no test by itself
if __name__ == "__main__":
    kernel_tls.main()
