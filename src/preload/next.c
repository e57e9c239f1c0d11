// SPDX-License-Identifier: BSL-1.0
/* See next.h. */
#include "next.h"

#include <dlfcn.h>
#include <stdlib.h>

static struct {
    int (*accept4)(int, struct sockaddr*, socklen_t*, int);
    int (*bind)(int, const struct sockaddr*, socklen_t);
    int (*close)(int);
    int (*connect)(int, const struct sockaddr*, socklen_t);
    int (*epoll_create)(int);
    int (*epoll_create1)(int);
    int (*getpeername)(int, struct sockaddr*, socklen_t*);
    int (*getsockname)(int, struct sockaddr*, socklen_t*);
    int (*getsockopt)(int, int, int, void*, socklen_t*);
    int (*setsockopt)(int, int, int, const void*, socklen_t);
    int (*shutdown)(int, int);
    ssize_t (*read)(int, void*, size_t);
    ssize_t (*readv)(int, const struct iovec*, int);
    ssize_t (*recv)(int, void*, size_t, int);
    ssize_t (*recvfrom)(int, void*, size_t, int, struct sockaddr*, socklen_t*);
    ssize_t (*recvmsg)(int, struct msghdr*, int);
    int (*recvmmsg)(int, struct mmsghdr*, unsigned, int, struct timespec*);
    ssize_t (*sendmsg)(int, const struct msghdr*, int);
    int (*dup)(int);
    int (*dup2)(int, int);
    int (*dup3)(int, int, int);
    int (*fcntl)(int, int, ...);
    int (*execve)(const char*, char* const[], char* const[]);
    int (*execvpe)(const char*, char* const[], char* const[]);
    int (*fexecve)(int, char* const[], char* const[]);
    int (*posix_spawn)(pid_t*, const char*, const posix_spawn_file_actions_t*, const posix_spawnattr_t*,
                       char* const[], char* const[]);
    int (*posix_spawnp)(pid_t*, const char*, const posix_spawn_file_actions_t*, const posix_spawnattr_t*,
                        char* const[], char* const[]);
} next;

/* look_up stores through a void pointer: ISO C has no cast from an object's address to a function's. */
static void look_up(const char* name, void* function) {
    void* found = dlsym(RTLD_NEXT, name);
    if (found == NULL)
        abort(); /* no libc without these */
    *(void**)function = found;
}

void next_resolve(void) {
    look_up("accept4", &next.accept4);
    look_up("bind", &next.bind);
    look_up("connect", &next.connect);
    look_up("epoll_create", &next.epoll_create);
    look_up("epoll_create1", &next.epoll_create1);
    look_up("getpeername", &next.getpeername);
    look_up("getsockname", &next.getsockname);
    look_up("getsockopt", &next.getsockopt);
    look_up("setsockopt", &next.setsockopt);
    look_up("shutdown", &next.shutdown);
    look_up("read", &next.read);
    look_up("readv", &next.readv);
    look_up("recv", &next.recv);
    look_up("recvfrom", &next.recvfrom);
    look_up("recvmsg", &next.recvmsg);
    look_up("recvmmsg", &next.recvmmsg);
    look_up("sendmsg", &next.sendmsg);
    look_up("dup", &next.dup);
    look_up("dup2", &next.dup2);
    look_up("dup3", &next.dup3);
    look_up("fcntl", &next.fcntl);
    look_up("execve", &next.execve);
    look_up("execvpe", &next.execvpe);
    look_up("fexecve", &next.fexecve);
    look_up("posix_spawn", &next.posix_spawn);
    look_up("posix_spawnp", &next.posix_spawnp);
    look_up("close", &next.close); /* the last: it says that all are there */
}

static void resolve_if_early(void) {
    if (next.close == NULL)
        next_resolve();
}

int next_accept4(int fd, struct sockaddr* address, socklen_t* size, int flags) {
    resolve_if_early();
    return next.accept4(fd, address, size, flags);
}

