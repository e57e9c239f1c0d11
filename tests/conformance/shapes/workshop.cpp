// SPDX-License-Identifier: BSL-1.0
#include "workshop.hpp"

#include "snipass/tls/constants.hpp"

#include <algorithm>
#include <cassert>

namespace snipass::conformance {

namespace ext = tls::extension;

bytes shape::stream() const {
    bytes all;
    for (const auto& each : pieces)
        all.insert(all.end(), each.data.begin(), each.data.end());
    return all;
}

namespace {

hello_builder client_hello(std::optional<std::string_view> name) {
    auto hello = hello_builder::bare();
    hello.session_id(32).cipher_suites({0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc013, 0x009c, 0x002f});
    if (name)
        hello.server_name(*name);
    return hello.extension(ext::extended_master_secret, bytes{})
        .extension(ext::renegotiation_info, bytes{0})
        .supported_groups({0x001d, 0x0017, 0x0018})
        .extension(ext::ec_point_formats, bytes{1, 0})
        .alpn({"h2", "http/1.1"})
        .signature_algorithms({0x0403, 0x0804, 0x0401})
        .key_shares({{0x001d, 32}})
        .extension(ext::psk_key_exchange_modes, bytes{1, 1})
        .supported_versions({0x0304, 0x0303});
}

} // namespace

hello_builder workshop::hello_for(std::string_view name) {
    return client_hello(name);
}

hello_builder workshop::nameless() {
    return client_hello(std::nullopt);
}

bytes workshop::message(const hello_builder& hello) {
    constexpr std::size_t random_at = tls::handshake_header_size + 2; // behind legacy_version
    auto made = hello.message();
    for (std::size_t i = 0; i < tls::random_size; ++i)
        made[random_at + i] = static_cast<std::uint8_t>(random_());
    return made;
}

bytes workshop::stream(const hello_builder& hello, std::size_t fragment) {
    return testing::in_records(message(hello), fragment);
}

shape& workshop::legal(std::string name, std::string what, std::string rule, pieces sent) {
    shapes.push_back({.name = std::move(name),
                      .what = std::move(what),
                      .rule = std::move(rule),
                      .by_rfc = legality::legal,
                      .pieces = std::move(sent),
                      .half_closes = false,
                      .name_by_letter = {}});
    return shapes.back();
}

shape& workshop::forbidden(std::string name, std::string what, std::string rule, pieces sent) {
    auto& added = legal(std::move(name), std::move(what), std::move(rule), std::move(sent));
    added.by_rfc = legality::forbidden;
    return added;
}

pieces whole(bytes stream) {
    return {{std::move(stream), milliseconds{0}}};
}

pieces cut(const bytes& stream, const std::vector<std::size_t>& ends, milliseconds pause) {
    pieces parts;
    std::size_t at = 0;
    const auto add = [&](std::size_t end) {
        assert(end > at && end <= stream.size());
        parts.push_back({head(tail(stream, at), end - at), parts.empty() ? milliseconds{0} : pause});
        at = end;
    };
    for (const auto end : ends)
        add(end);
    if (at < stream.size())
        add(stream.size());
    return parts;
}

pieces in_steps(const bytes& stream, std::size_t step, milliseconds pause) {
    std::vector<std::size_t> ends;
    for (auto end = step; end < stream.size(); end += step)
        ends.push_back(end);
    return cut(stream, ends, pause);
}

std::size_t position(const bytes& data, std::string_view what) {
    const auto found = std::ranges::search(data, as_bytes(what));
    assert(!found.empty());
    return static_cast<std::size_t>(found.begin() - data.begin());
}

bytes head(const bytes& data, std::size_t size) {
    return {data.begin(), data.begin() + static_cast<std::ptrdiff_t>(size)};
}

bytes tail(const bytes& data, std::size_t from) {
    return {data.begin() + static_cast<std::ptrdiff_t>(from), data.end()};
}

bytes server_name_body(std::string_view name) {
    return byte_writer{}
        .prefixed_u16([&](byte_writer& list) {
            list.u8(tls::name_type_host_name).prefixed_u16([&](byte_writer& out) { out.text(name); });
        })
        .data();
}

bytes server_name_extension(std::string_view name) {
    return byte_writer{}
        .u16(ext::server_name)
        .prefixed_u16([&](byte_writer& body) { body.raw(server_name_body(name)); })
        .data();
}

std::vector<shape> all_shapes(const route_names& names, milliseconds slow) {
    workshop shop{names, slow};
    for (const auto add : {add_segments, add_fragments, add_records, add_names, add_lengths, add_fields,
                           add_extensions, add_sizes, add_decoys, add_strangers})
        add(shop);
    return std::move(shop.shapes);
}

} // namespace snipass::conformance
