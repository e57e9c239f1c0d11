// SPDX-License-Identifier: BSL-1.0
// at_each_poll: while it exists, poll(2) does something first, in this program and in the libraries that it
// is linked with. So a test can let happen what is waited for, no earlier and no later. For programs of one
// thread that are linked with at_each_poll.cpp.
#pragma once

#include <functional>

namespace snipass::testing {

class at_each_poll {
  public:
    explicit at_each_poll(std::function<void()> what);
    ~at_each_poll();
    at_each_poll(const at_each_poll&) = delete;
    at_each_poll& operator=(const at_each_poll&) = delete;
};

} // namespace snipass::testing
