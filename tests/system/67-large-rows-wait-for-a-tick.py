#!/usr/bin/python3
"""A large row that would make a tick late waits until after it; none is lost, none overtakes another.

SPDX-License-Identifier: Apache-2.0
"""
import struct
import time

import harness as h

CHANNELS = 262144
ROWS = 300


def row(value):
    return struct.pack("<f", value) * CHANNELS


def every_row_is_used_in_order():
    with h.Daemon({"clock": "wall", "dt": "1 ms", "max_row_bytes": "2 MiB",
                   "streams": [h.stream("large", CHANNELS), h.stream("small", 1)]}) as d:
        sub = d.sub("values/small/")
        for n in range(ROWS):
            d.send_row("large", row(n))
            d.send_f32("small", n)
            time.sleep(0.0023)  # so that they come at every time between two ticks
        h.until("all have been read", lambda: d.counters("small")["rows"] == ROWS)
        h.equal("also the large ones", d.counters("large")["rows"], ROWS)
        counters = d.counters()
        h.claim(f"{counters['rows_postponed']} waited for a tick to pass", 0 < counters["rows_postponed"] <= ROWS)
        values = []
        while sub.socket.poll(0):
            values.append(struct.unpack("<f", sub.recv()[2])[0])
        h.claim("one behind them never goes back", values == sorted(values) and len(set(values)) > 10, values[:50])


def a_tick_that_never_comes_holds_nobody():
    """The only stream with ticks goes while its row may be waiting."""
    with h.Daemon({"clock": "wall", "dt": "0.2 ms", "max_row_bytes": "2 MiB", "streams": [h.stream("large", CHANNELS)]}) as d:
        for n in range(20):
            for _ in range(3):
                d.send_row("large", row(n))
            d.control("remove", name="large")
            before = d.counters()["rejected_unknown_stream"]
            d.send_f32("gone", n)
            h.until("who is behind it is read", lambda: d.counters()["rejected_unknown_stream"] > before)
            d.control("add", stream=h.stream("large", CHANNELS))


h.main(every_row_is_used_in_order, a_tick_that_never_comes_holds_nobody)
