// SPDX-License-Identifier: BSL-1.0
// The walk over record headers. Each step looks at one byte and changes the state only if that byte is
// acceptable: so an error stays where it is, and no split of the stream can make a difference.
#include "snipass/tls/client_hello_assembler.hpp"

#include "snipass/tls/constants.hpp"
#include "snipass/tls/hello_error.hpp"

#include <algorithm>

namespace snipass::tls {

namespace {

[[nodiscard]] std::size_t length_in(byte_view record_header) noexcept {
    return static_cast<std::size_t>(record_header[3]) << 8 | record_header[4];
}

} // namespace

bool client_hello_assembler::message_is_sized() const noexcept {
    return message_seen_ >= handshake_header_size;
}

bool client_hello_assembler::message_is_found() const noexcept {
    return message_is_sized() && message_seen_ == message_size_;
}

result<std::size_t> client_hello_assembler::advance(byte_view stream) noexcept {
    while (cursor_ < stream.size() && !message_is_found()) {
        const auto broken =
            header_seen_ < record_header_size ? read_record_header(stream) : read_handshake_header(stream);
        if (broken)
            return *broken;
    }
    return needed();
}

// read_record_header goes to the end of the header, or of what has come of it.
inline broken_rule client_hello_assembler::read_record_header(byte_view stream) noexcept {
    for (; cursor_ < stream.size(); ++cursor_, ++header_seen_) {
        const auto byte = stream[cursor_];
        const bool is_first_record = cursor_ < record_header_size;
        ++bytes_examined_;
        switch (header_seen_) {
        case 0:
            // The other record types may begin the stream of a TLS peer that is confused, which takes two
            // bytes to tell.
            if (is_first_record &&
                (byte < content_type::change_cipher_spec || byte > content_type::application_data))
                return hello_error::not_tls;
            if (!is_first_record && byte != content_type::handshake)
                return hello_error::record_type;
            break;
        case 1:
            if (byte != record_version_major)
                return is_first_record ? hello_error::not_tls : hello_error::record_version;
            if (is_first_record && stream[0] != content_type::handshake)
                return hello_error::record_type;
            break;
        case 2: // RFC 8446 section 5.1: legacy_record_version "MUST be ignored"; OpenSSL and GnuTLS look at
                // the major part
            break;
        case 3:
            if (static_cast<std::size_t>(byte) << 8 > max_record_size)
                return hello_error::record_too_long;
            fragment_left_ = byte;
            break;
        default:
            return enter_fragment(static_cast<std::size_t>(fragment_left_) << 8 | byte);
        }
    }
    return {};
}

inline broken_rule client_hello_assembler::enter_fragment(std::size_t size) noexcept {
    if (size == 0)
        return hello_error::record_empty;
    if (size > max_record_size)
        return hello_error::record_too_long;
    if (message_is_sized() && size > message_size_ - message_seen_)
        return hello_error::data_behind_hello;
    fragment_left_ = static_cast<std::uint16_t>(size);
    ++header_seen_;
    ++cursor_;
    if (message_is_sized())
        skip_fragment();
    return {};
}

// read_handshake_header does the same with the message's header, as far as it lies in this fragment.
inline broken_rule client_hello_assembler::read_handshake_header(byte_view stream) noexcept {
    while (cursor_ < stream.size() && fragment_left_ > 0 && !message_is_sized()) {
        const auto byte = stream[cursor_];
        ++bytes_examined_;
        if (message_seen_ == 0) {
            if (byte != handshake_client_hello)
                return hello_error::handshake_type;
        } else if (const auto broken = read_message_size(byte)) {
            return broken;
        }
        ++message_seen_;
        ++cursor_;
        --fragment_left_;
    }
    if (message_is_sized() || fragment_left_ == 0)
        skip_fragment();
    return {};
}

inline broken_rule client_hello_assembler::read_message_size(std::uint8_t byte) noexcept {
    const auto size = message_size_ << 8 | byte;
    const auto bytes_to_come = handshake_header_size - 1 - message_seen_;
    const std::size_t at_least = handshake_header_size + (std::size_t{size} << 8 * bytes_to_come);
    if (at_least > hello_max_)
        return hello_error::message_too_long;
    if (bytes_to_come > 0) {
        message_size_ = size;
        return {};
    }
    if (size < min_client_hello_size)
        return hello_error::message_too_short;
    if (fragment_left_ - 1U > size)
        return hello_error::data_behind_hello;
    message_size_ = size + handshake_header_size;
    return {};
}

// skip_fragment goes to the next record header: what is left of this fragment lies in the message, whatever
// it says.
inline void client_hello_assembler::skip_fragment() noexcept {
    cursor_ += fragment_left_;
    message_seen_ += fragment_left_;
    fragment_left_ = 0;
    header_seen_ = 0;
}

std::size_t client_hello_assembler::needed() const noexcept {
    if (message_is_found())
        return cursor_;
    if (cursor_ < 2)
        return cursor_ + 1; // each of the first two bytes may show that this is no TLS
    if (!message_is_sized()) {
        if (header_seen_ < record_header_size)
            return cursor_ + record_header_size - header_seen_;
        return cursor_ + std::min<std::size_t>(fragment_left_, handshake_header_size - message_seen_);
    }
    const std::size_t left = message_size_ - message_seen_;
    const auto records = (left + max_record_size - 1) / max_record_size;
    return cursor_ + left + records * record_header_size - header_seen_;
}

byte_view client_hello_assembler::message(byte_view stream, std::vector<std::uint8_t>& scratch) const {
    const auto first = length_in(stream);
    if (first == message_size_)
        return stream.subspan(record_header_size, message_size_);
    scratch.clear();
    scratch.reserve(message_size_);
    for (auto rest = stream.first(cursor_); !rest.empty();) {
        const auto fragment = rest.subspan(record_header_size, length_in(rest));
        scratch.insert(scratch.end(), fragment.begin(), fragment.end());
        rest = rest.subspan(record_header_size + fragment.size());
    }
    return scratch;
}

} // namespace snipass::tls
