// SPDX-License-Identifier: BSL-1.0
// What a session remembers of its client's hello.
#include "snipass/telling/hello_notes.hpp"

#include "snipass/tls/byte_reader.hpp"
#include "snipass/tls/constants.hpp"
#include "snipass/tls/ja4.hpp"

#include <algorithm>
#include <utility>

namespace snipass::server {
namespace {

// A longer one would make a log line endless.
constexpr std::size_t longest_offer = 256;

// The whole entries of the offer that fit into `most` bytes.
std::string_view whole_entries(alpn_list offer, std::size_t most) {
    if (offer.bytes().size() <= most)
        return as_text(offer.bytes());
    std::size_t size = 0;
    for (auto rest = offer; !rest.empty(); rest.pop_front()) {
        if (size + 1 + rest.front().size() > most)
            break;
        size += 1 + rest.front().size();
    }
    return as_text(offer.bytes().first(size));
}

using list = hello_notes::details::list;

void add(list& to, std::uint16_t number) {
    if (!tls::is_grease(number) && to.size() < to.capacity())
        to.push_back(number);
}

// versions_of: a hello without supported_versions offers its legacy_version (RFC 8446 section 4.2.1).
list versions_of(const tls::client_hello& hello) {
    list versions;
    for (tls::byte_reader in{hello.supported_versions}; const auto version = in.u16();)
        add(versions, *version);
    if (hello.supported_versions.empty())
        versions.push_back(hello.legacy_version);
    return versions;
}

list groups_of(byte_view key_shares) {
    list groups;
    for (tls::byte_reader in{key_shares}; const auto group = in.u16(); (void)in.prefixed_u16())
        add(groups, *group);
    return groups;
}

} // namespace

hello_notes::hello_notes(const std::optional<std::string_view>& server_name, alpn_list offer,
                         std::unique_ptr<details> more)
    : more_(std::move(more)), is_named_(server_name.has_value()) {
    const auto name = server_name.value_or("");
    const auto protocols = whole_entries(offer, longest_offer);
    text_.resize(name.size() + protocols.size(), boost::container::default_init);
    std::ranges::copy(protocols, std::ranges::copy(name, text_.begin()).out);
    name_size_ = static_cast<std::uint8_t>(name.size());
}

std::optional<std::string_view> hello_notes::server_name() const noexcept {
    if (!is_named_)
        return std::nullopt;
    return std::string_view{text_.data(), name_size_};
}

std::optional<host_name> hello_notes::host_name() const noexcept {
    const auto name = server_name();
    return name ? snipass::host_name::parse(*name) : std::nullopt;
}

alpn_list hello_notes::offer() const noexcept {
    return alpn_list{as_bytes(std::string_view{text_.data(), text_.size()}.substr(name_size_))};
}

void hello_notes::cut(std::size_t most) {
    if (request() != nullptr)
        more_->request->cut(most);
    const auto kept = whole_entries(offer(), most - std::min<std::size_t>(most, name_size_)).size();
    if (name_size_ + kept == text_.size())
        return;
    text_.resize(name_size_ + kept);
    text_.shrink_to_fit();
}

std::unique_ptr<hello_notes::details> details_of(const tls::client_hello& hello) {
    auto more = std::make_unique<hello_notes::details>();
    *more = {.versions = versions_of(hello),
             .groups = groups_of(hello.key_shares),
             .ech = hello.ech == tls::ech_kind::outer,
             .ja4 = tls::ja4(hello)};
    return more;
}

} // namespace snipass::server
