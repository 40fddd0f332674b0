#!/usr/bin/python3
"""Frames that announce more than any message of spiked has: the connection is ended, whatever is sent of them is not
stored, and nobody else notices.

SPDX-License-Identifier: Apache-2.0
"""
import chaos as c
from chaos import h

CONFIG = {**c.PATIENT, "streams": [h.stream("s", 4)]}
ANNOUNCED = (1 << 30, 1 << 40, (1 << 63) - 1)
SENT = 200 << 20
MIB = 1024  # kB


def pour(endpoint, kind, announced):
    """Sends the beginning of such a frame until the daemon hangs up; gives the bytes that it took."""
    raw = c.speak(endpoint, kind)
    taken = 0
    try:
        raw.sendall(b"\2" + announced.to_bytes(8, "big") + b"\1")
        while taken < SENT:
            raw.sendall(bytes(1 << 20))
            taken += 1 << 20
    except OSError:
        pass
    raw.close()
    return taken


def on_each_socket():
    with h.Daemon(CONFIG) as daemon:
        for what, endpoint, kind in (("publish", daemon.publish, b"SUB"), ("control", daemon.control_at, b"DEALER"),
                                     ("ingest", daemon.ingest, b"PUSH")):
            with c.Calm(daemon, what, "s", memory_kb=8 * MIB):
                for announced in ANNOUNCED:
                    taken = pour(endpoint, kind, announced)
                    h.claim(f"{what}: {announced} bytes announced, hung up after {taken >> 20} MiB", taken < 32 << 20)


h.main(on_each_socket)
