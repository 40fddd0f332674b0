"""After start-up the hot loop makes no heap call of its own: 10^5 ticks with rows arriving, streams of
every encoder, every topic, subscribers coming and going, bad rows, resets.

libzmq allocates its messages; those calls are counted apart and only printed.

SPDX-License-Identifier: Apache-2.0
"""
import os
import re
import signal
import struct
import subprocess
import tempfile
from pathlib import Path

import harness as h

TICKS = 100_000
CHUNK = 500


def watcher():
    path = Path(h.binary()).parent.parent / "tests" / "libmalloc_watch.so"
    if not path.exists():
        raise h.Failed(f"{path} is not built")
    return path


def stream(name, *encode, channels=6, **more):
    return {"name": name, "channels": channels, "encode": list(encode), **more}


STREAMS = [
    stream("lif", "lif", group="g"),
    stream("window", "lif_latency", window=20),
    stream("first", "lif", "first_spike", window=7, input={"mode": "mean"}),
    stream("poisson", "poisson", range={"lo": -1, "hi": 1}, publish={"payload": "auto"}, group="g"),
    stream("torch", {"signed_poisson": {"rng": "mt19937"}}, publish={"payload": "bitmap"}),
    stream("population", {"population": {"out_features": 5, "scale": 1}}, input={"mode": "queue"}),
    stream("pairs", "signed_poisson", input={"type": "pairs"}),
    stream("counts", {"step_forward": {"theta": 0.5, "max_steps": 4, "start": "zero"}}, {"drop": {"p": 0.3}},
           window=3, group="g"),
    stream("graded", {"send_on_delta": {"theta": 0, "payload": "graded"}}, window=3, group="g",
           publish={"payload": "auto"}),
    stream("json", "lif", input={"type": "json", "stale_after": "5 ms", "on_stale": "zero"}),
]


def every_encoder():
    """A stream for each that the list above leaves out, with a window for those that want one."""
    text = subprocess.run([h.binary(), "--encoders"], check=True, capture_output=True, text=True).stdout
    used = {stage if isinstance(stage, str) else next(iter(stage)) for s in STREAMS for stage in s["encode"]}
    for name, takes in re.findall(r"^([a-z_]+)\n.*\n  in: ([^;]*);", text, re.M):
        if name in used:
            continue
        before = [] if "values" in takes else ["if" if takes.startswith("spikes") else "signed_poisson"]
        yield stream(f"all.{name}", *before, name, window=20)


def no_heap_call_in_1e5_ticks():
    STREAMS.extend(every_encoder())
    h.claim(f"{len(STREAMS)} streams", len(STREAMS) > 35)
    if h.INSTRUMENTED:
        print("  --  skipped: instrumented builds have their own allocator")
        return
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "counts"
        os.environ.update(LD_PRELOAD=str(watcher()), MALLOC_WATCH=str(report))
        try:
            daemon = h.Daemon({"clock": "manual", "streams": STREAMS})
            with daemon:
                os.environ.pop("LD_PRELOAD")
                drive(daemon)
        finally:
            os.environ.pop("LD_PRELOAD", None)
        counts = {line.split()[0]: line.split()[1:] for line in report.read_text().splitlines()}
    print(f"  --  libzmq made {counts['zmq'][0]} heap calls in {TICKS} ticks")
    h.claim("libzmq's calls were seen, so the watch was on", int(counts["zmq"][0]) > TICKS)
    h.equal(f"spiked's own heap calls in {TICKS} ticks (first: {counts['spiked'][1]})", int(counts["spiked"][0]), 0)
    h.equal(f"heap calls of anything else (first: {counts['other'][1]})", int(counts["other"][0]), 0)


def drive(daemon):
    row = struct.pack("<6f", *range(6))
    subscribers = []
    for done in range(0, TICKS + CHUNK, CHUNK):
        for s in STREAMS:
            daemon.send_row(s["name"], payload(s, row), stamp=(done, done))
        daemon.send_row("nobody", row)
        daemon.send_row("lif", row[:-1])
        if done % (4 * CHUNK) == 0:
            # They never read: their queues have no end, so the lossless clock goes on.
            subscribers.append(daemon.sub(""))
            daemon.control("reset", name="torch")
        if len(subscribers) > 3:
            subscribers.pop(0).close()
        daemon.step(CHUNK)
        if done == 0:
            daemon.process.send_signal(signal.SIGUSR2)
    h.claim("lines spiked more than once a tick", daemon.counters("counts")["spikes"] > 2 * TICKS)
    h.claim("values went out with their spikes", daemon.counters("graded")["spikes"] > TICKS)
    for each in subscribers:
        each.close()


def payload(s, row):
    kind = s.get("input", {}).get("type")
    if kind == "pairs":
        return struct.pack("<IfIf", 1, 0.5, 4, -0.5)
    return b"[1, null, 3.5, 0, 1e3, -2]" if kind == "json" else row


h.main(no_heap_call_in_1e5_ticks)
