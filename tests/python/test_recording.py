"""Recordings: read to the byte and as arrays, whole, cut off and damaged; written; and both against spikectl.

SPDX-License-Identifier: Apache-2.0
"""
import json
import os
import random
import struct
import subprocess
import tempfile
import unittest
from pathlib import Path

import numpy as np

import recordings
from support import WithDaemon, harness, vectors

from spiked import Rows, WireError, recording, wire
from spiked._crc32c import crc32c
from spiked.recording import RecordingError

SAMPLE = recordings.Sample()


class InFolder(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="spiked-recording-")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def file(self, data, name="a.spkrec"):
        path = self.folder / name
        path.write_bytes(data)
        return path

    def opened(self, path):
        found = recording.open(path)
        self.addCleanup(found.close)
        return found


class Checksums(unittest.TestCase):
    def test_the_check_value_and_any_length_give_what_the_polynomial_says(self):
        self.assertEqual(crc32c(b"123456789"), 0xE3069283)
        rng = random.Random(7)
        for size in (0, 1, 3, 4, 44, 255, 511, 512, 513, 767, 768, 769, 1025, 5000, 20001):
            data = rng.randbytes(size)
            self.assertEqual(crc32c(data), recordings.crc32c(data), size)


class Reading(InFolder):
    def test_a_file_made_by_the_tables_of_the_page_is_read_to_the_byte(self):
        messages = [([b"spikes/a/", b"x" * 64, b"yz"], 30), ([b"meta/a/", b"{}"], 10), ([b"", b"", b""], 20)]
        data = recordings.file_header(b'{"host":"h"}', 5) + recordings.chunk(messages[:2], 0) + recordings.chunk(messages[2:], 1)
        run = self.opened(self.file(data))
        self.assertEqual((run.text, run.began_ns, run.first_ns, run.last_ns), ({"host": "h"}, 5, 10, 30))
        self.assertEqual([(record.frames, record.time_ns) for record in run], messages)
        self.assertEqual([list(run.records(start_ns=s, end_ns=e))[0].time_ns for s, e in ((15, None), (None, 15), (20, 21))],
                         [30, 10, 20])
        self.assertEqual((run.damage, run.cut_off), ([], 0))

    def test_chunks_of_unknown_types_are_passed_over(self):
        data = recordings.file_header() + recordings.chunk([([b"a"], 1)], 0, kind=7) + recordings.chunk([([b"b"], 2)], 1)
        self.assertEqual([record.topic for record in self.opened(self.file(data))], ["b"])

    def test_cut_at_any_byte_it_is_read_up_to_its_last_whole_chunk(self):
        parts = [recordings.file_header(b'{"host":"somewhere"}')]
        parts += [recordings.chunk([([b"a/", bytes(i)], 100 * i + k) for k in range(3)], i) for i in range(5)]
        data, ends = b"".join(parts), np.cumsum([len(part) for part in parts])
        for size in range(len(data)):
            path = self.file(data[:size])
            if size < ends[0]:
                with self.assertRaisesRegex(RecordingError, "nothing was recorded"):
                    recording.open(path)
                continue
            with recording.open(path) as run:
                whole = int(np.searchsorted(ends, size, "right")) - 1
                self.assertEqual(len(list(run)), 3 * whole, size)
                self.assertEqual(run.cut_off, size - ends[whole])
                self.assertEqual(run.damage, [])

    def test_what_is_damaged_is_told_and_passed_over(self):
        parts = [recordings.file_header()] + [recordings.chunk([([b"a/", bytes([i]) * 99], i)], i) for i in range(4)]
        begins = np.cumsum([0] + [len(part) for part in parts])
        whole = b"".join(parts)
        for at, kept, words in ((begins[2] + 60, [0, 2, 3], "chunk 1 at byte .*checksum"), (begins[2] + 9, [0, 2, 3], "hold no chunk"),
                                (begins[2], [0, 2, 3], "hold no chunk")):
            data = bytearray(whole)
            data[at] ^= 0x10
            run = self.opened(self.file(bytes(data)))
            self.assertEqual([record.time_ns for record in run], kept)
            self.assertRegex(" ".join(run.damage), words)
        # Bytes that were lost, and a magic in what is left of their chunk.
        data = whole[:begins[1] + 20] + b"SPKC" + whole[begins[1] + 70:]
        run = self.opened(self.file(data))
        self.assertEqual([record.time_ns for record in run], [1, 2, 3])
        self.assertEqual(len(run.damage), 1)

    def test_lengths_that_lie_harm_nothing(self):
        rng = random.Random(11)
        good = recordings.record([b"a/", b"12345678"], 1)
        for _ in range(300):
            raw = bytearray(good * 3)
            raw[rng.randrange(len(raw))] = rng.randrange(256)
            head = b"SPKC" + struct.pack("<BBHIIIIqqI", 1, 0, 0, len(raw), len(raw), 3, recordings.crc32c(raw), 1, 1, 0)
            data = recordings.file_header() + head + struct.pack("<I", recordings.crc32c(head)) + raw
            run = self.opened(self.file(data))
            self.assertLessEqual(len(list(run)), 3)
            run.close()

    def test_other_files_are_refused_with_a_sentence(self):
        for data, words in ((b"", "nothing was recorded"), (b"PK\3\4 and so on, a zip", "is no recording"),
                            (recordings.file_header(b"[") , "no JSON"), (recordings.file_header()[:-1] + b"|", "checksum")):
            with self.assertRaisesRegex(RecordingError, words):
                recording.open(self.file(data))

    def test_every_sample_message_comes_out_as_the_receiver_gives_it(self):
        found = [(name, vector["frames"]) for name, vector in vectors("out") if vector["decoded"]]
        data = recordings.file_header() + recordings.chunk([(frames, i) for i, (_, frames) in enumerate(found)], 0)
        for (name, frames), record in zip(found, self.opened(self.file(data))):
            self.assertEqual(record.frames, frames)
            self.assertEqual(repr(record.message()), repr(wire.decode(frames)), name)


