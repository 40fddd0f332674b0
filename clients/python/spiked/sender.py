"""Rows in: a sensor's side.

SPDX-License-Identifier: Apache-2.0
"""
from __future__ import annotations

import time
from typing import Any, Dict, Mapping, Optional, Union

import zmq

from . import wire
from .keys import Keys, Watch

Time = Union[int, str, None]


class Blocked(TimeoutError):
    """spiked took no rows: it is not there, or (clocks data and manual) it waits for a subscriber."""


class Sender:
    """Sends rows to spiked's ingest socket.

    endpoint   where spiked takes rows
    types      type of each stream that is not f32, as declared in its configuration
    timeout    seconds that a send may wait before it raises Blocked; None = for ever. Rows are never
               queued for a spiked that is not there: they would be old when it comes.
    queue      rows that may wait for a spiked that is slow
    linger     seconds that close() waits for rows that are still on their way
    keys       for a spiked with `security`, see Keys

    Every message carries a sequence number, so that spiked counts what got lost. One thread only.
    """

    def __init__(self, endpoint: str = wire.INGEST, *, types: Optional[Mapping[str, str]] = None,
                 timeout: Optional[float] = 5.0, queue: int = 1000, linger: float = 1.0,
                 keys: Optional[Keys] = None, context: Optional[zmq.Context] = None) -> None:
        self.endpoint = endpoint
        self.types = dict(types or {})
        self._seq: Dict[str, int] = {}
        self._linger = linger
        self._socket = (context or zmq.Context.instance()).socket(zmq.PUSH)
        self._socket.setsockopt(zmq.IMMEDIATE, 1)
        self._socket.setsockopt(zmq.SNDHWM, queue)
        self._socket.setsockopt(zmq.SNDTIMEO, -1 if timeout is None else int(timeout * 1000))
        self._socket.setsockopt(zmq.LINGER, int(linger * 1000))
        if keys is not None:
            keys.lock(self._socket)
        self._watch = Watch(self._socket)
        self._socket.connect(endpoint)

    def send(self, stream: str, rows: Any, time_ns: Time = None, seq: Optional[int] = None) -> int:
        """Sends one row, or a list or 2-D array of rows that are dt apart; NaN = no sample.

        time_ns is the source time of the first row, or "now"; None = unknown. Returns the sequence
        number used (counted per stream unless given). Raises ValueError for numbers that the
        stream's type cannot hold, Blocked when spiked takes no rows.
        """
        payload = wire.rows_payload(rows, self.types.get(stream, "f32"))
        return self._stamped(stream, payload, time_ns, seq)

    def send_pairs(self, stream: str, channels: Any, values: Any = None, time_ns: Time = None,
                   seq: Optional[int] = None) -> int:
        """Sends a partial row to a `pairs` stream: {channel: value}, or channels and values."""
        return self._stamped(stream, wire.pairs_payload(channels, values), time_ns, seq)

    def send_json(self, stream: str, rows: Any, time_ns: Time = None, seq: Optional[int] = None) -> int:
        """Sends one row or a list of rows to a `json` stream; None = no sample."""
        number = self._next(stream, seq)
        self._send(stream, [wire.json_payload(rows, _time(time_ns), number)], number)
        return number

    def _stamped(self, stream: str, payload: bytes, time_ns: Time, seq: Optional[int]) -> int:
        number = self._next(stream, seq)
        self._send(stream, [payload, wire.STAMP.pack(_time(time_ns), number)], number)
        return number

    def _next(self, stream: str, seq: Optional[int]) -> int:
        return self._seq.get(stream, 0) if seq is None else seq

    def _send(self, stream: str, frames: list, number: int) -> None:
        try:
            self._socket.send_multipart([stream.encode(), *frames])
        except zmq.Again:
            why = self._watch.why() or ": is spiked running, and does every subscriber of a lossless clock read?"
            raise Blocked(f"{self.endpoint} takes no rows{why}") from None
        self._seq[stream] = number + 1

    def close(self) -> None:
        self._watch.close()
        self._socket.close()

    def __enter__(self) -> "Sender":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _time(time_ns: Time) -> int:
    if time_ns == "now":
        return time.time_ns()
    if isinstance(time_ns, str):
        raise ValueError(f"time_ns is nanoseconds or 'now', not '{time_ns}'")
    return int(time_ns or 0)
