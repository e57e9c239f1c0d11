// SPDX-License-Identifier: BSL-1.0
// [tls], backends whose TLS ends in snipass-tls, and whose part of the file is what.
#include "mistakes.hpp"

#include "snipass/config/explain.hpp"
#include "snipass/config/part.hpp"

using namespace snipass;
using namespace snipass::config;
using namespace std::chrono_literals;
using Catch::Matchers::ContainsSubstring;

namespace {

const std::string tls = "[tls]\ncertificates = \"/etc/c\"\n";
std::string backend_of(const std::string& name) {
    return "[backend." + name + "]\nhandoff = \"unix:/run/" + name + ".sock\"\n";
}
const std::string encrypted =
    "[backend.x]\nproxy = \"10.0.0.1:443\"\ntls = \"terminate\"\nbackend_tls = true\n";
const std::string ended = "[backend.b]\nhandoff = \"unix:/run/b.sock\"\ntls = \"terminate\"\n";

configuration whole(const std::string& text, part which = part::whole) {
    const auto parsed = parse(text, "f");
    for (const auto& one : parsed.diagnostics)
        UNSCOPED_INFO(one.to_string("f"));
    REQUIRE(parsed.value);
    // A configuration is not copied: its table has a million names.
    auto made = std::move(const_cast<configuration&>(*parsed.value));
    keep(made, which);
    return made;
}

} // namespace

TEST_CASE("mistakes in [tls]") {
    const std::string behind = ended + listener + fallback;
    check(GENERATE_COPY(values<mistakes_row>({
        {"no certificates",
         "[tls]\n" + behind,
         {"1:1: error: tls: no certificates; write certificates = [\"/etc/snipass/live/*\"], or the "
          "folder where "
          "yours are"}},
        {"a relative path",
         "[tls]\ncertificates = \"live\"\n" + behind,
         {"2:16: error: tls.certificates: \"live\" is a relative path; write one from the root, such as "
          "\"/etc/snipass/live\""}},
        {"a star in the middle",
         "[tls]\ncertificates = [\"/etc/*/live\"]\n" + behind,
         {"2:17: error: tls.certificates: \"/etc/*/live\" has a \"*\" in front of a \"/\"; it may stand in "
          "the last "
          "part only, such as \"/etc/snipass/live/*\""}},
        {"a pair without a key",
         "[tls]\ncertificates = [{ chain = \"/c.pem\" }]\n" + behind,
         {"2:17: error: tls.certificates: no key; write { chain = \"/PATH/fullchain.pem\", key = "
          "\"/PATH/privkey.pem\" }"}},
        {"a pair with a pattern",
         "[tls]\ncertificates = [{ chain = \"/*.pem\", key = \"/k.pem\" }]\n" + behind,
         {"2:27: error: tls.certificates.chain: \"/*.pem\" has a \"*\"; write the name of one file"}},
        {"a pair with a third key",
         "[tls]\ncertificates = [{ chain = \"/c\", key = \"/k\", kay = 1 }]\n" + behind,
         {"2:45: error: tls.certificates.kay: unknown key; write \"key\""}},
        {"a credential with a folder",
         "[tls]\ncertificates = \"credential:a/b\"\n" + behind,
         {"2:16: error: tls.certificates: \"credential:a/b\" names no credential; write what LoadCredential= "
          "has in "
          "front of its colon, such as \"credential:blog.pem\""}},
        {"no version",
         tls + "min_version = \"1.1\"\n" + behind,
         {"3:15: error: tls.min_version: no \"1.1\" here; write \"1.2\""}},
        {"no handshake at all",
         tls + "max_handshakes = 0\n" + behind,
         {"3:18: error: tls.max_handshakes: 0 is out of range; write at least 1"}},
        {"a default that is no name",
         tls + "default = \"*\"\n" + behind,
         {"3:11: error: tls.default: \"*\" is no host name; write one that a certificate has, such as "
          "\"www.example.com\""}},
        {"the abstract namespace",
         tls + "handoff = \"unix:@tls\"\n" + behind,
         {"3:11: error: tls.handoff: \"unix:@tls\" is in the abstract namespace, where nothing keeps "
          "strangers out; "
          "write a path such as \"unix:/run/snipass-tls/handoff.sock\""}},
        {"a path that is a backend's",
         tls + "handoff = \"unix:/run/b.sock\"\n" + behind,
         {"4:1: error: backend.b.handoff: \"unix:/run/b.sock\" is where snipass-tls takes clients "
          "(tls.handoff); write "
          "the backend's own path, and tls = \"terminate\""}},
        {"a path that is a listener's",
         tls + "handoff = \"unix:/run/in.sock\"\n" + ended +
             "[[listener]]\naddress = \"handoff:/run/in.sock\"\n" + fallback,
         {"8:11: error: listener.address: \"unix:/run/in.sock\" is where snipass-tls takes clients "
          "(tls.handoff); write "
          "another path"}},
        {"nobody who needs it",
         tls + rest,
         {"1:1: warning: tls: no backend has tls = \"terminate\", so nobody comes here; write it into one, "
          "or leave "
          "[tls] out"}},
    })));
}

