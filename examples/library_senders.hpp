// SPDX-License-Identifier: BSL-1.0
// What both examples with libsnipass say about senders: whom `--from USER` allows, and who was refused.
#pragma once

#include <snipass/snipass.h>

#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstring>
#include <stdexcept>
#include <string>
#include <vector>

class senders {
  public:
    // Takes one `--from USER` from the front of the arguments. USER is a name or a number.
    bool take(int& argc, char**& argv) {
        if (argc < 3 || std::strcmp(argv[1], "--from") != 0)
            return false;
        uid_t user = 0;
        if (snipass_user_id(argv[2], &user) != 0)
            throw std::runtime_error("there is no user " + std::string(argv[2]));
        allowed_.push_back(user);
        argc -= 2, argv += 2;
        return true;
    }

    // Without `--from` it is the library's default: the user `snipass`, if there is one.
    void set(snipass_options& options) const {
        if (uid_t user = 0; allowed_.empty() && snipass_user_id("snipass", &user) != 0)
            std::fprintf(
                stderr,
                "there is no user snipass: clients are taken from root and user %u only; --from USER names "
                "the router's user\n",
                geteuid());
        options.allowed = allowed_.empty() ? nullptr : allowed_.data();
        options.allowed_count = allowed_.size();
    }

    // tell_of says who was refused, once a minute: the router comes again and again.
    void tell_of(unsigned long strangers, uid_t last) {
        const auto now = std::chrono::steady_clock::now();
        if (strangers == told_ || now < due_)
            return;
        std::fprintf(stderr, "user %u may not hand over clients; if that is the router's user: --from %u\n",
                     last, last);
        told_ = strangers;
        due_ = now + std::chrono::minutes{1};
    }

  private:
    std::vector<uid_t> allowed_;
    unsigned long told_ = 0;
    std::chrono::steady_clock::time_point due_;
};
