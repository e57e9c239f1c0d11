// SPDX-License-Identifier: BSL-1.0
// The input is a TCP stream of HTTP. snipass and Boost.Beast read it; snipass must never route by a host or a
// target that the server behind it would not read, and must not refuse what Beast reads, but for the rules
// listed here.
#include "beast.hpp"
#include "fuzz_target.hpp"
#include "head_reading.hpp"
#include "snipass/base/quoted.hpp"
#include "snipass/http/characters.hpp"
#include "snipass/http/head_error.hpp"

#include <algorithm>
#include <array>
#include <string>

using namespace snipass;
using namespace snipass::fuzz;
using namespace snipass::testing;
using http::head_error;

namespace {

// The rules over which snipass refuses a head that Beast reads: each is a deliberate difference with its
// reason in docs/parser.md.
constexpr std::array differences{
    head_error::reserved_method, head_error::line_folding,    head_error::target_byte,
    head_error::connect,         head_error::asterisk,        head_error::target_form,
    head_error::target_scheme,   head_error::target_userinfo, head_error::target_authority,
    head_error::host_repeated,   head_error::host_value,      head_error::host_missing,
    head_error::host_differs,
};

bool is_listed(const error_code& error) {
    return std::ranges::any_of(differences, [&](head_error rule) { return error == rule; });
}

std::string told(const head_reading& mine, const judged_head& theirs, const std::string& property) {
    std::string text = property + "\n  snipass: " + mine.in_words() + "\n  Beast:   ";
    if (theirs.kind != head_verdict::head)
        return text + (theirs.kind == head_verdict::waits ? "waits" : "refuses");
    text += in_ascii_quotes(theirs.method) + " " + in_ascii_quotes(theirs.target) + " hosts";
    for (const auto& host : theirs.hosts)
        text += " " + in_ascii_quotes(host);
    return text;
}

// without_port is what is left of a Host's value.
std::string_view without_port(std::string_view value) {
    const auto colon = value.rfind(':');
    const bool has_port = colon != std::string_view::npos &&
                          http::all_are(value.substr(colon + 1), http::digit) &&
                          (!value.starts_with('[') || value[colon - 1] == ']');
    return has_port ? value.substr(0, colon) : value;
}

bool says_host(std::string_view target, std::string_view host) {
    constexpr std::size_t scheme = std::string_view{"http://"}.size();
    if (target == "*" || target.starts_with('/'))
        return true;
    const auto rest = target.substr(scheme);
    return http::is_same(without_port(rest.substr(0, rest.find_first_of("/?"))), host);
}

// judges_bodies: Beast refuses what some fields say of the body and the connection, which is the backend's to
// judge (docs/parser.md). Of a head that has one it is no witness.
bool judges_bodies(const http::request_head& head) {
    constexpr std::array<std::string_view, 5> names{"Connection", "Proxy-Connection", "Content-Length",
                                                    "Transfer-Encoding", "Upgrade"};
    for (auto fields = head.fields; !fields.empty(); fields.pop_front())
        if (std::ranges::any_of(names, [&](auto name) { return http::is_same(name, fields.front().name); }))
            return true;
    return false;
}

void check_accepted(const head_reading& mine, const judged_head& theirs) {
    const auto& head = *mine.head;
    const auto require_told = [&](bool holds, const char* property) {
        if (!holds)
            require(false, told(mine, theirs, property));
    };
    if (theirs.kind == head_verdict::refused && judges_bodies(head))
        return;
    require_told(theirs.kind == head_verdict::head, "Beast serves what snipass routes");
    require_told(theirs.method == head.method && theirs.target == head.target,
                 "Beast reads the method and the target that snipass reads");
    require_told(theirs.hosts.size() <= 1, "Beast reads no second Host");
    require_told(theirs.hosts.empty() || without_port(theirs.hosts.front()) == head.host,
                 "Beast reads the Host that snipass reads");
    require_told(says_host(theirs.target, head.host), "the target says no other host");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const byte_view stream{data, size};
    const auto mine = read_head(stream);
    const auto theirs = ask_beast(stream);
    if (mine.head)
        check_accepted(mine, theirs);
    else if (mine.waits() && theirs.kind == head_verdict::head)
        require(false, told(mine, theirs, "Beast serves nothing that snipass waits for"));
    else if (theirs.kind == head_verdict::head && !is_listed(mine.error))
        require(false, told(mine, theirs, "snipass refuses what Beast serves only by a listed rule"));
    return 0;
}
