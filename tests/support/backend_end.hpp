// SPDX-License-Identifier: BSL-1.0
// backend_end: a backend in the hands of a test, behind a client's TLS.
#pragma once

#include "catch.hpp"
#include "snipass/os/unique_fd.hpp"
#include "tcp_client.hpp"
#include "tls_end.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace snipass::testing {

// backend_end is what a backend got, as a socket that blocks.
class backend_end {
  public:
    explicit backend_end(os::unique_fd far) : fd_(std::move(far)) {
        REQUIRE(::fcntl(fd_.get(), F_SETFL, 0) == 0);
        const timeval limit{patience.count(), 0};
        REQUIRE(::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) == 0);
    }
    [[nodiscard]] int fd() const { return fd_.get(); }
    void close() { fd_.reset(); }
    void finish() const { (void)::shutdown(fd_.get(), SHUT_WR); }

    void send(std::string_view text) const {
        while (!text.empty()) {
            const auto n = ::send(fd_.get(), text.data(), text.size(), MSG_NOSIGNAL);
            if (n < 0)
                throw std::runtime_error{"the backend cannot send"};
            text.remove_prefix(static_cast<std::size_t>(n));
        }
    }
    [[nodiscard]] std::string receive(std::size_t n) const {
        std::string heard(n, '\0');
        const auto size = ::recv(fd_.get(), heard.data(), n, MSG_WAITALL);
        if (size != static_cast<ssize_t>(n))
            throw std::runtime_error{"the backend has heard " + std::to_string(size) + " bytes: " +
                                     (size < 0 ? std::generic_category().message(errno) : "the end")};
        return heard;
    }
    [[nodiscard]] ending read_to_end(std::string& heard) const {
        char part[65'536];
        for (;;) {
            const auto n = ::recv(fd_.get(), part, sizeof part, 0);
            if (n <= 0)
                return n == 0 ? ending::fin : ending::reset;
            heard.append(part, static_cast<std::size_t>(n));
        }
    }
    [[nodiscard]] ending read_to_end() const {
        std::string nothing;
        return read_to_end(nothing);
    }

  private:
    os::unique_fd fd_;
};

inline backend_end backend_of(ended_client& client) {
    auto far = client.far.get();
    REQUIRE(far);
    return backend_end{std::move(far)};
}

} // namespace snipass::testing
