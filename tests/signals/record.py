#!/usr/bin/python3
"""Records this machine from /proc as CSV, at 100 Hz: what tests/signals/host.csv was made with.

  tests/signals/record.py [SECONDS] > host.csv        (60 s unless given)

Columns: percent of the last half second that the CPUs were busy; then, each since the row before,
context switches, interrupts, and bytes that came in over any network interface.

SPDX-License-Identifier: Apache-2.0
"""
import collections
import os
import sys
import time

RATE_HZ = 100
HALF_SECOND = RATE_HZ // 2
COLUMNS = "load,switches,interrupts,bytes"


def counts():
    with open("/proc/stat", encoding="ascii") as stat:
        lines = {words[0]: words[1:] for words in map(str.split, stat)}
    # user, nice, system; then idle, iowait; then irq, softirq, steal
    cpu = [int(word) for word in lines["cpu"][:8]]
    with open("/proc/net/dev", encoding="ascii") as devices:
        received = sum(int(line.split(":")[1].split()[0]) for line in devices if ":" in line)
    return sum(cpu) - cpu[3] - cpu[4], int(lines["ctxt"][0]), int(lines["intr"][0]), received


def main():
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 60
    full = HALF_SECOND / RATE_HZ * os.sysconf("SC_CLK_TCK") * os.cpu_count()
    busy = collections.deque(maxlen=HALF_SECOND)
    print(COLUMNS)
    last, due = counts(), time.monotonic()
    for _ in range(round(seconds * RATE_HZ)):
        due += 1 / RATE_HZ
        time.sleep(max(0, due - time.monotonic()))
        now = counts()
        since = [new - old for new, old in zip(now, last)]
        busy.append(since[0])
        print(min(100, round(100 * sum(busy) / full)), *since[1:], sep=",")
        last = now


if __name__ == "__main__":
    main()
