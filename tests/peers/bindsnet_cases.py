"""BindsNET: bernoulli, poisson, rank_order.

Its package brings OpenCV, Atari games and more as it is imported; the file with the encoders needs
torch alone and is loaded by itself.

SPDX-License-Identifier: Apache-2.0
"""
import importlib.metadata
import importlib.util

import numpy as np
import torch

from compare import SEED, Comparison, Outcome, by_rate, encode, known, rng

PEER = "BindsNET"


def load():
    path = importlib.metadata.distribution("bindsnet").locate_file("bindsnet/encoding/encodings.py")
    spec = importlib.util.spec_from_file_location("bindsnet_encodings", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


bindsnet = load()


def bernoulli():
    probability = np.linspace(0, 1, 101)
    torch.manual_seed(SEED)
    theirs = bindsnet.bernoulli(torch.from_numpy(probability), time=20_000).numpy()
    ours = encode("[poisson: {f_max: 1000}]", np.tile(probability, (20_000, 1)), dt=0.001, seed=SEED)
    wrong = by_rate(ours, probability) + by_rate(theirs, probability)
    return Outcome(theirs.size, wrong, wrong)


def bernoulli_large():
    """One value above 1 is enough: every channel is divided by the largest, in the caller's tensor too."""
    asked = np.array([0.1, 0.4, 0.8, 2.0])
    datum = torch.from_numpy(asked.copy())
    torch.manual_seed(SEED)
    theirs = bindsnet.bernoulli(datum, time=20_000).numpy()
    assert np.array_equal(datum.numpy(), asked / 2)
    probability = np.minimum(asked, 1)
    assert not by_rate(encode("[poisson: {f_max: 1000}]", np.tile(asked, (20_000, 1)), dt=0.001, seed=SEED), probability)
    return Outcome(theirs.size, by_rate(theirs, probability), by_rate(theirs, asked / 2))


def variation(spikes):
    """Coefficient of variation of the intervals, a line."""
    out = []
    for line in np.asarray(spikes).T:
        gaps = np.diff(np.flatnonzero(line))
        out.append(gaps.std() / gaps.mean() if len(gaps) > 20 else np.nan)
    return np.array(out)


def renewal():
    """Lines whose intervals do not vary as those of a Poisson process; then, as those of a gamma process of shape
    kappa = the mean interval in ticks."""
    torch.manual_seed(SEED)
    differences = left = samples = 0
    for hertz in (20.0, 50.0, 100.0):
        theirs = bindsnet.poisson(torch.full((20,), hertz), time=100_000).numpy()
        kappa = 1000 / hertz
        ours = encode(f"[renewal: {{f_max: {hertz:g}, kappa: {kappa:g}}}]", np.ones((100_000, 20)), dt=0.001, seed=SEED)
        samples += theirs.size
        differences += np.count_nonzero(np.abs(variation(theirs) - np.sqrt(1 - hertz / 1000)) > 0.1)
        left += np.count_nonzero(np.abs(variation(theirs) - variation(ours)) > 0.03)
    return Outcome(samples, int(differences), int(left))


def rank_order():
    ticks, values = 40, rng().random((100, 30)).astype(np.float32)
    theirs = np.concatenate([bindsnet.rank_order(torch.from_numpy(row.copy()), ticks).numpy() for row in values])
    law = np.zeros_like(theirs).reshape(len(values), ticks, -1)
    for at, row in zip(law, torch.from_numpy(values)):
        row = row / row.max()
        times = 1 / row
        times = torch.ceil(times * (ticks / times.max())).long().numpy()
        fires = times < ticks
        at[times[fires] - 1, np.flatnonzero(fires)] = 1
    return known([(encode("[rank_order: {}]", values, window=ticks), theirs)], [(law.reshape(theirs.shape), theirs)])


def comparisons():
    yield Comparison(PEER, "bernoulli", "[poisson: {f_max: 1000}]", bernoulli)
    yield Comparison(PEER, "bernoulli, a value above 1", "[poisson: {f_max: 1000}]", bernoulli_large,
                     "theirs divides all channels by the largest value, and the caller's tensor with them")
    yield Comparison(PEER, "poisson", "[renewal: {kappa: 1}]", renewal,
                     "theirs draws intervals from a Poisson law: nearly regular, as ours with kappa = the mean interval in ticks")
    yield Comparison(PEER, "rank_order", "[rank_order: {}]", rank_order,
                     "theirs is an inverse latency, t = T x_min / x, at which the smallest value never fires; ours is the ranks")
