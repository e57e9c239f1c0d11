// SPDX-License-Identifier: BSL-1.0
#include "hello_mutator.hpp"

#include "snipass/tls/byte_reader.hpp"
#include "snipass/tls/constants.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <random>
#include <span>

namespace snipass::fuzz {

namespace {

using testing::byte_writer;
using testing::bytes;
namespace ext = tls::extension;

// parts is a hello taken apart, to be changed and put together again.
struct parts {
    std::uint8_t type = tls::handshake_client_hello;
    std::uint16_t version = tls::version::tls12;
    bytes random = bytes(tls::random_size, 0x72);
    bytes session_id;
    bytes cipher_suites;
    bytes compression;
    bool has_extensions = false;
    std::vector<std::pair<std::uint16_t, bytes>> extensions;
    bytes trailing; // inside the message, behind the extensions
    bytes behind;   // behind the message, in its last record
    std::vector<std::size_t> fragments;
    bytes next; // the records that follow
};

bytes copy(byte_view view) {
    return {view.begin(), view.end()};
}

// take_message gathers the handshake message out of its records; false: there is none.
bool take_message(tls::byte_reader& stream, bytes& message, parts& into) {
    for (std::size_t wanted = tls::handshake_header_size; message.size() < wanted;) {
        const auto header = stream.take(3);
        const auto fragment = stream.prefixed_u16();
        if (!header || !fragment || (*header)[0] != tls::content_type::handshake)
            return false;
        message.insert(message.end(), fragment->rest().begin(), fragment->rest().end());
        into.fragments.push_back(fragment->rest().size());
        if (message.size() >= tls::handshake_header_size)
            wanted = tls::handshake_header_size + *tls::byte_reader{byte_view{message}.subspan(1)}.u24();
    }
    return true;
}

std::optional<parts> take_apart(byte_view bytes_of_stream) {
    parts hello;
    tls::byte_reader stream{bytes_of_stream};
    bytes message;
    if (!take_message(stream, message, hello))
        return std::nullopt;
    hello.next = copy(stream.rest());

    tls::byte_reader in{message};
    hello.type = *in.u8();
    auto body = tls::byte_reader{*in.take(3 + *tls::byte_reader{in}.u24())};
    hello.behind = copy(in.rest());
    (void)body.u24();
    const auto version = body.u16();
    const auto random = body.take(tls::random_size);
    const auto session_id = body.prefixed_u8();
    const auto cipher_suites = body.prefixed_u16();
    const auto compression = body.prefixed_u8();
    if (!version || !random || !session_id || !cipher_suites || !compression)
        return std::nullopt;
    hello.version = *version;
    hello.random = copy(*random);
    hello.session_id = copy(session_id->rest());
    hello.cipher_suites = copy(cipher_suites->rest());
    hello.compression = copy(compression->rest());
    if (auto list = body.prefixed_u16()) {
        hello.has_extensions = true;
        for (auto type = list->u16(); type; type = list->u16()) {
            const auto content = list->prefixed_u16();
            hello.extensions.emplace_back(*type, content ? copy(content->rest()) : bytes{});
        }
    }
    hello.trailing = copy(body.rest());
    return hello;
}

// mutator holds the dice and the changes that can be made. Each change is small: libFuzzer combines them.
class mutator {
  public:
    mutator(unsigned seed, mutate_bytes as_bytes) : dice_(seed), as_bytes_(as_bytes) {}

    bytes mutate(byte_view stream) {
        auto hello = take_apart(stream);
        if (!hello && one_in(2))
            return as_bytes(copy(stream));
        if (!hello)
            hello = take_apart(fresh());
        for (auto count = 1 + below(3); count > 0; --count)
            change(*hello);
        auto mutated = put_together(*hello);
        if (one_in(6))
            change_records(mutated);
        if (one_in(16))
            mutated = as_bytes(std::move(mutated));
        return mutated;
    }

  private:
    std::size_t below(std::size_t bound) { return bound == 0 ? 0 : dice_() % bound; }
    bool one_in(std::size_t chances) { return below(chances) == 0; }
    template <class Range>
    auto& one_of(Range& range) {
        return range[below(std::size(range))];
    }

    bytes as_bytes(bytes data) {
        const auto size = data.size();
        data.resize(size + 64);
        data.resize(as_bytes_(data.data(), size, data.size()));
        return data;
    }

    bytes fresh() {
        auto hello = one_in(2) ? testing::hello_builder::tls13() : testing::hello_builder::tls12();
        return hello.server_name("www.example.com").alpn({"h2"}).stream();
    }

