"""Values beside live spikes: when they can be believed, without a socket; and from the real daemon.

SPDX-License-Identifier: Apache-2.0
"""
import unittest

import numpy as np

from support import WithDaemon, with_library
from test_offline import same, signal

import harness
import spiked
from spiked import Flags, live, wire

EPOCH = 0x1122334455667788
STEPS = {"step_forward": {"theta": 1, "max_steps": 9}}
JOINED = "it was joined in the middle: "
FRESH = live.WAITS["values"]


def stage(each, output="signed spikes"):
    name, params = next(iter(each.items()))
    return {"stage": name, "as": name, "output": output, "params": params}


def meta(encode=STEPS, window=0, empty=True, ranged=False, epoch=EPOCH, name="s", before=(), lines=2, **more):
    stages = [*(stage(each, "values") for each in before), stage(encode)]
    if ranged:
        stages.insert(0, stage({"range": {"lo": 0, "hi": 100}}, "values"))
    return wire.Document(topic=f"meta/{name}/", data={
        "stream": name, "epoch": f"{epoch:016x}", "channels": 2, "lines": lines, "dt_ns": 1000000, "window": window,
        "empty": empty, "range": {} if ranged else None, "pipeline": stages, "group": "g",
        "group_streams": ["other", "s"], "clock": "wall", **more})


def frame(tick, ups=(), flags=0, missed=0, epoch=EPOCH, lines=2, topic="spikes/s/"):
    return wire.Frame(topic=topic, tick=tick, flags=Flags(flags), missed=missed, epoch=epoch, line_count=lines,
                      lines=np.array(ups, np.uint32), signs=np.ones(len(ups), np.int8), count=len(ups))


def values(tick, *numbers, flags=0):
    return wire.Frame(topic="values/s/", kind="values", format="f32", tick=tick, epoch=EPOCH, line_count=2,
                      flags=Flags(flags), values=np.float32(numbers))


