#!/usr/bin/python3
"""The same rows on the same ticks give the same bytes in every clock.

SPDX-License-Identifier: Apache-2.0
"""
import random
import struct

import harness as h

SEED = 77
ROWS = 120
CHANNELS = 13
TOPICS = ("spikes/steady/", "state/steady/", "values/steady/", "spikes/random/", "spikes/torch/",
          "spikes/window/")


def config(clock):
    queue = {"mode": "queue", "queue_rows": 1024}
    scale = {"lo": -1, "hi": 4}
    return {"clock": clock, "dt": "1 ms", "seed": 5, "overrun": "catch_up", "max_catch_up": 100000, "streams": [
        h.stream("steady", CHANNELS, ["lif"], input=queue),
        h.stream("random", CHANNELS, [{"population": {"out_features": 5, "scale": 1}}, {"poisson": {"f_max": 700}}],
                 range=scale, input=queue),
        h.stream("torch", CHANNELS, [{"signed_poisson": {"f_max": 300, "rng": "mt19937", "seed": 3}}], input=queue),
        h.stream("window", CHANNELS, [{"lif": {"tau_mem_inv": 300}}, "first_spike"], window=1, input=queue)]}


def rows():
    draw = random.Random(SEED)
    return [struct.pack(f"<{CHANNELS}f", *(draw.uniform(-1, 4) for _ in range(CHANNELS))) for _ in range(ROWS)]


def collect(daemon, sub, feed):
    """The payloads of each topic's ROWS ticks that begin with the first row, and that tick."""
    got = {topic: [] for topic in TOPICS}
    first = {}
    feed(daemon)
    while any(len(ticks) < ROWS for ticks in got.values()):
        topic, head, payload = sub.recv()
        if topic in got and len(got[topic]) < ROWS and (got[topic] or not head["flags"] & h.STALE):
            if not got[topic]:
                first[topic] = head["tick"]
            if head["tick"] != first[topic] + len(got[topic]):
                raise h.Failed(f"{topic} skips tick {first[topic] + len(got[topic])}")
            got[topic].append((head["format"], head["count"], payload))
    return got, first


def send_all(daemon):
    for name in ("steady", "random", "torch", "window"):
        daemon.send_row(name, b"".join(rows()))


def manual(lead):
    """Runs `lead` ticks first (by stream, so that each stream's rows begin at a given tick)."""
    def feed(daemon):
        names = ("steady", "random", "torch", "window")
        at = 0
        for name in sorted(names, key=lambda name: lead[name]):
            if lead[name] > at:
                daemon.step(lead[name] - at)
                at = lead[name]
            daemon.send_row(name, b"".join(rows()))
            daemon.wait_rows(name, ROWS)
        daemon.step(ROWS + max(lead.values()) - at)
    return feed


def run(clock, feed):
    with h.Daemon(config(clock)) as daemon:
        return collect(daemon, daemon.sub(*TOPICS), feed)


def wall_manual_and_data_agree():
    data, first = run("data", send_all)
    h.equal("data: rows begin at tick 0", set(first.values()), {0})
    stepped, _ = run("manual", manual(dict.fromkeys(("steady", "random", "torch", "window"), 0)))
    for topic in TOPICS:
        h.claim(f"manual = data: {topic} ({ROWS} ticks, seed {SEED})", stepped[topic] == data[topic])
    wall, first = run("wall", send_all)
    lead = {topic.split("/")[1]: tick for topic, tick in first.items()}
    late, again = run("manual", manual(lead))
    h.equal("wall: its rows began at these ticks, and manual puts them there", again, first)
    for topic in TOPICS:
        h.claim(f"wall = manual: {topic} from tick {first[topic]}", wall[topic] == late[topic])
    for topic in TOPICS:
        if "random" not in topic:
            h.claim(f"wall = data: {topic}, wherever it began", wall[topic] == data[topic])
    h.claim("there were spikes to compare", all(
        sum(count for _, count, _ in data[topic]) > 100 for topic in TOPICS if topic.startswith("spikes")))


h.main(wall_manual_and_data_agree)
