#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Reads the documentation as a reader does: lines of at most 120 columns (tables, code and pictures aside), and every link to
a file or to a heading of ours leads somewhere. `--self-test` shows that a bad page is found."""

import argparse
import pathlib
import re
import subprocess
import sys
import tempfile

WIDTH = 120
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")


def prose(text):
    """The numbered lines outside of code blocks."""
    code = False
    for number, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith("```"):
            code = not code
        elif not code:
            yield number, line


def anchor(heading):
    """The fragment of a heading, as the usual Markdown servers make it."""
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading.lstrip("#").strip())
    return re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")


def anchors(page):
    return {anchor(line) for _, line in prose(page.read_text()) if line.startswith("#")}


def problem_of_link(page, target):
    if re.match(r"[a-z]+:", target):
        return None
    name, _, fragment = target.partition("#")
    file = (page.parent / name).resolve() if name else page
    if not file.exists():
        return f"there is no {target}"
    if fragment and file.suffix == ".md" and fragment not in anchors(file):
        return f"{file.name} has no heading #{fragment}"
    return None


def check_page(page):
    for number, line in prose(page.read_text()):
        if len(line) > WIDTH and not line.lstrip().startswith(("|", "![")):
            yield f"{page}:{number}: {len(line)} columns; at most {WIDTH}"
        for target in LINK.findall(re.sub(r"`[^`]*`", "", line)):
            problem = problem_of_link(page, target)
            if problem:
                yield f"{page}:{number}: {problem}"


def pages(root):
    names = subprocess.run(["git", "ls-files", "*.md"], cwd=root, capture_output=True, text=True, check=False).stdout.split()
    return [root / name for name in names] or sorted(root.glob("*.md")) + sorted(root.glob("docs/*.md"))


def self_test():
    with tempfile.TemporaryDirectory() as name:
        root = pathlib.Path(name)
        (root / "docs").mkdir()
        (root / "docs/other.md").write_text("# A heading, with `code`\n")
        page = root / "page.md"
        page.write_text(
            "[good](docs/other.md#a-heading-with-code) [far](https://example.com/)\n"
            "```\n" + "x" * 200 + "\n```\n| " + "x" * 200 + " |\n"
            "[gone](docs/gone.md)\n[no heading](docs/other.md#gone)\n" + "x" * 121 + "\n"
        )
        found = [int(problem.removeprefix(f"{page}:").split(":")[0]) for problem in check_page(page)]
    return [] if found == [6, 7, 8] else [f"expected problems in lines 6, 7 and 8, found them in {found}"]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("root", type=pathlib.Path, nargs="?")
    parser.add_argument("--self-test", action="store_true")
    arguments = parser.parse_args()
    problems = self_test() if arguments.self_test else [p for page in pages(arguments.root) for p in check_page(page)]
    print("\n".join(problems) or "every page is well")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