class Arrays(InFolder):
    def setUp(self):
        super().setUp()
        self.run_ = self.opened(SAMPLE.write(self.folder / "a.spkrec"))

    def test_spikes_of_words_and_bitmaps_are_the_ones_that_were_sent(self):
        self.assertEqual(self.run_.streams, list(SAMPLE.metas))
        for stream in SAMPLE.metas:
            spikes, wanted = self.run_.spikes(stream), SAMPLE.of(stream)
            got = list(zip(spikes.tick.tolist(), spikes.time_ns.tolist(), spikes.line.tolist(), spikes.sign.tolist()))
            self.assertEqual(got, [event[1:] for event in wanted])
            self.assertGreater(len(got), 50)
        self.assertEqual(self.run_.spikes("eye").windows_ns.tolist(), SAMPLE.windows)
        self.assertEqual(len(self.run_.spikes("imu").messages), 500)
        self.assertEqual(self.run_.meta("imu")["names"], ["ax", "ay", "az"])
        with self.assertRaises(KeyError):
            self.run_.meta("nobody")

    def test_rows_and_state_are_tables(self):
        for table, wanted in ((self.run_.rows("imu"), SAMPLE.rows), (self.run_.state("imu"), SAMPLE.state)):
            self.assertEqual(table.tick.tolist(), [row[0] for row in wanted])
            self.assertEqual(table.time_ns.tolist(), [row[1] for row in wanted])
            self.assertEqual(table.values.tolist(), [list(row[2]) for row in wanted])
        self.assertEqual(len(self.run_.values("imu")), 0)

    def test_a_stretch_of_time_is_read_alone(self):
        begin, end = recordings.BEGAN_NS + 100_000_000, recordings.BEGAN_NS + 200_000_000
        spikes = self.run_.spikes("step", begin, end)
        self.assertEqual(len(spikes.messages), 100)
        self.assertEqual(spikes.tick.tolist(), [e.tick for e in SAMPLE.of("step") if 100 <= e.tick < 200])

    def test_formats_mixed_in_a_chunk_give_what_messages_give_one_by_one(self):
        found = [(vector["frames"], i) for i, (name, vector) in enumerate(vectors("out")) if name.startswith("spikes-")]
        run = self.opened(self.file(recordings.file_header() + recordings.chunk(found, 0), "v.spkrec"))
        spikes = run.spikes("imu")
        frames = [wire.decode(frames) for frames, _ in found]
        self.assertEqual(spikes.line.tolist(), np.concatenate([frame.lines for frame in frames]).tolist())
        self.assertEqual(spikes.value.tolist(), np.concatenate(
            [frame.signs if frame.values is None else frame.values for frame in frames]).tolist())
        self.assertEqual(len(spikes.messages), len(frames))

    def test_rows_of_every_type(self):
        messages, wanted = [], []
        for number, name in wire.ROW_FORMATS.items():
            if name == "json":
                payload, rows = b"[[1,null],[3,4]]", [[1, None], [3, 4]]
            elif name == "pairs":
                payload, rows = wire.pairs_payload({1: 2.5}), [[None, 2.5]]
            else:
                payload, rows = wire.rows_payload([[1, 2], [3, 4]], name), [[1, 2], [3, 4]]
            messages.append(([b"rows/a/", recordings.header(4, number, 10 * number, 1000, 2, len(rows)), payload], number))
            wanted += rows
            message = wire.decode(messages[-1][0])
            self.assertIsInstance(message, Rows)
            self.assertEqual([[None if v != v else v for v in row] for row in message.values.tolist()], rows)
            with self.assertRaises(WireError):
                wire.decode([*messages[-1][0][:2], payload[:-1]] if name not in ("json",) else messages[-1][0][:2])
        run = self.opened(self.file(recordings.file_header() + recordings.chunk(messages, 0), "r.spkrec"))
        table = run.rows("a")
        self.assertEqual([[None if v != v else v for v in row] for row in table.values.tolist()], wanted)
        self.assertEqual(table.tick[:4].tolist(), [160, 161, 170, 171])
        self.assertEqual(table.time_ns[:2].tolist(), [1000, 1_001_000])


