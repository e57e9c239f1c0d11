// SPDX-License-Identifier: BSL-1.0
// listener_reader: who reads what clients of a listener begin with.
#pragma once

#include "snipass/config/configuration.hpp"
#include "snipass/opening/head_reader.hpp"
#include "snipass/opening/hello_reader.hpp"

#include <variant>

namespace snipass::server {

class listener_reader {
  public:
    listener_reader(const config::configuration& file, const config::listener_settings& listener) noexcept
        : reader_(std::in_place_type<opening::hello_reader>, file.server.hello_max) {
        if (listener.is_for_http())
            reader_.emplace<opening::head_reader>(file.server.head_max);
    }

    [[nodiscard]] opening::reader& get() noexcept {
        if (auto* const head = std::get_if<opening::head_reader>(&reader_))
            return *head;
        return *std::get_if<opening::hello_reader>(&reader_);
    }

  private:
    std::variant<opening::hello_reader, opening::head_reader> reader_;
};

} // namespace snipass::server
