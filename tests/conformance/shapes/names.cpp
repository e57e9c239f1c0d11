// SPDX-License-Identifier: BSL-1.0
// What server_name can say: RFC 6066 section 3.
#include "workshop.hpp"

#include <algorithm>
#include <cctype>
#include <utility>

namespace snipass::conformance {

namespace {

using std::string;
using testing::joined;
using entries = std::vector<std::pair<std::uint8_t, string>>;

constexpr auto rule = "RFC 6066 3";
constexpr std::uint16_t server_name = 0; // the extension's type
constexpr std::uint8_t host_name = 0;    // the name's

string upper(string text) {
    std::ranges::transform(text, text.begin(),
                           [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    return text;
}

// A name of exactly that size, of labels that DNS allows as far as the size does.
string long_name(std::size_t size) {
    const string end = ".test";
    string name;
    while (size - name.size() > 60 + 1 + end.size())
        name += string(60, 'x') + '.';
    return name + string(size - name.size() - end.size(), 'y') + end;
}

pieces named(workshop& to, const string& name) {
    return whole(to.stream(to.hello_for(name)));
}

void add_spellings(workshop& to) {
    const auto& a = to.names.a;
    to.legal("names/upper-case", "the name in upper case: DNS names are compared without case", "RFC 4343 2",
             named(to, upper(a)));
    to.legal("names/unknown", "a name without a route", rule, named(to, to.names.unknown));
    to.legal("names/subdomain", "a name below a routed one", rule, named(to, "www." + a));
    to.legal("names/longer-at-front", "a routed name with a letter in front", rule, named(to, "x" + a));
    to.legal("names/longer-at-end", "a routed name with a letter behind", rule, named(to, a + "x"));
    to.legal("names/shorter", "a routed name without its last letter", rule,
             named(to, a.substr(0, a.size() - 1)));
    to.legal("names/dot-is-no-wildcard", "a routed name with another letter for its dot", rule, [&] {
        auto name = a;
        std::ranges::replace(name, '.', 'x');
        return named(to, name);
    }());
    to.legal("names/of-253", "a name of 253 bytes without a route", "RFC 1035 2.3.4",
             named(to, long_name(253)));

    struct row {
        const char* name;
        const char* what;
        string host;
    };
    const row rows[] = {
        {"trailing-dot", "the name with a trailing dot", a + "."},
        {"two-trailing-dots", "the name with two trailing dots", a + ".."},
        {"leading-dot", "the name with a leading dot", "." + a},
        {"newline-behind", "the name with a newline behind", a + "\n"},
        {"space-behind", "the name with a space behind", a + " "},
        {"space-before", "the name with a space before", " " + a},
        {"two-in-one", "two routed names with a space between", a + " " + to.names.b},
        {"wildcard", "a literal asterisk as a label", "*." + a},
        {"utf-8", "UTF-8 instead of an A-label",
         "b\xc3\xbc"
         "cher.test"},
        {"ipv4", "an IPv4 address", "192.0.2.1"},
        {"ipv6", "an IPv6 address", "2001:db8::1"},
        {"label-of-64", "a label of 64 bytes", string(64, 'x') + ".test"},
        {"of-255", "a name of 255 bytes", long_name(255)},
        {"of-256", "a name of 256 bytes", long_name(256)},
        {"of-1000", "a name of 1,000 bytes", long_name(1'000)},
        {"of-16000", "a name of 16,000 bytes", long_name(16'000)},
        {"nul-behind", "a NUL behind the name", a + string(1, '\0')},
        {"nul-inside", "a NUL, then more: C strings end there", a + string(1, '\0') + ".evil.test"},
        {"nul-before-other", "a NUL between two routed names", a + string(1, '\0') + to.names.b},
        {"nul-first", "a NUL before the name", string(1, '\0') + a},
    };
    for (const auto& [name, what, host] : rows)
        to.forbidden(string{"names/"} + name, what, rule, named(to, host));
}

void add_lists(workshop& to) {
    const auto& [a, b, unknown] = to.names;
    struct row {
        const char* name;
        const char* what;
        entries list;
    };
    const row rows[] = {
        {"empty-list", "a list without a name", {}},
        {"empty-name", "a name of no bytes", {{host_name, ""}}},
        {"two-names", "two names in one list", {{host_name, a}, {host_name, b}}},
        {"same-name-twice", "one name twice in one list", {{host_name, a}, {host_name, a}}},
        {"unknown-name-then-name",
         "a name without a route, then one with",
         {{host_name, unknown}, {host_name, a}}},
        {"empty-name-then-name",
         "a name of no bytes, then one with a route",
         {{host_name, ""}, {host_name, a}}},
        {"type-1", "a name of type 1", {{1, a}}},
        {"type-255", "a name of type 255", {{255, a}}},
        {"type-1-then-0", "a name of type 1, then one of type 0", {{1, b}, {host_name, a}}},
        {"type-0-then-1", "a name of type 0, then one of type 1", {{host_name, a}, {1, b}}},
    };
    for (const auto& [name, what, list] : rows)
        to.forbidden(string{"names/"} + name, what, rule, whole(to.stream(to.hello().server_names(list))));
    to.forbidden("names/empty-extension", "an empty extension: only a server may answer so", rule,
                 whole(to.stream(to.hello().replace(server_name, byte_writer{}))));
}

void add_twice(workshop& to) {
    const auto& [a, b, unknown] = to.names;
    const auto twice = [&](string name, string what, const string& first, const string& second) {
        to.forbidden("names/" + std::move(name), std::move(what), "RFC 8446 4.2",
                     whole(to.stream(to.hello_for(first).extension(server_name, server_name_body(second)))));
    };
    twice("extension-twice", "two server_name extensions with different names", a, b);
    twice("extension-twice-same", "two server_name extensions with the same name", a, a);
    twice("extension-twice-unknown-first", "two server_name extensions, only the second name has a route",
          unknown, a);
    to.forbidden(
        "names/extension-twice-empty-first", "an empty server_name extension, then one with a name",
        "RFC 8446 4.2",
        whole(to.stream(
            to.hello().replace(server_name, byte_writer{}).extension(server_name, server_name_body(a)))));
}

} // namespace

void add_names(workshop& to) {
    add_spellings(to);
    add_lists(to);
    add_twice(to);
}

} // namespace snipass::conformance
