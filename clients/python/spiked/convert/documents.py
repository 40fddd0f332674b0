"""Messages of spiked as JSON documents, and back to the same bytes.

Spikes are as in `json/` of PROTOCOL.md: `spikes` has the lines, `negative` those of negative spikes, `values`
what graded ones carry. State and values have `values`, rows `rows` (or `pairs`, or the sensor's own `json`)
and perhaps its `stamp`. A key `bytes` is there where the rest alone would not give the same payload: numbers
that are not finite, unusual orders; it holds the payload in base64. What is JSON already stays as it is, to the
byte. Anything else is `frames`, in base64.

SPDX-License-Identifier: Apache-2.0
"""
from __future__ import annotations

import base64
import json
from typing import Any, Dict, List, Optional, Sequence, Tuple

import numpy as np

from .. import wire
from .._messages import ROW_NUMBERS

FLAGS = {flag.name.lower(): int(flag) for flag in wire.Flags}  # type: ignore[union-attr]
PLAIN = ("json", "meta", "status", "rec")  # topics whose second frame is JSON
FORMAT_NUMBERS = {name: number for number, name in wire.FORMATS.items()}
KIND_NUMBERS = {"spikes": 1, "state": 2, "values": 3, "rows": wire.ROWS}
ENCODER = json.JSONEncoder(separators=(",", ":"), allow_nan=False)
WHOLE = {"type": "integer"}
LIST = {"type": "array", "items": {"type": "number"}}
HEADER_SCHEMA = {"stream": {"type": "string"}, "epoch": {"type": "string"}, "tick": WHOLE, "seq": WHOLE, "time_ns": WHOLE,
                 "source_ns": WHOLE, "dt_ns": WHOLE, "lines": WHOLE, "flags": {"type": "array", "items": {"type": "string"}},
                 "format": {"type": "string"}, "bytes": {"type": "string"}}
SCHEMAS: Dict[str, Dict[str, Any]] = {
    "spikes": {**HEADER_SCHEMA, "spikes": LIST, "negative": LIST, "values": LIST, "planes": WHOLE},
    "state": {**HEADER_SCHEMA, "values": LIST},
    "values": {**HEADER_SCHEMA, "values": LIST},
    "rows": {**HEADER_SCHEMA, "count": WHOLE, "rows": {"type": "array", "items": LIST}, "json": {"type": "string"},
             "pairs": {"type": "array", "items": LIST}, "stamp": {"type": "object", "properties": {"time_ns": WHOLE, "seq": WHOLE}}},
}


def channel_of(topic: bytes) -> str:
    """spikes/imu/ is /spikes/imu. What is no such topic has its bytes in the document, and any name."""
    return "/" + topic.decode("utf-8", "replace").strip("/")


def topic_of(channel: str) -> bytes:
    return channel.strip("/").encode() + b"/"


def schema_of(topic: bytes) -> Tuple[str, Dict[str, Any]]:
    """(name, JSON schema) of a topic's documents."""
    kind = topic.decode("utf-8", "replace").split("/")[0]
    if kind not in SCHEMAS:
        return "spiked.Document", {"type": "object", "title": "spiked.Document"}
    name = f"spiked.{kind.capitalize()}"
    return name, {"type": "object", "title": name, "properties": SCHEMAS[kind]}


def of_frames(frames: Sequence[bytes]) -> Tuple[bytes, int]:
    """(the document, the time that its header says, or 0)."""
    kind = frames[0].split(b"/")[0].decode("utf-8", "replace")
    document, time_ns = None, 0
    regular = frames[0] == topic_of(channel_of(frames[0]))
    if regular and kind in PLAIN and len(frames) == 2 and _is_object(frames[1]):
        return frames[1], 0
    if regular and kind in KIND_NUMBERS and frames[0].count(b"/") == 2:
        try:
            message = wire.decode(frames)
        except wire.WireError:
            message = None
        if message is not None:
            time_ns = message.time_ns  # type: ignore[union-attr]
            document = _rows(message, frames) if isinstance(message, wire.Rows) else _frame(message, frames)
    if document is None:
        document = {"frames": [_base64(frame) for frame in frames]}
    return ENCODER.encode(document).encode(), time_ns


def frames_of(channel: str, data: bytes) -> Optional[List[bytes]]:
    """The frames again; None if the document is not one of these. Raises ValueError with a sentence if it is
    one with a fault."""
    topic = topic_of(channel)
    kind = topic.split(b"/")[0].decode("utf-8", "replace")
    if kind not in PLAIN and kind not in KIND_NUMBERS and b'"frames"' not in data[:20]:
        return None
    try:
        document = json.loads(data)
    except ValueError as error:
        raise ValueError(f"not JSON: {error}") from None
    if not isinstance(document, dict):
        return None
    try:
        if list(document) == ["frames"]:
            return [base64.b64decode(frame) for frame in document["frames"]]
        if kind in PLAIN:
            return [topic, data]
        return _bytes_of(topic, kind, document)
    except KeyError as error:
        raise ValueError(f"the key {error} is missing") from None
    except (TypeError, AttributeError, OverflowError, wire.struct.error) as error:
        raise ValueError(f"a key is not what it should be: {error}") from None


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _is_object(text: bytes) -> bool:
    try:
        return isinstance(json.loads(text), dict) and list(json.loads(text)) != ["frames"]
    except ValueError:
        return False


