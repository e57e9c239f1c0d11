// SPDX-License-Identifier: BSL-1.0
// What this process's epoll instances watch, as the kernel tells (proc_pid_fdinfo(5)).
#pragma once

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace snipass::testing {

// epoll_registrations are the numbers of all registered descriptors, as they were when they were registered.
inline std::vector<int> epoll_registrations() {
    std::vector<int> numbers;
    for (const auto& entry : std::filesystem::directory_iterator{"/proc/self/fdinfo"}) {
        std::ifstream info{entry.path()};
        for (std::string word; info >> word;) {
            int number = -1;
            if (word == "tfd:" && info >> number)
                numbers.push_back(number);
        }
    }
    return numbers;
}

inline bool is_registered(int fd) {
    const auto numbers = epoll_registrations();
    return std::find(numbers.begin(), numbers.end(), fd) != numbers.end();
}

} // namespace snipass::testing
