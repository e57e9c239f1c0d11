// SPDX-License-Identifier: BSL-1.0
// A receiver of the `stream` protocol (docs/handoff.md) for Node, and an HTTPS server on top of it.
//
//     node receiver.js [--from USER]... SOCKET_PATH CERTIFICATE KEY
//
// USER is the router's user: a name, a number, or "unmapped". Without it that is `snipass`, if there is such a user.
//
// Node has no call that receives a descriptor from a stranger, nor one that asks who sent it, but its children may send it
// sockets, whatever they are written in (child_process, "ipc"). So a child in Python 3 takes the handoffs, and passes the
// clients on in the form of Node's own children (NODE_HANDLE: no documented one, the same from Node 0.10 to 20 at least).
// A server that wants neither uses the preload library (docs/backends.md).
//
// The child acknowledges for Node, so it has to know that Node lives: at most UNDER_WAY clients are acknowledged that Node
// has not confirmed. While it hangs, all others stay the router's. When Node ends, however it does, the child ends.
'use strict';
const { spawn } = require('child_process'), fs = require('fs'), https = require('https');

const CHILD = `
import array, collections, ctypes, errno, json, os, pwd, signal, socket, stat, struct, sys, threading, time
UNDER_WAY = 8
NOT_NOW = (errno.ETOOMANYREFS, errno.ENOBUFS, errno.ENOMEM, errno.EMFILE, errno.ENFILE, errno.EAGAIN)
ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG: the kernel ends it with Node
if os.getppid() != int(sys.argv[2]): os._exit(0)  # who has gone already
channel = socket.socket(fileno=int(os.environ["NODE_CHANNEL_FD"]))
message = json.dumps({"cmd": "NODE_HANDLE", "type": "net.Socket", "msg": "client"}).encode() + b"\\n"

# In a user namespace the kernel shows whoever has no number there as 65534. So that is nobody, unless "--from unmapped" was written.
OVERFLOW, UNMAPPED = 65534, -1

def user_id(user):  # in a container the router's user has a number only
    try: return pwd.getpwnam(user).pw_uid
    except KeyError: return UNMAPPED if user == "unmapped" else int(user) if user.isdecimal() else None

path, parent, *users = sys.argv[1:]
for user in users:
    if user_id(user) is None: sys.exit(f"receiver.js: there is no user {user}")
allowed = {0, os.geteuid(), *map(user_id, users or ["snipass"])}
next_line = 0.0
if not users and user_id("snipass") is None:
    print(f"receiver.js: there is no user snipass: clients are taken from root and user {os.geteuid()} only; --from USER names the "
          "router's user", file=sys.stderr)

def allow(uid):
    global next_line
    if (UNMAPPED if uid == OVERFLOW else uid) in allowed: return True
    if time.monotonic() >= next_line:  # once a minute: the router comes again and again
        next_line = time.monotonic() + 60
        print(f"receiver.js: user {uid} may not hand over clients; if that is the router's user: --from {uid}", file=sys.stderr)
    return False

def read(connection, size, fds, deadline):
    data = b""
    while len(data) < size:
        connection.settimeout(max(deadline - time.monotonic(), 0.001))
        piece, control, flags, _ = connection.recvmsg(size - len(data), socket.CMSG_SPACE(16), socket.MSG_CMSG_CLOEXEC)
        for level, kind, value in control:
            if kind == socket.SCM_RIGHTS: fds.extend(array.array("i", value[:len(value) // 4 * 4]))
        if not piece or flags & (socket.MSG_CTRUNC | socket.MSG_TRUNC) or len(fds) != 1: raise OSError("no handoff")
        data += piece
    return data

def receive(connection, fds):
    deadline = time.monotonic() + 1  # for all of the header: who sends a byte now and then must come to an end
    start = read(connection, 16, fds, deadline)
    if start[:13] != b"\\r\\n\\r\\n\\0\\r\\nQUIT\\n\\x21": raise OSError("not a PROXY v2 header")
    family, size = struct.unpack("!BH", start[13:])
    if not {0x11: 12, 0x21: 36}.get(family, 1024) <= size <= 1008: raise OSError("not a PROXY v2 header")
    read(connection, size, fds, deadline)
    client = socket.socket(fileno=fds[0])
    good = client.family in (socket.AF_INET, socket.AF_INET6) and client.type == socket.SOCK_STREAM and \\
        client.proto in (socket.IPPROTO_TCP, socket.IPPROTO_MPTCP) and not client.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN) \\
        and client.getsockopt(socket.IPPROTO_TCP, 31, 16)[:3] != b"tls"  # TCP_ULP: the kernel speaks TLS there, and Node does so itself
    client.detach()  # fds has it still
    if not good: raise OSError("not a client")
    connection.settimeout(1)
    if not under_way.acquire(timeout=1): raise OSError("Node does not answer")
    try:
        connection.send(b"\\x06")  # ACK
    except OSError:
        under_way.release()
        raise
    try: connection.recv(1)  # end of file: nobody else has the client any more
    except OSError: pass  # the router is stuck, or dead; the client is ours

def take(connection):
    fds = []
    try:
        with connection:
            uid = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[1]
            if not allow(uid): return
            receive(connection, fds)
    except OSError as error:
        print("receiver.js:", error, file=sys.stderr)
        for fd in fds: os.close(fd)
    else: pass_on(fds[0])

def pass_on(client):
    while True:
        try:
            with lock:
                socket.send_fds(channel, [message], [client])
                unconfirmed.append(client)
            return
        except OSError as error:
            if error.errno not in NOT_NOW: os._exit(0)  # Node is gone
            time.sleep(0.01)  # it is ours, and nobody else's

def hear_node():
    try:
        for line in channel.makefile("rb"):
            answer = json.loads(line).get("cmd")
            if answer not in ("NODE_HANDLE_ACK", "NODE_HANDLE_NACK"): continue
            with lock: client = unconfirmed.popleft()
            if answer == "NODE_HANDLE_ACK":
                os.close(client)
                under_way.release()
            else:  # it is out of descriptors
                time.sleep(0.01)
                pass_on(client)
    finally: os._exit(0)  # Node is gone; where it left something unread, the channel ends with ECONNRESET

lock, under_way, unconfirmed = threading.Lock(), threading.Semaphore(UNDER_WAY), collections.deque()
threading.Thread(target=hear_node, daemon=True).start()
with socket.socket(socket.AF_UNIX) as other:  # a dead server's file is replaced; where somebody listens, bind() fails
    other.setblocking(False)
    if other.connect_ex(path) == errno.ECONNREFUSED and stat.S_ISSOCK(os.lstat(path).st_mode): os.unlink(path)
listener = socket.socket(socket.AF_UNIX)
listener.bind(path)
os.chmod(path, 0o660)  # who may connect; who may hand over is checked at each handoff
listener.listen(1024)
while True:
    try: connection, _ = listener.accept()
    except OSError:  # out of descriptors: the clients wait in the backlog
        time.sleep(0.01)
        continue
    try: threading.Thread(target=take, args=(connection,), daemon=True).start()
    except RuntimeError:  # out of threads: the client is the router's still, who offers it again
        connection.close()
        time.sleep(0.01)
`;

const words = process.argv.slice(2), users = [];
while (words[0] === '--from') users.push(words.splice(0, 2)[1]);
const [path, certificate, key] = words;
if (words.length !== 3) {
    console.error('usage: node receiver.js [--from USER]... SOCKET_PATH CERTIFICATE KEY');
    process.exit(2);
}
const server = https.createServer({ cert: fs.readFileSync(certificate), key: fs.readFileSync(key) }, (request, response) => {
    const { remoteAddress, remotePort } = request.socket;
    response.end(`client: ${remoteAddress}:${remotePort}\n`);
});
const child = spawn('python3', ['-c', CHILD, path, String(process.pid), ...users], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
// A client that left on the way here comes as nothing.
child.on('message', (_, client) => client && server.emit('connection', client));
child.on('exit', () => process.exit(1));
