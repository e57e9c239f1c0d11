# SPDX-License-Identifier: BSL-1.0
"""What bash, zsh and fish complete: what --help says, as the shells themselves answer."""

import os
import pathlib
import pty
import re
import select
import subprocess
import sys
import tempfile
import time
import unittest

SOURCE = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(SOURCE / "tests" / "e2e"))
from harness import DEADLINE, main  # noqa: E402

BUILD = pathlib.Path(os.environ["SNIPASS_BUILD_DIR"])
COMPLETIONS = SOURCE / "config/completions"


def help_of(*words):
    return subprocess.run([BUILD / words[0], *words[1:], "--help"], capture_output=True, text=True, check=True).stdout


def options_of(*words):
    return set(re.findall(r"--[a-z][a-z-]*[a-z]", "\n".join(line for line in help_of(*words).splitlines() if re.match(r"(usage:)? +(-h,|--|\[--|snipass-run)", line))))


def commands_of(program):
    return set(re.findall(r"(?m)^  ([a-z]+) ", help_of(program).partition("Subcommands:")[2]))


class Files(unittest.TestCase):
    def test_they_are_what_the_programs_say(self):
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run([sys.executable, SOURCE / "scripts/completions", "--to", folder, BUILD], check=True)
            made = {path.name: path.read_text() for path in pathlib.Path(folder).iterdir()}
        kept = {path.name: path.read_text() for path in COMPLETIONS.iterdir()}
        self.assertEqual(made, kept, "config/completions is old; scripts/completions writes it anew")
        self.assertEqual(len(made), 12)


class Shell:
    """The same questions to each shell; complete(line) are the words that it offers."""

    def complete(self, line):
        raise NotImplementedError

    def test_commands(self):
        for program in ("snipass", "snipass-tls", "snipass-ech"):
            commands = commands_of(program)
            self.assertTrue({"run"} <= commands)
            self.assertEqual(commands - self.complete(f"{program} "), set())
        self.assertEqual(self.complete("snipass expl"), {"explain"})

    def test_options_of_each_command(self):
        for words in ((program, command) for program in ("snipass", "snipass-tls", "snipass-ech") for command in commands_of(program)):
            self.assertEqual(options_of(*words) - self.complete(f"{' '.join(words)} --"), set(), words)
        self.assertEqual({"--listen", "--from", "--confine", "--check", "--may-bind"} - self.complete("snipass-run --"), set())

    def test_files(self):
        self.assertIn("mine.toml", self.complete("snipass check --config mi"))
        self.assertIn("mine.toml", self.complete("snipass check mi"))
        self.assertNotIn("mine.toml", self.complete("snipass explain --source mi"))


class InFolder(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        (self.folder / "mine.toml").write_text("[[listener]]\n[backend.blog]\n[backend.shop]\n")

    def ask(self, *argv):
        return subprocess.run([*argv], cwd=self.folder, env={**os.environ, "HOME": str(self.folder)}, capture_output=True, text=True, timeout=DEADLINE, check=True).stdout


class Bash(Shell, InFolder):
    def complete(self, line):
        words = line.split(" ")
        quoted = " ".join(f"'{word}'" for word in words)
        function = "_" + words[0].replace("-", "_")
        script = f"source {COMPLETIONS / words[0]}.bash; COMP_WORDS=({quoted}); COMP_CWORD={len(words) - 1}; {function}; printf '%s\\n' \"${{COMPREPLY[@]}}\""
        return set(self.ask("bash", "-c", script).split())


    def test_backends_are_those_of_the_file(self):
        self.assertEqual(self.complete("snipass drain --config mine.toml "), {"blog", "shop"})
        self.assertEqual(self.complete("snipass sessions --config mine.toml --backend s"), {"shop"})


class Fish(Shell, InFolder):
    def complete(self, line):
        script = f"for file in {COMPLETIONS}/*.fish; source $file; end; complete -C '{line}'"
        return {one.split("\t")[0] for one in self.ask("fish", "--no-config", "-c", script).splitlines()}


class Zsh(Shell, InFolder):
    """Only its line editor completes, so it has a terminal; a widget in place of the list says what would be in it."""

    SETUP = r"""
PS1=; unsetopt zle_bracketed_paste beep; fpath=({completions} $fpath); autoload -Uz compinit; compinit -D -u
zstyle ':completion:*' completer _complete
compadd() {{
    if [[ ${{@[1,(i)(-|--)]}} = *-(O|A|D)* ]]; then builtin compadd "$@"; return; fi
    local -a offered; builtin compadd -A offered "$@"
    (( $#offered )) && print -rl -- $offered >>{answers}
    builtin compadd "$@"
}}
offer() {{ BUFFER=$(<{question}); CURSOR=$#BUFFER; zle complete-word; BUFFER=; print done >>{answers} }}
zle -N offer; bindkey '^T' offer
print ready >>{answers}
"""

    def complete(self, line):
        question, answers = self.folder / ".question", self.folder / ".answers"
        question.write_text(line)
        answers.write_text("")
        (self.folder / ".zshrc").write_text(self.SETUP.format(completions=COMPLETIONS, answers=answers, question=question))
        pid, terminal = pty.fork()
        if pid == 0:
            os.chdir(self.folder)
            os.execvpe("zsh", ["zsh", "-i"], {**os.environ, "ZDOTDIR": str(self.folder), "TERM": "dumb"})
        try:
            self.wait_for(terminal, answers, "ready")
            os.write(terminal, b"\x14")
            self.wait_for(terminal, answers, "done")
        finally:
            os.kill(pid, 9)
            os.waitpid(pid, 0)
            os.close(terminal)
        return set(answers.read_text().split()) - {"ready", "done"}

    def test_backends_are_those_of_the_file(self):
        self.assertTrue({"blog", "shop"} <= self.complete("snipass drain --config mine.toml "))
        self.assertEqual(self.complete("snipass sessions --config mine.toml --backend s"), {"shop"})

    def wait_for(self, terminal, answers, word):
        shown, end = b"", time.monotonic() + DEADLINE
        while word not in answers.read_text().split():
            self.assertLess(time.monotonic(), end, shown.decode(errors="replace"))
            if select.select([terminal], [], [], 0.05)[0]:
                shown += os.read(terminal, 65536)


if __name__ == "__main__":
    main()
