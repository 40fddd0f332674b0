#!/usr/bin/env python3
"""Writes the sample messages of ../PROTOCOL.md that every client must read (or write) correctly.

Uses struct and json only and shares no code with any client, so that a mistake in a client cannot
hide here. `make.py` writes the files beside itself, `make.py --check` fails if one is out of date.

A file holds one message:
  "about"    what it shows
  "way"      "out" (spiked to subscribers), "in" (rows to spiked), "rows" (rows passed on to subscribers), "request", "reply"
  "frames"   the ZeroMQ frames, as hex
  "decoded"  what a client must make of it; null = it must refuse it, "why" says why

In "decoded", 64-bit integers are decimal strings (JavaScript's numbers end at 2^53) and the epoch
is 16 hex digits. Floats are exact float32 values; in rows, null stands for "no sample".

SPDX-License-Identifier: Apache-2.0
"""
import json
import struct
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
EPOCH = 0x1122334455667788
TIME = 1700000000000000000  # ns
SOURCE = TIME - 1500000
KINDS = {"spikes": 1, "state": 2, "values": 3}
FORMATS = {"words": 1, "bitmap": 2, "f32": 3, "graded": 4}
FLAGS = ("late", "gap", "stale", "reset", "window", "restored")


def f32(value):
    """The float32 nearest to `value`, as a double that prints exactly enough to get it back."""
    return struct.unpack("<f", struct.pack("<f", value))[0]


def floats(values):
    return struct.pack(f"<{len(values)}f", *values)


def words(lines, signs):
    return struct.pack(
        f"<{len(lines)}I", *(line | (0x80000000 if sign < 0 else 0) for line, sign in zip(lines, signs))
    )


