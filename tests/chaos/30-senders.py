#!/usr/bin/python3
"""Senders that flood, stall in the middle of a message, restart, die, or send garbage. The other streams miss no
tick, a well-behaved sensor loses no row, and what was not used is counted by its reason.

SPDX-License-Identifier: Apache-2.0
"""
import collections
import struct
import time

import chaos as c
import rude
from chaos import h
import zmq

CONFIG = {**c.PATIENT, "receive_queue": 100, "streams": [
    h.stream("well", 4), h.stream("s", 64), h.stream("text", 2, input={"type": "json"}),
    h.stream("pairs", 8, input={"type": "pairs"}), h.stream("queue", 4, input={"mode": "queue", "queue_rows": 32})]}
SECONDS = 1.5 * c.FACTOR


class Sensor:
    """One that does all right: a row every 2 ms, with a sequence number."""

    def __init__(self, daemon):
        self.context = zmq.Context()
        self.push = self.context.socket(zmq.PUSH)
        self.push.sndtimeo = int(10000 * h.SLOW)
        self.push.connect(daemon.ingest)
        self.sent = 0

    def row(self):
        self.push.send_multipart([b"well", struct.pack("<4f", 1, 2, 3, 4), struct.pack("<qQ", time.time_ns(), self.sent)])
        self.sent += 1
        time.sleep(0.002)


def beside_a_sensor(what, daemon, work, end_of_work=lambda: None):
    """Runs `work` for a while beside a good sensor, all of whose rows must be used."""
    sensor = Sensor(daemon)
    with c.Calm(daemon, what, "well", "text", memory_kb=8192):
        before = daemon.counters("well")["rows"]
        with c.Background(sensor.row):
            end = time.monotonic() + SECONDS
            rounds = 0
            while time.monotonic() < end:
                work()
                rounds += 1
        end_of_work()
        daemon.wait_rows("well", before + sensor.sent, 10)
        counters = daemon.counters("well")
        h.equal(f"{what}: {rounds} rounds; the good sensor's rows", counters["rows"] - before, sensor.sent)
        h.equal(f"{what}: and none of them was missed", counters["seq_gaps"] + counters["seq_repeats"], 0)
        sensor.context.destroy(0)


def a_flood():
    with h.Daemon(CONFIG) as daemon:
        context = zmq.Context()
        pushes = [context.socket(zmq.PUSH) for _ in range(4)]
        for push in pushes:
            push.sndhwm = 100
            push.connect(daemon.ingest)
        messages = [[b"s", struct.pack("<64f", *range(64)) * 16], [b"queue", bytes(16 * 50)], [b"nobody", b"x" * 300],
                    [b"s", bytes(257)], [b"text", b"[1, 2"], [b"s"], [b"s"] * 9]
        sent = [0]

        def flood():
            for push in pushes:
                for message in messages:
                    try:
                        push.send_multipart(message, zmq.DONTWAIT)
                        sent[0] += 1
                    except zmq.Again:
                        pass
        beside_a_sensor("a flood", daemon, flood)
        context.destroy(0)
        counters = daemon.counters("s")
        seen = {"rows": counters["rows"], "wrong length": counters["rejected_length"],
                "wrong frames": counters["rejected_frames"], "bad JSON": daemon.counters("text")["rejected_json"],
                "for nobody": daemon.counters()["rejected_unknown_stream"],
                "dropped from a full queue": daemon.counters("queue")["queue_dropped"]}
        h.claim(f"a flood: {sent[0]} messages; counted: {seen}", all(seen.values()))
        h.claim("a flood: the log stays short", daemon.log().count("\n") < 100 + 10 * SECONDS, daemon.log().count("\n"))


def senders_that_stall():
    """Half a message, and then nothing while the connection stays."""
    random = c.rng()
    with h.Daemon(CONFIG) as daemon:
        whole = c.parts(b"s", bytes(256), bytes(16))
        stalled = []

        def stall():
            raw = c.speak(daemon.ingest, b"PUSH")
            raw.sendall(whole[:random.randrange(1, len(whole))])
            stalled.append(raw)
            time.sleep(0.01)
            if len(stalled) > 50:
                c.reset(stalled.pop(0))

        def end():
            while stalled:
                c.reset(stalled.pop())
        before = daemon.counters("s")["rows"]
        beside_a_sensor("stalls", daemon, stall, end)
        h.equal("half a message changes nothing", daemon.counters("s")["rows"], before)
        raw = c.speak(daemon.ingest, b"PUSH")
        for byte in whole:
            raw.sendall(bytes([byte]))
        daemon.wait_rows("s", before + 1)
        h.claim("one that comes byte by byte is used once it is whole", True)


def senders_that_restart():
    with h.Daemon(CONFIG) as daemon:
        rows = [0]

        def restart():
            raw = c.speak(daemon.ingest, b"PUSH")
            for seq in range(3):  # counts anew in each life
                raw.sendall(c.parts(b"s", bytes(256), struct.pack("<qQ", 0, seq)))
            rows[0] += 3
            raw.close()
        beside_a_sensor("restarts", daemon, restart)
        daemon.wait_rows("s", rows[0], 10)
        counters = daemon.counters("s")
        h.equal("restarts: no row that was sent is lost", counters["rows"], rows[0])
        h.claim(f"restarts: and nearly each is counted as a step back ({counters['seq_back']} of {rows[0] // 3}; where "
                "two lives overlap there may be more or fewer)", counters["seq_back"] > 0.8 * rows[0] // 3)


def garbage():
    random = c.rng()
    with h.Daemon(CONFIG) as daemon:
        daemon.names = [b"s", b"text", b"pairs", b"queue"]
        kinds = collections.Counter()
        beside_a_sensor("garbage", daemon, lambda: kinds.update([rude.throw(daemon, random)]))
        counted = {name: sum(v for k, v in daemon.counters(name).items() if k.startswith("rejected"))
                   for name in (None, "s", "text", "pairs", "queue")}
        h.claim(f"garbage: {dict(kinds)}; messages rejected by the daemon and its streams: {list(counted.values())}",
                all(counted.values()))
        h.equal("garbage: none of it was used", [daemon.counters(name.decode())["rows"] for name in daemon.names], [0] * 4)


h.main(a_flood, senders_that_stall, senders_that_restart, garbage)
