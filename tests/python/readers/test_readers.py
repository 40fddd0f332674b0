"""What others' readers say of converted recordings, and that their writers' files are read.

Run by scripts/test with the Python that has what pins.txt lists; a reader that could not be had is skipped.

SPDX-License-Identifier: Apache-2.0
"""
import datetime
import importlib
import json
import sys
import tempfile
import unittest
import warnings
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import recordings  # noqa: E402
import support  # noqa: E402, F401  (puts the package on the path)

from spiked import recording  # noqa: E402
from spiked.convert import ConvertError, Options, convert  # noqa: E402
from spiked.recording import RecordingError  # noqa: E402

SAMPLE = recordings.Sample()


def need(*modules):
    """Skips the test where one of these is not installed."""
    found = []
    for module in modules:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                found.append(importlib.import_module(module))
        except ImportError as error:
            raise unittest.SkipTest(f"there is no {module}: {error}") from None
    return found[0] if len(found) == 1 else found


class Converting(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="spiked-readers-")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.sample = SAMPLE.write(self.folder / "sample.spkrec")

    def to(self, name, source=None, **options):
        self.result = convert(source or self.sample, self.folder / name, Options(**options), force=True)
        return self.folder / name

    def opened(self, path):
        run = recording.open(path)
        self.addCleanup(run.close)
        return run

    def assert_same_spikes(self, path, stream, call=None, unit_ns=1):
        """Time, line and sign; times of formats that are coarser without what they cannot hold."""
        spikes = self.opened(path).spikes(call or stream)
        got = list(zip(spikes.time_ns.tolist(), spikes.line.tolist(), spikes.sign.tolist()))
        self.assertEqual(got, [(event.time_ns // unit_ns * unit_ns, event.line, event.sign) for event in SAMPLE.of(stream)])
        self.assertGreater(len(got), 50)


class Zstd(Converting):
    def test_compressed_recordings_are_the_same(self):
        zstandard = need("zstandard")
        path = self.to("z.spkrec", compress=True)
        self.assertLess(path.stat().st_size, self.sample.stat().st_size / 2)
        self.assertEqual([(r.time_ns, r.frames) for r in self.opened(path)], [(t, f) for f, t in SAMPLE.messages])
        # One frame, without a dictionary, as the page says: anybody's zstd reads it.
        chunk = self.opened(path).chunks[0]
        stored = path.read_bytes()[chunk.offset:chunk.end]
        self.assertEqual(len(zstandard.ZstdDecompressor().decompress(stored)), chunk.raw)

    def test_a_frame_that_is_longer_than_it_says_is_damage(self):
        zstandard = need("zstandard")
        messages = [([b"a/", b"x" * 50], 1)]
        stored = zstandard.ZstdCompressor().compress(recordings.record(*messages[0]) + bytes(1000))
        good = recordings.chunk([([b"b/"], 2)], 1)
        (self.folder / "l.spkrec").write_bytes(recordings.file_header() + recordings.chunk(messages, 0, codec=1, stored=stored) + good)
        run = self.opened(self.folder / "l.spkrec")
        self.assertEqual([record.topic for record in run], ["b/"])
        self.assertEqual(len(run.damage), 1)


class Shd(Converting):
    def test_h5py_finds_samples_of_times_units_and_labels(self):
        h5py = need("h5py")
        path = self.to("a.h5", streams=["eye"], labels=list(range(10, 20)))
        with h5py.File(path, "r") as file:
            self.assertEqual(file["labels"][()].tolist(), list(range(10, 20)))
            self.assertEqual(len(file["extra/keys"]), 20)
            self.assertEqual(len(file["extra/speaker"]), 10)
            for i, begin_ns in enumerate(SAMPLE.windows):
                wanted = [e for e in SAMPLE.of("eye") if begin_ns <= e.time_ns < begin_ns + 50 * 250_000]
                self.assertEqual(file["spikes/units"][i].tolist(), [event.line for event in wanted])
                np.testing.assert_allclose(file["spikes/times"][i], [(e.time_ns - begin_ns) / 1e9 for e in wanted], atol=1e-12)

    def test_tonic_reads_it_as_the_data_set(self):
        datasets = need("tonic.datasets")
        path = self.to("a.h5", streams=["eye"], labels=[7] * 10)
        folder = self.folder / "data" / "SHD"
        folder.mkdir(parents=True)
        path.rename(folder / "shd_train.h5")
        # What tonic looks for to see that nothing needs to be fetched.
        (folder / "shd_train.h5.zip").touch()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            found = datasets.SHD(save_to=str(self.folder / "data"), train=True)
            events, label = found[3]
        begin_ns = SAMPLE.windows[3]
        wanted = [e for e in SAMPLE.of("eye") if begin_ns <= e.time_ns < begin_ns + 50 * 250_000]
        self.assertEqual((len(found), int(label)), (10, 7))
        self.assertEqual(events["x"].tolist(), [event.line for event in wanted])
        np.testing.assert_allclose(events["t"], [(e.time_ns - begin_ns) / 1000 for e in wanted], atol=1)

    def test_it_comes_back_with_times_windows_labels_and_signs(self):
        need("h5py")
        back = self.to("b.spkrec", self.to("a.h5", streams=["eye"], labels=list(range(10))))
        self.assert_same_spikes(back, "eye")
        run = self.opened(back)
        self.assertEqual(run.spikes("eye").windows_ns.tolist(), SAMPLE.windows)
        self.assertEqual((run.meta("eye")["samples"]["labels"], run.meta("eye")["shape"]), (list(range(10)), [4, 5]))
        path = self.to("s.h5", streams=["step"], sample_ns=100_000_000)
        self.assertRegex(self.result.sentence, r"negative spikes of line i are on unit 9 \+ i.* All labels are 0.* 5 samples")
        self.assert_same_spikes(self.to("t.spkrec", path), "step")

    def test_the_data_set_itself_with_half_precision_times_is_read(self):
        h5py = need("h5py")
        rng = np.random.default_rng(5)
        samples = [(np.sort(rng.integers(0, 900, 60)), rng.integers(0, 700, 60)) for _ in range(4)]
        samples.append((np.zeros(0, int), np.zeros(0, int)))
        with h5py.File(self.folder / "shd_test.h5", "w") as file:
            times = file.create_dataset("spikes/times", (5,), dtype=h5py.vlen_dtype(np.float16))
            units = file.create_dataset("spikes/units", (5,), dtype=h5py.vlen_dtype(np.uint16))
            for i, (ticks, lines) in enumerate(samples):
                times[i], units[i] = (ticks / 1000).astype(np.float16), lines.astype(np.uint16)
            file["labels"] = np.arange(5, dtype=np.uint16)
        spikes = self.opened(self.to("d.spkrec", self.folder / "shd_test.h5", lines=700)).spikes("shd_test")
        self.assertEqual(len(spikes.windows_ns), 5)
        for i, (ticks, lines) in enumerate(samples):
            begin_ns = spikes.windows_ns[i]
            mine = (spikes.time_ns >= begin_ns) & (spikes.time_ns < begin_ns + 900_000_000)
            self.assertEqual(sorted(zip(((spikes.time_ns[mine] - begin_ns) // 1_000_000).tolist(), spikes.line[mine].tolist())),
                             sorted(zip(ticks.tolist(), lines.tolist())))

    def test_faults_are_sentences(self):
        h5py = need("h5py")
        with self.assertRaisesRegex(ConvertError, r"spikes of 4 streams \(imu, step, eye, count\).*--stream"):
            self.to("x.h5")
        with self.assertRaisesRegex(ConvertError, "3 labels for 10 samples"):
            self.to("x.h5", streams=["eye"], labels=[1, 2, 3])
        with h5py.File(self.folder / "other.h5", "w") as file:
            file["x"] = 1
        with self.assertRaisesRegex(ConvertError, "not in SHD's layout: .* but x"):
            self.to("x.spkrec", self.folder / "other.h5")


class Nwb(Converting):
    def test_pynwb_finds_a_unit_for_every_line_and_sign(self):
        pynwb = need("pynwb")
        path = self.to("a.nwb")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with pynwb.NWBHDF5IO(str(path), "r") as source:
                file = source.read()
                self.assertEqual(pynwb.validate(io=source), [])
                zero = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
                begin_ns = round((file.session_start_time - zero).total_seconds() * 1e6) * 1000
                units = file.units.to_dataframe()
                self.assertEqual(file.units.resolution, 0.00025)
        self.assertEqual(len(units[units.sign > 0]), 3 + 9 + 20 + 4)
        got = [(row.stream, begin_ns + round(time * 1e9), row.line, row.sign) for row in units.itertuples() for time in row.spike_times]
        self.assertEqual(sorted(got), sorted((e.stream, e.time_ns, e.line, e.sign) for e in SAMPLE.events))
        self.assertEqual(units[units.stream == "imu"].label.tolist(), ["ax", "ay", "az"])
        imu = units[units.stream == "imu"].iloc[0]
        np.testing.assert_allclose(imu.obs_intervals, [[321e-9, 0.5 + 321e-9]], atol=1e-9)

    def test_it_comes_back_exactly_to_the_nanosecond(self):
        need("pynwb")
        back = self.to("b.spkrec", self.to("a.nwb"))
        for stream in SAMPLE.metas:
            self.assert_same_spikes(back, stream)
        self.assertEqual(self.opened(back).meta("eye")["dt_ns"], 250_000)
        self.assertNotIn("between two ticks", self.result.sentence)

    def test_units_of_others_become_lines(self):
        pynwb = need("pynwb")
        file = pynwb.NWBFile(session_description="x", identifier="x", session_start_time=datetime.datetime(2024, 1, 1, tzinfo=datetime.timezone.utc))
        trains = [[0.0123, 0.5], [], [0.0124, 0.3, 0.7001]]
        for train in trains:
            file.add_unit(spike_times=train)
        with pynwb.NWBHDF5IO(str(self.folder / "o.nwb"), "w") as sink:
            sink.write(file)
        spikes = self.opened(self.to("o.spkrec", self.folder / "o.nwb")).spikes("o")
        zero_ns = 1704067200 * 10**9 + 12_300_000
        self.assertEqual([(t - zero_ns) // 10**6 for t in spikes.time_ns.tolist()], [0, 0, 287, 487, 687])
        self.assertEqual(spikes.line.tolist(), [0, 2, 2, 0, 2])
        self.assertIn("4 times lay between two ticks", self.result.sentence)


class Aedat4(Converting):
    def wanted(self, stream, width):
        return [(e.time_ns // 1000, e.line % width, e.line // width, e.sign > 0) for e in SAMPLE.of(stream)]

    def test_aedat_decodes_the_events(self):
        aedat = need("aedat")
        for options in ({}, {"compress": True}):
            path = self.to("a.aedat4", streams=["step"], shape=(3, 3), **options)
            decoder = aedat.Decoder(str(path))
            self.assertEqual(decoder.id_to_stream(), {0: {"type": "events", "width": 3, "height": 3}})
            events = np.concatenate([packet["events"] for packet in decoder])
            self.assertEqual(list(zip(*(events[name].tolist() for name in ("t", "x", "y", "on")))), self.wanted("step", 3))
        self.assertRegex(self.result.sentence, r"Times are whole microseconds: \d+ spikes had a fraction")

    def test_dv_processing_reads_them_too_whole_and_by_time(self):
        dv = need("dv_processing")
        reader = dv.io.MonoCameraRecording(str(self.to("a.aedat4", streams=["eye"])))
        self.assertEqual((reader.getEventResolution(), reader.getCameraName()), ((5, 4), "eye"))
        wanted, got = self.wanted("eye", 5), []
        while (batch := reader.getNextEventBatch()) is not None:
            got += [(event.timestamp(), event.x(), event.y(), bool(event.polarity())) for event in batch]
        self.assertEqual(got, wanted)
        begin = wanted[0][0] + 20_000
        self.assertEqual(reader.getEventsTimeRange(begin, begin + 30_000).size(), sum(begin <= e[0] < begin + 30_000 for e in wanted))

    def test_it_comes_back_but_for_what_is_below_a_microsecond(self):
        need("flatbuffers")
        back = self.to("b.spkrec", self.to("a.aedat4", streams=["step"], shape=(3, 3)))
        self.assert_same_spikes(back, "step", "a", unit_ns=1000)
        self.assertEqual(self.opened(back).meta("a")["shape"], [3, 3])
        # Ticks that are no whole number of microseconds apart do not slip.
        messages = [(recordings.meta("odd", 2, dt_ns=333_333), 1)]
        for tick in range(400):
            head = recordings.header(1, 1, tick, 10**18 + 77 + tick * 333_333, 2, 1, dt_ns=333_333)
            messages.append(([b"spikes/odd/", head, bytes([tick % 2, 0, 0, 0])], 10**18 + tick))
        (self.folder / "odd.spkrec").write_bytes(recordings.file_header() + recordings.chunk(messages, 0))
        path = self.to("odd.aedat4", self.folder / "odd.spkrec")
        self.assertEqual(self.opened(self.to("c.spkrec", path, dt_ns=333_333)).spikes("odd").tick.tolist(), list(range(400)))
        self.assertNotIn("between two ticks", self.result.sentence)

    def test_files_of_dv_processing_are_read_compressed_as_it_does_by_default(self):
        dv = need("dv_processing")
        need("lz4.frame")
        writer = dv.io.MonoCameraWriter(str(self.folder / "w.aedat4"), dv.io.MonoCameraWriter.EventOnlyConfig("cam", (20, 10)))
        store, wanted = dv.EventStore(), []
        for i in range(5000):
            wanted.append((1_700_000_000_000_000 + 1000 * i, (i % 10) * 20 + i * 7 % 20, 1 if i % 3 else -1))
            store.push_back(wanted[-1][0], i * 7 % 20, i % 10, i % 3 != 0)
        writer.writeEvents(store)
        del writer
        spikes = self.opened(self.to("w.spkrec", self.folder / "w.aedat4")).spikes("w")
        self.assertEqual(list(zip((spikes.time_ns // 1000).tolist(), spikes.line.tolist(), spikes.sign.tolist())), wanted)

    def test_a_file_that_was_cut_off_is_read_to_its_last_whole_packet(self):
        need("flatbuffers")
        data = self.to("a.aedat4", streams=["step"]).read_bytes()
        packets = data.index(b"</dv>") + 8  # the text, its 0 and what fills it up to a multiple of 4
        for size in (len(data) - 2000, len(data) // 2, packets + 20):
            (self.folder / "cut.aedat4").write_bytes(data[:size])
            spikes = self.opened(self.to("cut.spkrec", self.folder / "cut.aedat4")).spikes("cut")
            self.assertRegex(self.result.sentence, r"cut.aedat4 was cut off: its last [\d ]+ bytes are no whole packet")
            self.assertLess(len(spikes), len(SAMPLE.of("step")))
        for size in (14, 17, 40, packets - 20):
            (self.folder / "head.aedat4").write_bytes(data[:size])
            with self.assertRaises(ConvertError):
                self.to("x.spkrec", self.folder / "head.aedat4")

    def test_faults_are_sentences(self):
        need("flatbuffers")
        for options, words in (({}, "events of one stream"), ({"streams": ["eye"], "shape": (2, 2)}, "20 lines, and 2 x 2 pixels are fewer")):
            with self.assertRaisesRegex(ConvertError, words):
                self.to("x.aedat4", **options)
        (self.folder / "old.aedat4").write_bytes(b"#!AER-DAT3.1\r\n" + bytes(100))
        with self.assertRaisesRegex(ConvertError, "does not begin with #!AER-DAT4.0"):
            self.to("x.spkrec", self.folder / "old.aedat4")


class Mcap(Converting):
    def test_mcaps_reader_finds_every_message_as_json_with_its_schema(self):
        make_reader = need("mcap.reader").make_reader
        with open(self.to("a.mcap"), "rb") as file:
            reader = make_reader(file)
            summary = reader.get_summary()
            found = [(schema, channel, message) for schema, channel, message in reader.iter_messages(log_time_order=False)]
        self.assertEqual(summary.statistics.message_count, len(SAMPLE.messages))
        self.assertEqual({s.encoding for s in summary.schemas.values()}, {"jsonschema"})
        self.assertEqual({c.message_encoding for c in summary.channels.values()}, {"json"})
        got = []
        for schema, channel, message in found:
            said = json.loads(message.data)
            self.assertEqual(json.loads(schema.data)["type"], "object")
            if channel.topic.startswith("/spikes/"):
                self.assertEqual(schema.name, "spiked.Spikes")
                self.assertEqual(message.publish_time, said["time_ns"])
                got += [(said["stream"], said["tick"], said["time_ns"], line, sign)
                        for sign, key in ((1, "spikes"), (-1, "negative")) for line in said.get(key, [])]
        self.assertEqual(sorted(got), sorted(map(tuple, SAMPLE.events)))

    def test_the_schemas_hold_for_the_messages(self):
        jsonschema, reader = need("jsonschema", "mcap.reader")
        with open(self.to("a.mcap"), "rb") as file:
            seen = set()
            for schema, channel, message in reader.make_reader(file).iter_messages():
                if message.sequence % 50 == 1:
                    jsonschema.validate(json.loads(message.data), json.loads(schema.data))
                    seen.add(schema.name)
        self.assertEqual(seen, {"spiked.Spikes", "spiked.Rows", "spiked.State", "spiked.Document"})

    def test_nothing_is_lost_on_the_way_there_and_back(self):
        need("mcap")
        back = self.to("b.spkrec", self.to("a.mcap"))
        self.assertEqual([(r.frames, r.time_ns) for r in self.opened(back)], SAMPLE.messages)

    def test_it_becomes_other_formats_and_other_formats_become_it(self):
        need("mcap")
        back = self.to("c.spkrec", self.to("b.mcap", self.to("a.npz", self.to("a.mcap"))))
        for stream in SAMPLE.metas:
            self.assert_same_spikes(back, stream)
        self.assertEqual(self.opened(back).rows("imu").values.tolist(), [list(row[2]) for row in SAMPLE.rows])

    def test_what_was_cut_off_is_read_as_far_as_it_goes_and_others_messages_are_refused(self):
        writer = need("mcap.writer")
        path = self.to("a.mcap")
        (self.folder / "cut.mcap").write_bytes(path.read_bytes()[:-3000])
        self.assertRegex(convert(self.folder / "cut.mcap", self.folder / "cut.spkrec").sentence, "cut.mcap ends after")
        with open(self.folder / "o.mcap", "wb") as file:
            other = writer.Writer(file)
            other.start()
            channel = other.register_channel("/imu/data", "cdr", other.register_schema("sensor_msgs/msg/Imu", "ros2msg", b""))
            other.add_message(channel, 1, b"\0\1\0\0", 1)
            other.finish()
        with self.assertRaisesRegex(ConvertError, "no messages of spiked's, but of /imu/data"):
            self.to("x.spkrec", self.folder / "o.mcap")
        (self.folder / "n.mcap").write_bytes(b"something else")
        with self.assertRaisesRegex(ConvertError, "is no MCAP file"):
            self.to("x.spkrec", self.folder / "n.mcap")


class Refusing(Converting):
    def test_a_recording_that_is_damaged_at_its_head_leaves_nothing_behind(self):
        (self.folder / "d.spkrec").write_bytes(b"SPKREC1\n" + bytes(100))
        for ending in ("h5", "nwb", "aedat4", "mcap"):
            with self.assertRaises((RecordingError, ConvertError)):
                self.to(f"x.{ending}", self.folder / "d.spkrec")
        self.assertEqual(sorted(path.name for path in self.folder.iterdir()), ["d.spkrec", "sample.spkrec"])


if __name__ == "__main__":
    unittest.main()