def planes(lines, signs, total, signed):
    result = b""
    for sign in (1, -1) if signed else (1,):
        plane = bytearray((total + 7) // 8)
        for line, of in zip(lines, signs):
            if of == sign:
                plane[line // 8] |= 1 << line % 8
        result += bytes(plane)
    return result


def part(kind, form, total, *, lines=(), signs=None, values=None, signed=False, flags=(), tick=7,
         seq=7, source=SOURCE, dt=1000000, epoch=EPOCH):
    """Header and payload frame, and what they mean."""
    signs = list(signs or [1] * len(lines))
    count = len(values) if form == "f32" else len(lines)
    time = TIME + tick * dt if tick < 2**40 else TIME
    header = struct.pack(
        "<4sBBHQQQqqIIII", b"SPK1", KINDS[kind], FORMATS[form],
        sum(1 << FLAGS.index(flag) for flag in flags), epoch, tick, seq, time, source, dt, total, count, 0)
    meaning = {
        "kind": kind, "format": form, "flags": list(flags), "epoch": f"{epoch:016x}",
        "tick": str(tick), "seq": str(seq), "time_ns": str(time), "source_ns": str(source),
        "dt_ns": dt, "lines": total, "count": count,
    }
    if form == "f32":
        payload = floats(values)
    elif form == "bitmap":
        payload = planes(lines, signs, total, signed)
    else:
        payload = words(lines, signs) + (floats(values) if form == "graded" else b"")
    if form != "f32":
        meaning["line"], meaning["sign"] = list(lines), signs
    if values is not None:
        meaning["values"] = [f32(v) for v in values]
    return [header, payload], meaning


def out(about, topic, *parts):
    frames = [topic.encode()] + [frame for frames, _ in parts for frame in frames]
    return {"about": about, "way": "out", "frames": frames,
            "decoded": {"topic": topic, "parts": [meaning for _, meaning in parts]}}


def text(about, topic, document):
    return {"about": about, "way": "out", "frames": [topic.encode(), compact(document)],
            "decoded": {"topic": topic, "json": document}}


def refused(about, why, *frames, way="out"):
    return {"about": about, "way": way, "frames": list(frames), "decoded": None, "why": why}


def row(about, stream, kind, rows, payload, stamp=None):
    decoded = {"stream": stream, "type": kind, "rows": rows}
    frames = [stream.encode(), payload]
    if stamp:
        frames.append(struct.pack("<qQ", *stamp))
        decoded["stamp"] = {"time_ns": str(stamp[0]), "seq": str(stamp[1])}
    return {"about": about, "way": "in", "frames": frames, "decoded": decoded}


def control(about, way, document):
    return {"about": about, "way": way, "frames": [compact(document)], "decoded": document}


def compact(document):
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()


def rpc(method, params=None, number=1):
    request = {"jsonrpc": "2.0", "id": number, "method": method}
    if params is not None:
        request["params"] = params
    return request


def spike_frames():
    imu = "spikes/imu/"
    return {
        "spikes-words": out("two spikes among 96 lines", imu,
                            part("spikes", "words", 96, lines=[3, 17])),
        "spikes-words-negative": out(
            "a signed stream: line 5 spiked negatively", imu,
            part("spikes", "words", 6, lines=[2, 5], signs=[1, -1])),
        "spikes-words-repeated": out(
            "line 4 has three coincident spikes, line 9 two negative ones", imu,
            part("spikes", "words", 12, lines=[4, 4, 4, 9, 9], signs=[1, 1, 1, -1, -1])),
        "spikes-words-empty": out(
            "a tick without spikes: the payload frame is there and has 0 bytes", imu,
            part("spikes", "words", 96, lines=[])),
        "spikes-bitmap": out("one plane: lines 0, 3 and 11 of 12", imu,
                             part("spikes", "bitmap", 12, lines=[0, 3, 11])),
        "spikes-bitmap-signed": out(
            "two planes, positive then negative: lines 0 and 11 up, line 3 down", imu,
            part("spikes", "bitmap", 12, lines=[0, 3, 11], signs=[1, -1, 1], signed=True)),
        "spikes-bitmap-empty": out("a bitmap keeps its length when nothing spiked", imu,
                                   part("spikes", "bitmap", 9, lines=[])),
        "spikes-graded": out("spikes that carry a value", imu,
                             part("spikes", "graded", 6, lines=[1, 4], values=[0.5, -2.25])),
        "spikes-flags": out(
            "every flag set, 64-bit numbers beyond 2^53, no source time", imu,
            part("spikes", "words", 6, lines=[0], flags=FLAGS, tick=2**53 + 1, seq=2**63 + 5,
                 source=0, epoch=2**64 - 1)),
        "state": out("membrane voltages after the reset", "state/imu/",
                     part("state", "f32", 3, values=[0.1, 0.0, -0.75])),
        "values": out("the channels' values that the tick used", "values/imu/",
                      part("values", "f32", 2, values=[9.80665, -1.5], flags=["stale"])),
        "bundle": out(
            "three streams of one group at one tick; the bundle's own seq stands in every header",
            "bundle/body/",
            part("spikes", "words", 6, lines=[2], seq=40),
            part("state", "f32", 2, values=[0.25, 1.0], seq=40),
            part("spikes", "bitmap", 12, lines=[1, 8], seq=40)),
    }


def json_frames():
    plain = {"stream": "imu", "epoch": f"{EPOCH:016x}", "tick": 7, "seq": 7,
             "time_ns": TIME + 7000000, "source_ns": SOURCE, "dt_ns": 1000000, "lines": 96,
             "flags": ["late"], "spikes": [3, 17]}
    meta = {"stream": "imu", "epoch": f"{EPOCH:016x}", "protocol": 1, "version": "0.1.0",
            "channels": 2, "names": ["ax", "ay"], "shape": None, "unit": "m/s2",
            "range": {"lo": -20, "hi": 20, "signed": False, "clamp": True}, "lines": 2,
            "dt_ns": 1000000, "clock": "wall", "window": 0, "output": "spikes", "signed": False,
            "payload": "words", "empty": True,
            "input": {"type": "f32", "mode": "hold", "on_stale": "hold", "stale_after_ns": 100000000},
            "pipeline": [{"stage": "range", "as": "range", "input": "values", "output": "values",
                          "lines": 2, "params": {"lo": -20, "hi": 20, "signed": False, "clamp": True}},
                         {"stage": "poisson", "as": "PoissonEncoder", "input": "values",
                          "output": "spikes", "lines": 2, "params": {"f_max": 100, "rng": "philox"}}],
            "group": "body", "group_streams": ["imu", "arm"],
            "topics": ["spikes/imu/", "values/imu/", "json/imu/", "meta/imu/"]}
    return {
        "json": text("the same tick as JSON", "json/imu/", plain),
        "json-signed": text("of a signed stream", "json/imu/",
                            {**plain, "lines": 6, "flags": [], "spikes": [2], "negative": [5]}),
        "json-counts": text("of spike counts: line 4 has three, line 9 two negative ones", "json/imu/",
                            {**plain, "lines": 12, "flags": [], "spikes": [2, 4, 4, 4], "negative": [9, 9]}),
        "json-graded": text("of a graded stream", "json/imu/",
                            {**plain, "lines": 6, "flags": [], "spikes": [1, 4], "values": [0.5, -2.25]}),
        "meta": text("all that is needed to read and label a stream", "meta/imu/", meta),
        "status": text("once a second, and when a stream's liveness changes", "status/",
                       {"version": "0.1.0", "protocol": 1, "epoch": f"{EPOCH:016x}", "time_ns": TIME,
                        "uptime_s": 12.5, "clock": "wall", "counters": {"rejected_unknown_stream": 3},
                        "lateness_ns": {"count": 12500, "mean": 52000.0, "p50": 48000, "p99": 88000},
                        "streams": [{"stream": "imu", "liveness": "live", "counters": {"rows": 1250}},
                                    {"stream": "arm", "liveness": "silent", "counters": {"rows": 0}}]}),
    }


def bad_frames():
    [header, payload], _ = part("spikes", "words", 96, lines=[3, 17])
    topic = b"spikes/imu/"
    return {
        "bad-magic": refused("another protocol's frame", "the magic is not SPK1",
                             topic, b"SPK9" + header[4:], payload),
        "bad-header-short": refused("63 bytes of header", "a header has 64 bytes",
                                    topic, header[:-1], payload),
        "bad-payload-short": refused("count says 2, the payload holds 1 word",
                                     "the payload's length is not 4 x count", topic, header, payload[:4]),
        "bad-line": refused("word 96 of a stream with 96 lines", "lines are 0 to 95",
                            topic, header, struct.pack("<II", 3, 96)),
        "bad-bitmap-length": refused(
            "three bytes for 12 lines", "one plane is 2 bytes, two planes are 4", topic,
            part("spikes", "bitmap", 12, lines=[0])[0][0], b"\1\0\0"),
        "bad-frames-missing": refused("topic and header only", "a payload frame belongs to each header",
                                      topic, header),
    }


def row_frames():
    imu = [[0.5, -2.0, 9.80665]]
    return {
        "row-f32": row("one row of three channels", "imu", "f32", [[f32(v) for v in imu[0]]], floats(imu[0])),
        "row-f32-two": row("two rows in one message, channel 1 of the second without a sample", "imu",
                           "f32", [[1.0, 2.0, 3.0], [4.0, None, 6.0]],
                           floats([1, 2, 3, 4, float("nan"), 6])),
        "row-f32-stamp": row("with source time and sequence number", "imu", "f32",
                             [[1.0, 2.0, 3.0]], floats([1, 2, 3]), (SOURCE, 41)),
        "row-f64": row("doubles", "imu", "f64", [[0.1, -1e300]], struct.pack("<2d", 0.1, -1e300)),
        "row-i8": row("signed bytes", "touch", "i8", [[-128, 0, 127]], struct.pack("<3b", -128, 0, 127)),
        "row-u8": row("bytes", "touch", "u8", [[0, 128, 255]], bytes([0, 128, 255])),
        "row-i16": row("two rows of PCM sound, one channel", "mic", "i16", [[-2], [513]],
                       struct.pack("<2h", -2, 513)),
        "row-u16": row("a 16-bit converter", "adc", "u16", [[0, 4095, 65535]],
                       struct.pack("<3H", 0, 4095, 65535)),
        "row-i32": row("encoder counts", "arm", "i32", [[-(2**31), 70000]],
                       struct.pack("<2i", -(2**31), 70000)),
        "row-pairs": row("channels 0 and 5 only; the others keep their values", "skin", "pairs",
                         [[[0, 1.5], [5, -0.25]]], struct.pack("<IfIf", 0, 1.5, 5, -0.25)),
        "row-json": row("one row, channel 2 without a sample", "imu", "json", [[1, 2.5, None]],
                        b"[1,2.5,null]"),
        "row-json-rows": row("two rows", "imu", "json", [[1, 2, 3], [4, 5, 6]], b"[[1,2,3],[4,5,6]]"),
        "row-json-object": {
            **row("rows with time and number inside the JSON", "imu", "json", [[1, 2, 3]],
                  b'{"values":[1,2,3],"time_ns":1699999999998500000,"seq":41}'),
            "decoded": {"stream": "imu", "type": "json", "rows": [[1, 2, 3]],
                        "stamp": {"time_ns": str(SOURCE), "seq": "41"}}},
    }


def rows_frames():
    """What spiked passes on of rows; a way of its own, since readers of ticks may leave it alone."""
    header = struct.pack("<4sBBHQQQqqIIII", b"SPK1", 4, 16, 0, EPOCH, 7, 41, TIME + 7000000, SOURCE, 1000000, 3, 1, 0)
    stamp = struct.pack("<qQ", SOURCE, 5)
    return {"rows": {
        "about": "a row of three channels with its stamp, to be used at tick 7", "way": "rows",
        "frames": [b"rows/imu/", header, struct.pack("<3f", 1, 2, 3), stamp],
        "decoded": {"topic": "rows/imu/", "kind": "rows", "format": "f32", "flags": [], "epoch": f"{EPOCH:016x}",
                    "tick": "7", "seq": "41", "time_ns": str(TIME + 7000000), "source_ns": str(SOURCE), "dt_ns": 1000000,
                    "lines": 3, "count": 1, "rows": [[1.0, 2.0, 3.0]],
                    "stamp": {"time_ns": str(SOURCE), "seq": "5"}}}}


def control_frames():
    return {
        "control-request": control("what is this daemon?", "request", rpc("info")),
        "control-request-params": control(
            "change a parameter of stage 0 between two ticks", "request",
            rpc("set", {"name": "imu", "stage": 0, "param": "v_th", "value": 1.25}, 2)),
        "control-batch": control("two calls in one message", "request",
                                 [rpc("step", {"ticks": 10}, 3), rpc("stats", None, 4)]),
        "control-notification": control("a request without id is answered all the same, with id null",
                                        "request", {"jsonrpc": "2.0", "method": "reset",
                                                    "params": {"name": "imu"}}),
        "control-reply": control("the result of a step", "reply",
                                 {"jsonrpc": "2.0", "id": 3,
                                  "result": {"ticks": 10, "time_ns": 1700000000017000000}}),
        "control-error": control(
            "a refused parameter: message for people, data.path for programs", "reply",
            {"jsonrpc": "2.0", "id": 2,
             "error": {"code": -32602, "message": "v_th must be a finite number",
                       "data": {"path": "value"}}}),
        "control-error-parse": control("a message that is no JSON: id null", "reply",
                                       {"jsonrpc": "2.0", "id": None,
                                        "error": {"code": -32700, "message": "not JSON"}}),
    }


def files():
    """Name to text of every file."""
    vectors = {**spike_frames(), **json_frames(), **bad_frames(), **row_frames(), **rows_frames(), **control_frames()}
    result = {}
    for name, vector in vectors.items():
        vector = {**vector, "frames": [frame.hex() for frame in vector["frames"]]}
        lines = [f"  {json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}"
                 for key, value in vector.items()]
        result[f"{name}.json"] = "{\n" + ",\n".join(lines) + "\n}\n"
    return result


def main():
    wanted = files()
    have = {path.name: path.read_text() for path in HERE.glob("*.json")}
    if sys.argv[1:] == ["--check"]:
        wrong = sorted(name for name in wanted.keys() | have.keys() if wanted.get(name) != have.get(name))
        for name in wrong:
            print(f"{HERE / name} is not what make.py writes; run make.py", file=sys.stderr)
        return 1 if wrong else 0
    if sys.argv[1:]:
        print("usage: make.py [--check]", file=sys.stderr)
        return 2
    for name in have.keys() - wanted.keys():
        (HERE / name).unlink()
    for name, content in wanted.items():
        (HERE / name).write_text(content)
    return 0


if __name__ == "__main__":
    sys.exit(main())
