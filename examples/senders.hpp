// SPDX-License-Identifier: BSL-1.0
// Who may hand clients over: root, the own user, and the router's. The router's is the one of `--from USER`,
// a name or a number; without that it is the user `snipass`, if there is one.
#pragma once

#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

// In a user namespace that has no number for somebody, the kernel shows 65534. So that number is nobody,
// unless `--from unmapped` was written: for a container whose socket's folder only the router can enter.
constexpr uid_t overflow = 65534;
constexpr uid_t unmapped = static_cast<uid_t>(-1);

// user_id takes a name, a number, or "unmapped". In a container the router's user has a number only.
inline std::optional<uid_t> user_id(const char* user) {
    if (const auto* found = getpwnam(user))
        return found->pw_uid;
    uid_t number = 0;
    const char* end = user + std::strlen(user);
    if (std::strcmp(user, "unmapped") == 0)
        return unmapped;
    const auto [rest, error] = std::from_chars(user, end, number);
    return error == std::errc{} && rest == end ? std::optional{number} : std::nullopt;
}

// refused_sender is thrown where the user was named already.
struct refused_sender {};

class senders {
  public:
    // Takes the options from the front of the arguments.
    senders(int& argc, char**& argv) {
        for (; argc > 2 && std::strcmp(argv[1], "--from") == 0; argc -= 2, argv += 2) {
            const auto user = user_id(argv[2]);
            if (!user)
                throw std::runtime_error("there is no user " + std::string(argv[2]));
            allowed_.push_back(*user);
        }
        if (allowed_.size() > 2)
            return;
        if (const auto user = user_id("snipass"))
            allowed_.push_back(*user);
        else
            std::fprintf(stderr,
                         "there is no user snipass: clients are taken from root and user %u only; "
                         "--from USER names the router's user\n",
                         geteuid());
    }

    void check(uid_t user) {
        const auto wanted = user == overflow ? unmapped : user;
        if (std::find(allowed_.begin(), allowed_.end(), wanted) != allowed_.end())
            return;
        name_it(user);
        throw refused_sender{};
    }

  private:
    // Once a minute: the router comes again and again.
    void name_it(uid_t user) {
        using clock = std::chrono::steady_clock;
        const auto now = clock::now().time_since_epoch().count();
        auto due = due_.load();
        if (now >= due &&
            due_.compare_exchange_strong(due, now + clock::duration(std::chrono::minutes{1}).count()))
            std::fprintf(stderr,
                         "user %u may not hand over clients; if that is the router's user: --from %u\n", user,
                         user);
    }

    std::vector<uid_t> allowed_{0, geteuid()};
    std::atomic<std::chrono::steady_clock::rep> due_{0};
};
