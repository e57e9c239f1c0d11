// SPDX-License-Identifier: BSL-1.0
/* libsnipass: take the clients that snipass hands to your server (docs/handoff.md).
 *
 *     snipass_receiver* receiver = snipass_listen("/run/site-handoff/handoff.sock", NULL);
 *     for (;;) {
 *         snipass_client* client = snipass_receive(receiver, -1);
 *         if (client == NULL && errno == ESHUTDOWN) break;        // after snipass_stop()
 *         if (client == NULL) { poll(NULL, 0, 10); continue; }    // out of descriptors: try again later
 *         int fd = snipass_client_release(client);      // as if accept() had returned it
 *         snipass_client_free(client);
 *         ...
 *     }
 *
 * With an event loop: watch snipass_receiver_fd() for reading, and call snipass_receive(receiver, 0) until it
 * returns NULL. The clients' sockets block, as those that accept() returns: set O_NONBLOCK on them.
 *
 * Every function may be called from any thread; a client belongs to one thread at a time. Errors are in
 * errno. No function raises a signal, and none writes to stderr. Descriptors are close-on-exec.
 */
#ifndef SNIPASS_SNIPASS_H
#define SNIPASS_SNIPASS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define SNIPASS_API __attribute__((visibility("default")))
#else
#define SNIPASS_API
#endif

typedef struct snipass_receiver snipass_receiver; /* takes clients */
typedef struct snipass_client snipass_client;     /* one client that was taken */

enum snipass_protocol {
    SNIPASS_STREAM = 0,   /* the default: nothing is consumed, every handoff is acknowledged */
    SNIPASS_DATAGRAM = 1, /* the client's first bytes come with it: snipass_client_consumed(). One process
                           * reads such a socket: a datagram is looked at before it is taken */
    SNIPASS_SCGI = 2,     /* a request of HTTP in clear: its head comes with the client, see "scgi" below.
                           * nginx's http_fd_pass module sends it, too */
    SNIPASS_SCGI_ACK = 3, /* the same, where the backend has scgi_ack = true: every handoff is acknowledged */
};

enum snipass_clear_text {
    SNIPASS_PAIRS = 1,      /* one end of a unix socket pair; snipass-tls has the client's own socket */
    SNIPASS_KERNEL_TLS = 2, /* the client's own socket, whose TLS the kernel speaks: "kernel TLS" below */
};

/* All zero is the default; NULL the same. What it points to is copied. */
struct snipass_options {
    enum snipass_protocol protocol;
    unsigned mode;        /* of the socket file; 0: 0660. Who may connect; who may hand over is checked
                           * besides */
    int backlog;          /* 0: 1024 */
    unsigned patience_ms; /* for a header to come, and for the router to let go; 0: 1000 */
    /* Who may hand clients over besides root and the own effective user: the router's user
     * (snipass_user_id()). NULL: the users `snipass` and `snipass-tls`, if they exist. An array with a count
     * of 0: nobody besides. Anybody else is refused, and counted: snipass_strangers(). */
    const uid_t* allowed;
    size_t allowed_count;
    /* SNIPASS_PAIRS, SNIPASS_KERNEL_TLS, or both: also clients whose TLS has ended in snipass-tls
     * (`tls = "terminate"` in its file, docs/tls.md). What comes out of their sockets is clear text: ask
     * snipass_client_in_clear(). Otherwise such a client is refused, and stays with snipass-tls. */
    int in_clear;
    /* Not 0: also clients whose encrypted ClientHello the router has opened (`ech = "carried"` in its file),
     * for a server that reads them through snipass/ech.h. Otherwise such a client is refused. `stream` only.
     */
    int ech;
};

/* snipass_listen binds a unix socket to `path` and listens. A file that a dead process left there is
 * replaced; a live listener is EADDRINUSE. NULL: see errno (EINVAL: there is no such protocol, or the
 * path is empty), and no file is left that was not there. */
SNIPASS_API snipass_receiver* snipass_listen(const char* path, const struct snipass_options* options);

/* snipass_adopt is snipass_listen for a socket that is bound (and, for `stream`, listens) already: one that
 * systemd passed (EPROTOTYPE: it is no unix socket, or not of the protocol's type; EINVAL: it does not
 * listen, or there is no such protocol). The receiver owns it from here on, unless NULL is returned.
 * For `datagram` the socket unit says PassCredentials=yes: of what came before the option was set (at the
 * latest, here) nobody knows who sent it, and it is refused.
 *
 * A receiver belongs to the process that made it: in a fork it only can be freed. A pre-fork server
 * (`stream`) binds a socket and listens, forks, and calls snipass_adopt(listener, ...) in each child, which
 * shares the clients with its siblings as with accept(): each client wakes one of those that wait in
 * snipass_receive. (Of those that wait for snipass_receiver_fd() it wakes all; one gets it.) */
SNIPASS_API snipass_receiver* snipass_adopt(int unix_fd, const struct snipass_options* options);

