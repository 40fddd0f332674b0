"""Sound to the loudness in the bands of a cochlea.

SPDX-License-Identifier: Apache-2.0
"""
import numpy as np
from scipy.signal import lfilter


def erb(hz):
    """Width of the ear's filter at a frequency (Glasberg and Moore 1990)."""
    return 24.7 + 0.108 * hz


def spaced(low, high, count):
    """Frequencies that are evenly spaced on the ear's own scale: a filter's width apart everywhere."""
    ends = np.log([erb(low), erb(high)])
    return (np.exp(np.linspace(*ends, count)) - 24.7) / 0.108


class Cochlea:
    """Gammatone filters of order four, and the level of each band's envelope once a hop, in dB of full scale."""

    def __init__(self, rate, hop, bands, low=80.0, high=7000.0):
        self.hop = hop
        self.centres = spaced(low, high, bands)
        poles = np.exp((-2 * np.pi * 1.019 * erb(self.centres) + 2j * np.pi * self.centres) / rate)
        # Four times the same complex pole: what comes out is the band's analytic signal, its size the envelope.
        self.filters = [(2 * (1 - abs(pole)) ** 4, np.poly([pole] * 4)) for pole in poles]
        self.states = np.zeros((bands, 4), complex)

    def hear(self, samples):
        """Rows (len(samples) / hop, bands); the filters go on where the samples before ended."""
        rows = np.empty((len(samples) // self.hop, len(self.filters)))
        for band, (gain, poles) in enumerate(self.filters):
            out, self.states[band] = lfilter([gain], poles, samples.astype(complex), zi=self.states[band])
            rows[:, band] = np.abs(out).reshape(-1, self.hop).mean(axis=1)
        return 20 * np.log10(np.maximum(rows, 1e-6))
