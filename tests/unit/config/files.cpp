// SPDX-License-Identifier: BSL-1.0
// The files that an admin copies from: they are valid, and tell the truth.
#include "snipass/config/parse.hpp"

#include "catch.hpp"
#include "mistakes.hpp"
#include "snipass/os/users.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>

using namespace snipass::config;
using Catch::Matchers::ContainsSubstring;

namespace {

const std::filesystem::path source{SNIPASS_SOURCE_DIR};

std::string content(const std::filesystem::path& file) {
    std::ifstream in{file};
    REQUIRE(in);
    std::stringstream text;
    text << in.rdbuf();
    return text.str();
}

// uncommented takes each setting into use: "#key = value", but not "# explanation".
std::string uncommented(const std::string& text) {
    return std::regex_replace(text, std::regex("(^|\n)#(?=[^ \n#])"), "$1");
}

void check_valid(const std::string& text) {
    const auto parsed = parse(text, "f.toml");
    for (const auto& diagnostic : parsed.diagnostics)
        FAIL_CHECK(diagnostic.to_string("f.toml"));
    REQUIRE(parsed.value);
}

// listed_keys are those that parse says it knows when it is asked for one that it does not.
std::vector<std::string> listed_keys(const std::string& table) {
    const auto parsed =
        parse(table + "\nzzzzzzzzzz = 1\n" + (table.starts_with("[[listener]]") ? "" : listener), "f");
    for (const auto& diagnostic : parsed.diagnostics) {
        const auto list = diagnostic.message.find("known here: ");
        if (diagnostic.message.find("zzzzzzzzzz") == std::string::npos || list == std::string::npos)
            continue;
        std::vector<std::string> keys;
        const std::regex word("\"([a-z0-9_]+)\"");
        const auto text = diagnostic.message.substr(list);
        REQUIRE_FALSE(text.ends_with(" more")); // none is left out
        for (std::sregex_iterator at{text.begin(), text.end(), word}, end; at != end; ++at)
            keys.push_back((*at)[1]);
        return keys;
    }
    return {};
}

// known_keys has each once; a backend's depend on its kind, and a listener's on its protocol.
std::vector<std::string> known_keys(const std::string& table) {
    std::vector<const char*> kinds{""};
    if (table == "[[listener]]")
        kinds.insert(kinds.end(), {"protocol = \"http\"", "max_rate = 1\nmax_rate_per_source = 1"});
    if (table == "[backend.x]")
        kinds = {"handoff = \"unix:/x\"",
                 "handoff = \"unix:/x\"\nprotocol = \"scgi\"",
                 "proxy = \"a:1\"",
                 "proxy = \"{host_name}:1\"",
                 "proxy = \"a:1\"\ntls = \"terminate\"\nbackend_tls = true",
                 "redirect = \"https\""};
    std::set<std::string> keys;
    for (const auto* const kind : kinds)
        for (const auto& key : listed_keys(table + "\n" + kind))
            keys.insert(key);
    return {keys.begin(), keys.end()};
}

const std::vector<std::string> tables{"[server]",  "[log]", "[[listener]]", "[[route]]", "[backend.x]",
                                      "[default]", "[tls]", "[ech]",        "[metrics]"};

} // namespace

TEST_CASE("config/snipass.toml listens nowhere as it is, and is valid with every setting taken into use") {
    const auto text = content(source / "config/snipass.toml");
    const auto as_it_is = parse(text, "f");
    REQUIRE(as_it_is.diagnostics.size() == 1);
    CHECK(as_it_is.diagnostics[0].message ==
          "no [[listener]]; write one, with an address such as address = \"[::]:443\"");
    check_valid(uncommented(text));
}

TEST_CASE("config/snipass.toml shows the defaults") {
    const auto read = parse(uncommented(content(source / "config/snipass.toml")), "f").value;
    REQUIRE(read);
    const server_settings server;
    CHECK(read->server.workers == server.workers);
    CHECK(read->server.hello_timeout == server.hello_timeout);
    CHECK(read->server.hello_max == server.hello_max);
    CHECK(read->server.head_max == server.head_max);
    CHECK(read->server.max_waiting == server.max_waiting);
    CHECK(read->server.max_waiting_per_source == server.max_waiting_per_source);
    CHECK(read->server.drain_timeout == server.drain_timeout);
    CHECK(read->server.max_pipes == server.max_pipes);
    CHECK(read->server.max_pipe_memory == server.max_pipe_memory);
    const log_settings log;
    CHECK(read->log.level == log.level);
    CHECK(read->log.format == log.format);
    CHECK(read->log.access == log.access);
    CHECK(read->log.hello == log.hello);
    CHECK(read->log.empty == log.empty);
    CHECK(read->log.journal == log.journal);
    const listener_settings listening;
    CHECK(read->listeners.at(0).unmatched == listening.unmatched);
    CHECK(read->listeners.at(0).malformed == listening.malformed);
    CHECK(read->listeners.at(0).foreign == listening.foreign);
    const backend_settings backend;
    CHECK(read->backends.at(0).hold == backend.hold);
    CHECK(read->backends.at(0).max_pending == backend.max_pending);
    const handoff_settings handoff;
    REQUIRE(read->backends.at(0).handoff());
    CHECK(read->backends.at(0).handoff()->protocol == handoff.protocol);
    CHECK(read->backends.at(0).handoff()->ack_timeout == handoff.ack_timeout);
    const relay_settings relay;
    const auto* const far = read->backends.at(1).relay();
    REQUIRE(far);
    CHECK(far->header == relay.header);
    CHECK(far->connect_timeout == relay.connect_timeout);
    CHECK(far->idle_timeout == relay.idle_timeout);
    CHECK(far->balance == relay.balance);
    CHECK(far->resolve_interval == relay.resolve_interval);
    CHECK(far->eject_after == relay.eject_after);
    CHECK(far->check == relay.check);
    CHECK(far->check_interval == relay.check_interval);
    CHECK(far->max_lifetime == relay.max_lifetime);
    CHECK(far->keepalive == relay.keepalive);
    CHECK(far->user_timeout == relay.user_timeout);
    CHECK(far->min_rate == relay.min_rate);
    CHECK(far->on_remove == relay.on_remove);
    CHECK(far->transparent == relay.transparent);
    const forward_settings forward;
    const auto* const anywhere = read->backends.at(2).forward();
    REQUIRE(anywhere);
    CHECK(anywhere->allow_destinations.public_ones == forward.allow_destinations.public_ones);
    CHECK(anywhere->allow_destinations.listed == forward.allow_destinations.listed);
    const termination_settings termination;
    const auto& shop = read->backends.at(3);
    REQUIRE(shop.termination);
    CHECK(shop.termination->alpn == termination.alpn);
    CHECK(shop.termination->plaintext == termination.plaintext);
    const tls_settings tls;
    REQUIRE(read->tls);
    CHECK(read->tls->handoff_path == tls.handoff_path);
    CHECK(read->tls->handshake_timeout == tls.handshake_timeout);
    CHECK(read->tls->max_handshakes == tls.max_handshakes);
    CHECK(read->tls->min_version == tls.min_version);
    const ech_settings ech;
    REQUIRE(read->ech);
    CHECK(read->ech->keys == ech.keys);
    CHECK(read->ech->helper_path == ech.helper_path);
    REQUIRE(read->metrics);
    CHECK(read->metrics->routes == metrics_settings{}.routes);
}

