// SPDX-License-Identifier: BSL-1.0
// configuration: what the file says, as plain structs. Validated: every index is in range, every name parsed.
#pragma once

#include "snipass/base/ip_address.hpp"
#include "snipass/config/admission_settings.hpp"
#include "snipass/config/allowed_user.hpp"
#include "snipass/config/control_settings.hpp"
#include "snipass/config/ech_settings.hpp"
#include "snipass/config/metrics_settings.hpp"
#include "snipass/config/position.hpp"
#include "snipass/config/redirect.hpp"
#include "snipass/config/tls_settings.hpp"
#include "snipass/route/table.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace snipass::config {

using std::chrono::milliseconds;

// sandbox_mode: whether the process gives up what it does not need.
enum class sandbox_mode {
    off,
    on,       // as far as the kernel can
    required, // all of it, or it does not start
};

struct server_settings {
    unsigned workers = 0; // 0: one per CPU
    milliseconds hello_timeout{5'000};
    std::size_t hello_max = 65'536; // bytes
    std::size_t head_max = 32'768;  // bytes, of an HTTP request
    std::size_t max_waiting = 20'000;
    std::size_t max_waiting_per_source = 256;
    milliseconds drain_timeout{30'000};
    std::size_t max_pipes = 1'024;             // for relayed bytes, two descriptors each
    std::size_t max_pipe_memory = 134'217'728; // bytes in them
    sandbox_mode sandbox = sandbox_mode::on;
    std::size_t max_relayed = 1'000'000;
    std::optional<std::size_t> max_relayed_per_source{}; // none: max_relayed
    // Where the file says what only a restart changes; [server] itself where it does not.
    position workers_where{};
    position sandbox_where{};
};

enum class log_level {
    trace,
    debug,
    info,
    warn,
    error
};
enum class log_format {
    text,
    json
};

struct log_settings {
    log_level level = log_level::info;
    log_format format = log_format::text;
    bool access = true;
    bool hello = false; // and with it the hello's versions, key shares, ECH and JA4
    bool empty = false; // also of clients that left without a byte
    std::string file{}; // of sessions; empty: they are written where events are
    position file_where{};
    bool journal = false; // systemd's gets what would go to standard error, with fields
};

// policy is what happens to a client that no route takes.
enum class policy {
    route_to_default, // "default": the [default] backend; with none, as close
    close,            // FIN
    reset,            // RST
    alert,            // a fatal TLS alert, then FIN
    status,           // an HTTP answer, then FIN
};

// listener_protocol is what clients of a listener begin with.
enum class listener_protocol {
    tls,  // a ClientHello
    http, // the head of an HTTP/1 request, in clear
};

// A handoff listener's `datagram` socket lies beside that of `stream`: a path has one kind of socket.
inline constexpr std::string_view datagram_suffix = ".datagram";

struct listener_settings {
    std::string address; // as written: the listener's name in the log and for `explain --listener`
    // An address to bind ("*:443" is the unspecified IPv6 address), the name of a socket that systemd passes
    // (sd_listen_fds_with_names(3)), or the path at which other routers hand clients over: exactly one is
    // set.
    std::optional<ip_endpoint> endpoint;
    std::string systemd_name;
    std::string handoff_path;
    bool every_address = false; // "*:443", ":443": IPv4 alone is right where the kernel has no IPv6
    std::string interface;      // of a link-local address: "eth0" in "[fe80::1%eth0]:443"
    listener_protocol protocol = listener_protocol::tls;
    policy unmatched = policy::route_to_default; // no host name, or one that no route has
    policy malformed = policy::close;
    policy foreign = policy::route_to_default; // another protocol: `not_tls`, `not_http`
    std::vector<ip_prefix>
        accept_proxy_protocol; // balancers, whose clients begin with a PROXY protocol header
    std::optional<admission_settings> admission{}; // none: whoever likes may come
    // Of a handoff listener: its sockets' mode, and who may hand clients over besides root and our own user.
    std::uint32_t mode = 0660;
    std::vector<allowed_user> allowed_users;
    // Where servers leave the ends of connections (docs/handoff.md, Farewell); empty: nowhere.
    std::string farewell_path{};
    position where{};          // of the address
    std::uint64_t written = 0; // what the file says, as one number (config/changes)

    // is_for_handoffs: its clients come from other routers ("handoff:PATH", "handoff:systemd:NAME").
    [[nodiscard]] bool is_for_handoffs() const noexcept { return address.starts_with("handoff:"); }
    [[nodiscard]] bool is_for_http() const noexcept { return protocol == listener_protocol::http; }
};

// route_settings leaves the names to the table: a million of them are not kept twice.
struct route_settings {
    std::size_t name_count = 0;
    std::vector<std::string> alpn;
    std::vector<ip_prefix> source;
    std::size_t backend = 0; // index into configuration::backends
    position where;
    std::vector<route::path_pattern> paths{};
    std::vector<std::string> methods{};
    std::string name{};        // its names as written, in lines; of one program's part the first
    std::uint64_t written = 0; // as a listener's
};

// handoff_protocol is how a client's socket is handed over (docs/handoff.md).
enum class handoff_protocol {
    stream,
    datagram,
    scgi
};

// handoff_traits is what the rest of the router must know of a protocol. A new one is a row here and a file
// in delivery.
struct handoff_traits {
    handoff_protocol protocol;
    std::string_view name;   // in the file
    bool is_datagram;        // its unix socket is SOCK_DGRAM, not SOCK_STREAM
    bool needs_unread_bytes; // its receivers find the client's bytes in the socket; otherwise a message has
                             // them, or those that it is about
    bool acknowledges;       // a receiver answers when it has the client
    bool tells_of_client;    // a message has a header, which says who the client is, and what its socket
    bool is_for_http;        // a message is made of a request
};
inline constexpr handoff_traits handoff_protocols[] = {
    {handoff_protocol::stream, "stream", false, true, true, true, false},
    {handoff_protocol::datagram, "datagram", true, false, false, false, false},
    {handoff_protocol::scgi, "scgi", false, false, false, true, true},
};
[[nodiscard]] constexpr const handoff_traits& traits_of(handoff_protocol protocol) noexcept {
    return handoff_protocols[static_cast<std::size_t>(protocol)];
}

enum class proxy_protocol {
    none,
    v1,
    v2
};

// balance is which of a proxied backend's addresses a client tries first.
enum class balance {
    order, // as written
    round_robin,
    least_sessions,
    source_hash, // one source, one address
};

// health_check is how addresses are probed, besides those that have failed.
enum class health_check {
    none,
    connect,
    tls, // a ClientHello must be answered
};

// removal is what becomes of a backend's proxied sessions when a reload drops the backend or the address.
enum class removal {
    keep,
    close
};

// An address of a proxied backend: one of path and host is set, or neither for "{host_name}".
struct proxy_address {
    std::string path; // unix:PATH
    std::string host; // an IP address or a DNS name
    std::uint16_t port = 0;
    std::string text; // as written
    position where{};

    // The host is the one that the client asks for.
    [[nodiscard]] bool is_asked_for() const noexcept { return path.empty() && host.empty(); }
};

// destinations is where clients may be forwarded to who choose the host themselves.
struct destinations {
    bool public_ones = true; // is_public()
    std::vector<ip_prefix> listed;
    std::vector<ip_prefix> denied; // whatever else is said

    [[nodiscard]] bool denies(const ip_address& address) const noexcept;
    [[nodiscard]] bool lists(const ip_address& address) const noexcept;
    [[nodiscard]] bool allows(const ip_address& address) const noexcept;
};

// handoff_settings: the backend is a process of this machine, which is given the client's socket.
struct handoff_settings {
    std::vector<std::string> paths{};  // tried in order; "@name" is in the abstract namespace
    std::vector<position> positions{}; // one for each
    handoff_protocol protocol = handoff_protocol::stream;
    std::optional<allowed_user> user{}; // whose the sockets must be
    bool scgi_ack = false;              // its receivers acknowledge by `scgi`, too
    milliseconds ack_timeout{1'000};    // so long a stream socket is tried
    milliseconds queue_timeout{1'000};  // so long the full queue of a datagram socket is. No key
    std::optional<std::size_t>
        max_unanswered{}; // clients sent and neither answered nor taken out of the queue

    // owner is whose the sockets must be; none: anybody's.
    [[nodiscard]] std::optional<std::uint32_t> owner() const noexcept {
        return user ? user->id : std::nullopt;
    }

    // acknowledges: a receiver answers when it has the client.
    [[nodiscard]] bool acknowledges() const noexcept { return traits_of(protocol).acknowledges || scgi_ack; }

    // attempt_timeout is how long one path is tried.
    [[nodiscard]] milliseconds attempt_timeout() const noexcept {
        return traits_of(protocol).is_datagram ? queue_timeout : ack_timeout;
    }
};

// proxy_settings: the backend is connected to, and the client's bytes are relayed.
struct proxy_settings {
    proxy_protocol header = proxy_protocol::none;
    bool transparent = false;              // connections come from the client's own address
    milliseconds resolve_interval{30'000}; // of DNS names
    milliseconds connect_timeout{3'000};
    milliseconds idle_timeout{600'000};
    milliseconds max_lifetime{0};       // 0: none
    milliseconds keepalive{60'000};     // of silence before the first probe, on both sides; 0: none
    milliseconds user_timeout{300'000}; // what was sent and not taken so long ends it; 0: the system decides
    std::size_t min_rate = 8'192;       // bytes a minute that a side takes while some wait for it; 0: any
    removal on_remove = removal::keep;
};

// relay_settings: to addresses that the file lists.
struct relay_settings : proxy_settings {
    std::vector<proxy_address> addresses{};
    config::balance balance = config::balance::order;
    std::size_t eject_after = 3; // failed connects in a row; 0: never
    health_check check = health_check::none;
    milliseconds check_interval{5'000};
};

// forward_settings: to the host that the client asks for.
struct forward_settings : proxy_settings {
    proxy_address address{}; // "{host_name}:PORT"
    destinations allow_destinations{};
};

struct backend_settings {
    std::string name{};
    position where{};
    std::variant<handoff_settings, relay_settings, forward_settings, redirect_settings> kind{};
    // While the backend is away its clients are kept this long, and go to `sorry` after that. 0 where the
    // file names a `sorry` and no hold, and for a backend that forwards.
    milliseconds hold{5'000};
    std::size_t max_pending = 1'024;    // clients held for it, or handed to it and not yet acknowledged
    std::optional<std::size_t> sorry{}; // index into configuration::backends
    std::optional<termination_settings> termination{}; // none: the backend does TLS itself
    ech_mode ech = ech_mode::none;
    position ech_where{};      // of that key
    bool closes = false;       // its server answers one request of each connection (docs/http.md); check asks
    std::uint64_t written = 0; // as a listener's

    // Each is null where the backend is of another kind; proxy() is what relay() and forward() share.
    [[nodiscard]] const handoff_settings* handoff() const noexcept {
        return std::get_if<handoff_settings>(&kind);
    }
    [[nodiscard]] const relay_settings* relay() const noexcept { return std::get_if<relay_settings>(&kind); }
    [[nodiscard]] const forward_settings* forward() const noexcept {
        return std::get_if<forward_settings>(&kind);
    }
    [[nodiscard]] const redirect_settings* redirect() const noexcept {
        return std::get_if<redirect_settings>(&kind);
    }
    [[nodiscard]] const proxy_settings* proxy() const noexcept {
        return relay() ? static_cast<const proxy_settings*>(relay()) : forward();
    }

    // takes_requests: it gets one request of each connection, and is told of no other.
    [[nodiscard]] bool takes_requests() const noexcept {
        return handoff() != nullptr && traits_of(handoff()->protocol).is_for_http;
    }
};

struct configuration {
    std::string file; // as given
    // What it includes (position::file counts from 1), and the folders where a reload looks for that.
    std::vector<std::string> included{};
    std::vector<std::string> include_folders{};
    server_settings server;
    log_settings log;
    std::vector<listener_settings> listeners;
    std::vector<route_settings> routes;
    std::vector<backend_settings> backends;
    std::optional<std::size_t> default_backend;
    std::optional<tls_settings> tls;
    std::optional<ech_settings> ech;         // none: no hello is opened
    std::optional<metrics_settings> metrics; // none: nobody is told but the log
    control_settings control;
    // What the file says of each table that is there once ("log"), as one number (config/changes).
    std::vector<std::pair<std::string, std::uint64_t>> tables{};
    route::table table; // built from routes; a match's rule is an index into them

    // file_of is the name of the file where something stands.
    [[nodiscard]] const std::string& file_of(position where) const noexcept {
        return where.file == 0 ? file : included[where.file - 1];
    }
};

} // namespace snipass::config
