// SPDX-License-Identifier: BSL-1.0
// The first byte says what the server answers (bit 0: a HelloRetryRequest) and whether early data were
// offered (bit 1); the second where the rest is cut, which is what a client sends behind its first hello. The
// filter says the same of it whole, cut, and a byte at a time; once it is over it has read nothing ahead; and
// it has no key then.
#include "ech_sealing.hpp"
#include "fuzz_target.hpp"

#include "snipass/handoff/ech_filter.h"

#include <algorithm>
#include <cstring>

using namespace snipass;
using namespace snipass::fuzz;
using testing::bytes;

namespace {

// open_any takes whatever is sealed for what it is, so that what is behind is reached.
int open_any(std::uint16_t, const unsigned char*, const unsigned char*, const unsigned char*, std::size_t,
             const unsigned char* in, std::size_t in_size, unsigned char* out) {
    std::memcpy(out, in, in_size - ech_state_tag_size);
    return 1;
}

struct verdict {
    ech_filter_status status;
    bool is_over;
    bytes read;

    bool operator==(const verdict&) const = default;
};

struct pieces {
    std::size_t first, others;
};

void take_all(ech_filter& filter, bytes& to) {
    std::array<unsigned char, 1000> room{};
    while (const auto n = ech_filter_take(&filter, room.data(), room.size()))
        to.insert(to.end(), room.begin(), room.begin() + static_cast<std::ptrdiff_t>(n));
}

verdict filtered(const bytes& value, std::size_t outer_size, byte_view answer, byte_view behind, pieces cut) {
    ech_filter filter;
    require(ech_filter_begin(&filter, value.data(), value.size(), open_any) == ech_filter_fine, "it begins");
    const bytes outer(outer_size);
    ech_filter_give(&filter, outer.data(), outer.size());
    verdict made{};
    take_all(filter, made.read);
    ech_filter_show(&filter, answer.data(), answer.size());
    for (std::size_t at = 0; at < behind.size();) {
        const auto wanted = ech_filter_wants(&filter);
        require(wanted <= 16'384 + 256, "no more than a record is wanted");
        const auto n = std::min({wanted, at == 0 ? cut.first : cut.others, behind.size() - at});
        if (n == 0)
            break;
        const bytes piece(behind.begin() + static_cast<std::ptrdiff_t>(at),
                          behind.begin() + static_cast<std::ptrdiff_t>(at + n));
        ech_filter_give(&filter, piece.data(), n);
        at += n;
        take_all(filter, made.read);
        if (ech_filter_is_over(&filter)) // what is behind is the library's
            made.read.insert(made.read.end(), behind.begin() + static_cast<std::ptrdiff_t>(at), behind.end());
    }
    made.status = filter.status;
    made.is_over = ech_filter_is_over(&filter);
    require(!(made.is_over || made.status != ech_filter_fine) || !filter.has_key, "its key is gone with it");
    require(ech_filter_alert(made.status) != 0 && ech_filter_text(made.status) != nullptr, "it has words");
    ech_filter_end(&filter);
    return made;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2)
        return 0;
    constexpr std::size_t outer_size = 300;
    static const bytes plain = testing::inner_hello().message();
    static const bytes early = testing::inner_hello().extension(42, bytes{}).message();
    const auto value = testing::ech_state_value((data[0] & 2) != 0 ? early : plain, outer_size);
    const auto answer = testing::server_hello((data[0] & 1) != 0);
    const byte_view behind{data + 2, size - 2};
    const auto whole = filtered(value, outer_size, answer, behind, {size, size});
    require(filtered(value, outer_size, answer, behind, {data[1] + std::size_t{1}, size}) == whole,
            "cut or whole, it means the same");
    require(filtered(value, outer_size, answer, behind, {1, 1}) == whole, "a byte at a time, too");
    if ((data[0] & 1) == 0)
        require(whole.is_over && whole.status == ech_filter_fine, "a server that is content ends it");
    return 0;
}
