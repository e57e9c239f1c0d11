// SPDX-License-Identifier: BSL-1.0
// The state as bytes: numbers in network order, and in front of what has a length, that.
#include "snipass/upgrade/form.hpp"

#include "fields.hpp"
#include "head.hpp"

#include <array>

namespace snipass::upgrade {
namespace {

class writer {
  public:
    template <class... Fields>
    void operator()(const Fields&... all) {
        (put(all), ...);
    }
    void address(const ip_address& one) { append(one.bytes()); }
    [[nodiscard]] static constexpr bool has(std::uint32_t /*version*/) noexcept { return true; }

    // put_size: what has a length begins with it.
    void put_size(std::size_t size) { put(static_cast<std::uint32_t>(size)); }

    std::vector<std::uint8_t> bytes;

  private:
    void append(byte_view some) { bytes.insert(bytes.end(), some.begin(), some.end()); }
    void put(bool one) { bytes.push_back(one ? 1 : 0); }
    template <std::integral Number>
    void put(Number one) {
        auto value = static_cast<std::make_unsigned_t<Number>>(one);
        std::array<std::uint8_t, sizeof value> all;
        for (auto at = all.rbegin(); at != all.rend();
             ++at, value = static_cast<decltype(value)>(value >> 4 >> 4))
            *at = static_cast<std::uint8_t>(value);
        append(all);
    }
    void put(const std::string& one) {
        put_size(one.size());
        append(as_bytes(one));
    }
    void put(const std::array<std::uint8_t, 16>& one) { append(one); }
    template <class Value>
    void put(const std::optional<Value>& one) {
        put(one.has_value());
        if (one)
            put(*one);
    }
    template <class Value>
    void put(const std::vector<Value>& all) {
        put_size(all.size());
        for (const auto& one : all)
            put(one);
    }
    template <class Struct>
    requires std::is_class_v<Struct>
    void put(const Struct& one) { fields(*this, one); }
};

} // namespace

parts write_around(const state& all, std::size_t relays) {
    writer head;
    head.bytes.assign(magic.begin(), magic.end());
    head(newest_version);
    fields_before_relays(head, all);
    head.put_size(relays);
    writer tail;
    fields_behind_relays(tail, all);
    return {std::move(head.bytes), std::move(tail.bytes)};
}

void append(std::vector<std::uint8_t>& to, const relayed_client& one) {
    writer its;
    its.bytes = std::move(to);
    its(one);
    to = std::move(its.bytes);
}

std::vector<std::uint8_t> write(const state& all) {
    auto [bytes, tail] = write_around(all, all.relayed.size());
    for (const auto& one : all.relayed)
        append(bytes, one);
    bytes.insert(bytes.end(), tail.begin(), tail.end());
    return bytes;
}

std::size_t descriptors_of(const relayed_client& one) noexcept {
    const auto of_pipe = [](const direction& way) { return way.in_pipe > 0 ? std::size_t{2} : 0; };
    return 2 + of_pipe(one.relay.to_backend) + of_pipe(one.relay.to_client);
}

std::size_t descriptors_of(const state& all) noexcept {
    auto sum = all.listeners.size() + all.waiting.size();
    for (const auto& one : all.relayed)
        sum += descriptors_of(one);
    return sum;
}

} // namespace snipass::upgrade