class Writing(InFolder):
    def test_what_is_written_is_what_the_tables_say(self):
        messages = [([b"a/", bytes([i]) * (i % 7)], 1000 - i) for i in range(50)]
        with recording.create(self.folder / "w.spkrec", text={"creator": "me", "host": "here"}, began_ns=77) as writer:
            for frames, time_ns in messages[:20]:
                writer.write(frames, time_ns)
            writer.flush()
            for frames, time_ns in messages[20:]:
                writer.write(frames, time_ns)
        self.assertEqual((self.folder / "w.spkrec").read_bytes(),
                         recordings.file_header(b'{"creator":"me","host":"here"}', 77)
                         + recordings.chunk(messages[:20], 0) + recordings.chunk(messages[20:], 1))

    def test_chunks_end_at_a_mebibyte_and_longer_records_are_alone(self):
        with recording.create(self.folder / "w.spkrec") as writer:
            for size in (600_000, 600_000, 3_000_000, 10):
                writer.write([b"a/", bytes(size)], 5)
        run = self.opened(self.folder / "w.spkrec")
        self.assertEqual([chunk.records for chunk in run.chunks], [1, 1, 1, 1])
        self.assertEqual([chunk.number for chunk in run.chunks], [0, 1, 2, 3])
        self.assertEqual([len(record.frames[1]) for record in run], [600_000, 600_000, 3_000_000, 10])


def spikectl():
    """The program, if it knows recordings."""
    path = os.environ.get("SPIKECTL_BIN")
    if not path or "record FILE" not in subprocess.run([path, "--help"], capture_output=True, text=True).stdout:
        return None
    return path


@unittest.skipUnless(spikectl(), "SPIKECTL_BIN is not set, or has no record")
class WithSpikectl(InFolder):
    def said(self, *words):
        done = subprocess.run([spikectl(), *map(str, words)], capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stdout[-500:] + done.stderr[-500:])
        return done.stdout

    def test_it_reads_what_is_written_here(self):
        with recording.create(self.folder / "w.spkrec") as writer:
            for frames, time_ns in SAMPLE.messages:
                writer.write(frames, time_ns)
        info = json.loads(self.said("info", "--json", self.folder / "w.spkrec"))
        self.assertEqual(info["damage"], {"places": 0, "bytes": 0, "missing_chunks": 0, "unfinished_bytes": 0})
        for stream in SAMPLE.metas:
            self.assertEqual(info["topics"][f"spikes/{stream}/"]["items"], len(SAMPLE.of(stream)))
        cat = [json.loads(line) for line in self.said("cat", "--json", self.folder / "w.spkrec", "spikes/step/").splitlines()]
        self.assertEqual([line for each in cat for line in sorted(each["spikes"] + each.get("negative", []))],
                         [event.line for event in SAMPLE.of("step")])


@unittest.skipUnless(spikectl(), "SPIKECTL_BIN is not set, or has no record")
class OfADaemon(WithDaemon, InFolder):
    def test_rows_and_spikes_of_a_daemon_are_those_that_were_sent_and_received(self):
        path = self.folder / "d.spkrec"
        daemon = self.daemon({"clock": "data", "dt": "1 ms", "streams": [
            harness.stream("imu", 3, [{"step_forward": {"theta": 0.1}}])]})
        recorder = subprocess.Popen(
            [spikectl(), "record", str(path), "--control", daemon.control_at, "--publish", daemon.publish], stdout=subprocess.DEVNULL)
        self.addCleanup(recorder.kill)
        receiver = self.receiver(daemon, "spikes/imu/")
        harness.until("the recorder listens", lambda: path.exists() and path.stat().st_size > 200, 20 * harness.SLOW)
        sender, rng = self.sender(daemon), np.random.default_rng(3)
        rows = rng.normal(size=(400, 3)).astype(np.float32)
        for row in rows:
            sender.send("imu", row)
        frames = [receiver.recv() for _ in rows]
        harness.until("all rows are recorded", lambda: self.recorded(path) == len(rows), 20 * harness.SLOW)
        recorder.send_signal(2)
        self.assertEqual(recorder.wait(20 * harness.SLOW), 0)
        run = self.opened(path)
        np.testing.assert_array_equal(run.rows("imu").values, rows)
        spikes = run.spikes("imu")
        self.assertEqual(spikes.line.tolist(), np.concatenate([frame.lines for frame in frames]).tolist())
        self.assertEqual(spikes.sign.tolist(), np.concatenate([frame.signs for frame in frames]).tolist())
        self.assertEqual(run.meta("imu")["pipeline"][0]["stage"], "step_forward")

    @staticmethod
    def recorded(path):
        with recording.open(path) as run:
            return run.topics.get("spikes/imu/", 0)


if __name__ == "__main__":
    unittest.main()
