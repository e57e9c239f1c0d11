// SPDX-License-Identifier: BSL-1.0
// The input is a text where a name, an address, a duration or a size is expected.
#include "fuzz_target.hpp"
#include "snipass/base/host_name.hpp"
#include "snipass/base/ip_address.hpp"
#include "snipass/config/address.hpp"
#include "snipass/config/units.hpp"
#include "snipass/route/pattern.hpp"

using namespace snipass;
using namespace snipass::fuzz;

namespace {

template <class T>
void require_round_trip(std::string_view text) {
    const auto value = T::parse(text);
    require(!value || T::parse(value->to_string()) == value, "what is printed is read back as the same");
}

template <class T>
void require_one(const T& written) {
    require(written.value.has_value() == written.problem.empty(), "a value or a problem, not both");
    require(written.problem.find('\n') == std::string::npos, "a problem is one line");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto text = as_text({data, size});
    const auto name = host_name::parse(text);
    require(!name || host_name::parse(name->text()) == name, "a host name is a host name");
    require(!name || !ip_address::parse(name->text()), "an address is not a host name");
    require_round_trip<ip_address>(text);
    require_round_trip<ip_endpoint>(text);
    require_round_trip<ip_prefix>(text);

    const auto pattern = route::pattern::parse(text);
    require(pattern.value.has_value() == pattern.problem.empty(), "a pattern or a problem, not both");
    if (pattern.value)
        require(route::pattern::parse(pattern.value->to_string()).value == pattern.value,
                "a pattern is read back as the same");

    require_one(config::parse_listener_address(text));
    require_one(config::parse_handoff_address(text));
    require_one(config::parse_proxy_address(text));
    const auto duration = config::parse_duration(text);
    require_one(duration);
    if (duration.value)
        require(config::parse_duration(config::format_duration(*duration.value)).value == duration.value,
                "a duration is read back as the same");
    const auto bytes = config::parse_size(text);
    require_one(bytes);
    if (bytes.value)
        require(config::parse_size(config::format_size(*bytes.value)).value == bytes.value,
                "a size is read back as the same");
    return 0;
}
