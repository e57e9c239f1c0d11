// SPDX-License-Identifier: BSL-1.0
// A receiver of the `stream` protocol (docs/handoff.md) in Rust, with nothing but its standard library, and a server on
// top of it. The library has no TLS, so the server answers plain HTTP; a TLS crate takes the TcpStream as it is: the
// client's bytes are still unread in it.
//
//     rustc receiver.rs && ./receiver [--from USER]... SOCKET_PATH
//
// USER is the router's user: a name, a number, or "unmapped". Without it that is `snipass`, if there is such a user.
use std::ffi::CString;
use std::fs;
use std::io::{BufRead, BufReader, Error, ErrorKind, Read, Result, Write};
use std::net::TcpStream;
use std::os::raw::{c_char, c_int, c_void};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::io::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

// What the standard library has no name for yet. The structures are those of 64-bit Linux.
#[repr(C)]
struct IoVec {
    base: *mut c_void,
    size: usize,
}
#[repr(C)]
struct MsgHdr {
    name: *mut c_void,
    name_size: u32,
    parts: *mut IoVec,
    part_count: usize,
    control: *mut c_void,
    control_size: usize,
    flags: c_int,
}
#[repr(C)]
struct CmsgHdr {
    size: usize, // this header's, and the data's
    level: c_int,
    kind: c_int,
}
#[repr(C)]
struct Passwd {
    name: *mut c_char,
    password: *mut c_char,
    uid: u32, // and more
}
extern "C" {
    fn getpwnam(name: *const c_char) -> *const Passwd;
    fn recvmsg(socket: c_int, message: *mut MsgHdr, flags: c_int) -> isize;
    fn getsockopt(socket: c_int, level: c_int, name: c_int, value: *mut c_void, size: *mut u32) -> c_int;
    fn geteuid() -> u32;
    fn listen(socket: c_int, backlog: c_int) -> c_int;
}
const SOL_SOCKET: c_int = 1;
const SO_TYPE: c_int = 3;
const SO_PEERCRED: c_int = 17;
const SO_ACCEPTCONN: c_int = 30;
const SO_PROTOCOL: c_int = 38;
const SO_DOMAIN: c_int = 39;
const IPPROTO_TCP: u32 = 6;
const IPPROTO_MPTCP: u32 = 262;
const TCP_ULP: c_int = 31;
const SCM_RIGHTS: c_int = 1;
const MSG_CTRUNC: c_int = 0x8;
const MSG_TRUNC: c_int = 0x20;
const MSG_CMSG_CLOEXEC: c_int = 0x4000_0000;
const HEADER: usize = std::mem::size_of::<CmsgHdr>();

const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x21"; // and version 2, PROXY
const ACK: u8 = 0x06;
const PATIENCE: Duration = Duration::from_secs(1);
// In a user namespace the kernel shows whoever has no number there as 65534. So that is nobody, unless "--from unmapped" was
// written.
const OVERFLOW: u32 = 65534;
const UNMAPPED: u32 = u32::MAX;

/// Who may hand over clients: root, this process's user, and the router's.
struct Senders {
    allowed: Vec<u32>,
    due: Mutex<Option<Instant>>,
}

/// By name or by number: in a container the router's user has a number only.
fn user_id(user: &str) -> Option<u32> {
    let name = CString::new(user).ok()?;
    match unsafe { getpwnam(name.as_ptr()).as_ref() } {
        Some(found) => Some(found.uid),
        None if user == "unmapped" => Some(UNMAPPED),
        None => user.parse().ok(),
    }
}

impl Senders {
    fn new(users: &[String]) -> Result<Senders> {
        let own = unsafe { geteuid() };
        let mut allowed = vec![0, own];
        for user in users {
            let unknown = || Error::new(ErrorKind::NotFound, format!("there is no user {}", user));
            allowed.push(user_id(user).ok_or_else(unknown)?);
        }
        match user_id("snipass") {
            Some(router) if users.is_empty() => allowed.push(router),
            None if users.is_empty() => eprintln!(
                "receiver: there is no user snipass: clients are taken from root and user {} only; --from USER names the router's user",
                own
            ),
            _ => (),
        }
        Ok(Senders { allowed, due: Mutex::new(None) })
    }

