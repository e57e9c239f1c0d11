#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Every source file under git's control names its licence in its first two lines."""

import pathlib
import subprocess
import sys

SUFFIXES = {".cpp", ".hpp", ".c", ".h", ".py", ".js", ".go", ".rs"}
LINE = "SPDX-License-Identifier: BSL-1.0"


def is_source(path, head):
    return path.suffix in SUFFIXES or head.startswith(b"#!")


def main():
    top = pathlib.Path(sys.argv[1])
    listed = subprocess.run(["git", "-C", top, "ls-files", "-z"], capture_output=True, text=True, check=False)
    if listed.returncode != 0:
        print("skipped: no git here, which knows what is ours")
        return 77
    missing = []
    for name in filter(None, listed.stdout.split("\0")):
        path = top / name
        if path.is_file() and not path.is_symlink():
            with path.open("rb") as file:
                head = file.read(400)
            if is_source(path, head) and not any(LINE.encode() in line for line in head.splitlines()[:2]):
                missing.append(name)
    for name in missing:
        print(f"{name}: its first line (the second, under #!) is: // {LINE}")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
