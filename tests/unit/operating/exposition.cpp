// SPDX-License-Identifier: BSL-1.0
#include "snipass/operating/exposition.hpp"

#include "catch.hpp"

#include <array>

using namespace snipass::server;

TEST_CASE("exposition: a family has its help and its kind once, and then its samples") {
    exposition to;
    to.counter("clients_total", "All of them.");
    to.sample({}, std::uint64_t{18'446'744'073'709'551'615U}); // a double would round it
    to.gauge("load", "Half.");
    to.sample({{"cpu", "0"}, {"mode", "user"}}, 0.5);
    CHECK(to.take() == "# HELP clients_total All of them.\n"
                       "# TYPE clients_total counter\n"
                       "clients_total 18446744073709551615\n"
                       "# HELP load Half.\n"
                       "# TYPE load gauge\n"
                       "load{cpu=\"0\",mode=\"user\"} 0.5\n");
}

TEST_CASE("exposition: no label ends its quotes, or the line") {
    exposition to;
    to.gauge("g", "h");
    to.sample({{"name", "a\"b\\c\nd\xc3\xa4"}}, std::uint64_t{1});
    CHECK(to.take() == "# HELP g h\n# TYPE g gauge\ng{name=\"a\\\"b\\\\c\\nd\xc3\xa4\"} 1\n");
}

TEST_CASE("exposition: a label that is no UTF-8 is shown in ASCII, and in quotes") {
    struct row {
        std::string value, shown;
    };
    const auto one =
        GENERATE(row{"live/b\xff\"/a", R"(\"live/b\\u00FF\\\"/a\")"}, row{"\xc3", R"(\"\\u00C3\")"},
                 row{"\x80", R"(\"\\u0080\")"}, row{"\xc1\x81", R"(\"\\u00C1\\u0081\")"},
                 row{"\xe0\x9f\xbf", R"(\"\\u00E0\\u009F\\u00BF\")"},
                 row{"\xed\xa0\x80", R"(\"\\u00ED\\u00A0\\u0080\")"}, row{"\xc3(", R"(\"\\u00C3(\")"},
                 row{"\xf4\x90\x80\x80", R"(\"\\u00F4\\u0090\\u0080\\u0080\")"},
                 row{"\xf8\x88\x80\x80\x80", R"(\"\\u00F8\\u0088\\u0080\\u0080\\u0080\")"},
                 row{"\xed\x9f\xbf\xee\x80\x80 \xf0\x90\x80\x80\xf4\x8f\xbf\xbf \x7f\xc2\x80\xe0\xa0\x80",
                     "\xed\x9f\xbf\xee\x80\x80 \xf0\x90\x80\x80\xf4\x8f\xbf\xbf \x7f\xc2\x80\xe0\xa0\x80"},
                 row{"", ""});
    exposition to;
    to.gauge("g", "h");
    to.sample({{"file", one.value}}, std::uint64_t{1});
    CHECK(to.take() == "# HELP g h\n# TYPE g gauge\ng{file=\"" + one.shown + "\"} 1\n");
}

TEST_CASE("exposition: a histogram's buckets count all that is not larger") {
    static constexpr std::array<std::uint64_t, 3> bounds{50, 1'000, 2'000'000};
    histogram<bounds> times;
    for (const std::uint64_t one : {0U, 50U, 51U, 1'000U, 3'000'000U})
        times.add(one);
    histogram_totals totals;
    times.add_to(totals);
    times.add_to(totals); // another worker's
    exposition to;
    to.histogram("t_seconds", "Times.", totals, 1e6);
    CHECK(to.take() == "# HELP t_seconds Times.\n"
                       "# TYPE t_seconds histogram\n"
                       "t_seconds_bucket{le=\"0.00005\"} 4\n"
                       "t_seconds_bucket{le=\"0.001\"} 8\n"
                       "t_seconds_bucket{le=\"2\"} 8\n"
                       "t_seconds_bucket{le=\"+Inf\"} 10\n"
                       "t_seconds_sum 6.002202\n"
                       "t_seconds_count 10\n");
}
