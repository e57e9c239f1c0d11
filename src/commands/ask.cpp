// SPDX-License-Identifier: BSL-1.0
// The router that runs is asked: one question of HTTP/1.0 on its control socket, and its answer is printed.
#include "snipass/commands/ask.hpp"

#include "snipass/base/percent.hpp"
#include "snipass/commands/check.hpp"
#include "snipass/commands/status.hpp"
#include "snipass/config/parse.hpp"
#include "snipass/os/error.hpp"
#include "snipass/os/unix_peer.hpp"
#include "snipass/os/unix_socket.hpp"
#include "snipass/upgrade/form.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

namespace snipass::commands {
namespace {

using namespace std::chrono_literals;

constexpr auto look_interval = 10ms;
constexpr auto patience = 10s; // of all commands but a reload, which takes what the file takes

// router_of is where the router of that file is asked: of a file that is being written, too.
struct router_of {
    explicit router_of(const std::string& file) {
        const auto nobody = [](const std::string&) -> result<std::optional<std::uint32_t>> {
            return os::make_error(EACCES);
        };
        const auto parsed = config::load(file, nobody);
        control = parsed.control;
        is_mistaken = !parsed.value;
        if (parsed.was_read)
            return;
        status = status_of(parsed); // of another file's router nobody has asked
        for (const auto& one : parsed.diagnostics)
            std::cerr << one.to_string(file) << '\n';
    }

    config::control_settings control{};
    bool is_mistaken = false; // so it may say where, and nobody can read it
    int status = exit_success;
};

std::string question_of(const command& what) {
    auto target = what.path;
    char before = '?';
    for (const auto& [key, value] : what.parameters) {
        if (value.empty())
            continue;
        target += before + key + "=";
        append_encoded(target, value);
        before = '&';
    }
    return what.method + " " + target + " HTTP/1.0\r\n\r\n";
}

struct answer {
    unsigned status = 0; // 0: it was cut off, or is none
    std::string body{};
};

answer read_answer(const std::string& text) {
    const auto end = text.find("\r\n\r\n");
    const auto space = text.find(' ');
    answer made;
    if (end == text.npos || space > end)
        return made;
    (void)std::from_chars(text.data() + space + 1, text.data() + end, made.status);
    made.body = text.substr(end + 4);
    constexpr std::string_view length_field = "\r\nContent-Length: ";
    const auto length = text.find(length_field);
    std::size_t size = 0;
    if (length < end)
        (void)std::from_chars(text.data() + length + length_field.size(), text.data() + end, size);
    if (size != made.body.size())
        made.status = 0;
    return made;
}

// exchange sends the question and reads to the end; nullopt: in time there was none.
std::optional<answer> exchange(int connection, const std::string& question, std::chrono::milliseconds limit) {
    if (::send(connection, question.data(), question.size(), MSG_NOSIGNAL) !=
        static_cast<ssize_t>(question.size())) // a fresh connection has room for it
        return answer{};
    const auto deadline = std::chrono::steady_clock::now() + limit;
    std::string text;
    std::array<char, 65'536> chunk; // filled by recv()
    for (;;) {
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
            deadline - std::chrono::steady_clock::now());
        pollfd ready{connection, POLLIN, 0};
        const int timeout = limit == limit.zero() ? -1 : static_cast<int>(std::max(left, 0ms).count());
        if (::poll(&ready, 1, timeout) == 0)
            return std::nullopt;
        const auto n = ::recv(connection, chunk.data(), chunk.size(), MSG_DONTWAIT);
        if (n == 0)
            return read_answer(text);
        if (n > 0)
            text.append(chunk.data(), static_cast<std::size_t>(n));
        else if (!os::would_block(os::last_error()) && errno != EINTR)
            return answer{};
    }
}

int exit_status(unsigned http_status) {
    switch (http_status) {
    case 200:
        return exit_success;
    case 400:
    case 404:
    case 422:
        return exit_mistake;
    case 409:
        return exit_no_router;
    default:
        return exit_failure;
    }
}

int no_router(const router_of& asked, const error_code& why) {
    const auto& control = asked.control;
    if (control.path.empty()) {
        std::cerr << "no router can be asked: the file says [control] path = \"none\"\n";
        return exit_no_router;
    }
    const bool is_forbidden = os::errno_of(why) == EACCES || os::errno_of(why) == EPERM;
    if (is_forbidden)
        std::cerr << control.path << ": " << why.message()
                  << "; be root, the router's user, or in its group (usermod -aG snipass NAME)\n";
    else
        std::cerr << "no router runs that could be asked at " << control.path << ": " << why.message()
                  << (control.is_given ? ""
                      : asked.is_mistaken
                          ? "; the file has mistakes (snipass check), and may say another path"
                          : "; is it another path? write [control] path into the file")
                  << '\n';
    return is_forbidden ? exit_failure : exit_no_router;
}

int put(const config::control_settings& control, const std::string& file, os::unique_fd connection,
        command what, std::chrono::milliseconds limit) {
    std::error_code ec;
    if (!control.is_given) // at the default path another router may be
        what.parameters.emplace_back("file", std::filesystem::weakly_canonical(file, ec).string());
    const auto heard = exchange(connection.get(), question_of(what), limit);
    if (!heard) {
        std::cerr << "the router at " << control.path << " does not answer\n";
        return exit_failure;
    }
    if (heard->status == 0) {
        std::cerr << "the router at " << control.path << " has closed the connection\n";
        return exit_failure;
    }
    (heard->status == 200 ? std::cout : std::cerr) << heard->body << std::flush;
    return exit_status(heard->status);
}

result<os::unique_fd> connect(const config::control_settings& control) {
    if (control.path.empty())
        return os::make_error(ENOENT);
    return os::connect_unix(control.path, SOCK_STREAM);
}

// main_process: systemd tells its ExecReload= which process it is; 0: it is not systemd.
pid_t main_process() {
    const char* const text = std::getenv("MAINPID");
    pid_t process = 0;
    if (text != nullptr)
        (void)std::from_chars(text, text + std::string_view{text}.size(), process);
    return process;
}

int reload_by_signal(const std::string& file, pid_t process) {
    if (const int mistaken = check(file); mistaken != exit_success)
        return mistaken;
    if (::kill(process, SIGHUP) != 0) {
        std::cerr << "cannot signal process " << process << ": " << os::last_error().message() << '\n';
        return exit_failure;
    }
    std::cout << "asked for by SIGHUP: the router has no control socket, so its log has the result\n";
    return exit_success;
}

// is_served: another process than `before` answers there.
bool is_served(const config::control_settings& control, pid_t before) {
    const auto connection = connect(control);
    if (!connection)
        return false;
    const auto peer = os::peer_of(connection->get());
    if (!peer || peer->process == before)
        return false;
    const auto heard = exchange(connection->get(), question_of({"GET", "/status"}), patience);
    return heard && heard->status == 200;
}

} // namespace

