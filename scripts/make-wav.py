#!/usr/bin/python3
"""Makes the sound of the demo: a WAV file of 16 bits and one channel.

  make-wav.py OUT.wav            a voice of our own making (config/demo.wav came from here)
  make-wav.py OUT.wav FROM.wav…  recordings one after the other, brought to the same rate

A recording's rate must be a multiple of the rate wanted (--rate, 2000): then a low-pass filter and
dropping samples bring it down exactly, and a tick of spiked is a whole number of nanoseconds.

SPDX-License-Identifier: Apache-2.0
"""
import argparse
import array
import math
import random
import sys
import wave

PAUSE_S = 0.35
# Formants in Hz of a few open sounds; the words are nonsense, the rhythm is that of speech.
SOUNDS = {"a": (730, 1090), "e": (530, 1840), "i": (270, 2290), "o": (570, 840), "u": (300, 870)}
WORDS = ("a-i-o", "u-a", "e-o-a-u", "i-e")


def low_pass(samples, factor):
    """Every `factor`th sample after a windowed-sinc filter at 0.45 of the new rate."""
    half = 8 * factor
    cut = 0.45 / factor
    taps = []
    for k in range(-half, half + 1):
        sinc = 2 * cut if k == 0 else math.sin(2 * math.pi * cut * k) / (math.pi * k)
        taps.append(sinc * (0.54 + 0.46 * math.cos(math.pi * k / half)))
    total = sum(taps)
    taps = [tap / total for tap in taps]
    padded = [0.0] * half + samples + [0.0] * half
    return [sum(tap * value for tap, value in zip(taps, padded[at:at + len(taps)]))
            for at in range(0, len(samples), factor)]


def read(path, rate):
    with wave.open(path, "rb") as source:
        if source.getsampwidth() != 2:
            sys.exit(f"{path}: needs 16 bits a sample")
        factor, rest = divmod(source.getframerate(), rate)
        if rest or factor == 0:
            sys.exit(f"{path}: {source.getframerate()} Hz is not a multiple of {rate} Hz")
        values = array.array("h", source.readframes(source.getnframes()))
        if sys.byteorder == "big":
            values.byteswap()
        first = [value / 32768 for value in values[::source.getnchannels()]]
    return low_pass(first, factor) if factor > 1 else first


def syllable(sound, pitch, seconds, rate, noise):
    """A sum of harmonics of the pitch, loud near the formants, with a soft start and end."""
    count = int(seconds * rate)
    phase, out = 0.0, []
    for n in range(count):
        at = n / count
        f0 = pitch * (1.06 - 0.12 * at) * (1 + 0.008 * math.sin(2 * math.pi * 5.5 * n / rate))
        phase += 2 * math.pi * f0 / rate
        value, k = 0.0, 1
        while k * f0 < 0.45 * rate:
            near = sum(math.exp(-((k * f0 - formant) / 160) ** 2) for formant in SOUNDS[sound])
            value += (0.25 + near) / k ** 0.7 * math.sin(k * phase)
            k += 1
        envelope = min(1, at / 0.12) * min(1, (1 - at) / 0.3)
        out.append(envelope * (value + 0.05 * noise.gauss(0, 1)))
    return out


def voice(rate):
    noise = random.Random(1)
    out = []
    for w, word in enumerate(WORDS):
        for s, sound in enumerate(word.split("-")):
            out += syllable(sound, 118 + 9 * ((w + 2 * s) % 3), 0.17 + 0.05 * (s % 2), rate, noise)
            out += [0.0] * int(0.03 * rate)
        out += [0.0] * int(PAUSE_S * rate)
    return out


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out")
    parser.add_argument("recordings", nargs="*")
    parser.add_argument("--rate", type=int, default=2000, metavar="HZ")
    options = parser.parse_args()
    samples = []
    for path in options.recordings:
        samples += read(path, options.rate) + [0.0] * int(PAUSE_S * options.rate)
    samples = samples or voice(options.rate)
    peak = max(map(abs, samples)) or 1.0
    data = array.array("h", (round(value / peak * 29000) for value in samples))
    if sys.byteorder == "big":
        data.byteswap()
    with wave.open(options.out, "wb") as target:
        target.setnchannels(1)
        target.setsampwidth(2)
        target.setframerate(options.rate)
        target.writeframes(data.tobytes())


if __name__ == "__main__":
    main()
