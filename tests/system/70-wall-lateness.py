#!/usr/bin/python3
"""Wall clock at 1 ms: no drift, every gap and every late tick flagged. SPIKED_SECONDS (3) is how long.

SPDX-License-Identifier: Apache-2.0
"""
import os
import signal
import time

import harness as h

SECONDS = float(os.environ.get("SPIKED_SECONDS", "3"))
MS = 1000000


def config(**extra):
    return {"clock": "wall", "dt": "1 ms", **extra, "streams": [h.stream("s", 16, ["lif"])]}


def watch(sub, seconds):
    """Frames of so many seconds as (arrival on CLOCK_MONOTONIC in ns, header)."""
    frames = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        head = sub.recv()[1]
        frames.append((time.monotonic_ns(), head))
    return frames


def check_flags(frames):
    """Every jump is flagged, every flag is a jump; gives the number of ticks skipped."""
    skipped = 0
    for (_, before), (_, head) in zip(frames, frames[1:]):
        jump = head["tick"] - before["tick"] - 1
        if head["seq"] != before["seq"] + 1:
            raise h.Failed(f"this test was too slow: seq {before['seq']} to {head['seq']}")
        if jump < 0 or bool(jump) != bool(head["flags"] & h.GAP):
            raise h.Failed(f"tick {before['tick']} to {head['tick']}, flags {head['flags']:#x}")
        if head["time_ns"] - before["time_ns"] != (jump + 1) * MS:
            raise h.Failed(f"time of tick {head['tick']} is not the anchor + tick x dt")
        skipped += jump
    return skipped


def ticks_do_not_drift():
    with h.Daemon(config()) as daemon:
        sub = daemon.sub("spikes/s/")
        frames = watch(sub, SECONDS)
        skipped = check_flags(frames)
        h.claim(f"{len(frames)} ticks, {skipped} skipped, every gap flagged", True)
        # The promptest arrivals of each tenth show the clock itself; the rest is the way here.
        tenth = max(1, len(frames) // 10)
        best = [min(at - head["tick"] * MS for at, head in frames[i:i + tenth])
                for i in range(0, len(frames) - tenth + 1, tenth)]
        drift = max(best) - min(best)
        h.claim(f"drift against CLOCK_MONOTONIC: {drift / 1000:.0f} us over {SECONDS:g} s", drift < MS * h.SLOW)
        stats = daemon.control("stats")
        late = sum(bool(head["flags"] & h.LATE) for _, head in frames)
        counted = stats["streams"]["s"]["late_ticks"]
        h.claim(f"late ticks: {late} seen with the flag, {counted} counted in all", late <= counted)
        lateness, cost = stats["daemon"]["lateness_ns"], stats["daemon"]["tick_cost_ns"]
        for name, hist in (("lateness", lateness), ("cost of a tick", cost)):
            print(f"      {name}: " + ", ".join(
                f"{key} {hist[key] / 1000:.1f} us" for key in ("p50", "p99", "p999", "max")) + f", n {hist['count']}")
        h.claim("the histogram counts the ticks that ran", lateness["count"] >= len(frames))


def after_a_pause(overrun, **extra):
    """Stops the process for 100 ms; gives the headers around it, and the ticks skipped there."""
    with h.Daemon(config(overrun=overrun, **extra)) as daemon:
        sub = daemon.sub("spikes/s/")
        frames = watch(sub, 0.2)
        daemon.process.send_signal(signal.SIGSTOP)
        time.sleep(0.1)
        daemon.process.send_signal(signal.SIGCONT)
        frames += watch(sub, 0.5)
        counters = daemon.counters("s")
        now = time.monotonic_ns()
        skipped = check_flags(frames)
        start = min(at - head["tick"] * MS for at, head in frames)
        passed = counters["ticks"] + counters["skipped_ticks"]
        h.claim(f"{overrun}: ticks run and skipped ({passed}) are those that time has brought",
                frames[-1][1]["tick"] < passed <= (now - start) // MS + 2)
        h.claim(f"{overrun}: what is missing here was counted there", counters["skipped_ticks"] >= skipped)
        return [head for _, head in frames], skipped


def overrun_catch_up():
    heads, skipped = after_a_pause("catch_up", max_catch_up=100000)
    late = sum(bool(head["flags"] & h.LATE) for head in heads)
    h.equal("catch_up: no tick is skipped", skipped, 0)
    h.claim(f"catch_up: {late} late ticks are flagged", late >= 80)
    _, skipped = after_a_pause("catch_up", max_catch_up=10)
    h.claim(f"max_catch_up: the rest is skipped ({skipped}) and flagged gap", skipped >= 60)


def overrun_skip():
    _, skipped = after_a_pause("skip")
    h.claim(f"skip: {skipped} ticks in a gap", skipped >= 80)


def overrun_stop():
    daemon = h.Daemon({**config(overrun="stop"), "dt": "100 ms"})
    try:
        daemon.start()
        daemon.process.send_signal(signal.SIGSTOP)
        time.sleep(0.4)
        daemon.process.send_signal(signal.SIGCONT)
        h.equal("stop: it ends with its own exit code", daemon.wait(), 4)
        h.claim("stop: and says why", "overrun" in daemon.log(), daemon.log())
    finally:
        daemon.close()


if h.INSTRUMENTED:
    print("70-wall-lateness.py: skipped: times mean nothing under a wrapper or a sanitizer")
else:
    h.main(ticks_do_not_drift, overrun_catch_up, overrun_skip, overrun_stop)
