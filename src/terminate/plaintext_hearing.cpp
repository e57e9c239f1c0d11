// SPDX-License-Identifier: BSL-1.0
// What a client says first, where its backend is to be told of that.
#include "snipass/net/wait_error.hpp"
#include "snipass/os/error.hpp"
#include "snipass/terminate/plaintext_relay.hpp"

#include <variant>

namespace snipass::terminate {
namespace {

// So many records in a row, and it is the others' turn.
constexpr unsigned reads_in_a_turn = 64;

} // namespace

// hear: the relay has no backend yet. What it decrypts is the reader's, up to where that has its answer; what
// is behind comes first once there is one.
net::task<error_code> plaintext_relay::hear(server::unrouted_client& client, opening::reader& reader,
                                            net::time_point deadline) {
    is_hearing_ = true;
    stream();
    auto& heard = client.consumed;
    for (unsigned reads = 1;; ++reads) {
        const auto before = heard.size();
        if (const auto ec = co_await hear_more(client, deadline))
            co_return ec;
        if (heard.size() > before) {
            client.thread.buffer.holder = nullptr; // of whom the answer was that is replaced
            client.thread.heard = reader.read(heard, client.thread.buffer.gathered);
            if (const auto* const asked = std::get_if<opening::question>(&client.thread.heard)) {
                keep_behind(asked->size, heard);
                co_return error_code{};
            }
            if (std::holds_alternative<opening::refused>(client.thread.heard))
                co_return error_code{};
        }
        if (reads % reads_in_a_turn == 0)
            co_await waiter_.sleep(net::time_point::min());
    }
}

// hear_more reads a record, or waits until one may have come. Errors: as hear().
net::task<error_code> plaintext_relay::hear_more(server::unrouted_client& client, net::time_point deadline) {
    if (is_over_) {
        client.about.detail =
            "max_relayed clients were relayed, and this was the newest of the largest source";
        co_return make_error_code(server::shed_reason::room);
    }
    if (client_has_failed_)
        co_return os::make_error(ECONNRESET);
    std::size_t n = 0;
    const auto room = buffer();
    switch (tls_->read(room, n)) {
    case progress::done:
        client.consumed.insert(client.consumed.end(), room.begin(),
                               room.begin() + static_cast<std::ptrdiff_t>(n));
        co_return error_code{};
    case progress::wants_readable:
        client_is_readable_ = !tls_->below().is_dry();
        co_return co_await wait_for(client_is_readable_, deadline);
    case progress::wants_writable:
        flush();
        co_return co_await wait_for(client_is_writable_, deadline);
    case progress::ended:
        co_return make_error_code(net::wait_error::end_of_file);
    case progress::failed:
        break;
    }
    client.about.detail = tls_->why();
    co_return os::make_error(ECONNRESET);
}

// wait_for: on_ready() sets the flags, and end() may come meanwhile.
net::task<error_code> plaintext_relay::wait_for(const bool& ready, net::time_point deadline) {
    while (!ready && !is_over_) {
        if (net::clock::now() >= deadline)
            co_return make_error_code(net::wait_error::timed_out);
        co_await waiter_.sleep(deadline);
    }
    co_return error_code{};
}

// keep_behind leaves `size` bytes of what was heard where they are: the reader's answer points there.
void plaintext_relay::keep_behind(std::size_t size, std::vector<std::uint8_t>& heard) {
    const auto end = heard.begin() + static_cast<std::ptrdiff_t>(size);
    to_backend_.assign(end, heard.end());
    heard.erase(end, heard.end());
}

} // namespace snipass::terminate