TEST_CASE("config/snipass.toml and docs/configuration.md have every key") {
    const auto file = uncommented(content(source / "config/snipass.toml"));
    const auto reference = content(source / "docs/configuration.md");
    for (const auto& table : tables) {
        const auto keys = known_keys(table);
        CHECK_FALSE(keys.empty());
        for (const auto& key : keys) {
            CHECK_THAT(file, ContainsSubstring("\n" + key + " = "));
            CHECK_THAT(reference, ContainsSubstring("| `" + key + "` |"));
        }
    }
}

namespace {

// The part of snipass.toml(5) that is about a table, and what it says of each key there.
std::string section_of(const std::string& page, const std::string& table) {
    const auto name = table == "[backend.x]" ? "[backend.NAME]" : table;
    const auto begin = page.find("\n.SS " + name + "\n");
    REQUIRE(begin != std::string::npos);
    return page.substr(begin, page.find("\n.S", begin + 1) - begin + 1);
}

} // namespace

TEST_CASE("snipass.toml(5) explains every key that the reader knows, in a line, and no other") {
    const auto page = content(source / "docs/snipass.toml.5");
    for (const auto& table : tables) {
        INFO(table);
        const auto section = section_of(page, table);
        const auto keys = known_keys(table);
        std::size_t explained = 0;
        const std::regex entry(
            "\\n\\.TP\n\\.B ([a-z0-9_]+)\n[^.\n][^\n]+\\.\n(Default: [^\n]+|There is no default)\\.");
        for (std::sregex_iterator at{section.begin(), section.end(), entry}, end; at != end;
             ++at, ++explained) {
            INFO((*at)[1]);
            CHECK(std::ranges::count(keys, (*at)[1].str()) == 1);
        }
        CHECK(explained == keys.size());
    }
}

TEST_CASE("snipass.toml(5) has the defaults") {
    const auto page = content(source / "docs/snipass.toml.5");
    const auto file = uncommented(content(source / "config/snipass.toml"));
    const std::regex entry(
        "\n\\.B ([a-z0-9_]+)\n[^\n]+\nDefault: (\"[^\"]+\"|[0-9]+|true|false|\\[[^\n]+\\])[.:;]");
    std::size_t compared = 0;
    for (std::sregex_iterator at{page.begin(), page.end(), entry}, end; at != end; ++at, ++compared) {
        INFO((*at)[1]);
        CHECK_THAT(file, ContainsSubstring("\n" + (*at)[1].str() + " = " + (*at)[2].str() + "\n"));
    }
    CHECK(compared > 25);
}

TEST_CASE("config/examples are valid, without a warning") {
    std::size_t count = 0;
    for (const auto& entry : std::filesystem::directory_iterator(source / "config/examples")) {
        INFO(entry.path());
        ++count;
        if (!entry.is_directory()) {
            check_valid(content(entry.path()));
            continue;
        }
        const auto folder = load(entry.path() / "snipass.toml", snipass::os::find_user);
        for (const auto& one : folder.diagnostics)
            FAIL_CHECK(one.to_string("snipass.toml"));
        REQUIRE(folder.value);
        CHECK_FALSE(folder.value->included.empty());
    }
    CHECK(count >= 5);
}

TEST_CASE("each example in README.md and docs is valid, without a warning") {
    const auto reference = content(source / GENERATE("README.md", "docs/configuration.md", "docs/acme.md",
                                                     "docs/http.md", "docs/moving.md", "docs/tls.md"));
    const std::regex block("```toml\n([^`]*)```");
    std::size_t count = 0;
    for (std::sregex_iterator at{reference.begin(), reference.end(), block}, end; at != end; ++at, ++count) {
        INFO((*at)[1]);
        check_valid((*at)[1]);
    }
    CHECK(count > 0);
}
