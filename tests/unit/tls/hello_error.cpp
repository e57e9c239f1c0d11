// SPDX-License-Identifier: BSL-1.0
#include "snipass/tls/hello_error.hpp"

#include "catch.hpp"
#include "snipass/tls/constants.hpp"
#include "snipass/tls/names.hpp"

#include <fstream>
#include <set>
#include <string>

using namespace snipass::tls;

TEST_CASE("each hello_error has a sentence of its own with its RFC section, and an alert") {
    std::set<std::string> messages;
    for (int i = 1; i < static_cast<int>(hello_error::end_); ++i) {
        const auto error = static_cast<hello_error>(i);
        const auto message = make_error_code(error).message();
        CAPTURE(i, message);
        if (error != hello_error::message_too_long)
            CHECK(message.find("(RFC ") != std::string::npos);
        CHECK(messages.insert(message).second);
        CHECK(alert_name(alert_for(error)).find("0x") == std::string::npos);
    }
}

TEST_CASE("docs/parser.md lists each rule in the words of the log, with its alert") {
    std::ifstream file{SNIPASS_SOURCE_DIR "/docs/parser.md"};
    std::set<std::string> rows;
    for (std::string line; std::getline(file, line);)
        rows.insert(line);
    for (int i = 1; i < static_cast<int>(hello_error::end_); ++i) {
        const auto error = static_cast<hello_error>(i);
        const auto message = make_error_code(error).message();
        const auto alert = "| " + std::to_string(alert_for(error)) + " |";
        const auto row = rows.lower_bound("| " + message);
        CAPTURE(message, alert);
        REQUIRE(row != rows.end());
        CHECK(row->starts_with("| " + message.substr(0, message.size() - 1)));
        CHECK(row->ends_with(alert));
    }
}

TEST_CASE("a number that is no hello_error has a message all the same") {
    CHECK(hello_category().message(0) == "unknown hello error");
    CHECK(hello_category().message(static_cast<int>(hello_error::end_)) == "unknown hello error");
    CHECK(std::string{hello_category().name()} == "hello");
}

TEST_CASE("alerts are those that TLS servers send") {
    CHECK(alert_for(hello_error::record_too_long) == alert::record_overflow);
    CHECK(alert_for(hello_error::handshake_type) == alert::unexpected_message);
    CHECK(alert_for(hello_error::extension_duplicate) == alert::illegal_parameter);
    CHECK(alert_for(hello_error::trailing_bytes) == alert::decode_error);
    CHECK(alert_for(hello_error::no_known_version) == alert::protocol_version);
    CHECK(alert_for(hello_error::missing_extension) == alert::missing_extension);
    CHECK(alert_name(alert_for(hello_error::trailing_bytes)) == "decode_error");
    CHECK(alert_name(alert::unrecognized_name) == "unrecognized_name");
}
