// SPDX-License-Identifier: BSL-1.0
// [ech], and the key of a backend that takes clients whose hello was encrypted.
#include "draft.hpp"
#include "reader.hpp"
#include "snipass/config/address.hpp"

#include <utility>

namespace snipass::config {
namespace {

constexpr choice<ech_mode> modes[] = {{"own_keys", ech_mode::own_keys}, {"carried", ech_mode::carried}};

written<std::string> as_folder(const node& node) {
    using result = written<std::string>;
    auto text = as_string(node, "a folder", "/etc/snipass/ech.d");
    if (!text.value)
        return text;
    if (!text.value->starts_with('/'))
        return result::refused(in_quotes(*text.value) +
                               " is a relative path; write one from the root, such as " +
                               in_quotes("/etc/snipass/" + *text.value));
    return text;
}

} // namespace

ech_settings read_ech(const members& table, position where, findings& findings) {
    ech_settings made;
    made.where = made.keys_where = made.helper_where = where;
    table_reader in{table, "ech", findings};
    if (const auto* const keys = in.take("keys"))
        made.keys_where = keys->value.where;
    in.read("keys", made.keys, as_folder);
    if (const auto* const helper = in.take("helper"))
        made.helper_where = helper->value.where;
    in.read("helper", made.helper_path, [](const node& node) {
        auto text = as_string(node, "a unix socket", "unix:/run/snipass-ech/open.sock");
        return text.value ? parse_handoff_address(*text.value) : text;
    });
    made.allows_listed_only =
        in.read_each("allowed_users", table_reader::lone_string::refused, as_user,
                     [&](allowed_user user, position) { made.allowed_users.push_back(std::move(user)); });
    in.finish();
    return made;
}

void read_ech_mode(table_reader& in, backend_settings& settings) {
    if (const auto* const given = in.take("ech"))
        settings.ech_where = given->value.where;
    in.read("ech", settings.ech, [](const node& node) { return as_choice<ech_mode>(node, modes); });
}

} // namespace snipass::config
