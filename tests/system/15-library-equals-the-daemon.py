#!/usr/bin/python3
"""libspiked-encoders gives the bytes that the running daemon sends, for every stage and alias.

SPDX-License-Identifier: Apache-2.0
"""
import ctypes
import json
import os
import random
import re
import struct
import sys
from pathlib import Path

import harness as h

CHANNELS = 19
ROWS = 24
WINDOW = 16
SEED = 20241106
VALUES, PLAIN, GRADED, COUNTS = 1, 2 | 4, 8, 16


class Preset(ctypes.Structure):
    _fields_ = [("channels", ctypes.c_uint32), ("window", ctypes.c_uint32), ("dt", ctypes.c_double),
                ("seed", ctypes.c_uint64), ("has_seed", ctypes.c_bool), ("name", ctypes.c_char_p)]


class Info(ctypes.Structure):
    _fields_ = [("output", ctypes.c_int), *((name, ctypes.c_uint32) for name in (
        "channels", "lines", "state_lines", "window", "ticks")), ("dt", ctypes.c_double)]


class Out(ctypes.Structure):
    _fields_ = [(name, ctypes.c_void_p) for name in ("spikes", "lines", "state", "values", "counts")]


def load():
    path = os.environ.get("SPIKED_ENCODERS_LIB") or (
        Path(h.binary()).resolve().parent.parent / "encoders/libspiked-encoders.so")
    # A sanitizer's runtime cannot come into a Python that runs already.
    if any(word in Path(path).read_bytes() for word in (b"__asan_init", b"__tsan_init")):
        print(f"{Path(sys.argv[0]).name}: skipped: the library is built for a sanitizer")
        sys.exit(0)
    library = ctypes.CDLL(str(path))
    library.spiked_pipeline_new.restype = ctypes.c_void_p
    library.spiked_pipeline_run.restype = ctypes.c_size_t
    return library


class Pipeline:
    """A stream as in the configuration, run by the library. `why` says why there is none."""

    def __init__(self, stream):
        text, why = json.dumps(stream).encode(), ctypes.create_string_buffer(4000)
        self.at = LIBRARY.spiked_pipeline_new(
            text, ctypes.c_size_t(len(text)), ctypes.byref(Preset()), why, ctypes.c_size_t(len(why)))
        self.why = why.value.decode()
        if self.at:
            self.info = Info()
            LIBRARY.spiked_pipeline_info(ctypes.c_void_p(self.at), ctypes.byref(self.info))

    def free(self):
        LIBRARY.spiked_pipeline_free(ctypes.c_void_p(self.at))

    def run(self, rows):
        """For each tick: the spikes as the library's numbers, state and values as bytes."""
        info = self.info
        ticks = len(rows) * info.ticks
        packed = struct.pack(f"<{len(rows) * CHANNELS}f", *(x for row in rows for x in row))
        spikes = (ctypes.c_int8 * (ticks * info.lines))()
        lines, state, values = (ctypes.create_string_buffer(max(1, 4 * ticks * width))
                                for width in (info.lines, info.state_lines, CHANNELS))
        counts = (ctypes.c_uint64 * ticks)()
        out = Out(*(ctypes.addressof(x) for x in (spikes, lines, state, values, counts)))
        ran = LIBRARY.spiked_pipeline_run(ctypes.c_void_p(self.at), packed, ctypes.c_size_t(len(rows)),
                                          ctypes.byref(out))
        if ran != ticks:
            raise h.Failed(f"{len(rows)} rows ran {ran} ticks, not {ticks}")
        numbers = struct.unpack(f"<{ticks * info.lines}f", lines.raw[:4 * ticks * info.lines])

        def part(buffer, tick, width):
            return buffer.raw[4 * tick * width:4 * (tick + 1) * width]
        return [{"spikes": numbers[t * info.lines:(t + 1) * info.lines], "count": counts[t],
                 "narrow": spikes[t * info.lines:(t + 1) * info.lines],
                 "state": part(state, t, info.state_lines), "values": part(values, t, CHANNELS)}
                for t in range(ticks)]


def on_the_wire(output, numbers):
    """The payload of clients/PROTOCOL.md for a tick's lines."""
    words, values = [], []
    for line, x in enumerate(numbers):
        if x:
            words += [line | (0x80000000 if x < 0 and output != GRADED else 0)] * (
                int(abs(x)) if output == COUNTS else 1)
            values.append(x)
    payload = struct.pack(f"<{len(words)}I", *words)
    return payload + struct.pack(f"<{len(values)}f", *values) if output == GRADED else payload


