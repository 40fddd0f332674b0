"""Bounds of the decoders' errors on real signals: an ECG, speech, a working machine.

Converter counts are whole numbers and the thetas are too, so float32 is exact and so are the bounds. Needs
SPIKED_ENCODERS_LIB; signals whose packages are not installed are skipped.

SPDX-License-Identifier: Apache-2.0
"""
import sys
import unittest

import numpy as np

from support import ROOT, with_library
import spiked

sys.path.insert(0, str(ROOT / "tests/signals"))
import signals  # noqa: E402

DT = 0.001
THETAS = {"ecg": [8], "speech": [256], "host": [4, 4, 4, 64]}  # one a channel


def there_and_back(pipeline, values, **options):
    spikes = spiked.encode(pipeline, values, dt=DT, **options)
    return spikes, spiked.decode(pipeline, spikes, channels=values.shape[1], dt=DT, first=values[0], **options)


class Bounds:
    """Of one signal, `name`."""

    @classmethod
    def setUpClass(cls):
        try:
            cls.signal = signals.load(cls.name)
        except signals.Missing as why:
            raise unittest.SkipTest(str(why)) from why

    def test_step_forward_with_many_steps_is_never_more_than_theta_off(self):
        theta = THETAS[self.name]
        spikes, back = there_and_back(f"[step_forward: {{theta: {theta}, max_steps: 65535}}]", self.signal.counts)
        self.assertTrue((np.abs(back - self.signal.counts) <= theta).all())
        self.assertGreater(np.abs(spikes).max(), 1)

    def test_step_forward_with_one_step_lags_where_the_signal_is_steep(self):
        theta = THETAS[self.name]
        _, back = there_and_back(f"[step_forward: {{theta: {theta}}}]", self.signal.counts)
        self.assertTrue((np.abs(back - self.signal.counts) > theta).any())

    def test_graded_send_on_delta_is_never_more_than_theta_off(self):
        theta = THETAS[self.name]
        spikes, back = there_and_back(f"[send_on_delta: {{theta: {theta}, payload: graded, first: silent}}]",
                                      self.signal.counts)
        self.assertTrue((np.abs(back - self.signal.counts) <= theta).all())
        self.assertTrue((np.abs(spikes) > theta)[spikes != 0].all())

    def test_the_count_of_if_is_less_than_one_spike_off_the_integral(self):
        spikes = spiked.encode("[if: {f_max: 500}]", self.signal.unit, dt=DT)
        asked = np.cumsum(0.5 * self.signal.unit.astype(float), axis=0)
        off = asked - np.cumsum(spikes, axis=0, dtype=float)
        self.assertGreater(off.min(), -1)
        self.assertLess(off.max(), 1)
        self.assertGreater(spikes.sum(), 0)

    def test_phase_bits_is_the_value_cut_off_after_its_bits(self):
        values, bits = self.signal.unit[:20_000], 12
        _, back = there_and_back(f"[phase_bits: {{bits: {bits}}}]", values, window=bits)
        said = back[bits - 1::bits]  # what a window said is known when its last tick is there
        whole = np.minimum(np.floor(values.astype(float) * 2 ** bits), 2 ** bits - 1)
        self.assertTrue(np.array_equal(said, whole / 2 ** bits))
        self.assertTrue((values - said <= 2.0 ** -bits).all())


@with_library
class OnAnEcg(Bounds, unittest.TestCase):
    name = "ecg"


@with_library
class OnSpeech(Bounds, unittest.TestCase):
    name = "speech"


@with_library
class OnAMachine(Bounds, unittest.TestCase):
    name = "host"


if __name__ == "__main__":
    unittest.main()
