// SPDX-License-Identifier: BSL-1.0
// What the files of shapes are written with.
#pragma once

#include "shape.hpp"

#include <initializer_list>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace snipass::conformance {

using pieces = std::vector<piece>;
using testing::byte_writer;
using testing::hello_builder;

// workshop makes hellos, each with a random of its own (so that a connection that reaches a backend late is
// not taken for the next shape's), and collects the shapes.
class workshop {
  public:
    workshop(route_names the_names, milliseconds slowest) : names(std::move(the_names)), slow(slowest) {}

    // What a current client sends, server_name first; nameless leaves that out.
    [[nodiscard]] static hello_builder hello_for(std::string_view name);
    [[nodiscard]] static hello_builder nameless();
    [[nodiscard]] hello_builder hello() const { return hello_for(names.a); }

    // message is the handshake message, with a random of its own.
    [[nodiscard]] bytes message(const hello_builder& hello);
    [[nodiscard]] bytes message() { return message(hello()); }

    // stream is the message in records of `fragment` bytes.
    [[nodiscard]] bytes stream(const hello_builder& hello, std::size_t fragment = 16'384);
    [[nodiscard]] bytes stream() { return stream(hello()); }

    shape& legal(std::string name, std::string what, std::string rule, pieces sent);
    shape& forbidden(std::string name, std::string what, std::string rule, pieces sent);

    const route_names names;
    const milliseconds slow;
    std::vector<shape> shapes;

  private:
    std::mt19937 random_{6066}; // no seed from outside: two runs send the same bytes
};

// Pieces: all at once, cut at the given ends, or in steps of one size.
[[nodiscard]] pieces whole(bytes stream);
[[nodiscard]] pieces cut(const bytes& stream, const std::vector<std::size_t>& ends, milliseconds pause);
[[nodiscard]] pieces in_steps(const bytes& stream, std::size_t step, milliseconds pause);

// Where `what` begins in `data`; it must be there.
[[nodiscard]] std::size_t position(const bytes& data, std::string_view what);
[[nodiscard]] bytes head(const bytes& data, std::size_t size);
[[nodiscard]] bytes tail(const bytes& data, std::size_t from);

// The body of a server_name extension, and the extension with its header: what a decoy looks like.
[[nodiscard]] bytes server_name_body(std::string_view name);
[[nodiscard]] bytes server_name_extension(std::string_view name);

// The groups of shapes, one file each.
void add_segments(workshop& to);
void add_fragments(workshop& to);
void add_records(workshop& to);
void add_names(workshop& to);
void add_lengths(workshop& to);
void add_fields(workshop& to);
void add_extensions(workshop& to);
void add_sizes(workshop& to);
void add_decoys(workshop& to);
void add_strangers(workshop& to);

} // namespace snipass::conformance
