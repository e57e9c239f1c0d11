// SPDX-License-Identifier: BSL-1.0
// [control]
#include "draft.hpp"
#include "reader.hpp"
#include "snipass/config/address.hpp"

#include <utility>

namespace snipass::config {
namespace {

constexpr std::string_view example = "/run/snipass/control.sock";
constexpr std::string_view prefix = "unix:";

written<std::string> as_path(const node& node) {
    using result = written<std::string>;
    auto text = as_string(node, "a path", example);
    if (!text.value || *text.value == "none")
        return text;
    if (text.value->starts_with(prefix))
        return result::refused(in_quotes(*text.value) + " is an address; write the path alone, " +
                               in_quotes(text.value->substr(prefix.size())));
    if (!text.value->starts_with('/'))
        return result::refused(in_quotes(*text.value) + " is no absolute path; write one such as " +
                               in_quotes(example) + ", or \"none\"");
    return parse_handoff_address(std::string{prefix} + *text.value);
}

} // namespace

control_settings read_control(const members& table, position where, findings& findings) {
    control_settings control;
    control.where = where;
    table_reader in{table, "control", findings};
    control.is_given = in.read("path", control.path, as_path);
    if (control.is_given)
        control.where = in.take("path")->value.where;
    in.finish();
    if (control.path == "none")
        control.path.clear();
    return control;
}

} // namespace snipass::config
