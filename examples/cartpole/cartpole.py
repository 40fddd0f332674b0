"""The cart-pole demo: the daemon, the plant, the controller, and what an onlooker sees of them. Started by `run`.

SPDX-License-Identifier: Apache-2.0
"""
import collections
import contextlib
import json
import math
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import zmq

from live import Fault, Live, options, run, say
from screen import Screen, marks
from spiked import Receiver

HERE = Path(__file__).resolve().parent
NUMBERS, LINES = 4, 16    # as in spiked.yaml
ROW_TICKS = 50            # ticks that a row of text covers
CUT_S = 2.5               # of the time given, for the end without spikes
SEEN_S = 0.02             # from one state that the plant tells to the next
KEPT_S = 60               # of what is remembered
BETWEEN_CUTS_S = 20.0     # where it goes on for ever
HEADER = ["a pole on a cart -> 4 x 16 population, if -> spikes -> 200 LIF neurons -> force",
          "    s|" + "|".join(f"{name:^16}" for name in ("position", "velocity", "angle", "rate")) + "|   N",
          "-----|" + "|".join(["-" * 16] * 4) + "|-----"]


class Onlooker:
    """Hears the spikes as the controller does, and what plant and controller tell."""

    def __init__(self, live, screen):
        self.live, self.screen = live, screen
        self.show_at = f"ipc://{live.folder}/show"
        self.socket = zmq.Context.instance().socket(zmq.PULL)
        self.socket.bind(self.show_at)
        self.frames = Receiver("spikes/pole/", endpoint=live.publish)
        self.poller = zmq.Poller()
        self.poller.register(self.socket, zmq.POLLIN)
        self.poller.register(self.frames.socket, zmq.POLLIN)
        self.row, self.ticks = np.zeros(NUMBERS * LINES), 0
        self.state, self.force, self.pushed, self.fell = [0.0] * 4, 0.0, 0, False
        self.cut_at = None    # step of the plant at which the spikes were cut off
        self.step = 0
        self.ready = False
        self.longest_ms = 0.0
        # The last minute, for the sums at the end and for --save.
        self.states, self.standing = (collections.deque(maxlen=round(KEPT_S / SEEN_S)) for _ in range(2))
        self.spikes, self.pools = (collections.deque(maxlen=1000 * KEPT_S) for _ in range(2))

    def look(self):
        """Takes what has come, waiting for a little while."""
        came = dict(self.poller.poll(50))
        if self.socket in came:
            self.told(self.socket.recv_json())
        if self.frames.socket in came:
            self.heard(self.frames.recv())

    def told(self, what):
        self.ready = self.ready or "ready" in what
        self.pools += what.get("pools", [])
        if "plant" not in what:
            return
        self.state, self.force, self.fell, self.step = what["plant"], what["force"], what["fell"], what["step"]
        self.pushed = what["pushed"] or self.pushed
        self.longest_ms = what["longest_ms"]
        self.states.append([*self.state, self.force, what["pushed"], what["step"]])
        if self.cut_at is None and not self.fell:
            self.standing.append(self.state)

    def heard(self, frame):
        self.row[frame.lines] += 1
        self.ticks += 1
        self.spikes.append((frame.tick, frame.lines))
        if self.ticks % ROW_TICKS == 0:
            self.draw()

    def draw(self):
        columns = [marks(part / (ROW_TICKS * 0.4)) for part in np.split(self.row, NUMBERS)]
        colours = ("blue", "green", "cyan", "magenta")
        text = "|".join(self.screen.paint(column, colour) for column, colour in zip(columns, colours))
        push = {-1: "<", 0: "", 1: ">"}[self.pushed]
        self.screen.row(f"{self.live.seconds_run:5.1f}|{text}|{self.force:+4.0f}{push}")
        self.row[:], self.pushed = 0, 0

    def note(self, text, colour="yellow"):
        self.screen.row(self.screen.paint(f"{self.live.seconds_run:5.1f}| {text}", colour, bright=True))

    def close(self):
        self.frames.close()
        self.socket.close(0)


def start(live, onlooker):
    """The controller first, since it takes a moment to find its weights; then the world. The demo's seconds
    count from when the pole stands. False if somebody ended it before."""
    def wait(ready):
        while live.goes_on() and not ready():
            onlooker.look()
            live.began = time.monotonic()
        return ready()
    forces_at = f"ipc://{live.folder}/forces"
    live.spawn("controller", [sys.executable, HERE / "control.py", live.publish, forces_at, onlooker.show_at],
               stdout=subprocess.PIPE)
    if not wait(lambda: onlooker.ready):
        return False
    live.spawn("plant", [sys.executable, HERE / "plant.py", live.ingest, forces_at, onlooker.show_at],
               stdout=subprocess.PIPE)
    return wait(lambda: onlooker.step > 0)