    void change(parts& hello) {
        switch (below(8)) {
        case 0:
            return change_fixed_part(hello);
        case 1:
        case 2:
            return change_order(hello);
        case 3:
        case 4:
            return change_body(hello);
        case 5:
            return change_name(hello);
        case 6:
            return change_fragments(hello);
        default:
            return add_extension(hello);
        }
    }

    void change_fixed_part(parts& hello) {
        static constexpr std::array<std::uint16_t, 8> versions{0x0303, 0x0301, 0x0302, 0x0304,
                                                               0x0300, 0x0200, 0x0505, 0xfefd};
        switch (below(8)) {
        case 0:
            hello.version = one_of(versions);
            return;
        case 1:
            hello.session_id.resize(below(40), 0x73);
            return;
        case 2:
            hello.cipher_suites = as_bytes(hello.cipher_suites);
            return;
        case 3: {
            static constexpr std::array<std::uint8_t, 4> methods{0, 1, 64, 255};
            hello.compression.resize(below(4));
            for (auto& method : hello.compression)
                method = one_of(methods);
            return;
        }
        case 4:
            hello.trailing.resize(below(3));
            return;
        case 5:
            hello.behind.resize(below(3));
            return;
        case 6:
            hello.has_extensions = !one_in(4);
            return;
        default:
            hello.type = static_cast<std::uint8_t>(below(4));
        }
    }

    void change_order(parts& hello) {
        if (hello.extensions.empty())
            return;
        const auto at = static_cast<std::ptrdiff_t>(below(hello.extensions.size()));
        switch (below(4)) {
        case 0:
            std::swap(hello.extensions[static_cast<std::size_t>(at)], one_of(hello.extensions));
            return;
        case 1:
            hello.extensions.erase(hello.extensions.begin() + at);
            return;
        case 2:
            hello.extensions.push_back(hello.extensions[static_cast<std::size_t>(at)]);
            return;
        default:
            hello.extensions[static_cast<std::size_t>(at)].first = some_type();
        }
    }

    void change_body(parts& hello) {
        if (hello.extensions.empty())
            return;
        auto& [type, body] = one_of(hello.extensions);
        if (body.empty() || one_in(3)) {
            body = as_bytes(std::move(body));
            return;
        }
        // Most lengths are small and stand in front: the first bytes, up or down by one or two.
        auto& byte = body[below(std::min<std::size_t>(body.size(), 8))];
        byte = static_cast<std::uint8_t>(byte + 1 + below(5) - 3);
    }

    void change_name(parts& hello) {
        static const std::array<std::string, 10> names{"a",
                                                       "",
                                                       "www.example.com",
                                                       "WWW.EXAMPLE.COM",
                                                       "www.example.com.",
                                                       std::string{"a\0b", 3},
                                                       std::string{"a\0", 2},
                                                       std::string(255, 'n'),
                                                       std::string(256, 'n'),
                                                       "192.0.2.1"};
        byte_writer body;
        body.prefixed_u16([this](byte_writer& list) {
            for (auto count = one_in(4) ? below(3) : 1; count > 0; --count)
                list.u8(one_in(6) ? below(3) : 0).prefixed_u16([this](byte_writer& out) {
                    out.text(one_of(names));
                });
        });
        const auto same =
            std::ranges::find(hello.extensions, ext::server_name, [](auto& each) { return each.first; });
        if (same == hello.extensions.end() || one_in(6)) {
            hello.has_extensions = true;
            hello.extensions.insert(hello.extensions.begin() +
                                        static_cast<std::ptrdiff_t>(below(hello.extensions.size() + 1)),
                                    {ext::server_name, body.data()});
            return;
        }
        same->second = body.data();
    }

