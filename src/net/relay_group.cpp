// One thread's relays.
#include "snipass/net/relay_group.hpp"

#include "snipass/os/error.hpp"

#include <boost/asio/post.hpp>

#include <array>

namespace snipass::net {
namespace {

// As much as a chunk that is copied has at most: what fills it is bulk, and is spliced.
constexpr std::size_t buffer_size = 64U << 10;

constexpr std::size_t events_at_once = 256;

// Empty pipes are closed when there has been no relay for so long.
constexpr auto pipes_kept_for = std::chrono::seconds{1};

// A relay's address is even, so its lowest bit can say which of the two sockets an event is for.
constexpr std::uint64_t side_bit = 1;

std::uint64_t tag(const relay& one, relay_side side) noexcept {
    return reinterpret_cast<std::uintptr_t>(&one) | (side == relay_side::backend ? side_bit : 0);
}

} // namespace

relay_group::relay_group(event_loop& loop)
    : loop_(loop), descriptor_(loop.io(), epoll_.fd()), buffer_(buffer_size) {
    wait();
}

relay_group::~relay_group() {
    (void)descriptor_.release(); // epoll_ closes it
    relays_.clear_and_dispose([](relay* one) { std::default_delete<relay>{}(one); });
}

error_code relay_group::start(std::unique_ptr<relay> mine) {
    auto& one = *mine;
    one.group_ = this;
    relays_.push_back(*mine.release());
    ++size_;
    auto ec = epoll_.add(one.client_.fd.get(), tag(one, relay_side::client));
    if (!ec)
        ec = epoll_.add(one.backend_.fd.get(), tag(one, relay_side::backend));
    if (ec) {
        one.ended_ = true;
        bury(one);
        return ec;
    }
    one.set_alarm();
    one.pass_on();
    return {};
}

void relay_group::wait() {
    descriptor_.async_wait(boost::asio::posix::descriptor_base::wait_read, [this](const error_code& ec) {
        if (!ec)
            on_ready();
    });
}

void relay_group::on_ready() {
    busy_ = true;
    std::array<epoll_event, events_at_once> events;
    const auto n = epoll_.ready(events);
    for (const auto& event : std::span{events}.first(n)) {
        auto& one = *reinterpret_cast<relay*>(event.data.u64 & ~side_bit);
        one.on_event((event.data.u64 & side_bit) != 0 ? relay_side::backend : relay_side::client,
                     event.events);
    }
    take_turns();
    busy_ = false;
    buried_.clear();
    if (n < events_at_once && in_turn_.empty())
        return wait();
    boost::asio::post(loop_.io(), [this] { on_ready(); }); // others on this thread first
}

void relay_group::take_turns() {
    list_of<&relay::in_turn_> now;
    now.swap(in_turn_);
    while (!now.empty()) {
        auto& one = now.front();
        now.pop_front();
        one.pass_on();
    }
}

// bury destroys a relay: at once, or after the events that may still name it.
void relay_group::bury(relay& one) {
    one.in_group_.unlink();
    one.in_turn_.unlink();
    --size_;
    if (size_ == 0)
        loop_.arm(*this, clock::now() + pipes_kept_for);
    std::unique_ptr<relay> mine{&one};
    if (busy_)
        buried_.push_back(std::move(mine));
}

// Nobody has needed a pipe for a while.
void relay_group::expire() {
    if (size_ == 0)
        pipes_.trim();
}

} // namespace snipass::net
