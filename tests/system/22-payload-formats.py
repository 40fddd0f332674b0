#!/usr/bin/python3
"""Words, bitmaps and JSON of the same ticks say the same.

SPDX-License-Identifier: Apache-2.0
"""
import random
import struct

import harness as h

SEED = 20240607
LINES = 77


def mirror(name, signed, payload):
    """A stream that spikes where its row is 1 (and, signed, negatively where it is -1)."""
    return h.stream(name, LINES, [{"signed_poisson" if signed else "poisson": {"f_max": 1000}}],
                    publish={"payload": payload})


def formats_agree(signed):
    draw = random.Random(SEED)
    names = ("words", "bitmap", "auto")
    config = {"clock": "data", "streams": [mirror(name, signed, name) for name in names]}
    rows = [[0] * LINES, [1] * LINES]
    if signed:
        rows.append([-1] * LINES)
    for density in (0.01, 0.05, 0.1, 0.5, 0.9):
        for _ in range(8):
            rows.append([draw.choice((1, -1) if signed else (1,)) if draw.random() < density else 0
                         for _ in range(LINES)])
    with h.Daemon(config) as daemon:
        sub = daemon.sub("spikes/", "json/auto/")
        got = {f"spikes/{name}/": [] for name in names} | {"json/auto/": []}
        for row in rows:
            for name in names:
                daemon.send_f32(name, *row)
        for topic, head, payload in sub.take(4 * len(rows)):
            got[topic].append((head, payload))
    wanted = [[(line, x) for line, x in enumerate(row) if x] for row in rows]
    for name in names:
        frames = got[f"spikes/{name}/"]
        h.equal(f"{name}: spikes are where the rows say (seed {SEED})",
                [h.spikes(*frame) for frame in frames], wanted)
        h.equal(f"{name}: count", [head["count"] for head, _ in frames], [len(w) for w in wanted])
    h.equal("words only", {head["format"] for head, _ in got["spikes/words/"]}, {h.WORDS})
    h.equal("bitmaps only", {head["format"] for head, _ in got["spikes/bitmap/"]}, {h.BITMAP})
    plane = (LINES + 7) // 8 * (2 if signed else 1)
    h.equal("a bitmap has its whole length", {len(p) for _, p in got["spikes/bitmap/"]}, {plane})
    for head, payload in got["spikes/auto/"]:
        if len(payload) != min(4 * head["count"], plane):
            raise h.Failed(f"auto: {len(payload)} bytes for {head['count']} spikes")
    h.equal("auto: both come up, the shorter one each time",
            {head["format"] for head, _ in got["spikes/auto/"]}, {h.WORDS, h.BITMAP})
    for (document, _), (head, payload), spikes in zip(got["json/auto/"], got["spikes/auto/"], wanted):
        lines = [line for line, sign in spikes if sign > 0]
        if document["spikes"] != lines or document["tick"] != head["tick"]:
            raise h.Failed(f"JSON of tick {head['tick']}: {document}")
        if document.get("negative") != ([line for line, sign in spikes if sign < 0] if signed else None):
            raise h.Failed(f"JSON of tick {head['tick']}: {document}")
    document, head = got["json/auto/"][-1][0], got["spikes/auto/"][-1][0]
    h.equal("JSON carries the header's fields", (
        document["stream"], document["epoch"], document["time_ns"], document["source_ns"],
        document["dt_ns"], document["lines"], document["flags"]), (
        "auto", f"{head['epoch']:016x}", head["time_ns"], head["source_ns"], head["dt_ns"], LINES, []))


def unsigned_formats_agree():
    formats_agree(False)


def signed_formats_agree():
    formats_agree(True)


def a_bundle_is_one_tick_of_the_group():
    config = {"clock": "manual", "streams": [
        h.stream("b", 1, group="g"),
        h.stream("a", 2, [{"poisson": {"f_max": 1000}}], group="g"),
        h.stream("other", 1),
        h.stream("p", 1, [{"population": {"out_features": 2, "scale": 1}}], group="g")]}
    with h.Daemon(config) as daemon:
        sub = daemon.sub("bundle/g/", "meta/a/")
        daemon.send_f32("a", 0, 1)
        daemon.send_f32("p", 1)
        daemon.wait_rows("a", 1)
        daemon.wait_rows("p", 1)
        daemon.step(2)
        messages = []
        while len(messages) < 2:
            topic, head, payload = sub.recv()
            if topic.startswith("meta/"):
                h.equal("meta says the order", head["group_streams"], ["b", "a", "p"])
            else:
                messages.append((head, payload))
        for seq, (heads, payloads) in enumerate(messages):
            h.equal("three parts of one tick with the bundle's seq",
                    [(x["tick"], x["seq"]) for x in heads], [(seq, seq)] * 3)
            h.equal("in the order of the configuration",
                    [(x["kind"], x["lines"]) for x in heads], [(h.SPIKES, 1), (h.SPIKES, 2), (h.STATE, 2)])
            h.equal("spikes of the second", payloads[1], struct.pack("<I", 1))
            h.equal("activities of the third, which has no spikes", h.floats(payloads[2])[1], 1.0)


def in_data_clock_a_bundle_holds_the_stream_that_ticked():
    config = {"clock": "data", "streams": [h.stream("a", 1, group="g"), h.stream("b", 2, group="g")]}
    with h.Daemon(config) as daemon:
        sub = daemon.sub("bundle/g/")
        daemon.send_f32("b", 1, 2)
        daemon.send_f32("a", 1)
        h.equal("one part each, with the bundle's seq",
                [[(x["lines"], x["tick"], x["seq"]) for x in heads] for _, heads, _ in sub.take(2)],
                [[(2, 0, 0)], [(1, 0, 1)]])


h.main(unsigned_formats_agree, signed_formats_agree, a_bundle_is_one_tick_of_the_group,
       in_data_clock_a_bundle_holds_the_stream_that_ticked)
