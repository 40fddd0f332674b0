"""The Python client's agent, see ../README.md.

SPDX-License-Identifier: Apache-2.0
"""
import json
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[4] / "clients" / "python"))

from spiked import (Bundle, Control, ControlError, Document, Flags, Keys, Receiver, Rows, Sender,  # noqa: E402
                    Silence)
from spiked.wire import PAIR  # noqa: E402


class Agent:
    def __init__(self):
        self.sender = self.receiver = self.control = None

    def hello(self):
        return {"client": "python", "can": ["keys", "rows"]}

    def connect(self, ingest, publish, control, timeout_ms, keys=None):
        self.close()
        pair = Keys.load(keys["file"], keys["server"]) if keys else None
        self.sender = Sender(ingest, timeout=timeout_ms / 1000, keys=pair)
        self.receiver = Receiver(endpoint=publish, keys=pair)
        self.control = Control(control, timeout=timeout_ms / 1000, keys=pair)
        return {}

    def close(self):
        for each in (self.sender, self.receiver, self.control):
            if each is not None:
                each.close()
        self.sender = self.receiver = self.control = None
        return {}

    def send(self, stream, type, rows, stamp=None):  # noqa: A002 (the name of the wire)
        stamped = {"time_ns": int(stamp["time_ns"]), "seq": int(stamp["seq"])} if stamp else {}
        if type == "pairs":
            [row] = rows
            self.sender.send_pairs(stream, [channel for channel, _ in row], [value for _, value in row], **stamped)
        elif type == "json":
            self.sender.send_json(stream, rows, **stamped)
        else:
            self.sender.types[stream] = type
            self.sender.send(stream, np.array(rows, float if type[0] == "f" else int), **stamped)
        return {}

    def subscribe(self, topics):
        for topic in topics:
            self.receiver.subscribe(topic)
        return {}

    def unsubscribe(self, topics):
        for topic in topics:
            self.receiver.unsubscribe(topic)
        return {}

    def receive(self, count, timeout_ms):
        end = time.monotonic() + timeout_ms / 1000
        messages = []
        while len(messages) < count:
            try:
                messages.append(message(self.receiver.recv(max(0, end - time.monotonic()))))
            except Silence:
                break
        fault = self.receiver.last_error
        return {"messages": messages, "malformed": self.receiver.malformed, "fault": str(fault) if fault else ""}

    def call(self, method, params=None):
        return {"result": self.control.call(method, params)}


def message(got):
    """In the words of the vectors."""
    if isinstance(got, Document):
        parts = {"json": got.data}
    elif isinstance(got, Rows):
        parts = {"parts": [rows_part(got)]}
    else:
        parts = {"parts": [part(each) for each in (got.parts if isinstance(got, Bundle) else [got])]}
    return {"topic": got.topic, "missed": got.missed, "restarted": got.restarted, **parts}


def part(frame):
    result = {
        "kind": frame.kind, "format": frame.format, "flags": [flag.name.lower() for flag in Flags if flag in frame.flags],
        "epoch": f"{frame.epoch:016x}", "tick": str(frame.tick), "seq": str(frame.seq), "time_ns": str(frame.time_ns),
        "source_ns": str(frame.source_ns), "dt_ns": frame.dt_ns, "lines": frame.line_count, "count": frame.count}
    if frame.format != "f32":
        result["line"], result["sign"] = frame.lines.tolist(), frame.signs.tolist()
    if frame.values is not None:
        result["values"] = plain(frame.values)
    return result


def rows_part(got):
    rows = [np.frombuffer(got.payload, PAIR).tolist()] if got.type == "pairs" else [plain(row) for row in got.values]
    return {
        "kind": "rows", "format": got.type, "flags": [], "epoch": f"{got.epoch:016x}", "tick": str(got.tick), "seq": str(got.seq),
        "time_ns": str(got.time_ns), "source_ns": str(got.source_ns), "dt_ns": got.dt_ns, "lines": got.channels,
        "count": got.count, "rows": rows}


def plain(numbers):
    """For JSON: None where one is not finite."""
    return [number if np.isfinite(number) else None for number in numbers.tolist()]


def main():
    agent = Agent()
    for line in sys.stdin:
        request = json.loads(line)
        do = request.pop("do")
        try:
            answer = getattr(agent, do)(**request)
        except ControlError as error:
            answer = {"error": str(error), "code": error.code, **({"path": error.path} if error.path else {})}
        except Exception as error:  # noqa: BLE001
            answer = {"error": str(error), **({"code": 0} if do == "call" else {})}
        print(json.dumps(answer), flush=True)
    agent.close()


main()
