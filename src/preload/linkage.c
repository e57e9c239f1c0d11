// SPDX-License-Identifier: BSL-1.0
/* See linkage.h. */
#include "linkage.h"

#include <fcntl.h>
#include <link.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/types.h>
#include <sys/xattr.h>
#include <unistd.h>

enum {
    max_loader = 256,
    max_line = 256, /* of a script, as in the kernel */
    max_scripts = 4,
    max_sections = 256,
};

extern const ElfW(Ehdr) __ehdr_start
    __attribute__((visibility("hidden"))); /* of ourselves; from the linker */

static bool read_at(int file, void* to, size_t size, uint64_t at) {
    return pread(file, to, size, (off_t)at) == (ssize_t)size;
}

/* --- the loader --- */

static const char* name_of(const char* path) {
    const char* slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

/* own_loader is this process's, and so of the libc that the library is made for. NULL: nobody can say. */
static const char* own_loader(void) {
    const ElfW(Phdr)* headers = (const ElfW(Phdr)*)getauxval(AT_PHDR);
    const size_t count = getauxval(AT_PHNUM);
    uintptr_t base = 0;
    for (size_t i = 0; headers != NULL && i < count; ++i)
        if (headers[i].p_type == PT_PHDR)
            base = (uintptr_t)headers - headers[i].p_vaddr;
    for (size_t i = 0; headers != NULL && i < count; ++i)
        if (headers[i].p_type == PT_INTERP)
            return (const char*)(base + headers[i].p_vaddr);
    return NULL;
}

/* read_loader: false, the program names none. */
static bool read_loader(int file, const ElfW(Ehdr) * header, char loader[max_loader]) {
    ElfW(Phdr) part;
    for (size_t i = 0; i < header->e_phnum; ++i) {
        if (!read_at(file, &part, sizeof part, header->e_phoff + i * sizeof part))
            return false;
        if (part.p_type != PT_INTERP)
            continue;
        const size_t size = part.p_filesz < max_loader ? part.p_filesz : max_loader - 1;
        memset(loader, 0, max_loader);
        return read_at(file, loader, size, part.p_offset);
    }
    return false;
}

/* is_go: Go's programs have a section of this name, be they stripped or not. */
static bool is_go(int file, const ElfW(Ehdr) * header) {
    static const char wanted[] = ".go.buildinfo";
    ElfW(Shdr) names, section;
    char name[sizeof wanted];
    if (header->e_shoff == 0 || header->e_shentsize != sizeof section ||
        !read_at(file, &names, sizeof names, header->e_shoff + (uint64_t)header->e_shstrndx * sizeof names))
        return false;
    for (size_t i = 0; i < header->e_shnum && i < max_sections; ++i)
        if (read_at(file, &section, sizeof section, header->e_shoff + i * sizeof section) &&
            read_at(file, name, sizeof name, names.sh_offset + section.sh_name) &&
            memcmp(name, wanted, sizeof wanted) == 0)
            return true;
    return false;
}

static enum linkage judge_elf(const char* path, int file, const ElfW(Ehdr) * header) {
    const unsigned char* const own = __ehdr_start.e_ident;
    if (header->e_ident[EI_CLASS] != own[EI_CLASS] || header->e_ident[EI_DATA] != own[EI_DATA] ||
        header->e_machine != __ehdr_start.e_machine)
        return linkage_foreign;
    if (is_go(file, header))
        return linkage_go;
    char loader[max_loader];
    const char* own_name = own_loader();
    if (!read_loader(file, header, loader))
        return own_name != NULL && strcmp(name_of(path), name_of(own_name)) == 0 ? linkage_good
                                                                                 : linkage_static;
    return own_name == NULL || strcmp(name_of(loader), name_of(own_name)) == 0 ? linkage_good
                                                                               : linkage_foreign;
}

/* --- privileges --- */

/* judge_privileges: with those of somebody else, the loader takes no library. */
static enum linkage judge_privileges(const char* path) {
    struct stat status;
    struct statvfs mount;
    if (stat(path, &status) != 0 || prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ||
        (statvfs(path, &mount) == 0 && (mount.f_flag & ST_NOSUID) != 0))
        return linkage_good;
    if ((status.st_mode & S_ISUID) != 0 && status.st_uid != geteuid())
        return linkage_setuid;
    if ((status.st_mode & S_ISGID) != 0 && status.st_gid != getegid())
        return linkage_setgid;
    return geteuid() != 0 && getxattr(path, "security.capability", NULL, 0) > 0 ? linkage_capabilities
                                                                                : linkage_good;
}

/* --- */

/* next_interpreter replaces `path` by the interpreter of the script whose beginning this is. */
static bool next_interpreter(const char* line, char* path, size_t size) {
    const char* begin = line + 2 + strspn(line + 2, " \t");
    const size_t length = strcspn(begin, " \t\r\n");
    if (length == 0 || length >= size)
        return false;
    memcpy(path, begin, length);
    path[length] = '\0';
    return true;
}

static enum linkage judge_file(const char* path, char start[max_line], size_t* size) {
    const int file = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    const ssize_t n = file >= 0 ? pread(file, start, max_line - 1, 0) : -1;
    enum linkage found = linkage_unknown;
    ElfW(Ehdr) header;
    *size = n > 0 ? (size_t)n : 0;
    start[*size] = '\0';
    if (*size >= sizeof header && memcmp(start, ELFMAG, SELFMAG) == 0) {
        memcpy(&header, start, sizeof header);
        found = judge_elf(path, file, &header);
    }
    if (file >= 0)
        close(file);
    return found;
}

enum linkage linkage_of(const char* path, char* file, size_t size) {
    char start[max_line];
    size_t length = 0;
    if (strlen(path) >= size)
        return linkage_unknown;
    memmove(file, path, strlen(path) + 1);
    for (int scripts = 0; scripts <= max_scripts; ++scripts) {
        const enum linkage linkage = judge_file(file, start, &length);
        if (length >= 2 && memcmp(start, "#!", 2) == 0 && next_interpreter(start, file, size))
            continue;
        const enum linkage privileges = judge_privileges(file);
        return privileges != linkage_good ? privileges : linkage;
    }
    return linkage_unknown;
}

static bool is_command(const char* path) {
    struct stat status;
    return access(path, X_OK) == 0 && stat(path, &status) == 0 && S_ISREG(status.st_mode);
}

bool linkage_find(const char* command, char* path, size_t size) {
    const char* folders = getenv("PATH");
    if (strchr(command, '/') != NULL)
        return snprintf(path, size, "%s", command) < (int)size && is_command(path);
    for (const char* at = folders != NULL ? folders : "/bin:/usr/bin"; command[0] != '\0';) {
        const size_t length = strcspn(at, ":");
        const int n = length != 0 ? snprintf(path, size, "%.*s/%s", (int)length, at, command)
                                  : snprintf(path, size, "./%s", command);
        if (n > 0 && n < (int)size && is_command(path))
            return true;
        if (at[length] == '\0')
            break;
        at += length + 1;
    }
    return false;
}

bool linkage_refuses(enum linkage linkage) {
    return linkage > linkage_good;
}

const char* linkage_explain(enum linkage linkage) {
    static const char* const reasons[] = {
        [linkage_unknown] = "is nothing that can be looked into",
        [linkage_good] = "takes the library",
        [linkage_static] = "is linked statically: no loader brings the library into it",
        [linkage_foreign] = "is made for another libc or another processor than the library",
        [linkage_go] = "is a Go program, which asks the kernel and not libc",
        [linkage_setuid] = "is setuid, so the loader takes no library for it",
        [linkage_setgid] = "is setgid, so the loader takes no library for it",
        [linkage_capabilities] = "has file capabilities, so the loader takes no library for it",
    };
    return reasons[linkage];
}
