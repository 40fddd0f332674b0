"""The camera demo: pictures out as rows, spikes back, pictures again, and the two compared. Started by `run`.

SPDX-License-Identifier: Apache-2.0
"""
import collections
import time
from pathlib import Path

import numpy as np

from live import Fault, Live, options, run, say
from scene import HEIGHT, WIDTH, picture
from screen import Screen
from spiked import Flags, Receiver, Sender, Silence

HERE = Path(__file__).resolve().parent
WINDOW = 64               # ticks of TICK_MS, as in spiked.yaml
TICK_MS = 0.5
PICTURE_S = WINDOW * TICK_MS / 1000
KEPT = 300                # pictures that are remembered to compare with
WORST = 8.0               # grey levels of 255 that the pictures may be off on average


class Eye:
    """Puts the spikes of each window together to the picture that they stand for."""

    def __init__(self):
        self.sent = collections.OrderedDict()  # source time: the picture
        self.latency = None  # of this window: tick of each pixel's spike, WINDOW = none yet
        self.whole = None    # of the newest window: (sent, latencies, picture made)
        self.count = 0       # pictures compared; of the last ones:
        self.errors, self.halves, self.spikes, self.ages_ms = (collections.deque(maxlen=2000) for _ in range(4))

    def keep(self, shown):
        """The source time that a picture goes with, by which it is found again."""
        now = time.time_ns()
        self.sent[now] = shown
        if len(self.sent) > KEPT:
            self.sent.popitem(last=False)
        return now

    def see(self, frame):
        """A tick. True when it was the last one of a window that is whole."""
        if Flags.WINDOW in frame.flags:
            self.latency, self.first = np.full(HEIGHT * WIDTH, WINDOW), frame.tick
        elif frame.missed:
            self.latency = None
        if Flags.STALE in frame.flags:  # no picture for too long: spiked rests, and the window is no picture's
            self.latency = None
        if self.latency is None:
            return False
        self.latency[frame.lines] = frame.tick - self.first
        if frame.tick - self.first < WINDOW - 1:
            return False
        shown = self.sent.get(frame.source_ns)
        if shown is None or frame.decoded is None:
            return False
        self.compare(frame, shown)
        return True

    def compare(self, frame, shown):
        made = np.clip(np.nan_to_num(frame.decoded), 0, 255).reshape(HEIGHT, WIDTH)
        self.whole = shown, self.latency.reshape(HEIGHT, WIDTH), made
        self.count += 1
        self.errors.append(float(np.abs(made - shown).mean()))
        self.halves.append(float(np.median(self.latency)))
        self.spikes.append(int((self.latency < WINDOW).sum()))
        self.ages_ms.append((time.time_ns() - frame.source_ns) / 1e6)

    def rows(self, colour):
        """The two pictures beside each other, two pixels above each other in a character."""
        shown, _, made = self.whole
        both = np.hstack([shown, np.zeros((HEIGHT, 3), np.uint8), made.astype(np.uint8)])
        for upper, lower in zip(both[::2], both[1::2]):
            if colour:
                yield " " + "".join(f"\033[38;5;{grey(u)};48;5;{grey(d)}m▀" for u, d in zip(upper, lower)) + "\033[0m"
            else:
                yield " " + "".join(" .:-=+*#%@"[(int(u) + int(d)) // 52] for u, d in zip(upper, lower))


def grey(level):
    """A level of 0 to 255 among the 24 greys of a terminal."""
    return 232 + int(level) * 23 // 255


def show(live, eye, screen, sensor, frames):
    due = live.began
    while live.goes_on():
        if time.monotonic() >= due:
            shown = picture(live.seconds_run)
            sensor.send("camera", shown.ravel(), time_ns=eye.keep(shown))
            due += PICTURE_S
        try:
            frame = frames.recv(max(0.0, due - time.monotonic()))
        except Silence:
            continue
        if eye.see(frame):
            line = (f" {live.seconds_run:5.1f} s, picture {eye.count}: {eye.spikes[-1]} spikes, half of them "
                    f"within {eye.halves[-1] * TICK_MS:.1f} ms; off by {eye.errors[-1]:.1f} of 255")
            screen.picture([*eye.rows(screen.colour), "", line])
            if not screen.fixed and eye.count % 30 == 0:
                screen.row(line)


def demo():
    wanted = options("camera")
    eye = Eye()
    header = [f" grey pictures of {WIDTH} x {HEIGHT} -> lif_latency -> one spike a pixel -> pictures",
              f" {'sent':^{WIDTH}}   {'made of the spikes':^{WIDTH}}"]
    with Live("camera", HERE / "spiked.yaml", wanted.seconds) as live:
        with Sender(live.ingest, types={"camera": "u8"}) as sensor, \
                Receiver("spikes/camera/", endpoint=live.publish, decode=True) as frames, Screen(header, live) as screen:
            show(live, eye, screen, sensor, frames)
            lost = frames.missed
        counts = live.stats()["camera"]
    if not eye.errors:
        raise Fault("no picture came through")
    if not screen.tty:
        say("\n".join(eye.rows(False)))
    error = float(np.mean(eye.errors))
    rows = (
        ("pictures", f"{counts['rows']} sent, {eye.count} made of spikes and compared"),
        ("off by", f"{error:.2f} of 255 on average, {max(eye.errors):.2f} at most"),
        ("spikes", f"{np.mean(eye.spikes):.0f} for {HEIGHT * WIDTH} pixels, half of them within {np.mean(eye.halves) * TICK_MS:.1f} ms"),
        ("whole", f"{np.median(eye.ages_ms):.0f} ms after the picture was sent"),
        ("ticks", f"{counts['ticks']} run, {counts['late_ticks']} late, {counts['skipped_ticks']} skipped; {lost} messages lost"))
    for name, text in rows:
        say(f"{name:9} {text}")
    if wanted.save:
        shown, latency, made = eye.whole
        np.savez_compressed(wanted.save, sent=shown, latency=latency, made=made, tick_ms=TICK_MS)
    if error > WORST:
        raise Fault(f"the pictures are off by {error:.1f} on average, more than {WORST:g}")
    return 0


run(demo)
