// SPDX-License-Identifier: BSL-1.0
// What `snipass check` says of the keys of Encrypted ClientHello.
#include "snipass/base/host_name.hpp"
#include "snipass/base/quoted.hpp"
#include "snipass/commands/ech.hpp"
#include "snipass/config/decision.hpp"
#include "snipass/ech_keys/key_files.hpp"

#include <algorithm>
#include <set>
#include <string>
#include <utility>

namespace snipass::commands {
namespace {

using config::diagnostic;
using config::severity;

bool is_named(config::match_kind match) {
    return match == config::match_kind::exact || match == config::match_kind::wildcard ||
           match == config::match_kind::regex;
}

const config::listener_settings* first_of_tls(const config::configuration& file) {
    const auto found =
        std::ranges::find_if(file.listeners, [](const auto& one) { return !one.is_for_http(); });
    return found == file.listeners.end() ? nullptr : &*found;
}

// judge_public_name: whoever has an old key, or none that counts, comes by that name in clear, and has to
// meet a server that shows a certificate for it.
void judge_public_name(const config::configuration& file, const ech_keys::key_pair& key,
                       std::vector<diagnostic>& found) {
    const auto name = host_name::parse(key.config.public_name);
    const auto shown = in_quotes(key.config.public_name);
    const auto where = file.ech->keys_where;
    const auto* const listener = first_of_tls(file);
    if (!name) {
        found.push_back(
            {severity::error, where,
             "ech.keys: the public name " + shown + " in " + in_quotes(key.file) + " is no host name"});
        return;
    }
    if (listener == nullptr)
        return;
    const auto decided =
        config::decide(file, *listener, config::hello_kind::with_name, name, route::client_facts{{}, {}});
    if (!is_named(decided.match) || !decided.backend) {
        found.push_back({severity::error, where,
                         "ech.keys: no route has the public name " + shown + " of " + in_quotes(key.file) +
                             ", by which clients come whose key is old; write one, to a server that has a "
                             "certificate for that name"});
        return;
    }
    const auto& backend = file.backends[*decided.backend];
    if (backend.ech != config::ech_mode::own_keys)
        found.push_back(
            {severity::warning, where,
             "ech.keys: a client whose key is old comes to backend " + in_quotes(backend.name) +
                 " by the public name " + shown +
                 "; without ech = \"own_keys\" that has no new key for it, so the client connects again "
                 "without ECH, or fails"});
}

} // namespace

std::vector<diagnostic> check_ech_keys(const config::configuration& file) {
    std::vector<diagnostic> found;
    const auto where = file.ech->keys_where;
    const auto folder = ech_keys::read_folder(file.ech->keys);
    for (const auto& one : folder.problems)
        found.push_back({severity::warning, where, "ech.keys: " + one});
    if (folder.was_read && folder.keys.empty())
        found.push_back({severity::warning, where,
                         "ech.keys: there is no key in " + in_quotes(file.ech->keys) +
                             ", so no hello is opened; write snipass ech new-key PUBLIC_NAME"});
    std::set<std::string> seen;
    for (const auto& key : folder.keys)
        if (seen.insert(key.config.public_name).second)
            judge_public_name(file, key, found);
    return found;
}

} // namespace snipass::commands
