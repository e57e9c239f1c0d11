// SPDX-License-Identifier: BSL-1.0
// Records as no kernel makes them, sealed by hand: empty ones, and padded ones. To a plain read they are none
// (docs/handoff.md has what a receiver does).
#include "snipass/handoff/kernel_tls.h"

#include "catch.hpp"
#include "keyed_pair.hpp"

#include <openssl/evp.h>

#include <poll.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

using namespace snipass;
using namespace snipass::testing;
using namespace std::string_literals;

namespace {

constexpr unsigned char alert = 21, data = 23;
constexpr std::size_t tag_size = 16;

using bytes = std::vector<unsigned char>;

std::string big_endian(std::uint64_t number, std::size_t size) {
    std::string made(size, '\0');
    for (auto at = made.rbegin(); at != made.rend(); ++at, number >>= 8)
        *at = static_cast<char>(number);
    return made;
}

// aes_128_gcm seals with a key of zeros, as set_keys() gives it to the kernel.
std::string aes_128_gcm(const std::string& nonce, const std::string& additional, const std::string& text) {
    const std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)> one{EVP_CIPHER_CTX_new(),
                                                                              &EVP_CIPHER_CTX_free};
    const auto of = [](const std::string& all) { return reinterpret_cast<const unsigned char*>(all.data()); };
    const bytes key(16);
    bytes made(text.size() + tag_size);
    int n = 0;
    EVP_EncryptInit_ex(one.get(), EVP_aes_128_gcm(), nullptr, key.data(), of(nonce));
    EVP_EncryptUpdate(one.get(), nullptr, &n, of(additional), static_cast<int>(additional.size()));
    EVP_EncryptUpdate(one.get(), made.data(), &n, of(text), static_cast<int>(text.size()));
    EVP_EncryptFinal_ex(one.get(), made.data() + n, &n);
    EVP_CIPHER_CTX_ctrl(one.get(), EVP_CTRL_AEAD_GET_TAG, tag_size, made.data() + text.size());
    return {made.begin(), made.end()};
}

// client seals its records itself: RFC 8446 section 5.2, and RFC 5246 section 6.2.3.3 with RFC 5288.
class client {
  public:
    client(os::unique_fd fd, std::uint16_t version) : fd_(std::move(fd)), version_(version) {}

    void send(unsigned char type, const std::string& text, std::size_t padding = 0) {
        say(fd_, version_ == tls_1_3 ? seal(type, text, padding) : seal_1_2(type, text));
        ++sequence_;
    }
    [[nodiscard]] const os::unique_fd& fd() const { return fd_; }

  private:
    [[nodiscard]] std::string seal(unsigned char type, const std::string& text, std::size_t padding) const {
        const auto inner = text + static_cast<char>(type) + std::string(padding, '\0');
        const auto head = "\x17\3\3" + big_endian(inner.size() + tag_size, 2);
        return head + aes_128_gcm(big_endian(sequence_, 12), head, inner);
    }
    [[nodiscard]] std::string seal_1_2(unsigned char type, const std::string& text) const {
        const auto kind = static_cast<char>(type) + "\3\3"s;
        const auto nonce = big_endian(sequence_, 8);
        const auto sealed =
            aes_128_gcm(std::string(4, '\0') + nonce, nonce + kind + big_endian(text.size(), 2), text);
        return kind + big_endian(nonce.size() + sealed.size(), 2) + nonce + sealed;
    }

    os::unique_fd fd_;
    std::uint16_t version_;
    std::uint64_t sequence_ = 0;
};

struct fixture {
    explicit fixture(std::uint16_t version) : fixture(tcp_pair(), version) {}

    os::unique_fd server;
    client far;

  private:
    fixture(socket_pair pair, std::uint16_t version)
        : server(std::move(pair.near)), far(std::move(pair.far), version) {
        REQUIRE(keep_keys(server, version));
    }
};

} // namespace

// But directly in front of an alert it is one: recv() is 0 then (Linux 6.12), in front of close_notify
// rightly.
TEST_CASE("kernel TLS: a record without a byte is no end", "[kernel_tls]") {
    if (const auto why = lacks_kernel_tls())
        return skipped(*why);
    fixture test{GENERATE(tls_1_2, tls_1_3)};
    test.far.send(data, "first");
    CHECK(hear_some(test.server, 5) == "first");
    for (int i = 0; i < 3; ++i)
        test.far.send(data, "");
    test.far.send(data, "behind");
    CHECK(hear_some(test.server, 6) == "behind");
    test.far.send(data, "");
    test.far.send(alert, "\1\0"s);
    std::array<char, 16> room;
    const auto n = ::recv(test.server.get(), room.data(), room.size(), 0);
    CHECK((n == 0 || (n < 0 && errno == EIO)));
    CHECK(kernel_tls_after_read(&handoff_libc, test.server.get(), EIO) == kernel_tls_end);
}

TEST_CASE("kernel TLS: padding is not heard", "[kernel_tls]") {
    if (const auto why = lacks_kernel_tls())
        return skipped(*why);
    fixture test{tls_1_3};
    test.far.send(data, "question", 100);
    test.far.send(data, "", 1'000);
    test.far.send(data, ", and more", 1);
    CHECK(hear_some(test.server, 18) == "question, and more");
    test.far.send(alert, "\1\x5a"s, 30); // user_canceled
    test.far.send(alert, "\1\0"s, 300);
    pollfd asked{test.server.get(), POLLIN, 0};
    REQUIRE(::poll(&asked, 1, 10'000) == 1);
    CHECK(kernel_tls_after_read(&handoff_libc, test.server.get(), EIO) == kernel_tls_again);
    CHECK(kernel_tls_after_read(&handoff_libc, test.server.get(), EIO) == kernel_tls_end);
}
