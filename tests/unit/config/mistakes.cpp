// SPDX-License-Identifier: BSL-1.0
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
         "[monitoring]\nport = 1\n" + rest,
         {"1:2: error: monitoring: unknown; known here: [server], [log], [[listener]], [[route]], "
          "[backend.NAME], [default], [tls], [ech], [metrics], [control], include = [...]"}},
        {"a key outside of any table",
         "workers = 1\n" + rest,
         {"1:1: error: workers: unknown; known here: [server], [log], [[listener]], [[route]], "
          "[backend.NAME], [default], [tls], [ech], [metrics], [control], include = [...]"}},
        {"single brackets for a listener",
         "[listener]\naddress = \":443\"\n" + backend + fallback,
         {"1:2: error: listener: there may be several; write [[listener]] with double brackets"}},
        {"double brackets for the server",
         "[[server]]\nworkers = 1\n" + rest,
         {"1:3: error: server: expected a table, not an array; write [server], once and with single "
          "brackets"}},
        {"a route with a name, as a backend has one",
         "[route.app]\nnames = [\"a\"]\nbackend = \"bb\"\n" + rest,
         {"1:8: error: route.app: a route has no name; write [[route]]",
          "3:11: error: route.backend: there is no backend \"bb\"; known here: \"b\""}},
        {"a value for a table",
         "server = 5\n" + rest,
         {"1:1: error: server: expected a table, not the integer 5; write [server]"}},
        {"a value for tables",
         "route = \"a\"\n" + rest,
         {"1:1: error: route: expected tables, not the string \"a\"; write [[route]]"}},
        {"values for tables",
         "route = [1]\n" + rest,
         {"1:10: error: route: expected a table, not the integer 1; write [[route]]"}},
        {"double brackets for a backend with a name",
         "[[backend.x]]\nhandoff = \"unix:/x\"\n[[route]]\nnames = [\"a\"]\nbackend = "
         "\"x\"\n[[route]]\nnames = "
         "[\"b\"]\nbackend = \"x\"\n" +
             rest,
         {"1:11: error: backend.x: a name is one backend's; write [backend.x], with single brackets"}},
        {"double brackets for backends without names",
         "[[backend]]\nname = \"x\"\nhandoff = \"unix:/x\"\n[[route]]\nnames = [\"a\"]\nbackend = \"x\"\n" +
             listener + "[default]\nbackend = \"x\"\n",
         {"1:3: error: backend: each has a name of its own; write [backend.NAME], with single brackets"}},
        {"a backend without a name",
         "[backend]\nhandoff = \"unix:/a\"\n" + listener,
         {"2:1: error: backend.handoff: expected a table, not the string \"unix:/a\"; write [backend.NAME] "
          "above it",
          "4:11: warning: no [[route]] and no [default], so every client is closed; write a [[route]] with "
          "names "
          "and a backend"}},
    })));
}