TEST_CASE("mistakes in a backend whose TLS ends in snipass-tls") {
    const std::string used = listener + "[default]\nbackend = \"x\"\n";
    check(GENERATE_COPY(values<mistakes_row>({
        {"no [tls]",
         "[backend.x]\nhandoff = \"unix:/x\"\ntls = \"terminate\"\n" + used,
         {"3:7: error: backend.x.tls: there is no [tls]; write one, with certificates = "
          "[\"/etc/snipass/live/*\"]"}},
        {"another word",
         "[backend.x]\nhandoff = \"unix:/x\"\ntls = \"end\"\n" + used,
         {"3:7: error: backend.x.tls: no \"end\" here; known here: \"terminate\""}},
        {"protocols as nobody spells them",
         "[backend.x]\nhandoff = \"unix:/x\"\ntls = \"terminate\"\nalpn = [\"HTTP/1.1\", \"http/2\", "
         "\"h2\"]\n" +
             tls + used,
         {"4:9: error: backend.x.alpn: \"HTTP/1.1\" is what no client offers; write \"http/1.1\"",
          "4:21: error: backend.x.alpn: \"http/2\" is what no client offers; write \"h2\""}},
        {"a protocol of UDP",
         "[backend.x]\nhandoff = \"unix:/x\"\ntls = \"terminate\"\nalpn = \"h3\"\n" + tls + used,
         {"4:8: error: backend.x.alpn: \"h3\" is QUIC's, over UDP, and here is TCP; write \"h2\" or "
          "\"http/1.1\""}},
        {"keys that need it",
         "[backend.x]\nhandoff = \"unix:/x\"\nalpn = \"h2\"\nplaintext = \"relay\"\n" + used,
         {"3:1: error: backend.x.alpn: belongs to a backend with tls = \"terminate\"; write that, or leave "
          "it out",
          "4:1: error: backend.x.plaintext: belongs to a backend with tls = \"terminate\"; write that, or "
          "leave it "
          "out"}},
        {"somebody to verify, and by nobody's word",
         "[backend.x]\nhandoff = \"unix:/x\"\ntls = \"terminate\"\nverify = \"optional\"\n" + tls + used,
         {"4:10: error: backend.x.verify: there is no client_ca; write the file with the certificates of "
          "those who issue your clients', such as client_ca = \"/etc/snipass/clients.pem\""}},
        {"neither yes nor no",
         "[backend.x]\nhandoff = \"unix:/x\"\ntls = \"terminate\"\nclient_ca = \"/c\"\nverify = "
         "\"perhaps\"\n" +
             tls + used,
         {"5:10: error: backend.x.verify: no \"perhaps\" here; known here: \"required\", \"optional\""}},
        {"a relative file of authorities",
         "[backend.x]\nhandoff = \"unix:/x\"\ntls = \"terminate\"\nclient_ca = \"c.pem\"\n" + tls + used,
         {"4:13: error: backend.x.client_ca: \"c.pem\" is a relative path; write one from the root, such as "
          "\"/etc/snipass/c.pem\""}},
        {"TLS towards a socket of this machine",
         "[backend.x]\nhandoff = \"unix:/x\"\ntls = \"terminate\"\nbackend_tls = true\n" + tls + used,
         {"4:15: error: backend.x.backend_tls: the backend is handed a socket of this machine, which nobody "
          "else sees; leave it out, or write proxy in place of handoff"}},
        {"a name to check, of nobody",
         "[backend.x]\nproxy = \"10.0.0.1:443\"\ntls = \"terminate\"\nbackend_name = \"a.example\"\n" + tls +
             used,
         {"4:1: error: backend.x.backend_name: belongs to backend_tls = true; write that, or leave it out"}},
        {"a certificate to show, and nothing that asks for it",
         "[backend.x]\nproxy = \"10.0.0.1:443\"\ntls = \"terminate\"\nbackend_certificate = \"/c\"\n" + tls +
             used,
         {"4:1: error: backend.x.backend_certificate: belongs to backend_tls = true; write that, or leave it "
          "out"}},
        {"a certificate to show, and no key",
         encrypted + "backend_certificate = { chain = \"/c\" }\n" + tls + used,
         {"5:23: error: backend.x.backend_certificate: no key; write { chain = \"/PATH/fullchain.pem\", key "
          "= "
          "\"/PATH/privkey.pem\" }"}},
        {"several certificates to show",
         encrypted + "backend_certificate = \"/c/*\"\n" + tls + used,
         {"5:23: error: backend.x.backend_certificate: \"/c/*\" has a \"*\"; write the name of one file"}},
        {"a certificate to show, where nobody knows",
         encrypted + "backend_certificate = \"c.pem\"\n" + tls + used,
         {"5:23: error: backend.x.backend_certificate: \"c.pem\" is a relative path; write one from the "
          "root, "
          "such as \"/etc/snipass/c.pem\""}},
        {"kernel TLS for a proxied backend",
         "[backend.x]\nproxy = \"192.0.2.1:80\"\ntls = \"terminate\"\nplaintext = \"ktls\"\n" + tls + used,
         {"4:13: error: backend.x.plaintext: \"ktls\" is for a backend that is handed its clients, and this "
          "one "
          "is proxied; leave it out"}},
        {"kernel TLS, and no room for a second socket",
         "[tls]\nhandoff = \"unix:/" + std::string(100, 'x') +
             "\"\ncertificates = \"/etc/c\"\n[backend.x]\nhandoff = \"unix:/x\"\ntls = "
             "\"terminate\"\nplaintext = "
             "\"ktls\"\n" +
             used,
         {"2:11: error: tls.handoff: \"unix:/" + std::string(100, 'x') +
          "\" has no room for the socket beside it (.farewell), which plaintext = \"ktls\" needs; write a "
          "path "
          "that is 3 bytes shorter"}},
        {"kernel TLS, and a sorry that is handed socket pairs",
         "[backend.x]\nhandoff = \"unix:/x\"\ntls = \"terminate\"\nplaintext = \"ktls\"\nsorry = \"y\"\n"
         "[backend.y]\nhandoff = \"unix:/y\"\ntls = \"terminate\"\n" +
             tls + used,
         {"5:9: error: backend.x.sorry: leads to \"y\", which is handed socket pairs, and a client whose "
          "keys the "
          "kernel has cannot become one; write plaintext = \"ktls\" for both, or for neither"}},
        {"a protocol without a header",
         "[backend.x]\nhandoff = \"unix:/x\"\nprotocol = \"datagram\"\ntls = \"terminate\"\n" + tls + used,
         {"4:7: error: backend.x.tls: protocol = \"datagram\" has no place to say that TLS has ended; write "
          "protocol = "
          "\"stream\""}},
        {"a host that the client chooses",
         "[backend.x]\nproxy = \"{host_name}:443\"\ntls = \"terminate\"\n" + tls + listener +
             "[[route]]\nnames = [\"*.a.example\"]\nbackend = \"x\"\n",
         {"3:7: error: backend.x.tls: a host that the client chooses does TLS itself; leave it out"}},
        {"a sorry that does TLS itself",
         "[backend.x]\nhandoff = \"unix:/x\"\ntls = \"terminate\"\nsorry = \"b\"\n" + backend + tls + used,
         {"4:9: warning: backend.x.sorry: \"b\" does TLS itself, so it gets clients only while snipass-tls "
          "is away, and "
          "none once their handshake is done; write a backend with tls = \"terminate\""}},
        {"clear text for everybody to read",
         "[backend.x]\nproxy = [\"10.0.0.1:80\", \"198.41.0.4:80\"]\ntls = \"terminate\"\n" + tls + used,
         {"2:25: warning: backend.x.proxy: \"198.41.0.4:80\" is a public address, and what its clients say "
          "goes there "
          "in clear; write backend_tls = true, or an address of a network that is yours"}},
    })));
}

