"""The Python client and the real daemon; also the client in PROTOCOL.md and the examples.
Needs SPIKED_BIN; without it these tests are skipped.

SPDX-License-Identifier: Apache-2.0
"""
import os
import re
import subprocess
import sys
import threading
import unittest

import numpy as np

from support import ROOT, WithDaemon

import harness
from spiked import Bundle, ControlError, Flags, Silence

MIRROR = [{"signed_poisson": {"f_max": 1000}}]  # spikes where the row is 1, negatively where it is -1


class Client(WithDaemon):
    def test_rows_of_every_type_come_back_as_spikes(self):
        types = ("f32", "f64", "i8", "i16", "i32")
        daemon = self.daemon({"clock": "data", "streams": [
            *(harness.stream(t, 5, MIRROR, input={"type": t}, publish={"payload": "auto"}) for t in types),
            harness.stream("pairs", 5, MIRROR, input={"type": "pairs"}),
            harness.stream("json", 5, MIRROR, input={"type": "json"})]})
        frames = self.receiver(daemon, "spikes/")
        sender = self.sender(daemon, types={t: t for t in types})
        rows = np.array([[1, 0, -1, 1, 0], [0, 0, 0, 0, 0], [-1, -1, 1, 0, 1]])
        for t in types:
            sender.send(t, rows, time_ns=5)
        sender.send_json("json", rows, time_ns=5)
        got = {t: [] for t in (*types, "json")}
        for _ in range(18):
            frame = frames.recv()
            got[frame.stream].append((frame.dense().tolist(), frame.source_ns, frame.missed))
        wanted = [(row.tolist(), 5 + 1000000 * i, 0) for i, row in enumerate(rows)]
        self.assertEqual(got, {t: wanted for t in (*types, "json")})
        sender.send_pairs("pairs", {4: -1.0, 0: 1.0})
        frame = frames.recv()
        self.assertEqual((frame.lines.tolist(), frame.signs.tolist()), ([0, 4], [1, -1]))

    def test_state_values_and_bundles(self):
        daemon = self.daemon({"clock": "manual", "streams": [
            harness.stream("a", 2, ["lif"], group="g"), harness.stream("b", 1, MIRROR, group="g")]})
        frames = self.receiver(daemon, "state/a/", "values/a/", "bundle/g/")
        control = self.control(daemon)
        self.sender(daemon).send("a", [1, 2])
        daemon.wait_rows("a", 1)
        control.step()
        got = {m.topic: m for m in (frames.recv() for _ in range(3))}
        self.assertEqual(got["values/a/"].values.tolist(), [1, 2])
        self.assertTrue(np.allclose(got["state/a/"].state, [0.1, 0.2]))
        self.assertIsInstance(got["bundle/g/"], Bundle)
        named = got["bundle/g/"].named(control.stream("a")["group_streams"])
        self.assertEqual([named[n].line_count for n in "ab"], [2, 1])
        self.assertIn(Flags.STALE, named["b"].flags)

    def test_a_restart_is_told(self):
        daemon = self.daemon({"clock": "wall", "dt": "5 ms", "streams": [harness.stream("s", 1)]})
        frames = self.receiver(daemon, "spikes/s/", timeout=0.5 * harness.SLOW, silence="yield")
        items = iter(frames)
        before = next(items)
        daemon.kill()
        quiet = threading.Event()
        starter = threading.Thread(target=lambda: (quiet.wait(), daemon.start()))
        starter.start()
        after = before
        while not isinstance(after, Silence):
            after = next(items)
        quiet.set()
        while isinstance(after, Silence):
            after = next(items)
        starter.join()
        self.assertTrue(after.restarted)
        self.assertNotEqual(after.epoch, before.epoch)
        self.assertFalse(next(items).restarted)

    def test_a_slow_reader_learns_what_it_lost(self):
        daemon = self.daemon({"clock": "wall", "dt": "0.2 ms", "send_queue": 2,
                              "streams": [harness.stream("s", 50000)]})
        frames = self.receiver(daemon, "values/s/", queue=2)
        first = frames.recv()
        harness.until("ticks go by", lambda: daemon.counters("s")["frames"] > first.seq + 400)
        frame, seen = first, 1
        while frame.seq < first.seq + 300 or not frames.missed:
            frame = frames.recv()
            seen += 1
        self.assertEqual(frame.seq - first.seq + 1, seen + frames.missed)

    def test_control(self):
        daemon = self.daemon({"clock": "manual", "streams": [harness.stream("s", 1, ["lif"])]})
        control = self.control(daemon)
        self.assertEqual(control.info()["protocol"], 1)
        self.assertIn("lif", [e["name"] for e in control.encoders()])
        control.add({"name": "t", "channels": 2, "encode": ["poisson"]})
        self.assertEqual([s["stream"] for s in control.streams()], ["s", "t"])
        control.set("s", 0, "v_th", 2)
        control.remove("t")
        self.assertEqual(control.reset("s")["name"], "s")
        self.assertEqual(control.step(7)["ticks"], 7)
        self.assertEqual(control.stats()["streams"]["s"]["ticks"], 7)
        with self.assertRaises(ControlError) as caught:
            control.set("s", 0, "v_ht", 2)
        self.assertIn("v_th", caught.exception.message)
        first, second = control.batch([("info", None), ("nope", None)])
        self.assertEqual((first["clock"], second.code), ("manual", -32601))


