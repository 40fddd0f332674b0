"""Values beside live spikes: when they can be believed, without a socket; and from the real daemon.

SPDX-License-Identifier: Apache-2.0
"""
import struct
import unittest
from unittest import mock

import numpy as np

from support import WithDaemon, with_library
from test_offline import same, signal

import harness
import spiked
from spiked import Flags, live, wire

EPOCH = 0x1122334455667788


class Follower:
    """A decoder that adds up changes from the first row on."""

    stage, follows = 0, True

    def __init__(self, channels, lines):
        self.channels, self.lines, self.width = channels, lines, lines
        self.reset()

    def reset(self, first=None):
        self.at = np.zeros(self.lines, np.float32) if first is None else np.float32(first).copy()

    def step(self, lines, begins=False):
        self.at = self.at + lines
        return self.at.copy()

    def run(self, lines):
        return np.array([self.step(each) for each in lines])


class FromZero(Follower):
    """The same for an encoder that begins at 0."""

    def reset(self, first=None):
        super().reset()


class Counter(FromZero):
    """Spikes since the window began."""

    follows = False

    def step(self, lines, begins=False):
        if begins:
            self.reset()
        return super().step(lines)


class Rate(FromZero):
    """Forgets half of what it knows each tick."""

    follows = False

    def step(self, lines, begins=False):
        self.at = self.at / 2
        return super().step(lines)


class Scale(Follower):
    """The way back through a range of 0 to 100."""

    def step(self, lines, begins=False):
        return np.float32(lines) * 100


class FakePipeline:
    kind = Follower

    def __init__(self, stages, channels=2, **_):
        self.stages = stages

    def decoder(self, smooth=0.0):
        if self.stages == [{"range": {}}]:
            return Scale(2, 2)
        if self.stages == {"encode": [{"deaf": {}}]}:
            raise ValueError("deaf cannot be decoded")
        return self.kind(2, 2)


def meta(window=0, empty=True, encode="changes", ranged=False, epoch=EPOCH, name="s", **more):
    stages = [{"stage": encode, "output": "signed spikes", "params": {}}]
    if ranged:
        stages.insert(0, {"stage": "range", "output": "values", "params": {}})
    return wire.Document(topic=f"meta/{name}/", data={
        "stream": name, "epoch": f"{epoch:016x}", "channels": 2, "lines": 2, "dt_ns": 1000000, "window": window,
        "empty": empty, "range": {} if ranged else None, "pipeline": stages, "group": "g",
        "group_streams": ["other", "s"], "clock": "wall", **more})


def frame(tick, ups=(), flags=0, missed=0, epoch=EPOCH, lines=2, topic="spikes/s/"):
    return wire.Frame(topic=topic, tick=tick, flags=Flags(flags), missed=missed, epoch=epoch, line_count=lines,
                      lines=np.array(ups, np.uint32), signs=np.ones(len(ups), np.int8), count=len(ups))


def values(tick, *numbers, flags=0):
    return wire.Frame(topic="values/s/", kind="values", format="f32", tick=tick, epoch=EPOCH, line_count=2,
                      flags=Flags(flags), values=np.float32(numbers))


