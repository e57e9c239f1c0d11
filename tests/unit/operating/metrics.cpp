// SPDX-License-Identifier: BSL-1.0
// A status as Prometheus reads it, and as the page does.
#include "snipass/operating/metrics.hpp"

#include "catch.hpp"
#include "snipass/operating/status_json.hpp"

#include <chrono>

using namespace snipass;
using namespace snipass::server;
using namespace std::chrono_literals;

namespace {

std::size_t index(outcome one) {
    return static_cast<std::size_t>(one);
}

status some_status() {
    status now;
    now.listeners.push_back({"127.0.0.1:443", "127.0.0.1:443", {}});
    now.listeners[0].outcomes[index(outcome::handed_off)] = 7;
    backend_status blog{.name = "blog", .kind = "stream"};
    blog.counted.outcomes[index(outcome::backend_absent)] = 3;
    blog.takes_clients = false;
    blog.held = 2;
    blog.addresses.push_back({"unix:/run/blog.sock", "/run/blog.sock"});
    backend_status far{.name = "far", .kind = "proxy", .is_relayed = true};
    far.counted.to_backend = 10;
    far.counted.to_client = 20;
    far.addresses.push_back({"far.example.com:443", "192.0.2.1:443", false, 1});
    far.addresses.push_back({"far.example.com:443", "192.0.2.2:443", true, 0});
    far.addresses.push_back({"away.example.com:443", "192.0.2.3:443", true, 0, true});
    far.is_drained = true;
    now.backends = {blog, far};
    return now;
}

bool has_line(const std::string& text, const std::string& line) {
    return text.find("\n" + line + "\n") != text.npos;
}

} // namespace

TEST_CASE("metrics: what is known of listeners and backends has a sample each") {
    const auto text = to_metrics(some_status());
    const auto line = GENERATE(
        as<std::string>{}, "snipass_sessions_total{listener=\"127.0.0.1:443\",outcome=\"handed_off\"} 7",
        "snipass_sessions_total{listener=\"127.0.0.1:443\",outcome=\"shed\"} 0",
        "snipass_backend_sessions_total{backend=\"blog\",outcome=\"backend_absent\"} 3",
        "snipass_backend_sessions_total{backend=\"blog\",outcome=\"handed_off\"} 0",
        "snipass_backend_sessions_total{backend=\"far\",outcome=\"proxied\"} 0",
        "snipass_backend_up{backend=\"blog\"} 0", "snipass_backend_up{backend=\"far\"} 1",
        "snipass_backend_held_clients{backend=\"blog\"} 2", "snipass_held_clients 2",
        "snipass_backend_relayed_clients{backend=\"far\"} 1",
        "snipass_relayed_bytes_total{backend=\"far\",direction=\"to_backend\"} 10",
        "snipass_relayed_bytes_total{backend=\"far\",direction=\"to_client\"} 20",
        "snipass_backend_addresses{backend=\"far\",address=\"far.example.com:443\",state=\"up\"} 1",
        "snipass_backend_addresses{backend=\"far\",address=\"far.example.com:443\",state=\"ejected\"} 1",
        "snipass_backend_addresses{backend=\"far\",address=\"away.example.com:443\",state=\"drained\"} 1",
        "snipass_backend_drained{backend=\"far\"} 1", "snipass_backend_drained{backend=\"blog\"} 0");
    INFO(text);
    CHECK(has_line(text, line));
}

TEST_CASE("metrics: an outcome that a backend never had, and a route that nobody asked for, have none") {
    const auto text = to_metrics(some_status());
    CHECK(text.find("backend=\"blog\",outcome=\"backend_silent\"") == text.npos);
    CHECK(text.find("snipass_route_sessions_total") == text.npos);
    CHECK(text.find("snipass_backend_addresses{backend=\"blog\"") == text.npos);
}

TEST_CASE("metrics: two listeners that are written alike are one") {
    auto now = some_status();
    now.listeners.push_back(now.listeners[0]);
    const auto text = to_metrics(now);
    const std::string line = "snipass_sessions_total{listener=\"127.0.0.1:443\",outcome=\"shed\"}";
    CHECK(text.find(line) == text.rfind(line));
}

TEST_CASE("metrics: no byte of a client's is in them") {
    auto now = some_status();
    failed_client stranger;
    stranger.what.server_name = "stranger.example";
    stranger.what.detail = "stranger";
    now.failures.push_back(stranger);
    CHECK(to_metrics(now).find("stranger") == std::string::npos);
}

TEST_CASE("metrics: ten thousand routes are written in no time") { // a megabyte; what it takes is in docs
    auto now = some_status();
    for (int i = 0; i < 10'000; ++i)
        now.routes.emplace_back("site-" + std::to_string(i) + ".example.com", i);
    CHECK(has_line(to_metrics(now), "snipass_route_sessions_total{route=\"site-9999.example.com\"} 9999"));
}

TEST_CASE("status_json: what a client sent ends no string, and is cut") {
    auto now = some_status();
    failed_client hostile;
    hostile.what.server_name = "<script>\"\\\x01\xff" + std::string(300, 'a');
    now.failures.push_back(hostile);
    const auto text = to_json(now, {});
    CHECK(text.find("\"server_name\":\"<script>\\\"\\\\\\u0001\\u00ffaaa") != text.npos);
    CHECK(text.find("aaa...\"") != text.npos);
    CHECK(text.find(std::string(260, 'a')) == text.npos);
}

TEST_CASE("status_json: the history has what was new in each interval") {
    history past;
    past.add({100, 10, 1}); // what was before it began to look is not new
    past.add({105, 10, 1});
    past.add({105, 12, 4});
    const auto text = to_json({}, past);
    CHECK(text.find("\"history\":{\"interval_s\":2,\"served\":[5,0],\"refused\":[0,2],\"failed\":[0,3]}") !=
          text.npos);
    for (std::size_t i = 0; i < 2 * history::kept; ++i)
        past.add({});
    CHECK(past.all().size() == history::kept);
}
