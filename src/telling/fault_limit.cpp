// SPDX-License-Identifier: BSL-1.0
// How many lines one fault can cause.
#include "snipass/telling/fault_limit.hpp"

namespace snipass::server {

using namespace std::chrono_literals;

void fault_limit::keep_time(net::time_point now) {
    if (now - minute_ >= 1min) {
        minute_ = now;
        counts_.clear();
    }
    if (now - second_ >= 1s) {
        second_ = now;
        ++second_number_;
        lines_ = 0;
    }
}

fault_limit::count& fault_limit::count_of(std::string_view backend, outcome why) {
    auto found = counts_.find(backend);
    if (found == counts_.end())
        found = counts_.emplace(std::string{backend}, faults{}).first;
    return found->second[static_cast<std::size_t>(why)];
}

bool fault_limit::may_write(std::string_view backend, outcome why, net::time_point now) {
    keep_time(now);
    auto& mine = count_of(backend, why);
    const bool is_first = mine.second == 0;
    if (mine.second != second_number_)
        mine = {second_number_, 0};
    if (!is_first && (mine.lines >= each_ || lines_ >= all_))
        return false;
    ++mine.lines;
    ++lines_;
    return true;
}

} // namespace snipass::server
