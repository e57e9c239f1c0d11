// Connecting to a proxied backend.
#include "snipass/net/connect.hpp"

#include "snipass/os/error.hpp"
#include "snipass/os/tcp.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <netinet/in.h>
#include <netinet/tcp.h>

namespace snipass::net {

namespace asio = boost::asio;

namespace {

// Ends a resolution that takes too long.
class resolver_deadline final : public alarm {
  public:
    explicit resolver_deadline(asio::ip::tcp::resolver& resolver) : resolver_(resolver) {}
    ~resolver_deadline() = default;

  private:
    void expire() override { resolver_.cancel(); }

    asio::ip::tcp::resolver& resolver_;
};

error_code pending_error(int fd) {
    int error = 0;
    socklen_t size = sizeof error;
    if (::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0)
        return os::last_error();
    return os::make_error(error);
}

ip_endpoint to_endpoint(const asio::ip::tcp::endpoint& found) {
    const auto address = found.address();
    if (address.is_v4())
        return {ip_address::v4(address.to_v4().to_bytes()), found.port()};
    return {ip_address{address.to_v6().to_bytes()}, found.port()};
}

} // namespace

task<result<os::unique_fd>> connect_tcp(event_loop& loop, ip_endpoint endpoint, time_point deadline) {
    const int family = endpoint.address.is_v4() ? AF_INET : AF_INET6;
    os::unique_fd fd{::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP)};
    if (!fd)
        co_return os::last_error();
    const int on = 1;
    (void)::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); // without it: slower, not wrong

    sockaddr_storage storage;
    const socklen_t size = os::to_sockaddr(endpoint, storage);
    if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&storage), size) == 0)
        co_return fd;
    if (errno != EINPROGRESS)
        co_return os::last_error();
    fd_watch watch{loop, fd.get()};
    if (const auto ec = co_await watch.writable(deadline))
        co_return ec;
    if (const auto ec = pending_error(fd.get()))
        co_return ec;
    co_return fd;
}

task<result<std::vector<ip_endpoint>>> resolve(event_loop& loop, std::string host, std::uint16_t port,
                                               time_point deadline) {
    if (const auto address = ip_address::parse(host))
        co_return std::vector{ip_endpoint{*address, port}};
    asio::ip::tcp::resolver resolver{loop.io()};
    resolver_deadline limit{resolver};
    loop.arm(limit, deadline);
    const auto port_text = std::to_string(port);
    const auto [ec, found] =
        co_await completion<error_code, asio::ip::tcp::resolver::results_type>([&](auto done) {
            resolver.async_resolve(host, port_text, asio::ip::resolver_base::numeric_service, done);
        });
    if (ec)
        co_return ec == asio::error::operation_aborted ? error_code{asio::error::timed_out} : ec;
    std::vector<ip_endpoint> endpoints;
    for (const auto& entry : found)
        endpoints.push_back(to_endpoint(entry.endpoint()));
    co_return endpoints;
}

} // namespace snipass::net
