// SPDX-License-Identifier: BSL-1.0
// Insertion and look-up of the hash table. Nothing is ever removed and the size is known before, so there are
// no tombstones and no growth: a probe ends at the first empty slot.
#include "name_index.hpp"

#include <bit>
#include <random>
#include <stdexcept>

namespace snipass::route {
namespace {

// Names are chosen by whoever may add a site. A seed of this process's own keeps them from choosing names
// that share a slot; what the table answers does not depend on it.
std::uint64_t make_seed() {
    std::random_device device;
    return (std::uint64_t{device()} << 32) | device();
}

} // namespace

name_index::name_index(std::size_t name_count, std::size_t byte_count)
    : slots_(std::bit_ceil(name_count + name_count / 3 + 1)), seed_(make_seed()) {
    arena_.reserve(byte_count + name_count);
}

void name_index::add_front(std::string_view key, std::uint32_t rule) {
    auto hash = this->hash();
    for (auto i = key.size(); i-- > 0;)
        hash.push_front(key[i]);

    auto& slot = slots_[position(key, hash.value())];
    if (slot.key == none) {
        slot = {static_cast<std::uint32_t>(hash.value() >> 32), store(key), {rule, none}};
        ++size_;
        return;
    }
    if (slot.first.rule == rule)
        return; // a name that its rule has twice
    more_.push_back(slot.first);
    slot.first = {rule, static_cast<std::uint32_t>(more_.size() - 1)};
}

name_index::found name_index::find(std::string_view key, std::uint64_t hash) const noexcept {
    const auto& slot = slots_[position(key, hash)];
    if (slot.key == none)
        return {};
    return {&slot.first, key_at(slot.key)};
}

// position is the key's slot, or the empty one where it would be. There always is an empty one.
std::size_t name_index::position(std::string_view key, std::uint64_t hash) const noexcept {
    const auto mask = slots_.size() - 1;
    const auto fragment = static_cast<std::uint32_t>(hash >> 32);
    for (auto i = hash & mask;; i = (i + 1) & mask) {
        const auto& slot = slots_[i];
        if (slot.key == none || (slot.fragment == fragment && key_at(slot.key) == key))
            return i;
    }
}

std::string_view name_index::key_at(std::uint32_t offset) const noexcept {
    return {arena_.data() + offset + 1, static_cast<unsigned char>(arena_[offset])};
}

std::uint32_t name_index::store(std::string_view key) {
    if (arena_.size() >= none)
        throw std::length_error("more than 4 GiB of host names");
    const auto offset = static_cast<std::uint32_t>(arena_.size());
    arena_ += static_cast<char>(static_cast<unsigned char>(key.size()));
    arena_ += key;
    return offset;
}

} // namespace snipass::route
