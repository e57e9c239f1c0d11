// SPDX-License-Identifier: BSL-1.0
// A gzip file (RFC 1952), with Boost.Beast's deflate.
#include "snipass/operating/http.hpp"

#include <boost/beast/zlib/deflate_stream.hpp>
#include <boost/crc.hpp>

namespace snipass::server {
namespace {

namespace zlib = boost::beast::zlib;

// The quickest that makes a tenth of it: the thread that compresses answers signals, too.
constexpr int level = 1;
constexpr int window_bits = 15;
constexpr int memory_level = 8;

void append_little_endian(std::string& to, std::uint32_t value) {
    for (int shift = 0; shift < 32; shift += 8)
        to += static_cast<char>(value >> shift & 0xffU);
}

} // namespace

std::string to_gzip(std::string_view text) {
    static constexpr char head[] = "\x1f\x8b\x08\x00\x00\x00\x00\x00\x04\xff"; // deflate, quick, no time
    std::string packed{head, sizeof head - 1};
    const auto begin = packed.size();
    zlib::deflate_stream stream;
    stream.reset(level, window_bits, memory_level, zlib::Strategy::normal);
    packed.resize(begin + stream.upper_bound(text.size()));
    zlib::z_params state;
    state.next_in = text.data();
    state.avail_in = text.size();
    state.next_out = packed.data() + begin;
    state.avail_out = packed.size() - begin;
    boost::system::error_code ec;
    stream.write(state, zlib::Flush::finish, ec);
    packed.resize(begin + state.total_out);
    boost::crc_32_type sum;
    sum.process_bytes(text.data(), text.size());
    append_little_endian(packed, sum.checksum());
    append_little_endian(packed, static_cast<std::uint32_t>(text.size()));
    return packed;
}

} // namespace snipass::server
