// SPDX-License-Identifier: BSL-1.0
// json_writer: JSON, written from left to right.
#pragma once

#include <concepts>
#include <string>
#include <string_view>

namespace snipass::server {

// json_writer puts the commas. The keys are the caller's, and need no escaping; whatever a value is, it ends
// no string (telling/escape).
class json_writer {
  public:
    void begin_object(std::string_view key = {}) { begin('{', key); }
    void begin_array(std::string_view key = {}) { begin('[', key); }
    void end_object() { end('}'); }
    void end_array() { end(']'); }

    void text(std::string_view key, std::string_view value);
    void cut(std::string_view key, std::string_view value); // of a stranger: its first 256 bytes
    void number(std::string_view key, std::integral auto value) {
        put_key(key);
        text_ += std::to_string(value);
    }
    void boolean(std::string_view key, bool value);

    [[nodiscard]] std::string take() { return std::move(text_); }

  private:
    void put_key(std::string_view key);
    void begin(char bracket, std::string_view key);
    void end(char bracket);

    std::string text_;
    bool is_first_ = true;
};

} // namespace snipass::server
