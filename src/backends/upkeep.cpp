// SPDX-License-Identifier: BSL-1.0
// Keeps the address book true.
#include "snipass/backends/upkeep.hpp"

#include "snipass/backends/health.hpp"

#include "snipass/backends/target_list.hpp"
#include "snipass/base/host_name.hpp"
#include "snipass/net/probe.hpp"
#include "snipass/net/resolve.hpp"
#include "snipass/os/limits.hpp"
#include "snipass/proxy_protocol/write.hpp"

#include <algorithm>
#include <utility>

namespace snipass::server {
namespace {

using namespace std::chrono_literals;
using config::log_level;

// A name that could not be resolved is tried again sooner than one that could.
constexpr auto retry_interval = 1s;

// A file may have ten thousand names, and a resolver may take its time with all of them. Each lookup is a
// thread and a descriptor or two.
constexpr std::size_t most_lookups = 512;
constexpr std::size_t least_lookups = 32;
constexpr std::size_t lookups_part = 16; // of the descriptors
// A name without a server that answers takes ten seconds, by resolv.conf(5)'s defaults. After this long
// another one is begun, so that the names that do have one need not wait for those in front of them.
constexpr std::size_t quick_part = 4; // of the lookups
constexpr auto patience_with_names = 1s;

// Names that failed when they were looked up last have turns of their own: however many of these there are,
// the others are looked up in time.
constexpr std::size_t max_failing = 16;

std::size_t max_lookups() {
    return std::clamp(os::raise_descriptor_limit() / lookups_part, least_lookups, most_lookups);
}

// And its addresses may be silent, all of them.
constexpr std::size_t max_probes = 64;

// A check is a connection of our own, and its PROXY header says so.
proxy_protocol::written header_for(config::proxy_protocol version) {
    switch (version) {
    case config::proxy_protocol::v1:
        return proxy_protocol::write_unknown_v1();
    case config::proxy_protocol::v2:
        return proxy_protocol::write_local_v2();
    case config::proxy_protocol::none:
        break;
    }
    return {};
}

std::vector<std::uint8_t> question_for(const config::relay_settings& settings, const candidate& to) {
    if (settings.check != config::health_check::tls)
        return {};
    const auto header = header_for(settings.header);
    std::vector<std::uint8_t> bytes{header.begin(), header.end()};
    const auto hello = net::make_probe_hello(host_name::parse(to.address->host) ? to.address->host : "");
    bytes.insert(bytes.end(), hello.begin(), hello.end());
    return bytes;
}

std::string joined(const std::vector<ip_address>& addresses) {
    std::string text;
    for (const auto& one : addresses)
        text += (text.empty() ? "" : ", ") + one.to_string();
    return text;
}

} // namespace

struct upkeep::checked {
    checked(std::shared_ptr<const config::configuration> snapshot, const config::backend_settings& of,
            address_book& book)
        : configuration(std::move(snapshot)), settings(of), targets(of, book),
          known(book.presence_of(of.name)) {}

