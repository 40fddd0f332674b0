"""The same rows through the daemon and through `encode`: the same bytes.
Needs SPIKED_BIN and SPIKED_ENCODERS_LIB; without them these tests are skipped.

SPDX-License-Identifier: Apache-2.0
"""
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import numpy as np

from support import ROOT, WithDaemon, with_library
from test_offline import signal

import harness
import spiked

RANGE = {"range": {"lo": -2, "hi": 3}}
SIGNED = {"range": {"lo": -2, "hi": 3, "signed": True}}
# name: stages, window, what the stream declares its rows to be
PIPELINES = {
    "lif": ([{"lif": {"tau_mem_inv": 200, "v_th": 0.5}}], 0, "f32"),
    "lif-range": ([RANGE, {"lif": {"v_th": 0.1}}], 0, "f64"),
    "lif-each": ([{"lif": {"v_th": [0.1, 0.2, 0.3, 0.4, 0.5]}}], 0, "f32"),
    "latency": ([RANGE, {"lif_latency": {"v_th": 0.1}}], 20, "f32"),
    "first": ([RANGE, {"lif": {"v_th": 0.1}}, "first_spike"], 20, "f32"),
    "poisson": ([RANGE, {"poisson": {"f_max": 400}}], 0, "f32"),
    "poisson-window": ([RANGE, {"poisson": {"f_max": 400}}], 7, "f32"),
    "signed": ([SIGNED, {"signed_poisson": {"f_max": 400}}], 0, "f32"),
    "mt19937": ([RANGE, {"poisson": {"f_max": 400, "rng": "mt19937", "seed": 9}}], 0, "f32"),
    "population": ([RANGE, {"population": {"out_features": 6}}, "poisson"], 0, "f32"),
    "population-lif": ([RANGE, {"population": {"out_features": 6}}, {"lif": {"v_th": 0.05}}], 0, "f32"),
    "integers": ([{"range": {"lo": -2000, "hi": 3000}}, "poisson"], 0, "i16"),
    "step_forward": ([{"step_forward": {"theta": 0.1}}], 0, "f32"),
    "counts": ([{"step_forward": {"theta": 0.01, "max_steps": 1000}}], 0, "f32"),
    "graded": ([{"send_on_delta": {"theta": 0.1, "payload": "graded"}}], 0, "f32"),
}


@with_library
class Same(WithDaemon):
    def test_spikes_state_and_values_are_the_daemons_bit_for_bit(self):
        rows, seed = signal(240, 5, seed=11, hostile=80), 5
        pipelines = {name: (spiked.Pipeline(stages, 5, window=window, seed=seed, name=name), kind)
                     for name, (stages, window, kind) in PIPELINES.items()}
        daemon = self.daemon({"clock": "data", "seed": seed, "streams": [
            harness.stream(name, 5, PIPELINES[name][0], window=p.window, input={"type": kind})
            for name, (p, kind) in pipelines.items()]})
        for name, (p, kind) in pipelines.items():
            with self.subTest(name):
                sent = np.rint(np.nan_to_num(rows, posinf=3, neginf=-3).clip(-9, 9) * 1000) if kind == "i16" else rows
                run = p.run(sent, state=bool(p.state_lines), mapped=True)
                wanted = {"spikes": run.lines, "values": run.mapped, "state": run.state}
                frames = self.receiver(daemon, *(f"{kind}/{name}/" for kind, a in wanted.items() if a is not None))
                self.sender(daemon, types={name: kind}).send(name, sent)
                got = {kind: [] for kind, a in wanted.items() if a is not None}
                for _ in range(len(got) * len(run.lines)):
                    frame = frames.recv()
                    got[frame.kind].append(frame.dense())
                for kind, arrays in got.items():
                    array = np.array(arrays).astype(wanted[kind].dtype)
                    self.assertEqual(array.shape, wanted[kind].shape)
                    self.assertEqual(array.tobytes(), wanted[kind].tobytes(), f"{name}, {kind}")
                self.assertTrue(run.lines.any())

    def test_the_example_goes_the_whole_way(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        package = ROOT / "clients" / "python"
        result = subprocess.run([sys.executable, package / "examples" / "offline.py"], capture_output=True, text=True,
                                cwd=folder.name, env={**os.environ, "PYTHONPATH": str(package)}, timeout=60 * harness.SLOW)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("live spikes are the same bytes", result.stdout)
        self.assertIn("decoded live", result.stdout)
        self.assertTrue((Path(folder.name) / "signal.csv").exists())
        errors = [float(line.split("within ")[1].split()[0]) for line in result.stdout.splitlines() if "within " in line]
        self.assertEqual(len(errors), 2)
        self.assertLess(max(errors), 10.01)


if __name__ == "__main__":
    unittest.main()
