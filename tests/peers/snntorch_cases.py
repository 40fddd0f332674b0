"""snnTorch: rate, latency, delta.

SPDX-License-Identifier: Apache-2.0
"""
import numpy as np
import torch
from snntorch import spikegen

from compare import SEED, Comparison, Outcome, by_rate, dyadic, encode, known, plain, real, rng

PEER = "snnTorch"


def rate():
    """Both fire at random, from different generators: spikes are counted."""
    probability = np.linspace(0, 1, 101)
    values = np.tile(probability, (20_000, 1)).astype(np.float32)
    torch.manual_seed(SEED)
    theirs = spikegen.rate(torch.from_numpy(values), time_var_input=True).numpy()
    ours = encode("[poisson: {f_max: 1000}]", values, dt=0.001, seed=SEED)
    wrong = by_rate(ours, probability) + by_rate(theirs, probability)
    return Outcome(values.size, wrong, wrong)


def rate_gain():
    values = np.full((20_000, 50), 0.5, np.float32)
    torch.manual_seed(SEED)
    theirs = spikegen.rate(torch.from_numpy(values), gain=0.1, time_var_input=True).numpy()
    ours = encode("[poisson: {f_max: 100}]", values, dt=0.001, seed=SEED)
    assert not by_rate(ours, np.full(50, 0.05))
    return Outcome(values.size, by_rate(theirs, np.full(50, 0.05)), by_rate(theirs, np.full(50, 0.5)))


def latency(steps, values):
    theirs = spikegen.latency(torch.from_numpy(values), num_steps=steps, normalize=True, linear=True).numpy()
    return encode("[ttfs: {curve: linear}]", values, window=steps), theirs.swapaxes(0, 1).reshape(-1, values.shape[1])


def latency_above(steps):
    values = 0.01 + 0.99 * rng().random((200, 40))
    yield latency(steps, values.astype(np.float32))


def latency_below():
    """Small values, in a window long enough for the tick to show it."""
    steps = 201
    values = (0.02 * rng().random((200, 40))).astype(np.float32)
    ours, theirs = latency(steps, values)
    held = np.maximum(values, np.float32(0.01))
    return known([(ours, theirs)], [(encode("[ttfs: {curve: linear}]", held, window=steps), theirs)])


def latency_log():
    """Theirs is the closed form of a LIF's first spike, t = ln(x / (x - theta)) with a time constant of one tick."""
    steps, theta = 64, np.float32(0.01)
    values = (0.0101 + 0.9 * rng().random((200, 40))).astype(np.float32)
    theirs = spikegen.latency(torch.from_numpy(values), num_steps=steps, tau=10).numpy()
    theirs = theirs.swapaxes(0, 1).reshape(-1, 40)
    ticks = np.rint(10 * np.log(values / (values - theta)))
    law = (np.arange(steps)[None, :, None] == ticks[:, None, :]).reshape(-1, 40)
    ours = encode("[lif_latency: {tau_mem_inv: 100, v_th: 0.01}]", values, dt=0.001, window=steps)
    return known([(ours, theirs)], [(law, theirs)])


def delta(padding, pipeline):
    for values, theta in ((dyadic(20_000, 20, lo=-1), 0.25), (real("ecg"), 8.0), (real("host", 5_000), 1.0)):
        theirs = spikegen.delta(torch.from_numpy(values), threshold=theta, padding=padding, off_spike=True).numpy()
        yield encode(pipeline.replace("THETA", f"{theta:g}"), values), theirs


def comparisons():
    yield Comparison(PEER, "rate", "[poisson: {f_max: 1000}]", rate)
    yield Comparison(PEER, "rate(gain=0.1, time_var_input=True)", "[poisson: {f_max: 100}]", rate_gain,
                     "theirs ignores gain and offset when the input varies with time: its lines fire at p = x")
    for steps in (20, 64):
        yield Comparison(PEER, f"latency(num_steps={steps}, normalize=True, linear=True)", "[ttfs: {curve: linear}]",
                         lambda steps=steps: plain(latency_above(steps)))
    yield Comparison(PEER, "latency(num_steps=201, normalize=True, linear=True)", "[ttfs: {curve: linear}]", latency_below,
                     "values below its threshold 0.01 fire as 0.01 would")
    yield Comparison(PEER, "latency(tau=10)", "[lif_latency: {tau_mem_inv: 100, v_th: 0.01}]", latency_log,
                     "closed form in continuous time, rounded; ours is the LIF itself, tick by tick, as Norse's")
    for padding, pad in ((True, "first"), (False, "zero")):
        pipeline = f"[derivative: {{theta: THETA, pad: {pad}}}]"
        yield Comparison(PEER, f"delta(off_spike=True, padding={padding})", pipeline,
                         lambda padding=padding, pipeline=pipeline: plain(delta(padding, pipeline)))
