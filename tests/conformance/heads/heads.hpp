// SPDX-License-Identifier: BSL-1.0
// Shapes of HTTP/1 request heads. Nobody is asked what they say: each has its answer beside it, as RFC 9112
// and RFC 9110 have it, for servers that one may ask differ.
#pragma once

#include "judge.hpp"
#include "shape.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace snipass::conformance {

// head_shape: what a client sends, and who reads what in it.
struct head_shape {
    shape what;
    judgement read;
};

// all_heads. `slow` is how long the slowest client takes, as with all_shapes.
[[nodiscard]] std::vector<head_shape> all_heads(const route_names& names, milliseconds slow);

// scribe collects them: one function for each right answer.
class scribe {
  public:
    scribe(route_names the_names, milliseconds slowest) : names(std::move(the_names)), slow(slowest) {}

    // reads_a: legal, and for the first name.
    shape& reads_a(std::string name, std::string what, std::string rule, std::string_view text);
    // reads_other: legal, and for a name without a route, or for none.
    shape& reads_other(std::string name, std::string what, std::string rule, std::string_view text);
    // may_read_a: no client may send it, and a server that takes it nevertheless reads the first name.
    shape& may_read_a(std::string name, std::string what, std::string rule, std::string_view text);
    // is_refused: a server must refuse it, or no two need read the same.
    shape& is_refused(std::string name, std::string what, std::string rule, std::string_view text);

    [[nodiscard]] std::string host_a() const { return "Host: " + names.a + "\r\n"; }
    [[nodiscard]] std::string host_b() const { return "Host: " + names.b + "\r\n"; }
    // get is a request with these fields, each with its line end.
    [[nodiscard]] static std::string get(std::string_view fields, std::string_view line = "GET / HTTP/1.1") {
        return std::string{line} + "\r\n" + std::string{fields} + "\r\n";
    }

    const route_names names;
    const milliseconds slow;
    std::vector<head_shape> heads;

  private:
    shape& add(std::string name, std::string what, std::string rule, std::string_view text, legality by_rfc,
               judgement read);
};

// The groups, one file each.
void add_request_lines(scribe& to);
void add_targets(scribe& to);
void add_hosts(scribe& to);
void add_field_lines(scribe& to);
void add_bodies(scribe& to);
void add_pieces(scribe& to);
void add_no_heads(scribe& to);

} // namespace snipass::conformance
