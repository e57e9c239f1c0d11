// SPDX-License-Identifier: BSL-1.0
// `snipass status` and the like: the router that runs is asked, by its control socket.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace snipass::commands {

// command is what the router is asked: GET does not change it, POST does.
struct command {
    std::string method;
    std::string path;
    std::vector<std::pair<std::string, std::string>> parameters{}; // those that are empty are left out
};

// form_of_answer: for programs, or for people, in colour on a terminal alone (NO_COLOR).
[[nodiscard]] std::string form_of_answer(bool json);

// ask prints the answer and returns the exit status. The router is found by `file`, whatever else is wrong
// with that.
[[nodiscard]] int ask(const std::string& file, command what);

// reload waits for the router. Where it has no such socket and systemd runs this as ExecReload=, it checks
// the file and sends the signal.
[[nodiscard]] int reload(const std::string& file);

// upgrade_router is of the program that is installed: it reads the file first, and then has the router that
// runs leave its clients to it. It waits until the next process answers.
[[nodiscard]] int upgrade_router(const std::string& file);

// can_take_over: this program goes on with what a router leaves whose state is of `version`, and the file has
// no mistake.
[[nodiscard]] int can_take_over(const std::string& file, unsigned version);

} // namespace snipass::commands
