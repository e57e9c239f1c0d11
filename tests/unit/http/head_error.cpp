// SPDX-License-Identifier: BSL-1.0
#include "snipass/http/head_error.hpp"

#include "catch.hpp"

#include "snipass/http/answer.hpp"

#include <fstream>
#include <set>
#include <string>

using namespace snipass::http;

TEST_CASE("each head_error has a sentence of its own with its RFC section, and a status") {
    std::set<std::string> messages;
    for (int i = 1; i < static_cast<int>(head_error::end_); ++i) {
        const auto error = static_cast<head_error>(i);
        const auto message = make_error_code(error).message();
        CAPTURE(i, message);
        if (error != head_error::head_too_long)
            CHECK(message.find("(RFC ") != std::string::npos);
        CHECK(messages.insert(message).second);
        CHECK_FALSE(reason(status_for(error)).empty());
    }
}

TEST_CASE("docs/parser.md lists each rule of a request head in the words of the log, with its status") {
    std::ifstream file{SNIPASS_SOURCE_DIR "/docs/parser.md"};
    std::set<std::string> rows;
    for (std::string line; std::getline(file, line);)
        rows.insert(line);
    for (int i = 1; i < static_cast<int>(head_error::end_); ++i) {
        const auto error = static_cast<head_error>(i);
        const auto message = make_error_code(error).message();
        const auto status = "| " + std::to_string(status_for(error)) + " |";
        const auto row = rows.lower_bound("| " + message);
        CAPTURE(message, status);
        REQUIRE(row != rows.end());
        CHECK(row->starts_with("| " + message.substr(0, message.size() - 1)));
        CHECK(row->ends_with(status));
    }
}

TEST_CASE("a number that is no head_error has a message all the same") {
    CHECK(head_category().message(0) == "unknown request head error");
    CHECK(head_category().message(static_cast<int>(head_error::end_)) == "unknown request head error");
    CHECK(std::string{head_category().name()} == "request head");
}
