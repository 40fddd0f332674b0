#!/usr/bin/python3
"""spikectl top: its rates are what was sent and received, and on a terminal it survives the daemon.

SPDX-License-Identifier: Apache-2.0
"""
import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import threading
import time

import harness as h

SPIKECTL = os.environ.get("SPIKECTL_BIN") or str(h.BIN.parent / "spikectl")
STREAMS = [h.stream("arm", 4), h.stream("idle", 2)]


def environment(d):
    return {**os.environ, "SPIKED_CONTROL": d.control_at, "TERM": "xterm"}


class Rows(threading.Thread):
    """100 rows a second to arm, and 20 messages of a wrong length."""

    def __init__(self, d):
        super().__init__(daemon=True)
        self.d, self.on, self.sent, self.wrong = d, True, 0, 0
        self.start()

    def run(self):
        push = self.d.pusher()
        while self.on:
            for n in range(5):
                push.send_multipart([b"arm", struct.pack("<4f", 1, 2, 3, 4)])
                self.sent += 1
                time.sleep(0.01)
            push.send_multipart([b"arm", b"short"])
            self.wrong += 1
        push.close(0)

    def stop(self):
        self.on = False
        self.join()


def rates_are_what_happened():
    with h.Daemon({"clock": "wall", "dt": "2 ms", "streams": STREAMS}) as d:
        rows = Rows(d)
        d.wait_rows("arm", 10)
        before, began, ticked = rows.sent, time.monotonic(), d.counters("arm")["ticks"]
        done = subprocess.run([SPIKECTL, "--json", "top", "-n", "3", "-i", "0.5"], env=environment(d),
                              capture_output=True, text=True, timeout=30 * h.SLOW)
        span = time.monotonic() - began
        sent, ticks = rows.sent - before, d.counters("arm")["ticks"] - ticked
        rows.stop()
        h.equal("it ends by itself", (done.returncode, done.stderr), (0, ""))
        looks = [json.loads(line) for line in done.stdout.splitlines()]
        h.equal("three looks", len(looks), 3)
        for look in looks:
            h.equal("both streams", [s["stream"] for s in look["streams"]], ["arm", "idle"])
        arm = [look["streams"][0] for look in looks]
        counted = sum(a["rows_per_s"] * look["interval_s"] for a, look in zip(arm, looks))
        h.claim(f"rows: {counted:.1f} by its rates, {sent} sent meanwhile", 0 < counted <= sent + 1)
        whole = sum(look["interval_s"] for look in looks)
        h.claim("and none is missing", counted >= sent * whole / span * 0.6, (counted, sent, whole, span))
        run = sum(a["ticks_per_s"] * look["interval_s"] for a, look in zip(arm, looks))
        h.claim(f"ticks: {run:.0f} of {ticks}", 0 < run <= ticks)
        h.claim("refused ones", any(a["refused_per_s"] > 0 for a in arm))
        h.claim("liveness", [s["liveness"] for s in looks[-1]["streams"]] == ["live", "silent"], looks[-1])


class Screen:
    """spikectl on a terminal of 24 lines and 80 columns."""

    def __init__(self, d, *words):
        self.pid, self.fd = pty.fork()
        if not self.pid:
            os.execve(SPIKECTL, [SPIKECTL, *words], environment(d))
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("4H", 24, 80, 0, 0))
        self.bytes = ""

    def read(self, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if select.select([self.fd], [], [], 0.05)[0]:
                try:
                    self.bytes += os.read(self.fd, 65536).decode()
                except OSError:
                    return

    def last(self):
        """What the last whole screen shows."""
        screens = self.bytes.split("\033[H")
        return re.sub(r"\033\[[?0-9;]*[A-Za-z]", "", screens[-2] if len(screens) > 2 else screens[-1])

    def shows(self, pattern):
        self.read(0.2)
        return re.search(pattern, self.last())

    def end(self):
        os.write(self.fd, b"q")
        end = time.monotonic() + 5 * h.SLOW
        while time.monotonic() < end:
            self.read(0.1)
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                return os.waitstatus_to_exitcode(status)
        os.kill(self.pid, signal.SIGKILL)
        return None


def a_terminal_shows_the_daemon_going_and_coming():
    many = [h.stream(f"s{n:02}", 1) for n in range(40)]
    with h.Daemon({"clock": "wall", "dt": "2 ms", "streams": STREAMS + many}) as d:
        rows = Rows(d)
        screen = Screen(d, "top", "-i", "0.2")
        h.until("the stream is live", lambda: screen.shows(r"arm +live +\d+"))
        h.claim("who does not fit is counted", screen.shows(r"\.\.\. and \d+ more"), screen.last())
        lines = screen.last().splitlines()
        h.claim("nothing is longer than the screen", len(lines) <= 24 and max(map(len, lines)) <= 80, lines)
        rows.stop()
        d.kill()
        h.until("that it is gone is said", lambda: screen.shows("NO ANSWER"), timeout=15)
        h.claim("what was known last is still there", "arm" in screen.last())
        h.equal("q ends it", screen.end(), 0)
        h.claim("and the terminal is given back", screen.bytes.rstrip().endswith("\033[?1049l"), screen.bytes[-60:])


def nobody_there():
    with h.Daemon({"clock": "wall", "dt": "2 ms", "streams": STREAMS}) as d:
        env = {**environment(d), "SPIKED_CONTROL": f"tcp://127.0.0.1:{h.free_ports(1)[0]}"}
    done = subprocess.run([SPIKECTL, "--timeout", "0.5", "top"], env=env, capture_output=True, text=True, timeout=30 * h.SLOW)
    h.claim("a daemon that is not there is an error", done.returncode == 1 and "is the daemon running" in done.stderr, done.stderr)


h.main(rates_are_what_happened, a_terminal_shows_the_daemon_going_and_coming, nobody_there)