TEST_CASE("mistakes in [server] and [log]") {
    check(GENERATE(values<mistakes_row>({
        {"a key misspelt",
         "[server]\nhello_timout = \"5s\"\n" + rest,
         {"2:1: error: server.hello_timout: unknown key; write \"hello_timeout\""}},
        {"a key nobody knows",
         "[log]\ncolour = true\n" + rest,
         {"2:1: error: log.colour: unknown key; known here: \"level\", \"format\", \"access\", \"hello\", "
          "\"empty\", \"file\", \"journal\""}},
        {"a log's file beside the router's",
         "[log]\nfile = \"access.log\"\n" + rest,
         {"2:8: error: log.file: \"access.log\" is no path of a file from the root; write one such as "
          "\"/var/log/snipass/access.log\""}},
        {"a folder for the log",
         "[log]\nfile = \"/var/log/\"\n" + rest,
         {"2:8: error: log.file: \"/var/log/\" is no path of a file from the root; write one such as "
          "\"/var/log/snipass/access.log\""}},
        {"a sandbox that is neither on nor off",
         "[server]\nsandbox = true\n" + rest,
         {"2:11: error: server.sandbox: expected a word in quotes, not true; known here: \"on\", \"off\", "
          "\"required\""}},
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
        {"a handoff listener at a relative path",
         "[[listener]]\naddress = \"handoff:x\"\n" + rest,
         {"2:11: error: listener.address: \"handoff:x\" is a relative path; write one from the root, such as "
          "\"handoff:/run/x\""}},
        {"two handoff listeners at one path",
         "[[listener]]\naddress = \"handoff:/x\"\n[[listener]]\naddress = \"handoff:/x\"\n" + rest,
         {"4:11: error: listener.address: \"handoff:/x\" is what the listener at line 2 has; write another "
          "address, or leave one of them out"}},
        {"what belongs to handoffs, elsewhere",
         "[[listener]]\naddress = \":80\"\nmode = \"0660\"\nallowed_users = [\"root\"]\n" + rest,
         {"3:1: error: listener.mode: belongs to an address \"handoff:PATH\"; leave it out",
          "4:1: error: listener.allowed_users: belongs to an address \"handoff:PATH\"; leave it out"}},
        {"what belongs to TCP, at a handoff listener",
         "[[listener]]\naddress = \"handoff:/x\"\naccept_proxy_protocol = [\"::/0\"]\n" + rest,
         {"3:1: error: listener.accept_proxy_protocol: a handoff says itself who its client is; leave it "
          "out"}},
        {"a mode for a socket that is there already",
         "[[listener]]\naddress = \"handoff:systemd:in\"\nmode = \"0660\"\n" + rest,
         {"3:1: error: listener.mode: a socket that systemd passes has its unit's SocketMode=; leave it "
          "out"}},
        {"a systemd socket for handoffs and for clients",
         "[[listener]]\naddress = \"handoff:systemd:in\"\n[[listener]]\naddress = \"systemd:in\"\n" + rest,
         {"4:11: error: listener.address: \"systemd:in\" is what the listener at line 2 has; write another "
          "address, or leave one of them out"}},
        {"modes that are none",
         "[[listener]]\naddress = \"handoff:/x\"\nmode = \"0689\"\n" + rest,
         {"3:8: error: listener.mode: \"0689\" is no mode; write one such as \"0660\""}},
        {"a mode that grants more than a file has",
         "[[listener]]\naddress = \"handoff:/x\"\nmode = \"1777\"\n" + rest,
         {"3:8: error: listener.mode: \"1777\" is no mode; write one such as \"0660\""}},
        {"a number for a mode",
         "[[listener]]\naddress = \"handoff:/x\"\nmode = 660\n" + rest,
         {"3:8: error: listener.mode: expected a mode in quotes, not the integer 660; write one such as "
          "\"0660\""}},
        {"users that are none",
         "[[listener]]\naddress = \"handoff:/x\"\nallowed_users = [\"\", true, -1, \"4294967295\"]\n" + rest,
         {"3:18: error: listener.allowed_users: \"\" is no user; write a name, or a number",
          "3:22: error: listener.allowed_users: expected a user in quotes, not true; write "
          "one such as \"www-data\"",
          "3:28: error: listener.allowed_users: -1 is no user's number; write one from 0 to 4294967294, or "
          "\"unmapped\"",
          "3:32: error: listener.allowed_users: 4294967295 is no user's number; write one from 0 to "
          "4294967294, or "
          "\"unmapped\""}},
        {"a protocol nobody knows",
         "[[listener]]\naddress = \":80\"\nprotocol = \"quic\"\n" + rest,
         {"3:12: error: listener.protocol: no \"quic\" here; known here: \"tls\", \"http\""}},
        {"a number for a protocol",
         "[[listener]]\naddress = \":80\"\nprotocol = 1\n" + rest,
         {"3:12: error: listener.protocol: expected a word in quotes, not the integer 1; known here: "
          "\"tls\", \"http\""}},
        {"a policy misspelt",
         "[[listener]]\naddress = \":80\"\nunmatched = \"drop\"\nmalformed = \"colse\"\nnot_tls = 1\n" + rest,
         {"3:13: error: listener.unmatched: no \"drop\" here; write \"close\"",
          "4:13: error: listener.malformed: no \"colse\" here; write \"close\"",
          "5:11: error: listener.not_tls: expected a word in quotes, not the integer 1; known here: "
          "\"default\", \"close\", \"reset\", \"alert\""}},
        {"a backend for a policy",
         "[[listener]]\naddress = \":80\"\nunmatched = \"b\"\n" + rest,
         {"3:13: error: listener.unmatched: no \"b\" here; known here: \"default\", \"close\", \"reset\", "
          "\"alert\"; for a backend write \"default\", and backend = \"NAME\" below [default]"}},
        {"a backend in a listener",
         "[[listener]]\naddress = \":80\"\nbackend = \"b\"\n" + rest,
         {"3:1: error: listener.backend: unknown key; write [default] on a line of its own, and backend = "
          "\"b\" below it, or the key into a [[route]]"}},
        {"a key of other programs for the address",
         "[[listener]]\nlisten = \":80\"\n" + rest,
         {"2:1: error: listener.listen: unknown key; write \"address\""}},
        {"several addresses",
         "[[listener]]\naddress = [\"0.0.0.0:1\", \"[::]:1\"]\n" + rest,
         {"2:11: error: listener.address: a listener has one address; write a [[listener]] for each"}},
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
         {"1:1: error: route: no names, and no other condition; write names = [\"www.example.com\"], or a "
          "[default] for all clients that no route takes",
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
          "6:1: error: route.names: \"/(/\": not a valid regex: missing ): (; write it in RE2's syntax, "
          "which has no "
          "look-around and no backreferences, as in '/(www|shop)[0-9]*\\.example\\.com/'"}},
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
         {"2:1: error: route.name: unknown key; write \"names\""}},
        {"keys of other programs",
         "[[route]]\nsni = [\"a\"]\nto = \"b\"\n" + rest,
         {"2:1: error: route.sni: unknown key; write \"names\"",
          "3:1: error: route.to: unknown key; write \"backend\""}},
        {"[default] as a key of the last table",
         "[[route]]\nnames = [\"a\"]\nbackend = \"b\"\ndefault = \"b\"\n" + rest,
         {"4:1: error: route.default: unknown key; write [default] on a line of its own, and backend = \"b\" "
          "below it"}},
        {"a regex of two lines is shown on one",
         "[[route]]\nnames = [\"/(\\n/\", \"/\\n\"]\nbackend = \"b\"\n" + rest,
         {"2:10: error: route.names: \"/(\\u000A/\": not a valid regex: missing ): (\\u000A; write it in "
          "RE2's syntax, which has no "
          "look-around and no backreferences, as in '/(www|shop)[0-9]*\\.example\\.com/'",
          "2:19: error: route.names: \"/\\u000A\": a regex stands between two slashes; write \"/\\u000A/\""}},
    })));
}
