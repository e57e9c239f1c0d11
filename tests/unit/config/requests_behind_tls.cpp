// SPDX-License-Identifier: BSL-1.0
// Backends that are told of a request (scgi), and whose TLS ends in snipass-tls.
#include "mistakes.hpp"

#include "snipass/config/explain.hpp"
#include "snipass/config/part.hpp"

using namespace snipass;
using namespace snipass::config;
using Catch::Matchers::ContainsSubstring;

namespace {

const std::string tls = "[tls]\ncertificates = \"/etc/c\"\n";

} // namespace

TEST_CASE("mistakes in a backend that is told of requests behind TLS") {
    const std::string used = tls + listener + "[default]\nbackend = \"x\"\n";
    check(GENERATE_COPY(values<mistakes_row>({
        {"requests of HTTP/2",
         "[backend.x]\nhandoff = \"unix:/x\"\nprotocol = \"scgi\"\ntls = \"terminate\"\nalpn = [\"h2\", "
         "\"http/1.1\"]\n" +
             used,
         {"5:8: error: backend.x.alpn: protocol = \"scgi\" passes on requests of HTTP/1; write alpn = "
          "\"http/1.1\""}},
        {"a sorry that is told of a request for which nobody has waited",
         "[backend.x]\nhandoff = \"unix:/x\"\ntls = \"terminate\"\nsorry = \"y\"\n"
         "[backend.y]\nhandoff = \"unix:/y\"\nprotocol = \"scgi\"\ntls = \"terminate\"\n" +
             used,
         {"4:9: error: backend.x.sorry: leads to \"y\", which is told of a request, and for one nobody has "
          "waited; write protocol = \"scgi\" for both, or for neither"}},
    })));
}

TEST_CASE("a backend of scgi behind TLS needs no listener for HTTP, and any sorry whose TLS ends, too") {
    const std::string text =
        tls +
        "[backend.x]\nhandoff = \"unix:/x\"\ntls = \"terminate\"\nprotocol = \"scgi\"\nsorry = \"y\"\n" +
        "[backend.y]\nhandoff = \"unix:/y\"\ntls = \"terminate\"\n" + listener +
        "[default]\nbackend = \"x\"\n";
    const auto parsed = parse(text, "f");
    CHECK(parsed.diagnostics.empty());
    REQUIRE(parsed.value);
    CHECK_THAT(explain(*parsed.value, {}).value.value_or(""),
               ContainsSubstring("goes in clear by handoff by \"scgi\" to unix:/x"));
    auto routers = std::move(const_cast<configuration&>(*parsed.value));
    keep(routers, part::router);
    CHECK(routers.backends.at(0).handoff()->protocol == handoff_protocol::stream); // to snipass-tls
}
