// SPDX-License-Identifier: BSL-1.0
// What is no TOML: where it is, and what to write, in words of ours.
#include "mistakes.hpp"

using namespace snipass::config;

TEST_CASE("parse: TOML syntax stops at the first error and says so") {
    const std::string rest_unchecked = "; nothing else in the file was checked";
    const auto row = GENERATE_COPY(values<mistakes_row>({
        {"no value",
         "[server]\nworkers =\n",
         {"2:10: error: no value behind the =; write one" + rest_unchecked}},
        {"a key twice",
         "[log]\naccess = true\naccess = true\n",
         {"3:10: error: \"access\" is there twice; leave out this one, or the one at line 2" +
          rest_unchecked}},
        {"a table twice",
         "[log]\n[server]\n[log]\n",
         {"3:1: error: [log] is there twice; write these keys below the one at line 1" + rest_unchecked}},
        {"a backend twice",
         "[backend.x]\n[backend.x]\n",
         {"2:1: error: [backend.x] is there twice; write these keys below the one at line 1, or give this "
          "one another name" +
          rest_unchecked}},
        {"single brackets beside double ones",
         "[[route]]\n[ route ] # one more\n",
         {"2:1: error: [route] beside the [[route]] at line 1; write [[route]] in both places, with double "
          "brackets" +
          rest_unchecked}},
        {"double brackets beside single ones",
         "[listener]\n[[listener]]\n",
         {"2:1: error: [[listener]] beside the [listener] at line 1; write [[listener]] in both places, with "
          "double brackets" +
          rest_unchecked}},
        {"double brackets of a table that there is once",
         "[server]\n[[server]]\n",
         {"2:1: error: [[server]] beside the [server] at line 1; write [server] once, with single brackets" +
          rest_unchecked}},
        {"an unclosed quote",
         "[[route]]\nnames = [\"a\", \"b] # c\nbackend = \"x\"\n",
         {"2:15: error: this string has no closing quote; write \" behind it, on the same line" +
          rest_unchecked}},
        {"an unclosed single quote at the end of the file",
         "a = '\\",
         {"1:5: error: this string has no closing quote; write ' behind it, on the same line" +
          rest_unchecked}},
        {"three quotes that nothing closes",
         "a = \"\"\"x\n\n",
         {"2:2: error: the file ends inside a string that began with three quotes; write three behind it" +
          rest_unchecked}},
        {"a control character",
         "a = \"\x01\"\n",
         {"1:6: error: a control character in a string; leave it out, or write it as \\uXXXX" +
          rest_unchecked}},
        {"an escape that there is not",
         "a = \"\\d\"\n",
         {"1:7: error: a backslash between double quotes begins an escape; write it twice, or write the "
          "string between single quotes" +
          rest_unchecked}},
        {"a word without quotes",
         "backend = blog # mine\n",
         {"1:11: error: a text stands between two straight quotes; write \"blog\"" + rest_unchecked}},
        {"a duration without quotes",
         "hold = 5s\n",
         {"1:8: error: a text stands between two straight quotes; write \"5s\"" + rest_unchecked}},
        {"an address without quotes",
         "address = 192.0.2.1:443\n",
         {"1:11: error: a text stands between two straight quotes; write \"192.0.2.1:443\"" +
          rest_unchecked}},
        {"typographic quotes",
         "a = \xe2\x80\x9cx\xe2\x80\x9d\n",
         {"1:5: error: a text stands between two straight quotes; write \"x\"" + rest_unchecked}},
        {"half a word of truth",
         "a = tru\n",
         {"1:5: error: a text stands between two straight quotes; write \"tru\", or true, or false" +
          rest_unchecked}},
        {"a number with a zero in front",
         "a = 01\n",
         {"1:7: error: a number with a 0 in front; leave the 0 out" + rest_unchecked}},
        {"a header that is not closed",
         "[[listener]\n",
         {"1:12: error: the brackets of a table's name do not match; write [[listener]]" + rest_unchecked}},
        {"no comma",
         "a = [\"b\" \"c\"]\n",
         {"1:10: error: a comma or a ] is missing before this; write a comma between two elements, and ] "
          "behind the last" +
          rest_unchecked}},
        {"an array that does not end",
         "a = [1,\n",
         {"1:5: error: this array does not end; write ] behind its last element" + rest_unchecked}},
        {"no equals sign",
         "workers 2\n",
         {"1:9: error: no = behind the key; write KEY = VALUE" + rest_unchecked}},
        {"something behind the value",
         "a = \"b\",\n",
         {"1:8: error: something stands behind the value; write each key on a line of its own, and a comment "
          "behind #" +
          rest_unchecked}},
        {"a comment as in C",
         "// x\n",
         {"1:1: error: neither a key nor a [table]; write a comment behind #" + rest_unchecked}},
        {"bytes that are no UTF-8",
         "a = \"\xff\"\n",
         {"1:5: error: this is not UTF-8; save the file as UTF-8" + rest_unchecked}},
        {"a table on two lines",
         "a = {b = 1\nc = 2}\n",
         {"1:11: error: a line ends between { and }; write all of it on one line, or below a [TABLE] each "
          "key "
          "on a line of its own" +
          rest_unchecked}},
        {"nesting without an end",
         "a = " + std::string(10'000, '['),
         {"1:261: error: brackets in more than 256 brackets; write an array without arrays in it" +
          rest_unchecked}},
        {"a key that nests without an end",
         "\n" + std::string(2'000, 'a') + std::string(100'000, '.'),
         {"2:1: error: more than 1000 dots without a comma between them; write shorter keys, or break the "
          "line"}},
    }));
    check(row);
}

namespace {

// A file that is no TOML, where its mistake is, and a part of what is said of it.
struct broken {
    std::string text;
    std::string where;
    std::string said;
};

} // namespace

TEST_CASE("parse: each kind of TOML mistake is told in our words, with its place and what to write") {
    const auto row = GENERATE(values<broken>({
        // arrays
        {"names = [\"a.example\", b]\n", "1:23", "write \"b\""},
        {"names = [\"a.example\", b.example, \"c\"]\n", "1:23", "write \"b.example\""},
        {"names = [www.example.com]\n", "1:10", "write \"www.example.com\""},
        {"names = [true.example.com]\n", "1:10", "write \"true.example.com\""},
        {"names = [info.example.com]\n", "1:10", "write \"info.example.com\""},
        {"source = [192.0.2.0/24]\n", "1:11", "write \"192.0.2.0/24\""},
        {"source = [2001:db8::/32]\n", "1:11", "write \"2001:db8::/32\""},
        {"names = [\n  \"a\",\n  b.example,\n]\n", "3:3", "write \"b.example\""},
        {"names = [\"a.example\", b\"]\n", "1:23", "write \"b\""},
        {"names = [\xe2\x80\x9c"
         "a.example\xe2\x80\x9d]\n",
         "1:10", "write \"a.example\""},
        {"names = [\"a.example\" \"b.example\"]\n", "1:22", "write a comma between two"},
        {"names = [\n\"a.example\"\n\"b.example\"]\n", "3:1", "write a comma between two"},
        {"names = [\"a.example\"; \"b.example\"]\n", "1:21", "write a comma between two"},
        {"names = [\"a\",, \"b\"]\n", "1:14", "leave the comma out"},
        {"names = [, \"b\"]\n", "1:10", "leave the comma out"},
        {"names = [\"a\", \"b\"\nbackend = \"x\"\n", "1:9", "write ] behind its last element"},
        {"names = [\"a\",\nbackend = \"x\"\n", "1:9", "write ] behind its last element"},
        {"names = [\"a\",\nalpn = [\"h2\"]\n", "1:9", "write ] behind its last element"},
        {"names = [\"a\"\n\n[[route]]\n", "1:9", "write ] behind its last element"},
        {"names = [\"a\",\n\n[backend.b] # c\nx = 1\n", "1:9", "write ] behind its last element"},
        {"names = [\"a\", \"b\"", "1:9", "write ] behind its last element"},
        {"names = [\"a, \"b\"]\n", "1:15", "write each text between two"},
        {"names = [\"a.example, \"b.example\", \"c.example\"]\n", "1:23", "write each text between two"},
        {"names = [\"a\", \"b]\n", "1:15", "write \" behind it"},
        {"names = [\"\xc3\xbc\", 'b]\n", "1:15", "write ' behind it"},
        {"names = [\"a.exam\nple\", \"b\"]\n", "1:10", "write \" behind it, on the same line"},
        {"names = [\"/a\\d/\"]\n", "1:14", "write it twice, or write the string between single quotes"},
        {"names = [\"\\u12\"]\n", "1:15", "four hexadecimal digits"},
        {"names = [(\"a\")]\n", "1:10", "write texts between double quotes"},
        {"address = [::]:443\n", "1:11", "write \"[::]:443\""},
        {"address = [2001:db8::1]:443 # all\n", "1:11", "write \"[2001:db8::1]:443\""},
        // of another program
        {"server {\n  listen 443;\n}\n", "1:8",
         "this looks like another program's file; a table begins with"},
        {"frontend x\n", "1:10", "a table begins with"},
        {"global\n  maxconn 5\n", "1:7", "a table begins with"},
        {"listener:\n  - address: x\n", "1:9", "a table begins with"},
        {"{\"listener\": []}\n", "1:1", "a table begins with"},
        {"{\n  \"listener\": []\n}\n", "1:1", "a table begins with"},
        // tables on one line
        {"a = { b }\n", "1:9", "write KEY = VALUE"},
        {"a = { b = }\n", "1:11", "no value behind the =; write one"},
        {"a = { b = 1, }\n", "1:14", "leave the comma out"},
        {"a = { b = 1 c = 2 }\n", "1:13", "write { KEY = VALUE, KEY = VALUE }"},
        {"a = { b = 5s }\n", "1:11", "write \"5s\""},
        {"a = { b = 1\n", "1:12", "write all of it on one line"},
        {"a = { b = 1", "1:5", "write } behind its last value"},
        {"a = { = 1 }\n", "1:7", "write { KEY = VALUE, KEY = VALUE }"},
        // keys and headers
        {"workers. = 2\n", "1:10", "leave the dot out"},
        {"a..b = 2\n", "1:3", "leave the dot out"},
        {"[backend.]\n", "1:10", "or leave the dot out"},
        {"[.backend]\n", "1:2", "or leave the dot out"},
        {"[backend..x]\n", "1:10", "or leave the dot out"},
        {"[backend blog]\n", "1:10", "write [backend.blog]"},
        {"[backend:blog]\n", "1:9", "this is no name of a table; write letters"},
        {"[]\n", "1:2", "this is no name of a table; write letters"},
        {"[ [route] ]\n", "1:3", "write [[route]]"},
        {"[route]]\n", "1:8", "write [[route]]"},
        {"[[route]] names = [\"a\"]\n", "1:11", "write [[route]] on a line of its own"},
        {"[server", "1:8", "write [server]"},
        {"server]\nworkers = 1\n", "1:7", "write [server]"},
        {"workers: 2\n", "1:8", "write KEY = VALUE"},
        {"hello timeout = \"5s\"\n", "1:7", "write KEY = VALUE"},
        {"workers", "1:8", "write KEY = VALUE"},
        {"workers =", "1:10", "write one"},
        {"= 5\n", "1:1", "neither a key nor a [table]; write"},
        // values
        {"workers = 5.\n", "1:11", "write 5"},
        {"access = True\n", "1:10", "write true"},
        {"access = FALSE # c\n", "1:10", "write false"},
        {"workers = 1_\n", "1:11", "write \"1_\""},
        {"workers = 0x\n", "1:11", "write \"0x\""},
        {"workers = 99999999999999999999\n", "1:11", "write \"99999999999999999999\""},
        {"workers = \x01\n", "1:11", "this is no value; write"},
        {"names = \"a.example\", \"b.example\" # two\n", "1:20",
         "write names = [\"a.example\", \"b.example\"]"},
        {"hold = 5 s\n", "1:8", "write \"5 s\""},
        {"hold = \"5s\" sorry = \"b\"\n", "1:13", "write each key on a line of its own"},
        {"hold = \"5s\"\rsorry = \"b\"\n", "1:13", "save the file with Unix line ends"},
        {"# \x01\n", "1:3", "a control character in a comment; leave it out"},
        {"a = \"\\uD800\"\n", "1:12", "write another one, or leave it out"},
        {"a.b = 1\n[a]\n", "2:1", "write"},
        {"a = {b = 1}\na.c = 2\n", "2:1", "leave out this one"},
    }));
    INFO(row.text);
    const auto parsed = parse(row.text, "f");
    REQUIRE(parsed.diagnostics.size() == 1);
    const auto told = parsed.diagnostics[0].to_string("f");
    INFO(told);
    CHECK(told.starts_with("f:" + row.where + ": error: "));
    CHECK(told.find(row.said) != told.npos);
    for (const auto* words :
         {"parsing", "saw ", "encountered", "TOML", "expected", "prohibited", "cannot redefine"})
        CHECK(told.find(words) == told.npos);
}
