// SPDX-License-Identifier: BSL-1.0
// Keys from files: what `snipass ech new-key` writes, what others write, and what is wrong with the rest.
#include "snipass/ech_keys/key_files.hpp"

#include "catch.hpp"

#include <filesystem>
#include <fstream>
#include <stdlib.h>

using namespace snipass;
using namespace snipass::ech_keys;

namespace {

namespace fs = std::filesystem;

struct key_folder {
    key_folder() {
        std::string name = fs::temp_directory_path() / "snipass-keys-XXXXXX";
        REQUIRE(::mkdtemp(name.data()) != nullptr);
        path = name;
    }
    ~key_folder() { fs::remove_all(path); }
    key_folder(const key_folder&) = delete;
    key_folder& operator=(const key_folder&) = delete;

    void write(const std::string& name, const std::string& text, int age = 0) const {
        std::ofstream{path / name} << text;
        fs::last_write_time(path / name, fs::file_time_type::clock::now() - std::chrono::hours{age});
    }
    [[nodiscard]] folder read() const { return read_folder(path.string()); }

    fs::path path;
};

std::string problem_of(const std::string& text) {
    std::string problem;
    CHECK(read_pem(text, problem).empty());
    return problem;
}

// part is one PEM block of a text.
std::string part(const std::string& text, const std::string& label) {
    const auto begin = text.find("-----BEGIN " + label);
    const auto end = "-----END " + label + "-----\n";
    return text.substr(begin, text.find(end) + end.size() - begin);
}

} // namespace

TEST_CASE("ech key files: what is made is read, in either order") {
    const auto made = make_key(94, "public.example");
    const auto key = part(made.pem, "PRIVATE KEY");
    const auto config = part(made.pem, "ECHCONFIG");
    for (const auto& text : {key + config, config + key}) {
        std::string problem;
        const auto read = read_pem(text, problem);
        CHECK(problem.empty());
        REQUIRE(read.size() == 1);
        CHECK(read[0].config.id == 94);
        CHECK(read[0].config.public_name == "public.example");
        CHECK(read[0].config.public_key == public_key_of(read[0].key));
    }
}

TEST_CASE("ech key files: what is wrong with a file is said") {
    const auto one = make_key(94, "public.example").pem;
    const auto other = make_key(94, "public.example").pem;
    CHECK(problem_of("") == "has no private key (\"BEGIN PRIVATE KEY\")");
    CHECK(problem_of(part(one, "ECHCONFIG")) == "has no private key (\"BEGIN PRIVATE KEY\")");
    CHECK(problem_of(part(one, "PRIVATE KEY")) ==
          "has no ECHConfigList (\"BEGIN ECHCONFIG\"), or one that is damaged");
    CHECK(problem_of(part(one, "PRIVATE KEY") + part(other, "ECHCONFIG")) ==
          "has a config that is not for its private key, or none of whose suites is supported");
}

TEST_CASE("ech key files: a folder, the newest first") {
    const key_folder folder;
    folder.write("old.pem", make_key(1, "a.example").pem, 2);
    folder.write("new.ech", make_key(2, "b.example").pem, 1);
    folder.write("other.txt", "no key");
    const auto read = folder.read();
    CHECK(read.was_read);
    CHECK(read.problems.empty());
    REQUIRE(read.keys.size() == 2);
    CHECK(read.keys[0].config.id == 2);
    CHECK(read.keys[1].config.id == 1);
    CHECK(read.keys[0].written > read.keys[1].written);
}

TEST_CASE("ech key files: of two with one config_id the newer counts, and a bad one is left out") {
    const key_folder folder;
    folder.write("old.pem", make_key(1, "a.example").pem, 2);
    folder.write("new.pem", make_key(1, "b.example").pem, 1);
    folder.write("bad.pem", "no key");
    folder.write("large.pem", std::string(70'000, 'x'));
    const auto read = folder.read();
    REQUIRE(read.keys.size() == 1);
    CHECK(read.keys[0].config.public_name == "b.example");
    CHECK(read.problems.size() == 3);
}

TEST_CASE("ech key files: a folder that is not there") {
    const auto read = read_folder("/nowhere/at/all");
    CHECK_FALSE(read.was_read);
    REQUIRE(read.problems.size() == 1);
}

TEST_CASE("ech key files: base64 is on one line") {
    CHECK(to_base64({}) == "");
    CHECK(to_base64(std::vector<std::uint8_t>{0xfe, 0x0d}) == "/g0=");
    CHECK(to_base64(std::vector<std::uint8_t>(60, 0)).find('\n') == std::string::npos);
}