def _header(message: Any, lines: int, form: str) -> Dict[str, Any]:
    flags = int(getattr(message, "flags", 0))
    return {"stream": message.stream, "epoch": f"{message.epoch:016x}", "tick": message.tick, "seq": message.seq,
            "time_ns": message.time_ns, "source_ns": message.source_ns, "dt_ns": message.dt_ns, "lines": lines,
            "flags": [name for name, flag in FLAGS.items() if flag & flags], "format": form}


def _exact(document: Dict[str, Any], frames: Sequence[bytes]) -> Optional[Dict[str, Any]]:
    """The document, with the payload's bytes if it does not give them by itself; None if the header is at fault."""
    made = _bytes_of(frames[0], frames[0].split(b"/")[0].decode(), document)
    if made[1] != frames[1] or made[3:] != list(frames[3:]):
        return None
    if made[2] != frames[2]:
        document["bytes"] = _base64(frames[2])
    return document


def _numbers(values: np.ndarray) -> List[Any]:
    """As JSON has them: null for what is not finite."""
    if values.dtype.kind != "f" or np.isfinite(values).all():
        return values.tolist()
    return np.where(np.isfinite(values), values.astype(object), None).tolist()


def _frame(message: wire.Frame, frames: Sequence[bytes]) -> Optional[Dict[str, Any]]:
    document = _header(message, message.line_count, message.format)
    if message.kind != "spikes":
        document["values"] = _numbers(message.values)
    elif message.format == "graded":
        document["spikes"], document["values"] = message.lines.tolist(), _numbers(message.values)
    else:
        document["spikes"] = message.lines[message.signs > 0].tolist()
        if (message.signs < 0).any():
            document["negative"] = message.lines[message.signs < 0].tolist()
        if message.format == "bitmap":
            document["planes"] = len(frames[2]) // max(1, (message.line_count + 7) // 8)
    return _exact(document, frames)


def _rows(message: wire.Rows, frames: Sequence[bytes]) -> Optional[Dict[str, Any]]:
    document = _header(message, message.channels, message.type)
    document["count"] = message.count
    if message.type == "json":
        document["json"] = message.payload.decode("utf-8", "replace")
    elif message.type == "pairs":
        pairs = np.frombuffer(message.payload, wire.PAIR)
        document["pairs"] = [[channel, value] for channel, value in zip(pairs["channel"].tolist(), _numbers(pairs["value"]))]
    else:
        document["rows"] = _numbers(message.values)
    if message.stamp is not None:
        document["stamp"] = dict(zip(("time_ns", "seq"), message.stamp))
    return _exact(document, frames)


def _bytes_of(topic: bytes, kind: str, document: Dict[str, Any]) -> List[bytes]:
    payload, count = _payload(kind, document)
    flags = sum(FLAGS.get(name, 0) for name in document["flags"])
    number = ROW_NUMBERS[document["format"]] if kind == "rows" else FORMAT_NUMBERS[document["format"]]
    header = wire.HEADER.pack(b"SPK1", KIND_NUMBERS[kind], number, flags, int(document["epoch"], 16), document["tick"],
                              document["seq"], document["time_ns"], document["source_ns"], document["dt_ns"],
                              document["lines"], count, 0)
    frames = [topic, header, base64.b64decode(document["bytes"]) if "bytes" in document else payload]
    if "stamp" in document:
        frames.append(wire.STAMP.pack(document["stamp"]["time_ns"], document["stamp"]["seq"]))
    return frames


def _payload(kind: str, document: Dict[str, Any]) -> Tuple[bytes, int]:
    """(payload, count) of a document."""
    if kind == "rows":
        return _rows_payload(document), document["count"]
    values = np.array(document.get("values", ()), np.float32)  # None becomes NaN
    if kind != "spikes":
        return values.tobytes(), len(values)
    up, down = (np.array(document.get(key, ()), np.uint32) for key in ("spikes", "negative"))
    if document["format"] == "bitmap":
        planes = []
        for lines in (up, down)[:document["planes"]]:
            bits = np.zeros(8 * ((document["lines"] + 7) // 8), np.uint8)
            bits[lines] = 1
            planes.append(np.packbits(bits, bitorder="little").tobytes())
        return b"".join(planes), len(up) + len(down)
    words = np.concatenate((up, down))
    if len(down):
        words = (words | np.repeat(np.array([0, 1 << 31], np.uint32), (len(up), len(down))))[np.argsort(words, kind="stable")]
    return words.astype("<u4").tobytes() + (values.tobytes() if document["format"] == "graded" else b""), len(words)


def _rows_payload(document: Dict[str, Any]) -> bytes:
    if document["format"] == "json":
        return document["json"].encode()
    if document["format"] == "pairs":
        pairs = np.zeros(len(document["pairs"]), wire.PAIR)
        for i, (channel, value) in enumerate(document["pairs"]):
            pairs[i] = channel, np.nan if value is None else value
        return pairs.tobytes()
    rows = np.array(document["rows"], np.float64 if None in sum(document["rows"], []) else None)
    return rows.astype(wire.ROW_TYPES[document["format"]]).tobytes()
