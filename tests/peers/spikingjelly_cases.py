"""SpikingJelly: Poisson, latency, weighted phase, populations, Gaussian tuning.

SPDX-License-Identifier: Apache-2.0
"""
import numpy as np
import torch
from spikingjelly.activation_based import encoding
from spikingjelly.timing_based.encoding import GaussianTuning

from compare import Comparison, Unavailable, dyadic, encode, known, plain, rng, unit

PEER = "SpikingJelly"


def poisson():
    values = dyadic(3_000, 100, bits=8).astype(np.float32)
    values = values[:, values.min(axis=0) >= 0]
    torch.manual_seed(7)
    encoder = encoding.PoissonEncoder()
    theirs = np.stack([encoder(torch.from_numpy(row)).numpy() for row in values])
    yield encode("[poisson: {f_max: 1000, rng: mt19937, seed: 7}]", values, dt=0.001), theirs


def windows(make, ticks, values):
    """Theirs, asked for `ticks` ticks of every row, after a reset before each."""
    encoder, out = make(), []
    for row in values:
        encoder.reset()
        out += [encoder(torch.from_numpy(row)).numpy() for _ in range(ticks)]
    return np.stack(out)


def of_windows(pipeline, make, ticks, top=1.0):
    for values in (rng().random((300, 50)), dyadic(300, 50, bits=6), unit("ecg", 3_000), unit("speech", 3_000)):
        values = np.minimum(values, top).astype(np.float32)
        yield encode(pipeline, values, window=ticks), windows(make, ticks, values)


def replayed():
    """Without a reset between rows, what it gave for the first row comes again for every other one."""
    ticks, values = 16, rng().random((50, 50)).astype(np.float32)
    encoder = encoding.LatencyEncoder(ticks)
    theirs = np.stack([encoder(torch.from_numpy(row)).numpy() for row in values for _ in range(ticks)])
    pipeline = "[ttfs: {curve: linear}]"
    return known([(encode(pipeline, values, window=ticks), theirs)],
                 [(encode(pipeline, np.tile(values[:1], (50, 1)), window=ticks), theirs)])


def latency_log():
    ticks, values = 20, rng().random((300, 50)).astype(np.float32)
    theirs = windows(lambda: encoding.LatencyEncoder(ticks, "log"), ticks, values)
    at = np.rint((ticks - 1) - np.log(np.float32(np.exp(ticks - 1.0) - 1) * values + 1))
    law = (np.arange(ticks)[None, :, None] == at[:, None, :]).reshape(-1, 50)
    return known([(encode("[ttfs: {curve: log}]", values, window=ticks), theirs)], [(law, theirs)])


LINES, SIGMA = 10, 0.15
CURVES = f"population: {{out_features: {LINES}, lo: 0, hi: 1, sigma: {SIGMA}}}"


def activities():
    """Rounding alone: within 2^-21 of activities that go up to 1."""
    values = (1.4 * rng().random((2_000, 8)) - 0.2).astype(np.float32)
    with torch.no_grad():
        theirs = encoding.PopEncoder(8, LINES, 1, (0.0, 1.0), SIGMA)(torch.from_numpy(values))[0].numpy()
    ours = encode(f"[{CURVES}]", values)
    far = np.abs(ours - theirs) > 2.0 ** -21
    return known([(ours, theirs)], [(far, np.zeros_like(far))])


def integrated():
    """Theirs integrates the activities, with a threshold of 0.999, and keeps what is over it."""
    ticks, values = 50, dyadic(40, 8, bits=7).astype(np.float32)
    try:
        encoder = encoding.PopSpikeEncoderDeterministic(8, LINES, ticks, (0.0, 1.0), SIGMA)
        with torch.no_grad():
            theirs = encoder(torch.from_numpy(values)).numpy()
    except AttributeError as why:
        raise Unavailable(f"not run: its neurons want a newer torch ({why})") from why
    ours = encode(f"[{CURVES}, if: {{f_max: 1000, theta: 0.999}}]", values, dt=0.001, window=ticks)
    return plain([(ours, theirs.swapaxes(0, 1).reshape(ours.shape))])


def tuning():
    """Their times are not rounded: ours are theirs, rounded, those that end up at T or past it left out."""
    ticks, lines, channels = 50, 8, 6
    values = (1.4 * rng().random((300, channels)) - 0.2).astype(np.float32)
    encoder = GaussianTuning(channels, lines, torch.zeros(channels), torch.ones(channels))
    times, columns, offsets = encoder(torch.from_numpy(values)[:, :, None], float(ticks))
    raw = np.full((len(values), channels * lines), np.inf)
    for number, (begin, end) in enumerate(zip(offsets[:-1], offsets[1:])):
        raw[number, columns[begin:end].numpy()] = times[begin:end].numpy()
    ours = encode(f"[grf_latency: {{out_features: {lines}}}]", values, window=ticks)
    at = np.where(ours.reshape(len(values), ticks, -1).any(axis=1),
                  ours.reshape(len(values), ticks, -1).argmax(axis=1), np.inf)
    rounded = np.rint(raw)
    return known([(at, raw)], [(at, np.where(rounded < ticks, rounded, np.inf))])


def comparisons():
    def one(theirs, ours, run):
        return Comparison(PEER, theirs, ours, lambda: plain(run()))

    yield one("PoissonEncoder", "[poisson: {f_max: 1000, rng: mt19937, seed: 7}]", poisson)
    for ticks in (5, 32):
        linear = "[ttfs: {curve: linear}]"
        yield one(f"LatencyEncoder({ticks})", linear, lambda ticks=ticks: of_windows(
            linear, lambda: encoding.LatencyEncoder(ticks), ticks))
    yield Comparison(PEER, "LatencyEncoder(16), not reset", "[ttfs: {curve: linear}]", replayed,
                     "theirs encodes the first row after a reset and repeats it, whatever comes in later")
    yield Comparison(PEER, "LatencyEncoder(20, 'log')", "[ttfs: {curve: log}]", latency_log,
                     "theirs spends one tick an e-fold, so that in a long window most ticks stay unused; "
                     "ours spreads x_min..1 over the window")
    for bits in (8, 16):
        pipeline = f"[phase_bits: {{bits: {bits}}}]"
        yield one(f"WeightedPhaseEncoder({bits})", pipeline, lambda bits=bits, pipeline=pipeline: of_windows(
            pipeline, lambda: encoding.WeightedPhaseEncoder(bits), bits, 1 - 2.0 ** -bits))
    yield Comparison(PEER, "PopEncoder", f"[{CURVES}]", activities, "rounding and exp: never more than 2^-21 apart")
    yield Comparison(PEER, "PopSpikeEncoderDeterministic", f"[{CURVES}, if: {{theta: 0.999}}]", integrated)
    yield Comparison(PEER, "timing_based GaussianTuning", "[grf_latency: {}]", tuning,
                     "theirs gives times, not ticks: ours are its times rounded, those at T or later silent")
