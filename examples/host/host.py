"""The host demo: figures of this machine, five encoders, one message a tick with all of them. Started by `run`.

SPDX-License-Identifier: Apache-2.0
"""
import collections
import re
import sys
import time
from pathlib import Path

import numpy as np

from figures import Figures
from live import Fault, Live, options, run, say
from screen import Screen, marks
from spiked import Control, Receiver, Sender, Silence

HERE = Path(__file__).resolve().parent
STREAMS = {"rate": "cyan", "lif": "yellow", "steps": "green", "delta": "magenta", "novelty": "red"}
THETA = 0.05        # of steps and delta, as in spiked.yaml: how far what is decoded may be off
SECONDS_A_ROW = 0.02
ROW_TICKS = 20      # ticks that a row of text covers
KEPT = 12_000       # ticks that are remembered: a minute
WIDTH = 12          # figures that are shown; the others are encoded all the same
STIR = "import time\nwhile True:\n\tend = time.monotonic() + 1\n\twhile time.monotonic() < end: pass\n\ttime.sleep(1)\n"


class Watch:
    """What came back on each stream, and how far the decoded values are from the measured ones."""

    def __init__(self, names):
        self.names = names
        self.rows = {}       # source time: what was measured
        self.spikes = dict.fromkeys(STREAMS, 0)
        self.worst = {"steps": 0.0, "delta": 0.0}
        self.compared = dict.fromkeys(self.worst, 0)
        self.kept = {name: collections.deque(maxlen=KEPT) for name in STREAMS}
        self.measured = collections.deque(maxlen=KEPT)
        self.clear()

    def clear(self):
        self.ups = {name: np.zeros(len(self.names)) for name in STREAMS}
        self.downs = {name: np.zeros(len(self.names)) for name in STREAMS}

    def see(self, parts):
        for name, frame in parts.items():
            signs = frame.signs if frame.values is None else np.sign(frame.values)
            np.add.at(self.ups[name], frame.lines[signs > 0], 1)
            np.add.at(self.downs[name], frame.lines[signs < 0], 1)
            self.spikes[name] += frame.count
            self.kept[name].append(frame.dense())
            row = self.rows.get(frame.source_ns)
            if name in self.worst and row is not None and frame.decoded is not None:
                off = np.abs(frame.decoded - row)
                self.worst[name] = max(self.worst[name], float(np.nanmax(off)))
                self.compared[name] += not np.isnan(off).any()
        # A tick may come while the rows are being sent: then some streams have the new one and some have not.
        [when, *others] = {frame.source_ns for frame in parts.values()}
        row = None if others else self.rows.get(when)
        self.measured.append(np.full(len(self.names), np.nan) if row is None else row)

    def columns(self, name, paint):
        """A character for each figure: how many spikes, or for signed ones which way."""
        up, down = self.ups[name][:WIDTH], self.downs[name][:WIDTH]
        if name in ("rate", "lif"):
            text = marks(up / (ROW_TICKS * 0.25))
        else:
            text = "".join("x" if u and d else "+" if u else "-" if d else " " for u, d in zip(up, down))
        return paint(text, STREAMS[name])


def header(names):
    shown = names[:WIDTH]
    letters = "".join(name[-1] if name.startswith("cpu") else name[-1].upper() if "_" in name else name[0].upper()
                      for name in shown)
    width = max(len(shown), 7)
    return [f"{len(names)} figures of this machine: {', '.join(names[:6])}{' ...' if len(names) > 6 else ''}",
            "     s | " + " | ".join(f"{name:{width}}" for name in STREAMS),
            "       | " + " | ".join(f"{letters:{width}}" for _ in STREAMS),
            "-------|-" + "-|-".join("-" * width for _ in STREAMS)]


def show(live, figures, watch, sensor, frames, streams, screen):
    frames.recv(10)  # who hears an encoder of changes from its first row on knows its values exactly
    due, ticks, width = time.monotonic(), 0, max(len(watch.names[:WIDTH]), 7)
    while live.goes_on():
        if time.monotonic() >= due:
            row, now = np.array(figures.read(), np.float32), time.time_ns()
            watch.rows[now] = row
            if len(watch.rows) > 500:
                del watch.rows[next(iter(watch.rows))]
            for name in STREAMS:
                sensor.send(name, row, time_ns=now)
            due += SECONDS_A_ROW
        try:
            bundle = frames.recv(max(0.0, due - time.monotonic()))
        except Silence:
            continue
        watch.see(bundle.named(streams))
        ticks += 1
        if ticks % ROW_TICKS == 0:
            space = " " * (width - len(watch.names[:WIDTH]))
            columns = [watch.columns(name, screen.paint) + space for name in STREAMS]
            screen.row(f"{live.seconds_run:6.2f} | " + " | ".join(columns))
            watch.clear()


def demo():
    wanted = options("host", ("--calm", {"action": "store_true"}))
    figures = Figures()
    watch = Watch(figures.names)

    def with_names(text):
        return re.sub(r"(names: &figures) \[.*\]", rf"\1 [{', '.join(figures.names)}]", text)
    with Live("host", HERE / "spiked.yaml", wanted.seconds, with_names) as live:
        if not wanted.calm:
            live.spawn("stir", [sys.executable, "-c", STIR])
        with Control(live.control) as control:
            streams = control.stream("rate")["group_streams"]
        with Sender(live.ingest) as sensor, Receiver("bundle/host/", endpoint=live.publish, decode=True) as frames, \
                Screen(header(figures.names), live) as screen:
            show(live, figures, watch, sensor, frames, streams, screen)
            missed = frames.missed
        counts = live.stats()
    return conclude(watch, counts, missed, wanted)


def conclude(watch, counts, missed, wanted):
    say(f"{'stream':9}{'rows':>6}{'ticks':>7}{'late':>6}{'skipped':>8}{'spikes':>8}{'came':>8}   decoded")
    for name in STREAMS:
        count = counts[name]
        off = f"off by {watch.worst[name]:.4f} at most" if name in watch.worst else ""
        say(f"{name:9}{count['rows']:>6}{count['ticks']:>7}{count['late_ticks']:>6}{count['skipped_ticks']:>8}"
            f"{count['spikes']:>8}{watch.spikes[name]:>8}   {off}".rstrip())
    say(f"{missed} messages lost")
    if wanted.save:
        np.savez_compressed(wanted.save, names=watch.names, measured=np.array(watch.measured), dt=0.005,
                            **{f"spikes_{name}": np.array(dense) for name, dense in watch.kept.items()})
    silent = [name for name in STREAMS if not watch.spikes[name]]
    if silent:
        raise Fault(f"no spikes of {', '.join(silent)}")
    for name, worst in watch.worst.items():
        if not watch.compared[name] or worst > THETA + 1e-4:
            raise Fault(f"what is decoded of {name} is off by {worst:.3f} over {watch.compared[name]} ticks; {THETA} is its bound")
    return 0


run(demo)