    /// Who was refused is said once a minute: the router comes again and again.
    fn allow(&self, user: u32) -> bool {
        let wanted = if user == OVERFLOW { UNMAPPED } else { user };
        if self.allowed.contains(&wanted) {
            return true;
        }
        let mut due = self.due.lock().unwrap();
        if due.map_or(true, |due| Instant::now() >= due) {
            *due = Some(Instant::now() + Duration::from_secs(60));
            eprintln!("receiver: user {} may not hand over clients; if that is the router's user: --from {}", user, user);
        }
        false
    }
}

fn refused<T>(why: &str) -> Result<T> {
    Err(Error::new(ErrorKind::InvalidData, why))
}

fn option<const N: usize>(socket: RawFd, level: c_int, name: c_int) -> Result<[u32; N]> {
    let mut value = [0u32; N];
    let mut size = (N * 4) as u32;
    match unsafe { getsockopt(socket, level, name, value.as_mut_ptr().cast(), &mut size) } {
        0 => Ok(value),
        _ => Err(Error::last_os_error()),
    }
}

/// One recvmsg(). Every descriptor that comes is owned by `clients` before anything is judged.
fn read_some(connection: &UnixStream, bytes: &mut [u8], clients: &mut Vec<OwnedFd>) -> Result<usize> {
    let mut control = [0u64; 5]; // a header, and room for six descriptors; aligned as the kernel wants it
    let mut part = IoVec { base: bytes.as_mut_ptr().cast(), size: bytes.len() };
    let mut message = MsgHdr {
        name: std::ptr::null_mut(),
        name_size: 0,
        parts: &mut part,
        part_count: 1,
        control: control.as_mut_ptr().cast(),
        control_size: std::mem::size_of_val(&control),
        flags: 0,
    };
    let n = unsafe { recvmsg(connection.as_raw_fd(), &mut message, MSG_CMSG_CLOEXEC) };
    if n < 0 {
        return Err(Error::last_os_error());
    }
    // One message at most is asked for here: SCM_RIGHTS.
    let first = unsafe { &*(control.as_ptr() as *const CmsgHdr) };
    if message.control_size >= HEADER && (first.level, first.kind) == (SOL_SOCKET, SCM_RIGHTS) {
        let fds = unsafe { (control.as_ptr() as *const u8).add(HEADER) as *const RawFd };
        for i in 0..(first.size - HEADER) / 4 {
            clients.push(unsafe { OwnedFd::from_raw_fd(*fds.add(i)) });
        }
    }
    if message.flags & (MSG_CTRUNC | MSG_TRUNC) != 0 || clients.len() != 1 {
        return refused("not one descriptor");
    }
    if n == 0 {
        return refused("the header ends early");
    }
    Ok(n as usize)
}

/// How long the header is whose first 16 bytes these are.
fn header_size(start: &[u8]) -> Result<usize> {
    let size = 16 + u16::from_be_bytes([start[14], start[15]]) as usize;
    let addresses = match start[13] {
        0x11 => 12,
        0x21 => 36,
        _ => return refused("not TCP"),
    };
    if !start.starts_with(SIGNATURE) || size < 16 + addresses || size > 1024 {
        return refused("not a PROXY v2 header");
    }
    Ok(size)
}

