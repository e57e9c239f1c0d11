// SPDX-License-Identifier: BSL-1.0
/* Functions of this library that have libc's names: for the server, they stand in front of libc's. */
#pragma once

#include <spawn.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>

#define EXPORT __attribute__((visibility("default")))

/* interpose.c */
EXPORT int our_accept(int, struct sockaddr*, socklen_t*) __asm__("accept");
EXPORT int our_accept4(int, struct sockaddr*, socklen_t*, int) __asm__("accept4");
EXPORT int our_bind(int, const struct sockaddr*, socklen_t) __asm__("bind");
EXPORT int our_close(int) __asm__("close");
EXPORT int our_connect(int, const struct sockaddr*, socklen_t) __asm__("connect");
EXPORT int our_epoll_create(int) __asm__("epoll_create");
EXPORT int our_epoll_create1(int) __asm__("epoll_create1");

/* exec.c */
EXPORT int our_execve(const char*, char* const[], char* const[]) __asm__("execve");
EXPORT int our_execv(const char*, char* const[]) __asm__("execv");
EXPORT int our_execvpe(const char*, char* const[], char* const[]) __asm__("execvpe");
EXPORT int our_execvp(const char*, char* const[]) __asm__("execvp");
EXPORT int our_fexecve(int, char* const[], char* const[]) __asm__("fexecve");
EXPORT int our_execl(const char*, const char*, ...) __asm__("execl");
EXPORT int our_execlp(const char*, const char*, ...) __asm__("execlp");
EXPORT int our_execle(const char*, const char*, ...) __asm__("execle");
EXPORT int our_posix_spawn(pid_t*, const char*, const posix_spawn_file_actions_t*, const posix_spawnattr_t*,
                           char* const[], char* const[]) __asm__("posix_spawn");
EXPORT int our_posix_spawnp(pid_t*, const char*, const posix_spawn_file_actions_t*, const posix_spawnattr_t*,
                            char* const[], char* const[]) __asm__("posix_spawnp");

/* reading.c */
EXPORT ssize_t our_read(int, void*, size_t) __asm__("read");
EXPORT ssize_t our_readv(int, const struct iovec*, int) __asm__("readv");
EXPORT ssize_t our_recv(int, void*, size_t, int) __asm__("recv");
EXPORT ssize_t our_recvfrom(int, void*, size_t, int, struct sockaddr*, socklen_t*) __asm__("recvfrom");
EXPORT ssize_t our_recvmsg(int, struct msghdr*, int) __asm__("recvmsg");
EXPORT int our_recvmmsg(int, struct mmsghdr*, unsigned, int, struct timespec*) __asm__("recvmmsg");
EXPORT ssize_t our_read_chk(int, void*, size_t, size_t) __asm__("__read_chk");
EXPORT ssize_t our_recv_chk(int, void*, size_t, size_t, int) __asm__("__recv_chk");
EXPORT ssize_t our_recvfrom_chk(int, void*, size_t, size_t, int, struct sockaddr*,
                                socklen_t*) __asm__("__recvfrom_chk");

/* tls_clients.c */
EXPORT int our_dup(int) __asm__("dup");
EXPORT int our_dup2(int, int) __asm__("dup2");
EXPORT int our_dup3(int, int, int) __asm__("dup3");
EXPORT int our_fcntl(int, int, ...) __asm__("fcntl");
EXPORT int our_fcntl64(int, int, ...) __asm__("fcntl64");
EXPORT ssize_t our_sendmsg(int, const struct msghdr*, int) __asm__("sendmsg");
EXPORT int our_shutdown(int, int) __asm__("shutdown");

/* answers.c */
EXPORT int our_getpeername(int, struct sockaddr*, socklen_t*) __asm__("getpeername");
EXPORT int our_getsockname(int, struct sockaddr*, socklen_t*) __asm__("getsockname");
EXPORT int our_getsockopt(int, int, int, void*, socklen_t*) __asm__("getsockopt");
EXPORT int our_setsockopt(int, int, int, const void*, socklen_t) __asm__("setsockopt");
