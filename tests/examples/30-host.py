#!/usr/bin/python3
"""The host demo: five encoders tell of the same figures, two of them exactly.

SPDX-License-Identifier: Apache-2.0
"""
from examples import h, np, saved_run

THETA = 0.05  # of examples/host/spiked.yaml


def figures_come_back_from_their_changes():
    _, kept = saved_run("host", 4)
    names, measured = kept["names"].tolist(), kept["measured"]
    h.claim("cores, memory, network and disk are there", {"cpu0", "memory", "net_in", "net_out", "disk"} <= set(names), names)
    h.claim("figures are parts of a whole", np.nanmin(measured) >= 0 and np.nanmax(measured) <= 1)
    known = np.flatnonzero(~np.isnan(measured).any(axis=1))
    first = known[0]
    h.claim("hundreds of ticks with a row", len(known) > 200, len(known))
    for stream, spikes, begin in (("steps", THETA * kept["spikes_steps"], measured[first]), ("delta", kept["spikes_delta"], 0)):
        off = np.abs(begin + np.cumsum(spikes, axis=0, dtype=float) - measured)[known]
        h.claim(f"the sum of the spikes of {stream} is the figure, within theta", off.max() <= THETA + 1e-3, off.max())
    memory = names.index("memory")
    told = kept["spikes_rate"][first:, memory].mean() / kept["dt"] / 50
    h.claim("the rate of poisson is the share of memory in use, as far as chance allows",
            abs(told - np.nanmean(measured[:, memory])) < 0.15, (told, np.nanmean(measured[:, memory])))


h.main(figures_come_back_from_their_changes)
