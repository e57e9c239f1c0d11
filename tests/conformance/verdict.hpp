// SPDX-License-Identifier: BSL-1.0
// verdict: is what the router did right? Pure: from the judge's answer, the shape, and what was seen.
#pragma once

#include "judge.hpp"
#include "shape.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace snipass::conformance {

enum class route {
    a,
    b,
    fallback
};

// observation is what the client and the backends saw of one exchange.
struct observation {
    enum class ending {
        open,
        fin,
        reset,
        alert,
        other_data
    };

    std::vector<route> reached;  // the backends that got the client, in this order, each once
    bool is_whole = true;        // one got the bytes that the client sent, all of them and no others
    bool is_answered = false;    // the client heard from a backend
    ending ended = ending::open; // how the router ended the connection, if no backend got it
    std::uint8_t alert = 0;      // the description, for ending::alert
    std::uint16_t status = 0;    // of an answer of HTTP, for ending::other_data

    [[nodiscard]] std::string to_string() const; // "A", "default", "refused (reset)", "waits", ...
};

// What a router may do with clients that no route takes.
enum class unmatched {
    fallback,
    refuse
};

// expectation is the set of right answers.
struct expectation {
    std::optional<route> named; // it may or must arrive there
    bool may_fall_back = false; // to the default backend
    bool may_refuse = false;    // or wait: a client that is never routed is as good as refused

    [[nodiscard]] std::string to_string() const; // "A", "default or refused", ...
};

[[nodiscard]] expectation expect(const shape& shape, const judgement& judged, const route_names& names,
                                 unmatched policy);

// What a wrong answer means to whoever runs the router.
enum class fault {
    none,
    misrouted, // it reached a backend by a name that the TLS server does not read
    lost,      // a legal hello did not reach the backend of its name
    lenient,   // routed by a name although a TLS server refuses the hello: then the backend has to
    damaged,   // it arrived, but not as it was sent
};

[[nodiscard]] std::string_view to_string(fault kind) noexcept;

struct verdict {
    fault kind = fault::none;
    std::string why; // of a wrong one

    [[nodiscard]] bool is_right() const { return kind == fault::none; }
};

[[nodiscard]] verdict weigh(const shape& shape, const judgement& judged, const expectation& expected,
                            const observation& seen);

} // namespace snipass::conformance
