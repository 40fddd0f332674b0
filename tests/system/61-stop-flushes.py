#!/usr/bin/python3
"""A clean stop sends what waits, within a bound, and ends with 0.

SPDX-License-Identifier: Apache-2.0
"""
import signal
import threading
import time

import harness as h

CHANNELS = 16384


def config(**extra):
    return {"clock": "manual", "send_queue": 1000, **extra, "streams": [h.stream("s", CHANNELS)]}


def both_signals():
    for how in (signal.SIGTERM, signal.SIGINT):
        for clock in ("wall", "data", "manual"):
            with h.Daemon({"clock": clock, "streams": [h.stream("s", 4)]}) as daemon:
                daemon.send_f32("s", 1, 2, 3, 4)
                took = daemon.stop(how)
                h.claim(f"{how.name} in clock {clock}: 0 after {took * 1000:.0f} ms", True)


def queued_frames_arrive():
    with h.Daemon(config()) as daemon:
        sub = daemon.sub("values/s/", hwm=1)
        daemon.step(300)  # 20 MB: far more than the sockets between hold
        stopping = threading.Thread(target=daemon.process.send_signal, args=(signal.SIGTERM,))
        stopping.start()
        ticks = [m[1]["tick"] for m in sub.take(300)]
        stopping.join()
        h.equal("all 300 frames came after the signal", ticks, list(range(300)))
        h.equal("exit code", daemon.wait(), 0)


def a_dead_subscriber_does_not_hold_the_stop():
    with h.Daemon(config()) as daemon:
        dead = daemon.sub("values/s/", hwm=1)
        daemon.step(300)
        took = daemon.stop(within=10)
        h.claim(f"stopped after {took:.2f} s", took < 8 * h.SLOW)
        dead.close()


def a_held_clock_does_not_hold_the_stop():
    with h.Daemon({**config(send_queue=10), "clock": "data"}) as daemon:
        dead = daemon.sub("values/s/", hwm=1)
        push = daemon.pusher()
        push.sndtimeo = 500
        try:
            for _ in range(2000):
                push.send_multipart([b"s", b"\0" * 4 * CHANNELS])
        except h.zmq.Again:
            pass
        h.until("a subscriber holds the clock", lambda: daemon.counters()["held"])
        began = time.monotonic()
        daemon.stop(within=10)
        h.claim(f"stopped after {time.monotonic() - began:.2f} s", True)
        dead.close()


h.main(both_signals, queued_frames_arrive, a_dead_subscriber_does_not_hold_the_stop,
       a_held_clock_does_not_hold_the_stop)
