// SPDX-License-Identifier: BSL-1.0
// `snipass ech new-key`, `snipass ech list`.
#include "snipass/commands/ech.hpp"

#include "snipass/base/host_name.hpp"
#include "snipass/base/quoted.hpp"
#include "snipass/commands/status.hpp"
#include "snipass/ech/messages.hpp"
#include "snipass/ech_keys/key_files.hpp"
#include "snipass/os/error.hpp"
#include "snipass/os/unique_fd.hpp"
#include "snipass/os/unix_socket.hpp"
#include "snipass/os/users.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <ctime>
#include <iostream>
#include <memory>
#include <optional>
#include <sstream>
#include <string_view>

namespace snipass::commands {
namespace {

constexpr int answer_timeout = 2'000; // ms
constexpr mode_t key_mode = 0640;

// read prints what is wrong. Null: there is no [ech], or worse.
std::shared_ptr<const config::configuration> read(const std::string& file) {
    auto parsed = config::load(file, os::find_user);
    if (!parsed.value) {
        for (const auto& one : parsed.diagnostics)
            std::cerr << one.to_string(file) << '\n';
        return nullptr;
    }
    if (!parsed.value->ech) {
        std::cerr << file << ": there is no [ech]; write one, with keys = \"/etc/snipass/ech.d\"\n";
        return nullptr;
    }
    return parsed.value;
}

// unused_id is a random one that no key has. nullopt: all 256 are in use.
std::optional<std::uint8_t> unused_id(const std::vector<ech_keys::key_pair>& keys) {
    std::vector<std::uint8_t> free;
    for (unsigned id = 0; id < 256; ++id)
        if (std::ranges::none_of(keys, [id](const auto& one) { return one.config.id == id; }))
            free.push_back(static_cast<std::uint8_t>(id));
    std::uint32_t random = 0;
    if (free.empty() || ::getrandom(&random, sizeof random, 0) != sizeof random)
        return std::nullopt;
    return free[random % free.size()];
}

// write_key makes the file, which snipass-ech reads by the folder's group.
error_code write_key(const std::string& folder, const std::string& path, std::string_view pem) {
    struct stat of_folder {};
    const os::unique_fd fd{::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR)};
    if (!fd || ::stat(folder.c_str(), &of_folder) != 0)
        return os::last_error();
    if (::geteuid() == 0 && ::fchown(fd.get(), of_folder.st_uid, of_folder.st_gid) != 0)
        return os::last_error();
    const bool is_written = ::fchmod(fd.get(), key_mode) == 0 &&
                            ::write(fd.get(), pem.data(), pem.size()) == std::ssize(pem) &&
                            ::fsync(fd.get()) == 0;
    if (is_written)
        return {};
    const auto why = os::last_error();
    (void)::unlink(path.c_str());
    return why;
}

// names_of are the exact names of routes whose backend takes opened hellos.
std::vector<std::string> names_of(const config::configuration& file) {
    std::vector<std::string> names;
    for (const auto& route : file.routes) {
        if (file.backends[route.backend].ech == config::ech_mode::none)
            continue;
        std::istringstream lines{route.name};
        for (std::string line; std::getline(lines, line);)
            if (const auto name = host_name::parse(line))
                names.emplace_back(name->text());
    }
    return names;
}

void print_records(const config::configuration& file, const std::string& public_name,
                   const std::string& list) {
    std::cout
        << "DNS, for each name whose clients may use it (add alpn= as the server has it, and keep what else "
           "is in the record):\n";
    auto names = names_of(file);
    std::erase(names, public_name); // whose clients come to it anyway, and whose name is not hidden
    for (const auto& name : names)
        std::cout << name << ". 300 IN HTTPS 1 . ech=" << list << '\n';
    if (names.empty())
        std::cout << "NAME. 300 IN HTTPS 1 . ech=" << list << '\n';
}

std::string age_of(std::uint64_t written) {
    const auto now = static_cast<std::uint64_t>(std::time(nullptr));
    const auto seconds = now > written ? now - written : 0;
    constexpr std::uint64_t day = 86'400, hour = 3'600, minute = 60;
    if (seconds >= day)
        return std::to_string(seconds / day) + "d";
    return seconds >= hour ? std::to_string(seconds / hour) + "h" : std::to_string(seconds / minute) + "min";
}

result<std::vector<ech::known_config>> ask(const std::string& path) {
    const auto fd = os::connect_unix(path, SOCK_SEQPACKET);
    if (!fd)
        return fd.error();
    pollfd one{fd->get(), POLLIN, 0};
    if (::poll(&one, 1, answer_timeout) != 1)
        return os::make_error(ETIMEDOUT);
    std::vector<std::uint8_t> packet(ech::largest_message);
    const auto size = ::recv(fd->get(), packet.data(), packet.size(), 0);
    if (size < 0)
        return os::last_error();
    if (size == 0)
        return os::make_error(EPERM); // it does not talk to this user
    auto all = ech::parse_configs({packet.data(), static_cast<std::size_t>(size)});
    if (!all)
        return os::make_error(EPROTO);
    return std::move(*all);
}

} // namespace

int new_ech_key(const std::string& file, const std::string& public_name) {
    const auto configuration = read(file);
    if (!configuration)
        return exit_mistake;
    const auto name = host_name::parse(public_name);
    if (!name) {
        std::cerr << in_quotes(public_name)
                  << " is no host name; write one that has a route and a certificate, "
                  << "such as public.example.com\n";
        return exit_mistake;
    }
    const auto& folder = configuration->ech->keys;
    const auto known = ech_keys::read_folder(folder);
    if (!known.was_read) {
        std::cerr << known.problems.front() << "; make it: install -d -m 750 -o root -g snipass-ech "
                  << folder << '\n';
        return exit_failure;
    }
    const auto id = unused_id(known.keys);
    const auto made = id ? ech_keys::make_key(*id, name->text()) : ech_keys::new_key{};
    if (made.pem.empty()) {
        std::cerr << (id ? "OpenSSL makes no key\n" : "all 256 config_ids are in use; remove old keys\n");
        return exit_failure;
    }
    const auto path = folder + "/" + std::string{name->text()} + "-" + std::to_string(*id) + ".pem";
    if (const auto ec = write_key(folder, path, made.pem)) {
        std::cerr << path << ": " << ec.message() << '\n';
        return exit_failure;
    }
    std::cout << path << ": config_id " << int{*id} << ", public name " << name->text()
              << "\nsystemctl reload snipass-ech takes it into use; publish it after that.\n";
    print_records(*configuration, std::string{name->text()}, ech_keys::to_base64(made.config_list));
    return exit_success;
}

int list_ech_keys(const std::string& file) {
    const auto configuration = read(file);
    if (!configuration)
        return exit_mistake;
    const auto all = ask(configuration->ech->helper_path);
    if (!all) {
        std::cerr << "snipass-ech, at " << configuration->ech->helper_path << ": " << all.error().message()
                  << '\n';
        return all.error() == os::make_error(EACCES) || all.error() == os::make_error(EPERM) ? exit_failure
                                                                                             : exit_no_router;
    }
    std::cout << "config_id  age    openings  public name\n";
    for (const auto& one : *all) {
        const auto padded = [](std::string text, std::size_t width) {
            text.resize(std::max(width, text.size() + 1), ' ');
            return text;
        };
        std::cout << padded(std::to_string(one.id), 11) << padded(age_of(one.written), 7)
                  << padded(std::to_string(one.openings), 10) << on_one_line(one.public_name) << '\n';
    }
    return exit_success;
}

} // namespace snipass::commands
