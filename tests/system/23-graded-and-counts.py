#!/usr/bin/python3
"""Spikes that carry a value and lines that spike more than once in a tick, byte by byte.

SPDX-License-Identifier: Apache-2.0
"""
import math
import random
import struct

import harness as h

SEED = 20260103
LINES = 70
THETA = 0.5
MAX_STEPS = 4

COUNTS = {"step_forward": {"theta": THETA, "max_steps": MAX_STEPS}}
GRADED = {"send_on_delta": {"theta": THETA, "payload": "graded", "first": "emit"}}


def random_rows(count):
    """Multiples of 1/8: every sum below is exact in float32."""
    draw = random.Random(SEED)
    row = [draw.randrange(-16, 17) / 8 for _ in range(LINES)]
    for _ in range(count):
        yield row
        row = [x + draw.choice((0, 0, 0, 1, -1, 3, -5, 9, -20, 40)) / 8 for x in row]


def steps(rows):
    """Signed spike counts a tick: as many steps of theta as bring the base within theta of the value."""
    base = None
    for row in rows:
        base = base or list(row)
        tick = []
        for i, x in enumerate(row):
            n = min(max(math.ceil(abs(x - base[i]) / THETA) - 1, 0), MAX_STEPS)
            n = math.copysign(n, x - base[i])
            base[i] += n * THETA
            tick.append(int(n))
        yield tick


def deltas(rows):
    """What is sent a tick: the difference to the last value sent, where that is more than theta."""
    last = [0.0] * LINES
    for row in rows:
        tick = [x - old if abs(x - old) > THETA else 0 for x, old in zip(row, last)]
        last = [old + d for old, d in zip(last, tick)]
        yield tick


def words_of(tick):
    return [i | (0x80000000 if n < 0 else 0) for i, n in enumerate(tick) for _ in range(abs(n))]


def take(sub, topics, count):
    got = {topic: [] for topic in topics}
    for topic, head, payload in sub.take(len(topics) * count):
        got[topic].append((head, payload))
    return got


