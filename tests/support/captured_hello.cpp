// SPDX-License-Identifier: BSL-1.0
#include "captured_hello.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <stdexcept>

namespace snipass::testing {

namespace {

void append_hex(const std::string& line, bytes& out) {
    if (line.size() % 2 != 0)
        throw std::runtime_error("odd number of hexadecimal digits: " + line);
    for (std::size_t i = 0; i < line.size(); i += 2)
        out.push_back(static_cast<std::uint8_t>(std::stoul(line.substr(i, 2), nullptr, 16)));
}

captured_hello load(const std::filesystem::path& path) {
    captured_hello captured;
    captured.file = path.filename().string();
    std::ifstream in{path};
    for (std::string line; std::getline(in, line);) {
        if (line.starts_with("# ")) {
            const auto colon = line.find(": ");
            if (colon == std::string::npos)
                throw std::runtime_error("no \"key: value\": " + line);
            captured.notes.emplace(line.substr(2, colon - 2), line.substr(colon + 2));
        } else {
            append_hex(line, captured.stream);
        }
    }
    if (captured.stream.empty())
        throw std::runtime_error("no bytes in " + path.string());
    return captured;
}

} // namespace

std::vector<captured_hello> load_captured_hellos(const std::string& folder) {
    std::vector<captured_hello> all;
    for (const auto& entry : std::filesystem::directory_iterator{folder})
        if (entry.path().extension() == ".hello")
            all.push_back(load(entry.path()));
    std::ranges::sort(all, {}, &captured_hello::file);
    return all;
}

} // namespace snipass::testing
