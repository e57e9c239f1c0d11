// SPDX-License-Identifier: BSL-1.0
// Runs a fuzz target over the files of its corpus, where the compiler has no libFuzzer: an ordinary
// regression test.
#include "fuzz_target.hpp"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

int main(int argc, char** argv) {
    std::size_t files = 0;
    for (int i = 1; i < argc; ++i) {
        for (const auto& entry : std::filesystem::directory_iterator{argv[i]}) {
            std::ifstream in{entry.path(), std::ios::binary};
            const std::vector<char> content{std::istreambuf_iterator<char>{in}, {}};
            // Exactly as long as the input, so that a sanitizer sees a read beyond it.
            const std::vector<std::uint8_t> data(content.begin(), content.end());
            LLVMFuzzerTestOneInput(data.data(), data.size());
            ++files;
        }
    }
    std::printf("%zu inputs\n", files);
    return files == 0 ? 1 : 0;
}