/* snipass_receiver_fd is readable while there is something to do: poll or epoll it, nothing else.
 * Level-triggered: with EPOLLET, call snipass_receive until it returns NULL. Borrowed. */
SNIPASS_API int snipass_receiver_fd(const snipass_receiver* receiver);

/* snipass_receive returns the next client, acknowledged and let go by the router: nobody else has its socket.
 * timeout_ms: 0 does not wait, -1 waits for ever. Handoffs that are no handoffs are closed, and not reported.
 * A `stream` receiver of snipass_adopt, whose siblings could have the next client, waits for the router to
 * let go of the one that it has acknowledged before it takes another, also with 0: a few dozen microseconds,
 * a millisecond at most.
 * NULL: errno is
 *   EAGAIN            nothing came in that time, or nothing but what is no handoff: then the descriptor is
 *                     readable again
 *   ESHUTDOWN         after snipass_stop(): there is nothing left
 *   EINVAL            this process is a fork of the one that made the receiver (see snipass_adopt), or
 *                     somebody has shut the socket down
 *   EMFILE, ENFILE    out of descriptors (a handoff takes two for a moment), although whoever had connected
 *                     and kept silent was sent away: try again later. The clients wait in the backlog
 *   ENOMEM            the same, for memory
 *   EBADF             somebody has closed snipass_receiver_fd()
 * Never EINTR.
 * Several threads may wait: each client wakes one of them. */
SNIPASS_API snipass_client* snipass_receive(snipass_receiver* receiver, int timeout_ms);

/* snipass_strangers is how many handoffs were refused because of who sent them. If no client comes, and this
 * grows, the router runs as a user who is not in `allowed`. */
SNIPASS_API unsigned long snipass_strangers(const snipass_receiver* receiver);

/* snipass_last_stranger is the user who sent the last of them; (uid_t)-1: nobody was refused yet, or the
 * kernel does not say. 65534 may be one of whom this user namespace has no number (docs/backends.md,
 * Containers). */
SNIPASS_API uid_t snipass_last_stranger(const snipass_receiver* receiver);

/* In `allowed`: everybody who has no number in this user namespace (a container). The kernel shows all of
 * them as 65534, so that number allows nobody there. For a socket whose folder only the router can enter. */
#define SNIPASS_UNMAPPED ((uid_t)-1)

/* snipass_user_id finds the number of a user: by name, a number as it stands, or SNIPASS_UNMAPPED for
 * "unmapped". 0, or -1 and errno (ENOENT: there is no such user; else it could not be looked up). */
SNIPASS_API int snipass_user_id(const char* user, uid_t* id);

/* snipass_stop takes no new handoffs. What has been acknowledged must be served: go on with snipass_receive
 * until it fails with ESHUTDOWN. The socket file stays: the next process replaces it.
 * `datagram`: from then on senders are refused, and keep their clients. Those in the queue are served
 * likewise if snipass_listen made the socket, since nobody else could; the queue of one that was adopted
 * stays for the next process, to which systemd gives its copy. So it is with SNIPASS_SCGI. Not for signal
 * handlers, because it locks: let a thread wait for the signal (sigwait(3), signalfd(2)). */
SNIPASS_API void snipass_stop(snipass_receiver* receiver);

/* snipass_receiver_free closes everything. No thread may be in snipass_receive. */
SNIPASS_API void snipass_receiver_free(snipass_receiver* receiver);

/* --- confinement --- */

/* What a confined server may do with TCP all the same. All zero, or NULL: nothing. */
struct snipass_confinement {
    const uint16_t* bind; /* ports that it may bind */
    size_t bind_count;
    const uint16_t* connect; /* ports that it may connect to, on whatever address */
    size_t connect_count;
};

/* snipass_confine takes from the calling thread, and from all that it starts from then on, the right to bind
 * a TCP port and to connect to one. Call it before the first thread is started. A client's socket was made by
 * the router: whoever has it could disconnect it, and bind and connect it anew on the router's network, as
 * the router's user (docs/backends.md, Confinement). What is bound or connected already goes on. 0, or -1 and
 * errno: ENOSYS (the kernel has no Landlock), EOPNOTSUPP (it is switched off), EPROTONOSUPPORT (it knows
 * nothing of TCP: Linux before 6.7), E2BIG (there are 16 layers of it already). Without CAP_SYS_ADMIN it sets
 * no_new_privs: setuid programs that the server starts get no privileges. */
SNIPASS_API int snipass_confine(const struct snipass_confinement* but);

/* --- the client --- */

/* snipass_client_in_clear: not 0, the client's TLS has ended in snipass-tls, and which of enum
 * snipass_clear_text it is (see `in_clear` above); the protocol chosen by ALPN is below, and the addresses,
 * of which no function of the system knows for a pair. 0: nobody has read anything. */
SNIPASS_API int snipass_client_in_clear(const snipass_client* client);

/* snipass_client_certified_name is the common name of the certificate that the client has shown to
 * snipass-tls, and that one of the backend's `client_ca` has issued; "" if it has none that is fit for a log.
 * NULL: it has shown none. */
