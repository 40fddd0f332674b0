#!/usr/bin/python3
"""1,000 subscribers come and go: some in order, some by RST in the middle of a frame to them or from them, some with
nothing said. Those that stay lose nothing; no subscription, descriptor or memory stays behind.

SPDX-License-Identifier: Apache-2.0
"""
import time

import chaos as c
import rude
from chaos import h

COUNT = 1000
CONFIG = {**c.PATIENT, "streams": [h.stream("stays", 4), h.stream("large", 4096, dt="2 ms"), h.stream("other", 16)]}


def come_and_go(daemon, random, count):
    for _ in range(count):
        rude.visit(daemon, random)


def grown(daemon):
    """Frames that are built in a fifth of a second, though nobody is there."""
    before = sum(daemon.counters(name)["frames"] for name in ("large", "other"))
    time.sleep(0.2)
    return sum(daemon.counters(name)["frames"] for name in ("large", "other")) - before


def a_thousand():
    random = c.rng()
    with h.Daemon(CONFIG) as daemon:
        come_and_go(daemon, random, 50)  # what is only ever done once has been done
        time.sleep(0.3)
        with c.Calm(daemon, f"{c.times(COUNT)} subscribers", "stays", memory_kb=8192):
            began = time.monotonic()
            come_and_go(daemon, random, c.times(COUNT))
            print(f"      in {time.monotonic() - began:.1f} s", flush=True)
        # The last of them may still be on their way out.
        h.until("nothing is built any more for those that went", lambda: not grown(daemon))


def memory_does_not_grow_from_round_to_round():
    random = c.rng()
    with h.Daemon(CONFIG) as daemon:
        figures = []
        for _ in range(4):
            come_and_go(daemon, random, c.times(100))
            time.sleep(0.2)
            figures.append(c.memory(daemon.process.pid) // c.KB)
        h.claim(f"memory after each round: {figures} kB", figures[-1] - figures[1] < 1024 or h.INSTRUMENTED)


h.main(a_thousand, memory_does_not_grow_from_round_to_round)
