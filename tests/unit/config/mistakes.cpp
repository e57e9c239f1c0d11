// Every mistake: where it is reported, and what the admin is told to write instead.
#include "mistakes.hpp"

using namespace snipass::config;

TEST_CASE("mistakes in what tables there are") {
    check(GENERATE(values<mistakes_row>({
        {"nothing at all",
         "",
         {" error: no [[listener]]; write one, with an address such as address = \"[::]:443\""}},
        {"no listener",
         backend + fallback,
         {" error: no [[listener]]; write one, with an address such as address = \"[::]:443\""}},
        {"a table's name misspelt",
         "[sever]\nworkers = 1\n" + rest,
         {"1:2: error: sever: unknown; write [server]"}},
        {"a table's name in the plural",
         "[[routes]]\nnames = [\"a\"]\n" + rest,
         {"1:3: error: routes: unknown; write [[route]]"}},
        {"a table nobody knows",
         "[metrics]\nport = 1\n" + rest,
         {"1:2: error: metrics: unknown; known here: [server], [log], [[listener]], [[route]], "
          "[backend.NAME], [default]"}},
        {"a key outside of any table",
         "workers = 1\n" + rest,
         {"1:1: error: workers: unknown; known here: [server], [log], [[listener]], [[route]], "
          "[backend.NAME], [default]"}},
        {"single brackets for a listener",
         "[listener]\naddress = \":443\"\n" + backend + fallback,
         {"1:2: error: listener: there may be several; write [[listener]] with double brackets"}},
        {"double brackets for the server",
         "[[server]]\nworkers = 1\n" + rest,
         {"1:3: error: server: expected a table, not an array; write [server], once and with single "
          "brackets"}},
        {"a value for a table",
         "server = 5\n" + rest,
         {"1:1: error: server: expected a table, not the integer 5; write [server]"}},
        {"a value for tables",
         "route = \"a\"\n" + rest,
         {"1:1: error: route: expected tables, not the string \"a\"; write [[route]]"}},
        {"values for tables",
         "route = [1]\n" + rest,
         {"1:10: error: route: expected a table, not the integer 1; write [[route]]"}},
        {"a backend without a name",
         "[backend]\nhandoff = \"unix:/a\"\n" + listener,
         {"2:1: error: backend.handoff: expected a table, not the string \"unix:/a\"; write [backend.NAME] "
          "above it"}},
    })));
}

