# SPDX-License-Identifier: BSL-1.0
"""config/snipass.schema.json, which an editor checks a snipass.toml with: it is what the reader says, takes every file that the reader takes,
and refuses every mistake of the reader's own tests that a schema can see."""

import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import tomllib
import unittest

import jsonschema

SOURCE = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(SOURCE / "tests" / "e2e"))
from harness import main  # noqa: E402

BUILD = pathlib.Path(os.environ["SNIPASS_BUILD_DIR"])
SCHEMA = json.loads((SOURCE / "config/snipass.schema.json").read_text())

# What a schema cannot see, by what the reader says of it.
OUT_OF_SIGHT = {
    r"no \[\[listener\]\]": "a file that another one includes has none",
    r"there is no backend|leads in a ring|leads to|is an answer|there is no \[tls\]": "what a name leads to, in another table",
    r"is what the listener at line|is what a listener or|is there already|is where snipass-tls takes clients|is the socket of a listener": "what another table has, too",
    r'error: [a-z_.]+: "\d+[A-Za-z]+" is out of range': "how much a text with a unit is",
    r"has bits behind its length": "how many bits of an address its length leaves",
    r"what no client offers|is QUIC's": "how protocols are spelt, where any text is one",
    r"a backslash or an escaped /|is compared in its normal form": "a path's normal form",
    r"nobody knows whose it is|a unix socket has no source address|is for a backend that is handed its clients|has no room for the socket|passes on requests of HTTP/1;":
        "what one value forbids another",
}


def uncommented(text):
    """With every setting taken into use."""
    return re.sub(r"(^|\n)#(?=[^ \n#])", r"\1", text)


class Schema(unittest.TestCase):
    def setUp(self):
        self.judge = jsonschema.Draft7Validator(SCHEMA)

    def problems(self, text):
        return [f"{'.'.join(map(str, one.absolute_path))}: {one.message[:200]}" for one in self.judge.iter_errors(tomllib.loads(text))]

    def test_it_is_what_the_reader_says(self):
        made = subprocess.run([sys.executable, SOURCE / "scripts/schema", "--print", BUILD / "snipass"], capture_output=True, text=True, check=True).stdout
        self.assertEqual(json.loads(made), SCHEMA, "config/snipass.schema.json is old; scripts/schema writes it anew")
        jsonschema.Draft7Validator.check_schema(SCHEMA)

    def test_it_explains_every_key_of_the_manual(self):
        page = (SOURCE / "docs/snipass.toml.5").read_text()
        explained = len(re.findall(r"\n\.TP\n\.B \w+\n", page))
        self.assertGreater(explained, 60)
        tables = [one.get("additionalProperties") or one.get("items", one) for one in SCHEMA["properties"].values()]
        self.assertEqual(sum("description" in key for table in tables for key in table.get("properties", {}).values()), explained)

    def test_every_example_fits(self):
        texts = {path.name: path.read_text() for path in (SOURCE / "config/examples").rglob("*.toml")}
        texts["snipass.toml"] = (SOURCE / "config/snipass.toml").read_text()
        texts["snipass.toml, all of it"] = uncommented(texts["snipass.toml"])
        for page in (SOURCE / "README.md", *(SOURCE / "docs").glob("*.md")):
            texts.update((f"{page.name} {number}", text) for number, text in enumerate(re.findall(r"```toml\n([^`]*)```", page.read_text())))
        self.assertGreater(len(texts), 15)
        for name, text in texts.items():
            self.assertEqual(self.problems(text), [], name)

    def rows(self):
        """Those of the reader's own tests: what is wrong, the file, and what the reader says."""
        with tempfile.NamedTemporaryFile("r", newline="", encoding="utf-8") as kept:
            subprocess.run([BUILD / "unit_tests", "*mistakes*,*is allowed*"], env={**os.environ, "SNIPASS_KEPT_ROWS": kept.name}, stdout=subprocess.DEVNULL, check=True)
            for row in kept.read().split("\x1e")[:-1]:
                name, text, *said = row.split("\x1f")
                yield name, text, [one for one in said if " error: " in one]

    def test_it_refuses_each_mistake_that_a_schema_can_see_and_nothing_else(self):
        seen = unseen = 0  # of the rows with mistakes
        for name, text, errors in self.rows():
            with self.subTest(row=name, text=text):
                problems = self.problems(text)
                in_sight = [one for one in errors if not any(re.search(words, one) for words in OUT_OF_SIGHT)]
                if not errors:
                    self.assertEqual(problems, [], "the reader takes it")
                elif in_sight:
                    self.assertNotEqual(problems, [], f"let the schema see it, or name it in OUT_OF_SIGHT: {in_sight}")
                seen, unseen = seen + bool(problems), unseen + bool(errors and not problems)
        print(f"{seen} rows are refused; of {unseen} a schema sees nothing")
        self.assertGreater(seen, 100)


if __name__ == "__main__":
    main()
