// SPDX-License-Identifier: BSL-1.0
// report: the results as a table, or as JSON for other programs.
#pragma once

#include "verdict.hpp"

#include <iosfwd>
#include <string>
#include <vector>

namespace snipass::conformance {

struct result_row {
    shape what;
    judgement judged;
    expectation expected;
    observation seen;
    verdict decided;
};

// What the rows are about, for the head of a report.
struct run_facts {
    std::string router; // its address
    std::string judge;  // OpenSSL's version
};

[[nodiscard]] std::size_t wrongs(const std::vector<result_row>& rows);

void print_head(std::ostream& out, const run_facts& facts);
void print_row(std::ostream& out, const result_row& row);
void print_summary(std::ostream& out, const std::vector<result_row>& rows);
void print_json(std::ostream& out, const run_facts& facts, const std::vector<result_row>& rows);

// The shapes without a router: for the documentation.
void print_list(std::ostream& out, const std::vector<result_row>& rows);
void print_markdown(std::ostream& out, const std::vector<result_row>& rows);

} // namespace snipass::conformance
