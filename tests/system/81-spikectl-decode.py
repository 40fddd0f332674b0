#!/usr/bin/python3
"""spikectl decode, that is the C client's decoder, gives back what the sensor sent, within the bounds that
the encoders promise.

SPDX-License-Identifier: Apache-2.0
"""
import json
import math
import os
import queue
import random
import signal
import subprocess
import threading
from pathlib import Path

import harness as h

SEED = 20260104
CHANNELS = 5
ROUNDING = 1e-4  # of float32 sums


def spikectl():
    path = os.environ.get("SPIKECTL_BIN") or Path(h.binary()).with_name("spikectl")
    if not os.access(path, os.X_OK):
        raise h.Failed(f"{path} is missing: it belongs beside the daemon, or SPIKECTL_BIN says where it is")
    return str(path)


class Decode:
    """spikectl decode --json, as a context manager; its lines as objects."""

    def __init__(self, daemon, *words):
        self.process = subprocess.Popen(
            [spikectl(), "decode", *words, "--json", "--publish", daemon.publish],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.lines = queue.Queue()
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.put(json.loads(line))

    def next(self, timeout=10.0):
        try:
            return self.lines.get(timeout=timeout * h.SLOW)
        except queue.Empty:
            raise h.Failed("spikectl decode says nothing more") from None

    def until_tick(self, tick):
        """Everything up to the line of that tick."""
        lines = [self.next()]
        while lines[-1]["tick"] < tick:
            lines.append(self.next())
        return lines

    def stop(self):
        """Ends it; gives what it had still to say."""
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(10 * h.SLOW)
        h.equal("spikectl ends well", (code, self.process.stderr.read()), (0, ""))
        self.reader.join(10 * h.SLOW)  # the last lines are in the pipe
        rest = []
        while not self.lines.empty():
            rest.append(self.lines.get())
        return rest

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        self.process.stderr.close()


def wander(count, lo, hi, step):
    draw = random.Random(SEED)
    row = [draw.uniform(lo, hi) for _ in range(CHANNELS)]
    for _ in range(count):
        yield row
        row = [min(max(x + draw.uniform(-step, step), lo), hi) for x in row]


def stream(encode, **more):
    return h.stream("s", CHANNELS, [encode], input={"mode": "queue"}, **more)


def ready(daemon, decode):
    """Steps until spikectl hears it."""
    while decode.lines.empty():
        daemon.step()


def feed(daemon, rows, window=1):
    """Sends rows and runs as many ticks; gives the first one's number."""
    before = daemon.counters("s")
    for row in rows:
        daemon.send_f32("s", *row)
    daemon.wait_rows("s", before["rows"] + len(rows))
    daemon.step(len(rows) * window)
    return before["ticks"]


def largest(lines, rows, first):
    """Distance of what was decoded from what was sent, over all ticks that have values."""
    return max(abs(x - y) for line in lines if line["decoded"] is not None
               for x, y in zip(line["decoded"], rows[line["tick"] - first]))


def follow(text, encode, bound, lo=-3, hi=3, step=0.4, **more):
    rows = list(wander(800, lo, hi, step))
    with h.Daemon({"clock": "manual", "streams": [stream(encode, **more)]}) as daemon, \
            Decode(daemon, "s", "--check") as decode:
        ready(daemon, decode)
        first = feed(daemon, rows[:600])
        lines = [line for line in decode.until_tick(first + 599) if line["tick"] >= first]
        h.equal(f"{text}: values from the first row's tick or the next on",
                [line["tick"] - first for line in lines if line["decoded"] is None], [0])
        h.claim(f"{text}: within {bound:g} of what was sent", largest(lines, rows, first) <= bound + ROUNDING,
                largest(lines, rows, first))
        tick = daemon.control("reset", name="s")["tick"]
        feed(daemon, rows[600:])
        lines = [line for line in decode.until_tick(first + 799) if line["tick"] >= tick]
        h.claim(f"{text}: begins anew after a reset", "reset" in lines[0]["flags"] and lines[0]["decoded"] is None
                and [line["begun"] for line in lines[1:4]] == [True, False, False], lines[:4])
        h.claim(f"{text}: and is as near", largest(lines, rows, first) <= bound + ROUNDING)
        summary = decode.stop()[-1]
    h.claim(f"{text}: --check has seen the same", 700 < summary["checked"] < 800 and
            (more or summary["max_error"] <= bound + ROUNDING), summary)


def steps_are_followed():
    follow("signed steps", {"step_forward": {"theta": 0.25}}, 0.25, step=0.2)
    follow("counted steps", {"step_forward": {"theta": 0.25, "max_steps": 100}}, 0.25)
    follow("through a range", {"step_forward": {"theta": 0.01, "max_steps": 1000}}, 0.01 * 40, lo=-20, hi=20,
           step=8, range={"lo": -20, "hi": 20})


def graded_deltas_are_followed():
    follow("graded deltas", {"send_on_delta": {"theta": 0.25, "payload": "graded", "first": "silent"}}, 0.25)


def rates_come_to_the_value():
    encode = {"if": {"f_max": 1000, "mode": "bipolar", "cap": 2}}
    rows = [[0.7, -0.4, 0, 1.5, 0.1]] * 400
    with h.Daemon({"clock": "manual", "streams": [stream(encode)]}) as daemon, \
            Decode(daemon, "s", "--smooth", "0.05") as decode:
        ready(daemon, decode)
        first = feed(daemon, rows)
        last = decode.until_tick(first + 399)[-1]
        h.claim("with time constant 50 ms, half a second later: within 2 spikes in 50 ticks",
                all(math.isclose(x, y, abs_tol=2 / 50) for x, y in zip(last["decoded"], rows[0])), last["decoded"])
        h.claim("an average goes on", last["begun"] is False and "waits" not in last, last)
        decode.stop()


def windows(text, encode, window, hi, bound, **more):
    """What is decoded at the end of each window is the row within the bound."""
    rows = list(wander(40, 0, hi, hi / 3))
    with h.Daemon({"clock": "data", "streams": [
            h.stream("s", CHANNELS, [encode], window=window, **more)]}) as daemon, Decode(daemon, "s") as decode:
        sent = 0
        while decode.lines.empty():
            daemon.send_f32("s", *rows[0])
            sent += 1
            daemon.wait_rows("s", sent)
        for row in rows:
            daemon.send_f32("s", *row)
        lines = decode.until_tick((sent + len(rows)) * window - 1)
        ends = [line for line in lines if line["tick"] % window == window - 1 and line["tick"] >= sent * window]
        h.equal(f"{text}: every window has an end", len(ends), len(rows))
        off = max(abs(x - y) for line, row in zip(ends, rows) for x, y in zip(line["decoded"], row))
        h.claim(f"{text}: which says the row within {bound:g}", off <= bound + 1e-6, off)
        decode.stop()


def windows_come_back():
    windows("if", {"if": {"f_max": 1000, "cap": 2}}, 50, 1.5, 1 / 50)
    windows("ttfs", {"ttfs": {}}, 21, 1, 0.5 / 20)
    windows("phase_bits", {"phase_bits": {"bits": 12}}, 16, 1 - 2**-12, 2**-12)
    windows("phase_bits through a range", {"phase_bits": {"bits": 12}}, 12, 50, 50.1 / 2**12,
            range={"lo": 0, "hi": 50.1})


def joined_in_the_middle(text, encode, row, bound, waits, known, **more):
    """What decode knows of a steady row, having come late: nothing that is wrong, and why not more."""
    with h.Daemon({"clock": "manual", "streams": [h.stream("s", 1, encode, input={"mode": "queue"}, **more)]}) as daemon:
        feed(daemon, [[row]] * 237)
        with Decode(daemon, "s") as decode:
            while decode.lines.empty():
                feed(daemon, [[row]])
            first = feed(daemon, [[row]] * 600)
            lines = decode.until_tick(first + 599)
            told = [line for line in lines if line["decoded"] is not None]
            off = max((abs(line["decoded"][0] - row) for line in told), default=0)
            h.claim(f"{text}: what is known is within {bound:g}", off <= bound + ROUNDING, off)
            h.claim(f"{text}: {'then' if known else 'never'} it is known", bool(told) == known and
                    (lines[-1]["decoded"] is not None) == known, lines[-1])
            silent = {line["waits"] for line in lines if line["decoded"] is None and line["waits"] != "meta"}
            h.equal(f"{text}: what it waits for", silent, set(waits))
            decode.stop()


def who_comes_late_believes_nothing_that_is_wrong():
    joined_in_the_middle("pwm", [{"pwm": {"f": 10}}], 0.3, 0.005, ["reset"], False)
    joined_in_the_middle("place that moved before", [{"place": {"on_change": True}}], 0.83, 0.05, ["spikes"], False)
    joined_in_the_middle("asdm", ["asdm"], -1.5, 3.5 / 11, ["spikes"], True)
    joined_in_the_middle("bsa", [{"bsa": {"f": 100, "cutoff": 0.04}}], 0.5, 0.1, ["ticks"], True)
    joined_in_the_middle("a base that leaks", [{"step_forward": {
        "theta": 0.01, "start": "zero", "leak": 0.2, "max_steps": 100}}], 1, 0.02, ["values"], True)
    joined_in_the_middle("a base that lags", [{"step_forward": {"theta": 0.01}}], 5, 0.02, ["values"], True)
    joined_in_the_middle("changes of changes", ["diff", {"step_forward": {"theta": 0.01}}], 5, 0, ["reset"], False)


def what_cannot_be_decoded_is_said():
    front = h.stream("s", CHANNELS, ["rectify", {"if": {"f_max": 1000}}])
    with h.Daemon({"clock": "manual", "streams": [front]}) as daemon, Decode(daemon, "s") as decode:
        ready(daemon, decode)
        first = feed(daemon, [[0.5] * CHANNELS] * 100)
        line = decode.until_tick(first + 99)[-1]
        h.claim("what is before an encoder may not be: then the values are the encoder's, and it says so",
                line["stage"] == "if" and all(abs(x - 0.5) < 0.2 for x in line["decoded"]), line)
        decode.stop()
    with h.Daemon({"clock": "data", "streams": [h.stream("s", 1, [{"send_on_delta": {}}])]}) as daemon:
        result = subprocess.run([spikectl(), "decode", "s", "--publish", daemon.publish], capture_output=True,
                                text=True, timeout=20 * h.SLOW)
        h.claim("an encoder whose spikes do not tell the value: why not, and what would do",
                result.returncode == 1 and "payload: graded" in result.stderr, result.stderr)


h.main(steps_are_followed, graded_deltas_are_followed, rates_come_to_the_value, windows_come_back,
       who_comes_late_believes_nothing_that_is_wrong, what_cannot_be_decoded_is_said)
