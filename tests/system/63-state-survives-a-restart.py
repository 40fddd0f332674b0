#!/usr/bin/python3
"""A restored stream gives, from its first tick on, what one gives that was never stopped and got the same
rows: for every stage, windowed and not, in the clocks `data` and `manual`.

SPDX-License-Identifier: Apache-2.0
"""
import os
import random
import re
import struct
import tempfile

import harness as h

CHANNELS = 5
WINDOW = 6
SEED = 20241124
TOPICS = ("spikes/", "state/", "values/")


def before(encoder):
    return [] if "values" in encoder["input"] else [
        "lif" if "spikes" in encoder["input"] else {"signed_poisson": {"f_max": 500}}]


def try_out(daemon, encoder, window):
    """A stream with the stage, or None: what is asked for is given until nothing more is."""
    given = {}
    while True:
        stream = h.stream(f"{encoder['name']}-{window}", CHANNELS, before(encoder) + [{encoder["name"]: given}],
                          window=window)
        try:
            daemon.control("add", stream=stream)
            return stream
        except h.RpcError as error:
            asked = [row["name"] for row in encoder["params"] if row["default"] is None and
                     row["name"] not in given and re.search(rf"\b{row['name']}\b", error.message)]
        if not asked:
            return None
        given[asked[0]] = {"f_max": 400}.get(asked[0], 3)


def all_streams():
    with h.Daemon({"clock": "manual", "streams": [h.stream("first", 1)]}) as daemon:
        encoders = daemon.control("encoders")
        streams = [try_out(daemon, encoder, window) for encoder in encoders for window in (0, WINDOW)]
    streams = [stream for stream in streams if stream]
    names = {stream["name"].rsplit("-", 1)[0] for stream in streams}
    missing = [e["name"] for e in encoders if e["name"] not in names]
    h.claim(f"{len(names)} of {len(encoders)} stages work from their names and what they ask for "
            f"(not: {' '.join(missing) or 'none'})", len(missing) <= len(encoders) / 4)
    return streams


class Rows:
    """The same rows for whoever asks, by stream and number."""

    def bytes(self, name, number):
        draw = random.Random(f"{SEED} {name} {number}")
        odd = (float("nan"), float("inf"), float("-inf"))
        return struct.pack(f"<{CHANNELS}f", *(
            draw.choice(odd) if draw.random() < 0.1 else draw.uniform(-1.5, 2.5) for _ in range(CHANNELS)))

    def send(self, daemon, streams, numbers):
        for stream in streams:
            for number in numbers:
                daemon.send_row(stream["name"], self.bytes(stream["name"], number), stamp=(1000 + number, number))


def gather(sub, streams, ticks):
    """{topic: [(header, payload)]} once every stream has had so many ticks of values/."""
    got, waiting = {}, {f"values/{s['name']}/": ticks[s["name"]] for s in streams}
    while waiting:
        topic, head, payload = sub.recv(timeout=20)
        got.setdefault(topic, []).append((head, payload))
        if topic.startswith("values/"):
            waiting[topic] -= 1
            if not waiting[topic]:
                del waiting[topic]
    for topic, head, payload in sub.drain(0.3):
        got.setdefault(topic, []).append((head, payload))
    return got


def align(got):
    """Ticks from where this gathering began: the undisturbed daemon has counted on."""
    for messages in got.values():
        first = messages[0][0]["tick"]
        for head, _ in messages:
            head["tick"] -= first
    return got


def compare(wanted, got):
    """Everything but what an epoch begins anew."""
    if wanted.keys() != got.keys():
        raise h.Failed(f"topics differ: {sorted(wanted.keys() ^ got.keys())}")
    compared = spikes = 0
    for topic in wanted:
        if len(wanted[topic]) != len(got[topic]):
            raise h.Failed(f"{topic}: {len(got[topic])} messages, not {len(wanted[topic])}")
        for number, ((wh, wp), (gh, gp)) in enumerate(zip(wanted[topic], got[topic])):
            flags = wh["flags"] | (0 if number else h.RESTORED)
            if (gh["flags"], gh["count"], gh["source_ns"], gh["tick"], gp) != (
                    flags, wh["count"], wh["source_ns"], number, wp):
                raise h.Failed(f"{topic}, tick {number} after the restart:\n{wh} {wp.hex()}\n{gh} {gp.hex()}")
            compared += 1
            spikes += wh["count"] if topic.startswith("spikes/") else 0
    return compared, spikes


