"""Encoding and decoding of arrays. Needs SPIKED_ENCODERS_LIB; without it these tests are skipped.

SPDX-License-Identifier: Apache-2.0
"""
import copy
import os
import pickle
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from pathlib import Path
from unittest import mock

import numpy as np

from support import ROOT, with_library

import harness
import spiked
from spiked import Events, Pipeline, decode, encode, events

LIF = [{"lif": {"tau_mem_inv": 200, "v_th": 0.5}}]
RANGED = [{"range": {"lo": -2, "hi": 3}}]
DRAWS = [{"range": {"lo": -2, "hi": 3, "signed": True}}, {"signed_poisson": {"f_max": 400}}]
HOSTILE = [np.nan, np.inf, -np.inf, 3e38, -3e38, 1e-42, -0.0]


def signal(rows, channels, seed=1, hostile=0):
    """Steps, noise and, in so many places, what no sensor should send."""
    rng = np.random.default_rng(seed)
    values = (rng.normal(0, 0.5, (rows, channels)) + rng.integers(-2, 3, (rows // 50 + 1, channels))
              .repeat(50, 0)[:rows]).astype(np.float32)
    values.flat[rng.integers(0, values.size, hostile)] = rng.choice(np.float32(HOSTILE), hostile)
    return values


def same(a, b):
    """Bit for bit."""
    return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()


@with_library
class Encoding(unittest.TestCase):
    def golden(self, path, windowed=None):
        params, rows = harness.golden(path)
        stages, windows = harness.golden_stages(params)
        windows = windows if windowed is None else windowed
        hold, dt = int(params.get("hold_ticks", 1)), float(params.get("dt", 0.001))
        values = np.array([row["input"] for row in rows], np.float32)
        if not windows:
            values = values.repeat(hold, 0)
        p = Pipeline(stages, values.shape[1], dt=dt, window=hold if windows else 0)
        run = p.run(values, state=bool(p.state_lines))
        lines, state = (run.lines, run.state) if p.state_lines else (run, None)
        self.assertEqual(len(lines), hold * len(rows))
        for number, row in enumerate(rows):
            last = number * hold + hold - 1
            for tick, spikes in row["spikes"].items():
                wanted = np.zeros(p.lines, np.int8)
                for line, sign in spikes:
                    wanted[line] = sign
                self.assertTrue(same(lines[tick], wanted), f"{path.name}, tick {tick}")
            if row["voltage"] is not None:
                self.assertTrue(same(state[last], np.float32(row["voltage"])), f"{path.name}, row {number}")
            if row["output"] is not None:
                self.assertTrue(same(lines[last], np.float32(row["output"])), f"{path.name}, row {number}")

    def test_every_vector_of_norse_is_reproduced(self):
        for path in harness.golden_files():
            with self.subTest(path.stem):
                self.golden(path)
                if "poisson" in path.stem:
                    self.golden(path, windowed=True)

    def test_parts_give_the_whole(self):
        values = signal(500, 5, hostile=40)
        for stages, window in ((LIF, 0), (DRAWS, 0), (["lif_latency"], 7), ([{"population": {"out_features": 3}}], 0)):
            with self.subTest(stages):
                p = Pipeline(stages, 5, window=window, seed=3, name="s")
                parts = [p.run(part) for part in np.split(values, [1, 1, 130, 499])]
                whole = encode(stages, values, window=window, seed=3, name="s")
                self.assertTrue(same(np.concatenate(parts), whole))
                self.assertTrue(whole.any())
                p.reset()
                self.assertTrue(same(p.run(values), whole))

    def test_every_way_to_say_a_pipeline_is_the_same(self):
        values = signal(300, 2)
        wanted = encode([{"range": {"lo": -2, "hi": 3}}, {"lif": {"v_th": 0.5}}], values, dt=0.002)
        entry = {"channels": 2, "dt": "2 ms", "range": {"lo": -2, "hi": 3}, "encode": [{"lif": {"v_th": 0.5}}]}
        file = Path(tempfile.mkdtemp()) / "spiked.yaml"
        self.addCleanup(lambda: (file.unlink(), file.parent.rmdir()))
        file.write_text("dt: 2 ms\nseed: 7\nstreams:\n  - name: other\n    channels: 1\n    encode: [lif]\n"
                        "  - name: imu\n    channels: 2\n    range: {lo: -2, hi: 3}\n    input: {type: i16}\n"
                        "    encode:\n      - lif: {v_th: 0.5}\n")
        ways = {
            "stages as text": ("- range: {lo: -2, hi: 3}\n- lif:\n    v_th: 0.5\n", {"dt": 0.002}),
            "entry as text": ("dt: 2 ms\nrange: {lo: -2, hi: 3}\nencode: [{lif: {v_th: 0.5}}]", {}),
            "entry": (entry, {}),
            "entry and the same dt": (entry, {"dt": 0.002}),
            "numpy numbers": ([{"range": {"lo": np.float32(-2), "hi": np.int64(3)}},
                               {"lif": {"v_th": np.array(0.5)}}], {"dt": np.float64(0.002)}),
            "a value a channel": ([{"range": {"lo": [-2, -2], "hi": np.array([3, 3])}},
                                   {"lif": {"v_th": 0.5}}], {"dt": 0.002}),
        }
        try:
            import yaml  # noqa: F401
            ways["a configuration file"] = (file, {"stream": "imu"})
        except ImportError:
            with self.assertRaisesRegex(ImportError, "PyYAML"):
                encode(file, values)
        for way, (pipeline, options) in ways.items():
            with self.subTest(way):
                self.assertTrue(same(encode(pipeline, values, **options), wanted))
        self.assertTrue(same(encode("lif", values), encode({"lif": {}}, values)))
        if "a configuration file" in ways:
            with self.assertRaisesRegex(ValueError, "other, imu.*no 'iMu'"):
                encode(file, values, stream="iMu")
            file.write_text(file.read_text().replace("v_th", "v_ht"))
            with self.assertRaisesRegex(ValueError, "12:15.*v_th"):
                encode(file, values, stream="imu")

    def test_any_real_array_is_taken(self):
        whole = signal(200, 4) * 10
        whole = np.rint(whole).astype(np.float32)
        wanted = encode(DRAWS, whole)
        for dtype in (np.float64, np.float16, np.longdouble, np.int8, np.int16, np.int64, ">f4", ">i4"):
            with self.subTest(dtype):
                self.assertTrue(same(encode(DRAWS, whole.astype(dtype)), wanted))
        self.assertTrue(same(encode(DRAWS, (whole > 0)), encode(DRAWS, (whole > 0).astype(np.float32))))
        self.assertTrue(same(encode(DRAWS, whole.tolist()), wanted))
        for way, array in (("columns first", np.asfortranarray(whole)), ("backwards", whole[::-1].copy()[::-1]),
                           ("every second", np.repeat(whole, 2, 0)[::2]), ("read only", whole.copy())):
            array.flags.writeable = False
            with self.subTest(way):
                self.assertTrue(same(encode(DRAWS, array), wanted))
        self.assertTrue(same(encode(LIF, whole[:, 0]), encode(LIF, whole[:, :1])))
        masked = np.ma.masked_less(whole, -5)
        self.assertTrue(same(encode(DRAWS, masked), encode(DRAWS, np.where(whole < -5, np.nan, whole))))
        with np.errstate(all="raise"):
            encode(LIF, np.array([1e300, -1e300]))
        self.assertEqual(encode(LIF, np.zeros((0, 3))).shape, (0, 3))

    def test_float32_is_read_where_it_lies(self):
        from spiked import _arrays
        values = signal(10, 3)
        self.assertTrue(np.shares_memory(_arrays.rows(values, "rows")[0], values))

    def test_results_have_the_type_that_holds_them(self):
        values = signal(100, 3)
        self.assertEqual(encode(LIF, values).dtype, np.int8)
        self.assertEqual(encode(DRAWS, values).dtype, np.int8)
        self.assertEqual(encode(RANGED, values).dtype, np.float32)
        for dtype in (np.float32, np.float64, np.int32, np.float16):
            lines = encode(DRAWS, values, dtype=dtype)
            self.assertEqual(lines.dtype, dtype)
            self.assertTrue((lines == encode(DRAWS, values)).all())
        self.assertEqual(encode(LIF, values, dtype=bool).dtype, bool)
        for stages, dtype, why in ((DRAWS, bool, "-1 to 1"), (DRAWS, np.uint8, "-1 to 1"), (RANGED, int, "fractions"),
                                   (LIF, "U3", "real")):
            with self.assertRaisesRegex(ValueError, why):
                encode(stages, values, dtype=dtype)
        graded = [{"send_on_delta": {"theta": 1, "payload": "graded"}}]
        with self.assertRaisesRegex(ValueError, "float16 does not hold 1e.06"):
            encode(graded, [[0.0], [-1e6], [0.0]], dtype=np.float16)
        self.assertEqual(encode(graded, [[0.0], [-6e4]], dtype=np.float16).tolist(), [[0], [-60000 // 32 * 32]])

    def test_state_and_mapped_values(self):
        values = signal(50, 2, hostile=10)
        run = encode([{"range": {"lo": -2, "hi": 3}}, *LIF], values, state=True, mapped=True)
        self.assertEqual((run.lines.shape, run.state.shape, run.mapped.shape), ((50, 2),) * 3)
        self.assertTrue(same(run.mapped, encode(RANGED, values)))
        self.assertTrue((run.mapped >= 0).all() and (run.mapped <= 1).all())
        self.assertIsNone(encode(LIF, values, mapped=True).state)
        with self.assertRaisesRegex(ValueError, "state"):
            encode(["poisson"], values, state=True)

    def test_events_are_the_dense_array_as_a_list(self):
        values = signal(300, 5)
        for stages in (LIF, DRAWS, RANGED):
            found, dense = events(stages, values, seed=4), encode(stages, values, seed=4)
            self.assertIsInstance(found, Events)
            self.assertTrue(same(found.dense(), dense))
            self.assertEqual(len(found), np.count_nonzero(dense))
            self.assertTrue((np.diff(found.ticks) >= 0).all())
        from spiked import offline
        block, offline.BLOCK = offline.BLOCK, 64
        self.addCleanup(setattr, offline, "BLOCK", block)
        self.assertTrue(same(events(DRAWS, values, seed=4).dense(), encode(DRAWS, values, seed=4)))
        self.assertEqual(events(LIF, values[:0]).shape, (0, 5))

    def test_seed_and_name_make_the_draws(self):
        values = np.full((200, 3), 0.5)
        draws = {key: encode("poisson", values, seed=key[0], name=key[1]).tobytes()
                 for key in ((1, "a"), (2, "a"), (1, "b"), (0, "a"))}
        self.assertEqual(len(set(draws.values())), 4)
        self.assertEqual(draws[1, "a"], encode("poisson", values, seed=1, name="a").tobytes())


@with_library
class Streaming(unittest.TestCase):
    def test_what_a_pipeline_is(self):
        p = Pipeline([{"population": {"out_features": 4}}, "poisson"], 3, dt=0.002, window=10)
        self.assertEqual((p.channels, p.lines, p.state_lines, p.output, p.window, p.ticks, p.dt),
                         (3, 12, 12, "spikes", 10, 10, 0.002))
        self.assertIn("3 channels -> 12 lines", repr(p))
        self.assertEqual([Pipeline(s, 1).output for s in (
            DRAWS, RANGED, [{"step_forward": {"max_steps": 3}}], [{"send_on_delta": {"payload": "graded"}}])],
            ["signed", "values", "counts", "graded"])
        self.assertEqual(p.run(np.zeros((7, 3))).shape, (70, 12))

    def test_saved_loaded_copied_and_pickled_it_goes_on_the_same(self):
        values = signal(400, 3, hostile=20)
        p = Pipeline([{"range": {"lo": -2, "hi": 3}}, *LIF], 3)
        p.run(values[:100])
        p.set(0, "hi", 9)
        p.set(0, "lo", 4)
        p.set(1, "v_th", [0.2, 0.3, 0.4])
        p.set(1, "v_th", [0.2, 0.3, 0.1])
        p.run(values[100:200])
        state = p.save()
        twins = [copy.deepcopy(p), pickle.loads(pickle.dumps(p))]
        wanted = p.run(values[200:])
        self.assertTrue(wanted.any())
        for twin in twins:
            self.assertTrue(same(twin.run(values[200:]), wanted))
        p.load(state)
        self.assertTrue(same(p.run(values[200:]), wanted))
        for wrong in (b"", state[:-1], b"\0" * len(state), Pipeline(LIF, 3).save()):
            before = p.save()
            with self.assertRaises(ValueError):
                p.load(wrong)
            self.assertEqual(p.save(), before)

    def test_a_parameter_changes_from_the_next_row_on(self):
        p, q = Pipeline(LIF, 1), Pipeline(LIF, 1)
        rows = np.full((50, 1), 2.0)
        self.assertTrue(same(p.run(rows), q.run(rows)))
        p.set(0, "v_th", 0.1)
        self.assertGreater(p.run(rows).sum(), q.run(rows).sum())
        for stage, param, value in ((0, "v_ht", 1), (0, "v_th", "much"), (5, "v_th", 1), (2**32, "v_th", 1), (-1, "v_th", 1), ("lif", "v_th", 1)):
            with self.subTest((stage, param, value)), self.assertRaises(ValueError):
                p.set(stage, param, value)

    def test_only_the_last_of_each_change_is_kept(self):
        p = Pipeline([{"range": {"lo": -2, "hi": 3}}, *LIF], 3)
        for i in range(300):
            p.set(0, "hi", 9 + i)
            p.set(0, "lo", 4 + i)
            p.set(1, "v_th", 0.1 + i % 7)
        self.assertLess(len(pickle.dumps(p)), 2000)
        for lo, hi in ((400, 500), (-9, -8), (20, 30)):  # whichever of the two has to be set first
            p.set(0, *(("hi", 1000) if lo > 0 else ("lo", -1000)))
            p.set(0, *(("lo", lo) if lo > 0 else ("hi", hi)))
            p.set(0, *(("hi", hi) if lo > 0 else ("lo", lo)))
            rows = np.linspace(lo, hi, 90).reshape(30, 3)
            self.assertTrue(same(copy.deepcopy(p).run(rows), p.run(rows)))

    def test_faults_are_sentences(self):
        for pipeline, options, why in (
                ("lof", {}, "did you mean \"lif\""),
                ([{"lif": {"v_ht": 1}}], {}, "v_th"),
                (["lif", {"lif": {}}], {}, "2:|lif"),
                ("- lif\n- [x", {}, "2:|3:"),
                ("", {}, "."),
                ({"encode": ["lif"], "chanels": 3}, {}, "channels"),
                (["lif_latency"], {}, "window"),
                ([{"lif": {"v_th": float("nan")}}], {}, "numbers"),
                ([{"lif": {"v_th": object()}}], {}, "numbers"),
                (3, {}, "not int"),
                (LIF, {"dt": 0}, "dt"), (LIF, {"dt": -1}, "dt"), (LIF, {"window": -1}, "window"),
                (LIF, {"window": 1.5}, "window"), (LIF, {"seed": -1}, "seed"), (LIF, {"stream": "s"}, "stream"),
                ({"encode": LIF, "dt": "2 ms"}, {"dt": 0.001}, "dt.*0.002.*0.001"),
                ({"encode": LIF, "window": 3}, {"window": 4}, "window.*3.*4"),
                ({"encode": LIF, "channels": 3}, {}, "channels.*3.*2")):
            with self.subTest(pipeline=pipeline, options=options), self.assertRaisesRegex(ValueError, why):
                encode(pipeline, np.zeros((4, 2)), **options)
        for rows, why in ((np.zeros((4, 3)), "3 channels.*2"), (np.zeros(4), "1 channels.*2"), (np.zeros((1, 2, 3)), "reshape"),
                          (np.zeros((4, 2), complex), "complex"), ([["a", "b"]], "real numbers"), ([[None, 1]], "object")):
            with self.subTest(rows=rows), self.assertRaisesRegex(ValueError, why):
                Pipeline(LIF, 2).run(rows)
        with self.assertRaisesRegex(ValueError, "channels"):
            Pipeline(LIF)

    def test_other_threads_go_on_while_a_pipeline_runs(self):
        # A slow pipeline and one call: who held the interpreter's lock for it would let nobody count.
        p = Pipeline([{"poisson": {"rng": "mt19937"}}], 2000, window=30000)
        row, begun = np.full((1, 2000), 0.5), threading.Event()
        thread = threading.Thread(target=lambda: (begun.set(), p.run(row)))
        began = time.monotonic()
        thread.start()
        begun.wait()
        count = 0
        while thread.is_alive():
            time.sleep(0.001)
            count += 1
        took = time.monotonic() - began
        self.assertGreater(count, 5, f"in {took:.3f} s")

    def test_threads_that_share_a_pipeline_wait_in_line(self):
        p, rows = Pipeline(DRAWS, 50), np.full((400, 50), 0.7)
        threads = [threading.Thread(target=p.run, args=(rows,)) for _ in range(8)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        q = Pipeline(DRAWS, 50)
        for _ in range(8):
            q.run(rows)
        self.assertEqual(p.save(), q.save())


@with_library
class Decoding(unittest.TestCase):
    def test_a_range_comes_back(self):
        values = np.clip(signal(300, 4), -2, 3)
        back = decode(RANGED, encode(RANGED, values))
        self.assertEqual((back.dtype, back.shape), (np.float32, values.shape))
        self.assertLess(np.abs(back - values).max(), 1e-6)

    def test_parts_steps_and_the_whole_agree(self):
        values = encode(RANGED, signal(100, 3))
        d = Pipeline(RANGED, 3).decoder()
        self.assertEqual((d.stage, d.width, d.lines), (0, 3, 3))
        whole = d.run(values)
        d.reset()
        self.assertTrue(same(np.concatenate([d.run(part) for part in np.split(values, [0, 7, 60])]), whole))
        d.reset(np.zeros(3))
        self.assertTrue(same(np.array([d.step(row) for row in values]), whole))

    def test_what_cannot_be_decoded_says_so(self):
        with self.assertRaisesRegex(ValueError, "cannot be decoded"):
            decode(["resonate"], np.zeros((3, 2)))
        d = Pipeline(RANGED, 3).decoder()
        for wrong in (lambda: d.run(np.zeros((4, 2))), lambda: d.step(np.zeros(4)), lambda: d.reset([1, 2]),
                      lambda: Pipeline(RANGED, 3).decoder(smooth=-1), lambda: decode(RANGED, np.zeros((4, 2)), channels=3),
                      lambda: pickle.dumps(d)):
            with self.assertRaises((ValueError, TypeError)):
                wrong()

    def test_the_number_of_channels_is_found_where_a_list_says_it(self):
        values = np.random.default_rng(1).random((50, 3))
        for stages in ([{"place": {"out_features": 4, "lo": [0, 0, -1]}}],
                       [{"range": {"lo": 0, "hi": [1, 2, 3]}}, {"place": {"out_features": 4}}]):
            back = decode(stages, encode(stages, values))
            self.assertTrue(same(back, decode(stages, encode(stages, values), channels=3)))
            self.assertEqual(back.shape, values.shape)
            with self.assertRaisesRegex(ValueError, "list|values"):
                decode(stages, np.zeros((5, 13)))

    def test_a_decoder_outlives_its_pipeline(self):
        d = Pipeline(RANGED, 3).decoder()
        rows = encode(RANGED, signal(20, 3))
        self.assertTrue(same(d.run(rows), decode(RANGED, rows)))

    def test_changes_are_followed_from_the_first_row(self):
        values = (np.cumsum(signal(500, 3), 0) / 50 + 3).astype(np.float32)
        stages = [{"step_forward": {"theta": 0.05, "max_steps": 1000}}]
        counts = encode(stages, values)
        self.assertEqual(counts.dtype, np.int32)
        back = decode(stages, counts, first=values[0])
        self.assertLessEqual(np.abs(back - values).max(), 0.05 + 1e-6)
        self.assertTrue(same(back, decode(stages, counts.astype(np.float32), first=values[0])))
        self.assertTrue(np.allclose(decode(stages, counts), back - values[0], atol=1e-5))
        found = events(stages, values)
        self.assertTrue(same(found.dense(), counts))
        with self.assertRaisesRegex(ValueError, "int8 does not hold"):
            encode([{"step_forward": {"theta": 0.0001, "max_steps": 1000}}], values, dtype=np.int8)
        p = Pipeline(stages, 3)
        d = p.decoder(first=values[0])
        self.assertTrue(same(np.concatenate([d.run(p.run(part)) for part in np.split(values, [100, 350])]), back))


@with_library
class Torch(unittest.TestCase):
    def setUp(self):
        try:
            import torch
        except ImportError:
            self.skipTest("torch is not installed")
        self.torch = torch

    def test_tensors_come_and_go(self):
        torch, values = self.torch, signal(100, 3)
        tensor = torch.from_numpy(values)
        spikes = encode(LIF, tensor)
        self.assertIsInstance(spikes, torch.Tensor)
        self.assertTrue(same(spikes.numpy(), encode(LIF, values)))
        for each in (tensor.double(), tensor.clone().requires_grad_(), tensor.t().contiguous().t()):
            self.assertTrue(torch.equal(encode(LIF, each), spikes))
        self.assertEqual(encode(LIF, tensor.bfloat16()).shape, spikes.shape)
        self.assertEqual(encode(LIF, tensor, dtype=torch.float32).dtype, torch.float32)
        self.assertEqual(encode(LIF, tensor, dtype=torch.bfloat16).dtype, torch.bfloat16)
        self.assertEqual(encode(LIF, tensor, dtype=np.float32).dtype, torch.float32)
        run = Pipeline(LIF, 3).run(tensor, state=True)
        self.assertTrue(torch.is_tensor(run.lines) and torch.is_tensor(run.state))
        back = decode(RANGED, encode(RANGED, tensor), first=tensor[0])
        self.assertTrue(torch.is_tensor(back))
        with self.assertRaisesRegex(ValueError, "real"):
            encode(LIF, tensor + 1j)


class Loading(unittest.TestCase):
    def python(self, code, **env):
        return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env={
            **os.environ, **env, "PYTHONPATH": os.pathsep.join(
                [str(ROOT / "clients" / "python"), os.environ.get("PYTHONPATH", "")])})

    def test_without_the_library_the_rest_works_and_a_sentence_tells(self):
        result = self.python("""
import spiked, sys
spiked.Sender(); spiked.Receiver("spikes/a/"); spiked.Control()
for wrong in (lambda: spiked.encode("lif", [1.0]), lambda: spiked.decode("lif", [1.0])):
    try:
        wrong()
    except ImportError as error:
        print(type(error).__name__, error)
""", SPIKED_ENCODERS_LIB="/nowhere/libspiked-encoders.so.0")
        self.assertEqual(result.returncode, 0, result.stderr)
        lines = result.stdout.splitlines()
        self.assertEqual(len(lines), 2, result.stdout)
        for line in lines:
            self.assertTrue(line.startswith("LibraryMissing"), line)
            self.assertIn("/nowhere/libspiked-encoders.so.0", line)
            self.assertIn("SPIKED_ENCODERS_LIB", line)

    def test_another_library_is_not_taken_for_it(self):
        result = self.python("import spiked\ntry:\n spiked.encode('lif', [1.0])\n"
                             "except spiked.LibraryMissing as error:\n print(error)\n", SPIKED_ENCODERS_LIB="libm.so.6")
        self.assertIn("libm.so.6 has no spiked_", result.stdout, result.stderr)

    @with_library
    def test_a_thread_that_runs_while_the_program_ends_does_no_harm(self):
        code = """
import threading, time, numpy as np, spiked
p = spiked.Pipeline("[{moving_window: {w: 64}}]", 500)
q = spiked.Pipeline("[if]", 500)
d, rows = q.decoder(), np.zeros((2000, 500), np.float32)
def work(run):
    while True:
        run(rows)
for run in (p.run, d.run):
    threading.Thread(target=work, args=(run,), daemon=True).start()
time.sleep(0.3)
"""
        for _ in range(3):
            result = self.python(code)
            self.assertEqual((result.returncode, result.stderr), (0, ""))

    def test_a_checkout_uses_what_it_has_built(self):
        from spiked import _library
        with tempfile.TemporaryDirectory() as folder, mock.patch.dict(os.environ), \
                mock.patch.object(_library, "SOURCE", Path(folder)):
            os.environ.pop(_library.VARIABLE, None)
            self.assertEqual(_library.candidates()[1:], [_library.SONAME])
            (Path(folder) / "encoders").mkdir()
            (Path(folder) / "encoders" / "classes.def").touch()
            self.assertEqual(_library.candidates()[1:], [f"{folder}/build/encoders/{_library.SONAME}", _library.SONAME])

    def test_torch_and_yaml_are_not_imported(self):
        result = self.python("import spiked, sys; print([m for m in ('torch', 'yaml') if m in sys.modules])")
        self.assertEqual(result.stdout.strip(), "[]", result.stderr)

    @with_library
    def test_the_library_says_what_it_is(self):
        version, kernels = spiked.library()
        self.assertEqual(version, spiked.__version__)
        self.assertIn(kernels, ("c", "avx2", "avx512", "neon"))


if __name__ == "__main__":
    unittest.main()
