// SPDX-License-Identifier: BSL-1.0
// same_descriptors: the test ends with as many open descriptors as it began with.
#pragma once

#include "catch.hpp"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <iterator>
#include <string>
#include <thread>
#include <vector>

namespace snipass::testing {

// descriptors_open is what /proc says is open, each with what it is.
inline std::vector<std::string> descriptors_open() {
    std::vector<std::string> open;
    for (const auto& entry : std::filesystem::directory_iterator{"/proc/self/fd"}) {
        std::error_code gone; // the iterator's own
        const auto what = std::filesystem::read_symlink(entry, gone);
        if (!gone && what.string().find("/proc/") != 0)
            open.push_back(entry.path().filename().string() + " " + what.string());
    }
    std::ranges::sort(open);
    return open;
}

// It stands first in a test, so that it is destroyed last.
class same_descriptors {
  public:
    same_descriptors() = default;
    ~same_descriptors() {
        // What strangers have sent is closed in other threads, which may take a moment.
        for (int i = 0; i < 500 && descriptors_open().size() > before_.size(); ++i)
            std::this_thread::sleep_for(std::chrono::milliseconds{10});
        const auto after = descriptors_open();
        std::vector<std::string> leaked;
        std::ranges::set_difference(after, before_, std::back_inserter(leaked));
        CHECK(leaked == std::vector<std::string>{});
        CHECK(after.size() == before_.size());
    }
    same_descriptors(const same_descriptors&) = delete;
    same_descriptors& operator=(const same_descriptors&) = delete;

  private:
    std::vector<std::string> before_ = descriptors_open();
};

} // namespace snipass::testing
