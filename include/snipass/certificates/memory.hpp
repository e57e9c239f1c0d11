// SPDX-License-Identifier: BSL-1.0
// Whether OpenSSL was refused memory: its own errors do not always tell.
#pragma once

namespace snipass::certificates {

// watch_memory, once, before OpenSSL has any memory: what it is refused from now on is noticed.
void watch_memory();

// forget_shortage: what comes is another matter. demand_memory throws std::bad_alloc if this thread was
// refused memory since: of a certificate that could not be read then nothing is known.
void forget_shortage() noexcept;
void demand_memory();

} // namespace snipass::certificates
