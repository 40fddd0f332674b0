"""Where the sound comes from: a file, over and over in real time, or the microphone.

SPDX-License-Identifier: Apache-2.0
"""
import queue
import subprocess
import sys
import threading
import time
import wave
from pathlib import Path

import numpy as np
from scipy.signal import resample_poly

from live import Fault

ROOT = Path(__file__).resolve().parents[2]
RECORDED = [Path("/usr/share/sounds/alsa") / name for name in ("Front_Center.wav", "Rear_Left.wav", "Side_Right.wav")]
PAUSE_S = 0.3


def read(path, rate):
    """A file's first channel, brought to `rate`."""
    try:
        with wave.open(str(path)) as sound:
            if sound.getsampwidth() != 2:
                raise Fault(f"{path} has {8 * sound.getsampwidth()} bits a sample; 16 are needed")
            samples = np.frombuffer(sound.readframes(sound.getnframes()), "<i2")[::sound.getnchannels()] / 32768
            divisor = np.gcd(rate, sound.getframerate())
            return resample_poly(samples, rate // divisor, sound.getframerate() // divisor)
    except (OSError, EOFError, wave.Error) as error:
        raise Fault(f"{path}: {error}") from None


def voice(rate, folder):
    """Words with pauses: recorded ones where they are installed, otherwise made ones. (samples, what they are)"""
    if all(path.exists() for path in RECORDED):
        pause = np.zeros(int(PAUSE_S * rate))
        parts = [part for path in RECORDED for part in (read(path, rate), pause)]
        return np.concatenate(parts), f"{RECORDED[0].parent}, a recorded voice"
    made = folder / "voice.wav"
    subprocess.run([sys.executable, ROOT / "scripts/make-wav.py", made, "--rate", str(rate)], check=True)
    return read(made, rate), "a made voice (scripts/make-wav.py)"


class Loop:
    """Samples over and over, a block at a time, each when its last sample has sounded."""

    def __init__(self, samples, rate, block):
        self.blocks = np.resize(samples, (-(-len(samples) // block), block))
        self.seconds = block / rate
        self.count = 0
        self.began = None

    def wait(self):
        """Seconds until the next block."""
        self.began = self.began or time.monotonic()
        return max(0.0, self.began + (self.count + 1) * self.seconds - time.monotonic())

    def next(self):
        """The next block, or None while it has not sounded."""
        if self.wait():
            return None
        self.count += 1
        return self.blocks[(self.count - 1) % len(self.blocks)]


class Microphone:
    """Blocks from arecord's output, which a thread reads."""

    def __init__(self, live, device, rate, block):
        command = ["arecord", "-q", "-t", "raw", "-f", "S16_LE", "-c", "1", "-r", rate, *(["-D", device] if device else [])]
        self.pipe = live.spawn("arecord", command, stdout=subprocess.PIPE).stdout
        self.block = block
        self.blocks = queue.Queue()
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        while len(data := self.pipe.read(2 * self.block)) == 2 * self.block:
            self.blocks.put(np.frombuffer(data, "<i2") / 32768)

    def wait(self):
        return 0.005

    def next(self):
        return None if self.blocks.empty() else self.blocks.get()
