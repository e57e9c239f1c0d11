// SPDX-License-Identifier: BSL-1.0
// PEM files.
#include "pem.hpp"

#include "snipass/config/opened_file.hpp"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include <cerrno>
#include <cstdint>
#include <filesystem>
#include <new>
#include <utility>

namespace snipass::certificates {
namespace {

constexpr std::uintmax_t most = 1U << 20;

// is_certificate: so the block in front of this place calls itself. What is wrong with a key is told where
// the key is read.
bool is_certificate(const std::string& bytes, std::size_t behind) {
    const auto begin = bytes.rfind("-----BEGIN ", behind == 0 ? 0 : behind - 1);
    const auto line = begin == bytes.npos ? "" : bytes.substr(begin, bytes.find('\n', begin) - begin);
    return line.find("CERTIFICATE") != line.npos;
}

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
    config::opened_file in{file};
    made.bytes.resize(size);
    if (in.problem() == 0 && in.read(made.bytes.data(), size) == size)
        return made;
    made.problem = {in.problem() != 0 ? in.problem() : EIO, std::generic_category()};
    return made;
}

config::diagnostic unread(config::position where, const std::string& what, const std::error_code& why,
                          config::severity forbidden) {
    const bool is_forbidden = why == std::errc::permission_denied;
    const bool wants_descriptors =
        why == std::errc::too_many_files_open || why == std::errc::too_many_files_open_in_system;
    return {is_forbidden ? forbidden : config::severity::error, where,
            what + (wants_descriptors ? "; let it have more descriptors (LimitNOFILE= of its unit, ulimit -n)"
                                      : ""),
            wants_descriptors || why == std::errc::not_enough_memory};
}

memory_bio over(const std::string& bytes) {
    memory_bio made{BIO_new_mem_buf(bytes.data(), static_cast<int>(bytes.size()))};
    if (!made)
        throw std::bad_alloc{};
    return made;
}

read_certificates read_chain(const std::string& bytes) {
    read_certificates made;
    const auto in = over(bytes);
    for (auto left = bytes.size() + 1; BIO_pending(in.get()) < static_cast<int>(left);) {
        left = static_cast<std::size_t>(BIO_pending(in.get()));
        if (x509 one{PEM_read_bio_X509(in.get(), nullptr, nullptr, nullptr)}) {
            made.all.push_back(std::move(one));
            continue;
        }
        const auto code = ERR_peek_last_error();
        ERR_clear_error();
        if (ERR_GET_LIB(code) == ERR_LIB_PEM && ERR_GET_REASON(code) == PEM_R_NO_START_LINE)
            break; // there are no more
        const auto behind = bytes.size() - static_cast<std::size_t>(BIO_pending(in.get()));
        made.is_damaged = is_certificate(bytes, behind);
        if (made.is_damaged)
            break;
    }
    return made;
}

std::string damage(const read_certificates& read) {
    return "certificate " + std::to_string(read.all.size() + 1) +
           " is damaged; write the file anew, from where the certificate came";
}

std::time_t to_time(const ASN1_TIME* time) {
    std::tm broken{};
    return ASN1_TIME_to_tm(time, &broken) == 1 ? ::timegm(&broken) : 0;
}

} // namespace snipass::certificates
