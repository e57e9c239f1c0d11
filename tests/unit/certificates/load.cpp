// SPDX-License-Identifier: BSL-1.0
// Certificates from files: what is found, and what is wrong with it.
#include "snipass/certificates/load.hpp"

#include "catch.hpp"
#include "certificate_files.hpp"
#include "descriptor_limit.hpp"

#include <fcntl.h>
#include <sys/fsuid.h>
#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <thread>

using namespace snipass;
using namespace snipass::certificates;
using namespace snipass::testing;

namespace {

constexpr config::position where{7, 17};

loaded load_one(const std::string& chain, const std::string& key = {}) {
    return load({{chain, key, where}}, std::time(nullptr));
}

// What was found, or all that is wrong, without the folder.
std::string told(const loaded& made, const std::string& folder) {
    std::string text;
    CHECK(made.is_all == !made.certificates.empty()); // so it is where there is one source
    for (const auto& one : made.certificates)
        text += one.names.front() + ";";
    for (const auto& one : made.diagnostics) {
        CHECK(one.where == where);
        auto message = (one.level == config::severity::error ? "error: " : "warning: ") + one.message;
        for (auto at = message.find(folder); !folder.empty() && at != message.npos; at = message.find(folder))
            message.erase(at, folder.size());
        text += message + ";";
    }
    return text;
}

} // namespace

TEST_CASE("certificates: what is said of a folder is one line, whatever its name") {
    const certificate_folder here;
    const std::string name = "a\nWATCHDOG=trigger\n\x1b[31m";
    (void)here.write(name + "/fullchain.pem", "none");
    const auto made = load_one((here.folder.path / "*").string());
    REQUIRE(made.diagnostics.size() == 1);
    const auto text = made.diagnostics[0].to_string("snipass.toml");
    CHECK(text.find("/a\\u000AWATCHDOG=trigger\\u000A\\u001B[31m/fullchain.pem: has no certificate") !=
          text.npos);
    CHECK(std::ranges::none_of(text, [](char c) { return static_cast<unsigned char>(c) < ' '; }));
}

// Who may write the folder can do so at the worst time. Without O_NONBLOCK this hangs.
TEST_CASE("certificates: a FIFO that comes into the place of a file is not waited for") {
    const certificate_folder here;
    const auto file = here.write("file", "no certificate");
    const auto fifo = file + ".fifo";
    REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0);
    std::atomic<bool> done = false;
    std::jthread neighbour{[&] {
        while (!done)
            (void)::renameat2(AT_FDCWD, file.c_str(), AT_FDCWD, fifo.c_str(), RENAME_EXCHANGE);
    }};
    for (int i = 0; i < 5'000; ++i)
        CHECK_FALSE(load_one(file).is_all);
    done = true;
    neighbour.join();
}

TEST_CASE("certificates: a folder as certbot has it, a pair, a file with both, and a pattern") {
    const certificate_folder here;
    const auto a = issue({{"a.example", "*.A.example"}});
    const auto b = issue({{"b.example"}, key_type::rsa});
    const auto folder = here.add("live/a", a);
    here.add("live/b", b);
    here.write("live/README", "certbot's");
    const auto pair = here.write("chain", a.certificate());
    const auto key = here.write("key", a.private_key());
    const auto both = here.write("files/both.pem", b.private_key() + b.certificate());

    const auto one = load_one(folder);
    REQUIRE(one.certificates.size() == 1);
    CHECK(one.certificates[0].names == std::vector<std::string>{"a.example", "*.a.example"});
    CHECK(one.certificates[0].kind == key_kind::ecdsa);
    CHECK(one.certificates[0].chain.empty());
    CHECK(one.diagnostics.empty());
    CHECK(load_one(pair, key).certificates.size() == 1);
    const auto rsa = load_one(both);
    REQUIRE(rsa.certificates.size() == 1);
    CHECK(rsa.certificates[0].kind == key_kind::rsa);
    CHECK(told(load_one(here.folder.path.string() + "/live/*"), "") == "a.example;b.example;");
    CHECK(told(load_one(here.folder.path.string() + "/files/*.pem"), "") == "b.example;");
}

