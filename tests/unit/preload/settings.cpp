// SPDX-License-Identifier: BSL-1.0
// The preload library's settings: which of a server's addresses are ours.
#include "catch.hpp"
#include "in_child.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <cstdlib>
#include <cstring>
#include <string>

extern "C" {
#include "../../../src/preload/settings.h"
}

using snipass::testing::in_child;

namespace {

struct address {
    sockaddr_storage storage{};
    socklen_t size = 0;
};

// address_of reads 1.2.3.4:5, [::1]:5, or a path; @ begins an abstract name.
address address_of(const std::string& text) {
    address result;
    if (text[0] == '/' || text[0] == '@') {
        auto* unix = reinterpret_cast<sockaddr_un*>(&result.storage);
        unix->sun_family = AF_UNIX;
        std::memcpy(unix->sun_path, text.data(), text.size());
        if (text[0] == '@')
            unix->sun_path[0] = '\0';
        result.size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + text.size());
        return result;
    }
    const auto colon = text.rfind(':');
    const auto port = htons(static_cast<std::uint16_t>(std::stoi(text.substr(colon + 1))));
    if (text[0] == '[') {
        auto* v6 = reinterpret_cast<sockaddr_in6*>(&result.storage);
        v6->sin6_family = AF_INET6;
        v6->sin6_port = port;
        inet_pton(AF_INET6, text.substr(1, colon - 2).c_str(), &v6->sin6_addr);
        result.size = sizeof *v6;
    } else {
        auto* v4 = reinterpret_cast<sockaddr_in*>(&result.storage);
        v4->sin_family = AF_INET;
        v4->sin_port = port;
        inet_pton(AF_INET, text.substr(0, colon).c_str(), &v4->sin_addr);
        result.size = sizeof *v4;
    }
    return result;
}

void load(const char* listen, const char* users = "") {
    setenv("SNIPASS_LISTEN", listen, 1);
    setenv("SNIPASS_ALLOW_UID", users, 1);
    std::freopen("/dev/null", "w", stderr);
    settings_load();
}

std::string path_for(const address& wanted) {
    const auto* entry = settings_entry_for(reinterpret_cast<const sockaddr*>(&wanted.storage), wanted.size);
    return entry != nullptr ? entry->path : "none";
}

} // namespace

TEST_CASE("preload settings: an address is an entry's, or none") {
    struct row {
        const char* listen;
        const char* address;
        const char* path;
    };
    const auto [listen, text, path] =
        GENERATE(row{"*:443=/a", "127.0.0.1:443", "/a"}, row{"*:443=/a", "[::]:443", "/a"},
                 row{"*:443=/a", "127.0.0.1:444", "none"}, row{"127.0.0.1:443=/a", "127.0.0.1:443", "/a"},
                 row{"127.0.0.1:443=/a", "127.0.0.2:443", "none"},
                 row{"127.0.0.1:443=/a", "[::1]:443", "none"}, row{"[::1]:443=/a", "[::1]:443", "/a"},
                 row{"[::1]:443=/a", "[::2]:443", "none"}, row{"[::1]:443=/a", "0.0.0.0:443", "none"},
                 row{"*:1=/a *:2=/b", "127.0.0.1:2", "/b"}, row{"*:1=/a,unix:/b", "/b", "/b"},
                 row{"unix:/b", "127.0.0.1:443", "none"}, row{"unix:/b", "/b", "/b"},
                 row{"*:443=/b", "/b", "/b"}, row{"unix:/b", "/bc", "none"}, row{"unix:/b", "/", "none"},
                 // HAProxy's first name for it, and what only looks like one.
                 row{"unix:/b", "/b.1234.tmp", "/b"}, row{"unix:/b", "/b..tmp", "none"},
                 row{"unix:/b", "/b.12x.tmp", "none"}, row{"unix:/b", "/b.1234.tmp2", "none"},
                 row{"unix:/b", "/b.1234", "none"});
    INFO(listen << " " << text);
    CHECK(in_child([&, listen = listen, text = text, path = path] {
        load(listen);
        return path_for(address_of(text)) == path;
    }));
}

