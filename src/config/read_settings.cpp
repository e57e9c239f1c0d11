// SPDX-License-Identifier: BSL-1.0
// [server], [log] and [default].
#include "draft.hpp"
#include "reader.hpp"
#include "snipass/config/limits.hpp"

namespace snipass::config {
namespace {

constexpr choice<log_level> levels[] = {{"trace", log_level::trace},
                                        {"debug", log_level::debug},
                                        {"info", log_level::info},
                                        {"warn", log_level::warn},
                                        {"error", log_level::error}};
constexpr choice<log_format> formats[] = {{"text", log_format::text}, {"json", log_format::json}};
constexpr choice<sandbox_mode> sandboxes[] = {
    {"on", sandbox_mode::on}, {"off", sandbox_mode::off}, {"required", sandbox_mode::required}};

written<std::string> as_file(const node& node) {
    using result = written<std::string>;
    constexpr std::string_view example = "/var/log/snipass/access.log";
    auto text = as_string(node, "a file", example);
    if (!text.value)
        return text;
    if (!text.value->starts_with('/') || text.value->ends_with('/') ||
        text.value->find('\0') != std::string::npos)
        return result::refused(in_quotes(*text.value) +
                               " is no path of a file from the root; write one such as " +
                               in_quotes(example));
    return text;
}

} // namespace

server_settings read_server(const members& table, position where, findings& findings) {
    server_settings server;
    table_reader in{table, "server", findings};
    const auto place_of = [&](std::string_view key) {
        const auto* const found = in.take(key);
        return found ? found->value.where : where;
    };
    const auto sessions = [](const node& node) { return as_integer(node, 1, limits::sessions); };
    const auto longer_than_zero = [](const node& node) {
        return as_duration(node, limits::shortest_duration);
    };
    in.read("workers", server.workers, [](const node& node) { return as_integer(node, 0, limits::workers); });
    server.workers_where = place_of("workers");
    in.read("hello_timeout", server.hello_timeout, longer_than_zero);
    in.read("hello_max", server.hello_max, [](const node& node) {
        return as_size(node, limits::smallest_hello_max, limits::largest_hello_max);
    });
    in.read("head_max", server.head_max, [](const node& node) {
        return as_size(node, limits::smallest_head_max, limits::largest_head_max);
    });
    in.read("max_waiting", server.max_waiting, sessions);
    in.read("max_waiting_per_source", server.max_waiting_per_source, sessions);
    in.read("drain_timeout", server.drain_timeout,
            [](const node& node) { return as_duration(node, std::chrono::milliseconds{0}); });
    in.read("max_pipes", server.max_pipes,
            [](const node& node) { return as_integer(node, 0, limits::pipes); });
    in.read("max_pipe_memory", server.max_pipe_memory, [](const node& node) {
        return as_size(node, limits::least_pipe_memory, limits::most_pipe_memory);
    });
    in.read("sandbox", server.sandbox,
            [](const node& node) { return as_choice<sandbox_mode>(node, sandboxes); });
    server.sandbox_where = place_of("sandbox");
    in.read("max_relayed", server.max_relayed, sessions);
    in.read("max_relayed_per_source", server.max_relayed_per_source, sessions);
    in.finish();
    return server;
}

log_settings read_log(const members& table, findings& findings) {
    log_settings log;
    table_reader in{table, "log", findings};
    in.read("level", log.level, [](const node& node) { return as_choice<log_level>(node, levels); });
    in.read("format", log.format, [](const node& node) { return as_choice<log_format>(node, formats); });
    in.read("access", log.access, as_boolean);
    in.read("hello", log.hello, as_boolean);
    in.read("empty", log.empty, as_boolean);
    if (in.read("file", log.file, as_file))
        log.file_where = in.take("file")->value.where;
    in.read("journal", log.journal, as_boolean);
    in.finish();
    return log;
}

std::optional<reference> read_default(const members& table, position where, findings& findings) {
    std::optional<reference> backend;
    table_reader in{table, "default", findings};
    const bool given = in.read("backend", backend, as_backend_name);
    in.finish();
    if (!given && !in.is_meant("backend"))
        findings.error(where, "default: no backend; write backend = \"NAME\", or leave [default] out");
    return backend;
}

} // namespace snipass::config
