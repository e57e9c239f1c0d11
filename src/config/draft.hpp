// SPDX-License-Identifier: BSL-1.0
// draft: the file, table by table, before its parts are held against each other. Private to config.
#pragma once

#include "document.hpp"
#include "findings.hpp"
#include "snipass/config/configuration.hpp"
#include "snipass/config/written.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace snipass::config {

class table_reader;

// reference is the name of a backend where it is used.
struct reference {
    std::string name;
    position where;
};

struct listener_draft {
    listener_settings settings;
    position where; // of the address
    // The policies that the file gives as "default".
    struct sent_to_default {
        std::string_view key;
        position where;
    };
    std::vector<sent_to_default> sent_to_default;
};

struct route_draft {
    route::rule rule;
    std::vector<position> name_positions; // one for each of rule.names
    position http_where{};                // of `paths`, or of `methods`
    std::optional<reference> backend;
    std::size_t backend_index = 0;
    position where;
    std::uint64_t written = 0;
};

struct backend_draft {
    backend_settings settings;
    std::optional<reference> sorry;
};

struct tls_draft {
    tls_settings settings;
    position handoff_where; // of the key, or of the table
};

struct draft {
    server_settings server;
    log_settings log;
    std::vector<listener_draft> listeners;
    std::vector<route_draft> routes;
    std::vector<backend_draft> backends;
    std::optional<reference> default_backend;
    std::optional<std::size_t> default_index;
    std::optional<tls_draft> tls;
    std::optional<ech_settings> ech;
    std::optional<metrics_settings> metrics;
    control_settings control;
    std::vector<std::pair<std::string, std::uint64_t>> tables; // as a configuration's
    // There is one, right or wrong.
    bool has_listener = false;
    bool has_route = false;
    bool has_default = false;
    bool backends_are_unknown = false; // and said so
};

// as_backend_name reads the name of a backend; finish() looks whether there is one.
[[nodiscard]] written<reference> as_backend_name(const node& node);

// Each reads one table, `where` being its header.
[[nodiscard]] server_settings read_server(const members& table, position where, findings& findings);
[[nodiscard]] log_settings read_log(const members& table, findings& findings);
[[nodiscard]] listener_draft read_listener(const members& table, position where, findings& findings);
[[nodiscard]] route_draft read_route(const members& table, position where, findings& findings);
[[nodiscard]] backend_draft read_backend(const members& table, std::string_view name, position where,
                                         findings& findings);
[[nodiscard]] std::optional<reference> read_default(const members& table, position where, findings& findings);

[[nodiscard]] metrics_settings read_metrics(const members& table, position where, findings& findings);

[[nodiscard]] control_settings read_control(const members& table, position where, findings& findings);

// name_routes gives each rule the name that its counter has; no two are alike.
[[nodiscard]] std::vector<std::string> name_routes(const std::vector<route::rule>& rules);

[[nodiscard]] tls_draft read_tls(const members& table, position where, findings& findings);

[[nodiscard]] ech_settings read_ech(const members& table, position where, findings& findings);
void read_ech_mode(table_reader& in, backend_settings& settings); // a backend's

// read_redirect reads the keys of a backend that is an answer. False: it is another one.
[[nodiscard]] bool read_redirect(table_reader& in, backend_settings& settings);

// read_termination reads the keys of a backend whose TLS ends in snipass-tls.
void read_termination(table_reader& in, backend_settings& settings, findings& findings);

// read_draft reads the file's root table, and after it those of the files that it includes.
[[nodiscard]] draft read_draft(const members& root, std::vector<members> included, findings& findings);

// The parts held against each other. resolve_references fills in the indexes of backends, and tells whether
// all are known; the warnings need them.
void check_listeners(const draft& draft, findings& findings);
void check_termination(const draft& draft, findings& findings);
void check_ech(const draft& draft, findings& findings);
void check_http(const draft& draft, const std::vector<route::rule>& rules, findings& findings);
[[nodiscard]] bool resolve_references(draft& draft, findings& findings);
void warn_of_shadowed_names(const draft& draft, const std::vector<route::rule>& rules, findings& findings);
void warn_of_backends(const draft& draft, findings& findings);

} // namespace snipass::config
