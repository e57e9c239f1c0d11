/* See inheritance.h. The variable's text: a word for each listener, its number, =, and what the server
 * believes it to listen at: ADDRESS:PORT, or "unix"; behind that /v6only where it holds. */
#include "inheritance.h"

#include "listeners.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int print(char* text, size_t size, const struct listener* listener) {
    char host[INET6_ADDRSTRLEN] = "";
    const struct sockaddr_in* v4 = (const struct sockaddr_in*)&listener->address;
    const struct sockaddr_in6* v6 = (const struct sockaddr_in6*)&listener->address;
    const bool is_v6 = listener->address.ss_family == AF_INET6;
    if (listener->address.ss_family == AF_UNSPEC)
        return snprintf(text, size, "%d=unix ", listener->fd);
    inet_ntop(is_v6 ? AF_INET6 : AF_INET, is_v6 ? (const void*)&v6->sin6_addr : (const void*)&v4->sin_addr,
              host, sizeof host);
    return snprintf(text, size, is_v6 ? "%d=[%s]:%u%s " : "%d=%s:%u%s ", listener->fd, host,
                    ntohs(v4->sin_port), listener->v6_only ? "/v6only" : "");
}

bool inheritance_write(char* text, size_t size) {
    size_t at = (size_t)snprintf(text, size, "SNIPASS_INHERITED=");
    bool any = false;
    for (struct listener* one = listeners_next(NULL, NULL); one != NULL; one = listeners_next(one, NULL)) {
        const int flags = fcntl(one->fd, F_GETFD);
        if (flags < 0 || (flags & FD_CLOEXEC) != 0 || listeners_entry(one->fd) != one->entry)
            continue;
        any = true;
        const int n = print(text + at, size - at, one);
        if (n < 0 || (size_t)n >= size - at)
            break; /* the rest goes by its entry's address */
        at += (size_t)n;
    }
    text[at] = '\0';
    return any;
}

static void read_one(const char* text, size_t size) {
    char word[128];
    if (size >= sizeof word)
        return;
    memcpy(word, text, size);
    word[size] = '\0';
    char* end = NULL;
    const long fd = strtol(word, &end, 10);
    if (end == word || *end != '=' || fd < 0 || fd > 1 << 30)
        return;
    struct listener listener = {.fd = (int)fd, .entry = listeners_entry((int)fd)};
    if (listener.entry == NULL)
        return; /* closed on the way, or somebody else's */
    bool any_address = false;
    if (!settings_parse_address(end + 1, strcspn(end + 1, "/"), &listener.address, &any_address))
        listener.address.ss_family = AF_UNSPEC;
    listener.v6_only = strstr(end, "/v6only") != NULL;
    listeners_remember(&listener);
}

void inheritance_read(void) {
    const char* text = getenv("SNIPASS_INHERITED");
    while (text != NULL && *text != '\0') {
        const size_t size = strcspn(text, " ");
        read_one(text, size);
        text += size + strspn(text + size, " ");
    }
}
