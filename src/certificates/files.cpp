// SPDX-License-Identifier: BSL-1.0
// Where the files of certificates are.
#include "files.hpp"

#include "snipass/certificates/load.hpp"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <system_error>

namespace snipass::certificates {
namespace {

namespace fs = std::filesystem;

// As certbot and lego's hooks name them.
constexpr const char* chain_name = "fullchain.pem";
constexpr const char* key_name = "privkey.pem";

file_pair in_folder(const fs::path& folder) {
    return {(folder / chain_name).string(), (folder / key_name).string()};
}

// A pattern has one "*" that counts: what stands behind the last one and in front of the first.
struct pattern {
    explicit pattern(const std::string& name)
        : head(name.substr(0, name.find('*'))), tail(name.substr(name.rfind('*') + 1)) {}

    [[nodiscard]] bool fits(const std::string& name) const {
        return name.size() >= head.size() + tail.size() && name.starts_with(head) && name.ends_with(tail);
    }
    // A "*" alone is for folders: beside those of certbot lies a README.
    [[nodiscard]] bool is_for_files() const { return !head.empty() || !tail.empty(); }

    std::string head;
    std::string tail;
};

found_files expand(const fs::path& path) {
    const pattern wanted{path.filename().string()};
    found_files found;
    std::error_code ec;
    std::vector<fs::path> entries;
    for (fs::directory_iterator at{path.parent_path(), ec}, end; !ec && at != end; at.increment(ec))
        if (const auto name = at->path().filename().string(); !name.starts_with('.') && wanted.fits(name))
            entries.push_back(at->path());
    if (ec)
        return {{}, path.parent_path().string() + ": " + ec.message(), ec};
    std::ranges::sort(entries);
    for (const auto& one : entries) {
        std::error_code why, ignored;
        if (fs::exists(one / chain_name, why))
            found.pairs.push_back(in_folder(one));
        else if (why == std::errc::permission_denied)
            return {{}, (one / chain_name).string() + ": " + why.message(), why};
        else if (wanted.is_for_files() && fs::is_regular_file(one, ignored))
            found.pairs.push_back({one.string(), one.string()});
    }
    if (found.pairs.empty())
        found.problem = path.string() + ": there is no folder with " + chain_name + " and " + key_name +
                        ", and no such file";
    return found;
}

// A folder of certificates, or, as a slip has it, the folder in which those folders are.
found_files look_into(const fs::path& folder) {
    std::error_code ec;
    if (!fs::exists(folder / chain_name, ec) && !ec && !expand(folder / "*").pairs.empty())
        return {{},
                folder.string() + ": has no " + chain_name + ", but folders that have one; write \"" +
                    (folder / "*").string() + '"'};
    return {{in_folder(folder)}, {}};
}

} // namespace

std::error_code is_for_another() {
    return std::make_error_code(std::errc::permission_denied);
}

std::string in_credentials(const std::string& path) {
    if (!path.starts_with(config::credential_prefix))
        return path;
    const char* const folder = std::getenv("CREDENTIALS_DIRECTORY");
    return folder == nullptr ? ""
                             : (fs::path{folder} / path.substr(config::credential_prefix.size())).string();
}

found_files find_files(const config::certificate_source& source) {
    const auto chain = in_credentials(source.chain);
    const auto key = in_credentials(source.key);
    if (chain.empty())
        return {{}, source.chain + no_credentials, is_for_another()};
    if (!source.key.empty() && key.empty())
        return {{}, source.key + no_credentials, is_for_another()};
    if (!key.empty())
        return {{{chain, key}}, {}};
    if (chain.find('*') != chain.npos)
        return expand(chain);
    std::error_code ignored;
    return fs::is_directory(chain, ignored) ? look_into(chain) : found_files{{{chain, chain}}, {}};
}

// A file may be a link into another folder, as certbot's are: live/NAME/privkey.pem leads to archive/NAME.
// Those of a name that comes later will be beside it.
std::vector<std::string> folders_of(const std::vector<config::certificate_source>& sources) {
    std::vector<std::string> folders;
    const auto add = [&folders](const fs::path& file, bool with_siblings) {
        const auto named = file.parent_path();
        folders.push_back(named.string());
        std::error_code ec;
        const auto real = fs::canonical(file, ec).parent_path();
        if (ec || real == named)
            return;
        folders.push_back(with_siblings ? real.parent_path().string() : real.string());
    };
    for (const auto& source : sources) {
        const auto whole = in_credentials(source.chain);
        const auto star = whole.find('*');
        if (star != whole.npos)
            folders.push_back(whole.substr(0, whole.rfind('/', star)));
        else if (!whole.empty())
            folders.push_back(whole); // a folder, or a file
        for (const auto& [chain, key] : find_files(source).pairs) {
            add(chain, star != whole.npos);
            add(key, star != whole.npos);
        }
    }
    std::ranges::sort(folders);
    const auto doubled = std::ranges::unique(folders);
    folders.erase(doubled.begin(), doubled.end());
    return folders;
}

} // namespace snipass::certificates