SNIPASS_API const char* snipass_client_certified_name(const snipass_client* client);

/* snipass_client_fd is the client's TCP socket. It blocks, as what accept() returns does. Borrowed:
 * snipass_client_free closes it (one of kernel TLS as snipass_tls_close does). */
SNIPASS_API int snipass_client_fd(const snipass_client* client);

/* snipass_client_release gives the socket to the caller, who closes it; snipass_client_fd is -1 afterwards.
 */
SNIPASS_API int snipass_client_release(snipass_client* client);

/* The client's address, and the one it connected to, as getpeername(2) and getsockname(2) say, or the router
 * where the client is gone already. The family may be AF_UNSPEC with `datagram`, then. Never NULL. */
SNIPASS_API const struct sockaddr* snipass_client_peer(const snipass_client* client, socklen_t* size);
SNIPASS_API const struct sockaddr* snipass_client_local(const snipass_client* client, socklen_t* size);

/* The host name by which the client was routed; "" if it sent none, and with `datagram` and `scgi`. A
 * stranger's word: letters, digits, '-', '_' and dots, fit for a log and for nothing else. */
SNIPASS_API const char* snipass_client_host_name(const snipass_client* client);

/* The first protocol of the client's ALPN offer (of a client in clear, the one that was chosen), *size bytes;
 * NULL if it offered none, and with `datagram` and `scgi`.
 */
SNIPASS_API const unsigned char* snipass_client_alpn(const snipass_client* client, size_t* size);

/* 16 bytes that name this handoff in the router's log; NULL with `datagram` and `scgi`. */
SNIPASS_API const unsigned char* snipass_client_id(const snipass_client* client);

/* `datagram`: the bytes that were read from the socket already, to be replayed before it (snipass/openssl.h
 * does that for OpenSSL). NULL and 0 with the others. */
SNIPASS_API const unsigned char* snipass_client_consumed(const snipass_client* client, size_t* size);

SNIPASS_API void snipass_client_free(snipass_client* client); /* NULL is allowed */

/* --- scgi: a client, and the head of its request (docs/handoff.md has the variables) ---
 *
 *     const char* uri = snipass_scgi_variable(client, "REQUEST_URI");
 *     for (const char* name = NULL; (name = snipass_scgi_next(client, name)) != NULL;)
 *         printf("%s: %s\n", name, snipass_scgi_value(name));
 *
 * The head is taken out of the client's socket, and nothing else is: what is read there first is the
 * request's body, HTTP_CONTENT_LENGTH bytes. The answer is a whole one of HTTP. Router and server must agree
 * upon the acknowledgement: with SNIPASS_SCGI a client whose router waits for one is not taken, and stays the
 * router's. */

/* snipass_scgi_variable is the value of the first variable of that name (HTTP_ACCEPT, of a field); NULL:
 * there is none. A stranger's words: any bytes but control characters. Valid until snipass_client_free. */
SNIPASS_API const char* snipass_scgi_variable(const snipass_client* client, const char* name);

/* snipass_scgi_next is the name of the variable behind `name`, which it has returned before, or for NULL of
 * the first one; NULL: that was the last. Fields come in their order, repeated ones repeated. */
SNIPASS_API const char* snipass_scgi_next(const snipass_client* client, const char* name);

/* snipass_scgi_value is the value of a variable whose name snipass_scgi_next has returned. */
SNIPASS_API const char* snipass_scgi_value(const char* name);

/* --- kernel TLS: reads and writes are as with TCP, and the end needs a word ---
 *
 *     do n = recv(fd, bytes, size, 0); while (n < 0 && (n = snipass_tls_read_end(fd)) > 0);
 *     ...
 *     snipass_tls_close(fd, farewell);
 *
 * None of them waits, and all may be called for any other socket: then they do what the plain call does. */

/* snipass_client_farewell is where snipass-tls takes the end of this client's connection; NULL: nowhere. Keep
 * a copy for as long as the socket. */
SNIPASS_API const char* snipass_client_farewell(const snipass_client* client);

/* snipass_tls_read_end is asked directly after a read has failed, while errno is the read's. 1: read again
 * (what the client has said of its TLS is dealt with). 0: it was close_notify, the end of file. -1: errno is
 * ECONNRESET, or the read's own where that had another reason. */
SNIPASS_API int snipass_tls_read_end(int fd);

/* snipass_tls_shutdown and snipass_tls_close are shutdown(2) and close(2) with close_notify before them, so
 * that the client can tell the end from a cut. Where the socket's buffer is full, the socket is left to
 * `farewell`, which waits for room; with NULL the end would be cut. A server that forks calls the second in
 * the process that has the socket last. */
SNIPASS_API int snipass_tls_shutdown(int fd, int how, const char* farewell);
SNIPASS_API int snipass_tls_close(int fd, const char* farewell);

#ifdef __cplusplus
}
#endif

#endif
