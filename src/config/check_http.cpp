// SPDX-License-Identifier: BSL-1.0
// What only shows when it is known whom a route's clients come from: those who speak TLS, those who speak
// HTTP in clear, or both.
#include "draft.hpp"
#include "snipass/config/written.hpp"

#include <algorithm>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

namespace snipass::config {
namespace {

const listener_draft* first_of(const draft& draft, listener_protocol protocol) {
    const auto found = std::ranges::find(draft.listeners, protocol,
                                         [](const listener_draft& one) { return one.settings.protocol; });
    return found == draft.listeners.end() ? nullptr : &*found;
}

// takes_all_requests: no request of HTTP comes behind it.
bool takes_all_requests(const route::rule& rule) {
    return rule.alpn.empty() && rule.source.empty() && rule.methods.empty() &&
           std::ranges::any_of(rule.paths, &route::path_pattern::takes_every_path);
}

bool asks_for_some_paths(const route::rule& rule) {
    return !rule.paths.empty() && std::ranges::none_of(rule.paths, &route::path_pattern::takes_every_path);
}

// key_of tells names of all kinds apart.
std::string key_of(const route::pattern& name) {
    return name.to_string();
}

// by_requests tells for each route whether a client that speaks HTTP can come to it: by a name that no route
// before it takes for all of them.
std::vector<bool> by_requests(const std::vector<route::rule>& rules) {
    std::vector<bool> comes(rules.size());
    std::unordered_set<std::string> taken;
    bool all_taken = false;
    for (std::size_t i = 0; i < rules.size(); ++i)
        if (rules[i].names.empty() && rules[i].alpn.empty()) {
            comes[i] = !all_taken;
            all_taken = all_taken || takes_all_requests(rules[i]);
        }
    if (all_taken)
        return comes;
    for (std::size_t i = 0; i < rules.size(); ++i) {
        const bool takes_all = takes_all_requests(rules[i]);
        for (const auto& name : rules[i].names) {
            comes[i] =
                comes[i] || (rules[i].alpn.empty() && (taken.empty() || !taken.contains(key_of(name))));
            if (takes_all)
                taken.insert(key_of(name));
        }
    }
    return comes;
}

// inspection is one file's.
class inspection {
  public:
    inspection(const draft& draft, const std::vector<route::rule>& rules, findings& findings)
        : draft_(draft), rules_(rules), findings_(findings), tls_(first_of(draft, listener_protocol::tls)),
          http_(first_of(draft, listener_protocol::http)) {
        if (http_ != nullptr)
            comes_ = by_requests(rules);
        comes_.resize(rules.size());
    }

    void run();

  private:
    [[nodiscard]] const backend_settings& backend_of(std::size_t route) const {
        return draft_.backends[draft_.routes[route].backend_index].settings;
    }
    [[nodiscard]] bool for_tls(std::size_t route) const {
        return tls_ != nullptr && !rules_[route].is_for_http();
    }
    [[nodiscard]] bool keeps_open(std::size_t route) const {
        return !backend_of(route).redirect() && !backend_of(route).closes &&
               !backend_of(route).takes_requests();
    }

    void check_redirect(std::size_t route);
    void check_default_redirect();
    void check_sorry();
    void check_termination(std::size_t route);
    void warn_of_unseen(std::size_t route);
    void warn_of_both();
    void warn_of_kept_connections();
    [[nodiscard]] std::optional<std::size_t> other_of(std::size_t route);
    void index_names();

