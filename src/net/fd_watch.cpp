// Waiting for a borrowed descriptor.
#include "snipass/net/fd_watch.hpp"

#include <boost/asio/error.hpp>

namespace snipass::net {

namespace asio = boost::asio;

fd_watch::fd_watch(event_loop& loop, int fd) : loop_(loop), descriptor_(loop.io().get_executor(), fd) {}

fd_watch::~fd_watch() {
    if (descriptor_.is_open())
        (void)descriptor_.release(); // the owner closes it
}

void fd_watch::close(os::unique_fd fd) {
    (void)fd.release();                // it is closed here, once
    boost::system::error_code ignored; // Linux releases the descriptor even when close reports an error
    descriptor_.close(ignored);
}

void fd_watch::start(wait_type what, time_point deadline, std::coroutine_handle<> waiting) {
    waiting_ = waiting;
    interrupted_ = false;
    loop_.arm(*this, deadline);
    descriptor_.async_wait(what, [this](const error_code& ec) {
        disarm();
        // An interruption counts even if the descriptor became ready in the same moment.
        if (!interrupted_)
            result_ = ec;
        waiting_.resume();
    });
}

void fd_watch::interrupt(error_code why) {
    interrupted_ = true;
    result_ = why;
    boost::system::error_code ignored; // cancel fails only for a descriptor that is not open
    descriptor_.cancel(ignored);
}

void fd_watch::expire() {
    interrupt(asio::error::timed_out);
}

} // namespace snipass::net
