"""clients/PROTOCOL.md says what the sample messages say.

SPDX-License-Identifier: Apache-2.0
"""
import re
import unittest

from support import ROOT, vectors

TEXT = (ROOT / "clients" / "PROTOCOL.md").read_text()


def blocks(language):
    """(name, lines) of the fenced blocks of a language, e.g. ```hex row-f32."""
    for name, body in re.findall(rf"^```{language} (\S+)\n(.*?)^```$", TEXT, re.M | re.S):
        yield name, body.rstrip("\n").split("\n")


class ProtocolText(unittest.TestCase):
    def test_every_byte_shown_is_the_sample_messages(self):
        known = dict(vectors("out", "in", "rows"))
        names = []
        for name, lines in blocks("hex"):
            frames = []
            for line in lines:
                number, rest = line[:3].strip(), line[3:]
                if number:
                    self.assertEqual(int(number), len(frames) + 1, f"{name}: {line}")
                    frames.append(b"")
                # The comment begins at a column that no byte reaches.
                frames[-1] += bytes.fromhex(rest[:48])
            with self.subTest(name):
                self.assertEqual(frames, known[name]["frames"])
            names.append(name)
        self.assertGreaterEqual(len(names), 15)

    def test_every_json_shown_is_the_sample_messages(self):
        known = dict(vectors("out", "in", "request", "reply"))
        for name, lines in blocks("json"):
            with self.subTest(name):
                self.assertEqual("\n".join(lines).encode(), known[name]["frames"][-1])

    def test_every_kind_of_sample_is_shown(self):
        shown = {name for language in ("hex", "json") for name, _ in blocks(language)}
        for kind in ("words", "words-negative", "words-repeated", "bitmap", "bitmap-signed", "graded"):
            self.assertIn(f"spikes-{kind}", shown)
        for name in ("state", "bundle", "json", "meta", "status", "row-pairs", "row-f32-stamp",
                     "control-error", "control-batch", "control-notification"):
            self.assertIn(name, shown)


if __name__ == "__main__":
    unittest.main()
