// SPDX-License-Identifier: BSL-1.0
// The input is the size of an outer hello (2 bytes), that hello, and what its payload was decrypted to. Where
// the strict parser takes the outer hello, both find the same extension in it; and the inner hello is the
// same that a second, plain way to rebuild it makes (RFC 9849 section 5.1), or refused by both.
#include "fuzz_target.hpp"

#include "snipass/handoff/ech_hello.h"
#include "snipass/tls/byte_reader.hpp"
#include "snipass/tls/client_hello.hpp"
#include "snipass/tls/constants.hpp"

#include <algorithm>
#include <optional>
#include <vector>

using namespace snipass;
using namespace snipass::fuzz;
using tls::byte_reader;

namespace {

using bytes = std::vector<std::uint8_t>;

constexpr std::uint16_t references = 0xfd00;
constexpr std::size_t before_session_id = 2 + tls::random_size;

struct extension {
    std::uint16_t type;
    bytes body;
};

std::optional<std::vector<extension>> list_of(byte_view block) {
    std::vector<extension> list;
    for (byte_reader in{block}; !in.empty();) {
        const auto type = in.u16();
        const auto body = type ? in.prefixed_u16() : std::nullopt;
        if (!body)
            return std::nullopt;
        list.push_back({*type, bytes(body->rest().begin(), body->rest().end())});
    }
    return list;
}

// expanded: of each reference the outer extension, by its place in the list.
std::optional<std::vector<extension>> expanded(const extension& list, const std::vector<extension>& outer) {
    byte_reader in{list.body};
    auto types = in.prefixed_u8();
    if (!types || types->empty() || types->rest().size() % 2 != 0 || !in.empty())
        return std::nullopt;
    std::vector<extension> found;
    auto from = outer.begin();
    while (const auto type = types->u16()) {
        if (*type == tls::extension::encrypted_client_hello || *type == references)
            return std::nullopt;
        from = std::find_if(from, outer.end(), [&](const extension& one) { return one.type == *type; });
        if (from == outer.end())
            return std::nullopt;
        found.push_back(*from++);
    }
    return found;
}

void put(bytes& to, std::size_t number, unsigned size) {
    while (size-- > 0)
        to.push_back(static_cast<std::uint8_t>(number >> 8 * size));
}

std::optional<bytes> in_one_block(const std::vector<extension>& inner, const std::vector<extension>& outer) {
    bytes block;
    int lists = 0;
    for (const auto& one : inner) {
        std::vector<extension> these{one};
        if (one.type == references) {
            const auto found = expanded(one, outer);
            if (!found || ++lists > 1)
                return std::nullopt;
            these = *found;
        }
        for (const auto& each : these) {
            put(block, each.type, 2);
            put(block, each.body.size(), 2);
            block.insert(block.end(), each.body.begin(), each.body.end());
        }
    }
    return block;
}

bool is_tls13_inner(byte_view block) {
    int marks = 0;
    bool offers = false, offers_old = false;
    const auto list = *list_of(block);
    for (const auto& one : list) {
        if (one.type == tls::extension::encrypted_client_hello) {
            if (one.body != bytes{1})
                return false;
            ++marks;
        }
        if (one.type == tls::extension::supported_versions) {
            offers = true;
            byte_reader in{one.body};
            auto versions = in.prefixed_u8();
            offers_old = offers_old || !versions;
            while (versions && versions->rest().size() > 1)
                offers_old = *versions->u16() < tls::version::tls13 || offers_old;
        }
    }
    return marks == 1 && offers && !offers_old;
}

// plainly rebuilds, of an outer hello that the parser took.
std::optional<bytes> plainly(const tls::client_hello& outer, byte_view encoded) {
    const auto outer_list = *list_of(outer.extensions);
    for (const auto& one : outer_list)
        if (one.type == references)
            return std::nullopt;
    byte_reader in{encoded};
    const auto start = in.take(before_session_id);
    const auto session_id = start ? in.prefixed_u8() : std::nullopt;
    const auto suites = session_id ? in.prefixed_u16() : std::nullopt;
    const auto compression = suites ? in.prefixed_u8() : std::nullopt;
    const auto block = compression ? in.prefixed_u16() : std::nullopt;
    if (!block || !session_id->empty() || std::ranges::any_of(in.rest(), [](auto byte) { return byte != 0; }))
        return std::nullopt;
    const auto inner_list = list_of(block->rest());
    const auto whole = inner_list ? in_one_block(*inner_list, outer_list) : std::nullopt;
    if (!whole || !is_tls13_inner(*whole))
        return std::nullopt;
    bytes body(start->begin(), start->end());
    const auto put_all = [&](byte_view these, unsigned length_size) {
        put(body, these.size(), length_size);
        body.insert(body.end(), these.begin(), these.end());
    };
    put_all(outer.session_id, 1);
    put_all(suites->rest(), 2);
    put_all(compression->rest(), 1);
    put_all(*whole, 2);
    bytes message{tls::handshake_client_hello};
    put(message, body.size(), 3);
    message.insert(message.end(), body.begin(), body.end());
    if (message.size() > ech_hello_max)
        return std::nullopt;
    return message;
}

std::optional<bytes> rebuilt(byte_view outer, byte_view encoded, std::size_t room) {
    bytes inner(room);
    std::size_t size = 0;
    const auto status = ech_hello_rebuild(outer.data(), outer.size(), encoded.data(), encoded.size(),
                                          inner.data(), room, &size);
    if (status != ech_hello_rebuilt)
        return std::nullopt;
    require(size <= room, "it lies inside its room");
    inner.resize(size);
    return inner;
}

bool is_inside(const ech_hello_range& range, byte_view message) {
    return range.at <= message.size() && range.size <= message.size() - range.at;
}

void check_outer(byte_view message, const ech_hello_outer& outer) {
    require(is_inside(outer.enc, message) && is_inside(outer.payload, message), "ranges lie in the message");
    require(outer.payload.size > 0, "there is a payload");
    bytes aad(message.size() - ech_hello_header_size);
    ech_hello_write_aad(message.data(), message.size(), &outer, aad.data());
    for (std::size_t i = 0; i < aad.size(); ++i) {
        const auto at = i + ech_hello_header_size;
        const bool is_payload = at >= outer.payload.at && at < outer.payload.at + outer.payload.size;
        require(aad[i] == (is_payload ? 0 : message[at]), "what is authenticated has zeros for the payload");
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2)
        return 0;
    const auto rest = byte_view{data + 2, size - 2};
    const auto outer_size =
        std::min<std::size_t>(rest.size(), static_cast<std::size_t>(data[0]) << 8 | data[1]);
    // Of their own, so that a sanitizer sees a byte too far.
    const bytes message(rest.begin(), rest.begin() + static_cast<std::ptrdiff_t>(outer_size));
    const bytes encoded(rest.begin() + static_cast<std::ptrdiff_t>(outer_size), rest.end());

    ech_hello_outer outer{};
    const auto kind = ech_hello_find(message.data(), message.size(), &outer);
    if (kind == ech_hello_is_outer)
        check_outer(message, outer);
    const auto inner = rebuilt(message, encoded, ech_hello_max);
    const auto hello = tls::parse_client_hello(message);
    if (hello) {
        require(kind == (hello->ech == tls::ech_kind::outer   ? ech_hello_is_outer
                         : hello->ech == tls::ech_kind::inner ? ech_hello_is_inner
                                                              : ech_hello_none),
                "both find the same extension");
        require(inner == plainly(*hello, encoded), "both rebuild the same inner hello");
    }
    if (!inner)
        return 0;
    require(rebuilt(message, encoded, inner->size()) == inner, "its own size is enough");
    require(!rebuilt(message, encoded, inner->size() - 1), "one byte less is not");
    if (const auto read = tls::parse_client_hello(*inner))
        require(read->ech == tls::ech_kind::inner, "what is rebuilt is an inner hello");
    return 0;
}
