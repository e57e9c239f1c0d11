// SPDX-License-Identifier: BSL-1.0
// last_words: what is said of an exception that ends the process.
#pragma once

namespace snipass::server {

// last_words is called where an exception is handled, and writes a line about it. It allocates nothing:
// memory may be what is short. False: it is neither memory nor threads that are short, but a bug.
bool last_words() noexcept;

// end_with_last_words: in any thread, an exception that nobody handles is told of so, and ends the process
// with status 1; a bug goes on to abort, as without it. `program` is the name that it is known by.
void end_with_last_words(const char* program) noexcept;

} // namespace snipass::server
