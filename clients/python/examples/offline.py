#!/usr/bin/env python3
"""Records a signal, encodes and decodes it offline, plots both; then the same rows through the daemon.

    offline.py                    a second of this machine: how late it wakes from 1 ms of sleep
    offline.py signal.csv         your own: one row a line, one channel a column

Writes signal.csv and, where matplotlib is, signal.png. The daemon is `spiked` on PATH, or $SPIKED_BIN.

SPDX-License-Identifier: Apache-2.0
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

import numpy as np

import spiked

DT = 0.001
THETA = 10.0  # microseconds
PIPELINE = [{"step_forward": {"theta": THETA, "max_steps": 65535}}]


def record(path, seconds=1.0):
    """Two channels: how late each wake-up is, and the same averaged, in microseconds."""
    rows, mean, end = [], 0.0, time.monotonic() + seconds
    while time.monotonic() < end:
        began = time.perf_counter()
        time.sleep(DT)
        late = 1e6 * (time.perf_counter() - began - DT)
        mean += (late - mean) / 20
        rows.append((late, mean))
    np.savetxt(path, rows, "%.3f", ",", header="late,mean (us)")


def plot(values, spikes, decoded, path):
    try:
        import matplotlib
    except ImportError:
        print("no plot: matplotlib is not installed")
        return
    matplotlib.use("Agg")
    from matplotlib import pyplot
    figure, (above, below) = pyplot.subplots(2, sharex=True, figsize=(9, 5))
    seconds = np.arange(len(values)) * DT
    above.plot(seconds, values[:, -1], "0.7", label="signal")
    above.plot(seconds, decoded[:, -1], label="decoded")
    above.legend()
    below.vlines(seconds, 0, spikes[:, -1], label="spikes a tick")
    below.legend()
    below.set_xlabel("s")
    figure.savefig(path)
    print("plotted", path)


def through_the_daemon(binary, values):
    """The rows as a sensor would send them, and what a subscriber gets."""
    with tempfile.TemporaryDirectory() as folder:
        at = {name: f"ipc://{folder}/{name}" for name in ("ingest", "publish", "control")}
        config = {"clock": "data", "dt": DT, "ingest": [at["ingest"]], "publish": [at["publish"]], "control": at["control"],
                  "streams": [{"name": "signal", "channels": values.shape[1], "encode": PIPELINE}]}
        with open(f"{folder}/spiked.yaml", "w") as file:
            json.dump(config, file)  # JSON is YAML
        daemon = subprocess.Popen([binary, "-c", file.name], stderr=subprocess.DEVNULL)
        try:
            with spiked.Receiver("spikes/signal/", "meta/signal/", endpoint=at["publish"], timeout=10, decode=True) as frames, \
                    spiked.Sender(at["ingest"]) as sensor:
                frames.recv()  # meta: the daemon knows of this subscriber now
                frames.unsubscribe("meta/signal/")
                sensor.send("signal", values)
                return [frames.recv() for _ in values]
        finally:
            daemon.terminate()
            daemon.wait()


def main():
    path = sys.argv[1] if len(sys.argv) > 1 else "signal.csv"
    if not os.path.exists(path):
        record(path)
    values = np.loadtxt(path, np.float32, delimiter=",", ndmin=2)

    spikes = spiked.encode(PIPELINE, values, dt=DT)
    decoded = spiked.decode(PIPELINE, spikes, dt=DT, first=values[0])
    print(f"{len(values)} rows of {values.shape[1]} channels, {np.abs(spikes).sum()} spikes, "
          f"decoded within {np.abs(decoded - values).max():.3f} (theta is {THETA:g})")
    plot(values, spikes, decoded, "signal.png")

    binary = os.environ.get("SPIKED_BIN") or shutil.which("spiked")
    if not binary:
        print("not run live: there is no `spiked` on PATH and no SPIKED_BIN")
        return
    frames = through_the_daemon(binary, values)
    live = np.array([frame.dense() for frame in frames], spikes.dtype)
    print("live spikes are", "the same bytes" if live.tobytes() == spikes.tobytes() else "DIFFERENT")
    known = [i for i, frame in enumerate(frames) if frame.decoded is not None]
    if known:
        error = max(np.abs(frames[i].decoded - values[i]).max() for i in known)
        print(f"decoded live from tick {known[0]} on, within {error:.3f}")


if __name__ == "__main__":
    main()
