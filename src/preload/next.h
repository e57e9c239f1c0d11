// SPDX-License-Identifier: BSL-1.0
/* The functions that we stand in front of, as the next library in line has them. */
#pragma once

#include <spawn.h>
#include <sys/socket.h>

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