def in_clock_data():
    streams, rows = all_streams(), Rows()
    ticks = {s["name"]: s["window"] or 1 for s in streams}
    with tempfile.TemporaryDirectory() as folder, h.Daemon({"clock": "data", "streams": streams}) as calm, h.Daemon(
            {"clock": "data", "streams": streams, "state": {"dir": folder, "every": "24 h"}}) as daemon:
        for each in (calm, daemon):
            rows.send(each, streams, range(10))
        for each in (calm, daemon):
            each.wait_rows(streams[-1]["name"], 10)
        until_run(calm, ticks, 10)
        until_run(daemon, ticks, 10)
        answer = daemon.control("save")
        h.equal("all are saved", (len(answer["saved"]), answer["failed"]), (len(streams), []))
        h.equal("each has its file", sorted(os.listdir(folder)), sorted(f"{s['name']}.state" for s in streams))
        rows.send(daemon, streams, range(50, 55))  # what comes after the snapshot is gone
        until_run(daemon, ticks, 15)
        daemon.kill()
        daemon.start()
        h.equal("all go on", daemon.counters()["state_restored"], len(streams))
        results = []
        for each in (calm, daemon):
            sub = each.sub(*TOPICS)
            rows.send(each, streams, range(10, 20))
            results.append(gather(sub, streams, {name: 10 * n for name, n in ticks.items()}))
            sub.close()
        compared, spikes = compare(*map(align, results))
        h.claim(f"{compared} messages with {spikes} spikes are bit-equal", spikes > 500)


def until_run(daemon, ticks, rows):
    def done():
        stats = daemon.control("stats")["streams"]
        return all(stats[name]["ticks"] == rows * n for name, n in ticks.items())
    h.until(f"{rows} rows of each have run", done, timeout=20)


MODES = [
    h.stream("mean", CHANNELS, ["lif"], input={"mode": "mean"}),
    h.stream("mean-w", CHANNELS, ["lif"], window=7, input={"mode": "mean"}),
    h.stream("queue", CHANNELS, ["lif"], input={"mode": "queue"}),
    h.stream("zero", CHANNELS, [{"poisson": {"f_max": 900}}], input={"stale_after": "4 ms", "on_stale": "zero"}),
    h.stream("silence", CHANNELS, ["lif"], window=3, input={"stale_after": "4 ms", "on_stale": "silence"}),
    h.stream("slow", CHANNELS, ["lif"], dt="3 ms", window=2),
    h.stream("never", CHANNELS, [{"poisson": {"f_max": 900}}]),
]


def in_clock_manual():
    """In the midst of windows, with rows that no tick has used yet; and twice, over two restarts."""
    rows = Rows()
    streams = MODES + [h.stream(f"{stage}-{window}", CHANNELS, [stage], window=window) for window in (0, WINDOW)
                       for stage in ("lif", "poisson", "signed_poisson", "two_window")]
    config = {"clock": "manual", "streams": streams}
    fed = [s for s in streams if s["name"] != "never"]
    with tempfile.TemporaryDirectory() as folder, h.Daemon(config) as calm, h.Daemon(
            {**config, "state": {"dir": folder, "every": "24 h"}}) as daemon:
        number = 0
        for steps in (17, 8):
            for each in (calm, daemon):
                for part in range(2):
                    rows.send(each, fed, [number + part])
                    for s in fed:
                        each.wait_rows(s["name"], each_rows(each, number) + part + 1)
                    if not part:
                        each.step(steps)
            # The last row has come and waits; of mode queue it would be lost, so it is used up there.
            for each in (calm, daemon):
                each.step(1)
            number += 2
            daemon.control("save")
            daemon.step(3)
            daemon.kill()
            daemon.start()
            SENT[id(daemon)] = number
            results = []
            for each in (calm, daemon):
                sub = each.sub(*TOPICS)
                rows.send(each, fed, [number])
                for s in fed:
                    each.wait_rows(s["name"], each_rows(each, number) + 1)
                each.step(12)
                want = {s["name"]: 4 if s["name"] == "slow" else 12 for s in streams}
                results.append(gather(sub, streams, want))
                sub.close()
            number += 1
            compared, spikes = compare(align(results[0]), align(results[1]))
            h.claim(f"{compared} messages with {spikes} spikes are bit-equal", spikes > 100)


SENT = {}  # rows of each stream that went to an earlier process of the daemon


def each_rows(daemon, number):
    return number - SENT.get(id(daemon), 0)


def a_stop_saves_and_a_row_may_wait():
    """No `save`: the stop does it. A row that was merged and not used is used by the first tick."""
    config = {"clock": "manual", "streams": [h.stream("a", 1, ["lif"]), h.stream("q", 1, ["lif"], input={"mode": "queue"})]}
    with tempfile.TemporaryDirectory() as folder:
        with h.Daemon({**config, "state": {"dir": folder}}) as daemon:
            daemon.send_f32("a", 7)
            for value in range(3):
                daemon.send_f32("q", value)
            daemon.wait_rows("q", 3)
            daemon.wait_rows("a", 1)
            daemon.step(1)
            daemon.send_f32("a", 9)
            daemon.wait_rows("a", 2)
            daemon.stop()
            daemon.start()
            sub = daemon.sub("values/a/", "values/q/")
            daemon.step(1)
            values = {m[0]: m for m in sub.take(2)}
            h.equal("the row that waited is used", h.floats(values["values/a/"][2]), [9])
            h.equal("those that were queued are lost", h.floats(values["values/q/"][2]), [0])
            h.equal("which is counted", daemon.counters()["state_queued_lost"], 2)
            h.claim("and said", "2 rows waited in its queue" in daemon.log())


h.main(in_clock_data, in_clock_manual, a_stop_saves_and_a_row_may_wait)
