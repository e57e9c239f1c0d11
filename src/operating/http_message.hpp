// SPDX-License-Identifier: BSL-1.0
// Questions and answers as Beast reads and writes them. Private to operating.
#pragma once

#include "snipass/operating/http.hpp"

#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/string_body.hpp>

namespace snipass::server {

// question_in is what is asked; who asks, the message does not say.
[[nodiscard]] http_question
question_in(const boost::beast::http::request<boost::beast::http::empty_body>& request);

// response_for: with the fields that keep a browser from making more of it than it is.
[[nodiscard]] boost::beast::http::response<boost::beast::http::string_body>
response_for(http_answer answer, const http_question& question);

} // namespace snipass::server
