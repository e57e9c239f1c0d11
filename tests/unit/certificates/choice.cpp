// SPDX-License-Identifier: BSL-1.0
// Which certificate a name gets, and what names and routes have to say of each other.
#include "snipass/certificates/choice.hpp"

#include "catch.hpp"
#include "snipass/certificates/coverage.hpp"
#include "snipass/config/parse.hpp"

using namespace snipass;
using namespace snipass::certificates;

namespace {

certificate with(std::vector<std::string> names, key_kind kind = key_kind::ecdsa, std::string file = "c") {
    certificate one;
    one.names = std::move(names);
    one.kind = kind;
    one.file = std::move(file);
    one.where = {2, 16};
    return one;
}

std::vector<certificate> list(auto... all) {
    std::vector<certificate> made;
    (made.push_back(std::move(all)), ...);
    return made;
}

// The index of the certificate with an EC key; -1: none.
int found(const choice& known, const char* name) {
    const auto* const offer = known.find(name == nullptr ? std::nullopt : host_name::parse(name));
    if (offer == nullptr)
        return -1;
    const auto index = offer->of_kind[static_cast<std::size_t>(key_kind::ecdsa)];
    return index ? static_cast<int>(*index) : -1;
}

std::vector<std::string> told(const std::string& text, const std::vector<certificate>& all) {
    const auto parsed = config::parse(text, "f");
    for (const auto& one : parsed.diagnostics)
        UNSCOPED_INFO(one.to_string("f"));
    REQUIRE(parsed.value);
    std::vector<std::string> lines;
    for (const auto& one : coverage(all, *parsed.value))
        lines.push_back(one.to_string("f"));
    return lines;
}

const std::string site = R"([tls]
certificates = ["/etc/c"]
[[listener]]
address = "[::]:443"
[backend.b]
handoff = "unix:/run/b.sock"
tls = "terminate"
[[route]]
names = ["a.example", "*.w.example", "/x+/"]
backend = "b"
)";

} // namespace

TEST_CASE("choice: exact, then a wildcard of one label, then none") {
    const auto all = list(with({"*.a.example"}), with({"b.a.example", "c.example"}), with({"*.b.a.example"}));
    const choice known{all, {}};
    CHECK(found(known, "b.a.example") == 1);
    CHECK(found(known, "x.a.example") == 0);
    CHECK(found(known, "X.A.EXAMPLE.") == 0);
    CHECK(found(known, "a.example") == -1);
    CHECK(found(known, "y.x.a.example") == -1);
    CHECK(found(known, "y.b.a.example") == 2);
    CHECK(found(known, "c.example") == 1);
    CHECK(found(known, "example") == -1);
    CHECK(found(known, nullptr) == -1);
}

TEST_CASE("choice: the default is for whoever has no certificate, or asks for no name") {
    const auto all = list(with({"a.example"}), with({"*.d.example"}));
    const choice known{all, "www.d.example"};
    CHECK(found(known, "a.example") == 0);
    CHECK(found(known, "other.example") == 1);
    CHECK(found(known, nullptr) == 1);
    CHECK(choice{all, "nobody.example"}.find(std::nullopt) == nullptr);
}

TEST_CASE("choice: one certificate of each kind for a name, and of two of one kind the first") {
    const auto all =
        list(with({"a.example"}), with({"a.example"}, key_kind::rsa), with({"a.example", "b.example"}));
    const choice known{all, {}};
    const auto* const both = known.find(host_name::parse("a.example"));
    REQUIRE(both);
    CHECK(both->of_kind[0] == 0U);
    CHECK(both->of_kind[1] == 1U);
    CHECK(found(known, "b.example") == 2);
    CHECK(known.offers().size() == 2);
    CHECK(&known.offers()[known.index_of(*both)] == both);
}

TEST_CASE("coverage: names without certificates, certificates without names") {
    CHECK(told(site, list(with({"a.example"}), with({"*.w.example"}))).empty());
    CHECK(told(site, list(with({"a.example"}))) ==
          std::vector<std::string>{
              "f:9:23: warning: route.names: no certificate has \"*.w.example\", so these clients "
              "are refused (unrecognized_name); write where it is into certificates of [tls], at "
              "line 1"});
    CHECK(told(site, list(with({"a.example", "*.w.example"}),
                          with({"z.example", "y.example"}, key_kind::rsa, "z"))) ==
          std::vector<std::string>{
              "f:2:16: warning: tls.certificates: z has \"z.example\" and others, and no route "
              "leads from there to a backend with tls = \"terminate\""});
    CHECK(told(site,
               list(with({"a.example", "*.w.example"}), with({"a.example"}, key_kind::ecdsa, "second"))) ==
          std::vector<std::string>{
              "f:2:16: warning: tls.certificates: second is not used for \"a.example\", because c "
              "has it, with a key of the same kind; leave one of them out"});
    CHECK(told(site, list(with({"a.example", "*.w.example"}), with({"xx"}))).empty()); // by the regex
}

TEST_CASE("coverage: the default is a name that a certificate has") {
    auto text = site;
    text.insert(text.find("[[listener]]"), "default = \"a.example\"\n");
    CHECK(told(text, list(with({"a.example"}))).empty());
    CHECK(told(text, list(with({"b.w.example"}))) ==
          std::vector<std::string>{
              "f:3:11: error: tls.default: no certificate has \"a.example\"; write a name that one "
              "of them has, or leave it out"});
}
