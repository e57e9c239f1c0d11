// SPDX-License-Identifier: BSL-1.0
// Between Beast's messages and ours.
#include "http_message.hpp"

#include <string>
#include <string_view>
#include <utility>

namespace snipass::server {
namespace {

namespace http = boost::beast::http;

constexpr std::size_t least_packed = 1'024; // bytes of an answer; fewer fit into a packet or two as they are

std::string policy_with(const std::string& nonce) {
    const std::string_view rest = "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
    if (nonce.empty())
        return "default-src 'none'; " + std::string{rest};
    return "default-src 'none'; script-src 'nonce-" + nonce + "'; style-src 'nonce-" + nonce +
           "'; connect-src 'self'; img-src data:; " + std::string{rest};
}

} // namespace

http::response<http::string_body> response_for(http_answer answer, const http_question& question) {
    http::response<http::string_body> made{static_cast<http::status>(answer.status), 11};
    made.keep_alive(false);
    made.set(http::field::content_type, answer.type);
    made.set(http::field::cache_control, "no-store");
    made.set(http::field::x_frame_options, "DENY");
    made.set("X-Content-Type-Options", "nosniff");
    made.set("Referrer-Policy", "no-referrer");
    made.set("Cross-Origin-Resource-Policy", "same-origin");
    made.set("Content-Security-Policy", policy_with(answer.nonce));
    if (answer.status == 405)
        made.set(http::field::allow, "GET, HEAD");
    made.set(http::field::vary, "Accept-Encoding");
    if (question.takes_gzip && answer.body.size() >= least_packed) {
        made.set(http::field::content_encoding, "gzip");
        answer.body = to_gzip(answer.body);
    }
    made.content_length(answer.body.size());
    if (question.method != "HEAD")
        made.body() = std::move(answer.body);
    return made;
}

http_question question_in(const http::request<http::empty_body>& request) {
    const auto view = [](const auto& text) { return std::string_view{text.data(), text.size()}; };
    http_question made{.method = std::string{view(request.method_string())},
                       .target = std::string{view(request.target())},
                       .takes_gzip = accepts_gzip(view(request[http::field::accept_encoding]))};
    if (request.count(http::field::host) == 1)
        made.host = std::string{view(request[http::field::host])};
    else if (request.version() >= 11 || request.count(http::field::host) > 1)
        made.host = ""; // nobody's
    return made;
}

} // namespace snipass::server
