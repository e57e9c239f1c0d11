// SPDX-License-Identifier: BSL-1.0
// The authorities of clients' certificates, and what is wrong with their files.
#include "snipass/certificates/authorities.hpp"

#include "catch.hpp"
#include "certificate_files.hpp"
#include "descriptor_limit.hpp"

#include <cstdlib>
#include <ctime>

using namespace snipass;
using namespace snipass::certificates;
using namespace snipass::testing;

namespace {

config::backend_settings backend_with(const std::string& file) {
    config::backend_settings made;
    made.name = "b";
    made.termination.emplace().clients = config::client_certificates{file, true, {7, 9}};
    return made;
}

std::string told(const std::string& file, const loaded_authorities& made) {
    std::string text;
    for (const auto& one : made.diagnostics) {
        CHECK(one.where == config::position{7, 9});
        text += (one.level == config::severity::error ? "error: " : "warning: ") + one.message;
    }
    const auto at = text.find(file);
    return at == text.npos ? text : text.replace(at, file.size(), "FILE");
}

} // namespace

TEST_CASE("authorities: one file is read once, for all backends that name it") {
    const certificate_folder here;
    const auto file = here.write("clients.pem", issue({}).certificate() + issue({}).certificate());
    config::configuration all;
    all.backends.push_back(backend_with(file));
    all.backends.push_back(backend_with(file));
    all.backends.emplace_back();
    const auto made = load_authorities(all, std::time(nullptr));
    CHECK(made.diagnostics.empty());
    REQUIRE(made.files.size() == 1);
    CHECK(made.files.at(file).size() == 2);
    CHECK(sources_of(all).size() == 2);
}

TEST_CASE("authorities: credentials that systemd passes to another process are a file nobody here may read") {
    config::configuration all;
    all.backends.push_back(backend_with("credential:clients"));
    ::unsetenv("CREDENTIALS_DIRECTORY");
    const std::string what = "backend.b.client_ca: FILE: systemd has passed no credentials to this process "
                             "(LoadCredential=)";
    CHECK(told("credential:clients", load_authorities(all, std::time(nullptr))) == "error: " + what);
    CHECK(told("credential:clients", load_authorities(all, std::time(nullptr), config::severity::warning)) ==
          "warning: " + what);
}

TEST_CASE("authorities: where descriptors are short the file is innocent") {
    const certificate_folder here;
    config::configuration all;
    all.backends.push_back(backend_with(here.write("clients.pem", issue({}).certificate())));
    descriptor_limit none{0};
    const auto made = load_authorities(all, std::time(nullptr));
    none.lift();
    REQUIRE(made.diagnostics.size() == 1);
    CHECK(made.diagnostics[0].is_shortage);
}

TEST_CASE("authorities: what is wrong with a file") {
    struct row {
        std::string name;
        std::string content;
        std::string expected;
        bool can_be_used;
    };
    const auto root = issue({});
    const row rows[] = {
        {"nothing in it", "",
         "error: backend.b.client_ca: FILE: has no certificate in PEM; write the file with those of the "
         "authorities that issue your clients'",
         false},
        {"one that is damaged", root.certificate() + root.certificate().substr(0, 200),
         "error: backend.b.client_ca: FILE: certificate 2 is damaged; write the file anew, from where the "
         "certificate came",
         false},
        {"one that has ended", issue({{}, key_type::ec, -7'200, -3'600}).certificate(),
         "warning: backend.b.client_ca: FILE: certificate 1 has ended, so no client is taken because of it",
         true},
        {"a client's own", root.certificate() + issue({{"somebody"}}, &root).certificate(),
         "warning: backend.b.client_ca: FILE: certificate 2 is no authority's (CA:TRUE), so it vouches for "
         "nobody",
         true},
    };
    const certificate_folder here;
    for (const auto& one : rows) {
        INFO(one.name);
        const auto file = here.write(one.name, one.content);
        config::configuration all;
        all.backends.push_back(backend_with(file));
        const auto made = load_authorities(all, std::time(nullptr));
        CHECK(told(file, made) == one.expected);
        CHECK(made.files.contains(file) == one.can_be_used);
    }
    config::configuration none;
    none.backends.push_back(backend_with("/none"));
    CHECK(told("/none", load_authorities(none, std::time(nullptr))) ==
          "error: backend.b.client_ca: FILE: cannot be read: No such file or directory");
}
