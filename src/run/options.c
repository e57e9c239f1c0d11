// SPDX-License-Identifier: BSL-1.0
/* See options.h. */
#include "options.h"

#include "fail.h"

#include <arpa/inet.h>
#include <errno.h>
#include <snipass/snipass.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
    "usage: snipass-run SOCKET [--listen [ADDRESS:]PORT] [--from USER]...\n"
    "                   [--confine | --try-confine] [--may-bind PORTS] [--may-connect PORTS]\n"
    "                   -- COMMAND [ARGUMENT...]\n"
    "       snipass-run --confine [--may-bind PORTS] [--may-connect PORTS] -- COMMAND [ARGUMENT...]\n"
    "       snipass-run --check SOCKET [--listen [ADDRESS:]PORT]\n"
    "       snipass-run --version\n"
    "\n"
    "Starts COMMAND with a listener that takes handed-off clients at SOCKET, the path after \"unix:\" in "
    "snipass.toml.\n"
    "\n"
    "  --listen [ADDRESS:]PORT  the server's TCP listener that becomes this one; without ADDRESS, or with *, "
    "on any\n"
    "                           address. An IPv6 address stands in brackets. The server's configuration "
    "stays as it is.\n"
    "                           Of several listeners each needs its own SOCKET: COMMAND is then snipass-run "
    "again.\n"
    "                           Without --listen, the server itself listens at SOCKET (\"listen "
    "unix:SOCKET\" in nginx).\n"
    "  --from USER              who may hand clients over, besides root and the server's own user: the "
    "router's user,\n"
    "                           by name or number; unmapped: whoever has no number in this user namespace. "
    "Default:\n"
    "                           snipass and snipass-tls, where there are such users.\n"
    "  --confine                COMMAND may bind no TCP port, and connect to none (Landlock, Linux 6.7): "
    "what it could\n"
    "                           otherwise do with a client's socket, on the router's network. It does not "
    "start where the\n"
    "                           kernel cannot; with --try-confine it starts all the same, with a warning.\n"
    "                           Without SOCKET nothing else is done: for a COMMAND that is a receiver "
    "itself.\n"
    "  --may-bind PORTS         but to these, as in 80,8080\n"
    "  --may-connect PORTS      but to these\n"
    "  --check                  says who listens at SOCKET, and whether it has the library. Waits up to ten "
    "seconds for it.\n"
    "                           Status 0: it takes clients; 1: it does not; 2: that cannot be found out from "
    "here.\n"
    "\n"
    "For example:\n"
    "  snipass-run /run/nginx-handoff/handoff.sock --listen 443 -- nginx\n"
    "  snipass-run /run/app-handoff/handoff.sock --listen 127.0.0.1:8443 -- node server.js\n"
    "  snipass-run /run/a/one.sock --listen 192.0.2.1:443 -- snipass-run /run/a/two.sock --listen "
    "192.0.2.2:443 -- nginx\n";

/* --- addresses --- */

/* is_port: digits, and what they mean is a port. */
static bool is_port(const char* text) {
    const size_t digits = strspn(text, "0123456789");
    const long number = digits <= 5 ? strtol(text, NULL, 10) : 65536;
    return number >= 1 && number <= 65535;
}