TEST_CASE("certificates: credentials of systemd") {
    const certificate_folder here;
    here.write("both", issue({{"a.example"}}).certificate() + "");
    const auto who = issue({{"c.example"}, key_type::ed25519});
    here.write("c.chain", who.certificate());
    here.write("c.key", who.private_key());
    ::unsetenv("CREDENTIALS_DIRECTORY");
    CHECK(told(load_one("credential:c.chain", "credential:c.key"), "") ==
          "error: tls.certificates: credential:c.chain: systemd has passed no credentials to this process "
          "(LoadCredential=);");
    const auto elsewhere = load({{"credential:c.chain", "credential:c.key", where}}, std::time(nullptr),
                                config::severity::warning); // as `snipass check` does
    CHECK_FALSE(elsewhere.has_errors());
    CHECK_FALSE(elsewhere.is_all);
    CHECK(elsewhere.diagnostics.size() == 1);
    CHECK(told(load_one(here.folder.path / "c.chain", "credential:c.key"), "") ==
          "error: tls.certificates: credential:c.key: systemd has passed no credentials to this process "
          "(LoadCredential=);");
    ::setenv("CREDENTIALS_DIRECTORY", here.folder.path.c_str(), 1);
    const auto made = load_one("credential:c.chain", "credential:c.key");
    ::unsetenv("CREDENTIALS_DIRECTORY");
    REQUIRE(made.certificates.size() == 1);
    CHECK(made.certificates[0].kind == key_kind::ed25519);
}

TEST_CASE("certificates: what is wrong with one") {
    const certificate_folder here;
    const auto root = issue({});
    const auto between = issue({}, &root);
    const auto good = issue({{"a.example"}}, &between);
    const auto other = issue({{"b.example"}});
    const auto rest = between.certificate() + root.certificate();
    const auto check = [&](const std::string& name, const std::string& chain, const std::string& key,
                           const std::string& expected) {
        INFO(name);
        here.write(name + "/fullchain.pem", chain);
        here.write(name + "/privkey.pem", key);
        CHECK(told(load_one(here.folder.path.string() + "/" + name),
                   here.folder.path.string() + "/" + name) == expected);
    };
    check("a chain in order", good.certificate() + rest, good.private_key(), "a.example;");
    check("a chain in disorder", good.certificate() + root.certificate() + between.certificate(),
          good.private_key(),
          "error: tls.certificates: /fullchain.pem: certificate 2 has not issued the one before it; write "
          "the chain in "
          "order, the server's own certificate first;");
    check(
        "another's key", good.certificate(), other.private_key(),
        "error: tls.certificates: /privkey.pem: is not the key of the first certificate in /fullchain.pem;");
    check("no certificate", "nothing", good.private_key(),
          "error: tls.certificates: /fullchain.pem: has no certificate in PEM; write the file that has the "
          "chain;");
    check("no host name", root.certificate(), root.private_key(),
          "error: tls.certificates: /fullchain.pem: has no host name (subjectAltName), so no client would "
          "take it;");
    auto damaged = between.certificate();
    damaged[100] = '!';
    check("a damaged certificate behind it", good.certificate() + damaged + root.certificate(),
          good.private_key(),
          "error: tls.certificates: /fullchain.pem: certificate 2 is damaged; write the file anew, from "
          "where the certificate came;");
    check("half a certificate", good.certificate().substr(0, 200), good.private_key(),
          "error: tls.certificates: /fullchain.pem: certificate 1 is damaged; write the file anew, from "
          "where the certificate came;");
    auto damaged_key = other.private_key();
    damaged_key[60] = '!';
    check("a damaged key among certificates", good.certificate() + damaged_key + rest, good.private_key(),
          "a.example;");
    check("no chain", good.certificate(), good.private_key(),
          "a.example;warning: tls.certificates: /fullchain.pem: the certificate stands alone, and clients "
          "that do not know its issuer refuse it; write the file with the whole chain (fullchain.pem);");
    const auto weak = issue({{"w.example"}, key_type::weak_rsa});
    check("a weak key", weak.certificate(), weak.private_key(),
          "error: tls.certificates: /privkey.pem: the key is too weak (RSA of 1024 bits); make one of 2048 "
          "bits or more;");
    const auto large = issue({{"l.example"}, key_type::large_rsa});
    check("a key that costs too much", large.certificate(), large.private_key(),
          "error: tls.certificates: /privkey.pem: the key is too large (RSA of 8193 bits); make one of 2048 "
          "bits, or of 8192 at most;");
    const auto ended = issue({{"e.example"}, key_type::ec, -7'200, -3'600});
    check(
        "one that has ended", ended.certificate(), ended.private_key(),
        "e.example;warning: tls.certificates: /fullchain.pem: has ended; get a new one: clients refuse it;");
    const auto early = issue({{"e.example"}, key_type::ec, 3'600, 7'200});
    check("one that has not begun", early.certificate(), early.private_key(),
          "e.example;warning: tls.certificates: /fullchain.pem: has not begun yet; clients refuse it (is "
          "this machine's "
          "clock right?);");
    CHECK(told(load_one(here.folder.path.string() + "/none"), here.folder.path.string()) ==
          "error: tls.certificates: /none: cannot be read: No such file or directory;");
    (void)here.write("two/a.example/fullchain.pem", "none");
    CHECK(
        told(load_one(here.folder.path.string() + "/two"), here.folder.path.string()) ==
        "error: tls.certificates: /two: has no fullchain.pem, but folders that have one; write \"/two/*\";");
    CHECK(told(load_one(here.folder.path.string() + "/zz*"), here.folder.path.string())
              .starts_with("error: tls.certificates: /zz*: there is"));
}