@with_library
class Believing(unittest.TestCase):
    """What comes from where, and what is said of it. When values are known, test_decode_cases.py holds."""

    def setUp(self):
        self.asked = []
        self.decoding = live.Decoding(0.0, self.asked.append, self.asked.remove)
        self.decoding.subscribed("spikes/s/")

    def see(self, *messages):
        """What is said about each frame: a list, or the reason for none."""
        result = []
        for each in messages:
            self.decoding.see(each)
            if isinstance(each, wire.Frame) and each.kind == "spikes":
                self.assertFalse(each.decoded is None and not each.undecoded)
                result.append(each.undecoded if each.decoded is None else each.decoded.tolist())
        return result

    def test_a_follower_asks_for_a_value_and_then_needs_no_more(self):
        self.assertEqual(self.asked, ["meta/s/"])
        self.assertEqual(self.see(frame(4)), ["its meta has not come yet"])
        self.see(meta())
        self.assertEqual(self.asked, ["meta/s/", "values/s/"])
        self.assertEqual(self.see(frame(5, [0])), [JOINED + FRESH])
        self.assertEqual(self.see(values(5, 7, 8), frame(6, [1]), frame(7)), [[7, 9], [7, 9]])
        self.assertEqual(self.asked, ["meta/s/"])
        self.see(meta())
        self.assertEqual(self.see(frame(8, [0, 0])), [[9, 9]])

    def test_a_value_that_comes_before_its_spikes_counts_behind_them(self):
        # As those of a bundle do.
        self.see(meta(), frame(5), values(6, 1, 2))
        self.assertEqual(self.see(frame(6, [0]), frame(7, [0])), [JOINED + FRESH, [2, 2]])

    def test_an_old_value_is_none(self):
        self.see(meta(), frame(5), values(4, 1, 2))
        self.assertEqual(self.see(frame(6)), [JOINED + FRESH])

    def test_a_value_is_told_in_the_sensors_units(self):
        self.see(meta({"step_forward": {"theta": 0.25, "max_steps": 9}}, ranged=True), frame(5), values(5, 0.5, 0.25))
        self.assertEqual(self.see(frame(6)), [[50, 25]])

    def test_losses_silence_a_follower_until_it_is_told_again(self):
        self.see(meta(), frame(5), values(5, 1, 1))
        said = self.see(frame(6, [0]), frame(9, [0], missed=2), frame(10))
        self.assertEqual(said, [[2, 1], "2 messages were lost: " + FRESH, "2 messages were lost: " + FRESH])
        self.assertIn("values/s/", self.asked)
        self.assertEqual(self.see(values(10, 3, 3), frame(11, [1])), [[3, 4]])
        self.assertEqual(self.see(frame(14)), ["2 ticks did not arrive: " + FRESH])

    def test_channels_are_known_one_by_one(self):
        self.see(meta({"place": {"out_features": 2, "on_change": True}}, lines=4))
        last = frame(6, [3], lines=4)
        self.assertEqual(self.see(frame(5, lines=4)), [JOINED + live.WAITS["spikes"]])
        known = self.see(last)[0]
        self.assertTrue(np.isnan(known[0]) and known[1] == 0.75, known)
        self.assertEqual(last.undecoded, JOINED + live.WAITS["spikes"])

    def test_a_reset_begins_anew(self):
        self.see(meta(), frame(5), values(5, 1, 1))
        self.assertEqual(self.see(frame(6, [0], Flags.RESET)), ["no spike tells where it begins: " + FRESH])
        self.assertEqual(self.see(values(6, 4, 4), frame(7, [0])), [[6, 4]])  # and the spike that the first row has

    def test_a_restart_needs_the_new_meta(self):
        self.see(meta(), frame(5), values(5, 1, 1))
        self.assertEqual(self.see(frame(0, [0], epoch=2)), ["its meta has not come yet"])
        self.see(meta(epoch=2))
        self.assertEqual(self.see(frame(1, [0], epoch=2)), [JOINED + FRESH])

    def test_a_state_from_a_snapshot_is_not_known(self):
        self.see(meta())
        self.assertIn("saved", self.see(frame(0, [0], Flags.RESTORED))[0])

    def test_a_parameter_that_was_changed(self):
        self.see(meta(), frame(5), values(5, 1, 1))
        self.see(meta({"step_forward": {"theta": 0.5, "max_steps": 9}}))
        self.assertEqual(self.see(frame(6, [0])), [[1.5, 1]])
        self.see(meta({"step_forward": {"theta": 0.5, "max_steps": 8}}))  # another stream: this cannot be set
        self.assertEqual(self.see(frame(7, [0])), [JOINED + FRESH])

    def test_the_same_name_with_earlier_ticks_is_another_stream(self):
        self.see(meta(), frame(5), values(5, 1, 1), frame(6))
        self.assertEqual(self.see(frame(3)), [JOINED + FRESH])

    def test_a_long_silence_costs_neither_time_nor_memory(self):
        self.see(meta(empty=False), frame(5), values(5, 1, 1))
        self.assertEqual(self.see(frame(1 << 60, [0])), [[2, 1]])
        self.see(meta({"ttfs": {}}, window=10, empty=False, name="t"))
        self.decoding.subscribed("spikes/t/")
        said = self.see(frame(20, [0, 1], Flags.WINDOW, topic="spikes/t/"), frame(1 << 60, [0], topic="spikes/t/"))
        self.assertEqual(len(said[1]), 2)

    def test_spikes_and_bundle_have_the_same(self):
        self.decoding.subscribed("bundle/g/")
        self.see(meta({"step_forward": {"theta": 1, "start": "zero"}}), frame(0, [0]))
        for tick, missed, wanted in ((0, 0, [1, 0]), (1, 0, [2, 0])):
            part = frame(tick, [0], topic="bundle/g/")
            bundle = wire.Bundle(topic="bundle/g/", missed=missed, parts=[
                wire.Frame(topic="bundle/g/", kind="state"), part])
            self.decoding.see(bundle)
            self.assertEqual(part.decoded.tolist(), wanted)
        self.decoding.see(meta(clock="data"))
        self.decoding.see(wire.Bundle(topic="bundle/g/", parts=[part]))
        self.assertIn("clock data", part.undecoded)

    def test_what_cannot_be_decoded_says_why(self):
        self.see(meta({"tbr": {}}))
        self.assertRegex(self.see(frame(0))[0], "tbr cannot be decoded")
        self.see(meta())
        self.assertEqual(self.see(frame(1, lines=3)), ["its meta is of another pipeline"])
        self.see(wire.Document(topic="meta/s/", data={"stream": "s"}))

    def test_the_user_sees_only_what_was_asked_for(self):
        self.assertTrue(self.decoding.is_ours("meta/s/"))
        self.assertFalse(self.decoding.is_ours("spikes/s/"))
        self.decoding.subscribed("meta/s/")
        self.assertFalse(self.decoding.is_ours("meta/s/"))
        self.see(meta(), frame(5))
        self.decoding.unsubscribed("spikes/s/")
        self.assertEqual(self.asked, [])
        self.decoding.subscribed("")
        self.assertFalse(self.decoding.is_ours("values/x/"))
        self.assertEqual(self.asked, ["meta/"])


