// SPDX-License-Identifier: BSL-1.0
#include "snipass/base/quoted.hpp"

namespace snipass {
namespace {

std::string shown(std::string_view text, std::string_view escaped, unsigned last_shown = 0xff) {
    constexpr std::string_view hex = "0123456789ABCDEF";
    std::string out;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte < 0x20 || byte == 0x7f || byte > last_shown)
            ((out += "\\u00") += hex[byte >> 4]) += hex[byte & 15];
        else if (escaped.find(c) != escaped.npos)
            (out += '\\') += c;
        else
            out += c;
    }
    return out;
}

} // namespace

std::string on_one_line(std::string_view text) {
    return shown(text, "");
}

std::string in_quotes(std::string_view text) {
    return '"' + shown(text, "\"\\") + '"';
}

std::string in_ascii_quotes(std::string_view text) {
    return '"' + shown(text, "\"\\", 0x7e) + '"';
}

} // namespace snipass
