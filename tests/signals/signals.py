"""Real signals for tests, the documentation and the comparison with other libraries.

  ecg      an electrocardiogram, 360 Hz, 10 bits: comes with Debian's python3-scipy (1.10)
  speech   "front center", 48 kHz, 16 bits: comes with Debian's alsa-utils
  host     a working machine, 100 Hz: its load in percent, context switches, interrupts and network
           bytes of each tick: host.csv, recorded by record.py

The first two are read from where their packages put them; where they are not, load raises Missing
with a sentence.

SPDX-License-Identifier: Apache-2.0
"""
import sys
import wave
from pathlib import Path
from typing import NamedTuple

import numpy as np

HERE = Path(__file__).resolve().parent
ECG = "scipy/misc/ecg.dat"
SPEECH = Path("/usr/share/sounds/alsa/Front_Center.wav")
PACKAGES = {"ecg": "python3-scipy", "speech": "alsa-utils"}


class Missing(Exception):
    """The signal's package is not installed, or has it no longer."""


class Signal(NamedTuple):
    name: str
    counts: np.ndarray  # (ticks, channels) of float32, whole numbers: what the sensor's converter gave
    rate: float         # Hz
    lo: np.ndarray      # a channel's range, for a `range` stage
    hi: np.ndarray

    @property
    def dt(self):
        return 1 / self.rate

    @property
    def unit(self):
        """Mapped to 0..1, in float32."""
        return np.clip((self.counts - self.lo) / (self.hi - self.lo), 0, 1).astype(np.float32)


def signal(name, counts, rate, lo, hi):
    counts = np.asarray(counts, np.float32)
    if counts.ndim == 1:
        counts = counts[:, None]
    ends = [np.broadcast_to(np.float32(end), counts.shape[1:]) for end in (lo, hi)]
    return Signal(name, np.ascontiguousarray(counts), rate, *ends)


def ecg():
    for folder in (*sys.path, "/usr/lib/python3/dist-packages"):
        path = Path(folder) / ECG
        if path.exists():
            with np.load(path) as data:  # an .npz by another name
                return signal("ecg", data["ecg"], 360.0, 600, 1500)
    raise Missing(f"the ECG is part of Debian 12's {PACKAGES['ecg']}, which is not installed")


def speech():
    if not SPEECH.exists():
        raise Missing(f"{SPEECH} is part of Debian's {PACKAGES['speech']}, which is not installed")
    with wave.open(str(SPEECH)) as sound:
        counts = np.frombuffer(sound.readframes(sound.getnframes()), "<i2")
        return signal("speech", counts.reshape(-1, sound.getnchannels())[:, :1], sound.getframerate(),
                      -32768, 32767)


def host():
    counts = np.loadtxt(HERE / "host.csv", delimiter=",", skiprows=1)
    return signal("host", counts, 100.0, 0, np.maximum(1, np.percentile(counts, 99, axis=0)))


ALL = {"ecg": ecg, "speech": speech, "host": host}


def load(name):
    return ALL[name]()


def installed():
    """Those that are there, and what to say about the others."""
    found, missing = [], []
    for make in ALL.values():
        try:
            found.append(make())
        except Missing as why:
            missing.append(str(why))
    return found, missing


if __name__ == "__main__":
    for each in ALL:
        try:
            it = load(each)
            print(f"{each:7} {len(it.counts)} ticks x {it.counts.shape[1]} at {it.rate:g} Hz, "
                  f"{it.counts.min():g} to {it.counts.max():g}")
        except Missing as why:
            print(f"{each:7} {why}")
