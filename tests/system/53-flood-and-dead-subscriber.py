#!/usr/bin/python3
"""In wall clock a flood of rows and a subscriber that never reads harm nobody else.

SPDX-License-Identifier: Apache-2.0
"""
import threading
import time

import zmq

import harness as h

CONFIG = {"clock": "wall", "dt": "2 ms", "send_queue": 100, "receive_queue": 100, "overrun": "catch_up",
          "streams": [h.stream("s", 256), h.stream("quiet", 4)]}


def memory(pid):
    with open(f"/proc/{pid}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))


def watch(sub, seconds, what):
    """Reads a topic for a while; its ticks must go on without a loss."""
    first = last = sub.recv()[1]
    end = time.monotonic() + seconds
    count = 0
    while time.monotonic() < end:
        _, head, _ = sub.recv()
        if head["seq"] != last["seq"] + 1:
            raise h.Failed(f"{what}: seq jumps from {last['seq']} to {head['seq']}")
        if head["tick"] != last["tick"] + 1 and not head["flags"] & h.GAP:
            raise h.Failed(f"{what}: tick jumps from {last['tick']} to {head['tick']} without the flag gap")
        last = head
        count += 1
    wanted = (last["time_ns"] - first["time_ns"]) / 1e9
    h.claim(f"{what}: {count} ticks, none lost", abs(wanted - seconds) < 0.5 * h.SLOW, f"{wanted:.2f} s of ticks")


def a_dead_subscriber_harms_nobody():
    with h.Daemon(CONFIG) as daemon:
        dead = daemon.sub("", hwm=1)
        alive = daemon.sub("spikes/quiet/")
        watch(alive, 1, "beside a dead one")
        before = memory(daemon.process.pid)
        watch(alive, 2, "with its queues full")
        grown = memory(daemon.process.pid) - before
        h.claim(f"memory grew by {grown} kB", grown < 4096 or h.INSTRUMENTED)
        first = dead.recv()
        h.claim("the dead one may wake up", first[0])


def a_flood_harms_nobody():
    with h.Daemon(CONFIG) as daemon:
        alive = daemon.sub("spikes/quiet/")
        daemon.send_f32("quiet", 1, 1, 1, 1)
        stop = threading.Event()
        sent = [0]

        def flood():
            push = daemon.context.socket(zmq.PUSH)
            push.sndhwm = 100
            push.sndtimeo = 100
            push.connect(daemon.ingest)
            row = b"\0\0\x80\x3f" * 256
            while not stop.is_set():
                for frames in ([b"s", row], [b"s", row[1:]], [b"nobody", row]):
                    try:
                        push.send_multipart(frames)
                        sent[0] += 1
                    except zmq.Again:
                        pass
            push.close(0)
        thread = threading.Thread(target=flood)
        thread.start()
        try:
            watch(alive, 1, "in a flood")
            before = memory(daemon.process.pid)
            watch(alive, 2, "in a longer flood")
            grown = memory(daemon.process.pid) - before
            h.claim(f"memory grew by {grown} kB", grown < 8192 or h.INSTRUMENTED)
            h.claim("control answers in a flood", daemon.control("info"))
        finally:
            stop.set()
            thread.join()
        h.claim(f"{sent[0]} messages were sent, {daemon.counters('s')['rows']} rows used", daemon.counters("s")["rows"] > 0)
        h.claim("bad ones are counted", daemon.counters("s")["rejected_length"] > 0
                and daemon.counters()["rejected_unknown_stream"] > 0)
        h.claim("the log is not flooded", daemon.log().count("\n") < 100, daemon.log().count("\n"))
        daemon.send_f32("quiet", 1, 1, 1, 1)
        daemon.wait_rows("quiet", 2)
        h.claim("a quiet sensor is heard after it", True)


h.main(a_dead_subscriber_harms_nobody, a_flood_harms_nobody)
