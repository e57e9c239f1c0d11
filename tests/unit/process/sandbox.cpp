// SPDX-License-Identifier: BSL-1.0
// A child process is confined as the router is, and then does what somebody would try who had taken it over.
#include "snipass/process/sandbox.hpp"

#include "catch.hpp"
#include "handoff_sender.hpp"
#include "in_child.hpp"
#include "refused_calls.hpp"
#include "snipass/os/tcp.hpp"
#include "snipass/os/unique_fd.hpp"
#include "tcp_client.hpp"

#include <fcntl.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <thread>

using namespace snipass;
using namespace snipass::testing;

namespace {

constexpr int done = 0;
constexpr int get_mdwe = 66; // PR_GET_MDWE, Linux 6.3

// A configuration in a folder, with a listener, and backends to connect to.
struct site {
    handoff_test::temporary_folder folder;
    os::unique_fd backend = plain_listener();
    os::unique_fd stranger = plain_listener();
    config::configuration file;

    site() {
        file.file = folder.path / "snipass.toml";
        std::ofstream{file.file} << "# a file";
        config::listener_settings listener;
        listener.address = "127.0.0.1:0";
        listener.endpoint = ip_endpoint::parse("127.0.0.1:0");
        file.listeners.push_back(listener);
        add_backend("127.0.0.1", bound_to(backend.get()).port);
    }