TEST_CASE("[tls] has what is written") {
    const auto made = whole(ended + listener + fallback + R"([tls]
certificates = ["/etc/live/*", { chain = "/c", key = "credential:k" }]
handoff = "unix:/run/t.sock"
allowed_users = [7]
handshake_timeout = "3s"
max_handshakes = 5
min_version = "1.3"
default = "WWW.Example.com"
)");
    REQUIRE(made.tls);
    REQUIRE(made.tls->certificates.size() == 2);
    CHECK(made.tls->certificates[0].chain == "/etc/live/*");
    CHECK(made.tls->certificates[0].key.empty());
    CHECK(made.tls->certificates[1].key == "credential:k");
    CHECK(made.tls->handoff_path == "/run/t.sock");
    CHECK(made.tls->allowed_users.at(0).id == 7U);
    CHECK(made.tls->handshake_timeout == 3s);
    CHECK(made.tls->max_handshakes == 5);
    CHECK(made.tls->min_version == tls_version::v1_3);
    CHECK(made.tls->default_name == "www.example.com");
}

TEST_CASE("the router's part: such a backend is at the path of snipass-tls") {
    const auto made = whole(tls + ended + listener + fallback, part::router);
    const auto* const handoff = made.backends.at(0).handoff();
    REQUIRE(handoff);
    CHECK(handoff->paths == std::vector<std::string>{"/run/snipass-tls/handoff.sock"});
    CHECK(made.listeners.at(0).address == "[::]:443");
}

