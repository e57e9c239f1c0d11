// SPDX-License-Identifier: BSL-1.0
#include "exchange.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <string_view>

namespace snipass::conformance {

namespace {

using namespace std::chrono_literals;

constexpr std::string_view line = "conformance: arrived\n";
constexpr std::string_view mark = "conformance-arrived";
// To HEAD a router leaves the body out, and to HTTP/0.9 the head.
constexpr std::string_view response =
    "HTTP/1.1 200 OK\r\nX-Answer: conformance-arrived\r\nContent-Length: 19\r\nConnection: close\r\n\r\n"
    "conformance-arrived";
constexpr std::string_view head_end = "\r\n\r\n";
constexpr std::size_t read_size = 65'536;

// What a router that ended the client's connection may still pass to a backend.
constexpr auto aftermath = 100ms;

bool is_reset(int error) {
    return error == ECONNRESET || error == EPIPE;
}

// behind_head is the body of a request.
std::string_view behind_head(std::string_view request) {
    const auto end = request.find(head_end);
    return end == request.npos ? std::string_view{} : request.substr(end + head_end.size());
}

// status_of an answer of HTTP; 0: it is none.
std::uint16_t status_of(std::string_view heard) {
    constexpr std::string_view form = "HTTP/1.x ";
    if (!heard.starts_with("HTTP/1.") || heard.size() < form.size() + 3)
        return 0;
    std::uint16_t status = 0;
    (void)std::from_chars(heard.data() + form.size(), heard.data() + form.size() + 3, status);
    return status;
}

} // namespace

exchange::exchange(const shape& shape, spoken language, const endpoint& router, std::span<backend> backends,
                   milliseconds patience, std::span<const bytes> earlier)
    : shape_(shape), language_(language), stream_(shape.stream()), backends_(backends), earlier_(earlier),
      patience_(patience) {
    for (auto& one : backends_)
        while (one.accept())
            continue; // late, and nobody's any more
    client_ = connect_to(router);
}

observation exchange::run() {
    due_ = clock::now();
    send_due();
    while (!is_settled())
        wait();
    accept_all();
    const auto result = seen();
    const linger at_once{1,
                         0}; // the router drops what is left at once, so that the next exchange begins clean
    (void)::setsockopt(client_.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    return result;
}

std::string_view exchange::answer() const {
    return language_ == spoken::tls ? line : response;
}

bool exchange::has_all(const arrival& one) const {
    if (one.received == stream_)
        return true;
    const auto got = as_text(one.received);
    return language_ == spoken::http && got.find(head_end) != got.npos &&
           got.ends_with(behind_head(as_text(stream_)));
}

bool exchange::has_heard_backend() const {
    const auto heard = as_text(heard_);
    return language_ == spoken::tls ? heard == line : heard.find(mark) != heard.npos;
}

bool exchange::is_settled() const {
    if (!is_sent_)
        return false;
    if (clock::now() >= limit_)
        return true;
    const bool is_answered = std::ranges::any_of(arrivals_, &arrival::is_answered);
    return is_answered && (has_heard_backend() || heard_.size() >= answer().size() || stream_.empty());
}

void exchange::wait() {
    std::vector<pollfd> fds;
    const bool is_behind = !is_sent_ && clock::now() >= due_;
    const short wanted = static_cast<short>(POLLIN | (is_behind ? POLLOUT : 0));
    fds.push_back({ended_ == observation::ending::open ? client_.get() : -1, wanted, 0});
    for (const auto& one : backends_)
        fds.push_back({one.listener(), POLLIN, 0});
    for (const auto& one : arrivals_)
        fds.push_back({one.is_open ? one.connection.get() : -1, POLLIN, 0});

    const auto until = is_sent_ ? limit_ : std::max(due_, clock::now());
    const auto left = std::chrono::ceil<milliseconds>(until - clock::now());
    const auto timeout = is_behind ? patience_.count() : std::max<milliseconds::rep>(left.count(), 0);
    const int ready = ::poll(fds.data(), fds.size(), static_cast<int>(timeout));
    if (ready == 0 && is_behind) { // the router neither reads nor closes
        is_sent_ = true;
        limit_ = clock::now();
    }

    if (fds[0].revents & ~POLLOUT)
        hear();
    send_due();
    for (std::size_t i = 0; i < arrivals_.size(); ++i)
        if (fds[1 + backends_.size() + i].revents != 0)
            read_from(arrivals_[i]);
    std::erase_if(arrivals_, [this](const arrival& one) { return is_late(one); });
    accept_all();
}

void exchange::send_due() {
    while (!is_sent_ && piece_ < shape_.pieces.size() && clock::now() >= due_) {
        const auto& data = shape_.pieces[piece_].data;
        const auto n = ::send(client_.get(), data.data() + offset_, data.size() - offset_, MSG_NOSIGNAL);
        if (n < 0 && is_reset(errno)) {
            ended_ = observation::ending::reset;
            limit_ = clock::now() + aftermath;
            is_sent_ = true;
            return;
        }
        if (n < 0)
            return; // no room now
        offset_ += static_cast<std::size_t>(n);
        if (offset_ < data.size())
            continue;
        offset_ = 0;
        if (++piece_ < shape_.pieces.size())
            due_ = clock::now() + shape_.pieces[piece_].pause;
    }
    if (!is_sent_ && piece_ == shape_.pieces.size())
        end_sending();
}

void exchange::end_sending() {
    is_sent_ = true;
    limit_ = clock::now() + patience_;
    if (shape_.half_closes)
        (void)::shutdown(client_.get(), SHUT_WR);
}

void exchange::hear() {
    std::array<std::uint8_t, 4096> buffer;
    const auto n = ::recv(client_.get(), buffer.data(), buffer.size(), 0);
    if (n > 0) {
        heard_.insert(heard_.end(), buffer.begin(), buffer.begin() + n);
        return;
    }
    if (n < 0 && !is_reset(errno))
        return;
    ended_ = n == 0 ? observation::ending::fin : observation::ending::reset;
    is_sent_ = true; // whoever closed will not read the rest
    limit_ =
        std::min(clock::now() + aftermath, limit_ == clock::time_point{} ? clock::time_point::max() : limit_);
}

void exchange::accept_all() {
    for (auto& one : backends_)
        while (auto connection = one.accept()) {
            arrivals_.push_back({one.name(), std::move(*connection), {}});
            read_from(arrivals_.back());
        }
    std::erase_if(arrivals_, [this](const arrival& one) { return is_late(one); });
}

void exchange::read_from(arrival& one) {
    std::vector<std::uint8_t> buffer(read_size);
    for (;;) {
        const auto n = ::recv(one.connection.get(), buffer.data(), buffer.size(), 0);
        if (n <= 0) {
            one.is_open = n < 0 && errno == EAGAIN;
            break;
        }
        one.received.insert(one.received.end(), buffer.begin(), buffer.begin() + n);
    }
    if (one.is_answered || !has_all(one))
        return;
    const auto text = answer();
    one.is_answered = ::send(one.connection.get(), text.data(), text.size(), MSG_NOSIGNAL) > 0;
}

bool exchange::is_late(const arrival& one) const {
    const auto begins_with_received = [&](const bytes& stream) {
        return stream.size() >= one.received.size() &&
               std::equal(one.received.begin(), one.received.end(), stream.begin());
    };
    if (language_ == spoken::http || one.received.empty() || begins_with_received(stream_))
        return false;
    return std::ranges::any_of(earlier_, begins_with_received);
}

observation exchange::seen() const {
    observation made;
    for (const auto& one : arrivals_) // a router may try one backend twice
        if (std::ranges::find(made.reached, one.where) == made.reached.end())
            made.reached.push_back(one.where);
    made.is_whole = arrivals_.empty() ||
                    std::ranges::any_of(arrivals_, [this](const arrival& one) { return has_all(one); });
    made.is_answered = has_heard_backend();
    made.ended = ended_;
    made.status = status_of(as_text(heard_));
    constexpr std::size_t alert_size = 7; // a record header, level, description
    if (heard_.size() >= alert_size && heard_[0] == 21 && heard_[1] == 3) {
        made.ended = observation::ending::alert;
        made.alert = heard_[alert_size - 1];
    } else if (!heard_.empty() && !made.is_answered) {
        made.ended = observation::ending::other_data;
    }
    return made;
}

} // namespace snipass::conformance
