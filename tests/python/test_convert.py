"""spiked-convert: CSV, NumPy and the JSON of MCAP, its sentences, and the command. What other programs' readers
say of the new files is in readers/.

SPDX-License-Identifier: Apache-2.0
"""
import csv
import json
import os
import pty
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

import numpy as np

import recordings
from support import ROOT, vectors

from spiked import recording
from spiked.convert import ConvertError, Options, convert, documents
from spiked.recording import RecordingError

SAMPLE = recordings.Sample()
COMMAND = [sys.executable, "-m", "spiked", "convert"]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT / "clients/python")}


class Converting(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="spiked-convert-")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.sample = SAMPLE.write(self.folder / "sample.spkrec")

    def to(self, name, source=None, **options):
        self.result = convert(source or self.sample, self.folder / name, Options(**options), force=True)
        return self.folder / name

    def events(self, path, stream):
        """(tick, time, line, sign) of a recording."""
        with recording.open(path) as run:
            spikes = run.spikes(stream)
        return list(zip(spikes.tick.tolist(), spikes.time_ns.tolist(), spikes.line.tolist(), spikes.sign.tolist()))

    def assert_same_spikes(self, path):
        for stream in SAMPLE.metas:
            self.assertEqual(self.events(path, stream), [event[1:] for event in SAMPLE.of(stream)], stream)

    def refused(self, words, source, name="x.spkrec", **options):
        if isinstance(source, str):
            (self.folder / "in.csv").write_text(source)
            source = self.folder / "in.csv"
        with self.assertRaisesRegex(ValueError, words):
            convert(source, self.folder / name, Options(**options), force=True)
        self.assertFalse((self.folder / name).exists())
        self.assertEqual([path for path in self.folder.iterdir() if path.name.startswith(".part")], [])


