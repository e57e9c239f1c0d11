// SPDX-License-Identifier: BSL-1.0
// Entries to systemd's journal.
#include "journal_sink.hpp"

#include "snipass/os/error.hpp"
#include "snipass/os/unix_socket.hpp"

#include <sys/socket.h>

namespace snipass::server {
namespace {

constexpr std::string_view between = "\n\n"; // entries: no field of ours has a newline

} // namespace

error_code journal_sink::connect() {
    auto connected = os::connect_unix(path_, SOCK_DGRAM);
    if (!connected)
        return connected.error();
    fd_ = std::move(*connected);
    return {};
}

std::size_t journal_sink::count(std::string_view text) const noexcept {
    std::size_t entries = 0;
    for (auto at = text.find(between); at != text.npos; at = text.find(between, at + between.size()))
        ++entries;
    return entries;
}

std::string_view journal_sink::write_out(std::string_view text) {
    while (!text.empty()) {
        const auto end = std::min(text.find(between), text.size() - between.size()) + between.size();
        if (!send(text.substr(0, end - 1)))
            return text;
        text.remove_prefix(end);
    }
    return text;
}

// send: a journal that was restarted with another socket is connected to once more.
bool journal_sink::send(std::string_view entry) {
    for (bool is_new = false;; is_new = true) {
        const auto ec = fd_ ? error_code{} : connect();
        if (!ec && !is_writable(fd_.get()))
            return false;
        if (!ec && ::send(fd_.get(), entry.data(), entry.size(), MSG_NOSIGNAL) >= 0)
            return true;
        const auto problem = ec ? ec : os::last_error();
        if (os::would_block(problem) || problem == os::make_error(EINTR))
            continue;
        why_lost_ = problem.message();
        fd_.reset();
        if (is_new || ec)
            return false;
    }
}

} // namespace snipass::server
