#!/usr/bin/python3
"""rows/: what sensors sent, to the byte, with the tick that used it; and steps in line with rows, by which
the same rows give the same ticks again.

SPDX-License-Identifier: Apache-2.0
"""
import json
import struct
import time

import zmq

from harness import GAP, Daemon, claim, equal, header, main, stream, until

ROWS = 4
FORMATS = ("f32", "f64", "i8", "u8", "i16", "u16", "i32", "json", "pairs")
LETTERS = {"f32": "f", "f64": "d", "i8": "b", "u8": "B", "i16": "h", "u16": "H", "i32": "i"}


def rows_of(messages):
    return [m for m in messages if m[0].startswith(b"rows/")]


def payload_of(kind, *values):
    if kind == "json":
        return json.dumps(values).encode()
    if kind == "pairs":
        return b"".join(struct.pack("<If", i, v) for i, v in enumerate(values))
    return struct.pack(f"<{len(values)}{LETTERS[kind]}", *values)


def step(daemon, run, passed=None):
    """A step on its way behind the rows that were sent before."""
    daemon.send(b"", struct.pack("<Q", run) if passed is None else struct.pack("<QQ", run, passed))


def every_type_comes_as_it_was_sent():
    streams = [stream(kind, 2, ["if"], input={"type": kind}) for kind in FORMATS]
    with Daemon({"clock": "manual", "streams": streams}) as daemon:
        sub = daemon.sub("rows/")
        for i, kind in enumerate(FORMATS):
            payload = payload_of(kind, 1, 2)
            daemon.send(kind, payload, struct.pack("<qQ", 1000 + i, 7))
            topic, head, got, stamp = sub.frames()
            h = header(head)
            equal(f"{kind}: frames", (topic, got, stamp),
                  (f"rows/{kind}/".encode(), payload, struct.pack("<qQ", 1000 + i, 7)))
            equal(f"{kind}: header", (h["kind"], h["format"], h["flags"], h["tick"], h["seq"], h["source_ns"], h["lines"], h["count"]),
                  (ROWS, 16 + i, 0, 0, 0, 1000 + i, 2, 1))
            claim(f"{kind}: came in just now", abs(h["time_ns"] - time.time_ns()) < 60e9)
        daemon.send("f32", payload_of("f32", 1, 2, 3, 4))
        topic, head, got = sub.frames()
        h = header(head)
        equal("two rows without a stamp: seq, rows, source", (h["seq"], h["count"], h["source_ns"]), (1, 2, 0))
        daemon.send("f32", b"123")
        daemon.send("json", b'{"values": [3, 4], "time_ns": 5}')
        topic, head, got = sub.frames()
        equal("what is refused is not passed on; the time within JSON is the source time",
              (topic, header(head)["source_ns"]), (b"rows/json/", 5))
        claim("meta says the topic", "rows/f32/" in daemon.control("stream", name="f32")["topics"])


def nobody_listens_and_it_costs_nothing():
    with Daemon({"clock": "data", "streams": [stream()]}) as daemon:
        for value in range(10):
            daemon.send_f32("s", value)
        daemon.wait_rows("s", 10)
        equal("nothing was built", daemon.counters("s")["frames"], 0)
        sub = daemon.sub("rows/s/")
        daemon.send_f32("s", 1)
        h = header(sub.frames()[1])
        equal("the count goes on all the same, and so do ticks", (h["seq"], h["tick"]), (10, 10))
        equal("a message has been built", daemon.counters("s")["frames"], 1)


def a_row_comes_before_the_tick_that_uses_it():
    config = {"clock": "wall", "dt": "2 ms", "streams": [stream("a", encode=["if"]), stream("b", encode=["if"], dt="5 ms")]}
    with Daemon(config) as daemon:
        sub = daemon.sub("rows/", "values/")
        for value in range(1, 60):
            daemon.send_f32("ab"[value % 2], value)
            time.sleep(0.003)
        used, ticks = 0, {}
        for _ in range(100000):
            topic, head, payload = sub.recv()
            name = topic.split("/")[1]
            if topic.startswith("rows/"):
                ticks.setdefault(name, []).append((head["tick"], payload))
                continue
            due = [p for tick, p in ticks.get(name, []) if tick <= head["tick"]]
            if due:
                if payload != due[-1]:
                    claim("the tick used the newest row that it could", False, (name, head["tick"], payload, due[-1]))
                used = max(used, struct.unpack("<f", payload)[0])
            if used == 59:
                break
        equal("every tick used the newest row whose tick is not after it", used, 59)