    void change_fragments(parts& hello) {
        static constexpr std::array<std::size_t, 9> sizes{0, 1, 2, 3, 4, 5, 50, 500, 16'384};
        switch (below(3)) {
        case 0:
            hello.fragments = {1 + below(300)};
            return;
        case 1:
            hello.fragments.insert(hello.fragments.begin(), one_of(sizes));
            return;
        default:
            if (!hello.fragments.empty())
                one_of(hello.fragments) = one_of(sizes);
        }
    }

    std::uint16_t some_type() {
        static constexpr std::array<std::uint16_t, 34> types{
            0,  1,  2,  3,  4,  5,  7,  10, 11, 13, 14, 15, 16, 18, 19, 20,     21,
            22, 23, 27, 28, 35, 41, 42, 43, 44, 45, 47, 48, 49, 50, 51, 0xfe0d, 0xff01};
        if (one_in(8))
            return one_in(2) ? 0x3374 : 0x1a1a;
        return one_of(types);
    }

    // Bodies that are well-formed for some type; with another one they are not.
    void add_extension(parts& hello) {
        static const std::array<std::pair<std::uint16_t, bytes>, 24> known{{
            {1, {1}},
            {5, {1, 0, 0, 0, 0}},
            {10, {0, 4, 0, 29, 0, 23}},
            {11, {1, 0}},
            {13, {0, 4, 4, 3, 8, 4}},
            {16, {0, 3, 2, 'h', '2'}},
            {18, {}},
            {22, {}},
            {23, {}},
            {27, {2, 0, 2}},
            {28, {0x40, 0}},
            {35, {}},
            {42, {}},
            {43, {2, 3, 4}},
            {43, {4, 3, 4, 3, 3}},
            {43, {2, 3, 3}},
            {44, {0, 1, 9}},
            {45, {1, 1}},
            {47, {0, 3, 0, 1, 9}},
            {49, {}},
            {50, {0, 2, 4, 3}},
            {51, {0, 5, 0, 29, 0, 1, 9}},
            {0xfe0d, {0, 0, 1, 0, 1, 7, 0, 0, 0, 1, 9}},
            {0xff01, {0}},
        }};
        auto extension = one_of(known);
        if (one_in(8))
            extension.first = some_type();
        if (one_in(12))
            extension = {ext::pre_shared_key, testing::hello_builder::bare().pre_shared_key().message()};
        hello.has_extensions = true;
        const auto at = one_in(4) ? hello.extensions.size() : below(hello.extensions.size() + 1);
        hello.extensions.insert(hello.extensions.begin() + static_cast<std::ptrdiff_t>(at), extension);
    }

    bytes put_together(const parts& hello) {
        byte_writer written;
        written.u8(hello.type).prefixed_u24([&](byte_writer& body) {
            body.u16(hello.version).raw(hello.random);
            body.prefixed_u8([&](byte_writer& out) {
                out.raw(
                    byte_view{hello.session_id}.first(std::min<std::size_t>(255, hello.session_id.size())));
            });
            body.prefixed_u16([&](byte_writer& out) { out.raw(hello.cipher_suites); });
            body.prefixed_u8([&](byte_writer& out) {
                out.raw(
                    byte_view{hello.compression}.first(std::min<std::size_t>(255, hello.compression.size())));
            });
            if (hello.has_extensions)
                body.prefixed_u16([&](byte_writer& list) {
                    for (const auto& [type, content] : hello.extensions)
                        list.u16(type).prefixed_u16([&inner = content](byte_writer& out) { out.raw(inner); });
                });
            body.raw(hello.trailing);
        });
        auto message = written.data();
        if (one_in(8)) {
            auto& length = message[one_of(written.length_bytes())];
            length = static_cast<std::uint8_t>(one_in(2) ? length + 1 + below(3) - 2 : below(256));
        }
        message.insert(message.end(), hello.behind.begin(), hello.behind.end());
        auto fragments = hello.fragments;
        if (fragments.empty() || fragments.back() == 0)
            fragments.push_back(16'384);
        return testing::joined({testing::in_records(message, fragments), hello.next});
    }

    // change_records changes the header of one record, or puts another one beside it.
    void change_records(bytes& stream) {
        std::vector<std::size_t> headers;
        tls::byte_reader in{stream};
        while (!in.empty()) {
            headers.push_back(stream.size() - in.rest().size());
            if (!in.take(3) || !in.prefixed_u16())
                break;
        }
        if (headers.empty())
            return;
        const auto at = one_of(headers);
        static constexpr std::array<std::uint8_t, 6> content_types{20, 21, 22, 23, 24, 0};
        switch (below(5)) {
        case 0:
            stream[at] = one_of(content_types);
            return;
        case 1:
            if (at + 2 < stream.size())
                stream[at + 1 + below(2)] = static_cast<std::uint8_t>(below(5));
            return;
        case 2:
            if (at + 4 < stream.size())
                stream[at + 3 + below(2)] = static_cast<std::uint8_t>(below(256));
            return;
        case 3: {
            const auto inserted = testing::record(bytes(below(3), 1), one_of(content_types));
            stream.insert(stream.begin() + static_cast<std::ptrdiff_t>(at), inserted.begin(), inserted.end());
            return;
        }
        default:
            stream.resize(below(stream.size() + 1));
        }
    }

    std::minstd_rand dice_;
    mutate_bytes as_bytes_;
};

} // namespace

bytes mutated_hello(byte_view stream, unsigned seed, mutate_bytes as_bytes) {
    return mutator{seed, as_bytes}.mutate(stream);
}

} // namespace snipass::fuzz
