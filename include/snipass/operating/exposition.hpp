// SPDX-License-Identifier: BSL-1.0
// exposition: metrics in Prometheus' text format, version 0.0.4.
#pragma once

#include "snipass/telling/histogram.hpp"

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace snipass::server {

// exposition writes families one after the other: a family's name, kind and help, then its samples.
class exposition {
  public:
    using label = std::pair<std::string_view, std::string_view>;
    using labels = std::initializer_list<label>;

    // They take names of the format, which the caller has made; the values of labels may be any UTF-8.
    void counter(std::string_view name, std::string_view help) { begin(name, "counter", help); }
    void gauge(std::string_view name, std::string_view help) { begin(name, "gauge", help); }

    // sample belongs to the family that was begun last.
    void sample(labels with, std::uint64_t value);
    void sample(labels with, double value);

    // histogram is a whole family; each bound and the sum are divided by `unit`.
    void histogram(std::string_view name, std::string_view help, const histogram_totals& totals, double unit);

    [[nodiscard]] std::string take() { return std::move(text_); }

  private:
    void begin(std::string_view name, std::string_view kind, std::string_view help);
    void begin_sample(std::string_view suffix, labels with);

    std::string text_;
    std::string_view name_;
};

} // namespace snipass::server
