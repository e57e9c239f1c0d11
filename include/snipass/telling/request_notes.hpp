// SPDX-License-Identifier: BSL-1.0
// request_notes: what a session remembers of its client's request, for the log.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace snipass::server {

// Method and target are as they were sent, not escaped, and no longer than a log line has room for: there may
// be thousands of idle proxied sessions. The host is what the session is routed by, in its hello_notes.
class request_notes {
  public:
    static constexpr std::size_t longest_method = 32;
    static constexpr std::size_t longest_target = 257; // one more than the log shows, so that it says so

    request_notes(std::string_view method, std::string_view target, std::uint8_t minor_version)
        : minor_version_(minor_version) {
        method = method.substr(0, longest_method);
        method_size_ = static_cast<std::uint8_t>(method.size());
        text_.reserve(method.size() + std::min(target.size(), longest_target));
        text_ += method;
        text_ += target.substr(0, longest_target);
    }

    [[nodiscard]] std::string_view method() const noexcept {
        return std::string_view{text_}.substr(0, method_size_);
    }
    [[nodiscard]] std::string_view target() const noexcept {
        return std::string_view{text_}.substr(method_size_);
    }

    // version is "1.0" or "1.1".
    [[nodiscard]] std::string_view version() const noexcept { return minor_version_ == 0 ? "1.0" : "1.1"; }

    // cut leaves at most so many bytes of the target.
    void cut(std::size_t most) {
        if (target().size() <= most)
            return;
        text_.resize(method_size_ + most);
        text_.shrink_to_fit();
    }

  private:
    std::string text_; // the method, and the target behind it
    std::uint8_t method_size_ = 0;
    std::uint8_t minor_version_;
};

} // namespace snipass::server
