#!/usr/bin/python3
"""Rows of every type come in as the numbers that were sent.

SPDX-License-Identifier: Apache-2.0
"""
import json
import struct

import harness as h

FLT_MAX = struct.unpack("<f", b"\xff\xff\x7f\x7f")[0]
INF, NAN = float("inf"), float("nan")


def f32(x):
    return struct.unpack("<f", struct.pack("<f", x))[0]


def values(daemon, sub, count=1):
    return [h.floats(m[2]) for m in sub.take(count)]


def binary_types():
    cases = {
        "f32": ("f", [0.1, -3e38, 1e-45]), "f64": ("d", [0.1, 1 / 3, -1e-60]),
        "i8": ("b", [-128, 0, 127]), "u8": ("B", [0, 128, 255]),
        "i16": ("h", [-32768, 513, 32767]), "u16": ("H", [0, 513, 65535]),
        "i32": ("i", [-2**31, 16777217, 2**31 - 1])}
    config = {"clock": "data", "streams": [
        h.stream(kind, 3, input={"type": kind}) for kind in cases]}
    with h.Daemon(config) as daemon:
        for kind, (code, numbers) in cases.items():
            sub = daemon.sub(f"values/{kind}/")
            daemon.send_row(kind, struct.pack(f"<6{code}", *numbers, *reversed(numbers)))
            wanted = [f32(x) for x in numbers]
            h.equal(f"{kind}: two rows of three", values(daemon, sub, 2), [wanted, wanted[::-1]])


def json_rows():
    with h.Daemon({"clock": "data", "streams": [h.stream("s", 3, input={"type": "json"})]}) as daemon:
        sub = daemon.sub("values/s/")
        for text, wanted in (
                ("[1, 2.5, -3e2]", [[1, 2.5, -300]]),
                ("[null, 7, null]", [[1, 7, -300]]),
                ("[[1,2,3],[4,null,6]]", [[1, 2, 3], [4, 2, 6]]),
                ('{"values": [9,8,7]}', [[9, 8, 7]]),
                (' { "seq": 5, "time_ns": 1234567890123456789, "values": [[1,1,1],[2,2,2]] } ',
                 [[1, 1, 1], [2, 2, 2]]),
                ("[0.1,16777217,1e-400]", [[f32(0.1), 16777216, 0]])):
            daemon.send("s", text)
            messages = sub.take(len(wanted))
            h.equal(text.strip(), [h.floats(m[2]) for m in messages], wanted)
            if "time_ns" in text:
                h.equal("with its time", [m[1]["source_ns"] for m in messages],
                        [1234567890123456789, 1234567890123456789 + 1000000])
        daemon.send("s", json.dumps({"values": [1, 2, 3], "seq": 9}))
        daemon.wait_rows("s", 9)
        h.equal("and its sequence number", daemon.counters("s")["seq_gaps"], 3)


def pairs():
    with h.Daemon({"clock": "data", "streams": [h.stream("s", 5, input={"type": "pairs"})]}) as daemon:
        sub = daemon.sub("values/s/")
        daemon.send_row("s", struct.pack("<IfIf", 4, 1.5, 0, -2))
        daemon.send_row("s", struct.pack("<If", 2, 7))
        daemon.send_row("s", struct.pack("<IfIf", 2, 8, 2, 9))
        h.equal("a pair changes its channel alone", values(daemon, sub, 2), [[-2, 0, 0, 0, 1.5], [-2, 0, 7, 0, 1.5]])
        h.equal("the last of one channel counts", values(daemon, sub), [[-2, 0, 9, 0, 1.5]])


def missing_and_infinite():
    streams = [h.stream("free", 3), h.stream("ranged", 3, range={"lo": -2, "hi": 2}),
               h.stream("wide", 3, input={"type": "f64"})]
    with h.Daemon({"clock": "data", "streams": streams}) as daemon:
        sub = daemon.sub("values/")
        for name, row in (("free", [1, 2, 3]), ("free", [NAN, INF, -INF]), ("ranged", [INF, -INF, NAN])):
            daemon.send_f32(name, *row)
        daemon.send_row("wide", struct.pack("<3d", 1e300, -1e300, NAN))
        h.equal("as sent", values(daemon, sub), [[1, 2, 3]])
        h.equal("NaN keeps, infinities end at what a float can hold", values(daemon, sub), [[1, FLT_MAX, -FLT_MAX]])
        h.equal("or at the range", values(daemon, sub)[0][:2], [1, 0])
        h.equal("a double too big for a float is like an infinity", values(daemon, sub)[0][:2], [FLT_MAX, -FLT_MAX])
        h.equal("both are counted", [daemon.counters("free")[key] for key in ("values_missing", "values_clamped")], [1, 2])


h.main(binary_types, json_rows, pairs, missing_and_infinite)
