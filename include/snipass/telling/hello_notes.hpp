// SPDX-License-Identifier: BSL-1.0
// hello_notes: what a session remembers of its client's hello, or request, for the log and for the headers it
// sends on.
#pragma once

#include "snipass/base/alpn_list.hpp"
#include "snipass/base/host_name.hpp"
#include "snipass/telling/request_notes.hpp"
#include "snipass/tls/client_hello.hpp"

#include <boost/container/small_vector.hpp>
#include <boost/container/static_vector.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace snipass::server {

// Thousands of idle proxied sessions have one each, and their clients choose what is in it: each byte is kept
// once, and names that numbers have are for whoever writes them.
class hello_notes {
  public:
    // With [log] hello = true only, or of a request: some microseconds a session.
    struct details {
        static constexpr std::size_t most_entries = 16;
        using list = boost::container::static_vector<std::uint16_t, most_entries>;

        list versions;    // GREASE values (RFC 8701) are left out here and below
        list groups;      // of the key shares
        bool ech = false; // an encrypted_client_hello of the outer kind, real or GREASE
        std::string ja4;
        std::optional<request_notes> request{}; // in place of all this: the client spoke HTTP, in clear
    };

    // Both are as a client_hello has them: at most 255 bytes, and any number. Of the offer the whole entries
    // that fit into 256 bytes are kept.
    hello_notes(const std::optional<std::string_view>& server_name, alpn_list offer,
                std::unique_ptr<details> more = nullptr);

    // server_name is as sent, not escaped. host_name is the same as a host name, if it is one.
    [[nodiscard]] std::optional<std::string_view> server_name() const noexcept;
    [[nodiscard]] std::optional<snipass::host_name> host_name() const noexcept;
    [[nodiscard]] alpn_list offer() const noexcept;
    [[nodiscard]] const details* more() const noexcept { return more_.get(); }
    // request: null: the client spoke TLS.
    [[nodiscard]] const request_notes* request() const noexcept {
        return more_ && more_->request ? &*more_->request : nullptr;
    }

    // cut leaves of the offer the whole entries that fit into `most` bytes together with the name, and of a
    // request's target as many bytes.
    void cut(std::size_t most);

  private:
    // The name, and the entries of the offer as alpn_list holds them: of most clients without an allocation.
    boost::container::small_vector<char, 40> text_;
    std::unique_ptr<details> more_;
    std::uint8_t name_size_ = 0;
    bool is_named_ = false;
};

// details_of copies what has to outlive the hello.
[[nodiscard]] std::unique_ptr<hello_notes::details> details_of(const tls::client_hello& hello);

} // namespace snipass::server
