// SPDX-License-Identifier: BSL-1.0
// Bytes that look like a server_name for b where none is: a reader that searches for them, or that does not
// put records together as RFC 8446 section 5.1 says, takes b for the name. The name is a, or there is none.
#include "workshop.hpp"

#include <algorithm>

namespace snipass::conformance {

namespace {

using testing::joined;
using testing::record;

constexpr std::uint16_t unassigned = 0xe0e0;
constexpr std::uint16_t padding = 21;

class decoys {
  public:
    explicit decoys(workshop& to)
        : to_(to), extension_(server_name_extension(to.names.b)),
          hello_(to.stream(to.hello_for(to.names.b))) {}

    void add_in_the_fixed_part();
    void add_in_extensions();
    void add_behind();
    void add_between_records();

  private:
    struct variant {
        const char* suffix;
        const char* words;
        hello_builder hello;
    };
    std::vector<variant> variants() const {
        return {{"", ", and the name is another", to_.hello()},
                {"-nameless", ", and there is no name", to_.nameless()}};
    }
    // overwritten puts the decoy over bytes of the message that may be anything.
    bytes overwritten(const hello_builder& hello, std::size_t at) {
        auto message = to_.message(hello);
        std::ranges::copy(extension_, message.begin() + static_cast<std::ptrdiff_t>(at));
        return record(message);
    }

    workshop& to_;
    bytes extension_;
    bytes hello_;
};

void decoys::add_in_the_fixed_part() {
    for (const auto& [suffix, words, hello] : variants()) {
        to_.legal(std::string{"decoys/random"} + suffix, std::string{"in the random"} + words,
                  "RFC 8446 4.1.2", whole(overwritten(hello, 6)));
        to_.legal(std::string{"decoys/session-id"} + suffix, std::string{"in the session ID"} + words,
                  "RFC 8446 4.1.2", whole(overwritten(hello, 39)));
        auto padded = extension_;
        padded.resize((padded.size() + 1) / 2 * 2); // pairs of bytes
        std::vector<std::uint16_t> suites = {0x1301, 0xc02f};
        for (std::size_t i = 0; i < padded.size(); i += 2)
            suites.push_back(static_cast<std::uint16_t>(padded[i] << 8 | padded[i + 1]));
        auto changed = hello;
        to_.legal(std::string{"decoys/cipher-suites"} + suffix, std::string{"in the cipher suites"} + words,
                  "RFC 8446 4.1.2", whole(to_.stream(changed.cipher_suites(suites))));
    }
}

void decoys::add_in_extensions() {
    const auto key = joined({extension_, bytes(32, 0x6b)});
    for (const auto& [suffix, words, hello] : variants()) {
        const auto add = [&, end = suffix, more = words](std::string name, std::string what, const char* rule,
                                                         const hello_builder& changed) -> shape& {
            return to_.legal("decoys/" + name + end, what + more, rule, whole(to_.stream(changed)));
        };
        auto copy = [&made = hello] { return made; };
        add("unknown-extension", "in an unknown extension", "RFC 8446 4.2",
            copy().extension(unassigned, extension_));
        add("hello-in-extension", "a whole hello, record and all, in an unknown extension", "RFC 8446 4.2",
            copy().extension(unassigned, hello_));
        add("alpn", "in an ALPN name", "RFC 7301 3.1", copy().alpn({"h2", std::string{as_text(extension_)}}));
        add("ech", "in the payload of encrypted_client_hello", "RFC 9849 5",
            copy().extension(
                0xfe0d, byte_writer{}.raw({0, 0, 1, 0, 1, 7, 0, 1, 0x65}).prefixed_u16([&](byte_writer& out) {
                    out.raw(extension_);
                })));
        add("ticket", "in a session ticket", "RFC 5077 3.2", copy().extension(35, key));
        add("psk", "in the identity of a pre-shared key", "RFC 8446 4.2.11",
            copy().extension(41, byte_writer{}
                                     .prefixed_u16([&](byte_writer& list) {
                                         list.prefixed_u16([&](byte_writer& id) { id.raw(key); }).u32(0);
                                     })
                                     .prefixed_u16([](byte_writer& list) {
                                         list.prefixed_u8([](byte_writer& out) { out.repeat(32, 0x62); });
                                     })));
        add("padding", "in padding, which must be zeros", "RFC 7685 3", copy().extension(padding, extension_))
            .by_rfc = legality::forbidden;
    }
    // The decoy comes before the real name.
    to_.legal("decoys/extension-before-name", "in an unknown extension, before the name that is another",
              "RFC 8446 4.2",
              whole(to_.stream(to_.nameless().extension(unassigned, extension_).server_name(to_.names.a))));
}

void decoys::add_behind() {
    for (const auto& [suffix, words, hello] : variants()) {
        to_.legal(std::string{"decoys/early-data"} + suffix, std::string{"a hello inside 0-RTT data"} + words,
                  "RFC 8446 2.3", [&, made = hello]() mutable {
                      const auto first = to_.stream(made.extension(42, bytes{}).pre_shared_key());
                      return whole(joined({first, record(hello_, 23, 0x0303)}));
                  }());
    }
}

// Read without regard to the record header in its middle, the stream has other extensions than the message
// that its records carry: the header shifts what follows by five bytes.
void decoys::add_between_records() {
    for (const auto& [suffix, words, hello] : variants()) {
        const auto& b = to_.names.b;
        // Shifted: type 0, length, the list's length with its low byte from the next extension's type...
        const auto list_size = static_cast<std::uint8_t>(b.size() + 3);
        const auto end = bytes{0, 0, 0, static_cast<std::uint8_t>(list_size + 2), 0};
        const auto carrier = joined({bytes(100, 0x63), end});
        // ... name type 0 from the low byte of that type, and that extension's length and body as the name.
        const auto carried = static_cast<std::uint16_t>(list_size << 8);
        auto made = hello_builder::bare()
                        .session_id(32)
                        .extension(unassigned, carrier)
                        .extension(carried, byte_writer{}.text(b));
        if (suffix[0] == '\0')
            made.server_name(to_.names.a);
        // The rest as in any hello of TLS 1.2, so that shifting does not matter behind it.
        const auto message = to_.message(made);
        const auto boundary = position(message, std::string(50, 'c')) + 20;
        to_.legal(std::string{"decoys/record-header-read-as-content"} + suffix,
                  std::string{"only in the raw bytes, where a record header shifts what follows"} + words,
                  "RFC 8446 5.1", whole(testing::in_records(message, {boundary, 16'384})));
    }
    auto two_names = to_.hello_for(to_.names.b);
    two_names.extension(unassigned, bytes(50, 1)).extension(0, server_name_body(to_.names.a));
    const auto message = to_.message(two_names);
    to_.forbidden("decoys/second-name-in-second-record",
                  "one server_name in the first record, another one in the second", "RFC 8446 4.2",
                  whole(testing::in_records(message, {message.size() - 40, 16'384})));
}

} // namespace

void add_decoys(workshop& to) {
    decoys all{to};
    all.add_in_the_fixed_part();
    all.add_in_extensions();
    all.add_behind();
    all.add_between_records();
}

} // namespace snipass::conformance
