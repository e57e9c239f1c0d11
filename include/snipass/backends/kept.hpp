// SPDX-License-Identifier: BSL-1.0
// kept: things that have a name, and live for as long as somebody has them.
#pragma once

#include <cstddef>
#include <map>
#include <memory>

namespace snipass::server {

// kept finds by its name what outlives a reload.
template <class Key, class Kept>
class kept {
  public:
    // at is the one of that name; it is made if need be.
    [[nodiscard]] std::shared_ptr<Kept> at(const Key& key) {
        if (all_.size() >= clean_up_at_) { // now and then, not for each of a hundred thousand
            std::erase_if(all_, [](const auto& one) { return one.second.expired(); });
            clean_up_at_ = 2 * all_.size() + first_clean_up;
        }
        auto& known = all_[key];
        auto one = known.lock();
        if (!one) {
            one = std::make_shared<Kept>();
            known = one;
        }
        return one;
    }

    void for_each(const auto& job) const {
        for (const auto& [key, weak] : all_)
            if (const auto one = weak.lock())
                job(key, *one);
    }

  private:
    static constexpr std::size_t first_clean_up = 64;

    std::map<Key, std::weak_ptr<Kept>> all_;
    std::size_t clean_up_at_ = first_clean_up;
};

} // namespace snipass::server
