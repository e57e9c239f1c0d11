// SPDX-License-Identifier: BSL-1.0
#include "hello_reading.hpp"

#include "snipass/tls/client_hello_assembler.hpp"

#include <algorithm>

namespace snipass::testing {

namespace {

// step gives the assembler one more piece. False: the reading is over.
bool step(tls::client_hello_assembler& assembler, byte_view so_far, hello_reading& reading) {
    ++reading.calls;
    reading.offered += so_far.size();
    const auto needed = assembler.advance(so_far);
    reading.examined = assembler.bytes_examined();
    if (!needed) {
        reading.error = needed.error();
        return false;
    }
    if (*needed < reading.needed)
        reading.broken_promise = "advance() needs less than it said before";
    const auto stream_ended_before = reading.needed;
    reading.needed = *needed;
    if (*needed > so_far.size())
        return true;

    if (*needed != assembler.stream_size())
        reading.broken_promise = "stream_size() is not what advance() said";
    if (so_far.size() < stream_ended_before)
        reading.broken_promise = "complete with less than was needed";
    std::vector<std::uint8_t> scratch;
    const auto message = assembler.message(so_far, scratch);
    reading.message.assign(message.begin(), message.end());
    reading.size = assembler.stream_size();
    const auto hello = tls::parse_client_hello(reading.message);
    if (hello)
        reading.hello = *hello;
    else
        reading.error = hello.error();
    return false;
}

} // namespace

std::optional<std::string> hello_reading::name() const {
    if (!hello || !hello->server_name)
        return std::nullopt;
    return std::string{*hello->server_name};
}

bool hello_reading::same_as(const hello_reading& other) const {
    return hello.has_value() == other.hello.has_value() && error == other.error && message == other.message &&
           size == other.size && name() == other.name() && broken_promise == other.broken_promise &&
           (!waits() || needed == other.needed);
}

hello_reading read_hello(byte_view stream, const std::vector<std::size_t>& ends, std::size_t hello_max) {
    tls::client_hello_assembler assembler{hello_max};
    hello_reading reading;
    for (const auto end : ends)
        if (!step(assembler, stream.first(end), reading))
            return reading;
    step(assembler, stream, reading);
    return reading;
}

hello_reading read_as_needed(byte_view stream, std::size_t hello_max) {
    tls::client_hello_assembler assembler{hello_max};
    hello_reading reading;
    for (std::size_t have = 0; step(assembler, stream.first(have), reading);) {
        if (have == stream.size())
            return reading;
        if (reading.needed <= have)
            reading.broken_promise = "advance() needs what it has";
        have = std::min(reading.needed, stream.size());
    }
    return reading;
}

std::vector<std::size_t> every_byte(std::size_t size) {
    std::vector<std::size_t> ends;
    for (std::size_t end = 1; end < size; ++end)
        ends.push_back(end);
    return ends;
}

std::string differing_split(byte_view stream, bool truncation_waits) {
    const auto whole = read_hello(stream);
    if (!whole.broken_promise.empty())
        return whole.broken_promise;
    if (!read_hello(stream, every_byte(stream.size())).same_as(whole))
        return "differs byte by byte";
    if (!read_as_needed(stream).same_as(whole))
        return "differs read as needed";
    for (std::size_t at = 0; at < stream.size(); ++at) {
        if (!read_hello(stream, {at}).same_as(whole))
            return "differs split at " + std::to_string(at);
        if (!truncation_waits || (whole.size != 0 && at >= whole.size))
            continue;
        const auto truncated = read_hello(stream.first(at));
        if (!truncated.waits())
            return "does not wait truncated at " + std::to_string(at);
        if (truncated.needed <= at)
            return "needs what it has, truncated at " + std::to_string(at);
        if (whole.size != 0 && truncated.needed > whole.size)
            return "needs more than there is";
    }
    return {};
}

} // namespace snipass::testing
