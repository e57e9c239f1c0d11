// SPDX-License-Identifier: BSL-1.0
// The client's side of TLS.
#include "handshake.hpp"

#include <openssl/err.h>
#include <poll.h>

#include <array>
#include <cerrno>

namespace snipass::live {
namespace {

using std::chrono::steady_clock;

std::string why_failed() {
    const auto reason = terminate::take_reason();
    return reason.empty() ? "it closed the connection in the handshake" : reason;
}

} // namespace

bool wait_for(int fd, short events, steady_clock::time_point deadline) {
    for (;;) {
        const auto left =
            std::chrono::duration_cast<std::chrono::milliseconds>(deadline - steady_clock::now()).count();
        if (left <= 0)
            return false; // ready or not: whoever sends without end always is
        pollfd one{fd, events, 0};
        const int ready = ::poll(&one, 1, static_cast<int>(left));
        if (ready >= 0 || errno != EINTR)
            return ready > 0;
    }
}

handshake::handshake(os::unique_fd connection, const std::string& name, const std::vector<std::string>& alpn)
    : connection_(std::move(connection)), wire_(connection_.get()),
      context_(SSL_CTX_new(TLS_client_method())), ssl_(context_ ? SSL_new(context_.get()) : nullptr) {
    std::string offer;
    for (const auto& one : alpn)
        offer += static_cast<char>(one.size()) + one;
    const auto* const bytes = reinterpret_cast<const unsigned char*>(offer.data());
    const bool is_ready =
        ssl_ && (name.empty() || SSL_set_tlsext_host_name(ssl_.get(), name.c_str()) == 1) &&
        (offer.empty() || SSL_set_alpn_protos(ssl_.get(), bytes, static_cast<unsigned>(offer.size())) == 0);
    if (!is_ready) {
        problem_ = "OpenSSL cannot begin a handshake: " + terminate::take_reason();
        return;
    }
    SSL_set_verify(ssl_.get(), SSL_VERIFY_NONE, nullptr);
    SSL_set_connect_state(ssl_.get());
    auto* const bio = wire_.bio();
    SSL_set_bio(ssl_.get(), bio, bio);
    (void)step(); // the hello is on its way, and finish() sees what comes of it
    ERR_clear_error();
}

// step reads so much and no more, so that the deadline is looked at.
int handshake::step() {
    std::array<std::uint8_t, 4'096> room;
    wire_.begin_step(room);
    const int result = SSL_do_handshake(ssl_.get());
    wire_.end_step();
    return result;
}

shown handshake::finish(steady_clock::time_point deadline) {
    shown made{.problem = problem_};
    while (made.problem.empty()) {
        const int result = step();
        if (result == 1)
            break;
        const int why = SSL_get_error(ssl_.get(), result);
        if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE)
            made.problem = why_failed();
        else if (!wait_for(connection_.get(), why == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT, deadline)) {
            made.problem = "no TLS handshake in time";
            made.is_late = true;
        }
    }
    if (!made.problem.empty())
        return made;
    made.leaf.reset(SSL_get1_peer_certificate(ssl_.get()));
    made.version = SSL_get_version(ssl_.get());
    const unsigned char* chosen = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(ssl_.get(), &chosen, &size);
    made.alpn.assign(reinterpret_cast<const char*>(chosen), size);
    (void)SSL_shutdown(ssl_.get());
    return made;
}

} // namespace snipass::live
