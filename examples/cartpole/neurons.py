"""The controller: spikes in, leaky integrate-and-fire neurons, a force out.

Spikes of the daemon's 64 lines go through synapses, whose weights make of them what the force should be.
That is the current of two pools of neurons, one for pushing right and one for left, and their spikes, each
with its own weight, are the force. Weights come from how lines and neurons answer, by least squares; nothing
else than spikes goes from one to the other (Eliasmith and Anderson 2003, Neural Engineering).

SPDX-License-Identifier: Apache-2.0
"""
import numpy as np

DT = 0.001
SYNAPSE_S, MUSCLE_S, MEMBRANE_S = 0.006, 0.010, 0.020


def line_weights(lines, rate_hz, points=201):
    """Weights that make of the spikes of one number's lines that number, -1 to 1: the daemon's `population`
    with `lo: -1, hi: 1` and `if` with `f_max: rate_hz`."""
    number = np.linspace(-1, 1, points)
    centres = np.linspace(-1, 1, lines)
    spacing = centres[1] - centres[0]
    rates = rate_hz * np.exp(-((number[:, None] - centres) / spacing) ** 2 / 2)
    return least_squares(rates, number)


def least_squares(rates, wanted, noise=0.02):
    """Weights with rates @ weights = wanted as nearly as may be, when rates are not quite certain."""
    room = (noise * rates.max()) ** 2 * len(rates)
    return np.linalg.solve(rates.T @ rates + room * np.eye(rates.shape[1]), rates.T @ wanted)


class Pools:
    """Neurons that fire for a number of -1 to 1: the first half the more the larger, the other half the smaller."""

    def __init__(self, count=200, seed=1):
        random = np.random.default_rng(seed)
        self.sign = np.where(np.arange(count) < count // 2, 1.0, -1.0)
        fastest = random.uniform(100, 200, count)   # Hz, at 1 or -1
        begins = random.uniform(-0.9, 0.9, count)   # at this number, as seen by the neuron, it begins to fire
        self.gain = (1 / (1 - np.exp(-1 / (fastest * MEMBRANE_S))) - 1) / (1 - begins)
        self.bias = 1 - self.gain * begins
        self.voltage = random.uniform(0, 1, count)
        self.weights = self.answers()

    def step(self, number):
        """Which neurons spike in this tick."""
        current = self.gain * self.sign * number + self.bias
        self.voltage += DT / MEMBRANE_S * (current - self.voltage)
        np.maximum(self.voltage, 0, out=self.voltage)
        spikes = self.voltage > 1
        self.voltage[spikes] -= 1
        return spikes

    def answers(self, ticks=300):
        """Weights that make of the pools' spikes the number again: measured, by letting the neurons run."""
        numbers = np.linspace(-1, 1, 41)
        rates = np.empty((len(numbers), len(self.gain)))
        for i, number in enumerate(numbers):
            rates[i] = sum(self.step(number) for _ in range(ticks)) / (ticks * DT)
        return least_squares(rates, numbers)


class Controller:
    """`gains` make of the state, in parts of its range, a number of -1 to 1 that stands for the force."""

    def __init__(self, gains, lines, rate_hz):
        self.pools = Pools()
        self.weights = np.concatenate([gain * line_weights(lines, rate_hz) for gain in gains])
        self.arrived = np.zeros(len(self.weights))  # spikes a second, as the synapses hold them
        self.number = 0.0

    def step(self, lines):
        """One tick, with spikes on these lines; the number, and which neurons spiked."""
        self.arrived *= 1 - DT / SYNAPSE_S
        self.arrived[lines] += 1 / SYNAPSE_S
        spikes = self.pools.step(min(1.0, max(-1.0, float(self.weights @ self.arrived))))
        self.number += DT / MUSCLE_S * (float(self.pools.weights[spikes].sum()) / DT - self.number)
        return self.number, spikes