class Csv(Converting):
    def test_spikes_are_lines_that_any_reader_of_csv_takes_and_come_back(self):
        path = self.to("a.csv")
        with open(path, newline="") as file:
            rows = list(csv.DictReader(file))
        got = sorted((row["stream"], *(int(row[key]) for key in ("tick", "time_ns", "line", "sign"))) for row in rows)
        self.assertEqual(got, sorted(map(tuple, SAMPLE.events)))
        self.assertRegex(self.result.sentence, r"^\S+a.csv: .* spikes of 4 streams\. Left out: 500 messages of rows/, 500 messages of state/")
        back = self.to("b.spkrec", path)
        self.assert_same_spikes(back)
        with recording.open(back) as run:
            self.assertEqual({s: run.meta(s)["dt_ns"] for s in SAMPLE.metas}, {"imu": 10**6, "step": 10**6, "eye": 250_000, "count": 10**6})
            self.assertEqual([run.meta(s)["signed"] for s in ("imu", "step")], [False, True])
            first, last = next(iter(run)), list(run)[-1]
        self.assertEqual((first.topic.split("/")[0], last.topic), ("meta", "rec/end/"))

    def test_one_stream_alone(self):
        with recording.open(self.to("b.spkrec", self.to("a.csv", streams=["step"]))) as run:
            self.assertEqual(run.streams, ["step"])

    def test_rows_become_a_table_with_the_channels_names_and_a_table_becomes_rows(self):
        path = self.to("rows.csv", what="rows")
        with open(path, newline="") as file:
            rows = list(csv.DictReader(file))
        self.assertEqual(list(rows[0]), ["tick", "time_ns", "ax", "ay", "az"])
        self.assertEqual([(int(r["tick"]), int(r["time_ns"]), tuple(float(np.float32(r[n])) for n in ("ax", "ay", "az"))) for r in rows],
                         SAMPLE.rows)
        with recording.open(self.to("rows.spkrec", path, streams=["imu"])) as run:
            table = run.rows("imu")
            self.assertEqual([tuple(row) for row in table.values.tolist()], [row[2] for row in SAMPLE.rows])
            self.assertEqual(table.tick.tolist(), [row[0] for row in SAMPLE.rows])
            self.assertEqual(table.time_ns.tolist(), [row[1] for row in SAMPLE.rows])
            self.assertEqual((run.meta("imu")["names"], run.meta("imu")["input"]["type"]), (["ax", "ay", "az"], "f32"))

    def test_a_table_without_times_has_rows_that_are_dt_apart_and_of_the_wished_type(self):
        (self.folder / "signal.csv").write_text("left,right\n1,-2\n3,4\n\n5,600\n")
        with recording.open(self.to("s.spkrec", self.folder / "signal.csv", dt_ns=250_000, type="i16")) as run:
            table, messages = run.rows("signal"), [record.message() for record in run.records("rows/")]
            self.assertEqual(table.values.tolist(), [[1, -2], [3, 4], [5, 600]])
            self.assertEqual(np.diff(table.time_ns).tolist(), [250_000] * 2)
            self.assertEqual([(m.type, m.tick, m.seq, m.dt_ns) for m in messages], [("i16", i, i, 250_000) for i in range(3)])
        (self.folder / "seconds.csv").write_text("time_s,a\n1.5,\n1.75,7.25\n")
        with recording.open(self.to("s.spkrec", self.folder / "seconds.csv")) as run:
            table = run.rows("seconds")
            self.assertEqual(table.time_ns.tolist(), [1_500_000_000, 1_750_000_000])
            self.assertTrue(np.isnan(table.values[0, 0]))

    def test_spikes_between_ticks_count_for_the_earlier_one_and_are_told(self):
        (self.folder / "cells.csv").write_text("time_s,line\n0.0100,0\n0.0104,1\n0.0109,0\n0.0110,5\n0.0250,5\n")
        path = self.to("c.spkrec", self.folder / "cells.csv", dt_ns=1_000_000, lines=16)
        self.assertEqual([(tick, line) for tick, _, line, _ in self.events(path, "cells")], [(0, 0), (0, 0), (0, 1), (1, 5), (15, 5)])
        self.assertIn("2 times lay between two ticks", self.result.sentence)
        with recording.open(path) as run:
            self.assertEqual(run.meta("cells")["lines"], 16)

    def test_graded_spikes_keep_their_values(self):
        found = [(vector["frames"], i) for i, (name, vector) in enumerate(vectors("out")) if name == "spikes-graded"]
        path = self.folder / "g.spkrec"
        path.write_bytes(recordings.file_header() + recordings.chunk([(recordings.meta("imu", 6, output="graded spikes"), 1), *found], 0))
        self.assertIn("1,1,0.5\n", self.to("g.csv", path).read_text())
        with recording.open(self.to("h.spkrec", self.folder / "g.csv")) as run:
            self.assertEqual(run.spikes("imu").value.tolist(), [0.5, -2.25])
            self.assertEqual(run.meta("imu")["output"], "graded spikes")

    def test_faults_are_told_with_their_line(self):
        self.refused("in.csv:3: column line: 'x' is no whole number", "time_ns,line\n1,1\n2,x\n")
        self.refused("in.csv:3: 3 columns, and the first line names 2", "time_ns,line\n1,1\n2,2,2\n")
        self.refused("first line names the columns, and these are numbers", "1,2,3\n4,5,6\n")
        self.refused("may have stream, tick, sign and value; not colour", "time_ns,line,colour\n1,1,red\n")
        self.refused("neither time", "line\n1\n")
        self.refused("is empty", "")
        self.refused("not in the order of their times", "time_ns,line\n5000000,1\n1,1\n")
        self.refused("a spike on line -1", "time_ns,line\n1,-1\n")
        self.refused("takes? whole|whole numbers only", "a,b\n1.5,2\n", type="i16")
        self.refused("i8 does not hold|int8 does not hold", "a,b\n1,200\n", type="i8")