    std::shared_ptr<const config::configuration> configuration; // keeps the settings
    const config::backend_settings& settings;
    target_list targets;
    std::shared_ptr<presence> known;
    net::time_point due = net::clock::now();
};

upkeep::upkeep(address_book& book, log& target)
    : book_(book), log_(target), lookups_(loop_, max_lookups() / quick_part),
      late_(loop_, max_lookups() - max_lookups() / quick_part), failing_(loop_, max_failing),
      probes_(loop_, max_probes), next_check_(loop_) {
    loop_.spawn(keep_checked());
    try {
        thread_ = std::jthread{[this] { loop_.run(); }};
    } catch (...) {
        loop_.destroy_tasks(); // they use what is about to go
        throw;
    }
}

upkeep::~upkeep() {
    loop_.stop();
    thread_.join();
    loop_.destroy_tasks();
}

void upkeep::use(std::shared_ptr<const config::configuration> configuration) {
    loop_.post([this, now = std::move(configuration)] { apply(now); });
}

void upkeep::apply(std::shared_ptr<const config::configuration> configuration) {
    for (auto& [host, about] : names_)
        about->wanted = false;
    checked_.clear();
    std::vector<std::string> new_names;
    for (const auto& backend : configuration->backends) {
        const auto* const relay = backend.relay();
        if (relay == nullptr)
            continue;
        const auto& one = checked_.emplace_back(std::make_shared<checked>(configuration, backend, book_));
        if (const auto last = one->known->checked.load(); !has_begun_ && last != net::time_point{})
            one->due = last + relay->check_interval;
        for (const auto& address : relay->addresses) {
            if (address.host.empty() || ip_address::parse(address.host))
                continue;
            auto& about = names_[address.host];
            const bool known = about != nullptr;
            if (!known)
                about = std::make_unique<name>(loop_);
            about->interval = about->wanted && known ? std::min(about->interval, relay->resolve_interval)
                                                     : relay->resolve_interval;
            about->wanted = true;
            if (!known)
                new_names.push_back(address.host);
        }
    }
    if (std::exchange(has_begun_, true))
        for (auto& [host, about] : names_)
            about->sleeper.wake();
    for (auto& host : new_names)
        loop_.spawn(keep_resolved(std::move(host)));
    next_check_.wake();
}

net::task<> upkeep::keep_resolved(std::string host) {
    auto& about = *names_.at(host);
    if (const auto known = book_.learned_at(host); known != net::time_point{})
        co_await about.sleeper.sleep(known + about.interval);
    while (about.wanted) {
        co_await look_up(host, about);
        const auto pause =
            about.failing ? std::min<config::milliseconds>(about.interval, retry_interval) : about.interval;
        co_await about.sleeper.sleep(net::clock::now() + pause);
    }
    book_.forget(host);
    names_.erase(host);
}

net::task<> upkeep::look_up(const std::string& host, name& about) {
    if (about.failing) {
        co_await failing_.take();
        co_await ask(host, about);
        failing_.give_up();
        co_return;
    }
    net::passing_turn turn{loop_, lookups_, late_, patience_with_names};
    co_await turn.take();
    co_await ask(host, about);
    turn.give_up();
}

net::task<> upkeep::ask(const std::string& host, name& about) {
    if (!about.wanted) // any more: the turn may have come late
        co_return;
    auto answer = co_await net::resolve(loop_, host);
    if (answer)
        learn(host, about, std::move(*answer));
    else
        keep(host, about, answer.error());
}

void upkeep::learn(const std::string& host, name& about, std::vector<ip_address> answer) {
    const auto count = answer.size();
    if (cut_to_max_addresses(answer) && !std::exchange(about.told_too_many, true))
        log_.write(log_level::warn, "a name has more addresses than are used of it",
                   {{"name", host}, {"addresses", count}, {"used", answer.size()}});
    const auto text = joined(answer);
    if (book_.learn(host, std::move(answer)) || std::exchange(about.failing, false))
        log_.write(log_level::info, "resolved", {{"name", host}, {"addresses", text}});
    about.failing = false;
}

void upkeep::keep(const std::string& host, name& about, const error_code& problem) {
    book_.has_failed(host, problem);
    if (!std::exchange(about.failing, true))
        log_.write(log_level::warn,
                   book_.find(host) ? "a name cannot be resolved; the last good answer stays in use"
                                    : "a name cannot be resolved; its addresses cannot be tried",
                   {{"name", host}, {"why", problem.message()}});
}

net::task<> upkeep::keep_checked() {
    for (;;) {
        auto next = net::time_point::max();
        for (const auto& one : checked_) {
            if (one->due <= net::clock::now())
                check(one);
            next = std::min(next, one->due);
        }
        co_await next_check_.sleep(next);
    }
}

void upkeep::check(const std::shared_ptr<checked>& one) {
    const auto now = net::clock::now();
    one->known->checked = now;
    one->due = now + one->settings.relay()->check_interval;
    const auto& all = one->targets.all();
    for (const auto& to : all) {
        const bool wanted = one->settings.relay()->check != config::health_check::none || to.state->ejected;
        if (wanted && !to.state->probed.exchange(true))
            loop_.spawn(probe(one, to));
    }
}

net::task<> upkeep::probe(std::shared_ptr<checked> of, candidate to) {
    co_await probes_.take();
    const auto& settings = of->settings;
    const auto& relay = *settings.relay();
    const auto given = to.state->too_slow_for.load();
    const auto patience = given > 0ms ? std::min(given, relay.connect_timeout) : relay.connect_timeout;
    // Named, because GCC 12 destroys a braced argument of an awaited call twice.
    net::probe_question question{to.endpoint, to.address->path, question_for(relay, to),
                                 reinterpret_cast<std::uintptr_t>(of->known.get())};
    const auto problem = co_await net::probe(loop_, std::move(question), net::clock::now() + patience);
    if (problem)
        note_failure(log_, settings, to, problem);
    else
        note_success(log_, settings, to, "probed");
    to.state->probed = false;
    probes_.give_up();
}

} // namespace snipass::server
