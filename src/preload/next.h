// SPDX-License-Identifier: BSL-1.0
/* The functions that we stand in front of, as the next library in line has them. */
#pragma once

#include <spawn.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>

int next_accept4(int fd, struct sockaddr* address, socklen_t* size, int flags);
int next_bind(int fd, const struct sockaddr* address, socklen_t size);
int next_close(int fd);
int next_connect(int fd, const struct sockaddr* address, socklen_t size);
int next_epoll_create(int size);
int next_epoll_create1(int flags);
int next_getpeername(int fd, struct sockaddr* address, socklen_t* size);
int next_getsockname(int fd, struct sockaddr* address, socklen_t* size);
int next_getsockopt(int fd, int level, int option, void* value, socklen_t* size);
int next_setsockopt(int fd, int level, int option, const void* value, socklen_t size);
int next_shutdown(int fd, int how);
ssize_t next_read(int fd, void* bytes, size_t size);
ssize_t next_readv(int fd, const struct iovec* parts, int count);
ssize_t next_recv(int fd, void* bytes, size_t size, int flags);
ssize_t next_recvfrom(int fd, void* bytes, size_t size, int flags, struct sockaddr* address,
                      socklen_t* address_size);
ssize_t next_recvmsg(int fd, struct msghdr* message, int flags);
int next_recvmmsg(int fd, struct mmsghdr* messages, unsigned count, int flags, struct timespec* timeout);
ssize_t next_sendmsg(int fd, const struct msghdr* message, int flags);
int next_dup(int fd);
int next_dup2(int from, int to);
int next_dup3(int from, int to, int flags);
int next_fcntl(int fd, int command, void* argument);
int next_execve(const char* path, char* const argv[], char* const envp[]);
int next_execvpe(const char* file, char* const argv[], char* const envp[]);
int next_fexecve(int fd, char* const argv[], char* const envp[]);
int next_posix_spawn(pid_t* pid, const char* path, const posix_spawn_file_actions_t* actions,
                     const posix_spawnattr_t* attributes, char* const argv[], char* const envp[]);
int next_posix_spawnp(pid_t* pid, const char* file, const posix_spawn_file_actions_t* actions,
                      const posix_spawnattr_t* attributes, char* const argv[], char* const envp[]);

/* next_resolve looks them up. Before our constructor has run (in another library's), each does it for itself.
 */
void next_resolve(void);
