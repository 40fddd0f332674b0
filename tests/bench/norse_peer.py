#!/usr/bin/env python3
"""Norse's side of the bench `norse`.

Reads lines "lif|poisson CHANNELS TICKS" and answers each with the nanoseconds that a channel and
tick took: one step of Norse's encoder on torch, one thread, no gradients, the same values that
spiked's side gets.

SPDX-License-Identifier: Apache-2.0
"""
import sys
import time

import norse
import torch
from norse.torch.functional.encode import poisson_encode_step
from norse.torch.functional.lif import LIFParameters, lif_current_encoder

torch.set_num_threads(1)
DT = 0.001
F_MAX = 100


def lif(values):
    parameters = LIFParameters()
    voltage = torch.zeros_like(values)

    def step():
        nonlocal voltage
        _, voltage = lif_current_encoder(values, voltage, parameters, DT)
    return step


def poisson(values):
    return lambda: poisson_encode_step(values, f_max=F_MAX, dt=DT)


STEPS = {"lif": (lif, 1.5), "poisson": (poisson, 1.0)}


def main():
    made = {}
    print(f"norse {norse.__version__ if hasattr(norse, '__version__') else ''} torch {torch.__version__}", flush=True)
    for line in sys.stdin:
        name, channels, ticks = line.split()
        channels, ticks = int(channels), int(ticks)
        if (name, channels) not in made:
            make, top = STEPS[name]
            made[name, channels] = make(top * torch.arange(channels, dtype=torch.float32) / channels)
        step = made[name, channels]
        start = time.perf_counter_ns()
        for _ in range(ticks):
            step()
        print((time.perf_counter_ns() - start) / ticks / channels, flush=True)


with torch.no_grad():
    main()
