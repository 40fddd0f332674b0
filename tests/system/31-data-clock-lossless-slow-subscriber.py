#!/usr/bin/python3
"""In data clock a subscriber that does not read stops the sensor, and nothing is lost.

SPDX-License-Identifier: Apache-2.0
"""
import struct
import time

import zmq

import harness as h

CHANNELS = 4096
CONFIG = {"clock": "data", "send_queue": 10, "receive_queue": 10, "streams": [h.stream("s", CHANNELS)]}


def row(number):
    return struct.pack("<f", number % 50021) * CHANNELS


def send_until_full(push, start):
    """Sends rows until spiked has taken none for a second; gives the number of the next one."""
    number = start
    quiet = time.monotonic() + h.SLOW
    while time.monotonic() < quiet:
        try:
            push.send_multipart([b"s", row(number), struct.pack("<qQ", 0, number)], zmq.DONTWAIT)
            number += 1
            quiet = time.monotonic() + h.SLOW
        except zmq.Again:
            time.sleep(0.001)
        if number > start + 20000:
            raise h.Failed("20000 rows of 16 kB went in while nobody read")
    return number


def nothing_is_lost():
    with h.Daemon(CONFIG) as daemon:
        sub = daemon.sub("values/s/", hwm=10)
        quick = daemon.sub("spikes/s/")
        push = daemon.context.socket(zmq.PUSH)
        push.sndhwm = 10
        push.connect(daemon.ingest)
        sent = send_until_full(push, 0)
        h.claim(f"the sensor had to stop after {sent} rows", sent < 20000)
        h.claim("spiked counts that a subscriber held it", daemon.counters()["held"] > 0)
        seen = 0
        while seen < sent:
            _, head, payload = sub.recv()
            if (head["seq"], head["tick"]) != (seen, seen) or payload != row(seen):
                raise h.Failed(f"message {seen}: seq {head['seq']}, tick {head['tick']}")
            seen += 1
            if seen == sent and sent < 3000:
                # The way is free again: more rows go in, and the slow one stays slow.
                for number in range(sent, sent + 200):
                    push.send_multipart([b"s", row(number), struct.pack("<qQ", 0, number)])
                sent += 200
        h.claim(f"all {sent} rows came out, in order, bit for bit", sub.nothing(0.1))
        h.equal("a quick subscriber got every tick too",
                [m[1]["tick"] for m in quick.take(sent)], list(range(sent)))
        h.equal("and every row was counted, none missing",
                [daemon.counters("s")[key] for key in ("rows", "ticks", "seq_gaps", "queue_dropped")],
                [sent, sent, 0, 0])


def control_answers_while_blocked_and_a_subscriber_that_goes_frees_the_clock():
    with h.Daemon(CONFIG) as daemon:
        sub = daemon.sub("values/s/", hwm=10)
        push = daemon.context.socket(zmq.PUSH)
        push.sndhwm = 10
        push.connect(daemon.ingest)
        sent = send_until_full(push, 0)
        h.claim("control answers while the clock is held", daemon.control("stats")["streams"]["s"]["ticks"] < sent)
        sub.close()
        h.until("the rest of the rows run", lambda: daemon.counters("s")["ticks"] >= sent)
        h.claim("once the subscriber has gone", True)


h.main(nothing_is_lost, control_answers_while_blocked_and_a_subscriber_that_goes_frees_the_clock)
