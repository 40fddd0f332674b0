#!/usr/bin/python3
"""The daemon is stopped and let go again (SIGSTOP, SIGCONT) at random moments: ticks are caught up or skipped as
`overrun` says, and every tick that is missing has its flag and its count, in streams of several dt.

SPDX-License-Identifier: Apache-2.0
"""
import signal
import time

import chaos as c
from chaos import h

STREAMS = [h.stream("ms", 16), h.stream("twin", 3, ["poisson"]), h.stream("slow", 4, dt="7 ms")]


def pauses(daemon, random, count):
    """Stops it `count` times for 1 to 60 ms; gives the time that it stood, in ms."""
    stood = 0.0
    for _ in range(count):
        time.sleep(random.uniform(0.001, 0.08))
        daemon.process.send_signal(signal.SIGSTOP)
        began = time.monotonic()
        time.sleep(random.uniform(0.001, 0.06))
        daemon.process.send_signal(signal.SIGCONT)
        stood += time.monotonic() - began
    time.sleep(0.1)
    return stood * 1e3


def run(what, **config):
    random = c.rng()
    with h.Daemon({**c.PATIENT, **config, "streams": STREAMS}) as daemon:
        with c.Calm(daemon, what, *(s["name"] for s in STREAMS), skipped=None) as calm:
            stood = pauses(daemon, random, c.times(20))
        skipped = {name: c.settled(daemon, name)["skipped_ticks"] for name in calm.seen}
        own = daemon.counters()["skipped_ticks"]
        h.claim(f"{what}: stood {stood:.0f} ms in all; skipped in all: {skipped}, and by the daemon's own count of "
                f"its 2 cadences {own}", own >= skipped["ms"] + skipped["slow"] and skipped["twin"] >= skipped["ms"])
        return stood, calm.seen


def catch_up_runs_them_all():
    stood, seen = run("catch_up")
    h.equal("catch_up: no tick is missing", [s["missing"] for s in seen.values()], [0, 0, 0])
    h.claim(f"catch_up: {seen['ms']['late']} ticks are flagged late", seen["ms"]["late"] >= 0.5 * stood or h.SLOW > 1)


def catch_up_within_bounds():
    _, seen = run("max_catch_up 10", max_catch_up=10)
    h.claim("max_catch_up: some are late, others skipped", seen["ms"]["late"] > 0 and seen["ms"]["missing"] > 0, seen)


def skip_leaves_them_out():
    stood, seen = run("skip", overrun="skip")
    h.claim(f"skip: {seen['ms']['missing']} ticks are missing", seen["ms"]["missing"] >= 0.5 * stood or h.SLOW > 1)


def a_long_stop():
    seconds = 1.5 * min(c.FACTOR, 40)
    with h.Daemon({**c.PATIENT, "max_catch_up": 10, "streams": STREAMS}) as daemon:
        with c.Calm(daemon, f"after {seconds:g} s", "ms", "slow", skipped=None):
            daemon.process.send_signal(signal.SIGSTOP)
            time.sleep(seconds)
            daemon.process.send_signal(signal.SIGCONT)
            time.sleep(0.3)
        h.claim("the log says so in a line or two", 1 <= daemon.log().count("were skipped and flagged `gap`") <= 4, daemon.log())


h.main(catch_up_runs_them_all, catch_up_within_bounds, skip_leaves_them_out, a_long_stop)
