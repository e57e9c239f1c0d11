// SPDX-License-Identifier: BSL-1.0
// RE2 does the work: one automaton for all expressions, so that a stranger's name costs one pass however many
// there are. Building it may exceed the memory allowed; then they are asked one after the other.
#include "snipass/route/regex_set.hpp"

#include <algorithm>
#include <cassert>
#include <re2/re2.h>
#include <re2/set.h>

namespace snipass::route {
namespace {

re2::RE2::Options options() {
    re2::RE2::Options options;
    options.set_case_sensitive(false);
    options.set_never_capture(true);
    options.set_log_errors(false);                           // RE2 would write to stderr
    options.set_encoding(re2::RE2::Options::EncodingLatin1); // host names are ASCII; the automata are smaller
    return options;
}

bool matches_whole(const re2::RE2& regex, std::string_view name) {
    return regex.Match({name.data(), name.size()}, 0, name.size(), re2::RE2::ANCHOR_BOTH, nullptr, 0);
}

} // namespace

std::optional<std::string> regex_problem(const std::string& regex) {
    const re2::RE2 compiled(regex, options());
    if (compiled.ok())
        return std::nullopt;
    return compiled.error();
}

struct regex_set::impl {
    std::unique_ptr<re2::RE2::Set> set; // null: memory did not suffice
    std::vector<std::unique_ptr<re2::RE2>> singles;
};

regex_set::regex_set(std::vector<std::string> regexes, std::int64_t memory) : texts_(std::move(regexes)) {
    auto built = std::make_unique<impl>();
    auto set_options = options();
    set_options.set_max_mem(memory);
    built->set = std::make_unique<re2::RE2::Set>(set_options, re2::RE2::ANCHOR_BOTH);
    for (const auto& text : texts_) {
        [[maybe_unused]] const int index = built->set->Add(text, nullptr);
        assert(index == static_cast<int>(built->singles.size()));
        // Kept beside the set, since the automaton can run out of memory later, at some name.
        built->singles.push_back(std::make_unique<re2::RE2>(text, options()));
    }
    if (!built->set->Compile())
        built->set.reset();
    impl_ = std::move(built);
}

regex_set::~regex_set() = default;

std::vector<int> regex_set::matches(std::string_view name) const {
    std::vector<int> found;
    re2::RE2::Set::ErrorInfo error{re2::RE2::Set::kNoError};
    if (impl_->set && impl_->set->Match({name.data(), name.size()}, &found, &error)) {
        std::sort(found.begin(), found.end());
        return found;
    }
    if (impl_->set && error.kind == re2::RE2::Set::kNoError)
        return found;

    found.clear();
    for (std::size_t i = 0; i < impl_->singles.size(); ++i)
        if (matches_whole(*impl_->singles[i], name))
            found.push_back(static_cast<int>(i));
    return found;
}

} // namespace snipass::route
