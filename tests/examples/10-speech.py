#!/usr/bin/python3
"""The speech demo: the spikes are those of the voice, and the demo knows when they are not.

SPDX-License-Identifier: Apache-2.0
"""
import tempfile
import wave
from pathlib import Path

from examples import Demo, figure, h, np, saved_run


def spikes_follow_the_voice():
    text, kept = saved_run("speech", 3)
    h.claim("the demo says how far they follow", figure(text, r"bands and time: (\S+)") >= 0.7)
    levels, spikes = kept["levels"], kept["spikes"]
    h.equal("a row a millisecond, 64 bands each", levels.shape[1:], (64,))
    h.claim("rows of a second at least", len(levels) > 1000, len(levels))
    loud, quiet = spikes[levels > -40], spikes[levels < -65]
    h.claim("both loud and quiet moments were there", loud.size > 1000 and quiet.size > 1000, (loud.size, quiet.size))
    h.claim("bands below the threshold are all but silent", quiet.mean() < 0.01, quiet.mean())
    h.claim("loud ones fire hundreds of times a second", loud.mean() > 0.15, loud.mean())
    # Vowels are low, "s" and "t" are high: a raster without frequencies would show no difference.
    low, high = spikes[:, :20].sum(axis=1), spikes[:, 50:].sum(axis=1)
    h.claim("there are moments of low and moments of high sound alone",
            ((low > 3) & (high == 0)).any() and ((high > 3) & (low == 0)).any())


def a_demo_without_a_voice_fails():
    text = MUTE.ended(1)
    h.claim("silence is not taken for success", "the spikes do not follow the sound" in text, text[-500:])


def silence(folder):
    path = Path(folder) / "silence.wav"
    with wave.open(str(path), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(16000)
        sound.writeframes(bytes(2 * 16000))
    return path


with tempfile.TemporaryDirectory(prefix="spiked-test-") as scratch:
    MUTE = Demo("speech", "--seconds", 2, "--wav", silence(scratch))  # beside the other one
    h.main(spikes_follow_the_voice, a_demo_without_a_voice_fails)
