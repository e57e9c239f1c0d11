// SPDX-License-Identifier: BSL-1.0
/* See exec.h. Everything that a vforked child calls here is on the stack: the heap is its parent's. */
#include "exec.h"

#include "environment.h"
#include "interpose.h"
#include "linkage.h"
#include "listeners.h"
#include "next.h"
#include "report.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
    max_path = 4096,
};

static struct environment kept;
static bool has_served;
static atomic_bool* has_told; /* shared with the forks of this program; NULL: no memory for it */

void exec_start(void) {
    environment_keep(&kept);
    void* shared = mmap(NULL, sizeof *has_told, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    has_told = shared != MAP_FAILED ? shared : NULL;
}

void exec_has_served(void) {
    has_served = true;
}

/* --- what the next program gets --- */

/* A program to run, in whatever way: one of next_execve and its like. */
struct program {
    int (*run)(const struct program*, char* const envp[]);
    const char* path; /* or what is looked for in PATH */
    char* const* argv;
    int fd;
    pid_t* pid;
    const posix_spawn_file_actions_t* actions;
    const posix_spawnattr_t* attributes;
};

/* has_heritage: a listener goes to the next program, which knows of it what its socket says. */
static bool has_heritage(void) {
    struct listener one;
    bool any = false;
    for (size_t at = 0; listeners_next(&at, NULL, &one);)
        if ((fcntl(one.fd, F_GETFD) & FD_CLOEXEC) == 0) {
            listeners_use(&one);
            any = true;
        }
    return any;
}

/* takes_library says on stderr where the loader would leave it out: of this program and its forks one line is
 * enough. False: another libc's loader might end a program that asks for ours. */
static bool takes_library(const char* command) {
    char path[max_path], file[max_path];
    if (!linkage_find(command, path, sizeof path))
        return true;
    const enum linkage linkage = linkage_of(path, file, sizeof file);
    if (linkage_refuses(linkage) && has_told != NULL && !atomic_exchange(has_told, true))
        report("%s %s. If it is the server, it listens past the router; if it starts the server, write: "
               "%s ... snipass-run SOCKET ... -- SERVER",
               file, linkage_explain(linkage), command);
    return linkage != linkage_foreign;
}

static int run_with_library(const struct program* program, char* const envp[]) {
    size_t bytes = 0;
    char* environment[environment_room(&kept, envp, &bytes)];
    char preload[bytes];
    environment_restore(&kept, envp, environment, preload, bytes);
    return program->run(program, environment);
}

static int run(const struct program* program, char* const envp[]) {
    const bool is_ours = !settings_empty() && (has_served ? has_heritage() : takes_library(program->path));
    return is_ours ? run_with_library(program, envp) : program->run(program, envp);
}

/* --- exec(3) --- */

static int run_path(const struct program* program, char* const envp[]) {
    return next_execve(program->path, program->argv, envp);
}

static int run_found(const struct program* program, char* const envp[]) {
    return next_execvpe(program->path, program->argv, envp);
}

static int run_open(const struct program* program, char* const envp[]) {
    return next_fexecve(program->fd, program->argv, envp);
}

int our_execve(const char* path, char* const argv[], char* const envp[]) {
    return run(&(struct program){.run = run_path, .path = path, .argv = argv}, envp);
}

int our_execv(const char* path, char* const argv[]) {
    return our_execve(path, argv, environ);
}

int our_execvpe(const char* file, char* const argv[], char* const envp[]) {
    return run(&(struct program){.run = run_found, .path = file, .argv = argv}, envp);
}

int our_execvp(const char* file, char* const argv[]) {
    return our_execvpe(file, argv, environ);
}

int our_fexecve(int fd, char* const argv[], char* const envp[]) {
    char path[32];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    return run(&(struct program){.run = run_open, .path = path, .argv = argv, .fd = fd}, envp);
}

static size_t count_arguments(va_list rest) {
    size_t count = 1;
    while (va_arg(rest, char*) != NULL)
        ++count;
    return count;
}

/* take_arguments fills argv, of `count` arguments, and reads past the NULL behind them. */
static void take_arguments(const char* first, va_list rest, char** argv, size_t count) {
    memcpy(&argv[0], &first, sizeof first); /* exec(3)'s own want of const */
    for (size_t i = 1; i <= count; ++i)
        argv[i] = va_arg(rest, char*);
}

int our_execl(const char* path, const char* first, ...) {
    va_list rest;
    va_start(rest, first);
    const size_t count = count_arguments(rest);
    va_end(rest);
    char* argv[count + 1];
    va_start(rest, first);
    take_arguments(first, rest, argv, count);
    va_end(rest);
    return our_execve(path, argv, environ);
}

int our_execlp(const char* file, const char* first, ...) {
    va_list rest;
    va_start(rest, first);
    const size_t count = count_arguments(rest);
    va_end(rest);
    char* argv[count + 1];
    va_start(rest, first);
    take_arguments(first, rest, argv, count);
    va_end(rest);
    return our_execvpe(file, argv, environ);
}

int our_execle(const char* path, const char* first, ...) {
    va_list rest;
    va_start(rest, first);
    const size_t count = count_arguments(rest);
    va_end(rest);
    char* argv[count + 1];
    va_start(rest, first);
    take_arguments(first, rest, argv, count);
    char* const* envp = va_arg(rest, char* const*);
    va_end(rest);
    return our_execve(path, argv, envp);
}

/* --- posix_spawn(3) --- */

static int spawn_path(const struct program* program, char* const envp[]) {
    return next_posix_spawn(program->pid, program->path, program->actions, program->attributes, program->argv,
                            envp);
}

static int spawn_found(const struct program* program, char* const envp[]) {
    return next_posix_spawnp(program->pid, program->path, program->actions, program->attributes,
                             program->argv, envp);
}

int our_posix_spawn(pid_t* pid, const char* path, const posix_spawn_file_actions_t* actions,
                    const posix_spawnattr_t* attributes, char* const argv[], char* const envp[]) {
    return run(&(struct program){.run = spawn_path,
                                 .path = path,
                                 .argv = argv,
                                 .pid = pid,
                                 .actions = actions,
                                 .attributes = attributes},
               envp);
}

int our_posix_spawnp(pid_t* pid, const char* file, const posix_spawn_file_actions_t* actions,
                     const posix_spawnattr_t* attributes, char* const argv[], char* const envp[]) {
    return run(&(struct program){.run = spawn_found,
                                 .path = file,
                                 .argv = argv,
                                 .pid = pid,
                                 .actions = actions,
                                 .attributes = attributes},
               envp);
}
