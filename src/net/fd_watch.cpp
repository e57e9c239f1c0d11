// Waiting for a borrowed descriptor.
#include "snipass/net/fd_watch.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace snipass::net {

namespace asio = boost::asio;

fd_watch::fd_watch(event_loop& loop, int fd) : loop_(loop), descriptor_(loop.io(), fd) {}

fd_watch::~fd_watch() {
    if (descriptor_.is_open())
        (void)descriptor_.release(); // the owner closes it
}

void fd_watch::close(os::unique_fd fd) {
    (void)fd.release();                // it is closed here, once
    boost::system::error_code ignored; // Linux releases the descriptor even when close reports an error
    descriptor_.close(ignored);
}

awaitable<error_code> fd_watch::readable(time_point deadline) {
    return wait(wait_type::wait_read, deadline);
}

awaitable<error_code> fd_watch::writable(time_point deadline) {
    return wait(wait_type::wait_write, deadline);
}

awaitable<error_code> fd_watch::pause(time_point until) {
    return wait(wait_type::wait_error, until);
}

awaitable<error_code> fd_watch::wait(wait_type what, time_point deadline) {
    interrupted_.reset();
    loop_.arm(*this, deadline);
    const auto [ec] = co_await descriptor_.async_wait(what, asio::as_tuple(asio::use_awaitable));
    disarm();
    // An interruption counts even if the descriptor became ready in the same moment.
    co_return interrupted_.value_or(ec);
}

void fd_watch::interrupt(error_code why) {
    interrupted_ = why;
    boost::system::error_code ignored; // cancel fails only for a descriptor that is not open
    descriptor_.cancel(ignored);
}

void fd_watch::expire() {
    interrupt(asio::error::timed_out);
}

} // namespace snipass::net