TEST_CASE("the router's part: clients are held for as long as a restart of snipass-tls may take") {
    const auto hold = [](const std::string& server, const std::string& keys, part which = part::router) {
        const auto made =
            whole(server + tls + ended + keys + backend_of("other") + listener + fallback, which);
        return made.backends.at(0).hold;
    };
    CHECK(hold("", "") == 40s); // drain_timeout, and a start
    CHECK(hold("[server]\ndrain_timeout = \"5s\"\n", "") == 15s);
    CHECK(hold("", "hold = \"1s\"\n") == 40s);
    CHECK(hold("", "hold = \"1m\"\n") == 60s);
    CHECK(hold("", "sorry = \"other\"\n") == 0s);
    CHECK(hold("", "", part::tls) == 5s); // it is about the backend there
}

TEST_CASE("snipass-tls's part: one listener, and backends that get clear text") {
    const std::string raw = "[backend.raw]\nproxy = \"a.example:443\"\nsorry = \"b\"\n";
    const std::string last =
        "[backend.last]\nhandoff = \"unix:/last\"\ntls = \"terminate\"\nsorry = \"raw\"\n";
    const auto parsed = parse(tls + last + raw + ended + listener + fallback, "f");
    REQUIRE(parsed.value);
    auto made = std::move(const_cast<configuration&>(*parsed.value));
    keep(made, part::tls);
    REQUIRE(made.listeners.size() == 1);
    CHECK(made.listeners[0].unmatched == policy::route_to_default);
    made.default_backend = std::nullopt;
    keep(made, part::tls);
    CHECK(made.listeners[0].unmatched == policy::alert); // the router has read another file
    CHECK(made.listeners[0].farewell_path == made.listeners[0].handoff_path + ".farewell");
    CHECK(made.listeners[0].handoff_path == "/run/snipass-tls/handoff.sock");
    CHECK(made.backends.at(0).sorry == 2U);        // past the one that would take clear text for a hello
    CHECK(made.backends.at(1).relay() == nullptr); // nobody resolves its name here
    CHECK(first_terminated(made, 1) == std::optional{2U}); // who was sent here because `raw` is away
    CHECK(made.backends.at(2).handoff()->paths.at(0) == "/run/b.sock");
}

