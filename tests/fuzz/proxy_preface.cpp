// SPDX-License-Identifier: BSL-1.0
// The input is how a balancer's connection begins.
#include "snipass/base/proxy_preface.hpp"

#include "fuzz_target.hpp"

using namespace snipass;
using namespace snipass::fuzz;
using reading = proxy_preface::reading;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const byte_view bytes{data, size};
    const auto whole = proxy_preface::parse(bytes);
    require(whole.state != reading::complete || (whole.size > 0 && whole.size <= size),
            "the header lies inside the input");
    require(whole.state != reading::partial || whole.needed > size, "what is asked for is not there yet");
    require(whole.state != reading::partial || whole.needed <= proxy_preface::max_size,
            "a balancer cannot ask for much");
    for (std::size_t shorter = 0; shorter < size; ++shorter) {
        const auto part = proxy_preface::parse(bytes.first(shorter));
        if (whole.state == reading::complete && shorter < whole.size)
            require(part.state == reading::partial && part.needed <= whole.size,
                    "a part of a header is partial");
        if (part.state == reading::malformed)
            require(whole.state == reading::malformed, "more bytes make nothing good");
    }
    return 0;
}
