#!/usr/bin/python3
"""The descriptors that the daemon may have are used up by peers that only connect: those that are connected lose
nothing, the log says what to do, and when the crowd has left everything goes on.

SPDX-License-Identifier: Apache-2.0
"""
import resource
import time

import chaos as c
from chaos import h

CONFIG = {**c.PATIENT, "streams": [h.stream("s", 4)]}


def a_crowd_takes_all():
    with h.Daemon(CONFIG) as daemon:
        pid = daemon.process.pid
        dealer = c.speak(daemon.control_at, b"DEALER")  # a client from before
        daemon.send_f32("s", 1, 1, 1, 1)
        daemon.wait_rows("s", 1)
        with c.Calm(daemon, "a crowd", "s", memory_kb=8192):
            limit = c.descriptors(pid) + 20
            hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)[1]
            resource.prlimit(pid, resource.RLIMIT_NOFILE, (limit, hard))
            crowd = [c.connect(endpoint) for endpoint in (daemon.publish, daemon.control_at, daemon.ingest) for _ in range(20)]
            h.until("all descriptors are taken", lambda: c.descriptors(pid) == limit)
            time.sleep(1.5)
            h.claim("the log says so", "descriptors" in daemon.log(), daemon.log())
            daemon.send_f32("s", 1, 1, 1, 1)
            h.until("a client from before gets answers, a sensor from before is heard", lambda: ask(dealer) == 2)
            for raw in crowd:
                raw.close()
            h.until("the log says that it is over", lambda: "free descriptors again" in daemon.log())
            short = daemon.counters()["descriptors_short"]
            h.claim(f"counted: {short} s without a free descriptor", short >= 1)
        h.claim("the log is not flooded", daemon.log().count("\n") < 30, daemon.log())
        dealer.close()


def ask(raw):
    """The rows of stream s, over a raw connection."""
    raw.sendall(c.parts(b"", b'{"jsonrpc":"2.0","id":1,"method":"stream","params":{"name":"s"}}'))
    flags, size = c.read_exactly(raw, 2)
    c.read_exactly(raw, size)
    flags = c.read_exactly(raw, 1)[0]
    size = int.from_bytes(c.read_exactly(raw, 8 if flags & 2 else 1), "big")
    return c.json.loads(c.read_exactly(raw, size))["result"]["counters"]["rows"]


def the_crowd_is_shown_out():
    """Who says nothing is cut off after a few seconds, even if it does not leave."""
    if h.INSTRUMENTED:
        return
    with h.Daemon(CONFIG) as daemon:
        pid = daemon.process.pid
        before = c.descriptors(pid)
        crowd = [c.connect(daemon.publish) for _ in range(100)]
        h.until("they are let in", lambda: c.descriptors(pid) >= before + 90)
        c.back_to(daemon, before, "100 that say nothing")
        for raw in crowd:
            raw.close()


h.main(a_crowd_takes_all, the_crowd_is_shown_out)
