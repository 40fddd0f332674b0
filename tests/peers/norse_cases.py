"""Norse: all eight encoders, bit for bit.

torch is told to use its plain CPU path (ATEN_CPU_CAPABILITY=default, set by run.py), on which its
centres are those that Norse's text defines. Its exp still is not the C library's.

SPDX-License-Identifier: Apache-2.0
"""
import numpy as np
import torch
from norse.torch.functional.lif import LIFParameters
from norse.torch.module import encode as norse

from compare import Comparison, dyadic, encode, known, plain, rng, unit

WINDOW = 32


def rows():
    """Random rows of 50 channels and each sample of the ECG as a row, in float32."""
    generator = rng()
    yield (3 * generator.random((400, 50)) - 0.5).astype(np.float32)
    yield 2 * unit("ecg", 10_000)
    yield 4 * unit("host", 5_000)


def windows(encoder, values):
    """Theirs is (ticks, rows, channels); ours has the ticks of the first row, then the next."""
    with torch.no_grad():
        spikes = encoder(torch.from_numpy(values)).numpy()
    return spikes.swapaxes(0, 1).reshape(-1, values.shape[1])


def pairs(pipeline, make):
    for values in rows():
        yield encode(pipeline, values, dt=0.001, window=WINDOW), windows(make(), values)


def parameters(**numbers):
    return LIFParameters(**{name: torch.tensor(number) for name, number in numbers.items()})


def drawn(pipeline, make, channels):
    """One generator through all rows, as torch's global one goes on."""
    values = dyadic(30, channels, lo=-1 if "signed" in pipeline else 0).astype(np.float32)
    torch.manual_seed(7)
    with torch.no_grad():
        theirs = np.concatenate([make()(torch.from_numpy(row)).numpy().reshape(-1, channels) for row in values])
    ticks = len(theirs) // len(values)
    yield encode(pipeline, values, dt=0.001, window=ticks if ticks > 1 else 0), theirs


def population(scale, lines):
    pairs = []
    for values in rows():
        with torch.no_grad():
            theirs = norse.PopulationEncoder(lines, scale=scale)(torch.from_numpy(values)).numpy()
        pairs.append((encode(f"[population: {{out_features: {lines}, scale: {scale}}}]", values),
                      theirs.reshape(len(values), -1)))
    # Activities are not negative: as integers, neighbouring floats are one apart.
    places = [np.abs(ours.view(np.int32) - theirs.view(np.int32)) for ours, theirs in pairs]
    return known(pairs, [(apart > 1, np.zeros_like(apart, bool)) for apart in places])


def comparisons():
    def one(theirs, ours, run):
        return Comparison("Norse", theirs, ours, lambda: plain(run()))

    lif = "[lif: {}]"
    yield one("ConstantCurrentLIFEncoder", lif, lambda: pairs(lif, lambda: norse.ConstantCurrentLIFEncoder(WINDOW)))
    other = "[lif: {tau_mem_inv: 250, v_leak: 0.1, v_th: 0.7, v_reset: 0.3}]"
    chosen = {"tau_mem_inv": 250.0, "v_leak": 0.1, "v_th": 0.7, "v_reset": 0.3}
    yield one("ConstantCurrentLIFEncoder", other, lambda: pairs(
        other, lambda: norse.ConstantCurrentLIFEncoder(WINDOW, p=parameters(**chosen))))
    latency = "[lif_latency: {}]"
    yield one("SpikeLatencyLIFEncoder", latency, lambda: pairs(
        latency, lambda: norse.SpikeLatencyLIFEncoder(WINDOW)))
    first = "[lif: {}, first_spike: {}]"
    yield one("ConstantCurrentLIFEncoder, SpikeLatencyEncoder", first, lambda: pairs(
        first, lambda: torch.nn.Sequential(norse.ConstantCurrentLIFEncoder(WINDOW), norse.SpikeLatencyEncoder())))
    for name, stage in (("PoissonEncoder", "poisson"), ("SignedPoissonEncoder", "signed_poisson")):
        pipeline = f"[{stage}: {{f_max: 400, rng: mt19937, seed: 7}}]"
        yield one(name, pipeline, lambda name=name, pipeline=pipeline: drawn(
            pipeline, lambda: getattr(norse, name)(50, f_max=400), 40))
        step = f"[{stage}: {{f_max: 1000, rng: mt19937, seed: 7}}]"
        yield one(f"{name}Step", step, lambda name=name, step=step: drawn(
            step, lambda: getattr(norse, f"{name}Step")(), 5000))
    for scale, lines in ((1.0, 8), (2.0, 33)):
        yield Comparison("Norse", "PopulationEncoder", f"[population: {{out_features: {lines}, scale: {scale}}}]",
                         lambda scale=scale, lines=lines: population(scale, lines),
                         "last bit: torch's exp is not the C library's; never more than one unit in the last place")
