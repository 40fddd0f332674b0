"""The speech demo: sound, a cochlea, spiked, and the raster that comes back. Started by `run`.

SPDX-License-Identifier: Apache-2.0
"""
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
LEAST = 0.7                            # correlation of level and spikes; chance is near 0


class Heard:
    """Levels that were sent and spikes that came back, on the same ticks: the daemon says of each tick
    which row it used."""

    def __init__(self):
        self.zero_ns = 0  # source time of row 0
        self.levels, self.spikes = [], []
        self.rows = 0     # up to which spikes have come
        self.ages_ms = []

    def sent(self, rows):
        """The source time of these rows: that of the very first is real, the others are dt apart, so that a
        time names its row."""
        self.zero_ns = self.zero_ns or time.time_ns() - len(rows) * DT_NS
        first = self.zero_ns + len(self.levels) * DT_NS
        self.levels.extend(rows)
        self.spikes.extend(np.zeros((len(rows), BANDS), np.int8))
        return first

    def came(self, frame):
        row = (frame.source_ns - self.zero_ns) // DT_NS
        if frame.source_ns and row < len(self.spikes):
            self.spikes[row][frame.lines] += frame.signs
            self.rows = max(self.rows, row + 1)
            self.ages_ms.append((time.time_ns() - frame.source_ns) / 1e6)

    def correlation(self):
        """Of loudness and spikes over bands and pieces of 40 ms; NaN while there is too little."""
        pieces = self.rows // ROW_TICKS
        if pieces < 10:
            return float("nan")
        def averaged(rows):
            return np.mean(np.reshape(rows[:pieces * ROW_TICKS], (pieces, ROW_TICKS, BANDS)), axis=1).ravel()
        levels = averaged(np.clip(self.levels, LOW_DB, HIGH_DB))
        spikes = averaged(self.spikes)
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
    total = int(np.sum(heard.spikes))
    say(f"{counts['rows']} rows, {total} spikes, {total / max(1, len(heard.ages_ms)) * 1000:.0f} a second\n"
        f"{missed} messages lost, {counts['late_ticks']} ticks late, {counts['skipped_ticks']} skipped")
    if heard.ages_ms:
        say(f"A spike is here {np.median(heard.ages_ms):.0f} ms after its sound, most of it the block of "
            f"{1000 * BLOCK / RATE:g} ms.")
    say(f"Correlation of loudness and spikes over bands and time: {follows:.2f}")
    if wanted.save:
        np.savez_compressed(wanted.save, levels=np.array(heard.levels[:heard.rows], np.float32),
                            spikes=np.array(heard.spikes[:heard.rows]), centres=cochlea.centres, dt=DT_NS / 1e9)
    if wanted.mic is None and not follows >= LEAST:
        raise Fault(f"the spikes do not follow the sound: {follows:.2f} is below {LEAST}")
    return 0 if total else 1


def listen(live, source, cochlea, heard, sensor, frames, screen):
    row, ticks = np.zeros(BANDS), 0
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
        ticks += 1
        if ticks % ROW_TICKS == 0:
            loud = (np.max(levels) - LOW_DB) / (HIGH_DB - LOW_DB)
            text = screen.paint(marks(row / (ROW_TICKS / 3)), "cyan")
            screen.row(f"{live.seconds_run:5.1f} |{text}|{'=' * int(7 * min(1, max(0, loud)))}")
            row[:] = 0


run(demo)
