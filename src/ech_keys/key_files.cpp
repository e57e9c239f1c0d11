// SPDX-License-Identifier: BSL-1.0
// See key_files.hpp.
#include "snipass/ech_keys/key_files.hpp"

#include "snipass/base/quoted.hpp"

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sys/stat.h>
#include <system_error>

namespace snipass::ech_keys {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t largest_file = 65'536;
constexpr std::string_view config_label = "ECHCONFIG";

struct bio_free {
    void operator()(BIO* one) const noexcept { BIO_free(one); }
};
using memory_bio = std::unique_ptr<BIO, bio_free>;

struct openssl_free {
    void operator()(void* one) const noexcept { OPENSSL_free(one); }
};
template <class T>
using openssl_memory = std::unique_ptr<T, openssl_free>;

// Secret text is cleansed with it.
struct secret_text {
    std::string text;

    secret_text() = default;
    explicit secret_text(std::size_t size) : text(size, '\0') {}
    secret_text(const secret_text&) = delete;
    secret_text& operator=(const secret_text&) = delete;
    ~secret_text() { OPENSSL_cleanse(text.data(), text.size()); }
};

memory_bio over(std::string_view text) {
    return memory_bio{BIO_new_mem_buf(text.data(), static_cast<int>(text.size()))};
}

// no_passphrase: nobody is asked for one.
int no_passphrase(char*, int, int, void*) {
    return 0;
}

private_key read_private_key(std::string_view text) {
    const auto in = over(text);
    private_key key{in ? PEM_read_bio_PrivateKey(in.get(), nullptr, no_passphrase, nullptr) : nullptr};
    ERR_clear_error();
    return key;
}

std::optional<std::vector<ech::config>> read_configs(std::string_view text) {
    const auto in = over(text);
    std::optional<std::vector<ech::config>> found;
    char* name = nullptr;
    char* header = nullptr;
    unsigned char* data = nullptr;
    long size = 0;
    while (in && !found && PEM_read_bio(in.get(), &name, &header, &data, &size) == 1) {
        const openssl_memory<char> owns_name{name}, owns_header{header};
        const openssl_memory<unsigned char> owns_data{data};
        if (name == config_label)
            found = ech::parse_config_list({data, static_cast<std::size_t>(size)});
        OPENSSL_cleanse(data, static_cast<std::size_t>(size)); // it may be the key
    }
    ERR_clear_error();
    return found;
}

bool is_key_file(const fs::path& path) {
    return path.extension() == ".pem" || path.extension() == ".ech";
}

std::uint64_t written_at(const fs::path& path) {
    struct stat one {};
    return ::stat(path.c_str(), &one) == 0 ? static_cast<std::uint64_t>(one.st_mtime) : 0;
}

void read_file(const fs::path& path, folder& into) {
    std::error_code ec;
    const auto size = fs::file_size(path, ec);
    secret_text content{ec || size > largest_file ? 0 : static_cast<std::size_t>(size)};
    std::ifstream in{path, std::ios::binary};
    if (ec || size > largest_file || !in.read(content.text.data(), static_cast<std::streamsize>(size))) {
        into.problems.push_back(in_quotes(path.string()) + " cannot be read: " +
                                (ec                    ? ec.message()
                                 : size > largest_file ? "it is too large"
                                                       : "no permission"));
        return;
    }
    std::string problem;
    auto keys = read_pem(content.text, problem);
    if (!problem.empty())
        into.problems.push_back(in_quotes(path.string()) + " " + problem);
    for (auto& one : keys) {
        one.file = path.string();
        one.written = written_at(path);
        into.keys.push_back(std::move(one));
    }
}

// drop_doubles: of two keys with one config_id the newer is the one that is published.
void drop_doubles(folder& into) {
    std::array<const key_pair*, 256> seen{};
    std::vector<key_pair> kept;
    kept.reserve(into.keys.size());
    for (auto& one : into.keys) {
        auto& first = seen[one.config.id];
        if (first != nullptr) {
            into.problems.push_back(in_quotes(one.file) + " has the config_id " +
                                    std::to_string(one.config.id) + " of " + in_quotes(first->file) +
                                    ", which is newer; remove one of them");
            continue;
        }
        kept.push_back(std::move(one));
        first = &kept.back();
    }
    into.keys = std::move(kept);
}

} // namespace

std::vector<key_pair> read_pem(std::string_view text, std::string& problem) {
    auto key = read_private_key(text);
    const auto public_key = public_key_of(key);
    auto configs = read_configs(text);
    if (public_key.empty()) {
        problem =
            key ? "has a private key that is not X25519's" : "has no private key (\"BEGIN PRIVATE KEY\")";
        return {};
    }
    if (!configs || configs->empty()) {
        problem = configs ? "has an ECHConfigList of another version than RFC 9849's (0xfe0d)"
                          : "has no ECHConfigList (\"BEGIN ECHCONFIG\"), or one that is damaged";
        return {};
    }
    std::vector<key_pair> made;
    for (auto& one : *configs) {
        std::erase_if(one.suites, [](const ech::cipher_suite& suite) { return !ech::is_supported(suite); });
        if (one.kem != ech::kem_x25519 || one.public_key != public_key || one.suites.empty()) {
            problem = "has a config that is not for its private key, or none of whose suites is supported";
            continue;
        }
        EVP_PKEY_up_ref(key.get());
        made.push_back({std::move(one), private_key{key.get()}, {}, 0});
    }
    return made;
}

folder read_folder(const std::string& path) {
    folder made;
    std::error_code ec;
    std::vector<fs::path> files;
    for (fs::directory_iterator entry{path, ec}, end; !ec && entry != end; entry.increment(ec))
        if (is_key_file(entry->path()))
            files.push_back(entry->path());
    if (ec) {
        made.problems.push_back("the folder " + in_quotes(path) + " cannot be read: " + ec.message());
        return made;
    }
    made.was_read = true;
    std::ranges::sort(files);
    for (const auto& one : files)
        read_file(one, made);
    std::ranges::stable_sort(made.keys, std::ranges::greater{}, &key_pair::written);
    drop_doubles(made);
    return made;
}

std::string to_base64(byte_view bytes) {
    std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0');
    const auto size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()), bytes.data(),
                                      static_cast<int>(bytes.size()));
    text.resize(static_cast<std::size_t>(size));
    return text;
}

new_key make_key(std::uint8_t id, std::string_view public_name) {
    const private_key key{EVP_PKEY_Q_keygen(nullptr, nullptr, "X25519")};
    const auto public_key = public_key_of(key);
    const memory_bio out{BIO_new(BIO_s_mem())};
    if (public_key.empty() || !out)
        return {};
    new_key made;
    made.config_list = ech::write_config_list(id, public_key, public_name);
    const auto label = std::string{config_label};
    if (PEM_write_bio_PKCS8PrivateKey(out.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) != 1 ||
        PEM_write_bio(out.get(), label.c_str(), "", made.config_list.data(),
                      static_cast<long>(made.config_list.size())) <= 0)
        return {};
    char* text = nullptr;
    const auto size = BIO_get_mem_data(out.get(), &text);
    made.pem.assign(text, static_cast<std::size_t>(size));
    OPENSSL_cleanse(text, static_cast<std::size_t>(size));
    return made;
}

} // namespace snipass::ech_keys
