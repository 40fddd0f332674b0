"""What this machine says about itself, as numbers of 0 to 1. Linux.

SPDX-License-Identifier: Apache-2.0
"""
import math
import time
from pathlib import Path

PROC, THERMAL = Path("/proc"), Path("/sys/class/thermal")
FULL_RATE = 1e9       # bytes a second that count as 1
HOT = 100.0           # degrees that count as 1
SPAN_S = 0.1          # over which shares and rates are taken


def share_of_rate(rate):
    """Bytes a second on a logarithmic scale: 0 up to one, 1 from FULL_RATE on."""
    return min(1.0, math.log(max(1.0, rate)) / math.log(FULL_RATE))


class Figures:
    """`names`, and `read()` with a number for each. A core's is the share of time that it was busy."""

    def __init__(self):
        self.heat = sorted(path for path in THERMAL.glob("thermal_zone*/temp") if self.degrees(path) is not None)[:1]
        self.cores = list(self.core_ticks())
        self.names = [*self.cores, "memory", "net_in", "net_out", "disk", *(["heat"] if self.heat else [])]
        self.before = [(time.monotonic(), self.counts())]

    @staticmethod
    def core_ticks():
        """{"cpu0": (busy, all)} in clock ticks since boot."""
        cores = {}
        for line in (PROC / "stat").read_text().splitlines():
            name, *ticks = line.split()
            if name.startswith("cpu") and name != "cpu":
                ticks = [int(each) for each in ticks[:8]]
                cores[name] = sum(ticks) - ticks[3] - ticks[4], sum(ticks)  # all but idle and iowait
        return cores

    @staticmethod
    def memory():
        words = dict(line.split(":", 1) for line in (PROC / "meminfo").read_text().splitlines())
        return 1 - int(words["MemAvailable"].split()[0]) / int(words["MemTotal"].split()[0])

    @staticmethod
    def degrees(path):
        try:
            return int(path.read_text()) / 1000
        except (OSError, ValueError):
            return None

    def counts(self):
        """What only grows: ticks of the cores, and bytes in, out, and to and from disks."""
        received = sent = 0
        for line in (PROC / "net/dev").read_text().splitlines()[2:]:
            words = line.split(":")[1].split()
            received, sent = received + int(words[0]), sent + int(words[8])
        sectors = 0
        for line in (PROC / "diskstats").read_text().splitlines():
            words = line.split()
            if not words[2].startswith(("loop", "ram")):
                sectors += int(words[5]) + int(words[9])
        return self.core_ticks(), (received, sent, 512 * sectors)

    def read(self):
        now, (cores, moved) = time.monotonic(), self.counts()
        while len(self.before) > 1 and now - self.before[1][0] >= SPAN_S:
            self.before.pop(0)
        then, (cores_then, moved_then) = self.before[0]
        self.before.append((now, (cores, moved)))
        row = []
        for name in self.cores:
            busy, whole = (new - old for new, old in zip(cores.get(name, cores_then[name]), cores_then[name]))
            row.append(min(1.0, max(0.0, busy / whole)) if whole else 0.0)
        row.append(self.memory())
        row += [share_of_rate((new - old) / max(1e-3, now - then)) for new, old in zip(moved, moved_then)]
        row += [(self.degrees(path) or 0) / HOT for path in self.heat]
        return row
