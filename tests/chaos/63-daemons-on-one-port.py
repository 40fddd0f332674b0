#!/usr/bin/python3
"""Several daemons started at once with one configuration: exactly one gets the ports, the others end and say why; when
it is killed the next one can start at once.

SPDX-License-Identifier: Apache-2.0
"""
import subprocess
import time

import chaos as c
from chaos import h

CONFIG = {**c.PATIENT, "streams": [h.stream("s", 4)]}
AT_ONCE = 6


def start(daemon, count):
    return [subprocess.Popen(h.command("-c", str(daemon.path)), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                             stderr=subprocess.PIPE, text=True) for _ in range(count)]


def ends(process):
    _, error = process.communicate(timeout=10 * h.SLOW)
    return process.returncode, error


def one_of_many():
    daemon = h.Daemon(CONFIG)
    try:
        for _ in range(c.times(3)):
            crowd = start(daemon, AT_ONCE)
            h.until("all but one have ended", lambda crowd=crowd: sum(p.poll() is None for p in crowd) == 1, 10)
            time.sleep(0.2)
            left = [p for p in crowd if p.poll() is None]
            h.equal("exactly one stays", len(left), 1)
            told = [ends(p) for p in crowd if p is not left[0]]
            h.claim("the others end with exit code 1 or more and name the endpoint", all(
                code > 0 and "something listens there already" in text for code, text in told), told)
            daemon.process = left[0]
            h.until("it answers", lambda: asked(daemon))
            # Killed, with a subscriber connected: its port must not stay taken.
            watcher = c.speak(daemon.publish, b"SUB")
            left[0].kill()
            left[0].communicate()
            watcher.close()
        began = time.monotonic()
        daemon.start()
        h.claim(f"the next one starts at once: it answers after {time.monotonic() - began:.2f} s", True)
        daemon.stop()
    finally:
        daemon.close()


def asked(daemon):
    try:
        return daemon.control("info", timeout=0.5)
    except TimeoutError:
        return None


def newcomers_disturb_nobody():
    with h.Daemon(CONFIG) as daemon:
        with c.Calm(daemon, "10 newcomers", "s"):
            for process in [p for _ in range(5) for p in start(daemon, 2)]:
                h.claim("a newcomer ends", ends(process)[0] > 0)


h.main(one_of_many, newcomers_disturb_nobody)
