# SPDX-License-Identifier: BSL-1.0
"""A `stream` backend that keeps a log of what it acknowledges, and can be stopped and upgraded without losing anybody.

    acknowledging_backend.py SOCKET_PATH CERTIFICATE KEY LOG

It binds SOCKET_PATH.PID and renames that to SOCKET_PATH, so a new process takes over while the old one is still there. On SIGTERM it
takes nobody any more, and ends when those it had acknowledged are served. Each line of LOG is written before what it
tells of can be seen from outside, and survives a kill -9: "ack PID CLIENT", "back PID CLIENT" (the ACK came too late), "done PID
CLIENT".
"""
import os
import signal
import socket
import ssl
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "examples" / "receivers"))
import receiver  # noqa: E402

SENDERS = receiver.Senders([])


class Log:
    def __init__(self, path):
        self._fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC)

    def write(self, what, client):
        os.write(self._fd, f"{time.time()} {what} {os.getpid()} {client}\n".encode())


class LoggedConnection:
    """The connection of one handoff, for receive_client(): it tells the log of the ACK first."""

    def __init__(self, connection, log):
        self._connection, self._log, self.client = connection, log, None

    def __getattr__(self, name):
        return getattr(self._connection, name)

    def recvmsg(self, *arguments):
        got = self._connection.recvmsg(*arguments)
        for _, _, value in got[1]:
            with socket.socket(fileno=os.dup(int.from_bytes(value[:4], sys.byteorder))) as client:
                self.client = "{}:{}".format(*client.getpeername()[:2])
        return got

    def send(self, data):
        self._log.write("ack", self.client)
        try:
            return self._connection.send(data)
        except OSError:
            self._log.write("back", self.client)
            raise


def serve(connection, context, log):
    logged = LoggedConnection(connection, log)
    try:
        with connection:
            client, _ = receiver.receive_client(logged, SENDERS)
        with context.wrap_socket(client, server_side=True) as tls:
            while b"\r\n\r\n" not in tls.recv(65536):
                pass
            body = f"client: {logged.client}\n".encode()
            tls.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s" % (len(body), body))
            log.write("done", logged.client)
            tls.unwrap()
    except (receiver.Refused, OSError):
        pass  # the client's end of the story is the one that counts


def main(path, certificate, key, log_path):
    log = Log(log_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    own = f"{path}.{os.getpid()}"
    listener.bind(own)
    listener.listen(1024)
    os.rename(own, path)
    stopping = threading.Event()

    def stop(*_):
        # shutdown() on a listener ends accept(), and refuses those who wait: they are the router's still.
        stopping.set()
        listener.shutdown(socket.SHUT_RDWR)

    signal.signal(signal.SIGTERM, stop)
    threads = set()
    print("listening", flush=True)
    while not stopping.is_set():
        try:
            connection = listener.accept()[0]
        except OSError:
            continue
        threads = {thread for thread in threads if thread.is_alive()}
        thread = threading.Thread(target=serve, args=(connection, context, log), daemon=True)
        threads.add(thread)
        thread.start()
    listener.close()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    main(*sys.argv[1:])
