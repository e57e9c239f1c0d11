// SPDX-License-Identifier: BSL-1.0
// Entries to systemd's journal. Private to telling.
#pragma once

#include "event_line.hpp"
#include "line_sink.hpp"

#include "snipass/os/unique_fd.hpp"

namespace snipass::server {

// journal_sink sends a datagram for each entry. It waits for a journal that is slow, as for any reader; one
// that is away is looked for again.
class journal_sink final : public line_sink {
  public:
    explicit journal_sink(std::string path) : path_(std::move(path)) {}

    // connect, before the first entry. An error: there is no journal here.
    [[nodiscard]] error_code connect();

  private:
    [[nodiscard]] std::string_view write_out(std::string_view text) override;
    [[nodiscard]] bool send(std::string_view entry);
    bool tell(std::string_view message, std::span<const field> fields) override {
        return write_out(event_entry(config::log_level::warn, message, fields)).empty();
    }
    [[nodiscard]] std::size_t count(std::string_view text) const noexcept override;
    [[nodiscard]] std::string name() const override { return "the journal"; }

    const std::string path_;
    os::unique_fd fd_;
};

} // namespace snipass::server
