// SPDX-License-Identifier: BSL-1.0
// One name that a stranger chose. The only file that knows c-ares.
#include "snipass/net/dns_question.hpp"

#include "snipass/net/resolve.hpp"
#include "snipass/os/error.hpp"
#include "snipass/os/local_address.hpp"
#include "snipass/os/tcp.hpp"

#include <ares.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <list>
#include <new>
#include <utility>

namespace snipass::net {
namespace {

using namespace std::chrono_literals;

// What c-ares waits for a server the first time; with each round over all servers it waits twice as long.
constexpr int first_patience_ms = 1'000;
constexpr int rounds = 3;

// The size that passes everywhere in one piece, and that resolvers have agreed on (DNS flag day 2020).
constexpr int datagram_size = 1'232;

class dns_category final : public boost::system::error_category {
  public:
    [[nodiscard]] const char* name() const noexcept override { return "snipass.dns"; }
    // c-ares says that it could not contact a server, or that time passed, whatever all of them did: one that
    // answers SERVFAIL or REFUSED, and one that is not there, are the same to it.
    [[nodiscard]] std::string message(int value) const override {
        if (value == ARES_ECONNREFUSED || value == ARES_ETIMEOUT)
            return "no DNS server gave an answer (none was reached in time, or each one refused or failed)";
        return ::ares_strerror(value);
    }
};

error_code make_dns_error(int status) noexcept {
    static const dns_category category;
    return {status, category};
}

// why_no_socket: empty, if this process could have one.
error_code why_no_socket() {
    const os::unique_fd one{::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
    return one ? error_code{} : os::last_error();
}

// in_order: the family first that is to be tried first.
std::vector<ip_address> in_order(std::vector<ip_address> found) {
    const auto v6 = std::ranges::partition(found, [](const ip_address& one) { return !one.is_v4(); }).begin();
    const bool has_both = v6 != found.begin() && v6 != found.end();
    if (has_both && !ipv6_comes_first(found.front(), os::source_towards(found.front())))
        std::rotate(found.begin(), v6, found.end());
    return usable(found);
}

dns_question::answer to_answer(const ares_addrinfo& from) {
    std::vector<ip_address> found;
    for (const auto* one = from.nodes; one != nullptr; one = one->ai_next) {
        sockaddr_storage storage{};
        std::memcpy(&storage, one->ai_addr, std::min<std::size_t>(one->ai_addrlen, sizeof storage));
        if (const auto endpoint = os::to_endpoint(storage))
            found.push_back(endpoint->address);
    }
    auto good = in_order(std::move(found));
    if (good.empty())
        return make_dns_error(ARES_ENODATA);
    return good;
}

} // namespace

// channel is what c-ares knows of one question: its servers, and the sockets that it talks to them with.
class dns_question::channel {
  public:
    explicit channel(dns_question& owner) noexcept : owner_(owner) {}
    ~channel() {
        if (channel_ != nullptr)
            ::ares_destroy(channel_); // gives up the sockets, too
    }
    channel(const channel&) = delete;
    channel& operator=(const channel&) = delete;

    // start may have the answer already.
    void start(const std::string& name, const std::string& servers);

    // go_on: `fd` is ready, or none is and c-ares looks at its times.
    void go_on(int fd, std::uint32_t events);

    // next_time: when c-ares wants to look at its times.
    [[nodiscard]] time_point next_time() const;

  private:
    // One that c-ares waits for.
    class socket final : public ready_target {
      public:
        socket(channel& owner, int fd) noexcept : owner_(owner), fd_(fd) {}
        ~socket() {
            loop().unwatch(fd_);
            loop().forget(*this);
        }

        void watch(std::uint32_t events) {
            // One that cannot be watched is as one that does not answer.
            (void)(events_ == 0 ? loop().watch(fd_, events, *this) : loop().watch_again(fd_, events, *this));
            events_ = events;
        }
        void watch_again() { watch(events_); }
        [[nodiscard]] int fd() const noexcept { return fd_; }

      private:
        [[nodiscard]] event_loop& loop() const noexcept { return owner_.owner_.loop_; }
        void on_ready(unsigned /*which*/, std::uint32_t events) override { owner_.go_on(fd_, events); }

        channel& owner_;
        int fd_;
        std::uint32_t events_ = 0;
    };

    static int on_socket(ares_socket_t fd, int type, void* self) noexcept;
    static void on_state(void* self, ares_socket_t fd, int readable, int writable) noexcept;
    static void on_answer(void* self, int status, int timeouts, ares_addrinfo* found) noexcept;
    void set_state(int fd, std::uint32_t events);
    [[nodiscard]] error_code why_no_answer(int status) const;

