// SPDX-License-Identifier: BSL-1.0
// PEM files.
#include "pem.hpp"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include <cerrno>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <utility>

namespace snipass::certificates {
namespace {

constexpr std::uintmax_t most = 1U << 20;

} // namespace

content::~content() {
    OPENSSL_cleanse(bytes.data(), bytes.size());
}

content read(const std::string& file) {
    content made;
    const auto size = std::filesystem::file_size(file, made.problem); // EISDIR, ENOTSUP: it is no file
    if (made.problem)
        return made;
    if (size > most) {
        made.problem = std::make_error_code(std::errc::file_too_large);
        return made;
    }
    errno = 0;
    std::ifstream in{file, std::ios::binary};
    made.bytes.resize(size);
    if (!in || !in.read(made.bytes.data(), static_cast<std::streamsize>(size)))
        made.problem = {errno != 0 ? errno : EIO, std::generic_category()};
    return made;
}

memory_bio over(const std::string& bytes) {
    return memory_bio{BIO_new_mem_buf(bytes.data(), static_cast<int>(bytes.size()))};
}

std::vector<x509> read_chain(const std::string& bytes) {
    std::vector<x509> chain;
    const auto in = over(bytes);
    while (x509 one{PEM_read_bio_X509(in.get(), nullptr, nullptr, nullptr)})
        chain.push_back(std::move(one));
    ERR_clear_error(); // that there are no more
    return chain;
}

std::time_t to_time(const ASN1_TIME* time) {
    std::tm broken{};
    return ASN1_TIME_to_tm(time, &broken) == 1 ? ::timegm(&broken) : 0;
}

} // namespace snipass::certificates
