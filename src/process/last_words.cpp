// SPDX-License-Identifier: BSL-1.0
// The end of a process that is short of something.
#include "snipass/process/last_words.hpp"

#include <boost/system/system_error.hpp>

#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <exception>
#include <initializer_list>
#include <new>
#include <system_error>

namespace snipass::server {
namespace {

constexpr int exit_failure = 1;

const char* name = "snipass"; // of this program

void say(std::initializer_list<const char*> parts) noexcept {
    for (const char* part : parts)
        if (::write(STDERR_FILENO, part, std::strlen(part)) < 0)
            return;
}

const char* remedy_for(const std::error_code& problem) noexcept {
    if (problem == std::errc::resource_unavailable_try_again)
        return "; let it have more threads (TasksMax= and LimitNPROC= of its unit, ulimit -u), or more "
               "memory";
    if (problem == std::errc::too_many_files_open || problem == std::errc::too_many_files_open_in_system)
        return "; let it have more descriptors (LimitNOFILE= of its unit, ulimit -n)";
    return "";
}

[[noreturn]] void end() noexcept {
    const bool is_told = std::current_exception() != nullptr && last_words();
    if (!is_told)
        std::abort();
    std::_Exit(exit_failure);
}

} // namespace

bool last_words() noexcept {
    try {
        throw;
    } catch (const std::bad_alloc&) {
        say({name, ": ended: no memory; give it more (MemoryMax= of its unit, ulimit -v)\n"});
        return true;
    } catch (const std::system_error& problem) {
        say({name, ": ended: ", problem.what(), remedy_for(problem.code()), "\n"});
        return true;
    } catch (const boost::system::system_error& problem) { // which is none of std's
        say({name, ": ended: ", problem.what(), remedy_for(problem.code()), "\n"});
        return true;
    } catch (const std::exception& problem) {
        say({name, ": ended: ", problem.what(), "\n"});
    } catch (...) {
        say({name, ": ended by an unknown exception\n"});
    }
    return false;
}

void end_with_last_words(const char* program) noexcept {
    name = program;
    std::set_terminate(end);
}

} // namespace snipass::server
