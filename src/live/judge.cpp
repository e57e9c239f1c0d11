// SPDX-License-Identifier: BSL-1.0
// What a server has shown, held against the file.
#include "judge.hpp"

#include "snipass/base/quoted.hpp"

#include <openssl/asn1.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <set>
#include <utility>

namespace snipass::live {
namespace {

using config::diagnostic;
using config::severity;

constexpr int seconds_of_a_day = 86'400;
constexpr int soon = 14; // days

// ACME's own certificates are for nobody else (RFC 8737).
constexpr std::string_view acme = "acme-tls/1";

bool covers(X509* leaf, const std::string& name) {
    return X509_check_host(leaf, name.data(), name.size(), 0, nullptr) == 1;
}

// days_left of a certificate; negative: it has ended.
int days_left(X509* leaf, std::time_t now) {
    std::tm end{};
    if (ASN1_TIME_to_tm(X509_get0_notAfter(leaf), &end) != 1)
        return 0;
    const auto left = ::timegm(&end) - now;
    return static_cast<int>(left < 0 ? -1 : left / seconds_of_a_day);
}

bool is_for_acme(const question& one) {
    return std::ranges::count(one.alpn, acme) > 0;
}

std::string in_list(const std::vector<std::string>& all) {
    std::string text;
    for (const auto& one : all)
        text += (text.empty() ? "" : ", ") + in_quotes(one);
    return text;
}

} // namespace

std::vector<diagnostic> judge(const std::string& who, const sight& one, std::time_t now) {
    const auto& [name, alpn, where] = one.asked;
    const auto& seen = one.seen;
    const auto begin = "backend." + who + ": " + name + ": ";
    std::vector<diagnostic> found;
    const auto warn = [&](const std::string& text) {
        found.push_back({severity::warning, where, begin + text});
    };
    if (!seen.problem.empty())
        return {{severity::error, where, begin + on_one_line(seen.problem)}};
    if (!alpn.empty() && std::ranges::count(alpn, seen.alpn) == 0)
        warn("the route has alpn = [" + in_list(alpn) + "], and the server chose " +
             (seen.alpn.empty() ? "none" : in_quotes(seen.alpn)));
    if (!seen.leaf || is_for_acme(one.asked))
        return found;
    if (!covers(seen.leaf.get(), name))
        warn("its certificate does not have that name, so clients refuse it; get one that has");
    const int left = days_left(seen.leaf.get(), now);
    if (left < 0)
        warn("its certificate has ended, so clients refuse it; get a new one");
    else if (left < soon)
        warn("its certificate ends in " + std::to_string(left) + " days; is it renewed?");
    return found;
}

std::vector<diagnostic> coalescing(const config::configuration& file, const std::vector<sight>& all) {
    std::vector<diagnostic> found;
    std::set<std::pair<std::size_t, std::size_t>> told;
    for (const auto& one : all) {
        if (one.seen.alpn != "h2" || !one.seen.leaf)
            continue; // HTTP/1.1 asks for one name on one connection
        for (const auto& other : all) {
            const auto pair = std::pair{one.backend, other.backend};
            if (one.backend == other.backend || is_for_acme(other.asked) || told.contains(pair) ||
                !covers(one.seen.leaf.get(), other.asked.name))
                continue;
            told.insert(pair);
            found.push_back(
                {severity::warning, one.asked.where,
                 "backend." + file.backends[one.backend].name + ": its certificate has " +
                     in_quotes(other.asked.name) + ", too, which goes to " +
                     file.backends[other.backend].name +
                     ": browsers that have HTTP/2 with the one ask it for the other's name, as well. "
                     "Get a certificate for each, or let it answer 421 to names that are not its "
                     "own (docs/backends.md)"});
        }
    }
    return found;
}

} // namespace snipass::live
