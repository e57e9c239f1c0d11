// SPDX-License-Identifier: BSL-1.0
// The input is a recipe for a well-formed hello: what the builder was told to write, the parser must read.
#include "fuzz_target.hpp"
#include "hello_reading.hpp"
#include "snipass/tls/constants.hpp"

#include <algorithm>
#include <set>

using namespace snipass;
using namespace snipass::fuzz;
using namespace snipass::testing;

namespace {

// recipe hands out the bytes of the input, then zeroes.
class recipe {
  public:
    explicit recipe(byte_view bytes) : rest_(bytes) {}

    std::size_t below(std::size_t bound) { return bound == 0 ? 0 : (next() << 8 | next()) % bound; }
    std::uint16_t u16() { return static_cast<std::uint16_t>(next() << 8 | next()); }
    bool coin() { return next() % 2 == 1; }
    bool empty() const { return rest_.empty(); }

    std::string text(std::size_t size) {
        std::string text;
        while (text.size() < size)
            text.push_back(static_cast<char>(1 + next() % 255));
        return text;
    }
    std::vector<std::uint16_t> different(std::size_t count) {
        std::set<std::uint16_t> numbers;
        for (unsigned salt = 0; numbers.size() < count; ++salt)
            numbers.insert(static_cast<std::uint16_t>(u16() + salt));
        return {numbers.begin(), numbers.end()};
    }

  private:
    std::size_t next() {
        if (rest_.empty())
            return 0;
        const auto byte = rest_[0];
        rest_ = rest_.subspan(1);
        return byte;
    }

    byte_view rest_;
};

struct expectation {
    std::optional<std::string> name;
    std::vector<std::string> protocols;
    bool ech = false;
};

void add_unknown_extensions(hello_builder& hello, recipe& from) {
    for (const auto type : from.different(from.below(6)))
        if (type > 0x0100 && type < 0xfe00)
            hello.extension(type, bytes(from.below(300), 0x2a));
}

hello_builder cook(recipe& from, expectation& expected) {
    auto hello = from.coin() ? hello_builder::tls13() : hello_builder::tls12();
    hello.session_id(from.below(33)).cipher_suites(from.different(1 + from.below(60)));
    add_unknown_extensions(hello, from);
    if (from.coin())
        hello.server_name(expected.name.emplace(from.text(1 + from.below(255))));
    if (from.coin()) {
        for (auto count = 1 + from.below(5); count > 0; --count)
            expected.protocols.push_back(from.text(1 + from.below(255)));
        hello.alpn(expected.protocols);
    }
    expected.ech = from.coin();
    if (expected.ech)
        hello.ech_outer(1 + from.below(400));
    if (from.coin())
        hello.padding(from.below(5'000));
    if (from.coin())
        hello.extension(tls::extension::early_data, bytes{});
    return hello;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    recipe from{byte_view{data, size}};
    expectation expected;
    const auto hello = cook(from, expected);
    const auto message = hello.message();
    std::vector<std::size_t> fragments{1 + from.below(500)};
    while (!from.empty() && fragments.size() < 50)
        fragments.push_back(1 + from.below(16'384));
    const auto stream = in_records(message, fragments);
    const auto reading = read_as_needed(stream);

    require(reading.broken_promise.empty(), reading.broken_promise);
    require(reading.hello.has_value(), "what the builder writes is accepted");
    require(reading.size == stream.size() && reading.message == message, "the whole message is found");
    require(reading.name() == expected.name, "the name is the one written");
    require((reading.hello->ech == tls::ech_kind::outer) == expected.ech, "ECH is seen where it is");
    auto list = reading.hello->alpn;
    for (const auto& protocol : expected.protocols) {
        require(!list.empty() && list.front() == protocol, "the protocols are those written, in their order");
        list.pop_front();
    }
    require(list.empty(), "no other protocols");
    return 0;
}
