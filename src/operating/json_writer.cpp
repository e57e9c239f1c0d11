// SPDX-License-Identifier: BSL-1.0
// JSON, written from left to right.
#include "snipass/operating/json_writer.hpp"

#include "snipass/telling/escape.hpp"

#include <utility>

namespace snipass::server {

void json_writer::put_key(std::string_view key) {
    if (!std::exchange(is_first_, false))
        text_ += ',';
    if (key.empty())
        return;
    text_ += '"';
    text_ += key;
    text_ += "\":";
}

void json_writer::begin(char bracket, std::string_view key) {
    put_key(key);
    text_ += bracket;
    is_first_ = true;
}

void json_writer::end(char bracket) {
    text_ += bracket;
    is_first_ = false;
}

void json_writer::text(std::string_view key, std::string_view value) {
    put_key(key);
    append_json(text_, value);
}

void json_writer::cut(std::string_view key, std::string_view value) {
    put_key(key);
    append_cut(text_, value);
}

void json_writer::boolean(std::string_view key, bool value) {
    put_key(key);
    text_ += value ? "true" : "false";
}

} // namespace snipass::server
