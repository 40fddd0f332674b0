#!/usr/bin/env python3
"""The other side of the bench `offline`: Norse and snnTorch on whole arrays.

Reads lines "norse|snntorch lif|poisson|derivative CHANNELS TICKS" and answers each with the
nanoseconds that a channel and tick took: an array of TICKS x CHANNELS float32 in, one of spikes as
float32 out, the way their documentation does it, on one thread, without gradients. The arrays are
those of bench_offline.c.

SPDX-License-Identifier: Apache-2.0
"""
import sys
import time

import norse
import snntorch
import torch
from norse.torch.functional.encode import poisson_encode_step
from norse.torch.functional.lif import LIFParameters, lif_current_encoder
from snntorch import spikegen

torch.set_num_threads(1)
DT = 0.001


def norse_lif(values):
    parameters, voltage, spikes = LIFParameters(), torch.zeros_like(values[0]), []
    for row in values:
        spike, voltage = lif_current_encoder(row, voltage, parameters, DT)
        spikes.append(spike)
    return torch.stack(spikes)


def snntorch_lif(values):
    neuron, spikes = snntorch.Leaky(beta=0.9), []
    voltage = neuron.reset_mem()
    for row in values:
        spike, voltage = neuron(row, voltage)
        spikes.append(spike)
    return torch.stack(spikes)


RUNS = {
    ("norse", "lif"): norse_lif,
    ("norse", "poisson"): lambda values: poisson_encode_step(values, f_max=1000, dt=DT),
    ("snntorch", "lif"): snntorch_lif,
    ("snntorch", "poisson"): lambda values: spikegen.rate(values, time_var_input=True),
    ("snntorch", "derivative"): lambda values: spikegen.delta(values, threshold=0.1, off_spike=True),
}


def array(channels, ticks):
    """Values from 0 to 1 in no order."""
    t, c = torch.arange(ticks).unsqueeze(1), torch.arange(channels).unsqueeze(0)
    return ((t * 7919 + c * 104729) % 65536).to(torch.float32) / 65536


def main():
    made = {}
    print(f"norse {getattr(norse, '__version__', '')} snntorch {snntorch.__version__} torch {torch.__version__}",
          flush=True)
    for line in sys.stdin:
        library, encoder, channels, ticks = line.split()
        size = int(channels), int(ticks)
        if size not in made:
            made[size] = array(*size)
        start = time.perf_counter_ns()
        spikes = RUNS[library, encoder](made[size])
        took = time.perf_counter_ns() - start
        if tuple(spikes.shape) != (size[1], size[0]):
            sys.exit(f"{library} {encoder} gave {tuple(spikes.shape)}")
        print(took / size[0] / size[1], flush=True)


with torch.no_grad():
    main()
