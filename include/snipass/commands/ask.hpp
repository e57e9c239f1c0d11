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

} // namespace snipass::commands
