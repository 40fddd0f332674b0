"""The Python client reads and writes the sample messages of the protocol.

SPDX-License-Identifier: Apache-2.0
"""
import subprocess
import sys
import unittest

import numpy as np

from support import VECTORS, vectors

from spiked import Bundle, Document, Flags, WireError, wire
from spiked.wire import decode


def described(frame):
    """A frame in the words of the vectors' "decoded"."""
    result = {
        "kind": frame.kind, "format": frame.format,
        "flags": [flag.name.lower() for flag in Flags if flag in frame.flags],
        "epoch": f"{frame.epoch:016x}", "tick": str(frame.tick), "seq": str(frame.seq),
        "time_ns": str(frame.time_ns), "source_ns": str(frame.source_ns), "dt_ns": frame.dt_ns,
        "lines": frame.line_count, "count": frame.count,
    }
    if frame.format != "f32":
        result["line"], result["sign"] = frame.lines.tolist(), frame.signs.tolist()
    if frame.values is not None:
        result["values"] = frame.values.tolist()
    return result


class Vectors(unittest.TestCase):
    def test_files_are_what_make_py_writes(self):
        check = subprocess.run([sys.executable, str(VECTORS / "make.py"), "--check"],
                               capture_output=True, text=True)
        self.assertEqual(check.returncode, 0, check.stderr)

    def test_every_frame_is_read_right(self):
        seen = 0
        for name, vector in vectors("out"):
            wanted = vector["decoded"]
            with self.subTest(name):
                seen += 1
                if wanted is None:
                    with self.assertRaises(WireError):
                        decode(vector["frames"])
                    continue
                message = decode(vector["frames"])
                self.assertEqual(message.topic, wanted["topic"])
                if isinstance(message, Document):
                    self.assertEqual(message.data, wanted["json"])
                else:
                    parts = message.parts if isinstance(message, Bundle) else [message]
                    self.assertEqual([described(part) for part in parts], wanted["parts"])
        self.assertGreater(seen, 20)

    def test_every_row_is_written_right(self):
        seen = 0
        for name, vector in vectors("in"):
            wanted, rows = vector["decoded"], vector["decoded"]["rows"]
            stamp = {key: int(value) for key, value in wanted.get("stamp", {}).items()}
            with self.subTest(name):
                seen += 1
                if wanted["type"] == "pairs":
                    payload = wire.pairs_payload(*zip(*rows[0]))
                elif wanted["type"] == "json":
                    payload = wire.json_payload(rows if len(rows) > 1 else rows[0], **stamp)
                else:
                    array = np.array(rows, float if wanted["type"][0] == "f" else int)
                    payload = wire.rows_payload(array, wanted["type"])
                self.assertEqual(payload, vector["frames"][1])
                if len(vector["frames"]) > 2:
                    self.assertEqual(wire.STAMP.pack(stamp["time_ns"], stamp["seq"]), vector["frames"][2])
        self.assertGreater(seen, 12)

    def test_dense_gives_one_number_a_line(self):
        frames = {name: decode(vector["frames"]) for name, vector in vectors("out")
                  if vector["decoded"] and not name.startswith("bundle")}
        self.assertEqual(frames["spikes-words-repeated"].dense().tolist(),
                         [0, 0, 0, 0, 3, 0, 0, 0, 0, -2, 0, 0])
        self.assertEqual(frames["spikes-bitmap-signed"].dense().tolist(),
                         [1, 0, 0, -1, 0, 0, 0, 0, 0, 0, 0, 1])
        self.assertEqual(frames["spikes-graded"].dense().tolist(), [0, 0.5, 0, 0, -2.25, 0])
        self.assertEqual(frames["state"].dense().tolist(), frames["state"].state.tolist())
        self.assertIsNone(frames["values"].state)


class Rows(unittest.TestCase):
    def test_numbers_that_the_type_cannot_hold_are_refused(self):
        for rows, kind in (([0.5], "i16"), ([300], "u8"), ([-1], "u16"), ([float("nan")], "i8"),
                           ([], "f32"), ([[]], "f32"), ([[[1]]], "f32"), (["a"], "f32"), ([1], "f16"), (1, "f32")):
            with self.subTest(rows=rows, kind=kind), self.assertRaises(ValueError):
                wire.rows_payload(rows, kind)

    def test_whole_floats_go_into_integer_streams(self):
        self.assertEqual(wire.rows_payload([1.0, -2.0], "i8"), b"\x01\xfe")

    def test_foreign_byte_order_and_strides_are_straightened(self):
        rows = np.arange(6, dtype=">f4").reshape(2, 3)
        self.assertEqual(wire.rows_payload(rows.T, "f32"), np.array([0, 3, 1, 4, 2, 5], "<f4").tobytes())

    def test_pairs_are_checked(self):
        for channels, values in (({}, None), ([0, 1], [1.0]), ([-1], [1.0]), ([0.5], [1.0])):
            with self.subTest(channels=channels), self.assertRaises(ValueError):
                wire.pairs_payload(channels, values)

    def test_no_sample_in_json_is_null(self):
        self.assertEqual(wire.json_payload(np.array([1.0, np.nan])), b"[1.0,null]")
        with self.assertRaises(ValueError):
            wire.json_payload([float("inf")])


if __name__ == "__main__":
    unittest.main()
