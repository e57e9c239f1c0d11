// SPDX-License-Identifier: BSL-1.0
#include "head_reading.hpp"

#include "hello_reading.hpp"
#include "snipass/base/quoted.hpp"
#include "snipass/http/head_scanner.hpp"

#include <algorithm>

namespace snipass::testing {

namespace {

// step gives the scanner one more piece. False: the reading is over.
bool step(http::head_scanner& scanner, byte_view so_far, head_reading& reading) {
    ++reading.calls;
    reading.offered += so_far.size();
    const auto needed = scanner.advance(so_far);
    reading.examined = scanner.bytes_examined();
    if (!needed) {
        reading.error = needed.error();
        return false;
    }
    if (*needed > so_far.size()) {
        if (*needed < reading.needed)
            reading.broken_promise = "advance() needs less than it said before";
        reading.needed = *needed;
        return true;
    }
    if (so_far.size() < reading.needed)
        reading.broken_promise = "complete with less than was needed";
    reading.needed = *needed;
    const auto head = http::parse_request_head(so_far.first(*needed), reading.scratch);
    if (head)
        reading.head = *head;
    else
        reading.error = head.error();
    return false;
}

} // namespace

std::string head_reading::in_words() const {
    if (!broken_promise.empty())
        return broken_promise;
    if (error)
        return error.message();
    if (!head)
        return "waits for " + std::to_string(needed);
    std::string text =
        in_ascii_quotes(head->method) + " " + in_ascii_quotes(head->target) + " host " +
        in_ascii_quotes(head->host) + " path " +
        (head->unsafe ? make_error_code(*head->unsafe).message() : in_ascii_quotes(head->path)) + " query " +
        in_ascii_quotes(head->query.value_or("none")) + " 1." + std::to_string(head->minor_version) +
        " size " + std::to_string(head->size);
    for (auto fields = head->fields; !fields.empty(); fields.pop_front())
        text += " " + in_ascii_quotes(fields.front().name) + ": " + in_ascii_quotes(fields.front().value);
    return text;
}

head_reading read_head(byte_view stream, const std::vector<std::size_t>& ends, std::size_t head_max) {
    http::head_scanner scanner{head_max};
    head_reading reading;
    for (const auto end : ends)
        if (!step(scanner, stream.first(end), reading))
            return reading;
    step(scanner, stream, reading);
    return reading;
}

head_reading read_head(std::string_view stream, const std::vector<std::size_t>& ends, std::size_t head_max) {
    return read_head(as_bytes(stream), ends, head_max);
}

head_reading read_head_as_needed(byte_view stream, std::size_t head_max) {
    http::head_scanner scanner{head_max};
    head_reading reading;
    for (std::size_t have = 0; step(scanner, stream.first(have), reading);) {
        if (have == stream.size())
            return reading;
        if (reading.needed <= have)
            reading.broken_promise = "advance() needs what it has";
        have = std::min(reading.needed, stream.size());
    }
    return reading;
}

std::string differing_head_split(byte_view stream) {
    const auto whole = read_head(stream);
    const auto expected = whole.in_words();
    if (!whole.broken_promise.empty())
        return expected;
    if (read_head(stream, every_byte(stream.size())).in_words() != expected)
        return "differs byte by byte";
    if (read_head_as_needed(stream).in_words() != expected)
        return "differs read as needed";
    for (std::size_t at = 0; at < stream.size(); ++at) {
        if (read_head(stream, {at}).in_words() != expected)
            return "differs split at " + std::to_string(at);
        if (!whole.head || at >= whole.head->size)
            continue;
        const auto truncated = read_head(stream.first(at));
        if (!truncated.waits())
            return "does not wait truncated at " + std::to_string(at);
        if (truncated.needed <= at || truncated.needed > whole.head->size)
            return "needs " + std::to_string(truncated.needed) + " truncated at " + std::to_string(at);
    }
    return {};
}

} // namespace snipass::testing
