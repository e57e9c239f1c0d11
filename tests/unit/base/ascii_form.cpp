// SPDX-License-Identifier: BSL-1.0
#include "snipass/base/ascii_form.hpp"

#include "catch.hpp"

using snipass::ascii_form;

TEST_CASE("ascii_form: what clients send for a name outside of ASCII") {
    const auto [name, ascii] = GENERATE(values<std::pair<std::string, std::string>>({
        {"bücher.example", "xn--bcher-kva.example"},
        {"BÜCHER.example", "xn--bcher-kva.example"},
        {"straße.example", "xn--strae-oqa.example"},
        {"例え.テスト", "xn--r8jz45g.xn--zckzah"},
        {"bücher.example.", "xn--bcher-kva.example."},
        {"www.example.com", "www.example.com"},
    }));
    CHECK(ascii_form(name) == ascii);
}

TEST_CASE("ascii_form: none of what cannot be a name") {
    const auto name =
        GENERATE(values<std::string>({"ü\xff", std::string("\xc3\xbc\0x", 4), std::string(300, 'x') + "ü"}));
    CHECK_FALSE(ascii_form(name));
}
