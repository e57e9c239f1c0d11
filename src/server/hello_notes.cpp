// What a session remembers of its client's hello.
#include "snipass/server/hello_notes.hpp"

#include "snipass/tls/byte_reader.hpp"
#include "snipass/tls/constants.hpp"
#include "snipass/tls/ja4.hpp"
#include "snipass/tls/names.hpp"

namespace snipass::server {
namespace {

constexpr std::size_t longest_alpn = 256;
constexpr std::size_t most_entries = 16;

// The whole entries of the offer that a log line has room for.
std::string cut(alpn_list offer) {
    std::size_t size = 0;
    for (auto rest = offer; !rest.empty(); rest.pop_front()) {
        if (size + 1 + rest.front().size() > longest_alpn)
            break;
        size += 1 + rest.front().size();
    }
    return std::string{as_text(offer.bytes().first(size))};
}

// versions_of: a hello without supported_versions offers its legacy_version (RFC 8446 section 4.2.1).
std::vector<std::string> versions_of(const tls::client_hello& hello) {
    std::vector<std::string> names;
    for (tls::byte_reader in{hello.supported_versions}; const auto version = in.u16();) {
        if (!tls::is_grease(*version) && names.size() < most_entries)
            names.push_back(tls::version_name(*version));
    }
    if (hello.supported_versions.empty())
        names.push_back(tls::version_name(hello.legacy_version));
    return names;
}

std::vector<std::string> groups_of(byte_view key_shares) {
    std::vector<std::string> names;
    for (tls::byte_reader in{key_shares}; const auto group = in.u16(); (void)in.prefixed_u16()) {
        if (!tls::is_grease(*group) && names.size() < most_entries)
            names.push_back(tls::group_name(*group));
    }
    return names;
}

} // namespace

hello_notes take_notes(const tls::client_hello& hello, const std::optional<host_name>& name,
                       bool with_details) {
    hello_notes notes;
    notes.server_name = hello.server_name;
    if (name)
        notes.host_name = name->text();
    notes.alpn = cut(hello.alpn);
    if (with_details) {
        notes.more = std::make_unique<hello_notes::details>();
        *notes.more = {.versions = versions_of(hello),
                       .groups = groups_of(hello.key_shares),
                       .ech = hello.ech == tls::ech_kind::outer,
                       .ja4 = tls::ja4(hello)};
    }
    return notes;
}

} // namespace snipass::server
