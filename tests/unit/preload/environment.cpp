// SPDX-License-Identifier: BSL-1.0
// The preload library's environment: what the next program gets, whatever a wrapper has made of it.
#include "catch.hpp"
#include "in_child.hpp"

#include <cstdlib>
#include <string>
#include <vector>

extern "C" {
#include "../../../src/preload/environment.h"
}

namespace {

using words = std::vector<std::string>;

words restore(const environment& kept, words given) {
    std::vector<char*> pointers;
    for (auto& word : given)
        pointers.push_back(word.data());
    pointers.push_back(nullptr);
    std::size_t bytes = 0;
    const auto room = environment_room(&kept, pointers.data(), &bytes);
    std::vector<char*> result(room, nullptr);
    std::string preload(bytes, '#');
    environment_restore(&kept, pointers.data(), result.data(), preload.data(), bytes);
    words texts;
    for (std::size_t i = 0; result.at(i) != nullptr; ++i)
        texts.emplace_back(result[i]);
    return texts;
}

environment started_with(const char* preload) {
    environment kept{};
    kept.library = "/lib/ours.so";
    kept.variables[0] = const_cast<char*>(preload);
    kept.variables[1] = const_cast<char*>("SNIPASS_LISTEN=*:443=/a");
    kept.variables[2] = const_cast<char*>("SNIPASS_ALLOW_UID=7");
    return kept;
}

} // namespace

TEST_CASE("preload environment: the library comes first, and the settings are there") {
    struct row {
        const char* what;
        words given, result;
    };
    const std::string listen = "SNIPASS_LISTEN=*:443=/a", users = "SNIPASS_ALLOW_UID=7",
                      ours = "LD_PRELOAD=/lib/ours.so";
    const auto [what, given, result] = GENERATE_COPY(
        row{"all is there", {"A=1", ours, listen, users}, {"A=1", ours, listen, users}},
        row{"nothing is there", {}, {ours, listen, users}},
        row{"only others' words", {"A=1", "B=2"}, {"A=1", "B=2", ours, listen, users}},
        row{"another library",
            {"LD_PRELOAD=/lib/other.so", listen, users},
            {listen, users, ours + ":/lib/other.so"}},
        row{"another one in front",
            {"LD_PRELOAD=/lib/other.so:/lib/ours.so", listen, users},
            {"LD_PRELOAD=/lib/other.so:/lib/ours.so", listen, users}},
        row{"with a space between",
            {"LD_PRELOAD=/lib/other.so /lib/ours.so"},
            {"LD_PRELOAD=/lib/other.so /lib/ours.so", listen, users}},
        row{"a name that begins likewise",
            {"LD_PRELOAD=/lib/ours.so.1", listen, users},
            {listen, users, ours + ":/lib/ours.so.1"}},
        row{"none at all", {"LD_PRELOAD=", listen, users}, {listen, users, ours}},
        row{"settings of another snipass-run",
            {ours, "SNIPASS_LISTEN=*:444=/b *:443=/a"},
            {ours, "SNIPASS_LISTEN=*:444=/b *:443=/a", users}},
        row{"a name that only begins so",
            {"LD_PRELOADED=1", "SNIPASS_LISTENER=1"},
            {"LD_PRELOADED=1", "SNIPASS_LISTENER=1", ours, listen, users}},
        row{"two of a kind", {"LD_PRELOAD=/x", "LD_PRELOAD=/y"}, {ours + ":/y", listen, users}});
    INFO(what);
    CHECK(restore(started_with("LD_PRELOAD=/lib/ours.so"), given) == result);
}

TEST_CASE("preload environment: where nobody knows the library's path, somebody else's words stay") {
    auto kept = started_with("LD_PRELOAD=/lib/ours.so");
    kept.library = nullptr;
    CHECK(restore(kept, {"LD_PRELOAD=/x"}) == words{"LD_PRELOAD=/x", kept.variables[1], kept.variables[2]});
    CHECK(restore(kept, {}).front() == "LD_PRELOAD=/lib/ours.so");
}

TEST_CASE("preload environment: what was kept outlives the environment") {
    CHECK(snipass::testing::in_child([] {
        setenv("LD_PRELOAD", "/lib/ours.so", 1);
        setenv("SNIPASS_LISTEN", "unix:/a", 1);
        unsetenv("SNIPASS_ALLOW_UID");
        environment kept{};
        environment_keep(&kept);
        clearenv();
        return restore(kept, {}) == words{"LD_PRELOAD=/lib/ours.so", "SNIPASS_LISTEN=unix:/a"};
    }));
}
