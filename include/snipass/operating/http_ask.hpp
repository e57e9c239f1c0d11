// SPDX-License-Identifier: BSL-1.0
// http_ask: another process of the house is asked by its unix socket.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>

#include <chrono>
#include <optional>
#include <string>

namespace snipass::server {

// http_ask is what is answered to a GET of `target`, if that is 200 and came in time; nobody there has to be.
[[nodiscard]] boost::asio::awaitable<std::optional<std::string>> http_ask(boost::asio::io_context& io,
                                                                          std::string path,
                                                                          std::string target,
                                                                          std::chrono::milliseconds patience);

} // namespace snipass::server