    dns_question& owner_;
    bool has_met_the_limit_ = false;
    ares_channel channel_ = nullptr;
    std::list<socket> sockets_;
};

void dns_question::channel::start(const std::string& name, const std::string& servers) {
    static const int ready = ::ares_library_init(ARES_LIB_INIT_ALL);
    char dns_only[] = "b";
    ares_options options{};
    options.flags = ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES | ARES_FLAG_IGNTC | ARES_FLAG_EDNS;
    options.timeout = first_patience_ms;
    options.tries = rounds;
    options.ednspsz = datagram_size;
    options.lookups = dns_only;
    options.sock_state_cb = &on_state;
    options.sock_state_cb_data = this;
    constexpr int given = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_EDNSPSZ |
                          ARES_OPT_LOOKUPS | ARES_OPT_SOCK_STATE_CB;
    int status = ready;
    if (status == ARES_SUCCESS)
        status = ::ares_init_options(&channel_, &options, given);
    if (status == ARES_SUCCESS && !servers.empty())
        status = ::ares_set_servers_ports_csv(channel_, servers.c_str());
    if (status != ARES_SUCCESS) {
        owner_.answer_ = why_no_answer(status);
        return;
    }
    ::ares_set_socket_configure_callback(channel_, &on_socket, this);
    ares_addrinfo_hints hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = ARES_AI_NOSORT; // it would ask the kernel about each address
    ::ares_getaddrinfo(channel_, name.c_str(), nullptr, &hints, &on_answer, this);
}

void dns_question::channel::go_on(int fd, std::uint32_t events) {
    const bool readable = (events & (EPOLLIN | EPOLLERR | EPOLLHUP)) != 0;
    const bool writable = (events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) != 0;
    ::ares_process_fd(channel_, readable ? fd : ARES_SOCKET_BAD, writable ? fd : ARES_SOCKET_BAD);
    for (auto& one : sockets_)
        if (one.fd() == fd)
            one.watch_again();
    owner_.wait();
}

time_point dns_question::channel::next_time() const {
    timeval left{};
    if (::ares_timeout(channel_, nullptr, &left) == nullptr)
        return time_point::max();
    return clock::now() + std::chrono::seconds{left.tv_sec} + std::chrono::microseconds{left.tv_usec} + 1ms;
}

// on_socket: what is negative makes c-ares close it, and do without.
int dns_question::channel::on_socket(ares_socket_t fd, int /*type*/, void* self) noexcept {
    auto& mine = *static_cast<channel*>(self);
    if (fd < mine.owner_.below_)
        return 0;
    mine.has_met_the_limit_ = true;
    return -1;
}

// why_no_answer: a socket that c-ares could not have is as a server that it cannot reach, to c-ares.
error_code dns_question::channel::why_no_answer(int status) const {
    if (status == ARES_ENOTFOUND || status == ARES_ENODATA) // a server has said so
        return make_dns_error(status);
    const auto why = has_met_the_limit_ ? os::make_error(EMFILE) : why_no_socket();
    return os::out_of_descriptors(why) ? why : make_dns_error(status);
}

void dns_question::channel::on_state(void* self, ares_socket_t fd, int readable, int writable) noexcept {
    const std::uint32_t events = (readable != 0 ? EPOLLIN : 0U) | (writable != 0 ? EPOLLOUT : 0U);
    try {
        static_cast<channel*>(self)->set_state(fd, events);
    } catch (const std::bad_alloc&) { // as one that does not answer
    }
}

// set_state: without events c-ares is about to close it.
void dns_question::channel::set_state(int fd, std::uint32_t events) {
    auto known = std::ranges::find(sockets_, fd, &socket::fd);
    if (events == 0) {
        if (known != sockets_.end())
            sockets_.erase(known);
        return;
    }
    if (known == sockets_.end())
        known = sockets_.emplace(sockets_.end(), *this, fd);
    known->watch(events);
}

void dns_question::channel::on_answer(void* self, int status, int /*timeouts*/,
                                      ares_addrinfo* found) noexcept {
    const std::unique_ptr<ares_addrinfo, decltype(&::ares_freeaddrinfo)> owned{found, &::ares_freeaddrinfo};
    if (status == ARES_EDESTRUCTION)
        return;
    auto& mine = *static_cast<channel*>(self);
    auto& answer = mine.owner_.answer_;
    try {
        if (status == ARES_SUCCESS && found != nullptr)
            answer = to_answer(*found);
        else
            answer = mine.why_no_answer(status);
    } catch (const std::bad_alloc&) {
        answer = make_dns_error(ARES_ENOMEM);
    }
}

dns_question::dns_question(event_loop& loop, const std::string& name, std::function<void(answer)> answered,
                           const std::string& servers, int below)
    : loop_(loop), answered_(std::move(answered)), below_(below), channel_(std::make_unique<channel>(*this)) {
    channel_->start(name, servers);
    wait();
}

dns_question::~dns_question() = default;

void dns_question::wait() {
    loop_.arm(*this, answer_ ? time_point::min() : channel_->next_time());
}

void dns_question::expire() {
    if (!answer_)
        return channel_->go_on(ARES_SOCKET_BAD, 0);
    channel_.reset();
    const auto tell = std::move(answered_); // this may be gone after it
    tell(std::move(*answer_));
}

} // namespace snipass::net
