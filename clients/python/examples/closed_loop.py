#!/usr/bin/env python3
"""Sends a sine into a stream and decodes its spike rate: closed_loop.py STREAM CHANNELS

SPDX-License-Identifier: Apache-2.0
"""
import sys

import numpy as np
from spiked import Receiver, Sender

name, channels = sys.argv[1], int(sys.argv[2])
rate = None
with Sender() as sender, Receiver(f"spikes/{name}/", timeout=5) as receiver:
    sender.send(name, np.zeros(channels, np.float32), time_ns="now")
    for frame in receiver:
        # Every tick answers with the value for the next one.
        t = frame.time_ns / 1e9
        sender.send(name, np.full(channels, 1 + np.sin(2 * np.pi * 0.5 * t)), time_ns="now")
        spikes = frame.dense()
        rate = spikes.astype(float) if rate is None else rate + 0.02 * (spikes - rate)
        if frame.tick % 100 == 0:
            print(frame.tick, "spikes per tick:", np.round(rate.mean(), 3))