class Believing(unittest.TestCase):
    def setUp(self):
        for patch in (mock.patch.object(live, "Pipeline", FakePipeline),
                      mock.patch.object(live._library, "load", lambda: None)):
            patch.start()
            self.addCleanup(patch.stop)
        self.asked = []
        self.decoding = live.Decoding(0.0, self.asked.append, self.asked.remove)
        self.decoding.subscribed("spikes/s/")

    def kind(self, kind):
        patch = mock.patch.object(FakePipeline, "kind", kind)
        patch.start()
        self.addCleanup(patch.stop)

    def see(self, *messages):
        """What is said about each frame: a list, or the reason for none."""
        result = []
        for each in messages:
            self.decoding.see(each)
            if isinstance(each, wire.Frame) and each.kind == "spikes":
                self.assertEqual(each.decoded is None, bool(each.undecoded))
                result.append(each.undecoded if each.decoded is None else each.decoded.tolist())
        return result

    def test_a_follower_waits_for_a_value_and_then_needs_no_more(self):
        self.assertEqual(self.asked, ["meta/s/"])
        self.assertEqual(self.see(frame(4)), ["its meta has not come yet"])
        self.see(meta())
        self.assertEqual(self.asked, ["meta/s/", "values/s/"])
        self.assertEqual(self.see(frame(5, [0])), ["it was joined in the middle"])
        self.assertEqual(self.see(values(5, 7, 8), frame(6, [1]), frame(7)), [[7, 9], [7, 9]])
        self.assertEqual(self.asked, ["meta/s/"])
        self.see(meta())
        self.assertEqual(self.see(frame(8, [0, 0])), [[9, 9]])

    def test_a_value_that_comes_before_its_spikes_counts_too(self):
        self.see(meta(), frame(5), values(6, 1, 2))
        self.assertEqual(self.see(frame(6, [0]), frame(7, [0])), [[1, 2], [2, 2]])

    def test_an_old_value_is_none(self):
        self.see(meta(), frame(5), values(4, 1, 2))
        self.assertEqual(self.see(frame(6)), ["it was joined in the middle"])

    def test_a_value_of_a_stale_tick_is_none_either(self):
        self.see(meta(), frame(5), values(5, 0, 0, flags=Flags.STALE))
        self.assertEqual(self.see(frame(6)), ["it was joined in the middle"])

    def test_a_value_is_told_in_the_sensors_units(self):
        self.see(meta(ranged=True), frame(5), values(5, 0.5, 0.25))
        self.assertEqual(self.see(frame(6)), [[50, 25]])

    def test_a_follower_behind_a_filter_is_not_resumed(self):
        filtered = meta()
        filtered.data["pipeline"].insert(0, {"stage": "ewma", "output": "values", "params": {}})
        self.see(filtered, values(5, 1, 2))
        self.assertEqual(self.see(frame(5)), ["it was joined in the middle"])
        self.assertEqual(self.asked, ["meta/s/"])

    def test_losses_silence_a_follower_until_it_is_told_again(self):
        self.see(meta(), frame(5), values(5, 1, 1))
        said = self.see(frame(6, [0]), frame(9, [0], missed=2), frame(10))
        self.assertEqual(said, [[2, 1], "2 messages were lost", "2 messages were lost"])
        self.assertIn("values/s/", self.asked)
        self.assertEqual(self.see(values(10, 3, 3), frame(11, [1])), [[3, 4]])

    def test_ticks_that_nobody_has_do_no_harm(self):
        self.see(meta(), frame(5), values(5, 1, 1))
        self.assertEqual(self.see(frame(9, [0], Flags.GAP)), [[2, 1]])
        self.assertEqual(self.see(frame(12, [0])), ["2 ticks did not arrive"])

    def test_silent_ticks_of_a_stream_that_does_not_publish_them_are_no_loss(self):
        self.see(meta(empty=False), frame(5), values(5, 1, 1))
        self.assertEqual(self.see(frame(90, [0]), frame(1000, [0])), [[2, 1], [3, 1]])

    def test_a_reset_begins_anew(self):
        self.see(meta(), frame(5), values(5, 1, 1))
        self.assertIn("reset", self.see(frame(6, [0], Flags.RESET))[0])
        self.assertEqual(self.see(values(6, 4, 4), frame(7, [0])), [[5, 4]])
        self.kind(Rate)
        self.decoding.see(meta(encode="rates"))
        self.assertEqual(self.see(frame(8, [0], Flags.RESET), frame(9, [0])), [[1, 0], [1.5, 0]])

    def test_a_restart_needs_the_new_meta(self):
        self.see(meta(), frame(5), values(5, 1, 1))
        self.assertEqual(self.see(frame(0, [0], epoch=2)), ["its meta has not come yet"])
        self.see(meta(epoch=2))
        self.assertEqual(self.see(frame(1, [0], epoch=2)), ["it was joined in the middle"])

    def test_a_state_from_a_snapshot_is_not_known(self):
        self.see(meta())
        self.assertIn("saved", self.see(frame(0, [0], Flags.RESTORED))[0])

    def test_a_changed_parameter_begins_anew(self):
        self.see(meta(), frame(5), values(5, 1, 1))
        self.see(meta(encode="other"))
        self.assertEqual(self.see(frame(6)), ["a parameter was changed"])

    def test_a_follower_from_zero_is_right_from_the_very_first_tick(self):
        self.kind(FromZero)
        self.see(meta())
        self.assertEqual(self.see(frame(0, [0]), frame(1, [0, 1])), [[1, 0], [2, 1]])

    def test_a_follower_from_zero_may_be_joined_later_too(self):
        self.kind(FromZero)
        self.see(meta(ranged=True), frame(5, [0]), values(5, 0.5, 0.25))
        self.assertEqual(self.see(frame(6), frame(7, [0])), [[50, 25], [150, 25]])
        self.assertIn("lost", self.see(frame(9, missed=1))[0])
        self.assertEqual(self.see(values(9, 1, 1), frame(10, [0])), [[200, 100]])
        self.assertEqual(self.see(frame(11, [1], Flags.RESET)), [[0, 100]])

    def test_a_follower_in_windows_tells_nothing(self):
        self.see(meta(window=4))
        self.assertIn("in a window", self.see(frame(0, [0], Flags.WINDOW))[0])

    def test_windows_mend_everything(self):
        self.kind(Counter)
        self.see(meta(window=4))
        said = self.see(frame(5, [0]), frame(8, [0], Flags.WINDOW), frame(9, [0]), frame(11, [0], missed=1),
                        frame(12, [1], Flags.WINDOW), frame(20, [1], Flags.WINDOW, missed=7))
        self.assertEqual(said, ["it was joined in the middle", [1, 0], [2, 0], "1 messages were lost", [0, 1], [0, 1]])

    def test_windows_of_which_nothing_but_spikes_is_published(self):
        self.kind(Counter)
        self.see(meta(window=4, empty=False))
        said = self.see(frame(4, [0], Flags.WINDOW), frame(7, [0]), frame(10, [0]), frame(11, [0], missed=1),
                        frame(13, [0], missed=1), frame(18, [1]))
        # The window of 16 to 19 was heard in full: its first tick came without a loss after 13.
        self.assertEqual(said, [[1, 0], [2, 0], [1, 0], [2, 0], "1 messages were lost", [0, 1]])

    def test_rates_settle(self):
        self.kind(Rate)
        self.see(meta(encode="rates"))
        said = self.see(*(frame(tick) for tick in range(5, 40)))
        self.assertEqual(said[:29], ["it was joined in the middle"] * 29)
        self.assertEqual(said[29:], [[0, 0]] * 6)
        # They get over a few lost ticks; after many they are as good as joined anew.
        self.assertEqual(self.see(frame(45, missed=5), frame(46)), [[0, 0]] * 2)
        said = self.see(*(frame(tick, missed=33 * (tick == 80)) for tick in range(80, 120)))
        self.assertEqual(said[:29], ["33 messages were lost"] * 29)
        self.assertEqual(said[29:], [[0, 0]] * 11)

    def test_rates_are_right_from_the_very_first_tick(self):
        self.kind(Rate)
        self.see(meta(encode="rates"))
        self.assertEqual(self.see(frame(0, [0]), frame(1)), [[1, 0], [0.5, 0]])

    def test_spikes_and_bundle_have_the_same(self):
        self.kind(Rate)
        self.decoding.subscribed("bundle/g/")
        self.see(meta(encode="rates"), frame(0, [0]))
        for tick, missed, wanted in ((0, 0, [1, 0]), (1, 3, [0.5, 0])):
            part = frame(tick, topic="bundle/g/")
            bundle = wire.Bundle(topic="bundle/g/", missed=missed, parts=[
                wire.Frame(topic="bundle/g/", kind="state"), part])
            self.decoding.see(bundle)
            self.assertEqual(part.decoded.tolist(), wanted)
        self.decoding.see(meta(encode="rates", clock="data"))
        self.decoding.see(wire.Bundle(topic="bundle/g/", parts=[part]))
        self.assertIn("clock data", part.undecoded)

    def test_what_cannot_be_decoded_says_why(self):
        self.see(meta(encode="deaf"))
        self.assertEqual(self.see(frame(0)), ["deaf cannot be decoded"])
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

    def test_a_stream_that_cannot_be_decoded_says_so(self):
        got, frames = self.run_live(["resonate"], np.zeros((3, 1), np.float32))
        self.assertIsNone(got[0].decoded)
        self.assertIn("cannot be decoded", got[0].undecoded)
        self.assertIsNone(frames.decoded_stage("s"))


if __name__ == "__main__":
    unittest.main()
