"""The speech demo: sound, a cochlea, spiked, and the raster that comes back. Started by `run`.

SPDX-License-Identifier: Apache-2.0
"""
import collections
import time
from pathlib import Path

import numpy as np

from cochlea import Cochlea
from live import Fault, Live, options, run, say
from screen import Screen, marks
from sound import Loop, Microphone, read, voice
from spiked import Receiver, Sender, Silence

HERE = Path(__file__).resolve().parent
RATE = 16000
BANDS, LOW_DB, HIGH_DB = 64, -75, -20  # as in spiked.yaml
DT_NS = 1_000_000
HOP = RATE * DT_NS // 1_000_000_000    # samples a tick
BLOCK = 20 * HOP                       # samples that are sent together
ROW_TICKS = 40                         # ticks that a row of text covers
KEPT = 60_000                          # rows that are remembered: a minute
LEAST = 0.7                            # correlation of level and spikes; chance is near 0


class Heard:
    """Levels that were sent and spikes that came back, of the last minute, on the same ticks: the daemon says
    of each tick which row it used."""

    def __init__(self):
        self.zero_ns = 0  # source time of row 0
        self.sent_rows = self.rows = 0  # sent, and up to which spikes have come
        self.levels, self.spikes = np.zeros((KEPT, BANDS), np.float32), np.zeros((KEPT, BANDS), np.int8)  # row % KEPT
        self.total = self.ticks = 0
        self.ages_ms = collections.deque(maxlen=KEPT)

    def sent(self, rows):
        """The source time of these rows: that of the very first is real, the others are dt apart, so that a
        time names its row."""
        self.zero_ns = self.zero_ns or time.time_ns() - len(rows) * DT_NS
        first, at = self.sent_rows, np.arange(self.sent_rows, self.sent_rows + len(rows)) % KEPT
        self.levels[at], self.spikes[at] = rows, 0
        self.sent_rows += len(rows)
        return self.zero_ns + first * DT_NS

    def came(self, frame):
        self.total += frame.count
        self.ticks += 1
        row = (frame.source_ns - self.zero_ns) // DT_NS
        if frame.source_ns and self.sent_rows - KEPT <= row < self.sent_rows:
            self.spikes[row % KEPT, frame.lines] += 1
            self.rows = max(self.rows, row + 1)
            self.ages_ms.append((time.time_ns() - frame.source_ns) / 1e6)

    def remembered(self):
        """Levels and spikes of the rows that have come back, in order."""
        at = np.arange(max(0, self.sent_rows - KEPT), self.rows) % KEPT
        return self.levels[at], self.spikes[at]

    def correlation(self):
        """Of loudness and spikes over bands and pieces of 40 ms; NaN while there is too little."""
        levels, spikes = self.remembered()
        pieces = len(levels) // ROW_TICKS
        if pieces < 10:
            return float("nan")

        def averaged(rows):
            return rows[:pieces * ROW_TICKS].reshape(pieces, ROW_TICKS, BANDS).mean(axis=1).ravel()
        levels, spikes = averaged(np.clip(levels, LOW_DB, HIGH_DB)), averaged(spikes)
        return float(np.corrcoef(levels, spikes)[0, 1]) if levels.std() and spikes.std() else float("nan")


def header(centres, what):
    """Frequencies over the columns of the raster."""
    scale = [" "] * (BANDS + 4)
    for hz in (100, 250, 500, 1000, 2000, 4000):
        at = int(np.abs(centres - hz).argmin())
        scale[at:at + len(f"{hz}")] = f"{hz}"
    return [f"{what} -> {BANDS} gammatone filters -> lif", "    s |" + "".join(scale).rstrip() + " Hz",
            "------|" + "-" * BANDS + "|loud"]


def demo():
    wanted = options("speech", ("--wav", {}), ("--mic", {"nargs": "?", "const": ""}))
    cochlea, heard = Cochlea(RATE, HOP, BANDS), Heard()
    with Live("speech", HERE / "spiked.yaml", wanted.seconds) as live:
        if wanted.mic is not None:
            source, what = Microphone(live, wanted.mic, RATE, BLOCK), "the microphone"
        else:
            samples, what = (read(wanted.wav, RATE), wanted.wav) if wanted.wav else voice(RATE, live.folder)
            source = Loop(samples, RATE, BLOCK)
        with Sender(live.ingest) as sensor, Receiver("spikes/cochlea/", endpoint=live.publish) as frames:
            with Screen(header(cochlea.centres, what), live) as screen:
                listen(live, source, cochlea, heard, sensor, frames, screen)
            missed = frames.missed
        counts = live.stats()["cochlea"]
    follows = heard.correlation()
    say(f"{counts['rows']} rows, {heard.total} spikes, {1000 * heard.total / max(1, heard.ticks):.0f} a second\n"
        f"{missed} messages lost, {counts['late_ticks']} ticks late, {counts['skipped_ticks']} skipped")
    if heard.ages_ms:
        say(f"A spike is here {np.median(heard.ages_ms):.0f} ms after its sound, most of it the block of "
            f"{1000 * BLOCK / RATE:g} ms.")
    say(f"Correlation of loudness and spikes over bands and time: {follows:.2f}")
    if wanted.save:
        levels, spikes = heard.remembered()
        np.savez_compressed(wanted.save, levels=levels, spikes=spikes, centres=cochlea.centres, dt=DT_NS / 1e9)
    if wanted.mic is None and not follows >= LEAST:
        raise Fault(f"the spikes do not follow the sound: {follows:.2f} is below {LEAST}")
    return 0 if heard.total else 1


def listen(live, source, cochlea, heard, sensor, frames, screen):
    row = np.zeros(BANDS)
    levels = np.full(BANDS, float(LOW_DB))
    while live.goes_on():
        block = source.next()
        if block is not None:
            levels = cochlea.hear(block)
            sensor.send("cochlea", levels, time_ns=heard.sent(levels))
            continue
        try:
            frame = frames.recv(source.wait())
        except Silence:
            continue
        heard.came(frame)
        row[frame.lines] += 1
        if heard.ticks % ROW_TICKS == 0:
            loud = (np.max(levels) - LOW_DB) / (HIGH_DB - LOW_DB)
            text = screen.paint(marks(row / (ROW_TICKS / 3)), "cyan")
            screen.row(f"{live.seconds_run:5.1f} |{text}|{'=' * int(7 * min(1, max(0, loud)))}")
            row[:] = 0


run(demo)