TEST_CASE("mistakes in [server] and [log]") {
    check(GENERATE(values<mistakes_row>({
        {"a key misspelt",
         "[server]\nhello_timout = \"5s\"\n" + rest,
         {"2:1: error: server.hello_timout: unknown key; write \"hello_timeout\""}},
        {"a key nobody knows",
         "[log]\ncolour = true\n" + rest,
         {"2:1: error: log.colour: unknown key; known here: \"level\", \"format\", \"access\", \"hello\""}},
        {"a word where a number is wanted",
         "[server]\nworkers = \"auto\"\n" + rest,
         {"2:11: error: server.workers: expected a whole number, not the string \"auto\"; write one from 0 "
          "to 1024"}},
        {"a number in quotes",
         "[server]\nworkers = \"4\"\n" + rest,
         {"2:11: error: server.workers: expected a whole number, not the string \"4\"; write 4, without "
          "quotes"}},
        {"a fraction where a number is wanted",
         "[server]\nworkers = 1.5\n" + rest,
         {"2:11: error: server.workers: expected a whole number, not a number with a fraction; write one "
          "from 0 to 1024"}},
        {"a duration without a unit",
         "[server]\nhello_timeout = 5\n" + rest,
         {"2:17: error: server.hello_timeout: expected a duration, not the integer 5; write \"5s\""}},
        {"a duration in quotes without a unit",
         "[server]\nhello_timeout = \"5\"\n" + rest,
         {"2:17: error: server.hello_timeout: \"5\" has no unit; write \"5s\""}},
        {"a duration with a fraction",
         "[server]\nhello_timeout = 0.25\n" + rest,
         {"2:17: error: server.hello_timeout: expected a duration, not a number with a fraction; write "
          "\"250ms\""}},
        {"infinity for a duration",
         "[server]\nhello_timeout = inf\n" + rest,
         {"2:17: error: server.hello_timeout: expected a duration, not a number with a fraction; write one "
          "such as \"5s\""}},
        {"a negative number for a duration",
         "[server]\nhello_timeout = -1\n" + rest,
         {"2:17: error: server.hello_timeout: expected a duration, not the integer -1; write one such as "
          "\"5s\""}},
        {"a time of day for a duration",
         "[server]\nhello_timeout = 00:00:05\n" + rest,
         {"2:17: error: server.hello_timeout: expected a duration, not a date or time; write one such as "
          "\"5s\""}},
        {"a size without a unit",
         "[server]\nhello_max = 65536\n" + rest,
         {"2:13: error: server.hello_max: expected a size, not the integer 65536; write \"64KiB\""}},
        {"a negative size",
         "[server]\nhello_max = -1\n" + rest,
         {"2:13: error: server.hello_max: expected a size, not the integer -1; write one such as \"64KiB\""}},
        {"a word that is not known",
         "[log]\nlevel = \"warning\"\n" + rest,
         {"2:9: error: log.level: no \"warning\" here; write \"warn\""}},
        {"a word that is far from all",
         "[log]\nlevel = \"everything\"\n" + rest,
         {"2:9: error: log.level: no \"everything\" here; known here: \"trace\", \"debug\", \"info\", "
          "\"warn\", \"error\""}},
        {"true for a word",
         "[log]\nformat = true\n" + rest,
         {"2:10: error: log.format: expected a word in quotes, not true; known here: \"text\", \"json\""}},
        {"a word for true",
         "[log]\naccess = \"yes\"\n" + rest,
         {"2:10: error: log.access: expected true or false, not the string \"yes\"; write true or false, "
          "without quotes"}},
        {"an array for a word",
         "[log]\nformat = []\n" + rest,
         {"2:10: error: log.format: expected a word in quotes, not an array; known here: \"text\", "
          "\"json\""}},
        {"a table for a word",
         "[log.format]\n" + rest,
         {"1:1: error: log.format: expected a word in quotes, not a table; known here: \"text\", \"json\""}},
        {"a key of two lines is shown on one",
         "[log]\n\"leve\\nl\" = 1\n" + rest,
         {"2:1: error: log.leve\\u000Al: unknown key; write \"level\""}},
    })));
}

TEST_CASE("mistakes in [[listener]]") {
    check(GENERATE(values<mistakes_row>({
        {"no address",
         "[[listener]]\n" + rest,
         {"1:1: error: listener: no address; write one such as address = \"[::]:443\""}},
        {"a name for an address",
         "[[listener]]\naddress = \"localhost:443\"\n" + rest,
         {"2:11: error: listener.address: \"localhost:443\" is a name; a listener has an address; write "
          "\"127.0.0.1:443\""}},
        {"a port for an address",
         "[[listener]]\naddress = 8443\n" + rest,
         {"2:11: error: listener.address: expected an address in quotes, not a port alone; write "
          "\"[::]:8443\""}},
        {"true for an address",
         "[[listener]]\naddress = true\n" + rest,
         {"2:11: error: listener.address: expected an address in quotes, not true; write one such as "
          "\"[::]:443\""}},
        {"a protocol of a later version",
         "[[listener]]\naddress = \":80\"\nprotocol = \"http\"\n" + rest,
         {"3:12: error: listener.protocol: this version does not have \"http\" listeners; write \"tls\""}},
        {"an address of a later version",
         "[[listener]]\naddress = \"handoff:x\"\n" + rest,
         {"2:11: error: listener.address: \"handoff:x\": this version does not have \"handoff:\" listeners"}},
        {"a protocol nobody knows",
         "[[listener]]\naddress = \":80\"\nprotocol = \"quic\"\n" + rest,
         {"3:12: error: listener.protocol: no \"quic\" here; write \"tls\""}},
        {"a number for a protocol",
         "[[listener]]\naddress = \":80\"\nprotocol = 1\n" + rest,
         {"3:12: error: listener.protocol: expected \"tls\" in quotes, not the integer 1; write \"tls\""}},
        {"a policy misspelt",
         "[[listener]]\naddress = \":80\"\nunmatched = \"drop\"\nmalformed = \"colse\"\nnot_tls = 1\n" + rest,
         {"3:13: error: listener.unmatched: no \"drop\" here; known here: \"default\", \"close\", \"reset\", "
          "\"alert\"",
          "4:13: error: listener.malformed: no \"colse\" here; write \"close\"",
          "5:11: error: listener.not_tls: expected a word in quotes, not the integer 1; known here: "
          "\"default\", \"close\", \"reset\", \"alert\""}},
        {"the same address twice",
         "[[listener]]\naddress = \"[::]:443\"\n" + rest,
         {"4:11: error: listener.address: \"[::]:443\" is what the listener at line 2 has; write another "
          "address, or leave one of them out"}},
        {"the same address, written otherwise",
         "[[listener]]\naddress = \"*:443\"\n" + rest,
         {"4:11: error: listener.address: \"[::]:443\" is what the listener at line 2 has; write another "
          "address, or leave one of them out"}},
        {"the same systemd socket twice",
         "[[listener]]\naddress = \"systemd:a\"\n[[listener]]\naddress = \"systemd:a\"\n" + rest,
         {"4:11: error: listener.address: \"systemd:a\" is what the listener at line 2 has; write another "
          "address, or leave one of them out"}},
        {"any free port twice is no mistake",
         "[[listener]]\naddress = \":0\"\n[[listener]]\naddress = \":0\"\n" + rest,
         {}},
        {"another address with the same port is no mistake",
         "[[listener]]\naddress = \"0.0.0.0:443\"\n" + rest,
         {}},
    })));
}

