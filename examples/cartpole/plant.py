"""The world: a pole on a cart in real time, in a process of its own. Sends its state as rows, a thousand a
second, and does what the newest force that came says: plant.py INGEST FORCES SHOW

Ends with SIGINT; then a JSON object with what it measured is printed.

SPDX-License-Identifier: Apache-2.0
"""
import collections
import json
import math
import random
import signal
import struct
import sys
import time

import numpy as np
import zmq

import physics
import realtime
from spiked import Blocked, Sender

DT = 0.001
FORCE = struct.Struct("<dq")  # newtons, and source time of the row that they were made from
SHOWN = 20                    # steps from one message to who watches to the next
PUSH_S = 1.5                  # from one push to the next
PUSH = 0.6                    # rad/s that one adds or takes
WATCHDOG_S = 0.05             # without news for so long the motor rests
DOWN_S = 1.5                  # that a fallen pole lies before it is put up again
UPRIGHT = [0.0, 0.0, math.radians(2), 0.0]


class Plant:
    def __init__(self, sensor, forces, show):
        self.sensor, self.forces, self.show = sensor, forces, show
        self.random = random.Random(1)
        self.state, self.force, self.wanted = list(UPRIGHT), 0.0, 0.0
        self.steps = self.late = self.actions = self.blocked = 0
        self.longest_ms = 0.0
        self.latency_ms = collections.deque(maxlen=60_000)  # of the last minute
        self.pushed = 0
        self.fell = None  # step at which it did
        self.acted = 0    # step of the newest force

    def take(self):
        """The newest force, if there is a new one."""
        if not self.forces.poll(0):
            if self.steps - self.acted > WATCHDOG_S / DT:
                self.wanted = 0.0
            return
        self.wanted, source_ns = FORCE.unpack(self.forces.recv())
        self.latency_ms.append((time.time_ns() - source_ns) / 1e6)
        self.actions += 1
        self.acted = self.steps

    def step(self):
        self.steps += 1
        if self.fell is not None:
            if self.steps - self.fell > DOWN_S / DT:
                self.state, self.force, self.fell = list(UPRIGHT), 0.0, None
            return
        if self.steps % round(PUSH_S / DT) == 0:
            self.pushed = self.random.choice((-1, 1))
            self.state[3] += self.pushed * PUSH
        wanted = min(physics.FORCE_N, max(-physics.FORCE_N, self.wanted))
        self.force += DT / physics.MOTOR_S * (wanted - self.force)
        self.state = physics.step(self.state, self.force, DT)
        if abs(self.state[2]) > physics.FALLEN:
            self.state = [self.state[0], 0.0, math.copysign(math.pi / 2, self.state[2]), 0.0]
            self.fell = self.steps

    def tell(self):
        """State and force for who watches; where nobody takes them they are dropped."""
        try:
            self.show.send_json({"plant": self.state, "force": self.force, "pushed": self.pushed,
                                 "fell": self.fell is not None, "step": self.steps, "longest_ms": self.longest_ms}, zmq.NOBLOCK)
        except zmq.Again:
            pass
        self.pushed = 0

    def run(self, going):
        due = began = time.monotonic()
        while going():
            due += DT
            time.sleep(max(0.0, due - time.monotonic()))
            behind = time.monotonic() - due
            self.longest_ms = max(self.longest_ms, 1e3 * behind)
            self.take()
            self.step()
            while behind >= DT:  # the world does not wait for its program
                self.late += 1
                self.step()
                due += DT
                behind -= DT
            try:
                self.sensor.send("pole", np.array(self.state), time_ns="now")
            except Blocked:
                self.blocked += 1
            if self.steps % SHOWN == 0:
                self.tell()
        return time.monotonic() - began

    def report(self, seconds):
        latency = np.percentile(self.latency_ms, [50, 99, 100]) if self.latency_ms else [float("nan")] * 3
        return {"steps": self.steps, "seconds": seconds, "late": self.late, "longest_ms": self.longest_ms,
                "actions": self.actions, "blocked": self.blocked,
                "latency_ms": dict(zip(("p50", "p99", "max"), map(float, latency)))}


def main(ingest, forces_at, show_at):
    stopped = []
    signal.signal(signal.SIGINT, lambda *_: stopped.append(1))
    granted = realtime.ask()
    context = zmq.Context.instance()
    forces, show = context.socket(zmq.PULL), context.socket(zmq.PUSH)
    forces.setsockopt(zmq.CONFLATE, 1)  # only the newest counts
    forces.connect(forces_at)
    show.setsockopt(zmq.LINGER, 0)
    show.connect(show_at)
    with Sender(ingest, types={"pole": "f64"}, timeout=0.5) as sensor:
        plant = Plant(sensor, forces, show)
        seconds = plant.run(lambda: not stopped)
    print(json.dumps({**plant.report(seconds), "realtime": granted}))


if __name__ == "__main__":
    main(*sys.argv[1:])
