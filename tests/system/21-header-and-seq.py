#!/usr/bin/python3
"""Every field of the header says what the protocol says that it says.

SPDX-License-Identifier: Apache-2.0
"""
import harness as h


def fields_of_a_tick():
    config = {"clock": "manual", "dt": "2 ms", "streams": [
        h.stream("s", 3, [{"range": {"lo": 0, "hi": 1}}, {"population": {"out_features": 4, "scale": 1}},
                          {"poisson": {"f_max": 500}}])]}
    with h.Daemon(config) as daemon:
        sub = daemon.sub("spikes/s/", "state/s/", "values/s/")
        daemon.send_f32("s", 0.25, 0.5, 1, stamp=(1234567890123456789, 0))
        daemon.wait_rows("s", 1)
        daemon.step(3)
        got = {}
        for topic, head, payload in sub.take(9):
            got.setdefault(topic, []).append((head, payload))
        spikes = [head for head, _ in got["spikes/s/"]]
        h.equal("kinds", [got[t][0][0]["kind"] for t in sorted(got)], [h.SPIKES, h.STATE, h.VALUES])
        h.equal("ticks", [s["tick"] for s in spikes], [0, 1, 2])
        h.equal("seq", [s["seq"] for s in spikes], [0, 1, 2])
        h.equal("dt", {s["dt_ns"] for s in spikes}, {2000000})
        h.equal("lines = channels x fan-out", spikes[0]["lines"], 12)
        h.equal("lines of values/ = channels", got["values/s/"][0][0]["lines"], 3)
        h.equal("values", h.floats(got["values/s/"][0][1]), [0.25, 0.5, 1])
        h.equal("epoch is that of info", f"{spikes[0]['epoch']:016x}", daemon.control("info")["epoch"])
        h.equal("time goes by dt", [s["time_ns"] - spikes[0]["time_ns"] for s in spikes], [0, 2000000, 4000000])
        h.equal("source time of the row used", {s["source_ns"] for s in spikes}, {1234567890123456789})
        h.equal("same times in all topics", {tuple(head["time_ns"] for head, _ in got[t]) for t in got},
                {tuple(s["time_ns"] for s in spikes)})


def rows_of_one_message_are_dt_apart():
    config = {"clock": "data", "dt": "1 ms", "streams": [h.stream("s", 1)]}
    with h.Daemon(config) as daemon:
        sub = daemon.sub("spikes/s/")
        daemon.send_f32("s", 1, 2, 3, stamp=(5000, 0))
        daemon.send_f32("s", 4)
        h.equal("row r is taken at the stamp + r x dt; 0 = unknown",
                [m[1]["source_ns"] for m in sub.take(4)], [5000, 1005000, 2005000, 0])


def seq_stands_still_while_nobody_subscribes():
    with h.Daemon({"clock": "manual", "streams": [h.stream("s", 1)]}) as daemon:
        sub = daemon.sub("spikes/s/")
        daemon.step(4)
        h.equal("seq of the first", [m[1]["seq"] for m in sub.take(4)], [0, 1, 2, 3])
        sub.close()
        frames = daemon.counters("s")["frames"]

        def quiet():
            nonlocal frames
            daemon.step(1)
            before, frames = frames, daemon.counters("s")["frames"]
            return before == frames
        h.until("the daemon hears that it left", quiet)
        daemon.step(100)
        again = daemon.sub("spikes/s/")
        daemon.step(1)
        _, head, _ = again.recv()
        h.equal("seq went on where it stood", head["seq"], frames)
        h.claim("the tick did not wait", head["tick"] >= 105, head["tick"])


def streams_with_their_own_dt():
    config = {"clock": "manual", "dt": "1 ms", "streams": [
        h.stream("a", 1), h.stream("b", 1, dt="3 ms"), h.stream("c", 1, dt="0.7 ms")]}
    with h.Daemon(config) as daemon:
        sub = daemon.sub("spikes/")
        daemon.step(21)
        messages = sub.take(21 + 7 + 30)
        h.claim("21 ms are 21, 7 and 30 ticks", sub.nothing(0.05))
        times = [m[1]["time_ns"] for m in messages]
        h.equal("ticks come in order of their time", times, sorted(times))
        for name, count in (("a", 21), ("b", 7), ("c", 30)):
            h.equal(f"no tick of {name} is missing",
                    [m[1]["tick"] for m in messages if m[0] == f"spikes/{name}/"], list(range(count)))


def a_restart_begins_a_new_epoch():
    with h.Daemon({"clock": "manual", "streams": [h.stream("s", 1)]}) as daemon:
        sub = daemon.sub("spikes/s/")
        daemon.step(5)
        before = sub.take(5)[-1][1]
        daemon.kill()
        daemon.start()
        h.until("the subscriber is back", lambda: daemon.step(1) and not sub.nothing(0.05))
        after = sub.recv()[1]
        h.claim("another epoch", after["epoch"] != before["epoch"])
        h.equal("seq begins anew", after["seq"], 0)


h.main(fields_of_a_tick, rows_of_one_message_are_dt_apart, seq_stands_still_while_nobody_subscribes,
       streams_with_their_own_dt, a_restart_begins_a_new_epoch)