std::string form_of_answer(bool json) {
    if (json)
        return "json";
    const char* const no_color = std::getenv("NO_COLOR");
    const bool is_refused = no_color != nullptr && *no_color != '\0';
    return ::isatty(STDOUT_FILENO) != 0 && !is_refused ? "colour" : "text";
}

int ask(const std::string& file, command what) {
    const router_of asked{file};
    if (asked.status != exit_success)
        return asked.status;
    auto connection = connect(asked.control);
    if (!connection)
        return no_router(asked, connection.error());
    return put(asked.control, file, std::move(*connection), std::move(what), patience);
}

int reload(const std::string& file) {
    const router_of asked{file};
    if (asked.status != exit_success)
        return asked.status;
    auto connection = connect(asked.control);
    const auto process = main_process();
    const int end = connection    ? put(asked.control, file, std::move(*connection), {"POST", "/reload"}, 0ms)
                    : process > 0 ? exit_no_router
                                  : no_router(asked, connection.error());
    return end == exit_no_router && process > 0 ? reload_by_signal(file, process) : end;
}

int can_take_over(const std::string& file, unsigned version) {
    if (version > 0 && version <= upgrade::newest_version)
        return check(file);
    std::cerr << "this program reads states of the versions 1 to " << upgrade::newest_version
              << ", and not of " << version << '\n';
    return exit_mistake;
}

int upgrade_router(const std::string& file) {
    if (const int mistaken = check(file); mistaken != exit_success)
        return mistaken;
    const router_of asked{file};
    auto connection = connect(asked.control);
    if (!connection)
        return no_router(asked, connection.error());
    const auto before = os::peer_of(connection->get());
    const command leave{"POST", "/upgrade", {{"reads", std::to_string(upgrade::newest_version)}}};
    if (const int end = put(asked.control, file, std::move(*connection), leave, patience);
        end != exit_success)
        return end;
    const auto deadline = std::chrono::steady_clock::now() + patience;
    while (!is_served(asked.control, before ? before->process : 0)) {
        if (std::chrono::steady_clock::now() >= deadline) {
            std::cerr << "within ten seconds no other process has begun; its log says why\n";
            return exit_failure;
        }
        std::this_thread::sleep_for(look_interval);
    }
    std::cout << "upgraded\n";
    return exit_success;
}

} // namespace snipass::commands
