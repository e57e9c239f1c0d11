// SPDX-License-Identifier: BSL-1.0
// Reads request heads as snipass does, or as Boost.Beast does (`read_heads beast`), for test_judges.py: each
// comes on standard input behind its length in four bytes, the first one largest. The answer is a line:
// "waits", "refused" and why, or "head", and the method, the target and the host in hexadecimal, "-" where
// there is none.
#include "beast.hpp"
#include "head_reading.hpp"

#include <algorithm>
#include <array>
#include <iostream>
#include <string>

using namespace snipass;
using namespace snipass::testing;

namespace {

std::string in_hexadecimal(std::string_view text) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string made;
    for (const auto byte : as_bytes(text)) {
        made += digits[byte >> 4];
        made += digits[byte & 15];
    }
    return made.empty() ? "-" : made;
}

std::string in_a_line(std::string_view method, std::string_view target, std::string_view host) {
    return "head " + in_hexadecimal(method) + " " + in_hexadecimal(target) + " " + in_hexadecimal(host);
}

std::string ours(byte_view stream) {
    const auto reading = read_head(stream);
    if (reading.error)
        return "refused " + reading.error.message();
    if (!reading.head)
        return "waits";
    return in_a_line(reading.head->method, reading.head->target, reading.head->host);
}

std::string beasts(byte_view stream) {
    const auto judged = ask_beast(stream);
    if (judged.kind == head_verdict::head)
        return in_a_line(judged.method, judged.target, judged.hosts.empty() ? "" : judged.hosts.front());
    return judged.kind == head_verdict::waits ? "waits" : "refused";
}

} // namespace

int main(int argc, char** argv) {
    const bool is_beast = argc > 1 && std::string_view{argv[1]} == "beast";
    std::array<char, 4> size{};
    while (std::cin.read(size.data(), size.size())) {
        std::size_t length = 0;
        for (const char byte : size)
            length = length << 8 | static_cast<unsigned char>(byte);
        std::string head(length, '\0');
        std::cin.read(head.data(), static_cast<std::streamsize>(length));
        std::cout << (is_beast ? beasts(as_bytes(head)) : ours(as_bytes(head))) << '\n';
    }
}
