#!/usr/bin/python3
"""Control clients without manners: hundreds of connections, requests cut in half, answers that nobody reads, huge
batches. No tick is missed, memory stays within its bound, and an ordinary client goes on getting answers.

SPDX-License-Identifier: Apache-2.0
"""
import json
import time

import chaos as c
from chaos import h

CONFIG = {**c.PATIENT, "streams": [h.stream("s", 4), h.stream("t", 16)]}
MIB = 1024  # kB


def request(method, **params):
    return json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()


def message(body):
    return c.parts(b"", body)


class Ordinary:
    """Asks again and again; remembers the longest wait, and the most memory that the daemon had."""

    def __init__(self, daemon):
        self.daemon, self.worst, self.memory = daemon, 0.0, 0

    def ask(self):
        began = time.monotonic()
        self.daemon.control("info", timeout=10)
        self.worst = max(self.worst, time.monotonic() - began)
        self.memory = max(self.memory, c.memory(self.daemon.process.pid))
        time.sleep(0.01)


def beside_an_ordinary_one(what, work, memory_kb, refused=False):
    with h.Daemon(CONFIG) as daemon:
        ordinary = Ordinary(daemon)
        with c.Calm(daemon, what, "s", "t", memory_kb=memory_kb) as calm:
            with c.Background(ordinary.ask) as asked:
                gone = work(daemon)
                if refused:
                    h.until("requests are refused", lambda: daemon.counters()["control_unread"], 20, 0.1)
                time.sleep(0.5)
            grown = (ordinary.memory - calm.memory) // c.KB
            h.claim(f"{what}: memory grew by {grown} kB at most, bound {memory_kb}", grown <= memory_kb or h.INSTRUMENTED)
            unread = daemon.counters()["control_unread"]
            h.claim(f"{what}: {unread} requests were refused because answers wait unread", bool(unread) == refused)
            for raw in gone:
                c.reset(raw)
        h.claim(f"{what}: an ordinary client got {asked.rounds} answers beside, the slowest after {ordinary.worst * 1e3:.0f} ms",
                asked.rounds > 0)


def many_connections():
    def work(daemon):
        raws = [c.speak(daemon.control_at, b"DEALER") for _ in range(c.times(300))]
        for raw in raws:
            raw.sendall(message(request("info")) * 3)
        for raw in raws:
            raw.recv(100)
        return raws
    beside_an_ordinary_one("300 connections", work, 32 * MIB)


def many_that_come_and_go():
    random = c.rng()

    def work(daemon):
        whole = message(request("streams"))
        for _ in range(c.times(500)):
            raw = c.speak(daemon.control_at, b"DEALER") if random.random() < 0.7 else c.connect(daemon.control_at)
            raw.sendall(whole[:random.randrange(1, len(whole) + 1)])
            c.reset(raw) if random.random() < 0.5 else raw.close()
        return []
    beside_an_ordinary_one("500 that come and go", work, 8 * MIB)


def answers_that_nobody_reads():
    def work(daemon):
        raws = [c.speak(daemon.control_at, b"DEALER") for _ in range(5)]
        for raw in raws:
            raw.settimeout(0.5)
            try:
                raw.sendall(message(request("encoders")) * 1000)
            except OSError:
                pass  # the daemon need not read on
        return raws
    beside_an_ordinary_one("5 that never read", work, 5 * UNREAD_KB + 8 * MIB, refused=True)


def batches_that_nobody_reads():
    def work(daemon):
        raws = [c.speak(daemon.control_at, b"DEALER") for _ in range(2)]
        batch = b"[" + b",".join([request("encoders")] * 1000) + b"]"
        for raw in raws:
            raw.settimeout(0.5)
            try:
                raw.sendall(message(batch) * 20)
            except OSError:
                pass
        return raws
    beside_an_ordinary_one("2 with batches of 1000", work, 2 * UNREAD_KB + 16 * MIB, refused=True)


def requests_that_stay_halves():
    def work(daemon):
        raws = []
        for _ in range(20):
            raw = c.speak(daemon.control_at, b"DEALER")
            # 8 MiB are announced and 100 kB come.
            raw.sendall(c.part(b"", True) + b"\2" + (8 << 20).to_bytes(8, "big") + bytes(100000))
            raws.append(raw)
        return raws
    beside_an_ordinary_one("20 halves", work, 20 * 200 + 8 * MIB)


UNREAD_KB = 6 * MIB  # docs/OPERATING.md, "Bounds"

h.main(many_connections, many_that_come_and_go, answers_that_nobody_reads, batches_that_nobody_reads,
       requests_that_stay_halves)