TEST_CASE("a backend's clients show certificates") {
    const auto clients = [](const std::string& keys) {
        const auto made = whole(tls + ended + keys + listener + fallback);
        return made.backends.at(0).termination->clients;
    };
    CHECK_FALSE(clients(""));
    CHECK(clients("client_ca = \"/c.pem\"\n")->authorities == "/c.pem");
    CHECK(clients("client_ca = \"/c.pem\"\n")->are_required);
    CHECK_FALSE(clients("client_ca = \"/c.pem\"\nverify = \"optional\"\n")->are_required);
    const auto made = whole(tls + ended + "client_ca = \"/c.pem\"\n" + listener + fallback);
    CHECK_THAT(
        explain(made, {}).value.value_or(""),
        ContainsSubstring("\"http/1.1\" and demands a certificate that is issued by \"/c.pem\"; what"));
}

TEST_CASE("what a backend gets is encrypted again") {
    const auto text = "[backend.b]\nproxy = \"198.41.0.4:443\"\ntls = \"terminate\"\nbackend_tls = true\n";
    const auto made = whole(tls + text + listener + fallback); // and no warning of clear text
    REQUIRE(made.backends.at(0).termination->encryption);
    CHECK(made.backends[0].termination->encryption->authorities == "/etc/ssl/certs/ca-certificates.crt");
    CHECK(parse(tls + text + listener + fallback, "f").diagnostics.empty());
    const auto named =
        whole(tls + text + "backend_ca = \"/c\"\nbackend_name = \"A.Example\"\n" + listener + fallback);
    CHECK(named.backends.at(0).termination->encryption->authorities == "/c");
    CHECK(named.backends.at(0).termination->encryption->name == "a.example");
    CHECK_FALSE(named.backends.at(0).termination->encryption->shown);
    CHECK_THAT(explain(made, {}).value.value_or(""),
               ContainsSubstring("what the client says goes encrypted again by"));
}

TEST_CASE("a backend is shown a certificate") {
    const auto text = "[backend.b]\nproxy = \"a.example:443\"\ntls = \"terminate\"\nbackend_tls = true\n";
    const auto shown = [&](const std::string& value) {
        const auto made = whole(tls + text + "backend_certificate = " + value + "\n" + listener + fallback);
        CHECK_THAT(
            explain(made, {}).value.value_or(""),
            ContainsSubstring("goes encrypted again (to a backend that asks, the certificate in \"/c\" is "
                              "shown) by proxy to"));
        return made.backends.at(0).termination->encryption->shown.value();
    };
    CHECK(shown("\"/c\"").key.empty());
    const auto pair = shown("{ chain = \"/c\", key = \"credential:k\" }");
    CHECK(pair.chain == "/c");
    CHECK(pair.key == "credential:k");
}

TEST_CASE("explain tells where TLS ends") {
    const auto made = whole(tls + ended + listener + fallback);
    explain_query query;
    query.host_name = "a.example";
    const auto text = explain(made, query).value.value_or("");
    CHECK_THAT(text, ContainsSubstring(
                         "TLS ends in snipass-tls, at \"unix:/run/snipass-tls/handoff.sock\" (held for up "
                         "to 40s while that is away), which offers \"http/1.1\"; what the client says goes "
                         "in clear by handoff"));
    CHECK_THAT(text, ContainsSubstring("; held for up to 5s while the backend is away, then closed"));
    CHECK_THAT(explain(whole(tls + ended + "sorry = \"o\"\n" + backend_of("o") + listener + fallback), {})
                   .value.value_or(""),
               ContainsSubstring(" (not held while that is away), which"));
}
