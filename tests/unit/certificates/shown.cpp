// SPDX-License-Identifier: BSL-1.0
// The certificate that a backend is shown: what is asked of it is not what clients ask of a server's.
#include "snipass/certificates/authorities.hpp"
#include "snipass/certificates/load.hpp"

#include "catch.hpp"
#include "certificate_files.hpp"

#include <ctime>

using namespace snipass;
using namespace snipass::certificates;
using namespace snipass::testing;

namespace {

config::configuration with(const std::string& chain, const std::string& key = {}) {
    config::configuration made;
    made.backends.emplace_back(); // one that terminates nothing
    auto& backend = made.backends.emplace_back();
    backend.name = "b";
    backend.termination.emplace().encryption.emplace().shown = config::certificate_source{chain, key, {7, 9}};
    return made;
}

std::string told(const std::string& folder, const loaded_shown& made) {
    std::string text;
    for (const auto& one : made.diagnostics) {
        CHECK(one.where == config::position{7, 9});
        text += (one.level == config::severity::error ? "error: " : "warning: ") + one.message;
    }
    for (auto at = text.find(folder); !folder.empty() && at != text.npos; at = text.find(folder))
        text.erase(at, folder.size());
    return text;
}

} // namespace

TEST_CASE("certificates: one for backends needs neither a host name nor its issuer's") {
    const certificate_folder here;
    const auto issuer = issue({});
    const auto folder = here.add("shown", issue({{}, key_type::rsa}, &issuer));
    for (const auto& [chain, key] :
         {std::pair{folder, std::string{}}, {folder + "/fullchain.pem", folder + "/privkey.pem"}}) {
        const auto all = with(chain, key);
        const auto made = load_shown(all, std::time(nullptr));
        CHECK(told("", made).empty());
        REQUIRE(made.by_backend.size() == 1);
        CHECK(made.by_backend.at("b").leaf);
        CHECK(made.by_backend.at("b").key);
        CHECK(sources_of(all).size() == 2); // with backend_ca's, which has a default
    }
}

TEST_CASE("certificates: what is wrong with one for backends") {
    struct row {
        std::string name;
        std::string chain;
        std::string key;
        std::string expected;
        bool can_be_used;
    };
    const auto good = issue({{"a.example"}});
    const auto other = issue({{"b.example"}});
    const auto root = issue({});
    const auto old = issue({{"a.example"}, key_type::ec, -7'200, -3'600});
    const auto of_server = issue({.names = {"a.example"}, .usage = "serverAuth"});
    const std::string key = "backend.b.backend_certificate: ";
    const row rows[] = {
        {"another's key", good.certificate(), other.private_key(),
         "error: " + key + "/privkey.pem: is not the key of the first certificate in /fullchain.pem", false},
        {"no certificate", "", good.private_key(),
         "error: " + key + "/fullchain.pem: has no certificate in PEM; write the file that has the chain",
         false},
        {"a chain in disorder", good.certificate() + root.certificate(), good.private_key(),
         "error: " + key +
             "/fullchain.pem: certificate 2 has not issued the one before it; write the chain in order, "
             "snipass-tls's own certificate first",
         false},
        {"one that has ended", old.certificate(), old.private_key(),
         "warning: " + key + "/fullchain.pem: has ended; get a new one: backends refuse it", true},
        {"one for servers", of_server.certificate(), of_server.private_key(),
         "warning: " + key +
             "/fullchain.pem: is no client's (extendedKeyUsage), so backends refuse it; get one with "
             "clientAuth",
         true},
    };
    const certificate_folder here;
    for (const auto& one : rows) {
        INFO(one.name);
        (void)here.write(one.name + "/fullchain.pem", one.chain);
        const auto file = here.write(one.name + "/privkey.pem", one.key);
        const auto folder = std::filesystem::path{file}.parent_path().string();
        const auto made = load_shown(with(folder), std::time(nullptr));
        CHECK(told(folder, made) == one.expected);
        CHECK(made.by_backend.contains("b") == one.can_be_used);
    }
    CHECK(told("", load_shown(with("/none"), std::time(nullptr))) ==
          "error: " + key + "/none: cannot be read: No such file or directory");
}
