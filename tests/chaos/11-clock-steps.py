#!/usr/bin/python3
"""Real time is set forth and back by seconds and by years, as an NTP daemon or a person does, while the daemon runs:
no tick moves, the times in the headers go on from the one anchor, nothing becomes stale.

The daemon alone sees the steps, through a preloaded clock_shift.c: this machine's clock is not touched.

SPDX-License-Identifier: Apache-2.0
"""
import mmap
import os
import struct
import tempfile
import time
from pathlib import Path

import chaos as c
from chaos import h

MS = 1000000
SECOND = 1000 * MS
DAY = 86400 * SECOND
STEPS = (SECOND, -SECOND, 3600 * SECOND, -3600 * SECOND, 5000 * DAY, -20000 * DAY, 50 * MS, -1 * MS, -10**18, 10**18)


class Shift:
    """The mapped file that the shim reads."""

    def __init__(self, folder):
        self.path = Path(folder) / "shift"
        self.path.write_bytes(bytes(4096))
        with open(self.path, "r+b") as file:
            self.map = mmap.mmap(file.fileno(), 4096)

    def set(self, ns):
        struct.pack_into("<q", self.map, 0, ns)

    readings = property(lambda self: struct.unpack_from("<q", self.map, 8)[0])
    waits = property(lambda self: struct.unpack_from("<q", self.map, 16)[0])


def shim():
    path = Path(h.binary()).parent.parent / "tests" / "libclock_shift.so"
    if not path.exists():
        raise h.Failed(f"{path} is not built")
    return path


def pace(witness):
    """Where tick 0 lies on this program's monotonic clock by the promptest of some frames, in ns."""
    frames = []
    while witness.sub.socket.poll(0):
        witness.sub.recv()
    for _ in range(100):
        head = witness.sub.recv()[1]
        frames.append(time.monotonic_ns() - head["tick"] * MS)
    return min(frames), head["time_ns"] - head["tick"] * MS


def steps_move_nothing():
    with tempfile.TemporaryDirectory() as folder:
        shift = Shift(folder)
        os.environ.update(LD_PRELOAD=str(shim()), CLOCK_SHIFT=str(shift.path))
        try:
            daemon = h.Daemon({**c.PATIENT, "streams": [
                h.stream("s", 4, input={"stale_after": "2 s"}), h.stream("t", 4, dt="5 ms")]})
            daemon.start()
        finally:
            os.environ.pop("LD_PRELOAD")
        with_daemon(daemon, shift)


def with_daemon(daemon, shift):
    try:
        h.claim(f"the shim is in force: real time was read {shift.readings} times", shift.readings > 0)
        watch = c.Witness(daemon, "s")
        first, anchor = pace(watch)
        now = time.time_ns() - time.monotonic_ns() + first
        h.claim("the anchor is the real time of tick 0", abs(anchor - now) < SECOND, anchor - now)
        daemon.send_f32("s", 1, 1, 1, 1, stamp=(anchor, 0))
        daemon.wait_rows("s", 1)  # its connection counts among the descriptors from before
        daemon.send_f32("s", 1, 1, 1, 1, stamp=(anchor, 0))  # connects before descriptors are counted
        h.until("the first row is in", lambda: daemon.counters("s")["rows"])
        with c.Calm(daemon, "steps", "s", "t"):
            for _ in range(c.times(1)):
                for step in STEPS:
                    daemon.send_f32("s", 1, 1, 1, 1, stamp=(anchor, 0))
                    shift.set(step)
                    time.sleep(0.15)
                    told = daemon.control("info")
                    h.claim(f"step by {step / SECOND:g} s: uptime goes on: {told['uptime_s']:.1f} s", 0 <= told["uptime_s"] < 600)
            time.sleep(0.2)
        moved, after = pace(watch)
        h.claim(f"tick 0 lies where it lay, within {abs(moved - first) / 1000:.0f} us", abs(moved - first) < MS * h.SLOW)
        h.equal("the anchor is the same", after, anchor)
        stale = daemon.counters("s")["stale_ticks"]
        h.claim(f"a step makes nothing stale: {stale} stale ticks, from before the first row",
                stale < 2000 * h.SLOW and daemon.control("stream", name="s"))
        h.equal("nothing waits for a point of real time", shift.waits, 0)
        watch.close()
        daemon.stop()
    finally:
        daemon.close()


if h.INSTRUMENTED:
    print("11-clock-steps.py: skipped: sanitizers and wrappers want to be loaded first")
else:
    h.main(steps_move_nothing)
