// SPDX-License-Identifier: BSL-1.0
// Large hellos. A ClientHello may have 2^24 bytes; the suite stops at 64 KiB, as each router must stop
// somewhere.
#include "workshop.hpp"

namespace snipass::conformance {

namespace {

using namespace std::chrono_literals;

constexpr auto rule = "RFC 8446 4.1.2";
constexpr std::size_t largest = 65'536; // header included

std::vector<std::string> protocols(std::size_t count) {
    std::vector<std::string> names;
    for (std::size_t i = 0; i < count; ++i)
        names.push_back("protocol-" + std::to_string(1'000 + i));
    return names;
}

void add_padded(workshop& to) {
    for (const std::size_t size : {512, 2'000, 4'096, 5'000, 8'192, 16'000, 17'000, 32'768, 65'536}) {
        const auto text = std::to_string(size);
        to.legal("sizes/" + text, "a hello of " + text + " bytes, the name in front", rule,
                 whole(to.stream(to.hello().message_size(size))));
        const std::size_t extension = 9 + to.names.a.size();
        to.legal("sizes/" + text + "-name-last", "a hello of " + text + " bytes, the name at its end", rule,
                 whole(to.stream(to.nameless().message_size(size - extension).server_name(to.names.a))));
    }
    to.legal("sizes/65536-nameless", "a hello of 65,536 bytes without a name", rule,
             whole(to.stream(to.nameless().message_size(largest))));
}

void add_delivered(workshop& to) {
    const auto large = [&] { return to.hello().message_size(largest); };
    to.legal("sizes/65536-segments", "a hello of 65,536 bytes in segments of 1,448 bytes", rule,
             in_steps(to.stream(large()), 1448, 2ms));
    to.legal("sizes/65536-records-100", "a hello of 65,536 bytes in records of 100 bytes", "RFC 8446 5.1",
             whole(to.stream(large(), 100)));
    to.legal("sizes/65536-records-1", "a hello of 65,536 bytes in records of 1 byte", "RFC 8446 5.1",
             whole(to.stream(large(), 1)));
    to.legal("sizes/16000-bytewise", "a hello of 16,000 bytes, each byte in a segment of its own", rule,
             in_steps(to.stream(to.hello().message_size(16'000)), 1, 0ms));
    to.legal("sizes/65536-bytewise", "a hello of 65,536 bytes, each byte in a segment of its own", rule,
             in_steps(to.stream(large()), 1, 0ms));
    to.legal("sizes/4096-records-1", "a hello of 4,096 bytes in records of 1 byte", "RFC 8446 5.1",
             whole(to.stream(to.hello().message_size(4'096), 1)));
    to.legal("sizes/20000-records-1448", "a hello of 20,000 bytes, each record in a segment of its own",
             "RFC 8446 5.1", in_steps(to.stream(to.hello().message_size(20'000), 1443), 1448, 5ms));
}

void add_content(workshop& to) {
    to.legal("sizes/alpn-30000", "2,000 ALPN names (30,000 bytes) before the name", "RFC 7301 3.1",
             whole(to.stream(to.nameless().alpn(protocols(2'000)).server_name(to.names.a))));
    to.legal("sizes/alpn-60000", "4,000 ALPN names (60,000 bytes) behind the name", "RFC 7301 3.1",
             whole(to.stream(to.hello().alpn(protocols(4'000)))));
    to.legal("sizes/psk-60000", "690 pre-shared keys (60,000 bytes)", "RFC 8446 4.2.11",
             whole(to.stream(to.hello().pre_shared_key(690))));
    to.legal("sizes/padding-60000", "60,000 bytes of padding", "RFC 7685 3",
             whole(to.stream(to.hello().padding(60'000))));
    to.legal("sizes/suites-30000", "15,000 cipher suites (30,000 bytes)", rule,
             whole(to.stream(to.hello().cipher_suites(std::vector<std::uint16_t>(15'000, 0x1301)))));
}

} // namespace

void add_sizes(workshop& to) {
    add_padded(to);
    add_delivered(to);
    add_content(to);
}

} // namespace snipass::conformance
