// SPDX-License-Identifier: BSL-1.0
// Lets Catch2 print a result<T> of a T that it cannot print.
#pragma once

#include "catch.hpp"
#include "snipass/base/result.hpp"

#include <string>

template <class T>
struct Catch::StringMaker<snipass::result<T>> {
    static std::string convert(const snipass::result<T>& one) {
        return one ? "a value" : one.error().message();
    }
};
