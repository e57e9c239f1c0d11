// SPDX-License-Identifier: BSL-1.0
// http_door: where an admin's browser, and what watches for an admin, come in.
#pragma once

#include "snipass/config/metrics_settings.hpp"
#include "snipass/operating/http.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace snipass::server {

// http_door answers HTTP/1.1 on the main thread's io_context, one question for each connection. Whoever does
// not ask, or does not read the answer, has a connection for `patience` each time; of more than
// `most_visitors` the oldest of these goes, so that nobody keeps the others out. What runs here outlives the
// door, and its answers must not.
class http_door {
  public:
    using answerer = std::function<boost::asio::awaitable<http_answer>(http_question)>;

    static constexpr std::size_t most_visitors = 16;
    static constexpr std::chrono::seconds patience{10};

    http_door(boost::asio::io_context& io, answerer answer);
    ~http_door();
    http_door(const http_door&) = delete;
    http_door& operator=(const http_door&) = delete;

    // open makes sockets for those of `wanted` that have none, or whose file is gone. It returns those that
    // could not be made; then, or where `is_wanted` is false, what was made is closed again.
    struct refusal {
        config::metrics_address address;
        error_code why;
    };
    [[nodiscard]] std::vector<refusal> open(const std::vector<config::metrics_address>& wanted,
                                            bool is_wanted = true);

    // is_open: there is a socket, be it in use yet or not.
    [[nodiscard]] bool is_open() const noexcept;

    // keep: what was opened for these, last time and before, is in use from now on; nothing else is. It
    // returns what is new, "address (as bound)".
    struct bound {
        std::string address; // as written
        std::string at;      // with port 0 the port that the kernel chose
    };
    [[nodiscard]] std::vector<bound> keep(const std::vector<config::metrics_address>& wanted);

    // close: nobody comes in any more; who is in is answered.
    void close();

  private:
    struct state;
    std::shared_ptr<state> state_;
};

} // namespace snipass::server