class Npz(Converting):
    def test_arrays_are_what_was_recorded_and_come_back_with_rows_state_and_windows(self):
        path = self.to("a.npz")
        with np.load(path, allow_pickle=False) as arrays:
            for stream in SAMPLE.metas:
                got = list(zip(*(arrays[f"{stream}/spikes/{name}"].tolist() for name in ("tick", "time_ns", "line", "sign"))))
                self.assertEqual(got, [event[1:] for event in SAMPLE.of(stream)])
            self.assertEqual(arrays["imu/rows/values"].tolist(), [list(row[2]) for row in SAMPLE.rows])
            self.assertEqual(json.loads(str(arrays["imu/meta"]))["names"], ["ax", "ay", "az"])
        back = self.to("b.spkrec", path)
        self.assert_same_spikes(back)
        with recording.open(back) as run:
            self.assertEqual(run.rows("imu").values.tolist(), [list(row[2]) for row in SAMPLE.rows])
            self.assertEqual(run.state("imu").values.tolist(), [list(row[2]) for row in SAMPLE.state])
            self.assertEqual(run.spikes("eye").windows_ns.tolist(), SAMPLE.windows)
            times = [record.time_ns for record in run]
        self.assertEqual(times, sorted(times))

    def test_what_is_missing_is_named(self):
        np.savez(self.folder / "x.npz", a=np.zeros(3))
        self.refused("no arrays STREAM/spikes/time_ns or the like, but a", self.folder / "x.npz")
        np.savez(self.folder / "x.npz", **{"s/spikes/time_ns": np.zeros(3), "s/spikes/line": np.zeros(2)})
        self.refused("s/spikes/line has 2 entries, s/spikes/time_ns 3", self.folder / "x.npz")
        (self.folder / "x.npz").write_bytes(b"no zip")
        self.refused("is no .npz file", self.folder / "x.npz")


class Documents(unittest.TestCase):
    """The JSON of MCAP."""

    def test_every_sample_message_comes_back_to_the_byte(self):
        count = 0
        for name, vector in vectors("out"):
            data, _ = documents.of_frames(vector["frames"])
            self.assertEqual(documents.frames_of(documents.channel_of(vector["frames"][0]), data), vector["frames"], name)
            if "parts" in (vector["decoded"] or {}) and not name.startswith("bundle"):
                part, said = vector["decoded"]["parts"][0], json.loads(data)
                self.assertEqual((str(said["tick"]), str(said["time_ns"]), said["lines"], said["flags"]),
                                 (part["tick"], part["time_ns"], part["lines"], part["flags"]), name)
                if "line" in part:
                    self.assertEqual(sorted(said["spikes"] + said.get("negative", [])), part["line"], name)
                self.assertNotIn("bytes", said, name)
                count += 1
        self.assertGreater(count, 9)

    def test_so_do_numbers_that_json_has_not_rows_of_every_type_and_bytes_of_no_sense(self):
        head = recordings.header(2, 3, 5, 1000, 4, 4)
        odd = [[b"state/a/", head, np.array([1, np.nan, np.inf, -np.inf], "<f4").tobytes()],
               [b"spikes/a/", recordings.header(1, 1, 5, 1000, 4, 2), b"\2\0\0\x80\2\0\0\0"],  # negative before positive
               [b"spikes/a/", recordings.header(1, 1, 5, 1000, 4, 2, flags=0x4001), b"\2\0\0\0\3\0\0\0"],
               [b"spikes/a/", b"short", b""], [b"\xff\xfe/", b"?"], [b"bundle/b/", head, bytes(16)], [b"meta/a/", b"[1]"],
               [b"rec/state/a/", b"{}", b"\0\1"], [b"//", b"{}"], [b""], [b"status/", b'{"frames":["AA=="]}'],
               [b"rows/a/", recordings.header(4, 23, 5, 1000, 2, 1), b"[1, 2]"],
               [b"rows/a/", recordings.header(4, 23, 5, 1000, 2, 1), b"no json \xff"],
               [b"rows/a/", recordings.header(4, 24, 5, 1000, 2, 1), np.array([(1, np.nan)], "<u4,<f4").tobytes()]]
        for number, dtype in enumerate(("<f4", "<f8", "i1", "u1", "<i2", "<u2", "<i4"), 16):
            payload = np.array([[1, 2], [3, 100]], dtype).tobytes()
            odd += [[b"rows/a/", recordings.header(4, number, 5, 1000, 2, 2), payload],
                    [b"rows/a/", recordings.header(4, number, 5, 1000, 2, 2), payload, bytes(range(16))]]
        for frames in odd:
            data, _ = documents.of_frames(frames)
            json.loads(data)
            self.assertEqual(documents.frames_of(documents.channel_of(frames[0]), data), frames)

    def test_documents_with_faults_are_refused_and_those_of_others_are_none(self):
        self.assertIsNone(documents.frames_of("/imu/data", b'{"x":1}'))
        for data, words in ((b"{", "not JSON"), (b"{}", "is missing"), (b'{"flags":7}', "missing|not what")):
            with self.assertRaisesRegex(ValueError, words):
                documents.frames_of("/spikes/imu", data)