int next_bind(int fd, const struct sockaddr* address, socklen_t size) {
    resolve_if_early();
    return next.bind(fd, address, size);
}

int next_close(int fd) {
    resolve_if_early();
    return next.close(fd);
}

int next_connect(int fd, const struct sockaddr* address, socklen_t size) {
    resolve_if_early();
    return next.connect(fd, address, size);
}

int next_epoll_create(int size) {
    resolve_if_early();
    return next.epoll_create(size);
}

int next_epoll_create1(int flags) {
    resolve_if_early();
    return next.epoll_create1(flags);
}

int next_getpeername(int fd, struct sockaddr* address, socklen_t* size) {
    resolve_if_early();
    return next.getpeername(fd, address, size);
}

int next_getsockname(int fd, struct sockaddr* address, socklen_t* size) {
    resolve_if_early();
    return next.getsockname(fd, address, size);
}

int next_getsockopt(int fd, int level, int option, void* value, socklen_t* size) {
    resolve_if_early();
    return next.getsockopt(fd, level, option, value, size);
}

int next_setsockopt(int fd, int level, int option, const void* value, socklen_t size) {
    resolve_if_early();
    return next.setsockopt(fd, level, option, value, size);
}

int next_shutdown(int fd, int how) {
    resolve_if_early();
    return next.shutdown(fd, how);
}

ssize_t next_read(int fd, void* bytes, size_t size) {
    resolve_if_early();
    return next.read(fd, bytes, size);
}

ssize_t next_readv(int fd, const struct iovec* parts, int count) {
    resolve_if_early();
    return next.readv(fd, parts, count);
}

ssize_t next_recv(int fd, void* bytes, size_t size, int flags) {
    resolve_if_early();
    return next.recv(fd, bytes, size, flags);
}

ssize_t next_recvfrom(int fd, void* bytes, size_t size, int flags, struct sockaddr* address,
                      socklen_t* address_size) {
    resolve_if_early();
    return next.recvfrom(fd, bytes, size, flags, address, address_size);
}

ssize_t next_recvmsg(int fd, struct msghdr* message, int flags) {
    resolve_if_early();
    return next.recvmsg(fd, message, flags);
}

int next_recvmmsg(int fd, struct mmsghdr* messages, unsigned count, int flags, struct timespec* timeout) {
    resolve_if_early();
    return next.recvmmsg(fd, messages, count, flags, timeout);
}

ssize_t next_sendmsg(int fd, const struct msghdr* message, int flags) {
    resolve_if_early();
    return next.sendmsg(fd, message, flags);
}

int next_dup(int fd) {
    resolve_if_early();
    return next.dup(fd);
}

int next_dup2(int from, int to) {
    resolve_if_early();
    return next.dup2(from, to);
}

int next_dup3(int from, int to, int flags) {
    resolve_if_early();
    return next.dup3(from, to, flags);
}

int next_fcntl(int fd, int command, void* argument) {
    resolve_if_early();
    return next.fcntl(fd, command, argument);
}

int next_execve(const char* path, char* const argv[], char* const envp[]) {
    resolve_if_early();
    return next.execve(path, argv, envp);
}

int next_execvpe(const char* file, char* const argv[], char* const envp[]) {
    resolve_if_early();
    return next.execvpe(file, argv, envp);
}

int next_fexecve(int fd, char* const argv[], char* const envp[]) {
    resolve_if_early();
    return next.fexecve(fd, argv, envp);
}

int next_posix_spawn(pid_t* pid, const char* path, const posix_spawn_file_actions_t* actions,
                     const posix_spawnattr_t* attributes, char* const argv[], char* const envp[]) {
    resolve_if_early();
    return next.posix_spawn(pid, path, actions, attributes, argv, envp);
}

int next_posix_spawnp(pid_t* pid, const char* file, const posix_spawn_file_actions_t* actions,
                      const posix_spawnattr_t* attributes, char* const argv[], char* const envp[]) {
    resolve_if_early();
    return next.posix_spawnp(pid, file, actions, attributes, argv, envp);
}
