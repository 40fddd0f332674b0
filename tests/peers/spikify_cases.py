"""spikify (innuce-spikify): contrast, deconvolution, latency, phase, rate, filter bank.

Its encoders see the whole signal at once and scale by its extremes, unless that lies within 0..1.

SPDX-License-Identifier: Apache-2.0
"""
import numpy as np
from scipy.signal import firwin
from spikify.encoders.rate import poisson as spikify_poisson
from spikify.encoders.temporal.contrast import (
    moving_window, step_forward, threshold_based_representation, zero_cross_step_forward)
from spikify.encoders.temporal.deconvolution import bens_spiker, hough_spiker, modified_hough_spiker
from spikify.encoders.temporal.global_referenced import phase, time_to_first_spike
from spikify.encoders.temporal.latency import burst_coding
from spikify.filters import FilterBank

from compare import SEED, Comparison, Outcome, by_rate, dyadic, encode, known, plain, real, rng, unit, walk

PEER = "spikify"


def moving_signals():
    """(signal, threshold): whole numbers and dyadic thresholds, exact in float32."""
    yield walk(10_000, 10), 16.0
    yield real("ecg", 50_000), 8.0
    yield real("speech", 50_000), 256.0
    yield real("host"), 2.0


def steps():
    for values, theta in moving_signals():
        yield encode(f"[step_forward: {{theta: {theta:g}}}]", values), step_forward(values, theta)[0]


def window():
    pairs = []
    for values, theta in moving_signals():
        values = values[:20_000]
        pairs.append((encode(f"[moving_window: {{w: 8, theta: {theta:g}}}]", values), moving_window(values, 8, theta)[0]))
    return known(pairs, [(ours[8:], theirs[8:]) for ours, theirs in pairs])


def tbr():
    """Their threshold is known to ours beforehand, and the spikes come a tick later."""
    pairs, accounted = [], []
    for values, _ in moving_signals():
        theirs, thetas = threshold_based_representation(values, 1.0)
        pairs.append((encode("[tbr: {factor: 1}]", values), theirs))
        for channel, theta in enumerate(thetas):
            ours = encode(f"[derivative: {{theta: {theta:.17g}}}]", values[:, channel])
            accounted.append((ours[1:, 0], theirs[:-1, channel]))
    return known(pairs, accounted)


def level():
    for values, theta in moving_signals():
        values = values - np.rint(values.mean(axis=0))
        yield encode(f"[threshold: {{theta: {theta:g}}}]", values), zero_cross_step_forward(values, theta)[0]


TAPS, CUTOFF = 16, 0.1  # half the taps sum to 0.5: not a good theta for comparing float32 with float64


def within():
    """Signals that theirs does not scale."""
    yield rng().random((10_000, 2)).astype(np.float32)
    yield unit("ecg", 20_000)
    yield unit("host")


def taps():
    return "[" + ", ".join(f"{tap:.17g}" for tap in firwin(TAPS, CUTOFF, window="hann")) + "]"


def convolved(pipeline, theirs, accounted=None):
    """Ours decides about a spike when the last sample of its window is there: TAPS - 1 ticks later."""
    pairs, rest = [], []
    for values in within():
        ours, other = encode(pipeline, values), theirs(values.astype(float))
        pairs.append((ours, other))
        rest.append((ours[TAPS - 1:], other[:1 - TAPS]))
    return known(pairs, rest)


def latencies():
    """Blocks of one value each. Theirs rounds up where ours rounds to the nearest tick, and silence is a spike at the
    last tick."""
    ticks, values = 32, rng().random((400, 10))
    values[rng().random(values.shape) < 0.1] = 0
    theirs = time_to_first_spike(np.repeat(values, ticks, axis=0), ticks)
    ours = encode("[ttfs: {curve: log}]", values, window=ticks)
    with np.errstate(divide="ignore"):
        at = np.minimum(np.ceil((ticks - 1) * 0.1 * np.log(1 / values) - 1e-9), ticks - 1)
    law = (np.arange(ticks)[None, :, None] == at[:, None, :]).reshape(-1, 10)
    return known([(ours, theirs)], [(law, theirs)])


def bursts():
    ticks, values = 25, dyadic(400, 10, bits=6)
    theirs = burst_coding(np.repeat(values, ticks, axis=0), 5, 0, 4, ticks)
    yield encode("[burst: {n_max: 5, t_min: 0, t_max: 4}]", values, window=ticks), theirs


