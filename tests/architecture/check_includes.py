#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Reads the #include edges under include/ and src/ and fails on one that ARCHITECTURE.md does not allow.

Which module may include which stands in the table of ARCHITECTURE.md and nowhere else; which file may know a library
stands below. `--self-test` shows that wrong edges are found."""

import argparse
import pathlib
import re
import sys
import tempfile

# The pure core: no sockets, no clock, no threads, no output.
CORE = {"base", "tls", "ech", "http", "proxy_protocol", "opening", "route", "upgrade", "config"}
IMPURE = re.compile(
    r"<(sys/.*|arpa/inet\.h|random|filesystem|unistd\.h|pwd\.h|grp\.h|shadow\.h|net/if\.h|dirent\.h|poll\.h|fcntl\.h|netdb\.h|netinet/.*|pthread\.h|signal\.h|csignal|time\.h|ctime|thread|mutex|"
    r"atomic|condition_variable|future|iostream|fstream|cstdio|stdio\.h|spdlog/.*|boost/asio.*)>"
)
IMPURE_ALLOWED = {
    "src/config/files.cpp": {"<filesystem>"},  # load() reads files
    "src/config/opened_file.cpp": {"<fcntl.h>", "<sys/stat.h>", "<thread>", "<unistd.h>"},
    "src/base/ip_address.cpp": {"<arpa/inet.h>"},  # inet_pton(3), a pure function
    "src/route/name_index.cpp": {"<random>"},  # the hash's key, so that nobody can choose names that collide
}

# Libraries that only some may know. A value is a file, or a module with a slash behind it.
LIBRARIES = {
    "toml++/": ["src/config/toml.cpp"],
    "idn2.h": ["src/base/ascii_form.cpp"],
    "re2/": ["src/route/regex_set.cpp"],
    "spdlog/": ["telling/"],
    "CLI/": ["src/main.cpp", "src/tls_main.cpp", "src/ech_main.cpp"],
    "boost/asio": ["process/", "operating/", "src/asio.cpp", "include/snipass/acceptor.hpp", "include/snipass/acceptor_state.hpp",
                    "include/snipass/kernel_tls.hpp"],
    "boost/beast": ["operating/"],
    "ares": ["src/net/dns_question.cpp"],
    "openssl/": ["src/tls/ja4.cpp", "src/delivery/aead.cpp", "include/snipass/openssl.h", "include/snipass/openssl_ech.h", "certificates/", "ech_keys/", "terminate/", "live/"],
}

# What runs in the backends' processes, apart from the router. The public headers right under include/snipass are libsnipass's.
FOR_BACKENDS = {"libsnipass", "preload", "run"}

# What runs on both sides: the receiver's steps, of which a router is one, too.
ON_BOTH_SIDES = {"handoff"}

INCLUDE = re.compile(r'^\s*#\s*include\s+([<"])([^>"]+)[>"]', re.MULTILINE)


def read_table(root):
    """The modules in order, and what each may include."""
    allowed = {}
    for line in (root / "ARCHITECTURE.md").read_text().splitlines():
        row = re.fullmatch(r"\| `(\w+)` \|[^|]*\|([^|]*)\|", line.strip())
        if not row:
            continue
        module, may = row.groups()
        names = {name.strip() for name in may.split(",")}
        allowed[module] = set(allowed) if "all above" in names else names & set(allowed)  # only upwards
        allowed[module].add(module)
    return allowed


def module_of(path):
    """`path` is relative to the root: include/snipass/MODULE/..., src/MODULE/..., src/main.cpp."""
    parts = path.parts
    inner = parts[2:] if parts[0] == "include" else parts[1:]
    if len(inner) > 1:
        return inner[0]
    if parts[0] == "include":
        return "libsnipass"
    return path.stem  # main, asio


def own_header(root, path):
    """What a source includes that has a header of its own name; or nothing."""
    public = pathlib.Path("snipass", *path.with_suffix(".hpp").parts[1:])
    if (root / "include" / public).is_file():
        return str(public)
    beside = path.with_suffix(".hpp")
    return beside.name if (root / beside).is_file() else None


def check_file(root, path, allowed):
    module = module_of(path)
    if module == "asio":
        allowed = {**allowed, "asio": set()}
    if module not in FOR_BACKENDS and module not in allowed:
        return [f"{path}: module {module} is not in the table of ARCHITECTURE.md"]
    problems = []
    includes = INCLUDE.findall((root / path).read_text())
    own = own_header(root, path) if path.suffix == ".cpp" else None
    if own and includes[:1] != [('"', own)]:
        problems.append(f"{path}: its own header comes first, so that it is known to compile alone")
    for kind, name in includes:
        shown = f"<{name}>" if kind == "<" else f'"{name}"'
        problems += [f"{path}: {problem}" for problem in check_edge(root, path, module, kind, name, shown, allowed)]
    return problems


def check_edge(root, path, module, kind, name, shown, allowed):
    for prefix, users in LIBRARIES.items():
        if name.startswith(prefix) and str(path) not in users and module + "/" not in users:
            yield f"{shown} is for {', '.join(users)} only"
    if kind == "<" and module in CORE and IMPURE.fullmatch(shown) and shown not in IMPURE_ALLOWED.get(str(path), ()):
        yield f"{shown} in the pure core ({', '.join(sorted(CORE))})"

    if name.startswith("snipass/"):
        target = pathlib.Path("include") / name
        if not (root / target).is_file():
            yield f"{shown} is not there"
        elif module in FOR_BACKENDS or module_of(target) in FOR_BACKENDS:
            if not FOR_BACKENDS | ON_BOTH_SIDES >= {module, module_of(target)} or module in ON_BOTH_SIDES:
                yield f"{shown}: what runs in backends and the router do not know each other"
        elif module_of(target) not in allowed[module]:
            yield f"{shown}: {module} may not include {module_of(target)}"
    elif kind == '"' and module in FOR_BACKENDS and name.startswith(("../libsnipass/", "../preload/")):
        return  # the preload library brings its own copy; what its loader takes, snipass-run asks, too
    elif kind == '"' and ("/" in name or not (root / path.parent / name).is_file()):
        yield f"{shown}: a private header lies beside the file that includes it"


def unused(root, files, allowed):
    """What the table allows and nobody does: an arrow that would come back unseen."""
    used = {(module_of(path), module_of(pathlib.Path("include") / name))
            for path in files for kind, name in INCLUDE.findall((root / path).read_text()) if name.startswith("snipass/")}
    return [f"ARCHITECTURE.md: {module} may include {other}, and does not"
            for module, others in allowed.items() if module not in ("process", "server")
            for other in sorted(others - {module}) if (module, other) not in used]


def check(root):
    allowed = read_table(root)
    if len(allowed) < 5:
        return ["ARCHITECTURE.md has no table of modules"]
    files = [p for top in ("include", "src") for p in (root / top).rglob("*") if p.suffix in {".hpp", ".cpp", ".h", ".c"}]
    if not files:
        return ["no source files"]
    files = sorted(file.relative_to(root) for file in files)
    return [problem for file in files for problem in check_file(root, file, allowed)] + unused(root, files, allowed)


TABLE = """
| module | holds | may include |
| --- | --- | --- |
| `base` | x | - |
| `tls` | x | base |
| `route` | x | base |
| `config` | x | route, base |
| `os` | x | base |
| `handoff` | x | - |
| `net` | x | tls, route, os, handoff, base |
| `server` | x | all above |
| `main` | x | server, config, base |
"""

# file, its text, what is wrong with it (empty: nothing)
SELF_TEST = [
    ("include/snipass/base/a.hpp", "#include <string>\n", ""),
    ("include/snipass/tls/t.hpp", '#include "snipass/base/a.hpp"\n', ""),
    ("include/snipass/net/n.hpp", "#include <unistd.h>\n", ""),
    ("src/net/asio.cpp", "#include <boost/asio/error.hpp>\n", "is for process/, operating/, src/asio.cpp"),
    ("src/server/s.cpp", '#include "snipass/net/n.hpp"\n#include "snipass/tls/t.hpp"\n', ""),
    ("src/tls/p.hpp", "", ""),
    ("src/tls/good.cpp", '#include "p.hpp"\n', ""),
    ("src/main.cpp", "#include <CLI/CLI.hpp>\n", ""),
    ("include/snipass/lib.h", "", ""),
    ("src/libsnipass/l.c", "#include <snipass/lib.h>\n#include <unistd.h>\n", ""),
    ("include/snipass/handoff/h.h", "", ""),
    ("src/handoff/h.c", '#include "snipass/handoff/h.h"\n#include <sys/socket.h>\n', ""),
    ("src/net/both.cpp", '#include "snipass/handoff/h.h"\n', ""),
    ("src/libsnipass/both.c", '#include "snipass/handoff/h.h"\n', ""),
    ("src/handoff/rim.c", '#include "snipass/net/n.hpp"\n', "handoff may not include net"),
    ("src/handoff/lib.c", '#include "snipass/lib.h"\n', "do not know each other"),
    ("src/tls/handoff.cpp", '#include "snipass/handoff/h.h"\n', "tls may not include handoff"),
    ("src/base/up.cpp", '#include "snipass/tls/t.hpp"\n', "base may not include tls"),
    ("src/route/side.cpp", '#  include "snipass/tls/t.hpp"\n', "route may not include tls"),
    ("src/config/skip.cpp", '#include <snipass/net/n.hpp>\n', "config may not include net"),
    ("src/base/impure.cpp", "#include <sys/socket.h>\n", "in the pure core"),
    ("src/config/users.cpp", "#include <pwd.h>\n", "in the pure core"),
    ("src/tls/clock.cpp", "#include <ctime>\n", "in the pure core"),
    ("src/config/toml.hpp", "#include <toml++/toml.h>\n", "src/config/toml.cpp only"),
    ("src/os/asio.cpp", "#include <boost/asio/post.hpp>\n", "is for process/, operating/, src/asio.cpp"),
    ("src/net/far.cpp", '#include "../tls/p.hpp"\n', "lies beside the file"),
    ("src/net/lost.cpp", '#include "p.hpp"\n', "lies beside the file"),
    ("src/preload/p.c", '#include "../libsnipass/l.h"\n#include <snipass/lib.h>\n', ""),
    ("src/preload/up.c", '#include "../tls/p.hpp"\n', "lies beside the file"),
    ("include/snipass/net/own.hpp", "", ""),
    ("src/net/own.cpp", '#include "snipass/net/n.hpp"\n#include "snipass/net/own.hpp"\n', "its own header comes first"),
    ("src/net/beside.hpp", "", ""),
    ("src/net/beside.cpp", "#include <string>\n", "its own header comes first"),
    ("src/net/gone.cpp", '#include "snipass/net/gone.hpp"\n', "is not there"),
    ("src/extra/x.cpp", "", "not in the table"),
    ("src/libsnipass/bad.c", '#include "snipass/base/a.hpp"\n', "do not know each other"),
    ("src/server/lib.cpp", '#include "snipass/lib.h"\n', "do not know each other"),
]


def self_test():
    with tempfile.TemporaryDirectory() as name:
        root = pathlib.Path(name)
        (root / "ARCHITECTURE.md").write_text(TABLE)
        for path, text, _ in SELF_TEST:
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text)
        found = check(root)
    wrong = [] if "ARCHITECTURE.md: net may include base, and does not" in found else ["an unused arrow is not found"]
    for path, _, expected in SELF_TEST:
        mine = [problem for problem in found if problem.startswith(path + ":")]
        if bool(expected) != bool(mine) or any(expected not in problem for problem in mine):
            wrong.append(f"{path}: expected {expected or 'nothing'!r}, found {mine}")
    return wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("root", type=pathlib.Path, nargs="?")
    parser.add_argument("--self-test", action="store_true")
    arguments = parser.parse_args()
    problems = self_test() if arguments.self_test else check(arguments.root)
    print("\n".join(problems) or "every #include is allowed")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