def windows_of_clock_data_count_their_ticks():
    with Daemon({"clock": "data", "streams": [stream(encode=["if"], window=5)]}) as daemon:
        sub = daemon.sub("rows/", "spikes/")
        daemon.send("s", struct.pack("<3f", 1, 2, 3))
        daemon.send("s", struct.pack("<f", 4))
        messages = [sub.frames() for _ in range(22)]
        equal("tick of the first row of each message", [header(m[1])["tick"] for m in rows_of(messages)], [0, 15])
        equal("in front of the ticks that used it", [i for i, m in enumerate(messages) if m in rows_of(messages)], [0, 16])


def steps_in_line_use_the_rows_before_them():
    with Daemon({"clock": "manual", "streams": [stream("s", encode=["if"]), stream("t", encode=["if"])]}) as daemon:
        sub = daemon.sub("values/s/", "values/t/")
        for value in range(500):
            daemon.send_f32("s", value)
            if value % 3 == 0:
                daemon.send_f32("t", -value)
            step(daemon, 1)
        got = [sub.recv() for _ in range(1000)]
        s = [struct.unpack("<f", p)[0] for t, _, p in got if t == "values/s/"]
        t = [struct.unpack("<f", p)[0] for t, _, p in got if t == "values/t/"]
        equal("each tick of s used its row", s, [float(v) for v in range(500)])
        equal("and of t the newest", t, [-float(v - v % 3) for v in range(500)])
        step(daemon, 2, passed=1000)
        heads = [sub.recv()[1] for _ in range(4)]
        equal("ticks that pass", [h["tick"] for h in heads], [1500, 1500, 1501, 1501])
        equal("are a gap", [h["flags"] & GAP for h in heads], [GAP, GAP, 0, 0])
        equal("and counted", daemon.counters("s")["skipped_ticks"], 1000)
        equal("time has passed too", daemon.step(1)["time_ns"] - heads[0]["time_ns"], 3 * 1000000)
        for bad in (b"", b"1234567", b"x" * 24, struct.pack("<Q", 1 << 62), struct.pack("<QQ", 1, 1 << 62)):
            daemon.send(b"", bad)
        daemon.wait_counter("rejected_step", 5)
        step(daemon, 1)
        equal("what is no step changes nothing", [sub.recv()[1]["tick"] for _ in range(4)], [1502, 1502, 1503, 1503])
    for clock in ("wall", "data"):
        with Daemon({"clock": clock, "streams": [stream()]}) as daemon:
            step(daemon, 1)
            daemon.wait_counter("rejected_step", 1)


def a_slow_subscriber_loses_no_row():
    for clock in ("data", "manual"):
        config = {"clock": clock, "send_queue": 20, "streams": [stream("s", 100, ["if"]), stream("t", 100, ["if"])]}
        with Daemon(config) as daemon:
            sub = daemon.sub("rows/", "values/", hwm=20)
            push = daemon.pusher()
            push.sndtimeo = 50
            claim(f"{clock}: sensors are held", until("a send blocks", lambda: sends_until_held(push, clock), timeout=20))
            seen = {"s": [], "t": []}
            values = {"s": [], "t": []}
            while True:
                try:
                    topic, head, payload = sub.recv(1)
                except TimeoutError:
                    break
                kept = seen if topic.startswith("rows/") else values
                kept[topic.split("/")[1]].append((head["tick"], struct.unpack_from("<f", payload)[0], head["seq"]))
            for name in "st":
                sent = len(seen[name])
                claim(f"{clock}: {name}: many rows", sent > 100, sent)
                equal(f"{clock}: {name}: all of them, in order", [row[1:] for row in seen[name]], [(float(i), i) for i in range(sent)])
                if clock == "manual":
                    wrong = [(r, v) for r, v in zip(seen[name], values[name]) if r[:2] != v[:2]]
                    equal(f"manual: {name}: each at the tick that used it", wrong[:1], [])


def sends_until_held(push, clock):
    """Rows (and steps) until the socket takes no more; each message whole."""
    for value in range(1 << 20):
        payload = struct.pack("<100f", *[value] * 100)
        try:
            push.send_multipart([b"s", payload])
            push.send_multipart([b"t", payload])
            if clock == "manual":
                push.send_multipart([b"", struct.pack("<Q", 1)])
        except zmq.Again:
            return True
    return False


main(every_type_comes_as_it_was_sent, nobody_listens_and_it_costs_nothing, a_row_comes_before_the_tick_that_uses_it,
     windows_of_clock_data_count_their_ticks, steps_in_line_use_the_rows_before_them, a_slow_subscriber_loses_no_row)
