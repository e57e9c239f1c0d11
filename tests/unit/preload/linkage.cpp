// SPDX-License-Identifier: BSL-1.0
// Whether the loader would take a preloaded library into a program.
#include "catch.hpp"
#include "handoff_sender.hpp"
#include "in_child.hpp"

#include <elf.h>
#include <link.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>

extern "C" {
#include "../../../src/preload/linkage.h"
}

using handoff_test::temporary_folder;
using snipass::testing::in_child;

namespace {

struct judged {
    linkage what;
    std::string file;
};

judged judge(const std::string& path) {
    char file[4096] = "";
    const auto what = linkage_of(path.c_str(), file, sizeof file);
    return {what, file};
}

// A program of this machine's kind: a header, its parts, its sections, and the texts that they name.
struct program {
    ElfW(Ehdr) header{};
    std::string loader;  // "": none
    std::string section; // "": none
    std::size_t cut = std::string::npos;

    program() {
        std::ifstream self("/proc/self/exe", std::ios::binary);
        self.read(reinterpret_cast<char*>(&header), sizeof header);
        header.e_phnum = header.e_shnum = 0;
        header.e_shoff = 0;
    }

    void write(const std::string& path) {
        std::string rest;
        const auto append = [&rest](const void* part, std::size_t size) {
            rest.append(static_cast<const char*>(part), size);
            return sizeof(ElfW(Ehdr)) + rest.size() - size;
        };
        if (!loader.empty()) {
            const auto at = sizeof header + rest.size();
            rest += loader + '\0';
            ElfW(Phdr) part{};
            part.p_type = PT_INTERP;
            part.p_offset = at;
            part.p_filesz = loader.size() + 1;
            header.e_phoff = append(&part, sizeof part);
            header.e_phnum = 1;
        }
        if (!section.empty()) {
            ElfW(Shdr) names{}, one{};
            names.sh_offset = sizeof header + rest.size();
            rest += section + '\0';
            header.e_shoff = append(&names, sizeof names);
            append(&one, sizeof one);
            header.e_shnum = 2;
            header.e_shentsize = sizeof names;
            header.e_shstrndx = 0;
        }
        std::string all(reinterpret_cast<const char*>(&header), sizeof header);
        all += rest;
        std::ofstream(path, std::ios::binary) << all.substr(0, cut);
        chmod(path.c_str(), 0755);
    }
};

std::string own_loader() {
    std::string bytes(4096, '\0'); // the beginning has it
    std::ifstream("/proc/self/exe", std::ios::binary)
        .read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    const auto* header = reinterpret_cast<const ElfW(Ehdr)*>(bytes.data());
    const auto* parts = reinterpret_cast<const ElfW(Phdr)*>(bytes.data() + header->e_phoff);
    for (int i = 0; i < header->e_phnum; ++i)
        if (parts[i].p_type == PT_INTERP)
            return bytes.data() + parts[i].p_offset;
    return "";
}

void write_script(const std::string& path, const std::string& line) {
    std::ofstream(path) << line << "\n";
    chmod(path.c_str(), 0755);
}

} // namespace

TEST_CASE("preload linkage: what a program's header says") {
    temporary_folder folder;
    const std::string path = folder.path / "program";
    struct row {
        const char* what;
        void (*change)(program&);
        linkage expected;
    };
    const auto [what, change, expected] = GENERATE(
        row{"of this libc", [](program& p) { p.loader = own_loader(); }, linkage_good},
        row{"of this libc, elsewhere", [](program& p) { p.loader = "/nix" + own_loader(); }, linkage_good},
        row{"of another libc", [](program& p) { p.loader = "/lib/ld-musl-x86_64.so.1"; }, linkage_foreign},
        row{"without a loader", [](program&) {}, linkage_static},
        row{"for another processor", [](program& p) { p.loader = own_loader(), p.header.e_machine ^= 0xff; },
            linkage_foreign},
        row{"of another word size",
            [](program& p) { p.loader = own_loader(), p.header.e_ident[EI_CLASS] ^= 3; }, linkage_foreign},
        row{"Go", [](program& p) { p.section = ".go.buildinfo"; }, linkage_go},
        row{"Go with libc", [](program& p) { p.section = ".go.buildinfo", p.loader = own_loader(); },
            linkage_go},
        row{"a section that begins likewise",
            [](program& p) { p.section = ".go.buildinfos", p.loader = own_loader(); }, linkage_good},
        row{"cut in its header", [](program& p) { p.cut = sizeof p.header - 1; }, linkage_unknown},
        row{"cut in its parts", [](program& p) { p.loader = own_loader(), p.cut = sizeof p.header + 40; },
            linkage_static},
        row{"parts that are nowhere", [](program& p) { p.header.e_phoff = ~0ULL, p.header.e_phnum = 0xffff; },
            linkage_static},
        row{"sections that are nowhere",
            [](program& p) {
                p.loader = own_loader(), p.section = ".go.buildinfo", p.cut = sizeof p.header + 100;
            },
            linkage_good},
        row{"a loader without an end", [](program& p) { p.loader = std::string(5000, 'x'); },
            linkage_foreign});
    INFO(what);
    program made;
    change(made);
    made.write(path);
    const auto found = judge(path);
    CHECK(found.what == expected);
    CHECK(found.file == path);
    CHECK(linkage_refuses(found.what) == (expected > linkage_good));
    CHECK(std::string(linkage_explain(found.what)).size() > 10);
}