/* complain keeps the sentence where the caller finds it: there is one complaint. */
__attribute__((format(printf, 1, 2))) static const char* complain(const char* format, ...) {
    static char complaint[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(complaint, sizeof complaint, format, arguments);
    va_end(arguments);
    return complaint;
}

static const char* check_v4(const char* host, const char* port) {
    struct in_addr v4;
    if (strcmp(host, "*") == 0 || inet_pton(AF_INET, host, &v4) == 1)
        return NULL;
    return complain(
        "\"%s\" is no address: write one as \"127.0.0.1:%s\" or \"[::1]:%s\", or \"%s\" alone for any "
        "address",
        host, port, port, port);
}

static const char* check_v6(const char* host, const char* port) {
    struct in6_addr v6;
    char inside[INET6_ADDRSTRLEN + 1];
    const int size = (int)strlen(host) - 2;
    if (snprintf(inside, sizeof inside, "%.*s", size, host + 1) == size &&
        inet_pton(AF_INET6, inside, &v6) == 1)
        return NULL;
    return complain("\"%s\" is no IPv6 address: write one as \"[::1]:%s\", or \"%s\" alone for any address",
                    host, port, port);
}

const char* options_check_address(const char* text, char* address, size_t size) {
    const bool is_number = strspn(text, "0123456789") == strlen(text) && text[0] != '\0';
    if ((size_t)snprintf(address, size, "%s%s", is_number ? "*:" : "", text) >= size)
        return "that is too long for an address and a port";
    char* colon = strrchr(address, ':');
    const bool has_brackets = address[0] == '[' && colon != NULL && colon[-1] == ']';
    if (colon != NULL && strchr(address, ':') != colon && !has_brackets)
        return complain(
            "\"%s\": an IPv6 address stands in brackets, with the port behind them: \"[::1]:443\"", text);
    if (colon == NULL || colon[1] == '\0' || strspn(colon + 1, "0123456789") != strlen(colon + 1))
        return complain(
            "\"%s\" has no port: write a number, or ADDRESS:NUMBER, as \"443\" or \"127.0.0.1:443\"", text);
    if (!is_port(colon + 1))
        return complain("\"%s\": write the port that the server's configuration names, 1 to 65535", text);
    *colon = '\0';
    const char* wrong = has_brackets ? check_v6(address, colon + 1) : check_v4(address, colon + 1);
    *colon = ':';
    return wrong;
}

/* --- options --- */

static void read_socket(const char* text, struct options* options) {
    if (text == NULL) {
        fputs(usage, stderr);
        exit(2);
    }
    if (strncmp(text, "unix:", 5) == 0)
        fail("SOCKET is the path alone: leave out \"unix:\", and write %s", text + 5);
    if (text[0] != '/')
        fail("SOCKET is an absolute path, not \"%s\"", text);
    if (strpbrk(text, " ,") != NULL)
        fail("SOCKET must be without spaces and commas");
    if (strlen(text) > 107)
        fail("SOCKET is longer than 107 bytes, the most that a unix socket's path may have");
    options->socket = text;
}

static void read_listen(const char* text, struct options* options) {
    if (options->socket == NULL)
        fail("--listen stands behind SOCKET, the path at which handed-off clients are to come");
    if (options->listen[0] != '\0')
        fail("--listen may be given once: what comes to %s is for one listener. For another one, let the\n"
             "command be: snipass-run OTHER-SOCKET --listen %s -- COMMAND",
             options->socket, text);
    const char* wrong = options_check_address(text, options->listen, sizeof options->listen);
    if (wrong != NULL)
        fail("--listen: %s", wrong);
}

static void fail_of_user(const char* text) {
    if (errno == ENOENT)
        fail("--from: there is no user \"%s\"; a number is taken as it stands", text);
    fail("--from: the user \"%s\" cannot be looked up: %s; write the number that \"id -u %s\" prints", text,
         strerror(errno), text);
}

static void read_user(const char* text, struct options* options) {
    if (options->socket == NULL)
        fail("--from stands behind SOCKET, the path at which handed-off clients are to come");
    options->names_users = true;
    if (options->user_count == max_users)
        fail("--from: there may be %d users at most", max_users);
    if (snipass_user_id(text, &options->users[options->user_count]) != 0)
        fail_of_user(text);
    ++options->user_count;
}

static void read_ports(const char* name, const char* text, struct ports* ports) {
    if (!confine_read_ports(text, ports))
        fail("%s: \"%s\" is no list of ports: write numbers, as in 80,8080", name, text);
}

/* value_of ends the process where an option has none. */
static const char* value_of(char** at, const char* kind) {
    if (at[1] == NULL || strcmp(at[1], "--") == 0)
        fail("%s needs %s", at[0], kind);
    return at[1];
}

/* read_option: how many words it takes. */
static int read_option(char** at, struct options* options) {
    const char* name = at[0];
    const char* equals = strchr(name, '=');
    if (strncmp(name, "--", 2) == 0 && equals != NULL)
        fail("\"%s\": a space stands between the two: write %.*s %s", name, (int)(equals - name), name,
             equals + 1);
    if (strcmp(name, "--confine") == 0 || strcmp(name, "--try-confine") == 0) {
        options->confine.is_wanted = true;
        options->confine.may_fail = name[2] == 't';
        return 1;
    }
    if (strcmp(name, "--listen") == 0)
        read_listen(value_of(at, "an address"), options);
    else if (strcmp(name, "--from") == 0)
        read_user(value_of(at, "a user"), options);
    else if (strcmp(name, "--may-bind") == 0)
        read_ports(name, value_of(at, "ports"), &options->confine.bind);
    else if (strcmp(name, "--may-connect") == 0)
        read_ports(name, value_of(at, "ports"), &options->confine.connect);
    else
        fail("\"%s\" is no option; -- stands in front of the command", name);
    return 2;
}

/* default_user: whoever says nothing is told if that cannot work. Of a snipass-run in a snipass-run the first
 * says it. */
static void default_user(struct options* options) {
    if (options->names_users || options->socket == NULL)
        return;
    const bool is_there = snipass_user_id("snipass", &options->users[0]) == 0;
    const int why_not = errno;
    options->user_count = is_there ? 1 : 0;
    if (snipass_user_id("snipass-tls", &options->users[options->user_count]) == 0)
        ++options->user_count; /* where there is none, nobody misses it */
    if (!is_there && why_not != ENOENT)
        say("the user snipass cannot be looked up: %s; --from NUMBER names the router's user",
            strerror(why_not));
    else if (options->user_count == 0 && getenv("SNIPASS_ALLOW_UID") == NULL)
        say("there is no user snipass: clients are taken from root and the server's own user only; --from "
            "USER names "
            "the router's user");
}

void options_read(char** arguments, struct options* options) {
    char** at = arguments + 1;
    *options = (struct options){0};
    if (*at != NULL && (strcmp(*at, "-h") == 0 || strcmp(*at, "--help") == 0)) {
        fputs(usage, stdout);
        exit(0);
    }
    options->checks = *at != NULL && strcmp(*at, "--check") == 0;
    at += options->checks ? 1 : 0;
    if (options->checks || *at == NULL || strncmp(*at, "--", 2) != 0) {
        read_socket(*at, options);
        ++at;
    }
    while (*at != NULL && strcmp(*at, "--") != 0)
        at += read_option(at, options);
    if (options->checks)
        return;
    options->command = *at != NULL ? at + 1 : at;
    if (*options->command == NULL)
        fail("no command");
    if (!options->confine.is_wanted && options->confine.bind.count + options->confine.connect.count != 0)
        fail("--may-bind and --may-connect are exceptions from --confine: add that, or --try-confine");
    if (options->socket == NULL && !options->confine.is_wanted)
        fail("SOCKET is missing: the path after \"unix:\" in snipass.toml");
    default_user(options);
}
