// SPDX-License-Identifier: BSL-1.0
// Which hellos are being relayed, and where to.
#include "snipass/backends/hellos_under_way.hpp"

#include <cstring>
#include <functional>

namespace snipass::server {
namespace {

std::uint64_t fold(const hellos_under_way::random& hello, std::string_view backend) noexcept {
    std::array<std::uint64_t, sizeof hello / sizeof(std::uint64_t)> words{};
    std::memcpy(words.data(), hello.data(), sizeof hello);
    return words[0] ^ words[1] ^ words[2] ^ words[3] ^ std::hash<std::string_view>{}(backend);
}

} // namespace

std::optional<hellos_under_way::mark> hellos_under_way::add(const random& hello, std::string_view backend,
                                                            std::size_t limit) {
    const std::lock_guard lock{mutex_};
    const auto at = all_.try_emplace(fold(hello, backend), 0).first;
    if (at->second >= limit)
        return std::nullopt;
    ++at->second;
    return mark{*this, at};
}

void hellos_under_way::remove(journey at) {
    const std::lock_guard lock{mutex_};
    if (--at->second == 0)
        all_.erase(at);
}

std::size_t hellos_under_way::size() const {
    const std::lock_guard lock{mutex_};
    return all_.size();
}

} // namespace snipass::server
