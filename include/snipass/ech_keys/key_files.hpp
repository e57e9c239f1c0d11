// SPDX-License-Identifier: BSL-1.0
// The keys of Encrypted ClientHello in their folder: PEM files with a PKCS #8 private key and an
// ECHConfigList ("ECHCONFIG"), in any order, as `openssl ech`, nginx and HAProxy write and read them.
#pragma once

#include "snipass/base/result.hpp"
#include "snipass/ech/config_list.hpp"
#include "snipass/ech_keys/hpke.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace snipass::ech_keys {

// key_pair is one key, with the config by which clients know it.
struct key_pair {
    ech::config config; // of its suites those that are supported
    private_key key;
    std::string file;
    std::uint64_t written = 0; // when that was: seconds since 1970
};

struct folder {
    std::vector<key_pair> keys;        // the newest first, and no two of one config_id
    std::vector<std::string> problems; // of files that are left out, each a sentence with the file's name
    bool was_read = false;             // false: the folder is not there, or this user may not read it
};

// read_folder reads the files of a folder whose names end in ".pem" or ".ech".
[[nodiscard]] folder read_folder(const std::string& path);

// read_pem reads what one file holds; `problem` says what is wrong with it.
[[nodiscard]] std::vector<key_pair> read_pem(std::string_view text, std::string& problem);

// make_key makes a key and its config for `public_name`. Empty: OpenSSL cannot.
struct new_key {
    std::string pem;
    std::vector<std::uint8_t> config_list;
};
[[nodiscard]] new_key make_key(std::uint8_t id, std::string_view public_name);

// to_base64 is on one line.
[[nodiscard]] std::string to_base64(byte_view bytes);

} // namespace snipass::ech_keys
