// SPDX-License-Identifier: BSL-1.0
// Bytes as a state. They come from a process of ours, and are read as if they did not.
#include "snipass/upgrade/form.hpp"

#include "fields.hpp"
#include "head.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace snipass::upgrade {
namespace {

constexpr std::size_t longest_text = 65'536;
constexpr time latest_time = std::numeric_limits<time>::max() / 4;

// reader takes fields from the front. After the first that is wrong it takes nothing any more, and what it
// gives is empty.
class reader {
  public:
    explicit reader(byte_view bytes, std::uint32_t version = 0) noexcept
        : size_(bytes.size()), rest_(bytes), version_(version) {}

    // begin reads the version.
    [[nodiscard]] error_code begin() {
        get(version_);
        if (!error_ && (version_ == 0 || version_ > newest_version))
            fail(form_error::unknown_version);
        return error_;
    }
    [[nodiscard]] bool has(std::uint32_t version) const noexcept { return version_ >= version; }
    [[nodiscard]] std::uint32_t version() const noexcept { return version_; }

    // each_relay calls tell(relay, where it begins) for each.
    void each_relay(const auto& tell) {
        const auto count = get_size(std::numeric_limits<std::uint32_t>::max());
        for (std::size_t i = 0; i < count && !error_; ++i) {
            const auto at = size_ - rest_.size();
            relayed_client one;
            get(one);
            if (!error_)
                tell(std::move(one), at);
        }
    }

    template <class... Fields>
    void operator()(Fields&... all) {
        (get(all), ...);
    }
    void address(ip_address& one) {
        ip_address::bytes_type bytes{};
        get(bytes);
        one = ip_address{bytes};
    }

    [[nodiscard]] const error_code& error() const noexcept { return error_; }
    [[nodiscard]] bool is_at_end() const noexcept { return rest_.empty(); }

  private:
    void fail(form_error why) {
        if (!error_)
            error_ = make_error_code(why);
        rest_ = {};
    }
    byte_view take(std::size_t size) {
        if (size > rest_.size()) {
            fail(form_error::truncated);
            return {};
        }
        const auto taken = rest_.first(size);
        rest_ = rest_.subspan(size);
        return taken;
    }

    void get(bool& one) {
        std::uint8_t value = 0;
        get(value);
        one = value == 1;
        if (value > 1)
            fail(form_error::malformed);
    }
    template <std::integral Number>
    void get(Number& one) {
        std::make_unsigned_t<Number> value = 0;
        for (const auto byte : take(sizeof value))
            value = static_cast<std::make_unsigned_t<Number>>((std::uint64_t{value} << 8) | byte);
        one = static_cast<Number>(value);
        if constexpr (std::is_same_v<Number, time>)
            if (one < 0 || one > latest_time)
                fail(form_error::malformed);
    }
    // get_size: each of them takes a byte at least, so there are no more than bytes.
    std::size_t get_size(std::size_t most) {
        std::uint32_t size = 0;
        get(size);
        if (size > most)
            fail(form_error::malformed);
        else if (size > rest_.size())
            fail(form_error::truncated);
        return error_ ? 0 : size;
    }
    void get(std::string& one) { one = as_text(take(get_size(longest_text))); }
    void get(std::array<std::uint8_t, 16>& one) {
        const auto bytes = take(one.size());
        std::ranges::copy(bytes, one.begin());
    }
    template <class Value>
    void get(std::optional<Value>& one) {
        bool is_there = false;
        get(is_there);
        if (is_there && !error_)
            get(one.emplace());
    }
    template <class Value>
    void get(std::vector<Value>& all) {
        const auto count = get_size(std::numeric_limits<std::uint32_t>::max());
        for (std::size_t i = 0; i < count && !error_; ++i)
            get(all.emplace_back());
    }
    template <class Struct>
    requires std::is_class_v<Struct>
    void get(Struct& one) {
        fields(*this, one);
        if (!error_ && !is_in_order(one))
            fail(form_error::malformed);
    }

    template <class Struct>
    static bool is_in_order(const Struct& /*one*/) {
        return true;
    }
    static bool is_in_order(const request& one) {
        return one.method.size() <= 32 && one.target.size() <= 257;
    }
    static bool is_in_order(const hello_details& one) {
        return one.versions.size() <= 16 && one.groups.size() <= 16;
    }
    static bool is_in_order(const hello& one) {
        return (!one.server_name || one.server_name->size() <= 255) && is_offer(one.offer);
    }
    static bool is_offer(std::string_view rest) {
        if (rest.size() > 256)
            return false;
        while (!rest.empty()) {
            const std::size_t size = static_cast<std::uint8_t>(rest.front());
            if (size == 0 || size >= rest.size())
                return false;
            rest.remove_prefix(1 + size);
        }
        return true;
    }

    std::size_t size_;
    byte_view rest_;
    error_code error_;
    std::uint32_t version_ = 0;
};

class form_category_type final : public boost::system::error_category {
  public:
    [[nodiscard]] const char* name() const noexcept override { return "snipass.upgrade"; }
    [[nodiscard]] std::string message(int value) const override {
        switch (static_cast<form_error>(value)) {
        case form_error::not_a_state:
            return "it is not what a router leaves to the next";
        case form_error::unknown_version:
            return "it is of a newer version than this program reads";
        case form_error::truncated:
            return "its end is missing";
        case form_error::malformed:
            return "it is damaged";
        }
        return "?";
    }
};

} // namespace

const boost::system::error_category& form_category() noexcept {
    static const form_category_type category;
    return category;
}

error_code make_error_code(form_error one) noexcept {
    return {static_cast<int>(one), form_category()};
}

namespace {

// read_all returns what is wrong, and the version.
error_code read_all(byte_view bytes, state& all, std::uint32_t& version, const auto& tell) {
    if (bytes.size() < magic.size() || as_text(bytes.first(magic.size())) != magic)
        return make_error_code(form_error::not_a_state);
    reader from{bytes.subspan(magic.size())};
    if (const auto ec = from.begin())
        return ec;
    version = from.version();
    fields_before_relays(from, all);
    from.each_relay(tell);
    fields_behind_relays(from, all);
    if (!from.error() && !from.is_at_end())
        return make_error_code(form_error::malformed);
    return from.error();
}

} // namespace

result<state> read(byte_view bytes) {
    state all;
    std::uint32_t version = 0;
    const auto ec = read_all(bytes, all, version, [&all](relayed_client one, std::size_t /*at*/) {
        all.relayed.push_back(std::move(one));
    });
    return ec ? result<state>{ec} : result<state>{std::move(all)};
}

result<scanned> scan(byte_view bytes) {
    scanned found;
    const auto ec =
        read_all(bytes, found.all, found.version, [&found](const relayed_client& one, std::size_t at) {
            found.relays.push_back({static_cast<std::uint32_t>(magic.size() + at),
                                    static_cast<std::uint8_t>(descriptors_of(one))});
        });
    return ec ? result<scanned>{ec} : result<scanned>{std::move(found)};
}

relayed_client read_relay(byte_view bytes, const relay_place& place, std::uint32_t version) {
    reader from{bytes.subspan(place.at), version};
    relayed_client one;
    from(one);
    return one;
}

} // namespace snipass::upgrade