TEST_CASE("preload settings: an address that bind(2) would refuse is none of ours") {
    CHECK(in_child([] {
        load("*:443=/a unix:/b");
        auto v4 = address_of("127.0.0.1:443"), v6 = address_of("[::1]:443"), unix = address_of("/b");
        v4.size -= 1;
        v6.size = offsetof(sockaddr_in6, sin6_scope_id) - 1;
        unix.size = sizeof(sockaddr_un) + 1;
        const bool refused = path_for(v4) == "none" && path_for(v6) == "none" && path_for(unix) == "none";
        v6.size = offsetof(sockaddr_in6, sin6_scope_id); // RFC 2133
        unix.size = offsetof(sockaddr_un, sun_path);
        return refused && path_for(v6) == "/a" && path_for(unix) == "none";
    }));
}

TEST_CASE("preload settings: the abstract name of a diversion leads to its entry") {
    CHECK(in_child([] {
        load("*:443=/a *:444=/b");
        const auto a = address_of("127.0.0.1:443"), b = address_of("127.0.0.1:444");
        const auto* first = settings_entry_for(reinterpret_cast<const sockaddr*>(&a.storage), a.size);
        const auto* second = settings_entry_for(reinterpret_cast<const sockaddr*>(&b.storage), b.size);
        return std::strcmp(first->diversion, second->diversion) != 0 &&
               path_for(address_of("@" + std::string(first->diversion) + "0123")) == "/a" &&
               path_for(address_of("@" + std::string(first->diversion))) == "none" &&
               path_for(address_of("@" + std::string(second->diversion) + "x")) == "/b";
    }));
}

TEST_CASE("preload settings: of what cannot be used the rest remains") {
    struct row {
        const char* what;
        const char* listen;
    };
    const auto [what, listen] = GENERATE(
        row{"no address", "=/x"}, row{"no path", "*:1="}, row{"a relative path", "*:1=x"},
        row{"no port", "127.0.0.1=/x"}, row{"a name", "localhost:1=/x"}, row{"port 65536", "*:65536=/x"},
        row{"a port with letters", "*:1a=/x"}, row{"no bracket", "[::1:1=/x"},
        row{"IPv4 in brackets", "[127.0.0.1]:1=/x"}, row{"IPv6 without", "::1:1=/x"},
        row{"a host that is too long", "[1111:1111:1111:1111:1111:1111:1111:1111:1111]:1=/x"},
        row{"a path that is too long",
            "*:1=/xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
            "xxxxxxxxxxxxxxxxxxxxxxx"},
        row{"another listener's path", "*:1=/good"});
    INFO(what);
    CHECK(in_child([listen = std::string(listen)] {
        load(("*:443=/good " + listen + " *:444=/after").c_str());
        return path_for(address_of("1.2.3.4:443")) == "/good" &&
               path_for(address_of("1.2.3.4:1")) == "none" && path_for(address_of("1.2.3.4:444")) == "/after";
    }));
}

TEST_CASE("preload settings: there are sixteen entries at most, and one that is there already counts once") {
    for (const int count : {16, 17})
        CHECK(in_child([count] {
            std::string listen;
            for (int i = 1; i <= count; ++i)
                listen += "*:" + std::to_string(i) + "=/s" + std::to_string(i) + " *:1=/s1 ";
            load(listen.c_str());
            return path_for(address_of("1.2.3.4:16")) == "/s16" &&
                   path_for(address_of("1.2.3.4:17")) == "none";
        }));
}

TEST_CASE("preload settings: users are numbers") {
    CHECK(in_child([] {
        load("*:443=/a", "0,65534 7 snipass -1 99999999999");
        std::size_t count = 0;
        const uid_t* users = settings_allowed(&count);
        return count == 3 && users[0] == 0 && users[1] == 65534 && users[2] == 7;
    }));
    CHECK(in_child([] {
        load("", "");
        return settings_empty();
    }));
}
