// SPDX-License-Identifier: BSL-1.0
// The backends of a file are tried, and what they show is held against the routes.
#include "snipass/live/check.hpp"

#include "encrypted.hpp"
#include "judge.hpp"
#include "reach.hpp"

#include "snipass/base/quoted.hpp"
#include "snipass/config/parse.hpp"
#include "snipass/os/error.hpp"
#include "snipass/os/standard_descriptors.hpp"
#include "snipass/os/users.hpp"
#include "snipass/terminate/connection.hpp"

#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <functional>
#include <iostream>
#include <iterator>
#include <map>
#include <optional>
#include <utility>

namespace snipass::live {
namespace {

using config::configuration;
using config::diagnostic;
using config::severity;

constexpr std::size_t most_handshakes = 1'000;

// What an address may take in all, and with each name more.
constexpr auto address_time = std::chrono::seconds{5};
constexpr auto name_time = std::chrono::milliseconds{100};
const std::vector<std::string> usual_alpn{"h2", "http/1.1"};

// become gives up root for good: what that may, the router may not, and backends would be praised that let
// nobody else in. It says who asks; false, and why: it is not that user.
bool become(const std::string& user) {
    const auto* const entry = ::getpwnam(user.c_str());
    if (::geteuid() != 0) {
        std::cout << "asked as user " << ::geteuid() << ": the router's own may be let in elsewhere\n";
        return true;
    }
    if (entry == nullptr) {
        std::cerr << "--user: there is no user " << in_quotes(user)
                  << " here; write as whom the router runs, such as --user root\n";
        return false;
    }
    if (::initgroups(user.c_str(), entry->pw_gid) != 0 || ::setgid(entry->pw_gid) != 0 ||
        ::setuid(entry->pw_uid) != 0) {
        std::cerr << "--user: cannot become " << user << ": " << os::last_error().message()
                  << "; write --user root to ask as root\n";
        return false;
    }
    std::cout << "asked as user " << user << '\n';
    return true;
}

// names_of a route that a client can ask for: for "*.example.com" any label does, and for a regex nobody
// knows one.
std::vector<std::string> names_of(const config::route_settings& route) {
    std::vector<std::string> names;
    for (std::size_t at = 0; at < route.name.size();) {
        const auto end = std::min(route.name.find('\n', at), route.name.size());
        const auto one = route.name.substr(at, end - at);
        at = end + 1;
        if (one.starts_with("*."))
            names.push_back("snipass-check" + one.substr(1));
        else if (!one.starts_with('/'))
            names.push_back(one);
    }
    return names;
}

bool speaks_tls(const configuration& file) {
    return std::ranges::any_of(file.listeners, [](const auto& one) { return !one.is_for_http(); });
}

// questions are what is asked of each backend: the names of its routes, and nothing of one that has none.
std::map<std::size_t, std::vector<question>> questions_for(const configuration& file) {
    std::map<std::size_t, std::vector<question>> all;
    if (!speaks_tls(file))
        return all;
    for (const auto& route : file.routes) {
        if (!route.paths.empty() || !route.methods.empty())
            continue; // it is asked in clear
        for (auto& name : names_of(route))
            all[route.backend].push_back({std::move(name), route.alpn, route.where});
    }
    return all;
}

class checking {
  public:
    explicit checking(const configuration& file) : file_(file), questions_(questions_for(file)) {
        if (file.tls)
            encrypted_.emplace(file);
    }

    void run() {
        for (std::size_t i = 0; i < file_.backends.size(); ++i)
            check(i);
        std::ranges::move(coalescing(file_, seen_), std::back_inserter(found_));
        std::ranges::stable_sort(found_, {}, &diagnostic::where);
    }

    // tell prints all of it and returns the exit status.
    [[nodiscard]] int tell() const;

  private:
    using trial = std::function<tried(const asked&)>;

    void check(std::size_t backend);
    void check_clear(std::size_t backend);
    void check_tls(std::size_t backend);
    [[nodiscard]] tried connect_encrypted(const config::backend_settings& settings,
                                          const config::proxy_address& address);
    void check_address(std::size_t backend, config::position where, const std::string& address,
                       const std::vector<question>& questions, const trial& once);
    [[nodiscard]] std::vector<question> questions_of(std::size_t backend, bool is_first) const;

