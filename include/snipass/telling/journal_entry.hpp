// SPDX-License-Identifier: BSL-1.0
// journal_entry: what the journal takes in its native protocol, field by field.
#pragma once

#include "snipass/base/alpn_list.hpp"
#include "snipass/config/configuration.hpp"
#include "snipass/telling/escape.hpp"

#include <concepts>
#include <string>
#include <string_view>
#include <vector>

namespace snipass::server {

// journal_entry appends an entry to `to`: MESSAGE, PRIORITY and SYSLOG_IDENTIFIER, and then a field
// SNIPASS_KEY for each key. Values are as they are, not in quotes, but escaped as everywhere (append_json):
// no byte of a stranger's can end a field. An empty line ends the entry.
class journal_entry {
  public:
    journal_entry(std::string& to, std::string_view message, config::log_level level);
    void end() { to_ += '\n'; }

    void word(std::string_view key, std::string_view value);
    void quoted(std::string_view key, std::string_view value);
    void cut(std::string_view key, std::string_view value);
    void number(std::string_view key, std::integral auto value) { word(key, std::to_string(value)); }
    void unknown(std::string_view) {}
    void words(std::string_view key, const std::vector<std::string>& values);
    void protocols(std::string_view key, alpn_list list);

  private:
    void begin(std::string_view key);

    std::string& to_;
};

} // namespace snipass::server
