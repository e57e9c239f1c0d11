// SPDX-License-Identifier: BSL-1.0
// Builds ClientHellos of any shape, well-formed or not, for unit tests, fuzzers and benchmarks.
#pragma once

#include "snipass/base/bytes.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace snipass::testing {

using bytes = std::vector<std::uint8_t>;

// byte_writer writes big-endian fields. What prefixed_*() covers gets its length in front, and where each
// length byte lies is remembered, for the tests that make them lie.
class byte_writer {
  public:
    byte_writer& u8(std::size_t value) { return number(value, 1); }
    byte_writer& u16(std::size_t value) { return number(value, 2); }
    byte_writer& u24(std::size_t value) { return number(value, 3); }
    byte_writer& u32(std::size_t value) { return number(value, 4); }
    byte_writer& raw(byte_view data);
    byte_writer& raw(std::initializer_list<std::uint8_t> data) {
        return raw(byte_view{data.begin(), data.size()});
    }
    byte_writer& text(std::string_view data) { return raw(as_bytes(data)); }
    byte_writer& repeat(std::size_t count, std::uint8_t value);
    byte_writer& u16s(const std::vector<std::uint16_t>& values);
    byte_writer& append(const byte_writer& other); // with its length bytes

    using body = std::function<void(byte_writer&)>;
    byte_writer& prefixed_u8(const body& write) { return prefixed(1, write); }
    byte_writer& prefixed_u16(const body& write) { return prefixed(2, write); }
    byte_writer& prefixed_u24(const body& write) { return prefixed(3, write); }

    [[nodiscard]] const bytes& data() const { return data_; }
    [[nodiscard]] const std::vector<std::size_t>& length_bytes() const { return length_bytes_; }

  private:
    byte_writer& number(std::size_t value, unsigned size);
    byte_writer& prefixed(unsigned size, const body& write);

    bytes data_;
    std::vector<std::size_t> length_bytes_;
};

// hello_builder is a value: a copy of a good hello with one thing changed is how a bad one is made.
//
//     hello_builder::tls13().server_name("www.example.com").alpn({"h2"}).stream()
class hello_builder {
  public:
    // bare: TLS 1.2, one cipher suite, no extensions block at all.
    [[nodiscard]] static hello_builder bare();
    // tls12, tls13: what a current client offers, without server_name and ALPN. Each extension that TLS 1.3
    // demands.
    [[nodiscard]] static hello_builder tls12();
    [[nodiscard]] static hello_builder tls13();

    hello_builder& legacy_version(std::uint16_t version);
    hello_builder& session_id(std::size_t size);
    hello_builder& cipher_suites(const std::vector<std::uint16_t>& suites);
    hello_builder& compression(const bytes& methods);
    hello_builder& trailing(const bytes& behind); // behind the extensions

    // extension appends one of any type and body; replace puts it where the first of its type is (or appends
    // it); without removes all of the type. no_extensions leaves the whole block out.
    hello_builder& extension(std::uint16_t type, const byte_writer& body);
    hello_builder& extension(std::uint16_t type, const bytes& body);
    hello_builder& replace(std::uint16_t type, const byte_writer& body);
    hello_builder& without(std::uint16_t type);
    hello_builder& no_extensions();

    // Well-formed extensions by their names; each replaces the one before.
    hello_builder& server_name(std::string_view name);
    hello_builder& server_names(const std::vector<std::pair<std::uint8_t, std::string>>& entries);
    hello_builder& alpn(const std::vector<std::string>& protocols);
    hello_builder& supported_versions(const std::vector<std::uint16_t>& versions);
    hello_builder& supported_groups(const std::vector<std::uint16_t>& groups);
    hello_builder& signature_algorithms(const std::vector<std::uint16_t>& algorithms);
    hello_builder& key_shares(const std::vector<std::pair<std::uint16_t, std::size_t>>& groups_and_sizes);
    hello_builder& pre_shared_key(std::size_t identities = 1); // must be the last call
    hello_builder& ech_outer(std::size_t payload_size = 144);
    hello_builder& grease(std::uint16_t value); // an extension of that type
    hello_builder& padding(std::size_t size);
    // message_size pads until the message, header included, has exactly that size; it must be 4 bytes larger
    // at least.
    hello_builder& message_size(std::size_t size);

    // The handshake message, header included; as a writer it also knows its length bytes.
    [[nodiscard]] byte_writer written() const;
    [[nodiscard]] bytes message() const { return written().data(); }
    // The message in records of `fragment` bytes: what a client sends.
    [[nodiscard]] bytes stream(std::size_t fragment = 16'384) const;

  private:
    std::uint16_t legacy_version_ = 0x0303;
    std::size_t session_id_size_ = 0;
    std::vector<std::uint16_t> cipher_suites_;
    bytes compression_ = {0};
    bytes trailing_;
    bool has_extensions_ = true;
    std::vector<std::pair<std::uint16_t, byte_writer>> extensions_;
};

// record is one TLS record around `fragment`.
[[nodiscard]] bytes record(byte_view fragment, std::uint8_t type = 22, std::uint16_t version = 0x0301);

// in_records cuts a message into records: of one size, or of the given sizes, the last of which repeats (0:
// an empty record, which is not legal; the last must not be 0).
[[nodiscard]] bytes in_records(byte_view message, std::size_t fragment = 16'384);
[[nodiscard]] bytes in_records(byte_view message, const std::vector<std::size_t>& fragments);

[[nodiscard]] bytes joined(std::initializer_list<bytes> parts);

} // namespace snipass::testing