TEST_CASE("mistakes in [[route]]") {
    check(GENERATE(values<mistakes_row>({
        {"nothing in it",
         "[[route]]\n" + rest,
         {"1:1: error: route: no names; write names = [\"www.example.com\"], or [\"/.*/\"] for any name",
          "1:1: error: route: no backend; write backend = \"NAME\", and a [backend.NAME]"}},
        {"no names in it",
         "[[route]]\nnames = []\nbackend = \"b\"\n" + rest,
         {"2:9: error: route.names: an empty array; write at least one string into it"}},
        {"a string for names",
         "[[route]]\nnames = \"a\"\nbackend = \"b\"\n" + rest,
         {"2:9: error: route.names: expected an array, not the string \"a\"; write [\"a\"]"}},
        {"a number among the names",
         "[[route]]\nnames = [\"a\", 1]\nbackend = \"b\"\n" + rest,
         {"2:15: error: route.names: expected a host name in quotes, not the integer 1; write one such as "
          "\"www.example.com\""}},
        {"every bad name",
         "[[route]]\nnames = [\n\"a b\",\n\"good\",\n\"*\",\n\"/(/\"]\nbackend = \"b\"\n" + rest,
         {"3:1: error: route.names: \"a b\": not a host name; write 1 to 253 characters in labels of 1 to 63 "
          "letters, digits, \"-\" or \"_\", joined by dots, such as \"www.example.com\"",
          "5:1: error: route.names: \"*\": \"*\" alone is no wildcard; write \"/.*/\" for any host name, or "
          "use [default]",
          "6:1: error: route.names: \"/(/\": not a valid regex (RE2 syntax): missing ): ("}},
        {"a bad range",
         "[[route]]\nnames = [\"a\"]\nsource = [\"10.0.0.1/8\", \"all\", \"::ffff:10.0.0.1/8\", "
         "\"::1/64\"]\nbackend = \"b\"\n" +
             rest,
         {"3:11: error: route.source: \"10.0.0.1/8\" has bits behind its length; write \"10.0.0.0/8\", or "
          "the address alone for one client",
          "3:25: error: route.source: \"all\" is no address range; write one such as \"192.0.2.0/24\", "
          "\"2001:db8::/32\" or \"192.0.2.1\"",
          "3:32: error: route.source: \"::ffff:10.0.0.1/8\" is no address range; write one such as "
          "\"192.0.2.0/24\", \"2001:db8::/32\" or \"192.0.2.1\"",
          "3:53: error: route.source: \"::1/64\" has bits behind its length; write \"::/64\", or the address "
          "alone for one client"}},
        {"a number for a range",
         "[[route]]\nnames = [\"a\"]\nsource = [10]\nbackend = \"b\"\n" + rest,
         {"3:11: error: route.source: expected an address range in quotes, not the integer 10; write one "
          "such as \"192.0.2.0/24\""}},
        {"a bad ALPN protocol",
         "[[route]]\nnames = [\"a\"]\nalpn = [\"\", 2]\nbackend = \"b\"\n" + rest,
         {"3:9: error: route.alpn: an ALPN protocol has 1 to 255 bytes; write one such as \"h2\"",
          "3:13: error: route.alpn: expected an ALPN protocol in quotes, not the integer 2; write one such "
          "as \"h2\""}},
        {"no condition in a condition",
         "[[route]]\nnames = [\"a\"]\nalpn = []\nsource = []\nbackend = \"b\"\n" + rest,
         {"3:8: error: route.alpn: an empty array; write at least one string into it",
          "4:10: error: route.source: an empty array; write at least one string into it"}},
        {"a string for a condition",
         "[[route]]\nnames = [\"a\"]\nalpn = \"h2\"\nbackend = \"b\"\n" + rest,
         {"3:8: error: route.alpn: expected an array, not the string \"h2\"; write [\"h2\"]"}},
        {"a backend misspelt",
         "[[route]]\nnames = [\"a\"]\nbackend = \"blgo\"\n[backend.blog]\nproxy = \"a:1\"\n" + rest,
         {"3:11: error: route.backend: there is no backend \"blgo\"; write \"blog\""}},
        {"a backend far from all",
         "[[route]]\nnames = [\"a\"]\nbackend = \"blog\"\n" + rest,
         {"3:11: error: route.backend: there is no backend \"blog\"; known here: \"b\""}},
        {"a backend where there are none",
         "[[route]]\nnames = [\"a\"]\nbackend = \"blog\"\n" + listener,
         {"3:11: error: route.backend: there is no backend \"blog\"; write a [backend.blog]"}},
        {"a number for a backend",
         "[[route]]\nnames = [\"a\"]\nbackend = 1\n" + rest,
         {"3:11: error: route.backend: expected a backend's name in quotes, not the integer 1; write one "
          "such as \"blog\""}},
        {"a key misspelt",
         "[[route]]\nname = [\"a\"]\nbackend = \"b\"\n" + rest,
         {"1:1: error: route: no names; write names = [\"www.example.com\"], or [\"/.*/\"] for any name",
          "2:1: error: route.name: unknown key; write \"names\""}},
        {"a regex of two lines is shown on one",
         "[[route]]\nnames = [\"/(\\n/\", \"/\\n\"]\nbackend = \"b\"\n" + rest,
         {"2:10: error: route.names: \"/(\\u000A/\": not a valid regex (RE2 syntax): missing ): (\\u000A",
          "2:19: error: route.names: \"/\\u000A\": a regex stands between two slashes; write \"/\\u000A/\""}},
    })));
}