/// Takes one handoff. After an error the client was not touched: the router still owns it.
fn receive(mut connection: UnixStream) -> Result<TcpStream> {
    let deadline = Instant::now() + PATIENCE; // for all of it: who sends a byte now and then must come to an end
    let mut clients = Vec::new();
    let mut header = [0u8; 1024];
    let (mut size, mut got) = (16, 0);
    while got < size {
        let left = deadline.saturating_duration_since(Instant::now());
        connection.set_read_timeout(Some(left.max(Duration::from_millis(1))))?;
        got += read_some(&connection, &mut header[got..size], &mut clients)?;
        if got == 16 {
            size = header_size(&header[..16])?;
        }
    }
    let client = clients.pop().expect("read_some has seen to it");
    let ([domain], [kind], [protocol], [listens]) = (
        option::<1>(client.as_raw_fd(), SOL_SOCKET, SO_DOMAIN)?,
        option::<1>(client.as_raw_fd(), SOL_SOCKET, SO_TYPE)?,
        option::<1>(client.as_raw_fd(), SOL_SOCKET, SO_PROTOCOL)?,
        option::<1>(client.as_raw_fd(), SOL_SOCKET, SO_ACCEPTCONN)?,
    );
    // Where the kernel speaks TLS, there is none left for a server to speak.
    let [ulp] = option::<1>(client.as_raw_fd(), IPPROTO_TCP as c_int, TCP_ULP).unwrap_or([0]);
    let is_tcp = kind == 1 && (protocol == IPPROTO_TCP || protocol == IPPROTO_MPTCP);
    if !(domain == 2 || domain == 10) || !is_tcp || listens != 0 || ulp != 0 {
        return refused("not a client's socket");
    }
    connection.set_read_timeout(Some(PATIENCE))?;
    connection.write_all(&[ACK])?; // Rust's std ignores SIGPIPE
    let _ = connection.read(&mut [0u8]); // end of file: nobody else has the client any more
    let client = TcpStream::from(client);
    client.set_nonblocking(false)?;
    Ok(client)
}

fn serve(client: TcpStream) -> Result<()> {
    let body = format!("client: {}\n", client.peer_addr()?);
    let mut requests = BufReader::new(&client);
    let mut line = String::new();
    while requests.read_line(&mut line)? != 0 {
        if line == "\r\n" {
            write!(&client, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{}", body.len(), body)?;
        }
        line.clear();
    }
    Ok(())
}

/// Replaces the file that a dead server left there. Where somebody listens, bind() fails.
fn listen_at(path: &str) -> Result<UnixListener> {
    let other = UnixStream::connect(path).map(drop);
    let is_refused = matches!(other, Err(why) if why.kind() == ErrorKind::ConnectionRefused);
    if is_refused && fs::symlink_metadata(path)?.file_type().is_socket() {
        fs::remove_file(path)?;
    }
    let listener = UnixListener::bind(path)?;
    // Again: older libraries (Rust 1.63) leave room for 128, which is few where clients wait out a restart or a rush.
    if unsafe { listen(listener.as_raw_fd(), 1024) } != 0 {
        return Err(Error::last_os_error());
    }
    // Who may connect; who may hand over is checked at each handoff.
    fs::set_permissions(path, fs::Permissions::from_mode(0o660))?;
    Ok(listener)
}

/// A thread for each connection, a stranger's too: the kernel may take its time over what lies in one that is dropped.
/// Out of threads is an error, and drops the connection: the client is the router's still, who offers it again.
fn start(connection: UnixStream, senders: Arc<Senders>) -> Result<()> {
    let work = move || {
        let user = option::<3>(connection.as_raw_fd(), SOL_SOCKET, SO_PEERCRED);
        if !matches!(user, Ok([_pid, uid, _gid]) if senders.allow(uid)) {
            return; // named, if it was time
        }
        if let Err(why) = receive(connection).and_then(serve) {
            eprintln!("receiver: {}", why);
        }
    };
    std::thread::Builder::new().spawn(work).map(drop)
}

fn main() -> Result<()> {
    let mut words: Vec<String> = std::env::args().skip(1).collect();
    let mut users = Vec::new();
    while words.len() > 1 && words[0] == "--from" {
        users.push(words.remove(1));
        words.remove(0);
    }
    if words.len() != 1 || words[0].starts_with('-') {
        eprintln!("usage: receiver [--from USER]... SOCKET_PATH");
        std::process::exit(2);
    }
    let senders = Arc::new(Senders::new(&users)?);
    for connection in listen_at(&words[0])?.incoming() {
        // Out of descriptors: the clients wait in the backlog.
        if connection.and_then(|connection| start(connection, senders.clone())).is_err() {
            std::thread::sleep(Duration::from_millis(10));
        }
    }
    Ok(())
}