    const configuration& file_;
    std::map<std::size_t, std::vector<question>> questions_;
    std::optional<encrypted> encrypted_; // with [tls]
    std::size_t handshakes_ = 0;
    std::vector<std::string> good_;
    std::vector<diagnostic> found_;
    std::vector<sight> seen_;
};

// check: where TLS ends in snipass-tls, that has the certificates, and the backend gets clear text.
void checking::check(std::size_t backend) {
    const auto& settings = file_.backends[backend];
    if (!settings.termination)
        return check_tls(backend);
    const config::handoff_settings ours{.paths = {file_.tls->handoff_path}};
    check_address(backend, settings.termination->where, "unix:" + file_.tls->handoff_path,
                  questions_of(backend, true), [&](const asked& what) {
                      auto came = hand_over(ours.paths.front(), ours, what);
                      if (came.seen && came.seen->problem.find("unrecognized name") != std::string::npos)
                          came.seen->problem += ": snipass-tls has no certificate of that name, or has not "
                                                "read the file since the route is in it (systemctl reload "
                                                "snipass-tls)";
                      return came;
                  });
    check_clear(backend);
}

void checking::check_clear(std::size_t backend) {
    const auto& settings = file_.backends[backend];
    if (const auto* const handoff = settings.handoff())
        for (std::size_t i = 0; i < handoff->paths.size(); ++i)
            check_address(backend, handoff->positions[i], "unix:" + handoff->paths[i], {},
                          [&](const asked&) { return knock(handoff->paths[i], *handoff); });
    if (const auto* const relay = settings.relay())
        for (const auto& one : relay->addresses)
            check_address(backend, one.where, one.text, {}, [&](const asked&) {
                return settings.termination->encryption
                           ? connect_encrypted(settings, one)
                           : connect(one, *relay, [](auto to) { return shake(std::move(to), {}); });
            });
}

// connect_encrypted: as many handshakes as there are protocols, since a client has one of them.
tried checking::connect_encrypted(const config::backend_settings& settings,
                                  const config::proxy_address& address) {
    const auto& termination = *settings.termination;
    const auto& asked = questions_of(static_cast<std::size_t>(&settings - file_.backends.data()), false);
    const auto name =
        terminate::name_of(*termination.encryption, address.host, asked.empty() ? "" : asked.front().name);
    auto why = encrypted_->why_not(settings);
    if (why.empty() && name.empty())
        why = "nobody has said what name the backend's certificate has; write backend_name";
    tried made;
    const auto protocols = termination.alpn.empty() ? std::vector<std::string>{""} : termination.alpn;
    for (const auto& protocol : protocols) {
        made = connect(address, *settings.relay(), [&](os::unique_fd to) {
            return why.empty() ? encrypted_->shake(std::move(to), settings, name, protocol)
                               : tried{.how = "there; TLS was not tried, because " + why};
        });
        if (!made.problem.empty() || !why.empty())
            break;
    }
    return made;
}

void checking::check_tls(std::size_t backend) {
    const auto& settings = file_.backends[backend];
    if (const auto* const handoff = settings.handoff())
        for (std::size_t i = 0; i < handoff->paths.size(); ++i)
            check_address(backend, handoff->positions[i], "unix:" + handoff->paths[i],
                          questions_of(backend, i == 0),
                          [&](const asked& what) { return hand_over(handoff->paths[i], *handoff, what); });
    if (const auto* const relay = settings.relay())
        for (const auto& one : relay->addresses)
            check_address(backend, one.where, one.text,
                          questions_of(backend, &one == relay->addresses.data()), [&](const asked& what) {
                              return connect(one, *relay,
                                             [&](auto to) { return shake(std::move(to), what); });
                          });
    if (settings.forward() != nullptr)
        good_.push_back(settings.name + " " + settings.forward()->address.text +
                        ": not tried, because clients choose the host");
}

// questions_of: the first address is asked for every name, the others for one.
std::vector<question> checking::questions_of(std::size_t backend, bool is_first) const {
    const auto found = questions_.find(backend);
    if (found == questions_.end())
        return {};
    const auto& all = found->second;
    return is_first ? all : std::vector<question>{all.front()};
}

void checking::check_address(std::size_t backend, config::position where, const std::string& address,
                             const std::vector<question>& questions, const trial& once) {
    const auto& name = file_.backends[backend].name;
    const auto ask = [&](const asked& what) {
        auto came = once(what);
        if (!came.problem.empty())
            found_.push_back(
                {severity::error, where, "backend." + name + ": " + address + ": " + came.problem});
        return came;
    };
    if (questions.empty()) {
        if (const auto came = ask({}); came.problem.empty())
            good_.push_back(name + " " + address + ": " + came.how);
        return;
    }
    auto until = std::chrono::steady_clock::now() + address_time;
    for (const auto& one : questions) {
        if (handshakes_++ >= most_handshakes)
            return;
        auto came = ask({one.name, one.alpn.empty() ? usual_alpn : one.alpn});
        if (!came.problem.empty())
            return; // the next name would not get further
        auto text = name + " " + address + ": " + came.how;
        if (came.seen && came.seen->problem.empty())
            text += ", " + one.name + ": " + came.seen->version + " " + came.seen->alpn;
        good_.push_back(std::move(text));
        if (!came.seen)
            continue;
        const bool is_silent = came.seen->is_late;
        seen_.push_back({backend, one, std::move(*came.seen)});
        std::ranges::move(judge(name, seen_.back(), std::time(nullptr)), std::back_inserter(found_));
        until += name_time;
        if (is_silent || std::chrono::steady_clock::now() > until) {
            if (&one != &questions.back())
                good_.push_back(name + " " + address + ": not asked for its other names, since it is " +
                                (is_silent ? "silent" : "slow"));
            return; // each would take as long
        }
    }
}

int checking::tell() const {
    for (const auto& one : good_)
        std::cout << one << '\n';
    auto found = found_;
    config::name_files(found, file_);
    for (const auto& one : found)
        std::cerr << one.to_string(file_.file) << '\n';
    if (handshakes_ > most_handshakes)
        std::cout << "of more than " << most_handshakes << " names the rest was not tried\n";
    const auto is_error = [](const diagnostic& one) { return one.level == severity::error; };
    const auto errors = std::ranges::count_if(found_, is_error);
    std::cout << (errors == 0 ? "every backend does its part" : "not every backend does its part") << ", "
              << found_.size() - static_cast<std::size_t>(errors) << " warnings\n";
    return os::end_of_output(errors == 0 ? 0 : 1);
}

} // namespace

int check(const std::string& file, const std::string& user) {
    const auto parsed = config::load(file, os::find_user);
    if (!parsed.value)
        return parsed.is_mistaken() ? 2 : 1;
    checking all{*parsed.value}; // it reads snipass-tls's files
    if (!become(user))
        return 2;
    all.run();
    return all.tell();
}

} // namespace snipass::live
