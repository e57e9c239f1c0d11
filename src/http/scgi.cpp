// SPDX-License-Identifier: BSL-1.0
// A request head in SCGI's form, with the variables of nginx's http_fd_pass module in its order.
#include "snipass/http/scgi.hpp"

#include "snipass/http/characters.hpp"

#include <algorithm>

namespace snipass::http {
namespace {

void append(std::string& to, std::string_view name, std::string_view value) {
    to += name;
    to += '\0';
    to += value;
    to += '\0';
}

bool is_letter_or_digit(char c) noexcept {
    return is(c, digit) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool is_left_out(std::string_view name) noexcept {
    return is_same(name, "Proxy") ||
           !std::ranges::all_of(name, [](char c) { return is_letter_or_digit(c) || c == '-'; });
}

void append_field(std::string& to, const field& one) {
    if (is_left_out(one.name))
        return;
    to += "HTTP_";
    for (const char c : one.name)
        to += c == '-' ? '_' : c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    to += '\0';
    to += one.value;
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
    std::string uri{head.raw_path};
    if (head.query)
        (uri += '?') += *head.query;
    std::string block;
    block.reserve(2 * head.size + most_of_variables);
    append(block, "CONTENT_LENGTH", "0");
    append(block, "SCGI", "1+fd_pass");
    if (tls) {
        append(block, "HTTPS", "on");
        append(block, "KTLS_RX", "1"); // what the client says is read from the descriptor
    }
    append(block, "REMOTE_ADDR", client.address.to_string());
    append(block, "REMOTE_PORT", std::to_string(client.port));
    append(block, "REQUEST_METHOD", head.method);
    append(block, "REQUEST_URI", uri);
    append(block, "SERVER_ADDR", server.address.to_string());
    append(block, "SERVER_PORT", std::to_string(server.port));
    append(block, "QUERY_STRING", head.query.value_or(""));
    append(block, "SERVER_PROTOCOL", head.minor_version == 0 ? "HTTP/1.0" : "HTTP/1.1");
    for (auto fields = head.fields; !fields.empty(); fields.pop_front())
        append_field(block, fields.front());
    if (tls)
        append_tls(block, *tls);
    return std::to_string(block.size()) + ':' + block + ',';
}

} // namespace snipass::http
