// SPDX-License-Identifier: BSL-1.0
// What an admin has drained.
#include "snipass/process/drains.hpp"

#include "snipass/base/quoted.hpp"
#include "snipass/config/nearest.hpp"

#include <algorithm>
#include <vector>

namespace snipass::server {
namespace {

const config::backend_settings* find(const config::configuration& now, const std::string& backend) {
    const auto found = std::ranges::find(now.backends, backend, &config::backend_settings::name);
    return found == now.backends.end() ? nullptr : &*found;
}

std::string has_no_address(const std::string& backend, const std::string& address,
                           const std::vector<std::string>& all) {
    std::string text = backend + " has no address " + in_quotes(address);
    for (const auto& one : all)
        text += (&one == all.data() ? "; it has " : ", ") + one;
    return text;
}

} // namespace

std::string why_no_backend(const config::configuration& now, const std::string& name) {
    if (find(now, name) != nullptr)
        return {};
    std::vector<std::string_view> names;
    for (const auto& one : now.backends)
        names.emplace_back(one.name);
    const auto near = config::nearest(name, names);
    return "there is no backend " + in_quotes(name) + (near ? "; write " + std::string{*near} : "");
}

std::string drains::set(const config::configuration& now, const std::string& backend,
                        const std::string& address, bool drained) {
    const auto* const settings = find(now, backend);
    if (settings == nullptr)
        return why_no_backend(now, backend);
    if (settings->redirect() != nullptr)
        return backend + " is a redirect, which the router answers itself: there is nobody to spare";
    const auto its_addresses = written_addresses(*settings);
    if (!address.empty() && std::ranges::count(its_addresses, address) == 0)
        return has_no_address(backend, address, its_addresses);
    if (drained) {
        switch_on(backend, address);
        return {};
    }
    if (!address.empty() && on_.contains({backend, {}}))
        return backend + " itself is drained, and so is " + address + ": write snipass resume " + backend;
    switch_off(backend, address);
    if (address.empty())
        for (const auto& one : its_addresses)
            switch_off(backend, one);
    return {};
}

std::vector<upgrade::drain> drains::all() const {
    std::vector<upgrade::drain> found;
    for (const auto& [what, by] : on_)
        found.push_back({what.first, what.second});
    return found;
}

void drains::keep(const config::configuration& now) {
    std::erase_if(on_, [&](const auto& one) {
        const auto& [backend, address] = one.first;
        const auto* const settings = find(now, backend);
        const auto its_addresses = settings ? written_addresses(*settings) : std::vector<std::string>{};
        const bool stays =
            settings != nullptr && (address.empty() || std::ranges::count(its_addresses, address) > 0);
        if (!stays)
            one.second->is_on = false;
        return !stays;
    });
}

void drains::switch_on(const std::string& backend, const std::string& address) {
    auto one = book_.drain_of(backend, address);
    one->is_on = true;
    on_[{backend, address}] = std::move(one);
}

void drains::switch_off(const std::string& backend, const std::string& address) {
    const auto found = on_.find({backend, address});
    if (found == on_.end())
        return;
    found->second->is_on = false;
    on_.erase(found);
}

} // namespace snipass::server
