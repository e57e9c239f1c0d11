// SPDX-License-Identifier: BSL-1.0
// A request head in SCGI's form, with the variables of nginx's http_fd_pass module in its order.
#include "snipass/http/scgi.hpp"

#include "snipass/http/characters.hpp"

#include <array>
#include <cstddef>

namespace snipass::http {
namespace {

void append(std::string& to, std::string_view name, std::string_view value) {
    to += name;
    to += '\0';
    to += value;
    to += '\0';
}

// What a byte of a field's name is in the variable's; 0: the field is left out.
constexpr auto in_variable = [] {
    std::array<char, 256> made{};
    for (char c = 'A'; c <= 'Z'; ++c) {
        made[static_cast<std::size_t>(c)] = c;
        made[static_cast<std::size_t>(c - 'A' + 'a')] = c;
    }
    for (char c = '0'; c <= '9'; ++c)
        made[static_cast<std::size_t>(c)] = c;
    made['-'] = '_';
    return made;
}();

void append_field(std::string& to, const field& one) {
    if (is_same(one.name, "Proxy"))
        return;
    const auto before = to.size();
    to += "HTTP_";
    const auto name = to.size();
    to += one.name;
    for (auto at = name; at < to.size(); ++at) {
        to[at] = in_variable[static_cast<unsigned char>(to[at])];
        if (to[at] == 0)
            return to.resize(before);
    }
    to += '\0';
    to += one.value;
    to += '\0';
}

void append_uri(std::string& to, const request_head& head) {
    to += "REQUEST_URI";
    to += '\0';
    to += head.raw_path;
    if (head.query)
        (to += '?') += *head.query;
    to += '\0';
}

// append_tls leaves out what there is not: an empty value would be one.
void append_tls(std::string& to, const ended_tls& tls) {
    const auto append_known = [&to](std::string_view name, std::string_view value) {
        if (!value.empty())
            append(to, name, value);
    };
    append(to, "SSL_PROTOCOL", tls.version);
    append(to, "SSL_CIPHER", tls.cipher);
    append(to, "SSL_SESSION_RESUMED", tls.is_resumed ? "Resumed" : "Initial");
    append_known("SSL_TLS_SNI", tls.server_name);
    append_known("SSL_ALPN_PROTOCOL", tls.protocol);
    append(to, "SSL_CLIENT_VERIFY", tls.client_name ? "SUCCESS" : "NONE");
    append_known("SSL_CLIENT_S_DN_CN", tls.client_name.value_or(""));
    append(to, "SNIPASS_PLAINTEXT", tls.is_in_kernel ? "ktls" : "relay");
    append_known("SNIPASS_FAREWELL", tls.farewell);
}

} // namespace

std::string write_scgi(const request_head& head, const ip_endpoint& client, const ip_endpoint& server,
                       const std::optional<ended_tls>& tls) {
    constexpr std::size_t most_of_variables = 400; // all that is neither a field nor the target
    constexpr std::size_t room = 8;                // for the size in front, and ':'
    std::string block;
    block.reserve(2 * head.size + most_of_variables);
    block.resize(room);
    append(block, "CONTENT_LENGTH", "0");
    append(block, "SCGI", "1+fd_pass");
    if (tls) {
        append(block, "HTTPS", "on");
        append(block, "KTLS_RX", "1"); // what the client says is read from the descriptor
    }
    append(block, "REMOTE_ADDR", client.address.to_string());
    append(block, "REMOTE_PORT", std::to_string(client.port));
    append(block, "REQUEST_METHOD", head.method);
    append_uri(block, head);
    append(block, "SERVER_ADDR", server.address.to_string());
    append(block, "SERVER_PORT", std::to_string(server.port));
    append(block, "QUERY_STRING", head.query.value_or(""));
    append(block, "SERVER_PROTOCOL", head.minor_version == 0 ? "HTTP/1.0" : "HTTP/1.1");
    for (auto fields = head.fields; !fields.empty(); fields.pop_front())
        append_field(block, fields.front());
    if (tls)
        append_tls(block, *tls);
    const auto size = std::to_string(block.size() - room) + ':';
    block.replace(0, room, size);
    block += ',';
    return block;
}

} // namespace snipass::http