TEST_CASE(
    "certificates: a key that everybody may read is one to hear of, and one with a passphrase is none") {
    const certificate_folder here;
    const auto who = issue({{"a.example"}});
    const auto folder = here.add("a", who);
    std::filesystem::permissions(folder + "/privkey.pem", std::filesystem::perms::others_read,
                                 std::filesystem::perm_options::add);
    CHECK(told(load_one(folder), folder) ==
          "a.example;warning: tls.certificates: /privkey.pem: everybody may read this key; chmod o-r;");
    here.write("a/privkey.pem", "-----BEGIN ENCRYPTED PRIVATE KEY-----\n"
                                "MIHsMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAh3c0NbMXwv4QICCAAw\n"
                                "DAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEEPlDcYyxS0mY0Ij1g5fYH1kEgZCy\n"
                                "-----END ENCRYPTED PRIVATE KEY-----\n");
    CHECK(load_one(folder).has_errors());
}

TEST_CASE("certificates: a folder that this user may not enter is not passed over") {
    namespace fs = std::filesystem;
    const certificate_folder here;
    here.add("live/a", issue({{"a.example"}}));
    const fs::path closed = here.add("live/b", issue({{"b.example"}}));
    for (const auto& above : {here.folder.path, closed.parent_path()})
        fs::permissions(above, fs::perms{0755});
    fs::permissions(closed, fs::perms::none);
    const auto before = ::setfsuid(65534); // root enters all folders; of others it changes nothing
    const auto all = here.folder.path.string() + "/live/*";
    const auto made = load_one(all);
    const auto other = load({{all, {}, where}}, std::time(nullptr), config::severity::warning);
    ::setfsuid(static_cast<uid_t>(before));
    fs::permissions(closed, fs::perms::owner_all);
    CHECK(told(made, here.folder.path.string()) ==
          "error: tls.certificates: /live/b/fullchain.pem: Permission denied;");
    CHECK(told(other, here.folder.path.string()) ==
          "warning: tls.certificates: /live/b/fullchain.pem: Permission denied;");
}

TEST_CASE("certificates: where the files of links lie, and of names to come") {
    const certificate_folder here;
    const auto real = here.add("archive/a", issue({{"a.example"}}));
    const std::filesystem::path live = std::filesystem::path{here.folder.path} / "live/a";
    std::filesystem::create_directories(live);
    for (const auto* const name : {"fullchain.pem", "privkey.pem"})
        std::filesystem::create_symlink(real + "/" + name, live / name);
    const auto pattern = (live.parent_path() / "*").string();
    const auto archive = std::filesystem::canonical(real).parent_path().string();
    const auto found = folders_of({{pattern, {}, where}});
    CHECK(std::ranges::count(found, live.parent_path().string()) == 1);
    CHECK(std::ranges::count(found, archive) == 1);
    CHECK(load_one(pattern).certificates.size() == 1);
}

TEST_CASE("certificates: where descriptors are short the file is innocent") {
    const certificate_folder here;
    const auto folder = here.add("live/a", issue({{"a.example"}}));
    for (const auto& source : {folder, here.folder.path.string() + "/live/*"}) {
        descriptor_limit none{0};
        const auto made = load_one(source);
        none.lift();
        REQUIRE(made.diagnostics.size() == 1);
        CHECK(made.diagnostics[0].is_shortage);
        CHECK_THAT(made.diagnostics[0].message,
                   Catch::Matchers::ContainsSubstring(
                       "Too many open files; let it have more descriptors (LimitNOFILE= of its unit"));
    }
}
