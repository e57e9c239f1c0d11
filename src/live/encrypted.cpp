// SPDX-License-Identifier: BSL-1.0
// TLS towards a backend.
#include "encrypted.hpp"

#include "snipass/terminate/connection.hpp"

#include <poll.h>

#include <array>
#include <chrono>
#include <ctime>

namespace snipass::live {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;
using terminate::progress;

constexpr auto handshake_time = 5s;

// By TLS 1.3 a server looks at our certificate when the handshake is over for us (RFC 8446, section 4.4.2).
constexpr auto second_thoughts = 1s;

} // namespace

encrypted::encrypted(const config::configuration& file)
    : authorities_(certificates::load_authorities(file, std::time(nullptr), config::severity::warning)),
      shown_(certificates::load_shown(file, std::time(nullptr), config::severity::warning)),
      known_(authorities_.files), contexts_(shown_.by_backend, problems_) {}

std::string encrypted::why_not(const config::backend_settings& to) const {
    const auto& how = *to.termination->encryption;
    if (!authorities_.files.contains(how.authorities))
        return how.authorities + " (backend_ca) cannot be read here";
    if (how.shown && !shown_.by_backend.contains(to.name))
        return how.shown->chain + " (backend_certificate) cannot be read here";
    return {};
}

tried encrypted::shake(os::unique_fd connection, const config::backend_settings& to, const std::string& name,
                       const std::string& protocol) const {
    terminate::connection tls{contexts_.of(to.name),
                              connection.get(),
                              known_,
                              to.termination->encryption->authorities,
                              name,
                              protocol};
    const auto deadline = steady_clock::now() + handshake_time;
    auto how = tls.shake();
    while (how == progress::wants_readable || how == progress::wants_writable) {
        if (!wait_for(connection.get(), how == progress::wants_readable ? POLLIN : POLLOUT, deadline))
            return {.problem = "no TLS handshake in time"};
        how = tls.shake();
    }
    if (how == progress::done && wait_for(connection.get(), POLLIN, steady_clock::now() + second_thoughts)) {
        tls.begin_to_stream();
        std::array<std::uint8_t, 1'024> room{};
        std::size_t n = 0;
        how = tls.read(room, n) == progress::failed ? progress::failed : how;
    }
    if (how != progress::done)
        return {.problem = "TLS: " + tls.why()};
    auto why = terminate::objection(tls, protocol);
    return why.empty() ? tried{.how = "there, " + std::string{tls.version()} + " " + protocol}
                       : tried{.problem = "TLS: " + std::move(why)};
}

} // namespace snipass::live
