"""Spike-Encoding: step forward, delta modulation, LIF, BSA, PWM, bins, rates.

Most of it scales by the whole signal's extremes: signals here have the extremes that it scales to.

SPDX-License-Identifier: Apache-2.0
"""
import numpy as np
import torch
from scipy.signal import firwin
from spike_encoding.bens_spiker_algorithm import BensSpikerAlgorithm
from spike_encoding.delta_modulation_converter import DeltaModulationConverter
from spike_encoding.encoder_common import rate
from spike_encoding.lif_based_encoding import LIFBasedEncoding
from spike_encoding.pulse_width_modulation import PulseWidthModulation
from spike_encoding.rate_step_forward_converter import RateStepForwardConverter
from spike_encoding.step_forward_converter import StepForwardConverter

from compare import Comparison, dyadic, encode, known, plain, real, rng, walk

PEER = "Spike-Encoding"


def tensor(values):
    """Theirs has time last."""
    return torch.from_numpy(np.ascontiguousarray(values.T, np.float32))


def both(polarities):
    """Up and down spikes (2, channels, ticks) as ours."""
    return polarities.sum(dim=0).numpy().T


def steps():
    for values, theta in ((walk(10_000, 10), 16.0), (real("ecg", 20_000), 8.0), (real("speech", 20_000), 256.0)):
        yield (encode(f"[step_forward: {{theta: {theta:g}}}]", values),
               both(StepForwardConverter(threshold=theta).encode(tensor(values))))


def delta(padding, pad):
    for values, theta in ((dyadic(20_000, 20, lo=-1), 0.25), (real("ecg"), 8.0)):
        theirs = DeltaModulationConverter(delta=theta, padding=padding, off_spike=True)(tensor(values))
        yield encode(f"[derivative: {{theta: {theta:g}, pad: {pad}}}]", values), both(theirs)


def signed_signal():
    values = dyadic(5_000, 8, bits=9, lo=-1)
    values[100], values[101] = -1, 1
    return values


def lif():
    """What theirs does with its `base`: it stays the first sample added until the channel's first spike."""
    values = signed_signal()
    theirs = both(LIFBasedEncoding(threshold=0.5, membrane_constant=0.875).encode(tensor(values)))
    law = np.zeros_like(theirs)
    voltage, base = np.zeros(8, np.float32), values[1].astype(np.float32)
    for tick in range(1, len(values)):
        voltage = voltage + values[tick].astype(np.float32)
        above = voltage - base if tick > 1 else np.zeros_like(voltage)
        law[tick] = np.sign(above) * (np.abs(above) > 0.5)
        fired = law[tick] != 0
        voltage[fired], base[fired] = 0, 0
        voltage = voltage * np.float32(0.875)
    return known([(encode("[lif_bipolar: {theta: 0.5, beta: 0.875}]", values), theirs)], [(law, theirs)])


def bsa():
    """Theirs is a BSA with the filter's first tap left out, which never looks at sample 0."""
    order, theta = 15, 0.5
    values = rng().random((3_000, 1)).astype(np.float32)
    values[10], values[11] = 0, 1
    theirs = BensSpikerAlgorithm(threshold=theta, filter_order=order, filter_cutoff=0.2)
    fir = theirs_fir(theirs, order)
    spikes = theirs.encode(tensor(values).clone()).numpy().T
    ours = encode(f"[bsa: {{taps: {listed(fir)}, theta: {theta}}}]", values)
    cut = encode(f"[bsa: {{taps: {listed(fir[1:])}, theta: {theta}}}]", values[1:])
    late = len(fir) - 2
    return known([(ours, spikes)], [(cut[late:], spikes[1:][:-late or None])])


def theirs_fir(encoder, order):
    assert int(encoder.filter_order[0]) == order
    return np.asarray(encoder.fir_filter()[0], np.float32)


def listed(taps):
    return "[" + ", ".join(f"{float(tap):.9g}" for tap in taps) + "]"


def pwm():
    """Their law, written out."""
    values = np.concatenate([[0, 1], rng().random(4_998)]).astype(np.float32)
    theirs = both(PulseWidthModulation(frequency=20.0).encode(tensor(values[:, None]).clone()))[:, 0]
    carrier = np.linspace(0, 1, 1000)
    raw, count = np.zeros(len(values)), 0
    for tick in range(1, len(values)):
        saw = np.fmod(20.0 * carrier[count], 1.0)
        raw[tick] = -1 if values[tick] > 1 - saw else 1 if values[tick] < saw else 0
        count += 1
        if count == 1000 or np.fmod(20.0 * carrier[count], 1.0) < np.fmod(20.0 * carrier[count - 1], 1.0):
            count = 0
    law = np.where((raw != 0) & (raw != np.concatenate([[0], raw[:-1]])), raw, 0)
    return known([(encode("[pwm: {f: 20.02}]", values, dt=0.001)[:, 0], theirs)], [(law, theirs)])


def rates():
    """Spikes a window. Where two of theirs fall on the same tick, one is left."""
    ticks, values = 50, dyadic(200, 20, bits=8).astype(np.float32)
    values = np.clip(values, 2.0 ** -8, 1)
    theirs = np.stack([rate(row.astype(float), ticks).sum(axis=0) for row in values])
    ours = encode("[if: {f_max: 1000}]", values, dt=0.001, window=ticks).reshape(len(values), ticks, -1).sum(axis=1)
    law = [[len(np.unique(np.maximum(1, (np.arange(ticks * p, 0, -1) / p).astype(int)))) for p in row]
           for row in values.astype(float)]
    return known([(ours, theirs)], [(ours, np.floor(ticks * values)), (theirs, np.array(law))])


def probabilities():
    values = real("ecg", 20_000)
    theirs = RateStepForwardConverter(1, torch.ones(1)).encode(tensor(values)[None]).numpy()[0].T
    yield encode("[diff: {}]", values), theirs


def comparisons():
    yield Comparison(PEER, "StepForwardConverter", "[step_forward: {theta: …}]", lambda: plain(steps()))
    for padding, pad in ((True, "first"), (False, "zero")):
        yield Comparison(PEER, f"DeltaModulationConverter(off_spike=True, padding={padding})",
                         f"[derivative: {{theta: …, pad: {pad}}}]",
                         lambda padding=padding, pad=pad: plain(delta(padding, pad)))
    yield Comparison(PEER, "LIFBasedEncoding(0.5, 0.875)", "[lif_bipolar: {theta: 0.5, beta: 0.875}]", lif,
                     "theirs subtracts the first sample it saw until a channel's first spike (two names for one tensor), "
                     "and skips sample 0")
    yield Comparison(PEER, "BensSpikerAlgorithm(order 15)", "[bsa: {taps: …, theta: 0.5}]", bsa,
                     "theirs never uses the filter's first tap nor sample 0; ours comes when its window is complete")
    yield Comparison(PEER, "PulseWidthModulation(20)", "[pwm: {f: 20.02}]", pwm,
                     "theirs compares with the saw and with its mirror image, the second winning; ours fires once a "
                     "period, when the saw passes the value")
    yield Comparison(PEER, "rate", "[if: {f_max: 1000}]", rates,
                     "theirs places ceil(T p) spikes in a window, counted from its end, some on the same tick; ours floor(T p), "
                     "each when it is due")
    yield Comparison(PEER, "RateStepForwardConverter", "[diff: {}]", lambda: plain(probabilities()))
