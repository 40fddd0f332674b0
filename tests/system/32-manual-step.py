#!/usr/bin/python3
"""In manual clock nothing happens but on step.

SPDX-License-Identifier: Apache-2.0
"""
import json
import threading
import time

import harness as h

CONFIG = {"clock": "manual", "dt": "1 ms", "streams": [h.stream("s", 2, [{"poisson": {"f_max": 1000}}])]}


def ticks_run_on_step_alone():
    with h.Daemon(CONFIG) as daemon:
        sub = daemon.sub("spikes/s/")
        daemon.send_f32("s", 1, 0)
        daemon.wait_rows("s", 1)
        h.claim("no tick without a step", sub.nothing(0.2))
        result = daemon.step(3)
        h.equal("step says how many ran", result["ticks"], 3)
        messages = sub.take(3)
        h.equal("three ticks", [m[1]["tick"] for m in messages], [0, 1, 2])
        h.equal("with the row that was there", [h.spikes(*m[1:]) for m in messages], [[(0, 1)]] * 3)
        h.claim("and no more", sub.nothing(0.1))
        again = daemon.step(2)
        h.equal("time goes on by the ticks", again["time_ns"] - result["time_ns"], 2000000)
        h.equal("ticks go on", [m[1]["tick"] for m in sub.take(2)], [3, 4])
        h.equal("none late, none skipped",
                [daemon.counters("s")[key] for key in ("ticks", "late_ticks", "skipped_ticks")], [5, 0, 0])


def bad_steps_are_refused():
    with h.Daemon(CONFIG) as daemon:
        for ticks in (0, -1, 1.5, "many", None, [1], 10**12):
            h.claim(f"step {ticks}", daemon.refused("step", ticks=ticks).code == -32602)
        h.claim("a number beyond all integers", daemon.refused("step", ticks=10**30).code < 0)
        h.equal("no ticks means one", (daemon.control("step")["ticks"], daemon.counters("s")["ticks"]), (1, 1))
    with h.Daemon({**CONFIG, "clock": "wall"}) as daemon:
        error = daemon.refused("step", ticks=1)
        h.claim(f"wall clock: {error.message}", "manual" in error.message)


def steps_wait_for_a_slow_subscriber():
    wide = {"clock": "manual", "send_queue": 10, "streams": [h.stream("s", 16384)]}
    with h.Daemon(wide) as daemon:
        sub = daemon.sub("values/s/", hwm=10)
        request = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "step", "params": {"ticks": 1000}}).encode()
        answers = []
        thread = threading.Thread(target=lambda: answers.append(daemon.control_bytes(request, 60)))
        thread.start()
        time.sleep(0.3)  # long enough for 1000 ticks, were nobody in the way
        h.claim("the step is not done while its frames do not go out", not answers)
        for number in range(1000):
            _, head, _ = sub.recv()
            if head["tick"] != number or head["seq"] != number:
                raise h.Failed(f"tick {head['tick']}, seq {head['seq']} instead of {number}")
        thread.join()
        h.equal("all 1000 came, and the step is done", json.loads(answers[0])["result"]["ticks"], 1000)


h.main(ticks_run_on_step_alone, bad_steps_are_refused, steps_wait_for_a_slow_subscriber)
