#!/usr/bin/python3
"""A flood of rows that takes all of the ticking thread's time leaves its ticks on time, at a real-time priority
too, where the kernel would otherwise take the processor away for 50 ms a second.

SPDX-License-Identifier: Apache-2.0
"""
import os
import subprocess
import sys
import time
from pathlib import Path

import harness as h

SECONDS = 4
FLOOD = """
import sys, zmq
push = zmq.Context().socket(zmq.PUSH)
push.connect(sys.argv[1])
rows = b"[" + b",".join([b"[1,2,3,4]"] * 300) + b"]"
while True:
    push.send_multipart([b"s", rows])
"""


def ticks_stay_on_time():
    config = {"clock": "wall", "dt": "2 ms", "realtime": {"priority": 30}, "limits": {"rows_per_second": 1000000000},
              "streams": [h.stream("s", 4, input={"type": "json"}), h.stream("quiet", 4)]}
    with h.Daemon(config) as daemon:
        granted = daemon.control("info")["realtime"]
        flood = [subprocess.Popen([sys.executable, "-c", FLOOD, daemon.ingest]) for _ in range(2)]
        try:
            h.until("the flood has come", lambda: daemon.counters("s")["rows"] > 10000)
            before, began = daemon.control("stats"), time.monotonic()
            time.sleep(SECONDS)
            after = daemon.control("stats", timeout=30)
        finally:
            for process in flood:
                process.kill()
            for process in flood:
                process.wait()
        seconds = time.monotonic() - began

        def grew(key, what="daemon"):
            parts = ((x["daemon"]["counters"] if what == "daemon" else x["streams"][what]) for x in (before, after))
            first, last = (part[key] for part in parts)
            return last - first
        late, skipped = grew("late_ticks"), grew("skipped_ticks")
        print(f"  --  {grew('rows', 's') / seconds:.0f} rows/s, priority {granted['priority']}, {grew('rests')} rests, "
              f"{late} ticks late and {skipped} skipped of {SECONDS * 500}, latest "
              f"{after['daemon']['lateness_ns']['max'] / 1e6:.1f} ms")
        h.claim("the sockets had to rest", grew("rests") > 10 or h.INSTRUMENTED)
        if not granted["priority"] or h.INSTRUMENTED:
            print("  --  no real-time priority here: how late ticks are is the machine's matter")
            return
        h.claim("fewer than one tick in a hundred is late", late + skipped < SECONDS * 5, (late, skipped))


def cpus_of(pid):
    """Of each thread, by its name."""
    found = {}
    for task in Path(f"/proc/{pid}/task").iterdir():
        allowed = os.sched_getaffinity(int(task.name))
        found.setdefault((task / "comm").read_text().strip(), set()).update(allowed)
    return found


def the_ticks_cpu_is_left_to_them():
    mine = sorted(os.sched_getaffinity(0))
    if len(mine) < 2:
        print("      one cpu only: nothing to leave")
        return
    with h.Daemon({"clock": "wall", "dt": "2 ms", "realtime": {"cpu": mine[-1]}, "streams": [h.stream("s", 4)]}) as daemon:
        cpus = cpus_of(daemon.process.pid)
        h.equal("ticks", cpus.pop("spiked-hot"), {mine[-1]})
        h.equal("all other threads", {name: cpu for name, cpu in cpus.items() if cpu != set(mine[:-1])}, {})


h.main(the_ticks_cpu_is_left_to_them, ticks_stay_on_time)