    const draft& draft_;
    const std::vector<route::rule>& rules_;
    findings& findings_;
    const listener_draft* tls_; // the first of each kind; null: there is none
    const listener_draft* http_;
    std::vector<bool> comes_; // for each route: who speaks HTTP may come to it
    std::unordered_map<std::string, std::vector<std::size_t>> by_name_;
    std::vector<std::size_t> nameless_;
    std::size_t budget_ = 1'000'000; // of pairs of routes that are compared; the rest is let be
};

// To who speaks TLS nothing can be said in clear.
void inspection::check_redirect(std::size_t route) {
    const auto& to = backend_of(route);
    if (!to.redirect() || rules_[route].is_for_http())
        return;
    const auto& where = draft_.routes[route].backend->where;
    if (!rules_[route].alpn.empty())
        findings_.error(where, "route.backend: " + in_quotes(to.name) +
                                   " is an answer of HTTP, and only clients that speak TLS offer protocols "
                                   "(alpn); write a backend with handoff or proxy");
    else if (tls_ != nullptr)
        findings_.error(where, "route.backend: " + in_quotes(to.name) +
                                   " is an answer of HTTP, and clients of the listener at " +
                                   findings_.at_line(tls_->where, where) +
                                   " speak TLS; write paths = [\"/*\"] into this route, so that only "
                                   "requests of HTTP come here");
}

void inspection::check_default_redirect() {
    if (!draft_.default_index)
        return;
    const auto& to = draft_.backends[*draft_.default_index].settings;
    if (!to.redirect())
        return;
    const auto where = draft_.default_backend->where;
    if (to.redirect()->needs_host())
        findings_.error(where, "default.backend: leads to " + in_quotes(to.name) +
                                   ", whose {host} is one that a route has; write a [[route]] with paths = "
                                   "[\"/*\"] and this backend");
    else if (tls_ != nullptr)
        findings_.error(where, "default.backend: leads to " + in_quotes(to.name) +
                                   ", an answer of HTTP, and clients of the listener at " +
                                   findings_.at_line(tls_->where, where) +
                                   " speak TLS; write a [[route]] with paths = [\"/*\"] and this backend");
}

void inspection::check_sorry() {
    for (const auto& backend : draft_.backends)
        if (backend.settings.sorry && draft_.backends[*backend.settings.sorry].settings.redirect())
            findings_.error(backend.sorry->where, "backend." + backend.settings.name +
                                                      ".sorry: " + in_quotes(backend.sorry->name) +
                                                      " is an answer, and no server; write a backend with "
                                                      "handoff or proxy");
}

// check_termination: snipass-tls waits for a ClientHello. What an admin wants to have behind TLS is not given
// to who comes without.
void inspection::check_termination(std::size_t route) {
    if (http_ == nullptr || !comes_[route] || for_tls(route))
        return;
    std::optional at{draft_.routes[route].backend_index};
    for (auto steps = draft_.backends.size(); at && !draft_.backends[*at].settings.termination; --steps)
        at = steps > 0 ? draft_.backends[*at].settings.sorry : std::nullopt; // it may lead in a ring
    if (at)
        findings_.error(draft_.routes[route].backend->where,
                        "route.backend: leads to " + in_quotes(draft_.backends[*at].settings.name) +
                            ", whose clients come by TLS, and those of this route speak HTTP in clear; write "
                            "one without tls = \"terminate\", or with redirect = \"https\"");
}

void inspection::warn_of_unseen(std::size_t route) {
    if (http_ == nullptr && rules_[route].is_for_http())
        findings_.warning(
            draft_.routes[route].http_where,
            "route: nobody comes here: only clients of a listener with protocol = \"http\" show "
            "paths and methods, and there is none; write one, or leave the route out");
}

// Routes are the same for all listeners, and hardly any server takes TLS and HTTP at one socket. One word of
// it is enough, however many routes there are.
void inspection::warn_of_both() {
    if (http_ == nullptr || tls_ == nullptr)
        return;
    std::optional<std::size_t> first;
    for (std::size_t i = 0; i < rules_.size(); ++i) {
        if (!comes_[i] || !for_tls(i))
            continue;
        first = first.value_or(i);
        if (!backend_of(i).termination)
            continue;
        first = i; // no server may take both here
        break;
    }
    if (!first)
        return;
    const auto& to = backend_of(*first);
    findings_.warning(
        draft_.routes[*first].where,
        "route: takes clients that speak HTTP (the listener at " +
            findings_.at_line(http_->where, draft_.routes[*first].where) +
            ") as well as those that speak TLS, and gives both to " + in_quotes(to.name) +
            (to.termination ? ", which with tls = \"terminate\" answers no request in clear" : "") +
            "; write a route for HTTP above it, with the same names and paths = [\"/*\"], or "
            "one with paths = [\"/*\"] alone for all names");
}

void inspection::index_names() {
    for (std::size_t i = 0; i < rules_.size(); ++i) {
        if (!comes_[i])
            continue;
        if (rules_[i].names.empty())
            nameless_.push_back(i);
        for (const auto& name : rules_[i].names)
            by_name_[key_of(name)].push_back(i);
    }
}

// other_of is a route that clients of this one's names take, too, to another server, where one of both keeps
// connections.
std::optional<std::size_t> inspection::other_of(std::size_t route) {
    const auto is_other = [&](std::size_t other) {
        budget_ -= std::min<std::size_t>(budget_, 1);
        return budget_ > 0 && comes_[other] && (keeps_open(route) || keeps_open(other)) &&
               draft_.routes[other].backend_index != draft_.routes[route].backend_index;
    };
    const auto first_in = [&](const std::vector<std::size_t>& routes) {
        const auto found = std::ranges::find_if(routes, is_other);
        return found == routes.end() ? std::nullopt : std::optional{*found};
    };
    if (rules_[route].names.empty()) {
        for (std::size_t i = 0; i < rules_.size() && budget_ > 0; ++i)
            if (is_other(i))
                return i;
        return {};
    }
    auto found = first_in(nameless_);
    for (auto name = rules_[route].names.begin(); !found && name != rules_[route].names.end(); ++name)
        found = first_in(by_name_[key_of(*name)]);
    return found;
}

// A connection is handed over once, by its first request.
void inspection::warn_of_kept_connections() {
    for (std::size_t i = 0; i < rules_.size(); ++i) {
        if (!comes_[i] || !asks_for_some_paths(rules_[i]))
            continue;
        if (by_name_.empty() && nameless_.empty())
            index_names();
        const auto other = other_of(i);
        if (!other)
            continue;
        std::string keepers;
        for (const auto route : {i, *other})
            if (keeps_open(route))
                keepers += (keepers.empty() ? "[backend." : " and [backend.") + backend_of(route).name + "]";
        findings_.warning(draft_.routes[i].http_where,
                          "route: a connection is handed over once, by its first request, and all that "
                          "follows on it goes to "
                          "the same backend: " +
                              in_quotes(rules_[i].paths.front().to_string()) + " to " +
                              in_quotes(backend_of(i).name) + ", the route at " +
                              findings_.at_line(draft_.routes[*other].where, draft_.routes[i].where) +
                              " to " + in_quotes(backend_of(*other).name) +
                              "; let a server close after each answer, and write closes = true into " +
                              keepers + " (docs/http.md)");
    }
}

void inspection::run() {
    for (std::size_t i = 0; i < rules_.size(); ++i) {
        check_redirect(i);
        check_termination(i);
        warn_of_unseen(i);
    }
    check_default_redirect();
    check_sorry();
    warn_of_both();
    warn_of_kept_connections();
}

} // namespace

void check_http(const draft& draft, const std::vector<route::rule>& rules, findings& findings) {
    if (first_of(draft, listener_protocol::http) == nullptr)
        for (const auto& [settings, sorry] : draft.backends)
            if (settings.takes_requests() && !settings.termination)
                findings.error(
                    settings.where,
                    "backend." + settings.name +
                        ".protocol: \"scgi\" passes on requests of HTTP in clear, and no "
                        "[[listener]] has protocol = \"http\"; write one, or protocol = \"stream\", or "
                        "tls = \"terminate\" where clients come by TLS");
    const bool redirects = std::ranges::any_of(
        draft.backends, [](const backend_draft& one) { return one.settings.redirect() != nullptr; });
    const bool asks = std::ranges::any_of(rules, &route::rule::is_for_http);
    if (redirects || asks || first_of(draft, listener_protocol::http) != nullptr)
        inspection{draft, rules, findings}.run();
}

} // namespace snipass::config
