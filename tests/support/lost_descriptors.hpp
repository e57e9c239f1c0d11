// SPDX-License-Identifier: BSL-1.0
// losing_descriptors: while it exists, no descriptor that is passed to this process arrives, though there is
// room for it: as where a security module refuses it. For programs that are linked with lost_descriptors.cpp.
#pragma once

namespace snipass::testing {

class losing_descriptors {
  public:
    losing_descriptors();
    ~losing_descriptors();
    losing_descriptors(const losing_descriptors&) = delete;
    losing_descriptors& operator=(const losing_descriptors&) = delete;
};

} // namespace snipass::testing