@with_library
class FromTheDaemon(WithDaemon):
    """Live values are those that `decode` gives for the whole."""

    def run_live(self, stages, rows, window=0, topic="spikes/s/"):
        daemon = self.daemon({"clock": "data", "seed": 3, "streams": [harness.stream("s", rows.shape[1], stages, window=window)]})
        frames = self.receiver(daemon, topic, decode=True)
        self.sender(daemon).send("s", rows)
        count = len(rows) * max(1, window)
        got = [frames.recv() for _ in range(count)]
        self.assertEqual({frame.kind for frame in got}, {"spikes"})
        return got, frames

    def test_rates_and_windows(self):
        rows = np.clip(signal(120, 3), 0, 1)
        for stages, window in ((["poisson"], 0), (["lif"], 0), (["lif_latency"], 25), (["phase_bits"], 12), (["ttfs"], 16),
                               ([{"range": {"lo": -1, "hi": 2}}, {"population": {"out_features": 5}}, "poisson"], 0),
                               ([{"range": {"lo": -1, "hi": 2}}, {"send_on_delta": {"payload": "graded"}}], 0)):
            with self.subTest(stages):
                p = spiked.Pipeline(stages, 3, window=window, seed=3, name="s")
                got, frames = self.run_live(stages, rows, window)
                self.assertEqual({frame.undecoded for frame in got}, {""})
                self.assertEqual(frames.decoded_stage("s"), p.decoder().stage)
                self.assertTrue(same(np.array([frame.decoded for frame in got]), p.decoder().run(p.run(rows))))

    def test_followers_join_in_the_middle(self):
        for stage in ({"step_forward": {"theta": 0.25 / 200, "max_steps": 1000}},
                      {"send_on_delta": {"theta": 0.25 / 200, "payload": "graded"}}):
            with self.subTest(stage):
                self.join([{"range": {"lo": -100, "hi": 100}}, stage], 0.25)

    def join(self, stages, theta):
        rows = np.cumsum(signal(600, 3, seed=5), 0) / 40
        daemon = self.daemon({"clock": "data", "streams": [harness.stream("s", 3, stages)]})
        other = self.receiver(daemon, "spikes/s/")
        sender = self.sender(daemon)
        sender.send("s", rows[:100])
        for _ in range(100):
            other.recv()
        frames = self.receiver(daemon, "spikes/s/", decode=True)
        seen = []
        for row in rows[100:]:
            sender.send("s", row)
            frame = frames.recv()
            other.recv()
            if frame.decoded is not None:
                seen.append(np.abs(frame.decoded - row).max())
        self.assertGreater(len(seen), 400)
        self.assertLess(max(seen), 2 * theta + 1e-4)

    def test_what_is_known_after_joining_late(self):
        for encode, row, bound, known in (
                ({"pwm": {"f": 10}}, 0.3, 0.005, False),
                ({"place": {"on_change": True}}, 0.83, 0.05, False),
                ({"asdm": {}}, -1.5, 3.5 / 11, True),
                ({"bsa": {"f": 100, "cutoff": 0.04}}, 0.5, 0.1, True),
                ({"step_forward": {"theta": 0.01, "start": "zero", "leak": 0.2, "max_steps": 100}}, 1, 0.02, True),
                ({"step_forward": {"theta": 0.01}}, 5, 0.02, True)):
            with self.subTest(encode):
                daemon = self.daemon({"clock": "data", "streams": [harness.stream("s", 1, [encode])]})
                other, sender = self.receiver(daemon, "spikes/s/"), self.sender(daemon)
                rows = np.full((300, 1), row, np.float32)
                sender.send("s", rows)
                for _ in rows:
                    other.recv()
                frames = self.receiver(daemon, "spikes/s/", decode=True)
                sender.send("s", np.repeat(rows, 2, 0))
                told = [frames.recv() for _ in range(600)]
                right = [frame for frame in told if frame.decoded is not None]
                self.assertEqual((bool(right), told[-1].undecoded == ""), (known, known))
                self.assertLessEqual(max((abs(frame.decoded[0] - row) for frame in right), default=0), bound + 1e-4)

    def test_a_stream_that_cannot_be_decoded_says_so(self):
        got, frames = self.run_live(["resonate"], np.zeros((3, 1), np.float32))
        self.assertIsNone(got[0].decoded)
        self.assertIn("cannot be decoded", got[0].undecoded)
        self.assertIsNone(frames.decoded_stage("s"))


if __name__ == "__main__":
    unittest.main()
