// SPDX-License-Identifier: BSL-1.0
#include "hello_builder.hpp"

#include "snipass/tls/constants.hpp"

#include <algorithm>
#include <cassert>

namespace snipass::testing {

namespace ext = tls::extension;

byte_writer& byte_writer::raw(byte_view data) {
    data_.insert(data_.end(), data.begin(), data.end());
    return *this;
}

byte_writer& byte_writer::repeat(std::size_t count, std::uint8_t value) {
    data_.insert(data_.end(), count, value);
    return *this;
}

byte_writer& byte_writer::u16s(const std::vector<std::uint16_t>& values) {
    for (const auto value : values)
        u16(value);
    return *this;
}

byte_writer& byte_writer::append(const byte_writer& other) {
    for (const auto at : other.length_bytes_)
        length_bytes_.push_back(data_.size() + at);
    return raw(other.data_);
}

byte_writer& byte_writer::number(std::size_t value, unsigned size) {
    for (auto shift = size; shift-- > 0;)
        data_.push_back(static_cast<std::uint8_t>(value >> 8 * shift));
    return *this;
}

byte_writer& byte_writer::prefixed(unsigned size, const body& write) {
    byte_writer inner;
    write(inner);
    for (unsigned i = 0; i < size; ++i)
        length_bytes_.push_back(data_.size() + i);
    number(inner.data_.size(), size);
    return append(inner);
}

hello_builder hello_builder::bare() {
    hello_builder hello;
    hello.cipher_suites({0xc02f});
    hello.no_extensions();
    return hello;
}

hello_builder hello_builder::tls12() {
    hello_builder hello;
    hello.session_id(32).cipher_suites({0xc02b, 0xc02f, 0xcca9, 0xcca8, 0x009c});
    hello.extension(ext::extended_master_secret, bytes{});
    hello.extension(ext::renegotiation_info, bytes{0});
    hello.supported_groups({0x001d, 0x0017, 0x0018});
    hello.extension(ext::ec_point_formats, bytes{1, 0});
    hello.signature_algorithms({0x0403, 0x0804, 0x0401});
    return hello;
}

hello_builder hello_builder::tls13() {
    auto hello = tls12();
    hello.cipher_suites({0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f});
    hello.supported_versions({0x0304, 0x0303});
    hello.extension(ext::psk_key_exchange_modes, bytes{1, 1});
    hello.key_shares({{0x001d, 32}});
    return hello;
}

hello_builder& hello_builder::legacy_version(std::uint16_t version) {
    legacy_version_ = version;
    return *this;
}

hello_builder& hello_builder::session_id(std::size_t size) {
    session_id_size_ = size;
    return *this;
}

hello_builder& hello_builder::cipher_suites(const std::vector<std::uint16_t>& suites) {
    cipher_suites_ = suites;
    return *this;
}

hello_builder& hello_builder::compression(const bytes& methods) {
    compression_ = methods;
    return *this;
}

hello_builder& hello_builder::trailing(const bytes& behind) {
    trailing_ = behind;
    return *this;
}

hello_builder& hello_builder::extension(std::uint16_t type, const byte_writer& body) {
    has_extensions_ = true;
    extensions_.emplace_back(type, body);
    return *this;
}

hello_builder& hello_builder::extension(std::uint16_t type, const bytes& body) {
    return extension(type, byte_writer{}.raw(body));
}

hello_builder& hello_builder::replace(std::uint16_t type, const byte_writer& body) {
    const auto found = std::ranges::find(extensions_, type, [](const auto& each) { return each.first; });
    if (found == extensions_.end())
        return extension(type, body);
    found->second = body;
    return *this;
}

hello_builder& hello_builder::without(std::uint16_t type) {
    std::erase_if(extensions_, [type](const auto& each) { return each.first == type; });
    return *this;
}

hello_builder& hello_builder::no_extensions() {
    extensions_.clear();
    has_extensions_ = false;
    return *this;
}

hello_builder& hello_builder::server_name(std::string_view name) {
    return server_names({{tls::name_type_host_name, std::string{name}}});
}

hello_builder& hello_builder::server_names(const std::vector<std::pair<std::uint8_t, std::string>>& entries) {
    return replace(ext::server_name, byte_writer{}.prefixed_u16([&](byte_writer& list) {
        for (const auto& [type, name] : entries)
            list.u8(type).prefixed_u16([&text = name](byte_writer& out) { out.text(text); });
    }));
}

hello_builder& hello_builder::alpn(const std::vector<std::string>& protocols) {
    return replace(ext::alpn, byte_writer{}.prefixed_u16([&](byte_writer& list) {
        for (const auto& protocol : protocols)
            list.prefixed_u8([&](byte_writer& out) { out.text(protocol); });
    }));
}

hello_builder& hello_builder::supported_versions(const std::vector<std::uint16_t>& versions) {
    return replace(ext::supported_versions,
                   byte_writer{}.prefixed_u8([&](byte_writer& list) { list.u16s(versions); }));
}

hello_builder& hello_builder::supported_groups(const std::vector<std::uint16_t>& groups) {
    return replace(ext::supported_groups,
                   byte_writer{}.prefixed_u16([&](byte_writer& list) { list.u16s(groups); }));
}

hello_builder& hello_builder::signature_algorithms(const std::vector<std::uint16_t>& algorithms) {
    return replace(ext::signature_algorithms,
                   byte_writer{}.prefixed_u16([&](byte_writer& list) { list.u16s(algorithms); }));
}

hello_builder&
hello_builder::key_shares(const std::vector<std::pair<std::uint16_t, std::size_t>>& groups_and_sizes) {
    return replace(ext::key_share, byte_writer{}.prefixed_u16([&](byte_writer& list) {
        for (const auto& [group, size] : groups_and_sizes)
            list.u16(group).prefixed_u16([count = size](byte_writer& key) { key.repeat(count, 0x6b); });
    }));
}

hello_builder& hello_builder::pre_shared_key(std::size_t identities) {
    byte_writer body;
    body.prefixed_u16([&](byte_writer& list) {
        for (std::size_t i = 0; i < identities; ++i)
            list.prefixed_u16([](byte_writer& identity) { identity.repeat(48, 0x69); }).u32(0);
    });
    body.prefixed_u16([&](byte_writer& list) {
        for (std::size_t i = 0; i < identities; ++i)
            list.prefixed_u8([](byte_writer& binder) { binder.repeat(32, 0x62); });
    });
    return replace(ext::pre_shared_key, body);
}

hello_builder& hello_builder::ech_outer(std::size_t payload_size) {
    byte_writer body;
    body.u8(0).u16(1).u16(1).u8(7); // outer, HKDF-SHA256, AES-128-GCM, config_id
    body.prefixed_u16([](byte_writer& enc) { enc.repeat(32, 0x65); });
    body.prefixed_u16([&](byte_writer& payload) { payload.repeat(payload_size, 0x70); });
    return replace(ext::encrypted_client_hello, body);
}

hello_builder& hello_builder::grease(std::uint16_t value) {
    return extension(value, bytes{});
}

hello_builder& hello_builder::padding(std::size_t size) {
    return replace(21, byte_writer{}.repeat(size, 0)); // RFC 7685
}

hello_builder& hello_builder::message_size(std::size_t size) {
    // In extensions of types that nobody has assigned, because one holds 65,535 bytes at most; its header
    // takes 4.
    std::uint16_t type = 0xe000;
    for (auto missing = size - message().size(); missing > 0; missing = size - message().size(), ++type) {
        assert(missing >= 4 && missing <= size);
        while (std::ranges::count(extensions_, type, [](const auto& each) { return each.first; }) != 0)
            ++type;
        // What remains for the next one must leave room for its header.
        const auto body = missing - 4 <= 0xffff ? missing - 4 : std::min<std::size_t>(missing - 8, 0xffff);
        extension(type, byte_writer{}.repeat(body, 0));
    }
    return *this;
}

byte_writer hello_builder::written() const {
    return byte_writer{}.u8(tls::handshake_client_hello).prefixed_u24([this](byte_writer& body) {
        body.u16(legacy_version_).repeat(tls::random_size, 0x72);
        body.prefixed_u8([this](byte_writer& id) { id.repeat(session_id_size_, 0x73); });
        body.prefixed_u16([this](byte_writer& suites) { suites.u16s(cipher_suites_); });
        body.prefixed_u8([this](byte_writer& methods) { methods.raw(compression_); });
        if (has_extensions_) {
            body.prefixed_u16([this](byte_writer& list) {
                for (const auto& [type, content] : extensions_)
                    list.u16(type).prefixed_u16([&inner = content](byte_writer& out) { out.append(inner); });
            });
        }
        body.raw(trailing_);
    });
}

bytes hello_builder::stream(std::size_t fragment) const {
    return in_records(message(), fragment);
}

bytes record(byte_view fragment, std::uint8_t type, std::uint16_t version) {
    return byte_writer{}.u8(type).u16(version).u16(fragment.size()).raw(fragment).data();
}

bytes in_records(byte_view message, std::size_t fragment) {
    return in_records(message, std::vector<std::size_t>{fragment});
}

bytes in_records(byte_view message, const std::vector<std::size_t>& fragments) {
    assert(!fragments.empty() && fragments.back() != 0);
    byte_writer stream;
    for (std::size_t i = 0; !message.empty(); ++i) {
        const auto size = std::min(fragments[std::min(i, fragments.size() - 1)], message.size());
        stream.raw(record(message.first(size)));
        message = message.subspan(size);
    }
    return stream.data();
}

bytes joined(std::initializer_list<bytes> parts) {
    bytes all;
    for (const auto& part : parts)
        all.insert(all.end(), part.begin(), part.end());
    return all;
}

} // namespace snipass::testing
