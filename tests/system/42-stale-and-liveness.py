#!/usr/bin/python3
"""A sensor that stops is flagged, after the same number of ticks in every clock.

SPDX-License-Identifier: Apache-2.0
"""
import harness as h


def config(clock="manual", **stream):
    return {"clock": clock, "dt": "1 ms", "streams": [
        h.stream("s", 1, [{"poisson": {"f_max": 1000}}], **stream)]}


def ticks(daemon, sub, count):
    daemon.step(count)
    return [(bool(m[1]["flags"] & h.STALE), m[1]["count"]) for m in sub.take(count)]


def row(daemon, value, number):
    daemon.send_f32("s", value)
    daemon.wait_rows("s", number)


def staleness_counts_ticks_since_the_row_was_first_used():
    with h.Daemon(config(input={"stale_after": "5 ms"})) as daemon:
        sub = daemon.sub("spikes/s/")
        h.equal("before the first row: stale, no spikes", ticks(daemon, sub, 3), [(True, 0)] * 3)
        h.equal("liveness", daemon.control("stream", name="s")["liveness"], "silent")
        row(daemon, 1, 1)
        h.equal("fresh for 5 ms more, then stale, the value held",
                ticks(daemon, sub, 9), [(False, 1)] * 6 + [(True, 1)] * 3)
        h.equal("liveness", daemon.control("stream", name="s")["liveness"], "stale")
        row(daemon, 1, 2)
        h.equal("fresh again", ticks(daemon, sub, 1), [(False, 1)])
        h.equal("liveness", daemon.control("stream", name="s")["liveness"], "live")
        h.equal("stale ticks are counted", daemon.counters("s")["stale_ticks"], 6)


def what_a_stale_stream_does():
    for policy, wanted in (("hold", 1), ("zero", 0), ("silence", 0)):
        with h.Daemon(config(input={"stale_after": "2 ms", "on_stale": policy})) as daemon:
            sub = daemon.sub("spikes/s/")
            row(daemon, 1, 1)
            h.equal(f"{policy}", ticks(daemon, sub, 6), [(False, 1)] * 3 + [(True, wanted)] * 3)
            row(daemon, 1, 2)
            h.equal(f"{policy}: and back", ticks(daemon, sub, 1), [(False, 1)])


def never_is_never():
    with h.Daemon(config(input={"stale_after": "never"})) as daemon:
        sub = daemon.sub("spikes/s/")
        row(daemon, 1, 1)
        h.equal("stale_after: never", set(ticks(daemon, sub, 3000)), {(False, 1)})


def silence_does_not_advance_the_encoder():
    lif = {"clock": "manual", "streams": [
        h.stream("s", 1, [{"lif": {"v_th": 100}}], input={"stale_after": "1 ms", "on_stale": "silence"})]}
    with h.Daemon(lif) as daemon:
        sub = daemon.sub("state/s/")
        row(daemon, 50, 1)
        daemon.step(6)
        values = [h.floats(m[2])[0] for m in sub.take(6)]
        h.claim("the membrane rises while there are rows", values[1] > values[0] > 0)
        h.equal("and stands still in silence", values[2:], [values[1]] * 4)


def a_change_is_told_on_status():
    with h.Daemon(config("wall", input={"stale_after": "50 ms"})) as daemon:
        sub = daemon.sub("status/")

        def liveness(wanted):
            return [s["liveness"] for s in sub.recv()[1]["streams"] if s["stream"] == "s"] == [wanted]
        h.until("status says silent", lambda: liveness("silent"))
        daemon.send_f32("s", 1)
        h.until("then live", lambda: liveness("live"))
        h.until("then stale", lambda: liveness("stale"))
        h.claim("status/ tells silent, live, stale", True)


h.main(staleness_counts_ticks_since_the_row_was_first_used, what_a_stale_stream_does, never_is_never,
       silence_does_not_advance_the_encoder, a_change_is_told_on_status)
