// SPDX-License-Identifier: BSL-1.0
// The state as bytes: numbers in network order, and in front of what has a length, that.
#include "snipass/upgrade/form.hpp"

#include "fields.hpp"
#include "head.hpp"

namespace snipass::upgrade {
namespace {

class writer {
  public:
    template <class... Fields>
    void operator()(const Fields&... all) {
        (put(all), ...);
    }
    void address(const ip_address& one) { append(one.bytes()); }

    std::vector<std::uint8_t> bytes;

  private:
    void append(byte_view some) { bytes.insert(bytes.end(), some.begin(), some.end()); }
    void put(bool one) { bytes.push_back(one ? 1 : 0); }
    template <std::integral Number>
    void put(Number one) {
        const auto value = static_cast<std::make_unsigned_t<Number>>(one);
        for (std::size_t left = sizeof value; left > 0; --left)
            bytes.push_back(static_cast<std::uint8_t>(value >> (8 * (left - 1))));
    }
    void put_size(std::size_t size) { put(static_cast<std::uint32_t>(size)); }
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

std::vector<std::uint8_t> write(const state& all) {
    constexpr std::size_t usual_relay = 320;
    writer to;
    to.bytes.reserve((all.relayed.size() + all.waiting.size() + 1) * usual_relay);
    to.bytes.assign(magic.begin(), magic.end());
    to(newest_version, all);
    return std::move(to.bytes);
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