def parameters(encoder):
    """Those without which it does not work: what is asked for is given until nothing more is."""
    given = {}
    while True:
        probe = Pipeline(h.stream(
            channels=CHANNELS, window=WINDOW, encode=before(encoder) + [{encoder["name"]: given}]))
        if probe.at:
            probe.free()
            return given
        asked = [row["name"] for row in encoder["params"] if row["default"] is None and
                 row["name"] not in given and re.search(rf"\b{row['name']}\b", probe.why)]
        if not asked:
            return given
        given[asked[0]] = {"f_max": 400}.get(asked[0], 3)


def before(encoder):
    return [] if "values" in encoder["input"] else [
        "lif" if "spikes" in encoder["input"] else {"signed_poisson": {"f_max": 500}}]


def streams_of(encoders):
    """Each name, windowed and not, as a stream."""
    for encoder in encoders:
        for name in [encoder["name"], *encoder["aliases"]]:
            for window in (0, WINDOW):
                yield h.stream(f"{name}-{window}", CHANNELS, before(encoder) + [{name: parameters(encoder)}],
                               window=window)


def random_rows(draw):
    odd = (float("nan"), float("inf"), float("-inf"))
    return [[draw.choice(odd) if draw.random() < 0.1 else draw.uniform(-1.5, 2.5) for _ in range(CHANNELS)]
            for _ in range(ROWS)]


def sort_out(candidates, daemon):
    """Those that the library takes; the daemon must think the same of each."""
    good = []
    for stream in candidates:
        pipeline = Pipeline(stream)
        if pipeline.at:
            good.append((stream, pipeline))
            daemon.control("add", stream=stream)
            continue
        refusal = daemon.refused("add", stream=stream)
        # The daemon's path begins with "stream.", the library's line with its place.
        words = pipeline.why.splitlines()[0].split(": ")[-1]
        if words not in refusal.message:
            raise h.Failed(f"{stream['name']}: {refusal.message!r} and {pipeline.why!r}")
    return good


def compare(stream, pipeline, ticks, messages):
    name, got = stream["name"], {"spikes": [], "state": [], "values": []}
    for topic, head, payload in messages:
        got[topic.split("/")[0]].append((head, payload))
    for key, there in (("spikes", pipeline.info.output != VALUES), ("state", pipeline.info.state_lines > 0),
                       ("values", True)):
        if [head["tick"] for head, _ in got[key]] != (list(range(len(ticks))) if there else []):
            raise h.Failed(f"{name}: {len(got[key])} messages of {key}/ for {len(ticks)} ticks")
    for number, tick in enumerate(ticks):
        for key in ("state", "values"):
            if got[key] and got[key][number][1] != tick[key]:
                raise h.Failed(f"{name}, tick {number}: {key} differ")
        if not got["spikes"]:
            continue
        head, payload = got["spikes"][number]
        if payload != on_the_wire(pipeline.info.output, tick["spikes"]) or head["count"] != tick["count"]:
            raise h.Failed(f"{name}, tick {number}: daemon {payload.hex()}, library {tick['spikes']}")
        if pipeline.info.output in (2, 4) and list(tick["spikes"]) != list(tick["narrow"]):
            raise h.Failed(f"{name}, tick {number}: int8 and float32 lines differ")


def every_stage_and_alias_gives_the_same_bytes():
    draw = random.Random(SEED)
    with h.Daemon({"clock": "data", "streams": [h.stream("first", 1)]}) as daemon:
        encoders = daemon.control("encoders")
        encoders = encoders if isinstance(encoders, list) else encoders["encoders"]
        good = sort_out(list(streams_of(encoders)), daemon)
        refused = 2 * sum(1 + len(e["aliases"]) for e in encoders) - len(good)
        names = {stream["name"].rsplit("-", 1)[0] for stream, _ in good}
        missing = [e["name"] for e in encoders if e["name"] not in names]
        h.claim(f"{len(good)} streams are taken by both, {refused} refused by both with the same words; "
                f"not tried: {' '.join(missing) or 'none'}", len(missing) <= len(encoders) / 4)
        total = 0
        for stream, pipeline in good:
            name, rows = stream["name"], random_rows(draw)
            topics = [f"{topic}/{name}/" for topic in ("spikes", "state", "values")]
            sub = daemon.sub(*topics)
            cut = draw.randrange(1, ROWS)
            for part in (rows[:cut], rows[cut:]):
                daemon.send_f32(name, *(x for row in part for x in row))
            ticks = pipeline.run(rows[:5]) + pipeline.run(rows[5:])
            wanted = len(ticks) * (1 + (pipeline.info.output != VALUES) + (pipeline.info.state_lines > 0))
            compare(stream, pipeline, ticks, sub.take(wanted, timeout=20))
            total += sum(tick["count"] for tick in ticks)
            sub.close()
            pipeline.free()
        h.claim(f"{len(encoders)} stages with their aliases, {ROWS} rows each with missing samples and "
                f"infinities: {total} spikes are the same bytes (seed {SEED})", total > 1000)


LIBRARY = load()
h.main(every_stage_and_alias_gives_the_same_bytes)
