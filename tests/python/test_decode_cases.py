"""The live decoder against tests/clients/decode_cases.txt, which the C client is held against too; what a
line of it means, its head says.

SPDX-License-Identifier: Apache-2.0
"""
import json
import unittest

import numpy as np

from support import ROOT, with_library

import spiked
from spiked import Flags, live, wire

CASES = ROOT / "tests" / "clients" / "decode_cases.txt"
CHANNELS, EPOCH, SLACK = 2, 0x4D, 1e-4


class Scene:
    """A daemon with one stream, and who subscribes to it."""

    def __init__(self, options, range_, encode):
        self.window = int(options.get("window", 0))
        self.empty, self.on_stale = options.get("empty") != "0", options.get("on_stale", "hold")
        self.range, self.encode = range_, encode
        entry = {"channels": CHANNELS, "window": self.window, "encode": encode}
        self.pipeline = spiked.Pipeline(entry if range_ is None else {**entry, "range": range_}, name="s")
        self.decoding, self.topics = None, []
        self.tick, self.missed, self.origin, self.flags = 0, 0, None, Flags(0)
        self.bound, self.row, self.latched, self.before, self.values = np.inf, None, None, None, None
        self.block = self.told = None

    def meta(self):
        stages = [self._stage(each) for each in self.encode]
        if self.range is not None:
            stages.insert(0, {"stage": "range", "as": "range", "output": "values", "params": self.range})
        self.decoding.see(wire.Document(topic="meta/s/", data={
            "stream": "s", "epoch": f"{EPOCH:016x}", "channels": CHANNELS, "lines": self.pipeline.lines,
            "window": self.window, "dt_ns": 1000000, "empty": self.empty, "range": self.range, "pipeline": stages,
            "input": {"on_stale": self.on_stale}}))

    @staticmethod
    def _stage(each):
        name, params = (each, {}) if isinstance(each, str) else next(iter(each.items()))
        return {"stage": name, "as": name, "output": "spikes", "params": params}

    def join(self):
        self.decoding = live.Decoding(0.0, self.topics.append, self.topics.remove)
        self.decoding.subscribed("spikes/s/")
        self.meta()

    def see(self, topic, **fields):
        frame = wire.Frame(topic=topic, tick=self.tick, flags=self.flags, epoch=EPOCH, **fields)
        self.decoding.see(frame)
        return frame

    def send(self, lines, values, fare):
        """Hands a tick to the subscriber, if it gets it; values/ if it wanted them before."""
        sent, wanted = self.empty or bool(lines.any()), "values/s/" in self.topics
        if self.decoding is None or fare != "run":
            self.missed += sent and fare == "lose"
            return
        if sent:
            at = np.nonzero(lines)[0]
            graded, many = self.pipeline.output == "graded", np.abs(lines[at]).astype(int)
            at = at if graded else np.repeat(at, many)
            self.told = self.see("spikes/s/", line_count=len(lines), lines=at.astype(np.uint32), count=len(at),
                                 missed=self.missed, signs=np.sign(lines[at]).astype(np.int8),
                                 values=lines[at].astype(np.float32) if graded else None,
                                 format="graded" if graded else "words")
            self.missed = 0
            self.check()
        if wanted:
            self.see("values/s/", kind="values", format="f32", line_count=CHANNELS, values=values)

    def check(self):
        """What is known is near the row of its window, or, early in it, of the one before."""
        if self.told.decoded is None or self.latched is None:
            return
        off = np.abs(self.told.decoded - self.latched)
        if self.window:
            off = np.minimum(off, np.abs(self.told.decoded - self.before))
        if not (off[~np.isnan(off)] <= self.bound + SLACK).all():
            raise AssertionError(f"tick {self.tick}: {self.told.decoded} for {self.latched}")

    def go(self, fare, stale=False):
        if stale or self.row is None:
            self.flags |= Flags.STALE
        if Flags.RESET in self.flags:
            self.pipeline.reset()
            self.origin = None
        if self.row is None or (stale and self.on_stale == "silence"):
            self.send(np.zeros(self.pipeline.lines), self.values, fare)
        else:
            at = 0
            if self.window:
                self.origin = self.tick if self.origin is None else self.origin
                at = (self.tick - self.origin) % self.window
            if at == 0:
                if self.window:
                    self.flags |= Flags.WINDOW
                self.before, self.latched = self.latched if self.latched is not None else 0 * self.row, self.row
                self.block = self.pipeline.run(self.row[np.newaxis], mapped=True)
            self.values = self.block.mapped[at]
            self.send(self.block.lines[at], self.values, fare)
        self.flags = Flags(0)
        self.tick += 1

    def ramp(self, to, ticks):
        start = self.row
        for step in range(1, ticks + 1):
            self.row = (start + (to - start) * np.float32(step) / np.float32(ticks)).astype(np.float32)
            self.go("run")

    def expect(self, what, word):
        decoded = self.told.decoded if self.told is not None else None
        known = 0 if decoded is None else int((~np.isnan(decoded)).sum())
        wanted = {"known": range(CHANNELS, CHANNELS + 1), "unknown": range(1), "partly": range(1, CHANNELS)}[what]
        why = self.told.undecoded
        if known not in wanted or bool(why) != bool(word) or not why.endswith(live.WAITS.get(word, "")):
            raise AssertionError(f"{known} of the values are known at tick {self.tick - 1}: {why!r}")

    def act(self, words):
        what = words[0]
        if what == "bound":
            self.bound = float(words[1])
        elif what == "row":
            self.row = np.array(words[1:], np.float32)
        elif what == "ramp":
            self.ramp(np.array(words[1:3], np.float32), int(words[3]))
        elif what == "join":
            self.join()
        elif what in ("run", "lose", "away", "stale"):
            for _ in range(int(words[1])):
                self.go("run" if what == "stale" else what, what == "stale")
        elif what == "skip":
            self.tick, self.flags = self.tick + int(words[1]), self.flags | Flags.GAP
        elif what == "back":
            self.tick -= int(words[1])
            self.pipeline.reset()
        elif what == "reset":
            self.flags |= Flags.RESET
        elif what == "restore":
            self.pipeline.reset()
            self.pipeline.run(np.repeat(self.row[np.newaxis], 33, 0))
            self.flags |= Flags.RESTORED
        elif what == "set":
            self.pipeline.set(int(words[1]), words[2], words[3])
            self.encode = json.loads(" ".join(words[4:]))
            self.meta()
        elif what in ("known", "partly", "unknown"):
            self.expect(what, words[1] if len(words) > 1 else "")
        else:
            raise AssertionError(f"{' '.join(words)!r} is no line of a case")


def cases():
    """(text, what the stream is, [(number, words)]) of each case."""
    text, head, rest = "", {}, []
    for number, line in enumerate(CASES.read_text().splitlines() + [""], 1):
        words = line.split()
        if line.startswith("#"):
            continue
        if not words:
            if text:
                yield text, head, rest
            text, head, rest = "", {}, []
        elif words[0] == "case":
            text = line[5:]
        elif words[0] in ("stream", "range", "encode"):
            head[words[0]] = " ".join(words[1:])
        else:
            rest.append((number, words))


@with_library
class Cases(unittest.TestCase):
    def test_every_case(self):
        count = 0
        for text, head, rest in cases():
            count += 1
            scene = Scene(dict(each.split("=") for each in head["stream"].split()),
                          json.loads(head["range"]) if "range" in head else None, json.loads(head["encode"]))
            for number, words in rest:
                with self.subTest(text, line=number):
                    scene.act(words)
        self.assertGreater(count, 30)


if __name__ == "__main__":
    unittest.main()
