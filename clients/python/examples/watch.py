#!/usr/bin/env python3
"""Prints a stream's spikes, what got lost, and when nothing comes: watch.py imu

SPDX-License-Identifier: Apache-2.0
"""
import sys

from spiked import Control, ControlTimeout, Flags, Receiver, Silence

name = sys.argv[1] if len(sys.argv) > 1 else "imu"
try:
    meta = Control().stream(name)
    print(f"{meta['stream']}: {meta['lines']} lines, dt {meta['dt_ns'] / 1e6:g} ms")
except ControlTimeout as error:
    print(error, "- waiting for it")

for frame in Receiver(f"spikes/{name}/", timeout=3, silence="yield"):
    if isinstance(frame, Silence):
        print(frame)
        continue
    if frame.restarted:
        print("spiked was restarted")
    if frame.missed:
        print(f"lost {frame.missed} messages: this program reads too slowly")
    if Flags.STALE in frame.flags:
        print(frame.tick, "the sensor is silent")
    elif frame.count:
        print(frame.tick, frame.lines * frame.signs)
