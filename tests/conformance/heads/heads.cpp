// SPDX-License-Identifier: BSL-1.0
#include "heads.hpp"

#include <utility>

namespace snipass::conformance {

std::vector<head_shape> all_heads(const route_names& names, milliseconds slow) {
    scribe to{names, slow};
    for (auto* const add :
         {add_request_lines, add_targets, add_hosts, add_field_lines, add_bodies, add_pieces, add_no_heads})
        add(to);
    return std::move(to.heads);
}

shape& scribe::add(std::string name, std::string what, std::string rule, std::string_view text,
                   legality by_rfc, judgement read) {
    shape made;
    made.name = std::move(name);
    made.what = std::move(what);
    made.rule = std::move(rule);
    made.by_rfc = by_rfc;
    made.pieces = {{bytes{text.begin(), text.end()}}};
    heads.push_back({std::move(made), std::move(read)});
    return heads.back().what;
}

shape& scribe::reads_a(std::string name, std::string what, std::string rule, std::string_view text) {
    return add(std::move(name), std::move(what), std::move(rule), text, legality::legal,
               {judgement::kind::reads_name, names.a, {}});
}

shape& scribe::reads_other(std::string name, std::string what, std::string rule, std::string_view text) {
    return add(std::move(name), std::move(what), std::move(rule), text, legality::legal,
               {judgement::kind::reads_no_name, {}, {}});
}

shape& scribe::may_read_a(std::string name, std::string what, std::string rule, std::string_view text) {
    return add(std::move(name), std::move(what), std::move(rule), text, legality::forbidden,
               {judgement::kind::reads_name, names.a, {}});
}

shape& scribe::is_refused(std::string name, std::string what, std::string rule, std::string_view text) {
    const judgement refuses{judgement::kind::refuses, {}, rule};
    return add(std::move(name), std::move(what), std::move(rule), text, legality::forbidden, refuses);
}

} // namespace snipass::conformance
