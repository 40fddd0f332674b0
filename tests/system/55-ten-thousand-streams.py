#!/usr/bin/python3
"""Ten thousand streams start, tick, and can be told apart.

SPDX-License-Identifier: Apache-2.0
"""
import time

import harness as h

COUNT = 10000


def ten_thousand_streams():
    config = {"clock": "manual", "dt": "10 ms", "streams": [
        h.stream(f"sensor-{n}", 2, [{"poisson": {"f_max": 100}}]) for n in range(COUNT)]}
    began = time.monotonic()
    with h.Daemon(config) as daemon:
        h.claim(f"started within {time.monotonic() - began:.2f} s", time.monotonic() - began < 10 * h.SLOW)
        h.equal("info counts them", daemon.control("info")["streams"], COUNT)
        sub = daemon.sub("spikes/sensor-9999/", "spikes/sensor-0/", "meta/sensor-5000/")
        last = f"sensor-{COUNT - 1}"
        daemon.send_f32(last, 1, 0)
        daemon.wait_rows(last, 1, timeout=20)
        began = time.monotonic()
        daemon.step(10)
        h.claim(f"10 ticks of all took {(time.monotonic() - began) * 1000:.0f} ms", True)
        messages = []
        while len(messages) < 20:
            message = sub.recv()
            if h.is_spikes(message):
                messages.append(message)
        spikes = {name: [h.spikes(*m[1:]) for m in messages if m[0] == f"spikes/{name}/"] for name in (last, "sensor-0")}
        h.equal("the row went to its stream", spikes, {last: [[(0, 1)]] * 10, "sensor-0": [[]] * 10})
        streams = daemon.control("streams", timeout=30)
        h.equal("streams lists them", (len(streams), sum(s["counters"]["ticks"] for s in streams)), (COUNT, 10 * COUNT))
        daemon.control("remove", name="sensor-0", timeout=30)
        daemon.control("add", stream=h.stream("sensor-10000", 1), timeout=30)
        h.equal("one goes, one comes", daemon.control("info")["streams"], COUNT)


def all_topics_at_once():
    config = {"clock": "manual", "streams": [h.stream(f"s{n}", 1, [{"poisson": {"f_max": 1000}}]) for n in range(1000)]}
    with h.Daemon(config) as daemon:
        sub = daemon.sub("spikes/")
        daemon.step(5)
        topics = [m[0] for m in sub.take(5000, timeout=20)]
        h.equal("1000 streams x 5 ticks, each once", (len(set(topics)), {topics.count(t) for t in set(topics)}), (1000, {5}))


h.main(ten_thousand_streams, all_topics_at_once)
