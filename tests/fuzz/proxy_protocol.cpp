// SPDX-License-Identifier: BSL-1.0
// The input is how a balancer's connection begins. What is read is written again, and read back.
#include "snipass/proxy_protocol/read.hpp"
#include "snipass/proxy_protocol/write.hpp"

#include "fuzz_target.hpp"

#include <algorithm>

using namespace snipass;
using namespace snipass::fuzz;
using namespace snipass::proxy_protocol;

namespace {

void check_promises(const reading& answer, std::size_t size) {
    if (const auto* const whole = std::get_if<header>(&answer))
        require(whole->size > 0 && whole->size <= size, "the header lies inside the input");
    if (const auto* const part = std::get_if<partial>(&answer))
        require(part->needed > size && part->needed <= max_size,
                "what is asked for is not there yet, and is not much");
    if (const auto* const no = std::get_if<refused>(&answer))
        require(!no->why.empty() && no->why.size() < 1'024 &&
                    std::ranges::all_of(no->why, [](char c) { return c >= 0x20 && c < 0x7f; }),
                "a reason is short and printable");
}

void check_each_part(byte_view bytes, const reading& whole) {
    const auto* const found = std::get_if<header>(&whole);
    for (std::size_t shorter = 0; shorter < bytes.size(); ++shorter) {
        const auto part = read(bytes.first(shorter));
        if (const auto* const asked = std::get_if<partial>(&part); found && shorter < found->size)
            require(asked != nullptr && asked->needed <= found->size, "a part of a header is partial");
        if (std::holds_alternative<refused>(part))
            require(std::holds_alternative<refused>(whole), "more bytes make nothing good");
    }
}

void check_read_back(const written& bytes, const addresses& about) {
    const auto again = read(bytes);
    const auto* const found = std::get_if<header>(&again);
    require(found != nullptr && found->size == bytes.size() && found->about, "what is written is read");
    require(found->about->source == about.source && found->about->destination == about.destination,
            "and says the same");
}

// As much of a TLV's value as a header of ours has room for.
std::string_view value_of(const tlv_list& tlvs, std::uint8_t type) {
    const auto value = tlvs.find(type).value_or(byte_view{});
    return as_text(value.first(std::min<std::size_t>(value.size(), 255)));
}

void check_round_trip(const header& found) {
    facts again;
    again.source = found.about->source;
    again.destination = found.about->destination;
    again.authority = value_of(found.tlvs, tlv_type::authority);
    again.alpn = value_of(found.tlvs, tlv_type::alpn);
    check_read_back(write_v1(again), *found.about);
    const auto v2 = write_v2(again);
    check_read_back(v2, *found.about);
    const auto tlvs = std::get<header>(read(v2)).tlvs;
    require(value_of(tlvs, tlv_type::authority) == again.authority &&
                value_of(tlvs, tlv_type::alpn) == again.alpn,
            "with its TLVs");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const byte_view bytes{data, size};
    const auto answer = read(bytes);
    check_promises(answer, size);
    check_each_part(bytes, answer);
    const auto* const found = std::get_if<header>(&answer);
    if (found && found->about)
        check_round_trip(*found);
    require(found == nullptr || begins_with_header(bytes), "a header begins as one");
    return 0;
}