def phases():
    bits, values = 8, rng().random((400, 10))
    values[0] = 1  # theirs divides by the largest block
    theirs = phase(np.repeat(values, bits, axis=0), bits)
    ours = encode(f"[phase_bits: {{bits: {bits}}}]", values, window=bits)
    # Its level is rounded up where binary digits are cut off: one less, from the middle of the step.
    level = np.clip(np.ceil(np.arcsin(values) * 2 / np.pi * 2 ** bits - 1e-9), 0, 2 ** bits - 1)
    bent = encode(f"[phase_bits: {{bits: {bits}}}]", level / 2 ** bits, window=bits)
    return known([(ours, theirs)], [(bent, theirs)])


def hazard():
    values = np.tile(np.linspace(0, 1, 51), (20_000, 1))
    probability = 1 - np.exp(-values[0])
    theirs = spikify_poisson(values, 1, seed=1)
    ours = encode("[poisson: {f_max: 1000, law: hazard}]", values, dt=0.001, seed=SEED)
    wrong = by_rate(ours, probability) + by_rate(theirs, probability)
    return Outcome(values.size, wrong, wrong)


def bank():
    """Values: differences of more than 1e-5 of the largest. Their last band is another one."""
    fs, bands, values = 1000.0, 6, rng().standard_normal((5_000, 1)).astype(np.float32)
    theirs = FilterBank(fs=fs, channels=bands, f_min=20, f_max=300, order=2, filter_type="sos").decompose(values)[:, :, 0]
    octaves = np.log2(300 / 20) / (bands - 0.5)
    centres = ", ".join(f"{20 * 2 ** (octaves * band):.12g}" for band in range(bands))
    ours = encode(f"[filterbank: {{order: 2, centres: [{centres}], width: {octaves:.12g}}}]", values, dt=1 / fs)
    wrong = np.abs(ours - theirs) > 1e-5 * np.abs(theirs).max()
    return Outcome(theirs.size, int(wrong.sum()), int(wrong[:, :-1].sum()))


def comparisons():
    yield Comparison(PEER, "step_forward", "[step_forward: {theta: …}]", lambda: plain(steps()))
    yield Comparison(PEER, "moving_window(8)", "[moving_window: {w: 8, theta: …}]", window,
                     "the first 8 ticks only: theirs compares them with their own mean, samples to come included")
    yield Comparison(PEER, "threshold_based_representation(1)", "[tbr: {factor: 1}]", tbr,
                     "theirs takes mean and deviation of the whole signal and fires one tick early; "
                     "ours knows what has come so far")
    yield Comparison(PEER, "zero_cross_step_forward", "[threshold: {theta: …}]", lambda: plain(level()))
    fir = taps()
    shown = "taps: hann low-pass of 16"
    late = "ours comes 15 ticks later: a spike is decided by the 15 samples after it"
    yield Comparison(PEER, "hough_spiker(16, 0.1)", f"[hsa: {{{shown}}}]", lambda: convolved(
        f"[hsa: {{taps: {fir}}}]", lambda values: hough_spiker(values, TAPS, CUTOFF)[0]), late)
    yield Comparison(PEER, "modified_hough_spiker(16, 0.1, 0.05)", f"[mhsa: {{{shown}, theta: 0.05}}]", lambda: convolved(
        f"[mhsa: {{taps: {fir}, theta: 0.05}}]", lambda values: modified_hough_spiker(values, TAPS, CUTOFF, 0.05)[0]),
        late + "; and theirs goes on past the signal's end with a shortened filter, where it fires falsely")
    yield Comparison(PEER, "bens_spiker(16, 0.1, 0.45)", f"[bsa: {{{shown}, theta: 0.45}}]", lambda: convolved(
        f"[bsa: {{taps: {fir}, theta: 0.45}}]", lambda values: bens_spiker(values, TAPS, CUTOFF, 0.45)[0]), late)
    yield Comparison(PEER, "time_to_first_spike(32)", "[ttfs: {curve: log}]", latencies,
                     "theirs rounds up, ours to the nearest tick; theirs fires at the last tick for 0, ours never")
    yield Comparison(PEER, "burst_coding(5, 0, 4, 25)", "[burst: {n_max: 5, t_min: 0, t_max: 4}]", lambda: plain(bursts()))
    yield Comparison(PEER, "phase(8)", "[phase_bits: {bits: 8}]", phases,
                     "theirs codes arcsin(x) 2/pi, rounded up; ours x itself, cut off")
    yield Comparison(PEER, "poisson(1)", "[poisson: {f_max: 1000, law: hazard}]", hazard)
    yield Comparison(PEER, "FilterBank(sos)", "[filterbank: {order: 2, centres: …, width: …}]", bank,
                     "the last band only: theirs ends at the Nyquist frequency, whatever f_max says")
