// SPDX-License-Identifier: BSL-1.0
// Mistakes in backends, and in what leads to them.
#include "mistakes.hpp"

using namespace snipass::config;

TEST_CASE("mistakes in [backend.NAME] and [default]") {
    const std::string routed = listener + "[[route]]\nnames = [\"*.a.example\"]\nbackend = \"x\"\n";
    const std::string used = listener + "[default]\nbackend = \"x\"\n";
    check(GENERATE_COPY(values<mistakes_row>({
        {"neither of the two kinds",
         "[backend.x]\n" + used,
         {"1:1: error: backend.x: neither handoff nor proxy; write handoff = \"unix:/run/x.sock\" for a "
          "process on this machine, or proxy = [\"192.0.2.1:443\"]"}},
        {"neither, and a key that nobody knows: which keys there are depends on the kind",
         "[backend.x]\nfoo = 1\n" + used,
         {"1:1: error: backend.x: neither handoff nor proxy; write handoff = \"unix:/run/x.sock\" for a "
          "process on this machine, or proxy = [\"192.0.2.1:443\"]",
          "2:1: error: backend.x.foo: unknown key; write \"handoff\" or \"proxy\""}},
        {"a slip in the kind",
         "[backend.x]\nhandof = \"unix:/x\"\n" + used,
         {"2:1: error: backend.x.handof: unknown key; write \"handoff\""}},
        {"what other programs call an address",
         "[backend.x]\nserver = \"192.0.2.1:443\"\n" + used,
         {"2:1: error: backend.x.server: unknown key; write \"proxy\""}},
        {"what other programs call a socket",
         "[backend.x]\nsocket = \"/run/x\"\n" + used,
         {"2:1: error: backend.x.socket: unknown key; write \"handoff\""}},
        {"both kinds",
         "[backend.x]\nhandoff = \"unix:/x\"\nproxy = \"a:1\"\n" + used,
         {"1:1: error: backend.x: both handoff and proxy; write one, and a second backend for the other"}},
        {"what is known is what this kind has",
         "[backend.x]\nhandoff = \"unix:/x\"\nfoo = 1\n" + used,
         {"3:1: error: backend.x.foo: unknown key; known here: \"redirect\", \"handoff\", \"proxy\", "
          "\"protocol\", "
          "\"max_unanswered\", \"user\", \"ack_timeout\", \"sorry\", \"hold\", \"tls\", \"ech\", "
          "\"max_pending\", \"closes\""}},
        {"several addresses in one text",
         "[backend.x]\nproxy = \"127.0.0.1:1, a:2\"\n" + used,
         {"2:9: error: backend.x.proxy: one string has one address; write [\"127.0.0.1:1\", \"a:2\"]"}},
        {"a socket at home",
         "[backend.x]\nhandoff = \"unix:~/x\"\n" + used,
         {"2:11: error: backend.x.handoff: \"unix:~/x\" begins in a home folder, and ~ is nothing here; "
          "write "
          "the whole path, such as \"unix:/run/backend.sock\""}},
        {"an empty kind",
         "[backend.x]\nhandoff = []\n" + used,
         {"2:11: error: backend.x.handoff: an empty array; write at least one string into it"}},
        {"keys of the other kind, handoff",
         "[backend.x]\nhandoff = \"unix:/x\"\nproxy_protocol = \"v2\"\nconnect_timeout = "
         "\"1s\"\nidle_timeout = \"1s\"\n" +
             used,
         {"3:1: error: backend.x.proxy_protocol: does not apply to a backend with handoff; leave it out",
          "4:1: error: backend.x.connect_timeout: does not apply to a backend with handoff; leave it out",
          "5:1: error: backend.x.idle_timeout: does not apply to a backend with handoff; leave it out"}},
        {"keys of the other kind, proxy",
         "[backend.x]\nproxy = \"a:1\"\nprotocol = \"stream\"\nack_timeout = "
         "\"1s\"\n" +
             used,
         {"3:1: error: backend.x.protocol: does not apply to a backend with proxy; leave it out",
          "4:1: error: backend.x.ack_timeout: does not apply to a backend with proxy; leave it out"}},
        {"an acknowledgement where there is none",
         "[backend.x]\nhandoff = \"unix:/x\"\nprotocol = \"datagram\"\nack_timeout = \"1s\"\n" + used,
         {"4:1: error: backend.x.ack_timeout: protocol = \"datagram\" has no acknowledgement; leave "
          "ack_timeout out"}},
        {"an acknowledgement of another protocol",
         "[backend.x]\nhandoff = \"unix:/x\"\nscgi_ack = true\n" + used,
         {"3:1: error: backend.x.scgi_ack: applies to protocol = \"scgi\" only; leave it out"}},
        {"requests of HTTP where nobody sends any",
         "[backend.x]\nhandoff = \"unix:/x\"\nprotocol = \"scgi\"\n" + used,
         {"1:1: error: backend.x.protocol: \"scgi\" passes on requests of HTTP in clear, and no "
          "[[listener]] has protocol = \"http\"; write one, or protocol = \"stream\", or tls = "
          "\"terminate\" where clients come by TLS"}},
        {"a protocol nobody knows",
         "[backend.x]\nhandoff = \"unix:/x\"\nprotocol = \"dgram\"\n" + used,
         {"3:12: error: backend.x.protocol: no \"dgram\" here; known here: \"stream\", \"datagram\", "
          "\"scgi\""}},
        {"every bad address",
         "[backend.x]\nhandoff = [\"/x\", \"unix:x\", 1]\n" + used,
         {"2:12: error: backend.x.handoff: \"/x\" has no \"unix:\"; write \"unix:/x\"",
          "2:18: error: backend.x.handoff: \"unix:x\" is a relative path; write one from the root, such as "
          "\"unix:/run/x\"",
          "2:28: error: backend.x.handoff: expected a unix socket in quotes, not the integer 1; write one "
          "such as \"unix:/run/backend.sock\""}},
        {"a path that is too long",
         "[backend.x]\nhandoff = \"unix:/" + std::string(107, 'x') + "\"\n" + used,
         {"2:11: error: backend.x.handoff: "
          "\"unix:/"
          "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
          "xxxxxxxxx\" has 108 bytes; a unix socket's path has at most 107"}},
        {"a host that the client chooses, and known ones",
         "[backend.x]\nproxy = [\"{host_name}:443\", \"a:1\"]\nbalance = \"order\"\n" + routed,
         {"1:1: error: backend.x.proxy: \"{host_name}\" stands alone; write a second backend for the others",
          "3:1: error: backend.x.balance: does not apply to \"{host_name}\"; leave it out"}},
        {"nobody is held for a host that the client chooses",
         "[backend.x]\nproxy = \"{host_name}:443\"\nhold = \"2s\"\n" + routed,
         {"3:1: error: backend.x.hold: nobody is held for a host that a client chooses; leave it out"}},
        {"a host that the client chooses, and those who choose none",
         "[backend.x]\nproxy = \"{host_name}:443\"\n" + used,
         {"6:11: error: default.backend: leads to backend \"x\", whose \"{host_name}:443\" is the name that "
          "a "
          "route has; write a [[route]] with the names that may be forwarded"}},
        {"a host that the client chooses, and a route without names",
         "[[route]]\nbackend = \"x\"\nalpn = [\"h2\"]\n[backend.x]\nproxy = \"{host_name}:443\"\n" + rest,
         {"2:11: error: route.backend: leads to backend \"x\", whose \"{host_name}:443\" is the name that a "
          "route has; write a [[route]] with the names that may be forwarded"}},
        {"a host that the client chooses, by way of sorry",
         "[backend.y]\nproxy = \"{host_name}:443\"\n[backend.x]\nproxy = \"a:1\"\nsorry = \"y\"\n" + used,
         {"9:11: error: default.backend: leads to backend \"y\", whose \"{host_name}:443\" is the name that "
          "a "
          "route has; write a [[route]] with the names that may be forwarded"}},
        {"destinations that are denied to a backend with addresses of its own",
         "[backend.x]\nproxy = \"a:1\"\ndeny_destinations = [\"10.0.0.0/8\"]\n" + used,
         {"3:1: error: backend.x.deny_destinations: applies to proxy = [\"{host_name}:443\"] only; leave it "
          "out"}},
        {"denied destinations that are no networks",
         "[backend.x]\nproxy = \"{host_name}:443\"\ndeny_destinations = [\"public\"]\n" + routed,
         {"3:22: error: backend.x.deny_destinations: \"public\" is no address range; write one such as "
          "\"192.0.2.0/24\", \"2001:db8::/32\" or \"192.0.2.1\""}},
        {"the owner of a backend that is no process here",
         "[backend.x]\nproxy = \"a:1\"\nuser = \"blog\"\n" + used,
         {"3:1: error: backend.x.user: does not apply to a backend with proxy; leave it out"}},
        {"the owner of what has no file and no listener",
         "[backend.x]\nhandoff = \"unix:@x\"\nprotocol = \"datagram\"\nuser = \"blog\"\n" + used,
         {"4:8: error: backend.x.user: of a datagram socket in the abstract namespace nobody knows whose it "
          "is; write a path"}},
        {"destinations of those who have none to choose",
         "[backend.x]\nproxy = \"a:1\"\nallow_destinations = [\"10.0.0.0/8\"]\n" + used,
         {"3:1: error: backend.x.allow_destinations: applies to proxy = [\"{host_name}:443\"] only; leave it "
          "out"}},
        {"destinations that are none",
         "[backend.x]\nproxy = \"{host_name}:443\"\nallow_destinations = [\"10.0.0.1/8\", \"private\"]\n" +
             routed,
         {"3:23: error: backend.x.allow_destinations: \"10.0.0.1/8\" has bits behind its length; write "
          "\"10.0.0.0/8\", or the address alone for one client",
          "3:37: error: backend.x.allow_destinations: \"private\" is no address range; write one such as "
          "\"192.0.2.0/24\", \"2001:db8::/32\" or \"192.0.2.1\""}},
        {"the client's address for a unix socket",
         "[backend.x]\nproxy = \"unix:/x\"\ntransparent = true\n" + used,
         {"1:1: error: backend.x.transparent: a unix socket has no source address; leave one of them out"}},
        {"every bad proxy address",
         "[backend.x]\nproxy = [\"a\", 1]\nproxy_protocol = 2\n" + used,
         {"2:10: error: backend.x.proxy: \"a\" has no port; write \"a:443\"",
          "2:15: error: backend.x.proxy: expected an address in quotes, not the integer 1; write one such as "
          "\"192.0.2.1:443\"",
          "3:18: error: backend.x.proxy_protocol: expected a word in quotes, not the integer 2; known here: "
          "\"none\", \"v1\", \"v2\""}},
        {"a bad name",
         "[backend.\"x y\"]\nhandoff = \"unix:/x\"\n[backend.x]\nhandoff = \"unix:/x\"\nsorry = \"x y\"\n" +
             used,
         {"1:1: error: backend.\"x y\": write a name of 1 to 64 letters, digits, \"-\", \"_\" or \".\""}},
        {"a name of 65",
         "[backend." + std::string(65, 'x') + "]\nhandoff = \"unix:/x\"\n" + rest,
         {"1:1: error: backend.\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\": write "
          "a name of 1 to 64 letters, digits, \"-\", \"_\" or \".\"",
          "1:1: warning: backend.xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx: nothing "
          "leads to it; write it into a route, a sorry or [default], or leave it out"}},
        {"a key misspelt",
         "[backend.x]\nhandof = \"unix:/x\"\n" + used,
         {"2:1: error: backend.x.handof: unknown key; write \"handoff\""}},
        {"a sorry that is not there",
         "[backend.x]\nhandoff = \"unix:/x\"\nsorry = \"y\"\n" + used,
         {"3:9: error: backend.x.sorry: there is no backend \"y\"; known here: \"x\""}},
        {"sorry to itself",
         "[backend.x]\nhandoff = \"unix:/x\"\nsorry = \"x\"\n" + used,
         {"3:9: error: backend.x.sorry: leads in a ring: \"x\" -> \"x\"; write a backend outside of it, or "
          "leave it out"}},
        {"sorry in a ring, entered from outside",
         "[backend.x]\nhandoff = \"unix:/x\"\nsorry = \"y\"\n[backend.y]\nhandoff = \"unix:/x\"\nsorry = "
         "\"z\"\n[backend.z]\nhandoff = \"unix:/x\"\nsorry = \"y\"\n" +
             used,
         {"9:9: error: backend.z.sorry: leads in a ring: \"y\" -> \"z\" -> \"y\"; write a backend outside of "
          "it, or leave it out"}},
        {"no backend in [default]",
         "[default]\n" + listener + backend,
         {"1:1: error: default: no backend; write backend = \"NAME\", or leave [default] out"}},
        {"a backend that is not there in [default]",
         "[default]\nbackend = \"c\"\n" + listener + backend,
         {"2:11: error: default.backend: there is no backend \"c\"; known here: \"b\""}},
        {"another key in [default]",
         "[default]\nbackend = \"b\"\nsorry = \"b\"\n" + listener + backend,
         {"3:1: error: default.sorry: unknown key; known here: \"backend\""}},
    })));
}
