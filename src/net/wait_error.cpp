// SPDX-License-Identifier: BSL-1.0
// Why a wait ended without what was waited for.
#include "snipass/net/wait_error.hpp"

#include <string>

namespace snipass::net {
namespace {

class category_type final : public boost::system::error_category {
  public:
    [[nodiscard]] const char* name() const noexcept override { return "snipass.wait"; }
    [[nodiscard]] std::string message(int value) const override {
        switch (static_cast<wait_error>(value)) {
        case wait_error::timed_out:
            return "timed out";
        case wait_error::cancelled:
            return "cancelled";
        case wait_error::end_of_file:
            return "end of file";
        }
        return "?";
    }
};

} // namespace

const boost::system::error_category& wait_category() noexcept {
    static const category_type category;
    return category;
}

error_code make_error_code(wait_error error) noexcept {
    return {static_cast<int>(error), wait_category()};
}

} // namespace snipass::net
