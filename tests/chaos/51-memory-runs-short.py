#!/usr/bin/python3
"""The daemon may not have more address space than it has (RLIMIT_AS): what is asked of it on the control socket and
does not fit is refused with a sentence, and the streams that there are miss no tick.

Not covered: the kernel's out-of-memory killer, and memory that fails for a message of a few bytes. Then the daemon
ends (as libzmq would end it), and its state is restored by whoever starts it again.

SPDX-License-Identifier: Apache-2.0
"""
import resource
import time
from pathlib import Path

import chaos as c
from chaos import h

CONFIG = {**c.PATIENT, "max_row_bytes": "256 MiB", "streams": [h.stream("s", 4), h.stream("t", 16, ["poisson"])]}
SPARE = 24 << 20


def address_space(pid):
    return int(Path(f"/proc/{pid}/statm").read_text().split()[0]) * resource.getpagesize()


def large_streams_are_refused():
    with h.Daemon(CONFIG) as daemon:
        pid = daemon.process.pid
        daemon.control("add", stream=h.stream("guest", 1000))
        daemon.control("remove", name="guest")
        with c.Calm(daemon, "short of memory", "s", "t", memory_kb=SPARE // c.KB):
            limit = address_space(pid) + SPARE
            resource.prlimit(pid, resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))
            said = set()
            for _ in range(c.times(20)):
                said.add(daemon.refused("add", stream=h.stream("guest", 16_000_000)).message)
                daemon.control("add", stream=h.stream("small", 100))
                daemon.control("set", name="small", stage=0, param="v_th", value=0.5)
                daemon.control("remove", name="small")
            h.claim(f"it says: {sorted(said)}", all("memory" in text for text in said))
            resource.prlimit(pid, resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
            time.sleep(0.1)
            daemon.control("add", stream=h.stream("guest", 100_000))
            daemon.control("remove", name="guest")
        h.equal("the streams are those from before", sorted(daemon.control("stats")["streams"]), ["s", "t"])


def large_requests_end_their_connection():
    with h.Daemon(CONFIG) as daemon:
        pid = daemon.process.pid
        with c.Calm(daemon, "large requests", "s", memory_kb=SPARE // c.KB):
            limit = address_space(pid) + SPARE
            resource.prlimit(pid, resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))
            raws = []
            for _ in range(10):
                raw = c.speak(daemon.control_at, b"DEALER")
                raw.settimeout(1)
                try:
                    raw.sendall(c.part(b"", True) + b"\2" + (15 << 20).to_bytes(8, "big") + b"[" * (1 << 20))
                except OSError:
                    pass
                raws.append(raw)
            time.sleep(0.3)
            h.claim("it is still there", daemon.control("info"))
            for raw in raws:
                raw.close()


if h.INSTRUMENTED:
    print("51-memory-runs-short.py: skipped: sanitizers and wrappers need more address space than there is")
else:
    h.main(large_streams_are_refused, large_requests_end_their_connection)
