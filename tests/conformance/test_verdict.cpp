// SPDX-License-Identifier: BSL-1.0
// The rules by which the suite judges, and that its shapes are what they say.
#include "catch.hpp"
#include "verdict.hpp"

#include <set>

using namespace snipass::conformance;
using namespace std::chrono_literals;

namespace {

using answer = judgement::kind;
using ending = observation::ending;

shape any_shape(legality by_rfc) {
    return {.name = "any",
            .what = {},
            .rule = {},
            .by_rfc = by_rfc,
            .pieces = {{bytes{22}, 0ms}},
            .half_closes = false,
            .name_by_letter = {}};
}

observation arrived(route where) {
    observation made;
    made.reached = {where};
    made.is_answered = true;
    return made;
}

observation ended(ending how) {
    observation made;
    made.ended = how;
    return made;
}

fault kind_of(legality by_rfc, const judgement& judged, const observation& seen,
              unmatched policy = unmatched::fallback) {
    const auto shape = any_shape(by_rfc);
    return weigh(shape, judged, expect(shape, judged, {}, policy), seen).kind;
}

const judgement reads_a{answer::reads_name, "A.Test.", ""};
const judgement reads_unknown{answer::reads_name, "a.test.evil", ""};
const judgement reads_none{answer::reads_no_name, "", ""};
const judgement refuses{answer::refuses, "", "decode error"};
const judgement wants_more{answer::wants_more, "", ""};

} // namespace

TEST_CASE("conformance: a legal hello must reach the backend of its name") {
    CHECK(kind_of(legality::legal, reads_a, arrived(route::a)) == fault::none);
    CHECK(kind_of(legality::legal, reads_a, arrived(route::b)) == fault::misrouted);
    CHECK(kind_of(legality::legal, reads_a, arrived(route::fallback)) == fault::lost);
    CHECK(kind_of(legality::legal, reads_a, ended(ending::fin)) == fault::lost);
    CHECK(kind_of(legality::legal, reads_a, ended(ending::open)) == fault::lost);
    CHECK(kind_of(legality::legal, reads_a, ended(ending::other_data)) == fault::lost);
}

TEST_CASE("conformance: a forbidden hello may be refused, but not routed by another name") {
    CHECK(kind_of(legality::forbidden, reads_a, arrived(route::a)) == fault::none);
    CHECK(kind_of(legality::forbidden, reads_a, arrived(route::fallback)) == fault::none);
    CHECK(kind_of(legality::forbidden, reads_a, ended(ending::reset)) == fault::none);
    CHECK(kind_of(legality::forbidden, reads_a, arrived(route::b)) == fault::misrouted);
    CHECK(kind_of(legality::forbidden, reads_unknown, arrived(route::a)) == fault::misrouted);
}

TEST_CASE("conformance: without a routed name the router does what it is configured to") {
    for (const auto& judged : {reads_none, reads_unknown}) {
        CHECK(kind_of(legality::legal, judged, arrived(route::fallback)) == fault::none);
        CHECK(kind_of(legality::legal, judged, ended(ending::fin)) == fault::lost);
        CHECK(kind_of(legality::legal, judged, ended(ending::fin), unmatched::refuse) == fault::none);
        CHECK(kind_of(legality::legal, judged, arrived(route::fallback), unmatched::refuse) == fault::lost);
        CHECK(kind_of(legality::legal, judged, arrived(route::a)) == fault::misrouted);
    }
}

TEST_CASE("conformance: what a server refuses, or waits for, must not be routed by a name") {
    for (const auto& judged : {refuses, wants_more}) {
        CHECK(kind_of(legality::legal, judged, arrived(route::a)) == fault::lenient);
        CHECK(kind_of(legality::legal, judged, arrived(route::fallback)) == fault::none);
        CHECK(kind_of(legality::legal, judged, ended(ending::alert)) == fault::none);
        CHECK(kind_of(legality::legal, judged, ended(ending::open)) == fault::none);
    }
    auto by_letter = any_shape(legality::legal);
    by_letter.name_by_letter = "a.test";
    const auto expected = expect(by_letter, refuses, {}, unmatched::fallback);
    CHECK(weigh(by_letter, refuses, expected, arrived(route::a)).is_right());
    CHECK_FALSE(weigh(by_letter, refuses, expected, arrived(route::b)).is_right());
}

TEST_CASE("conformance: bytes and answer must arrive unchanged, at one backend") {
    auto changed = arrived(route::a);
    changed.is_whole = false;
    CHECK(kind_of(legality::legal, reads_a, changed) == fault::damaged);
    auto unanswered = arrived(route::a);
    unanswered.is_answered = false;
    CHECK(kind_of(legality::legal, reads_a, unanswered) == fault::damaged);
    auto twice = arrived(route::a);
    twice.reached.push_back(route::b);
    CHECK(kind_of(legality::legal, reads_a, twice) == fault::damaged);
}

TEST_CASE("conformance: the judge answers as a TLS server") {
    const judge openssl;
    std::set<std::string> names;
    std::set<bytes> streams;
    for (const auto& each : all_shapes({}, 1s)) {
        INFO(each.name);
        CHECK(names.insert(each.name).second);
        const auto stream = each.stream();
        CHECK((stream.size() < 100 || streams.insert(stream).second)); // each hello has its own random
        const auto judged = openssl.read(stream, each.half_closes);
        // What no RFC forbids, a server reads; but for what is not a hello, or not a whole one.
        const bool is_read = judged.answer == answer::reads_name || judged.answer == answer::reads_no_name;
        const bool is_unfinished = each.half_closes || judged.answer == answer::wants_more;
        const bool is_odd = each.name_by_letter || each.name == "records/message-16m" ||
                            each.name == "fields/versions-none-known";
        CHECK((each.by_rfc == legality::forbidden || is_read || is_unfinished || is_odd));
    }
    CHECK(names.size() > 200);
}
