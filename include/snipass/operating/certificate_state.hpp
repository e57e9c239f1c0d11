// SPDX-License-Identifier: BSL-1.0
// certificate_state: what an admin is told of a certificate. The router holds none, and hears it of
// snipass-tls.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace snipass::server {

struct certificate_state {
    std::string file{}; // that of the chain
    std::string name{}; // the first of its names
    std::size_t name_count = 0;
    std::chrono::system_clock::time_point begins{};
    std::chrono::system_clock::time_point ends{};

    bool operator==(const certificate_state&) const = default;
};

// wall_time_of is of seconds since 1970, as certificates have them: some end after the last time that this
// clock knows.
[[nodiscard]] std::chrono::system_clock::time_point wall_time_of(std::int64_t seconds) noexcept;

// How a certificate is, for a colour.
enum class validity {
    good,
    ends_soon, // within 14 days
    bad,       // within 3 days, or clients refuse it
};
[[nodiscard]] validity validity_of(const certificate_state& one, std::chrono::system_clock::time_point now);

// certificate_list is all of them, the one that ends first at the front; of very many only these are listed.
struct certificate_list {
    static constexpr std::size_t most = 1'000;

    std::size_t count = 0;
    std::vector<certificate_state> first{};
};
[[nodiscard]] certificate_list in_order(std::vector<certificate_state> all);

// tls_state is what snipass-tls says of itself.
struct tls_state {
    bool is_good = true; // the file that it read last is in use
    std::chrono::system_clock::time_point read_at{};
    std::string why{}; // not: the first mistake
    certificate_list certificates{};
};

// to_lines and from_lines: between the two programs, which may be of two versions. nullopt: these are no such
// lines. A line that says more than is known here is read as far as it is.
[[nodiscard]] std::string to_lines(const tls_state& one);
[[nodiscard]] std::optional<tls_state> from_lines(std::string_view lines);

} // namespace snipass::server