TEST_CASE("mistakes in [backend.NAME] and [default]") {
    const std::string used = listener + "[default]\nbackend = \"x\"\n";
    check(GENERATE_COPY(values<mistakes_row>({
        {"neither of the two kinds",
         "[backend.x]\n" + used,
         {"1:1: error: backend.x: neither handoff nor proxy; write handoff = \"unix:/run/x.sock\" for a "
          "process on this machine, or proxy = [\"192.0.2.1:443\"]"}},
        {"both kinds",
         "[backend.x]\nhandoff = \"unix:/x\"\nproxy = \"a:1\"\n" + used,
         {"1:1: error: backend.x: both handoff and proxy; write one, and a second backend for the other"}},
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
        {"a protocol of a later version",
         "[backend.x]\nhandoff = \"unix:/x\"\nprotocol = \"scgi\"\n" + used,
         {"3:12: error: backend.x.protocol: this version does not have \"scgi\"; write \"stream\" or "
          "\"datagram\""}},
        {"a protocol nobody knows",
         "[backend.x]\nhandoff = \"unix:/x\"\nprotocol = \"dgram\"\n" + used,
         {"3:12: error: backend.x.protocol: no \"dgram\" here; known here: \"stream\", \"datagram\""}},
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
         {"1:1: error: backend.x: neither handoff nor proxy; write handoff = \"unix:/run/x.sock\" for a "
          "process on this machine, or proxy = [\"192.0.2.1:443\"]",
          "2:1: error: backend.x.handof: unknown key; write \"handoff\""}},
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

TEST_CASE("what is allowed and hardly meant") {
    const std::string route = "[[route]]\nbackend = \"b\"\nnames = ";
    check(GENERATE_COPY(values<mistakes_row>({
        {"a backend that nothing leads to",
         "[backend.x]\nhandoff = \"unix:/x\"\n" + rest,
         {"1:1: warning: backend.x: nothing leads to it; write it into a route, a sorry or [default], or "
          "leave it out"}},
        {"a backend that only an unused one leads to",
         "[backend.x]\nhandoff = \"unix:/x\"\nsorry = \"y\"\n[backend.y]\nhandoff = \"unix:/x\"\n" + rest,
         {"1:1: warning: backend.x: nothing leads to it; write it into a route, a sorry or [default], or "
          "leave it out",
          "4:1: warning: backend.y: nothing leads to it; write it into a route, a sorry or [default], or "
          "leave it out"}},
        {"not where a reference failed",
         "[backend.x]\nhandoff = \"unix:/x\"\n[[route]]\nnames = [\"a\"]\nbackend = \"xx\"\n" + rest,
         {"5:11: error: route.backend: there is no backend \"xx\"; known here: \"x\", \"b\""}},
        {"a route that can never win",
         route + "[\"a\"]\n" + route + "[\"A.\"]\n" + rest,
         {"4:1: warning: route: can never win: the route at line 1 has \"a\" without any condition; write "
          "this route above it, or leave it out"}},
        {"a route that can never win with any name",
         route + "[\"a\", \"b\"]\n" + route + "[\"b\", \"a\"]\n" + rest,
         {"4:1: warning: route: can never win: the route at line 1 has \"b\" without any condition, and the "
          "other names are taken too; write this route above it, or leave it out"}},
        {"one name that can never win",
         route + "[\"a\"]\n" + route + "[\"b\", \"a\"]\n" + rest,
         {"6:15: warning: route.names: \"a\" never comes here: the route at line 1 has it without any "
          "condition; write it into one of them"}},
        {"a name twice in a route",
         route + "[\"a\", \"A\"]\n" + rest,
         {"3:15: warning: route.names: \"a\" is in this route already; leave it out"}},
        {"the same name with a condition before is no mistake",
         route + "[\"a\"]\nalpn = [\"h2\"]\n" + route + "[\"a\"]\n" + rest,
         {}},
        {"clients sent to a [default] that is not there",
         "[[listener]]\naddress = \":1\"\nunmatched = \"default\"\nmalformed = \"default\"\nnot_tls = "
         "\"default\"\n" +
             route + "[\"a\"]\n" + backend,
         {"3:13: warning: listener.unmatched: there is no [default], so these clients are closed; write "
          "\"close\", or a [default]",
          "4:13: warning: listener.malformed: there is no [default], so these clients are closed; write "
          "\"close\", or a [default]",
          "5:11: warning: listener.not_tls: there is no [default], so these clients are closed; write "
          "\"close\", or a [default]"}},
        {"not where nobody wrote so", "[[listener]]\naddress = \":1\"\n" + route + "[\"a\"]\n" + backend, {}},
        {"a datagram whose bytes a stream backend would miss",
         "[backend.d]\nhandoff = \"unix:/d\"\nprotocol = \"datagram\"\nsorry = \"b\"\n[[route]]\nnames = "
         "[\"a\"]\nbackend = \"d\"\n" +
             rest,
         {"4:9: warning: backend.d.sorry: \"b\" is handed sockets by \"stream\", which needs the client's "
          "bytes unread; in the rare case that a datagram fails after they were read, the client is closed "
          "instead"}},
        {"a datagram before a datagram is no mistake",
         "[backend.d]\nhandoff = \"unix:/d\"\nprotocol = \"datagram\"\nsorry = \"e\"\n[backend.e]\nhandoff = "
         "\"unix:/d\"\nprotocol = \"datagram\"\n[[route]]\nnames = [\"a\"]\nbackend = \"d\"\n" +
             rest,
         {}},
    })));
}
