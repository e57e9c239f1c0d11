// SPDX-License-Identifier: BSL-1.0
// Two processes in place of one, for a manager that looks at one of them.
#include "snipass/process/stand_in.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <string>

namespace snipass::server {
namespace {

// So the main process ends without having heard from the other one: that is killed, or could not begin.
int end_as(int status) {
    if (WIFEXITED(status))
        return WEXITSTATUS(status);
    const int number = WTERMSIG(status);
    (void)std::signal(number, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    ::pthread_sigmask(SIG_SETMASK, &none, nullptr);
    (void)std::raise(number);
    constexpr int as_shells_say_it = 128;
    return as_shells_say_it + number;
}

// wait_for is the whole life of the main process. Its signals are blocked, and come out of `signals`.
int wait_for(pid_t serving, int signals, int from_serving) {
    for (;;) {
        pollfd both[] = {{signals, POLLIN, 0}, {from_serving, POLLIN, 0}};
        if (::poll(both, 2, -1) < 0 && errno != EINTR)
            return EXIT_FAILURE;
        char word = 0;
        if (both[1].revents != 0 && ::read(from_serving, &word, 1) == 1)
            return EXIT_SUCCESS;
        if (both[1].revents != 0)
            from_serving = -1; // it ends, and SIGCHLD says how
        signalfd_siginfo one{};
        if (both[0].revents == 0 || ::read(signals, &one, sizeof one) != sizeof one)
            continue;
        int status = 0;
        if (one.ssi_signo != SIGCHLD)
            (void)::kill(serving, static_cast<int>(one.ssi_signo));
        else if (::waitpid(serving, &status, WNOHANG) == serving &&
                 (WIFEXITED(status) || WIFSIGNALED(status)))
            return end_as(status);
    }
}

// is_for moves what systemd has said to the main process to this one.
void is_for(const char* variable, pid_t main_process) {
    const char* const value = std::getenv(variable);
    if (value != nullptr && value == std::to_string(main_process))
        (void)::setenv(variable, std::to_string(::getpid()).c_str(), 1);
}

} // namespace

std::optional<int> stand_in::begin() {
    sigset_t ours;
    sigemptyset(&ours);
    for (const int one : {SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGCHLD})
        sigaddset(&ours, one);
    ::pthread_sigmask(SIG_BLOCK, &ours, nullptr); // the daemon lifts it
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0)
        return std::nullopt; // it serves without
    os::unique_fd from_serving{ends[0]};
    to_main_.reset(ends[1]);
    const os::unique_fd signals{::signalfd(-1, &ours, SFD_CLOEXEC)};
    const auto main_process = ::getpid();
    const auto serving = signals ? ::fork() : -1;
    if (serving > 0) {
        to_main_.reset();
        return wait_for(serving, signals.get(), from_serving.get());
    }
    if (serving < 0) {
        to_main_.reset();
        return std::nullopt;
    }
    (void)::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != main_process)
        std::_Exit(EXIT_FAILURE);
    is_for("WATCHDOG_PID", main_process);
    is_for("LISTEN_PID", main_process);
    return std::nullopt;
}

bool stand_in::leave() {
    if (!to_main_)
        return false;
    (void)::prctl(PR_SET_PDEATHSIG, 0);
    const char word = 0;
    (void)::write(to_main_.get(), &word, 1);
    to_main_.reset();
    return true;
}

} // namespace snipass::server
