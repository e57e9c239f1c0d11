// SPDX-License-Identifier: BSL-1.0
#include "verdict.hpp"

#include <algorithm>
#include <cctype>

namespace snipass::conformance {

namespace {

// DNS names are compared without case, and one trailing dot says nothing (RFC 4343 section 2, RFC 1034
// section 3.1).
std::string folded(std::string name) {
    if (name.ends_with('.'))
        name.pop_back();
    std::ranges::transform(name, name.begin(),
                           [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return name;
}

std::optional<route> route_of(const std::string& name, const route_names& names) {
    if (folded(name) == folded(names.a))
        return route::a;
    if (folded(name) == folded(names.b))
        return route::b;
    return std::nullopt;
}

std::string ending_text(const observation& seen) {
    switch (seen.ended) {
    case observation::ending::open:
        return "waits";
    case observation::ending::fin:
        return "refused (close)";
    case observation::ending::reset:
        return "refused (reset)";
    case observation::ending::alert:
        return "refused (alert " + std::to_string(seen.alert) + ")";
    case observation::ending::other_data:
        return seen.status != 0 ? "refused (" + std::to_string(seen.status) + ")" : "answered itself";
    }
    return "?";
}

} // namespace

std::string to_string(route one) {
    switch (one) {
    case route::a:
        return "A";
    case route::b:
        return "B";
    case route::fallback:
        return "default";
    }
    return "?";
}

std::string observation::to_string() const {
    std::string text;
    for (const auto one : reached)
        text += (text.empty() ? "" : " and ") + conformance::to_string(one);
    return text.empty() ? ending_text(*this) : text;
}

std::string expectation::to_string() const {
    std::string text = named ? conformance::to_string(*named) : "";
    if (may_fall_back)
        text += text.empty() ? "default" : " or default";
    if (may_refuse)
        text += text.empty() ? "refused" : " or refused";
    return text;
}

expectation expect(const shape& shape, const judgement& judged, const route_names& names, unmatched policy) {
    expectation right;
    const bool is_read =
        judged.answer == judgement::kind::reads_name || judged.answer == judgement::kind::reads_no_name;
    if (!is_read) {
        if (shape.name_by_letter)
            right.named = route_of(*shape.name_by_letter, names);
        right.may_fall_back = right.may_refuse = true;
        return right;
    }
    if (judged.answer == judgement::kind::reads_name)
        right.named = route_of(judged.name, names);
    const bool is_forbidden = shape.by_rfc == legality::forbidden;
    right.may_fall_back = is_forbidden || (!right.named && policy == unmatched::fallback);
    right.may_refuse = is_forbidden || (!right.named && policy == unmatched::refuse);
    return right;
}

std::string_view to_string(fault kind) noexcept {
    switch (kind) {
    case fault::none:
        return "none";
    case fault::misrouted:
        return "misrouted";
    case fault::lost:
        return "lost";
    case fault::lenient:
        return "lenient";
    case fault::damaged:
        return "damaged";
    }
    return "?";
}

namespace {

verdict weigh_ending(const expectation& expected, const observation& seen) {
    if (expected.may_refuse)
        return {};
    if (seen.ended == observation::ending::open)
        return {fault::lost, "never routed (timeout)"};
    if (seen.ended == observation::ending::other_data)
        return {fault::lost, ending_text(seen)};
    return {fault::lost, "refused, though it is legal"};
}

verdict weigh_route(const judgement& judged, const expectation& expected, route reached) {
    if (reached == expected.named || (reached == route::fallback && expected.may_fall_back))
        return {};
    const auto where = "routed to " + to_string(reached);
    if (reached == route::fallback)
        return {fault::lost, where};
    if (judged.answer == judgement::kind::wants_more)
        return {fault::lenient, where + " before all had come"};
    if (judged.answer == judgement::kind::refuses)
        return {fault::lenient, where};
    return {fault::misrouted, where};
}

} // namespace

verdict weigh(const shape& shape, const judgement& judged, const expectation& expected,
              const observation& seen) {
    if (seen.reached.size() > 1)
        return {fault::damaged, "reached more than one backend: " + seen.to_string()};
    if (seen.reached.empty())
        return weigh_ending(expected, seen);
    const auto reached = seen.reached.front();
    if (auto wrong = weigh_route(judged, expected, reached); !wrong.is_right())
        return wrong;
    if (!seen.is_whole)
        return {fault::damaged, "bytes lost or changed on the way to " + to_string(reached)};
    if (!seen.is_answered && !shape.pieces.empty())
        return {fault::damaged, "the answer of " + to_string(reached) + " did not arrive"};
    return {};
}

} // namespace snipass::conformance
