// SPDX-License-Identifier: BSL-1.0
// Which certificates a client gets.
#include "snipass/certificates/choice.hpp"

#include <algorithm>
#include <map>

namespace snipass::certificates {
namespace {

// The certificates that each name has, while they are being gathered.
std::map<std::string, offer> gather(const std::vector<certificate>& all) {
    std::map<std::string, offer> by_name;
    for (std::size_t i = 0; i < all.size(); ++i)
        for (const auto& name : all[i].names) {
            auto& mine = by_name[name].of_kind[static_cast<std::size_t>(all[i].kind)];
            if (!mine)
                mine = i;
        }
    return by_name;
}

} // namespace

choice::choice(const std::vector<certificate>& all, std::string_view default_name) {
    for (const auto& [name, mine] : gather(all)) {
        auto same = std::ranges::find(offers_, mine);
        if (same == offers_.end())
            same = offers_.insert(same, mine);
        by_name_.emplace(name, static_cast<std::size_t>(same - offers_.begin()));
    }
    const auto* const own = default_name.empty() ? nullptr : find_own(default_name);
    if (own != nullptr)
        default_ = index_of(*own);
}

const offer* choice::find(const std::optional<host_name>& name) const {
    const auto* const own = name ? find_own(name->text()) : nullptr;
    if (own != nullptr)
        return own;
    return default_ ? &offers_[*default_] : nullptr;
}

const offer* choice::find_own(std::string_view name) const {
    if (const auto* const exact = find_written(name))
        return exact;
    const auto dot = name.find('.');
    return dot == name.npos ? nullptr : find_written("*" + std::string(name.substr(dot)));
}

const offer* choice::find_written(std::string_view written) const {
    const auto found = by_name_.find(std::string(written));
    return found == by_name_.end() ? nullptr : &offers_[found->second];
}

} // namespace snipass::certificates
