// Waiting for time to pass.
#include "snipass/net/sleeper.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace snipass::net {

boost::asio::awaitable<void> sleeper::sleep(time_point until) {
    loop_.arm(*this, until);
    co_await timer_.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
    disarm();
}

} // namespace snipass::net
