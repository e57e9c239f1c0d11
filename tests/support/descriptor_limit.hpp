// SPDX-License-Identifier: BSL-1.0
// descriptor_limit: a process that may not have more descriptors, for as long as a test needs it.
#pragma once

#include <sys/resource.h>

#include <stdexcept>

namespace snipass::testing {

// While it lives, this process gets no descriptor whose number is `most` or above (getrlimit(2)).
class descriptor_limit {
  public:
    explicit descriptor_limit(rlim_t most) {
        if (::getrlimit(RLIMIT_NOFILE, &before_) != 0)
            throw std::runtime_error("getrlimit");
        const rlimit tight{most, before_.rlim_max};
        if (::setrlimit(RLIMIT_NOFILE, &tight) != 0)
            throw std::runtime_error("setrlimit");
    }
    ~descriptor_limit() { lift(); }
    descriptor_limit(const descriptor_limit&) = delete;
    descriptor_limit& operator=(const descriptor_limit&) = delete;

    void lift() noexcept { (void)::setrlimit(RLIMIT_NOFILE, &before_); }

  private:
    rlimit before_{};
};

} // namespace snipass::testing