TEST_CASE("preload linkage: of a script its interpreter counts") {
    temporary_folder folder;
    const std::string path = folder.path / "script", other = folder.path / "other";
    struct row {
        const char* line;
        linkage expected;
        const char* file;
    };
    const auto [line, expected, file] = GENERATE(
        row{"#!/bin/sh", linkage_good, "/bin/sh"}, row{"#! \t/bin/sh -e", linkage_good, "/bin/sh"},
        row{"#!/usr/bin/env sh", linkage_good, "/usr/bin/env"},
        row{"#!/no/such/file", linkage_unknown, "/no/such/file"}, row{"#!", linkage_unknown, nullptr},
        row{"# no script", linkage_unknown, nullptr}, row{"", linkage_unknown, nullptr});
    INFO(line);
    write_script(path, line);
    CHECK(judge(path).what == expected);
    CHECK(judge(path).file == (file != nullptr ? file : path));
    write_script(other, "#!" + path);
    CHECK(judge(other).what == expected);
    write_script(path, "#!" + path); // round and round
    CHECK(judge(path).what == linkage_unknown);
}

TEST_CASE("preload linkage: with somebody else's privileges the loader takes no library") {
    if (geteuid() != 0)
        return skipped("only root can make such a program");
    temporary_folder folder;
    const std::string path = folder.path / "program";
    REQUIRE(chmod(folder.path.c_str(), 0755) == 0);
    program made;
    made.loader = own_loader();
    made.write(path);
    struct row {
        mode_t mode;
        uid_t owner;
        gid_t group;
        uid_t user;
        linkage expected;
    };
    const auto [mode, owner, group, user, expected] =
        GENERATE(row{04755, 0, 0, 0, linkage_good}, row{04755, 1, 0, 0, linkage_setuid},
                 row{04755, 0, 0, 1, linkage_setuid}, row{04755, 1, 0, 1, linkage_good},
                 row{02755, 0, 1, 0, linkage_setgid}, row{02755, 0, 0, 0, linkage_good},
                 row{00755, 1, 1, 0, linkage_good});
    REQUIRE(chown(path.c_str(), owner, group) == 0);
    REQUIRE(chmod(path.c_str(), mode) == 0);
    CHECK(in_child([&path, user = user, expected = expected] {
        return (user == 0 || setuid(user) == 0) && judge(path).what == expected;
    }));
}

TEST_CASE("preload linkage: a command is found as execvp(3) finds it") {
    temporary_folder folder;
    const std::string first = folder.path / "first", second = folder.path / "second";
    REQUIRE((mkdir(first.c_str(), 0755) == 0 && mkdir(second.c_str(), 0755) == 0));
    write_script(second + "/tool", "#!/bin/sh");
    std::ofstream(first + "/tool") << "not to be executed\n";
    REQUIRE(chmod((first + "/tool").c_str(), 0644) == 0);
    CHECK(in_child([&] {
        char path[256] = "";
        setenv("PATH", (first + ":" + second).c_str(), 1);
        const bool found = linkage_find("tool", path, sizeof path) && path == second + "/tool";
        const bool here = chdir(second.c_str()) == 0 && setenv("PATH", first.c_str(), 1) == 0 &&
                          !linkage_find("tool", path, sizeof path) && setenv("PATH", ":/nowhere", 1) == 0 &&
                          linkage_find("tool", path, sizeof path) &&
                          linkage_find("./tool", path, sizeof path);
        const bool none = !linkage_find("no-such-tool", path, sizeof path) &&
                          !linkage_find("", path, sizeof path) && !linkage_find("tool", path, 3) &&
                          !linkage_find(first.c_str(), path, sizeof path);
        return found && here && none && unsetenv("PATH") == 0 && linkage_find("sh", path, sizeof path);
    }));
}
