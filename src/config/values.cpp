// SPDX-License-Identifier: BSL-1.0
// Each as_* takes one TOML value. A wrong one is answered with the right one wherever it can be guessed: 5
// for a duration is "5s", because that is what is meant nine times in ten.
#include "values.hpp"

#include "snipass/config/limits.hpp"
#include "snipass/config/units.hpp"

#include <charconv>
#include <cmath>

namespace snipass::config {
namespace {

std::string expected(std::string_view what, const node& node, const std::string& instead) {
    return "expected " + std::string(what) + ", not " + describe(node) + "; write " + instead;
}

// out_of_range is the problem of a value that is of the right kind.
template <class Format>
std::string out_of_range(const std::string& shown, std::size_t value, std::size_t least, std::size_t most,
                         Format format) {
    return shown + " is out of range; write " + (value < least ? "at least " : "at most ") +
           format(value < least ? least : most);
}

// in_milliseconds is what an admin probably meant by a number without a unit: seconds.
std::optional<std::chrono::milliseconds> in_milliseconds(const node& node) {
    constexpr double most = 1e9;
    const auto* const integer = std::get_if<std::int64_t>(&node.value);
    const auto* const real = std::get_if<double>(&node.value);
    if (!integer && !real)
        return std::nullopt;
    const double seconds = integer ? static_cast<double>(*integer) : *real;
    if (!(seconds >= 0 && seconds <= most))
        return std::nullopt;
    return std::chrono::milliseconds{std::llround(seconds * 1'000)};
}

// without_host_bits is the network of a host's address that was pasted with its network's length.
std::optional<ip_prefix> without_host_bits(const std::string& text) {
    const auto slash = text.find('/');
    if (slash == text.npos)
        return std::nullopt;
    const auto address = ip_address::parse(text.substr(0, slash));
    const auto any = ip_prefix::parse((text.find(':') == text.npos ? "0.0.0.0" : "::") + text.substr(slash));
    // A mapped address in IPv6 notation counts its length from elsewhere.
    if (!address || !any || address->is_v4() != any->address().is_v4())
        return std::nullopt;
    return ip_prefix{*address, any->length()};
}

} // namespace

std::string describe(const node& node) {
    const auto& value = node.value;
    if (const auto* const text = std::get_if<std::string>(&value))
        return "the string " + in_quotes(*text);
    if (const auto* const integer = std::get_if<std::int64_t>(&value))
        return "the integer " + std::to_string(*integer);
    if (std::holds_alternative<double>(value))
        return "a number with a fraction";
    if (const auto* const boolean = std::get_if<bool>(&value))
        return *boolean ? "true" : "false";
    if (std::holds_alternative<elements>(value))
        return "an array";
    if (std::holds_alternative<members>(value))
        return "a table";
    return "a date or time";
}

written<bool> as_boolean(const node& node) {
    if (const auto* const boolean = std::get_if<bool>(&node.value))
        return *boolean;
    return written<bool>::refused(expected("true or false", node, "true or false, without quotes"));
}

written<std::size_t> as_integer(const node& node, std::size_t least, std::size_t most) {
    using result = written<std::size_t>;
    const auto* const integer = std::get_if<std::int64_t>(&node.value);
    if (!integer) {
        const auto* const text = std::get_if<std::string>(&node.value);
        const bool digits = text && !text->empty() && text->find_first_not_of("0123456789") == text->npos;
        const auto range = "one from " + std::to_string(least) + " to " + std::to_string(most);
        return result::refused(expected("a whole number", node, digits ? *text + ", without quotes" : range));
    }
    const auto value = *integer < 0 ? 0 : static_cast<std::size_t>(*integer);
    if (*integer >= 0 && value >= least && value <= most)
        return value;
    const auto shown = std::to_string(*integer);
    if (*integer < 0)
        return result::refused(shown + " is out of range; write at least " + std::to_string(least));
    return result::refused(
        out_of_range(shown, value, least, most, [](std::size_t number) { return std::to_string(number); }));
}

written<std::chrono::milliseconds> as_duration(const node& node, std::chrono::milliseconds least) {
    using result = written<std::chrono::milliseconds>;
    const auto* const text = std::get_if<std::string>(&node.value);
    if (!text) {
        const auto meant = in_milliseconds(node);
        return result::refused(
            expected("a duration", node, meant ? in_quotes(format_duration(*meant)) : "one such as \"5s\""));
    }
    auto parsed = parse_duration(*text);
    if (!parsed.value || (*parsed.value >= least && *parsed.value <= limits::longest_duration))
        return parsed;
    const auto format = [](std::size_t number) {
        return in_quotes(format_duration(std::chrono::milliseconds{static_cast<std::int64_t>(number)}));
    };
    const auto number = [](std::chrono::milliseconds duration) {
        return static_cast<std::size_t>(duration.count());
    };
    return result::refused(out_of_range(in_quotes(*text), number(*parsed.value), number(least),
                                        number(limits::longest_duration), format));
}

written<std::size_t> as_size(const node& node, std::size_t least, std::size_t most) {
    using result = written<std::size_t>;
    const auto* const text = std::get_if<std::string>(&node.value);
    if (!text) {
        const auto* const integer = std::get_if<std::int64_t>(&node.value);
        const bool bytes = integer && *integer > 0;
        return result::refused(expected("a size", node,
                                        bytes ? in_quotes(format_size(static_cast<std::size_t>(*integer)))
                                              : "one such as \"64KiB\""));
    }
    auto parsed = parse_size(*text);
    if (!parsed.value || (*parsed.value >= least && *parsed.value <= most))
        return parsed;
    return result::refused(out_of_range(in_quotes(*text), *parsed.value, least, most,
                                        [](std::size_t number) { return in_quotes(format_size(number)); }));
}

written<std::string> as_string(const node& node, std::string_view what, std::string_view example) {
    if (const auto* const text = std::get_if<std::string>(&node.value))
        return *text;
    return written<std::string>::refused(
        expected(std::string(what) + " in quotes", node, "one such as " + in_quotes(example)));
}

written<ip_prefix> as_prefix(const node& node) {
    using result = written<ip_prefix>;
    const auto text = as_string(node, "an address range", "192.0.2.0/24");
    if (!text.value)
        return result::refused(text.problem);
    if (const auto prefix = ip_prefix::parse(*text.value))
        return *prefix;

    if (const auto better = without_host_bits(*text.value))
        return result::refused(in_quotes(*text.value) + " has bits behind its length; write " +
                               in_quotes(better->to_string()) + ", or the address alone for one client");
    return result::refused(
        in_quotes(*text.value) +
        " is no address range; write one such as \"192.0.2.0/24\", \"2001:db8::/32\" or \"192.0.2.1\"");
}

written<std::string> as_alpn(const node& node) {
    auto text = as_string(node, "an ALPN protocol", "h2");
    if (text.value && (text.value->empty() || text.value->size() > limits::alpn_protocol))
        return written<std::string>::refused("an ALPN protocol has 1 to 255 bytes; write one such as \"h2\"");
    return text;
}

written<allowed_user> as_user(const node& node) {
    using result = written<allowed_user>;
    constexpr std::uint64_t most = 4'294'967'294; // the number after it means "no user" to the kernel
    const auto* const integer = std::get_if<std::int64_t>(&node.value);
    auto text =
        integer ? written<std::string>{std::to_string(*integer)} : as_string(node, "a user", "www-data");
    if (!text.value || text.value->empty())
        return result::refused(text.value ? "\"\" is no user; write a name, or a number"
                                          : std::move(text.problem));
    allowed_user user{*text.value, node.where, std::nullopt};
    std::uint64_t number = 0;
    const auto* const end = text.value->data() + text.value->size();
    const auto [stop, error] = std::from_chars(text.value->data(), end, number);
    const bool is_number = stop == end && error == std::errc{};
    if ((is_number && number > most) || (integer && *integer < 0) || error == std::errc::result_out_of_range)
        return result::refused(*text.value + " is no user's number; write one from 0 to " +
                               std::to_string(most) + ", or \"unmapped\"");
    if (is_number)
        user.id = static_cast<std::uint32_t>(number);
    return user;
}

} // namespace snipass::config
