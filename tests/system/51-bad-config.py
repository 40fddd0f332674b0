#!/usr/bin/python3
"""A wrong configuration is refused with file, line, column and what to do, and nothing is opened.

SPDX-License-Identifier: Apache-2.0
"""
import os
import re
import tempfile
from pathlib import Path

import harness as h

GOOD = """clock: wall
dt: 1 ms
streams:
  - name: imu
    channels: 6
    input: {type: f32, stale_after: 100 ms}
    range: {lo: -20, hi: 20}
    encode:
      - population: {out_features: 16}
      - poisson: {f_max: 200 Hz}
"""

# (what to replace, by what, line of the fault, words that must be in the message)
FAULTS = [
    ("clock: wall", "clock: walls", 1, ["wall"]),
    ("clock: wall", "clok: wall", 1, ["clok", "clock"]),
    ("dt: 1 ms", "dt: 0", 2, ["dt"]),
    ("dt: 1 ms", "dt: -1 ms", 2, ["dt"]),
    ("dt: 1 ms", "dt: 1 ns", 2, ["dt"]),
    ("dt: 1 ms", "dt: 86400 s", 2, ["dt"]),
    ("dt: 1 ms", "dt: nan", 2, ["dt"]),
    ("dt: 1 ms", "dt: 1 parsec", 2, ["parsec"]),
    ("name: imu", "name: im u", 4, ["im u"]),
    ("name: imu", "name: ''", 4, ["name"]),
    ("name: imu", "name: imü", 4, ["name"]),
    ("name: imu", f"name: {'x' * 65}", 4, ["64"]),
    ("name: imu", "nane: imu", 4, ["nane", "name"]),
    ("channels: 6", "channels: 0", 5, ["channels"]),
    ("channels: 6", "channels: -6", 5, ["channels"]),
    ("channels: 6", "channels: 6.5", 5, ["channels"]),
    ("channels: 6", "channels: [6]", 5, ["channels"]),
    ("channels: 6", "channels: 99999999999999999999", 5, ["channels"]),
    ("channels: 6", "channels: 6\n    channels: 7", 6, ["channels"]),
    ("channels: 6", "channels: 6\n    names: [a, b]", 6, ["names"]),
    ("channels: 6", "channels: 6\n    shape: [2, 4]", 6, ["shape"]),
    ("channels: 6", "channels: 6\n    window: -1", 6, ["window"]),
    ("type: f32", "type: f33", 6, ["f33", "f32"]),
    ("stale_after: 100 ms", "stale_after: soon", 6, ["stale_after"]),
    ("stale_after: 100 ms", "mode: queu", 6, ["queue"]),
    ("lo: -20", "lo: 20", 7, ["lo"]),
    ("lo: -20", "lo: -inf", 7, ["lo"]),
    ("hi: 20", "hj: 20", 7, ["hj"]),
    ("population:", "populaton:", 9, ["populaton", "population"]),
    ("out_features: 16", "out_features: 0", 9, ["out_features"]),
    ("out_features: 16", "out_feature: 16", 9, ["out_features"]),
    ("f_max: 200 Hz", "f_max: -1", 10, ["f_max"]),
    ("f_max: 200 Hz", "f_max: .inf", 10, ["f_max"]),
    ("f_max: 200 Hz", "f_max: 200 ms", 10, ["f_max"]),
    ("f_max: 200 Hz", "f_max: {a: 1}", 10, ["f_max"]),
    ("f_max: 200 Hz}", "f_max: 200 Hz}\n      - population: {out_features: 3}", 11, ["population"]),
    ("      - poisson: {f_max: 200 Hz}\n", "      - poisson: {f_max: [1, 2, 3}\n", 10, []),
    ("      - poisson", "\t- poisson", 10, []),
    ("streams:", "streams: &a\n  - *b", 4, []),
]


class Folder:
    def __enter__(self):
        self.held = tempfile.TemporaryDirectory(prefix="spiked-test-")
        self.path = Path(self.held.name) / "robot.yaml"
        return self

    def __exit__(self, *_):
        self.held.cleanup()

    def check(self, content, *more):
        self.path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return h.run("--check", "-c", str(self.path), *more)


def said(result):
    return result.stderr + result.stdout


def a_good_file_passes():
    with Folder() as folder:
        result = folder.check(GOOD)
        h.equal("exit code 0", result.returncode, 0)
        h.claim("nothing was written", os.listdir(folder.held.name) == ["robot.yaml"])


def faults_are_told_with_their_place():
    with Folder() as folder:
        for old, new, line, words in FAULTS:
            if old not in GOOD:
                raise h.Failed(f"the test's own text has no '{old}'")
            result = folder.check(GOOD.replace(old, new, 1))
            text = said(result)
            places = [int(n) for n in re.findall(r"robot\.yaml:(\d+):\d+", text)]
            shown = new.strip().splitlines()[-1][:50]
            if result.returncode != 1 or line not in places or not all(word in text for word in words):
                raise h.Failed(f"'{shown}': exit {result.returncode}, wanted line {line} and {words}: {text}")
            h.claim(f"{shown}: {text.strip().splitlines()[0].split('/')[-1][:110]}", True)


def all_faults_are_told_at_once():
    with Folder() as folder:
        text = GOOD.replace("channels: 6", "channels: 0").replace("f_max", "fmax").replace("clock: wall", "clock: no")
        lines = {int(n) for n in re.findall(r"robot\.yaml:(\d+):", said(folder.check(text)))}
        h.claim("three faults on lines 1, 5, 10", {1, 5, 10} <= lines, lines)
        twice = GOOD + GOOD.split("streams:\n")[1]
        result = folder.check(twice)
        h.claim("a name twice", result.returncode == 1 and "imu" in said(result), said(result))


def files_that_are_no_configuration():
    with Folder() as folder:
        for name, content in (("empty", b""), ("binary", bytes(range(256)) * 20), ("a text", b"hello"), ("a list", b"- 1\n- 2\n"),
                              ("zeros", b"\0" * 4096), ("an open quote", b"clock: 'wall"), ("deep", b"[" * 20000),
                              ("latin-1", "dt: 1 ms # \xe9".encode("latin-1")), ("two documents", GOOD.encode() + b"---\n" + GOOD.encode()),
                              ("bombs", b"a: &a [x,x,x,x,x,x,x,x]\n" + b"".join(
                                  b"%c: &%c [%s]\n" % (98 + i, 98 + i, b",".join([b"*%c" % (97 + i)] * 8)) for i in range(12)))):
            result = folder.check(content)
            h.claim(f"{name}: refused", result.returncode == 1 and said(result), f"exit {result.returncode} {said(result)[:200]}")
        result = h.run("--check", "-c", folder.held.name + "/missing.yaml")
        h.claim("a missing file", result.returncode == 1 and "missing.yaml" in said(result), said(result))
        result = h.run("--check", "-c", folder.held.name)
        h.claim("a folder", result.returncode == 1 and said(result), said(result))


def start_refuses_what_check_refuses():
    with Folder() as folder:
        folder.path.write_text(GOOD.replace("channels: 6", "channels: 0"))
        result = h.run("-c", str(folder.path))
        h.claim("start ends with an error", result.returncode not in (0, -6, -11), result.returncode)
        h.claim("and the same place", "robot.yaml:5:" in said(result), said(result))


h.main(a_good_file_passes, faults_are_told_with_their_place, all_faults_are_told_at_once,
       files_that_are_no_configuration, start_refuses_what_check_refuses)