class Command(Converting):
    def called(self, *words):
        return subprocess.run([*COMMAND, *map(str, words)], capture_output=True, text=True, env=ENVIRONMENT, timeout=60)

    def test_it_says_one_line_on_success_and_one_sentence_on_failure(self):
        done = self.called(self.sample, self.folder / "a.csv")
        self.assertEqual((done.returncode, done.stderr, done.stdout.count("\n")), (0, "", 1))
        again = self.called(self.sample, self.folder / "a.csv")
        self.assertEqual((again.returncode, again.stdout), (1, ""))
        self.assertRegex(again.stderr, r"^spiked-convert: \S+a.csv is there already; --force overwrites it\n$")
        for words, sentence in (([self.folder / "none.spkrec", "x.csv"], "there is no "), ([self.sample, "x.pdf"], "'.pdf' is the ending of no format"),
                                ([self.sample, "/proc/nowhere/x.csv"], "No such file"), ([self.folder / "a.csv", "x.csv", "--from", "spkrec"], "is no recording")):
            done = self.called(*words)
            self.assertEqual((done.returncode, done.stdout, done.stderr.count("\n")), (1, "", 1))
            self.assertIn(sentence, done.stderr)
        self.assertEqual(self.called(self.sample, self.folder / "b.csv", "--quiet", "--dt", "soon").returncode, 2)

    def test_a_bar_is_shown_on_a_terminal_only(self):
        big = self.folder / "big.csv"
        big.write_text("time_ns,line\n" + "".join(f"{1000000 * i},{i % 7}\n" for i in range(150_000)))
        ours, theirs = pty.openpty()
        done = subprocess.run([*COMMAND, str(big), str(self.folder / "big.spkrec")], stdout=subprocess.PIPE, stderr=theirs, env=ENVIRONMENT,
                              timeout=60)
        os.close(theirs)
        shown = os.read(ours, 1 << 20).decode()
        os.close(ours)
        self.assertEqual(done.returncode, 0)
        self.assertRegex(shown, r"\r\[#*\.*\] +\d+ %  \d+ s left")
        self.assertTrue(shown.endswith("\r\x1b[K"))

    def test_when_it_is_ended_nothing_is_left_behind(self):
        big = self.folder / "big.csv"
        big.write_text("time_ns,line\n" + "".join(f"{1000000 * i},{i % 7}\n" for i in range(400_000)))
        for sign, code in ((signal.SIGTERM, 143), (signal.SIGINT, 130)):
            work = subprocess.Popen([*COMMAND, str(big), str(self.folder / "big.spkrec")], stderr=subprocess.PIPE, env=ENVIRONMENT)
            while work.poll() is None and not (self.folder / ".part-big.spkrec").exists():
                time.sleep(0.01)
            work.send_signal(sign)
            self.assertNotIn(b"Traceback", work.communicate(timeout=60)[1])
            self.assertEqual(work.returncode, code)
            self.assertEqual(sorted(path.name for path in self.folder.iterdir()), ["big.csv", "sample.spkrec"])

    def test_what_was_cut_off_is_converted_and_told(self):
        path = self.folder / "cut.spkrec"
        path.write_bytes(self.sample.read_bytes()[:-100])
        convert(path, self.folder / "cut.csv")
        self.assertRegex(convert(path, self.folder / "c.npz").sentence, r"cut.spkrec was cut off, .* its last [\d ]+ bytes are no whole chunk")


class AsAFunction(Converting):
    def test_errors_are_of_two_kinds(self):
        with self.assertRaises(ConvertError):
            convert(self.sample, self.folder / "x.unknown")
        (self.folder / "x.spkrec").write_bytes(b"nothing of the kind")
        with self.assertRaises(RecordingError):
            convert(self.folder / "x.spkrec", self.folder / "x.csv")


if __name__ == "__main__":
    unittest.main()