def spike_counts_are_repeated_words():
    rows = list(random_rows(60))
    with h.Daemon({"clock": "data", "streams": [
            h.stream("c", LINES, [COUNTS]),
            h.stream("auto", LINES, [COUNTS], publish={"payload": "auto"})]}) as daemon:
        topics = ("spikes/c/", "spikes/auto/", "json/c/")
        sub = daemon.sub(*topics)
        for row in rows:
            daemon.send_f32("c", *row)
            daemon.send_f32("auto", *row)
        got = take(sub, topics, len(rows))
        counters = daemon.counters("c")
        meta = daemon.control("stream", name="c")
    wanted = list(steps(rows))
    h.claim("lines with several spikes came up, of both signs",
            min(map(min, wanted)) == -MAX_STEPS and max(map(max, wanted)) == MAX_STEPS)
    for name in ("c", "auto"):
        frames = got[f"spikes/{name}/"]
        h.equal(f"{name}: words, never a bitmap", {head["format"] for head, _ in frames}, {h.WORDS})
        h.equal(f"{name}: each line as often as it spiked, bit 31 where it is negative",
                [[word for (word,) in struct.iter_unpack("<I", payload)] for _, payload in frames],
                [words_of(tick) for tick in wanted])
        h.equal(f"{name}: count is that of the words", [head["count"] for head, _ in frames],
                [len(payload) // 4 for _, payload in frames])
    h.equal("JSON repeats lines, negative ones apart",
            [(document["spikes"], document["negative"], "values" in document) for document, _ in got["json/c/"]],
            [([i for i, n in enumerate(tick) for _ in range(n)],
              [i for i, n in enumerate(tick) for _ in range(-n)], False) for tick in wanted])
    h.equal("spikes are counted, not lines", (counters["spikes"], counters["spikes_cut"]),
            (sum(abs(n) for tick in wanted for n in tick), 0))
    h.equal("meta says so", (meta["output"], meta["signed"]), ("spike counts", True))


def graded_words_carry_the_value():
    rows = list(random_rows(60))
    with h.Daemon({"clock": "data", "streams": [
            h.stream("g", LINES, [GRADED], publish={"payload": "auto"})]}) as daemon:
        topics = ("spikes/g/", "json/g/")
        sub = daemon.sub(*topics)
        for row in rows:
            daemon.send_f32("g", *row)
        got = take(sub, topics, len(rows))
        counters = daemon.counters("g")
        meta = daemon.control("stream", name="g")
    wanted = [[(i, d) for i, d in enumerate(tick) if d] for tick in deltas(rows)]
    h.equal("graded words", {head["format"] for head, _ in got["spikes/g/"]}, {h.GRADED})
    seen = []
    for head, payload in got["spikes/g/"]:
        n = head["count"]
        h.claim("8 bytes a spike", len(payload) == 8 * n) if len(payload) != 8 * n else None
        words = struct.unpack(f"<{n}I", payload[:4 * n])
        seen.append(list(zip(words, struct.unpack(f"<{n}f", payload[4 * n:]))))
    h.equal("lines and values, bit 31 always 0", seen, wanted)
    h.equal("JSON has the values beside the lines",
            [(document["spikes"], document["values"], "negative" in document) for document, _ in got["json/g/"]],
            [([i for i, _ in tick], [d for _, d in tick], False) for tick in wanted])
    h.equal("spikes are counted", counters["spikes"], sum(map(len, wanted)))
    h.equal("meta says so", (meta["output"], meta["signed"]), ("graded spikes", False))


def a_tick_that_does_not_run_has_no_spikes():
    streams = [h.stream(name, 2, [encode], group="body", input={"stale_after": "2 ms", "on_stale": "silence"})
               for name, encode in (("c", COUNTS), ("g", GRADED))]
    with h.Daemon({"clock": "manual", "streams": streams}) as daemon:
        sub = daemon.sub("bundle/body/")

        def step(*row):
            for name in ("c", "g") if row else ():
                rows = daemon.counters(name)["rows"]
                daemon.send_f32(name, *row)
                daemon.wait_rows(name, rows + 1)
            daemon.step()
            _, heads, payloads = sub.recv()
            return [(head["format"], head["count"], len(payload), head["flags"] & h.STALE)
                    for head, payload in zip(heads, payloads)]

        quiet = [(h.WORDS, 0, 0, h.STALE), (h.GRADED, 0, 0, h.STALE)]
        h.equal("before the first row", step(), quiet)
        step(0, 0)
        h.equal("spikes in a bundle", step(9, -9), [(h.WORDS, 8, 32, 0), (h.GRADED, 2, 16, 0)])
        step()
        step()
        h.equal("the last ones are not said again while the stream is silent", [step(), step()], [quiet, quiet])


def a_bitmap_has_no_room():
    for encode, kind in ((COUNTS, "spike counts"), (GRADED, "graded spikes")):
        stream = h.stream("x", 2, [encode], publish={"payload": "bitmap"})
        result = h.run("--check", "-c", "-", stdin=h.config_text({"streams": [stream]}))
        h.claim(f"--check refuses a bitmap of {kind}, says where and what to do",
                result.returncode == 1 and "publish.payload" in result.stderr and kind in result.stderr
                and "use words" in result.stderr, result.stderr)
        with h.Daemon({"clock": "data", "streams": [h.stream("s")]}) as daemon:
            error = daemon.refused("add", stream=stream)
            h.equal("so does add", error.path, "stream.publish.payload")


def decoders_are_told():
    with h.Daemon({"clock": "data", "streams": [h.stream("s")]}) as daemon:
        told = {each["name"]: each["decoder"] for each in daemon.control("encoders")}
    h.claim("encoders say how they are decoded, or that they are not",
            "first sample" in told["step_forward"] and told["tbr"] is None, told)
    text = h.run("--encoders").stdout
    h.claim("so does spiked --encoders", f"  decoder: {told['step_forward']}\n" in text and "  decoder: none\n" in text)


h.main(spike_counts_are_repeated_words, graded_words_carry_the_value, a_tick_that_does_not_run_has_no_spikes,
       a_bitmap_has_no_room, decoders_are_told)
