#!/usr/bin/python3
"""Subscribers that stop reading: the others lose nothing, memory stays within what `send_queue` allows (the bound of
docs/OPERATING.md, "Bounds"), and one that goes on again has lost whole messages only.

SPIKED_STOPPED_SECONDS is how long they stand (3).

SPDX-License-Identifier: Apache-2.0
"""
import os
import time

import chaos as c
from chaos import h

SECONDS = float(os.environ.get("SPIKED_STOPPED_SECONDS", 3 * min(c.FACTOR, 30)))
QUEUE = 1000  # also a second of the witnesses, on a machine that may be late
CHANNELS = 4096  # fills what the kernel takes in before the daemon's own queue begins
MESSAGE = 64 + 4 * CHANNELS
CONFIG = {**c.PATIENT, "send_queue": QUEUE,
          "streams": [h.stream("quiet", 4), h.stream("large", CHANNELS), h.stream("beside", 16, ["poisson"])]}


def bound(subscribers):
    """docs/OPERATING.md: send_queue x (message + 0.4 kB), a tenth for the allocator; and 2 MiB for all else here."""
    return int(subscribers * QUEUE * (4 * CHANNELS + 400) * 1.1) + 2 * 1024 * c.KB


def samples(pid, seconds):
    """Memory every tenth of a second."""
    found = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found.append(c.memory(pid))
        time.sleep(0.1)
    return found


def stand(count, apart):
    """`count` of them stop, `apart` seconds one after the other, so that they hold different messages."""
    with h.Daemon(CONFIG) as daemon:
        pid = daemon.process.pid
        alone = c.descriptors(pid)
        readers = [c.Reader(daemon.publish, "values/large/") for _ in range(count)]
        try:
            time.sleep(0.5)
            limit = bound(count)
            what = f"{count} stopped"
            with c.Calm(daemon, what, "quiet", "beside", memory_kb=limit // c.KB):
                before = c.memory(pid)
                for reader in readers:
                    reader.stop()
                    time.sleep(apart)
                grown = [m - before for m in samples(pid, SECONDS)]
                h.claim(f"{what} for {SECONDS:g} s: memory grew by {max(grown) // c.KB} kB, bound {limit // c.KB} kB",
                        max(grown) <= limit or h.INSTRUMENTED)
                h.claim(f"{what}: their queues did fill", max(grown) > 0.5 * count * QUEUE * MESSAGE or h.INSTRUMENTED)
                later = grown[len(grown) // 2:]
                more = max(later) - max(grown[:len(grown) // 2])
                h.claim(f"{what}: and then memory grew no more: {more // c.KB:+d} kB; it ended at {later[-1] // c.KB:+d} kB",
                        more < 512 * c.KB or SECONDS < 3 or h.INSTRUMENTED)
                for reader in readers[1:]:
                    reader.kill()
                readers[0].go_on()
                time.sleep(0.5)
                seen = readers[0].end()
                h.claim(f"one goes on: {seen['messages']} messages, {seen['lost']} lost in {seen['jumps']} jumps of seq",
                        seen["lost"] > 0 and seen["jumps"] > 0, seen)
                h.equal("and none of them was broken", seen["broken"], 0)
            c.back_to(daemon, alone, what)
        finally:
            for reader in readers:
                reader.kill()


def one():
    stand(1, 0)


def three_one_after_the_other():
    stand(3, 1.2)


h.main(one, three_one_after_the_other)
