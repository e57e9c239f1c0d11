// SPDX-License-Identifier: BSL-1.0
#include "at_each_poll.hpp"

#include <poll.h>

#include <ctime>
#include <utility>

namespace snipass::testing {
namespace {

std::function<void()> first; // NOLINT(cert-err58-cpp): an empty one does not throw

} // namespace

at_each_poll::at_each_poll(std::function<void()> what) {
    first = std::move(what);
}

at_each_poll::~at_each_poll() {
    first = nullptr;
}

} // namespace snipass::testing

// The program's own comes before libc's. ppoll is the same call, also to a sanitizer.
extern "C" int poll(pollfd* asked, nfds_t count, int timeout) {
    if (snipass::testing::first)
        snipass::testing::first();
    const timespec left{timeout / 1000, timeout % 1000 * 1'000'000L};
    return ppoll(asked, count, timeout < 0 ? nullptr : &left, nullptr);
}
