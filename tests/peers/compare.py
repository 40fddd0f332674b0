"""What the comparisons with other libraries share: signals, one run of ours, one row of the table.

A comparison says how our output and theirs differ. Where nothing is known to differ, any difference
fails. Where something is, its cause is named and accounted for, and then nothing may be left; and
if the difference itself is gone, that fails too, so that no cause outlives its fault.

SPDX-License-Identifier: Apache-2.0
"""
import sys
from pathlib import Path
from typing import Callable, NamedTuple, Optional

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
for folder in (ROOT / "clients" / "python", ROOT / "tests" / "signals"):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))

import signals  # noqa: E402
import spiked  # noqa: E402

SEED = 20240611


class Unavailable(Exception):
    """The peer is there, but this of it does not run here; the text says why."""


class Outcome(NamedTuple):
    samples: int      # compared
    differences: int
    left: int         # once the cause is accounted for; without a cause, the differences


class Comparison(NamedTuple):
    peer: str
    theirs: str       # what they call it
    ours: str         # pipeline
    run: Callable[[], Outcome]
    cause: Optional[str] = None


def encode(pipeline, values, **options):
    """Ours: (ticks, lines); values of one dimension are one channel."""
    values = np.ascontiguousarray(values, np.float32)
    if values.ndim == 1:
        values = values[:, None]
    return np.asarray(spiked.encode(pipeline, values, **options))


def rng():
    return np.random.default_rng(SEED)


def dyadic(ticks, channels, bits=10, lo=0, hi=1):
    """Random multiples of 2^-bits: sums and differences of them are exact in float32 and float64, so
    that a library that computes in double has no excuse."""
    return rng().integers(lo << bits, (hi << bits) + 1, (ticks, channels)) / 2.0 ** bits


def walk(ticks, channels, step=7):
    """Random walks of whole numbers."""
    return np.cumsum(rng().integers(-step, step + 1, (ticks, channels)), axis=0).astype(float)


def real(name, ticks=None):
    """Converter counts of a real signal, or a random walk in its place where it is not installed."""
    try:
        counts = signals.load(name).counts[:ticks]
    except signals.Missing:
        return walk(ticks or 10_000, 1)
    return counts.astype(float)


def unit(name, ticks=None):
    """A real signal within 0..1, as float32."""
    try:
        return signals.load(name).unit[:ticks]
    except signals.Missing:
        return dyadic(ticks or 10_000, 1).astype(np.float32)


def count(ours, theirs):
    """Places where they differ; NaNs are equal."""
    ours, theirs = np.asarray(ours), np.asarray(theirs)
    if ours.shape != theirs.shape:
        raise AssertionError(f"shapes {ours.shape} and {theirs.shape}")
    same = (ours == theirs) | (ours != ours) & (theirs != theirs)
    return int(np.count_nonzero(~same))


def plain(pairs):
    """Of (ours, theirs) pairs between which nothing is known to differ."""
    samples = differences = 0
    for ours, theirs in pairs:
        samples += np.asarray(ours).size
        differences += count(ours, theirs)
    return Outcome(samples, differences, differences)


def known(pairs, accounted):
    """The same where something is: `accounted` are pairs that must be equal."""
    first, second = plain(pairs), plain(accounted)
    return Outcome(first.samples, first.differences, second.differences)


def by_rate(spikes, probability, sigmas=5):
    """Lines of (ticks, lines) whose number of spikes is not what this probability a tick gives."""
    ticks = len(spikes)
    expected = ticks * probability
    spread = np.sqrt(ticks * probability * (1 - probability))
    return int(np.count_nonzero(np.abs(np.asarray(spikes, float).sum(axis=0) - expected) >
                                sigmas * spread + 1e-9))
