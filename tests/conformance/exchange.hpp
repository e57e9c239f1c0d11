// SPDX-License-Identifier: BSL-1.0
// exchange: one client sends one shape to the router, and what becomes of it is noted.
#pragma once

#include "backend.hpp"
#include "shape.hpp"
#include "verdict.hpp"

#include <chrono>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace snipass::conformance {

// What the clients speak. A router of HTTP may write a head anew, so there only a request's end, and what
// follows it, can be compared.
enum class spoken {
    tls,
    http
};

class exchange {
  public:
    // `patience` is how long to wait, after the last piece, for the client to arrive somewhere. `earlier` are
    // the streams of the exchanges before: a connection that carries one of them is theirs, and late.
    exchange(const shape& shape, spoken language, const endpoint& router, std::span<backend> backends,
             milliseconds patience, std::span<const bytes> earlier);

    [[nodiscard]] observation run();

  private:
    using clock = std::chrono::steady_clock;

    struct arrival {
        route where;
        unique_fd connection;
        bytes received;
        bool is_open = true;
        bool is_answered = false;
    };

    [[nodiscard]] bool is_settled() const;
    [[nodiscard]] bool has_all(const arrival& one) const;
    [[nodiscard]] std::string_view answer() const;
    [[nodiscard]] bool has_heard_backend() const;
    [[nodiscard]] bool is_late(const arrival& one) const;
    void wait();
    void send_due();
    void end_sending();
    void hear();
    void accept_all();
    void read_from(arrival& one);
    [[nodiscard]] observation seen() const;

    const shape& shape_;
    spoken language_;
    bytes stream_;
    std::span<backend> backends_;
    std::span<const bytes> earlier_;
    milliseconds patience_;
    unique_fd client_;
    std::vector<arrival> arrivals_;

    std::size_t piece_ = 0;   // the next to send
    std::size_t offset_ = 0;  // into it
    clock::time_point due_;   // when
    bool is_sent_ = false;    // or cannot be sent any more
    clock::time_point limit_; // when to give up, once sent
    bytes heard_;
    observation::ending ended_ = observation::ending::open;
};

} // namespace snipass::conformance
