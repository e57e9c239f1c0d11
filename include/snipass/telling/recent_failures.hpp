// SPDX-License-Identifier: BSL-1.0
// recent_failures: the clients that one worker served least lately.
#pragma once

#include "snipass/base/ip_address.hpp"
#include "snipass/net/event_loop.hpp"
#include "snipass/telling/outcome.hpp"

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace snipass::server {

struct record;

// failure is one client that nobody served, and why.
struct failure {
    net::time_point at;
    server::outcome outcome = server::outcome::internal_error;
    ip_endpoint client;
    std::string listener;    // as written
    std::string server_name; // as sent, not escaped; empty: none
    std::string backend;
    std::string detail;
};

// thin_out leaves `most` of them: of the outcome that is there most often the oldest goes first, so that a
// flood of one kind hides no other.
void thin_out(std::vector<failure>& all, std::size_t most);

// recent_failures keeps the last few faults of backends and of this machine, and the last few clients that
// were refused or left, apart: a stranger's flood hides no backend that is away. Nor does it hide a client
// that ended otherwise (thin_out). It takes no memory for one more. Of one thread.
class recent_failures {
  public:
    static constexpr std::size_t kept = 10; // of each kind

    void add(const record& one) noexcept;

    // all of them, copied.
    [[nodiscard]] std::vector<failure> all() const;

  private:
    // text is the beginning of what was said.
    template <std::size_t Size>
    struct text {
        std::array<char, Size> bytes;
        std::size_t size = 0;

        void keep(std::string_view from) noexcept { size = from.copy(bytes.data(), Size); }
        [[nodiscard]] std::string whole() const { return {bytes.data(), size}; }
    };
    struct entry {
        net::time_point at;
        server::outcome outcome;
        ip_endpoint client;
        text<108> listener;
        text<255> server_name;
        text<64> backend;
        text<160> detail;
    };
    struct ring {
        std::array<entry, kept> entries;
        std::size_t count = 0; // kept at most
    };

    ring faults_;
    ring refused_;
};

} // namespace snipass::server