class Texts(WithDaemon):
    def config(self, clock="wall"):
        return {"clock": clock, "dt": "5 ms", "streams": [harness.stream("imu", 3, ["lif"])]}

    def test_the_client_in_the_protocol_text_works(self):
        daemon = self.daemon(self.config())
        text = (ROOT / "clients" / "PROTOCOL.md").read_text()
        [program] = re.findall(r"^```python client\n(.*?)^```", text, re.M | re.S)
        self.assertLessEqual(len([line for line in program.splitlines() if line.strip()]), 32)
        names = (f"INGEST, PUBLISH, CONTROL, FRAMES = "
                 f"{daemon.ingest!r}, {daemon.publish!r}, {daemon.control_at!r}, 40\n")
        result = subprocess.run([sys.executable, "-c", names + program], capture_output=True, text=True,
                                timeout=30 * harness.SLOW)
        self.assertEqual(result.returncode, 0, result.stderr)
        lines = result.stdout.splitlines()
        self.assertEqual(len(lines), 41, result.stdout)
        self.assertIn("[(2, 1)]", result.stdout)

    def test_the_examples_run(self):
        daemon = self.daemon(self.config())
        sender = self.sender(daemon)
        folder = ROOT / "clients" / "python"
        for script, args in (("watch.py", ["imu"]), ("closed_loop.py", ["imu", "3"])):
            # The examples use the default endpoints: the test puts its own in their place.
            code = (f"import runpy, sys\nfrom spiked import Control, Receiver, Sender\n"
                    f"for each, at in ((Control, {daemon.control_at!r}), (Sender, {daemon.ingest!r})):\n"
                    f"    each.__init__.__defaults__ = (at,)\n"
                    f"Receiver.__init__.__kwdefaults__['endpoint'] = {daemon.publish!r}\n"
                    f"sys.argv = {[script, *args]!r}\n"
                    f"runpy.run_path({str(folder / 'examples' / script)!r}, run_name='__main__')\n")
            with self.subTest(script):
                process = subprocess.Popen([sys.executable, "-u", "-c", code], stdout=subprocess.PIPE,
                                           stderr=subprocess.PIPE, text=True,
                                           env={**os.environ, "PYTHONPATH": str(folder)})
                try:
                    got = []
                    reader = threading.Thread(target=lambda: got.extend(
                        line for line, _ in zip(process.stdout, range(3))))
                    reader.start()
                    for _ in range(500):
                        sender.send("imu", [5, 9, 50])
                        reader.join(0.02)
                        if not reader.is_alive():
                            break
                    self.assertFalse(reader.is_alive(), "it printed nothing")
                finally:
                    process.kill()
                    _, errors = process.communicate()
                self.assertEqual(len(got), 3, errors)


if __name__ == "__main__":
    unittest.main()