def balance(live, onlooker):
    """Shows it until the time is up. Seconds from the cut to the fall, None if there was none; a fall before is
    a Fault."""
    controller = live.programs["controller"]
    began = time.monotonic()
    cut_after = live.seconds - CUT_S if live.seconds else BETWEEN_CUTS_S
    while live.goes_on():
        onlooker.look()
        if onlooker.cut_at is None:
            if onlooker.fell:
                raise Fault(f"the pole fell though the controller had its spikes, {live.seconds_run:.1f} s after the start; "
                            f"once the plant stood still for {onlooker.longest_ms:.0f} ms")
            if time.monotonic() - began > cut_after:
                onlooker.cut_at = onlooker.step
                controller.send_signal(signal.SIGUSR1)
                onlooker.note("spikes cut off: the neurons hear nothing any more", "red")
        elif onlooker.fell:
            fell_after = (onlooker.step - onlooker.cut_at) / 1000
            onlooker.note(f"fallen {fell_after:.2f} s after the spikes were cut off", "red")
            if live.seconds:
                return fell_after
            controller.send_signal(signal.SIGUSR2)
            while live.goes_on() and onlooker.fell:
                onlooker.look()
            onlooker.note("put up again, with spikes", "green")
            onlooker.cut_at, began = None, time.monotonic()
    return None


def conclude(onlooker, plant, controller, counts, fell_after):
    standing = np.array(onlooker.standing)
    if not len(standing) or not plant["actions"]:
        raise Fault("there was no loop: no state was seen, or no force came to the plant")
    angle, position = (math.sqrt(np.mean(np.square(standing[:, column]))) for column in (2, 0))
    latency = plant["latency_ms"]
    rows = (
        ("stood", f"{len(standing) * SEEN_S:.1f} s, pushed every 1.5 s"),
        ("angle", f"{math.degrees(angle):.2f} degrees rms, {math.degrees(np.abs(standing[:, 2]).max()):.1f} at most"),
        ("position", f"{100 * position:.1f} cm rms, {100 * np.abs(standing[:, 0]).max():.1f} at most"),
        ("loop", f"{latency['p50']:.2f} ms from the state's row to the motor, p99 {latency['p99']:.2f}, max {latency['max']:.1f}"),
        ("ticks", f"{counts['ticks']} run, {counts['late_ticks']} late, {counts['skipped_ticks']} skipped; "
                  f"{controller['missed']} missed by the controller"),
        ("plant", f"{plant['steps']} steps, {plant['late']} of them late; {plant['actions'] / plant['seconds']:.0f} forces a second; "
                  f"{'real-time' if plant['realtime'] else 'normal'} priority"),
        ("spikes", f"{controller['spikes_in']} in, {controller['spikes_out']} of the 200 neurons; a tick takes them "
                   f"{controller['busy_us']:.0f} us"),
        ("cut off", "not tried" if fell_after is None else f"without spikes it fell after {fell_after:.2f} s"))
    for name, text in rows:
        say(f"{name:9} {text}")


def save(path, onlooker):
    spikes = [(tick, line) for tick, lines in onlooker.spikes for line in lines]
    np.savez_compressed(path, states=np.array(onlooker.states), spikes=np.array(spikes, np.int64),
                        pools=np.array(onlooker.pools), cut_step=onlooker.cut_at or 0)


def demo():
    wanted = options("cartpole")
    if wanted.seconds and wanted.seconds < CUT_S + 2:
        raise Fault(f"--seconds must be at least {CUT_S + 2:g}: the last {CUT_S:g} s are without spikes")
    with Live("cartpole", HERE / "spiked.yaml", wanted.seconds) as live:
        with Screen(HEADER, live) as screen, contextlib.closing(Onlooker(live, screen)) as onlooker:
            if not start(live, onlooker):
                return 0
            fell_after = balance(live, onlooker)
        reports = [json.loads(live.finish(name)) for name in ("plant", "controller")]
        conclude(onlooker, *reports, live.stats()["pole"], fell_after)
    if wanted.save:
        save(wanted.save, onlooker)
    if wanted.seconds and not live.stopping and fell_after is None:
        raise Fault("the pole stands without spikes: then they were not what held it")
    return 0


run(demo)