    void add_backend(const std::string& host, std::uint16_t port) {
        config::relay_settings relay;
        config::proxy_address address;
        address.host = host;
        address.port = port;
        address.where = {9, 10};
        relay.addresses.push_back(std::move(address));
        config::backend_settings one;
        one.name = "backend " + std::to_string(file.backends.size());
        one.where = {7, 1};
        one.kind = std::move(relay);
        file.backends.push_back(std::move(one));
    }
};

int errno_of(long answer) {
    return answer < 0 ? errno : done;
}

int open_file(const std::string& path, int flags) {
    const os::unique_fd fd{::open(path.c_str(), flags | O_CLOEXEC, 0600)};
    return fd ? done : errno;
}

int bind_to(std::uint16_t port) {
    const auto made = os::listen_tcp({*ip_address::parse("127.0.0.1"), port});
    return made ? done : made.error().value();
}

int connect_to(std::uint16_t port) {
    sockaddr_storage storage;
    const auto size = os::to_sockaddr({*ip_address::parse("127.0.0.1"), port}, storage);
    const os::unique_fd fd{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    return errno_of(::connect(fd.get(), reinterpret_cast<const sockaddr*>(&storage), size));
}

// A first segment with data connects, too.
int connect_by_sending_to(std::uint16_t port) {
    sockaddr_storage storage;
    const auto size = os::to_sockaddr({*ip_address::parse("127.0.0.1"), port}, storage);
    const os::unique_fd fd{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    return errno_of(
        ::sendto(fd.get(), "x", 1, MSG_FASTOPEN, reinterpret_cast<const sockaddr*>(&storage), size));
}

int connect_by_message_to(std::uint16_t port) {
    sockaddr_storage storage;
    msghdr message{};
    message.msg_namelen = os::to_sockaddr({*ip_address::parse("127.0.0.1"), port}, storage);
    message.msg_name = &storage;
    char byte = 'x';
    iovec bytes{&byte, 1};
    message.msg_iov = &bytes;
    message.msg_iovlen = 1;
    const os::unique_fd fd{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    return errno_of(::sendmsg(fd.get(), &message, MSG_FASTOPEN));
}

int make_socket(int family, int type, int protocol = 0) {
    const os::unique_fd fd{::socket(family, type | SOCK_CLOEXEC, protocol)};
    return fd ? done : errno;
}

int start_program() {
    char name[] = "/bin/true";
    char* const arguments[] = {name, nullptr};
    char* const environment[] = {nullptr};
    return errno_of(::execve(name, arguments, environment));
}

int run_written_memory() {
    void* const page = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return errno_of(::mprotect(page, 4096, PROT_READ | PROT_EXEC));
}

int start_process() {
    const auto child = ::fork();
    if (child == 0)
        ::_exit(0);
    return errno_of(child);
}

int start_thread() {
    try {
        std::thread{[] {}}.join();
        return done;
    } catch (const std::system_error& problem) {
        return problem.code().value();
    }
}

int read_memory_of(pid_t process) {
    char byte = 0;
    const iovec here{&byte, 1};
    const iovec there{&byte, 1};
    return errno_of(::process_vm_readv(process, &here, 1, &there, 1, 0));
}

int limit_of(pid_t process) {
    rlimit limit{};
    return errno_of(::syscall(SYS_prlimit64, process, RLIMIT_NOFILE, nullptr, &limit));
}

// in_sandbox is what `tries` come to in a child that is confined for `file`, by their names.
std::map<std::string, int>
in_sandbox(const config::configuration& file,
           const std::vector<std::pair<std::string, std::function<int()>>>& tries) {
    int ends[2];
    REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
    const os::unique_fd ours{ends[0]};
    os::unique_fd theirs{ends[1]};
    const auto child = ::fork();
    if (child == 0) {
        server::sandbox box;
        box.close(file);
        for (const auto& [name, attempt] : tries) {
            const int came_of_it = attempt();
            (void)!::write(theirs.get(), &came_of_it, sizeof came_of_it);
        }
        ::_exit(0);
    }
    REQUIRE(child > 0);
    theirs.reset();
    std::map<std::string, int> answers;
    for (const auto& [name, attempt] : tries) {
        int came_of_it = -1;
        (void)!::read(ours.get(), &came_of_it, sizeof came_of_it);
        answers[name] = came_of_it;
    }
    int status = -1;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(status == 0);
    return answers;
}

#ifdef SNIPASS_SANITIZED
constexpr bool has_sandbox = false;
#else
constexpr bool has_sandbox = true;
#endif

// refused_from: EACCES where the kernel's Landlock is as new as that.
int refused_from(int version) {
    return os::landlock_version() >= version ? EACCES : done;
}

} // namespace

TEST_CASE("sandbox: who takes the process over finds no way out of it") {
    if (!has_sandbox)
        return;
    const site here;
    const auto& folder = here.folder.path;
    const auto other = plain_listener();
    const auto closed_port = bound_to(other.get()).port;
    const auto parent = ::getpid();
    const struct {
        std::string name;
        std::function<int()> attempt;
        int expected;
    } doors[] = {
        {"start a program", start_program, EPERM},
        {"start a process", start_process, EPERM},
        {"run what was written to memory", run_written_memory,
         ::prctl(get_mdwe, 0, 0, 0, 0) < 0 ? done : EACCES},
        {"read a file of the system", [] { return open_file("/etc/passwd", O_RDONLY); }, refused_from(1)},
        {"read a folder of the system", [] { return open_file("/etc", O_RDONLY | O_DIRECTORY); },
         refused_from(1)},
        {"write into the configuration's folder",
         [&] { return open_file(folder / "new", O_CREAT | O_WRONLY); }, refused_from(1)},
        {"write to the configuration", [&] { return open_file(here.file.file, O_WRONLY); }, refused_from(1)},
        {"remove it", [&] { return errno_of(::unlink(here.file.file.c_str())); }, refused_from(1)},
        {"listen on another port", [&] { return bind_to(closed_port); }, refused_from(os::landlock_ports)},
        {"connect to another port", [&] { return connect_to(closed_port); },
         refused_from(os::landlock_ports)},
        {"connect to it with the first bytes", [&] { return connect_by_sending_to(closed_port); }, EPERM},
        {"connect to it with a message", [&] { return connect_by_message_to(closed_port); }, EPERM},
        {"connect by a protocol whose ports are not confined",
         [] { return make_socket(AF_INET, SOCK_STREAM, IPPROTO_MPTCP); }, EPERM},
        {"write packets", [] { return make_socket(AF_INET, SOCK_RAW, IPPROTO_TCP); }, EPERM},
        {"signal another process", [&] { return errno_of(::kill(parent, 0)); }, EPERM},
        {"signal it as a thread", [&] { return errno_of(::syscall(SYS_tgkill, parent, parent, 0)); }, EPERM},
        {"trace another process", [&] { return errno_of(::ptrace(PTRACE_SEIZE, parent, 0, 0)); }, EPERM},
        {"read another process's memory", [&] { return read_memory_of(parent); }, EPERM},
        {"set another process's limits", [&] { return limit_of(parent); }, EPERM},
        {"become another user", [] { return errno_of(::syscall(SYS_setresuid, 0, 0, 0)); }, EPERM},
        {"have a namespace of its own", [] { return errno_of(::unshare(CLONE_NEWUSER)); }, EPERM},
        {"mount", [] { return errno_of(::mount("none", "/mnt", "tmpfs", 0, nullptr)); }, EPERM},
        {"load a program into the kernel", [] { return errno_of(::syscall(SYS_bpf, 0, nullptr, 0)); }, EPERM},
        {"see packets", [] { return make_socket(AF_PACKET, SOCK_RAW); }, EPERM},
        {"load a module", [] { return errno_of(::syscall(SYS_finit_module, -1, "", 0)); }, EPERM},
        {"handle its own page faults", [] { return errno_of(::syscall(SYS_userfaultfd, 0)); }, EPERM},
        {"see keys", [] { return errno_of(::syscall(SYS_keyctl, 0, 0, 0, 0, 0)); }, EPERM},
        {"share memory by a name", [] { return errno_of(::syscall(SYS_shmget, 1, 4096, 0)); }, EPERM},
        {"have a ring", [] { return errno_of(::syscall(SYS_io_uring_setup, 1, nullptr)); }, EPERM},
    };
    std::vector<std::pair<std::string, std::function<int()>>> tries;
    for (const auto& door : doors)
        tries.emplace_back(door.name, door.attempt);
    const auto answers = in_sandbox(here.file, tries);
    for (const auto& door : doors) {
        CAPTURE(door.name);
        CHECK(answers.at(door.name) == door.expected);
    }
    CHECK(std::filesystem::exists(here.file.file));
}

TEST_CASE("sandbox: what the router does it still can") {
    if (!has_sandbox)
        return;
    site here;
    config::listener_settings in;
    in.handoff_path = here.folder.path / "in.sock";
    here.file.listeners.push_back(in);
    const auto backend = bound_to(here.backend.get()).port;
    const auto path = handoff_test::unix_address(in.handoff_path);
    const auto answers = in_sandbox(
        here.file,
        {
            {"read the file", [&] { return open_file(here.file.file, O_RDONLY); }},
            {"read its folder", [&] { return open_file(here.folder.path, O_RDONLY | O_DIRECTORY); }},
            {"listen on a port of the kernel's choice", [] { return bind_to(0); }},
            {"connect to a backend", [&] { return connect_to(backend); }},
            {"start a thread", start_thread},
            {"signal a thread of its own", [] { return errno_of(::pthread_kill(::pthread_self(), 0)); }},
            {"read its own limit", [] { return limit_of(0); }},
            {"ask for routes", [] { return make_socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE); }},
            {"ask the resolver", [] { return make_socket(AF_INET6, SOCK_DGRAM); }},
            {"make a handoff listener's socket",
             [&] {
                 const os::unique_fd fd{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
                 return errno_of(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&path), sizeof path));
             }},
            {"and remove it", [&] { return errno_of(::unlink(in.handoff_path.c_str())); }},
            {"know its descriptors", [] { return open_file("/proc/self/fd", O_RDONLY | O_DIRECTORY); }},
            {"know its memory", [] { return open_file("/proc/self/statm", O_RDONLY); }},
        });
    for (const auto& [name, answer] : answers) {
        CAPTURE(name);
        CHECK(answer == done);
    }
}

TEST_CASE("sandbox: with names in the file the resolver's files can be read") {
    if (!has_sandbox)
        return;
    site here;
    here.add_backend("backend.example.net", 443);
    const auto answers =
        in_sandbox(here.file, {{"hosts", [] { return open_file("/etc/passwd", O_RDONLY); }},
                               {"libraries", [] { return open_file("/usr/lib", O_RDONLY | O_DIRECTORY); }}});
    CHECK(answers.at("hosts") == done);
    CHECK(answers.at("libraries") == done);
}

TEST_CASE("sandbox: a stranger's link among included files opens the file and not its folder") {
    site here;
    const auto elsewhere = std::filesystem::canonical(here.folder.path) / "elsewhere";
    std::filesystem::create_directory(elsewhere);
    std::ofstream{elsewhere / "a.toml"} << "# a file";
    const auto link = here.folder.path / "a.toml";
    std::filesystem::create_symlink(elsewhere / "a.toml", link);
    here.file.included = {link};
    const auto readable = [&] { return server::needs_of(here.file).readable; };
    CHECK(readable().contains(elsewhere)); // our own
    if (::geteuid() != 0)
        return;
    const auto nobodys = [](const std::filesystem::path& one) {
        REQUIRE(::lchown(one.c_str(), 65'534, 65'534) == 0);
    };
    SECTION("a link to the file") {
        nobodys(link);
    }
    SECTION("a link to its folder") {
        const auto way = here.folder.path / "way";
        std::filesystem::create_directory_symlink(elsewhere, way);
        std::filesystem::remove(link);
        std::filesystem::create_symlink(way / "a.toml", link);
        CHECK(readable().contains(elsewhere));
        nobodys(way);
    }
    CHECK_FALSE(readable().contains(elsewhere));
    CHECK(readable().contains(elsewhere / "a.toml"));
}

TEST_CASE("sandbox: workers that cannot be confined are told, and \"required\" does without none") {
    if (!has_sandbox || os::landlock_version() < os::landlock_moves)
        return;
    const auto starts = [](bool is_refused, config::sandbox_mode mode) {
        site here;
        here.file.server.sandbox = mode;
        return in_child([&] {
            // The process's own filters are seccomp(2), and a worker's is prctl(2).
            if (is_refused && !refuse(SYS_prctl, EINVAL, PR_SET_SECCOMP))
                return false;
            server::sandbox box;
            box.close(here.file, {.workers_open_files = false});
            server::log target{here.file.log};
            return box.tell(target);
        });
    };
    using config::sandbox_mode;
    const bool is_whole = os::landlock_version() >= os::landlock_scopes;
    CHECK(starts(false, sandbox_mode::required) == is_whole);
    CHECK(starts(true, sandbox_mode::on));
    CHECK_FALSE(starts(true, sandbox_mode::required));
}

TEST_CASE("sandbox: off is off") {
    site here;
    here.file.server.sandbox = config::sandbox_mode::off;
    CHECK(in_sandbox(here.file, {{"fork", start_process}}).at("fork") == done);
}

TEST_CASE("sandbox: a reload is told what the sandbox has no room for, and where") {
    constexpr int newest = os::landlock_scopes;
    struct row {
        const char* what;
        int version; // of Landlock from which on it matters
        void (*change)(site&);
    };
    const row rows[] = {
        {"snipass.toml:9:10: error: the sandbox that was closed at the start has no room for this: "
         "backend \"backend 1\" is at another port, 1;",
         os::landlock_ports, [](site& one) { one.add_backend("127.0.0.1", 1); }},
        {"listener \"127.0.0.1:0\" listens on another port, 8443", os::landlock_ports,
         [](site& one) { one.file.listeners.front().endpoint->port = 8443; }},
        {"backend \"backend 1\" has names to look up", 1,
         [](site& one) { one.add_backend("a.example.net", bound_to(one.backend.get()).port); }},
        {"snipass.toml:3:18: error: the sandbox that was closed at the start has no room for this: "
         "listener \"127.0.0.1:0\" has names to look up",
         1,
         [](site& one) {
             one.file.listeners.front().allowed_users.push_back({"blog", {3, 18}, {}});
         }},
        {"snipass.toml:2:11: error: the sandbox that was closed at the start has no room for this: "
         "[metrics] listens on another port, 9145",
         os::landlock_ports,
         [](site& one) {
             one.file.metrics.emplace().addresses.push_back(
                 {"127.0.0.1:9145", ip_endpoint::parse("127.0.0.1:9145"), {}, false, {2, 11}});
         }},
        {"[metrics] makes its sockets in another folder, /run/x", 1,
         [](site& one) {
             one.file.metrics.emplace().addresses.push_back({"unix:/run/x/m.sock", {}, "/run/x/m.sock"});
         }},
        {"in another folder, /run/x", 1,
         [](site& one) { one.file.listeners.front().handoff_path = "/run/x/in.sock"; }},
        {"snipass.toml:5:11: error: the sandbox that was closed at the start has no room for this: "
         "backend \"blog\" is in the abstract namespace",
         os::landlock_scopes,
         [](site& one) {
             config::backend_settings blog;
             blog.name = "blog";
             blog.kind = config::handoff_settings{.paths = {"@blog"}, .positions = {{5, 11}}};
             one.file.backends.push_back(blog);
         }},
    };
    for (const auto& [what, version, change] : rows) {
        CAPTURE(what);
        site here;
        const auto allowed = server::needs_of(here.file);
        CHECK(server::beyond(allowed, newest, here.file).empty());
        change(here);
        const auto found = server::beyond(allowed, newest, here.file);
        REQUIRE(found.size() == 1);
        const auto line = found[0].to_string("snipass.toml");
        CAPTURE(line);
        CHECK(line.find(what) != std::string::npos);
        CHECK(line.find("restart snipass (systemctl restart snipass)") != std::string::npos);
        const auto of_tls = server::beyond(allowed, newest, here.file, "snipass-tls");
        CHECK(of_tls[0].message.find("restart snipass-tls (systemctl restart snipass-tls)") !=
              std::string::npos);
        CHECK(server::beyond(allowed, version, here.file).size() == 1);
        CHECK(server::beyond(allowed, version - 1, here.file).size() == (version == 1 ? 1U : 0U));
    }
}
