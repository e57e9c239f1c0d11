// SPDX-License-Identifier: BSL-1.0
#include "snipass/upgrade/form.hpp"

#include "catch.hpp"
#include "catch_result.hpp"
#include "moved_state.hpp"

#include <fstream>
#include <iterator>
#include <limits>
#include <string>

using namespace snipass;
using namespace snipass::testing;
using upgrade::form_error;

namespace {

std::vector<std::uint8_t> bytes_of(const std::string& path) {
    std::ifstream file{path, std::ios::binary};
    REQUIRE(file);
    return {std::istreambuf_iterator<char>{file}, std::istreambuf_iterator<char>{}};
}

// Of the four bytes of the version the last one.
constexpr std::size_t version_at = 11;

// with_offer is a state whose only hello has that offer.
std::vector<std::uint8_t> with_offer(const std::string& offer) {
    auto all = moved_state();
    all.relayed.front().about.hello->offer = offer;
    return upgrade::write(all);
}

} // namespace

TEST_CASE("a state that was written is read as it was") {
    const auto bytes = upgrade::write(newest_state());
    const auto again = upgrade::read(bytes);
    REQUIRE(again);
    CHECK(upgrade::write(*again) == bytes);
    REQUIRE(again->listeners.size() == 3);
    CHECK(again->listeners[1].kind == "tcp");
    CHECK(again->listeners[2].path == "/run/snipass/in.sock");
    CHECK(again->listeners[2].inode == 4'711);
    CHECK(again->listeners[1].bound.to_string() == "[2001:db8::1]:8443");
    REQUIRE(again->relayed.size() == 2);
    const auto& one = again->relayed[0];
    CHECK(one.about.client.to_string() == "192.0.2.7:50123");
    CHECK(one.about.hello->server_name == "blog.example.com");
    CHECK(one.about.hello->more->ja4 == "t13d1516h2_8daaf6152771_e5627efa2ab1");
    CHECK(one.relay.to_client.in_pipe == 70'000);
    CHECK(one.relay.last_byte == 3'000'000'001);
    CHECK(one.relay.unflushed == -1);
    CHECK(again->relayed[1].relay.failure == "backend_reset");
    REQUIRE(again->waiting.size() == 1);
    CHECK(again->waiting[0].consumed == std::string("\x16\x03\x01\0", 4));
    REQUIRE(again->drained.size() == 2);
    CHECK(again->drained[1].address == "10.0.0.5:443");
    REQUIRE(again->counters.of_all.size() == 3);
    CHECK(again->counters.of_all[0].value == 1'000'000);
    CHECK(again->counters.backends[1].name == "far");
    REQUIRE(again->names.size() == 1);
    CHECK(again->names[0].addresses[1].to_string() == "2001:db8::5");
    CHECK(again->addresses[0].too_slow_for == 250);
    CHECK(again->backends[1].checked == 6'000'000'001);
    CHECK(upgrade::descriptors_of(*again) == 3 + 2 + 4 + 1);
}

// What a file of another version says is the same, as far as that version could.
TEST_CASE("the state of each version that was written is read") {
    const upgrade::state states[] = {moved_state(), newest_state()};
    REQUIRE(std::size(states) == upgrade::newest_version);
    for (std::uint32_t version = 1; version <= upgrade::newest_version; ++version) {
        CAPTURE(version);
        const auto bytes = bytes_of(SNIPASS_SOURCE_DIR "/tests/data/states/" + std::to_string(version));
        const auto all = upgrade::read(bytes);
        REQUIRE(all);
        CHECK(bytes[version_at] == version);
        CHECK(upgrade::write(*all) == upgrade::write(states[version - 1]));
    }
}

TEST_CASE("relays are read and written one after the other as all of them are") {
    const auto all = newest_state();
    const auto bytes = upgrade::write(all);
    auto [again, tail] = upgrade::write_around(all, all.relayed.size());
    const auto found = upgrade::scan(bytes);
    REQUIRE(found);
    REQUIRE(found->relays.size() == all.relayed.size());
    CHECK(found->version == upgrade::newest_version);
    CHECK(found->all.relayed.empty());
    CHECK(found->all.waiting.size() == all.waiting.size());
    CHECK(found->relays[0].descriptors == 4);
    CHECK(found->relays[1].descriptors == 2);
    for (const auto& place : found->relays)
        append(again, read_relay(bytes, place, found->version));
    again.insert(again.end(), tail.begin(), tail.end());
    CHECK(again == bytes);
    CHECK(upgrade::scan(byte_view{bytes}.first(bytes.size() - 1)).error() == form_error::truncated);
}

TEST_CASE("an older state with what only a newer one has is refused") {
    auto bytes = upgrade::write(newest_state());
    bytes[version_at] = 1;
    CHECK_FALSE(upgrade::read(bytes));
}

TEST_CASE("a state without its end is refused, wherever it ends") {
    const auto bytes = upgrade::write(newest_state());
    for (std::size_t size = 0; size < bytes.size(); ++size)
        CHECK_FALSE(upgrade::read(byte_view{bytes}.first(size)));
}

TEST_CASE("a state with bytes behind its end is refused") {
    auto bytes = upgrade::write(newest_state());
    bytes.push_back(0);
    CHECK(upgrade::read(bytes).error() == form_error::malformed);
}

TEST_CASE("what is no state, or of a version to come, is refused") {
    auto bytes = upgrade::write({});
    REQUIRE(upgrade::read(bytes));
    bytes[version_at] = upgrade::newest_version + 1;
    CHECK(upgrade::read(bytes).error() == form_error::unknown_version);
    bytes[version_at] = 0;
    CHECK(upgrade::read(bytes).error() == form_error::unknown_version);
    bytes[0] = 'S';
    CHECK(upgrade::read(bytes).error() == form_error::not_a_state);
    CHECK(upgrade::read({}).error() == form_error::not_a_state);
}

TEST_CASE("a name, an offer, a time or a request that no session has is refused") {
    CHECK(upgrade::read(with_offer("")));
    CHECK(upgrade::read(with_offer("\x02h2\x08http/1.1")));
    CHECK(upgrade::read(with_offer(std::string("\0", 1))).error() == form_error::malformed);
    CHECK(upgrade::read(with_offer("\x03h2")).error() == form_error::malformed);
    CHECK(upgrade::read(with_offer(std::string(257, '\1'))).error() == form_error::malformed);
    const auto refuses = [](const auto& change) {
        auto all = moved_state();
        change(all.relayed.front());
        return upgrade::read(upgrade::write(all)).error() == form_error::malformed;
    };
    CHECK(refuses([](auto& one) { one.about.hello->server_name = std::string(256, 'a'); }));
    CHECK(refuses([](auto& one) { one.about.accepted = -1; }));
    CHECK(refuses([](auto& one) { one.relay.started = std::numeric_limits<upgrade::time>::max(); }));
    CHECK(refuses([](auto& one) { one.about.hello->more->versions.resize(17); }));
    CHECK(refuses([](auto& one) { one.about.hello->more->request->method = std::string(33, 'A'); }));
    CHECK(refuses([](auto& one) { one.about.detail = std::string(65'537, 'a'); }));
}

TEST_CASE("a state in which a byte has changed is refused, or is another state") {
    const auto bytes = upgrade::write(newest_state());
    for (std::size_t at = 0; at < bytes.size(); ++at)
        for (const auto flip : {0x01, 0x80, 0xff}) {
            auto changed = bytes;
            changed[at] = static_cast<std::uint8_t>(changed[at] ^ flip);
            if (const auto all = upgrade::read(changed))
                CHECK(upgrade::write(*all) == changed);
        }
}

TEST_CASE("a count takes no memory for what is not there") {
    auto bytes = upgrade::write({});
    bytes.resize(version_at + 1);
    bytes.insert(bytes.end(), {0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0});
    CHECK(upgrade::read(bytes).error() == form_error::truncated);
}
