"""The controller's process: frames of spikes in, through the neurons, forces out: control.py PUBLISH FORCES SHOW

SIGUSR1 cuts the spikes off: ticks go on, and the neurons with them, but no spike arrives any more; SIGUSR2
lets them through again. Ends with SIGINT; then a JSON object with what it measured is printed.

SPDX-License-Identifier: Apache-2.0
"""
import json
import signal
import sys
import time

import numpy as np
import zmq

import physics
import realtime
from neurons import Controller
from plant import FORCE
from spiked import Flags, Receiver, Silence

LINES, RATE_HZ = 16, 500                   # of each number; as in spiked.yaml
RANGE = np.array([1.0, 2.0, 0.3, 2.0])     # likewise
SHOWN = 50                                 # ticks from one message to who watches to the next


class Loop:
    def __init__(self, forces, show):
        self.forces, self.show = forces, show
        self.controller = Controller(physics.gains() * RANGE / physics.FORCE_N, LINES, RATE_HZ)
        self.cut = self.stopped = False
        self.ticks = self.skipped = self.late = self.spikes_in = self.spikes_out = 0
        self.busy_s = 0.0
        self.pools = []  # (tick, spikes of the right pool, of the left one), for who watches

    def on_signal(self, number, _):
        self.stopped = self.stopped or number == signal.SIGINT
        self.cut = number == signal.SIGUSR1

    def tick(self, frame):
        began = time.perf_counter()
        number, spikes = self.controller.step(frame.lines[:0] if self.cut else frame.lines)
        if frame.source_ns:  # 0: the tick had no row yet
            self.send(self.forces, FORCE.pack(number * physics.FORCE_N, frame.source_ns))
        self.busy_s += time.perf_counter() - began
        self.ticks += 1
        self.skipped += frame.gap - frame.missed
        self.late += Flags.LATE in frame.flags
        self.spikes_in += frame.count
        right, left = (int(half.sum()) for half in np.split(spikes, 2))
        self.spikes_out += right + left
        self.pools.append((frame.tick, right, left))
        if len(self.pools) == SHOWN:
            self.send(self.show, json.dumps({"pools": self.pools}).encode())
            self.pools = []

    @staticmethod
    def send(socket, message):
        try:
            socket.send(message, zmq.NOBLOCK)
        except zmq.Again:  # nobody is there to take it: the next one is newer anyway
            pass

    def run(self, frames):
        while not self.stopped:
            try:
                self.tick(frames.recv(0.1))
            except Silence:
                continue
        return {"ticks": self.ticks, "skipped": self.skipped, "late": self.late, "missed": frames.missed,
                "spikes_in": self.spikes_in, "spikes_out": self.spikes_out,
                "busy_us": 1e6 * self.busy_s / max(1, self.ticks)}


def main(publish, forces_at, show_at):
    realtime.ask()
    context = zmq.Context.instance()
    forces, show = context.socket(zmq.PUSH), context.socket(zmq.PUSH)
    for socket in (forces, show):
        socket.setsockopt(zmq.LINGER, 0)
    forces.setsockopt(zmq.SNDHWM, 10)
    forces.bind(forces_at)
    show.connect(show_at)
    loop = Loop(forces, show)
    for number in (signal.SIGINT, signal.SIGUSR1, signal.SIGUSR2):
        signal.signal(number, loop.on_signal)
    loop.send(show, b'{"ready": true}')
    with Receiver("spikes/pole/", endpoint=publish) as frames:
        print(json.dumps(loop.run(frames)))


if __name__ == "__main__":
    main(*sys.argv[1:])
