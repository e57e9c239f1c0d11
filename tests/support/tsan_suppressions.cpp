// SPDX-License-Identifier: BSL-1.0
// What ThreadSanitizer takes for a race and is none. It reads this when a program starts.

// Its runtime declares this so.
extern "C" const char* __tsan_default_suppressions(); // NOLINT(bugprone-reserved-identifier)

extern "C" const char* __tsan_default_suppressions() {
    // libspdlog is not instrumented: that its thread gave up the last reference is not seen.
    return "race:_Sp_counted_ptr_inplace<spdlog::async_logger\n"
           // A cancelled thread's clean-up runs inside the call that it was cancelled in, where locks are not
           // seen.
           "race:end_watch\n"
           "race:leave_line\n";
}
