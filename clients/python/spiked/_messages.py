"""Arrays as the messages that spiked would have sent: what a recording is made of.

SPDX-License-Identifier: Apache-2.0
"""
from __future__ import annotations

import bisect
import json
import secrets
import time
from typing import Any, Dict, Iterator, List, Optional, Sequence, Tuple, Union

import numpy as np

from . import wire
from ._batches import F32, GRADED, KIND_NUMBERS, WORDS, Batch, Spikes, Table

Timed = Tuple[int, List[bytes]]  # when, the frames
RANKS = {"meta": 0, "rows": 1, "values": 2, "state": 3, "spikes": 4}
PATIENCE_NS = 2_000_000_000  # for how long a stream's tick may go on while others go on already
ROW_NUMBERS = {name: number for number, name in wire.ROW_FORMATS.items()}


def described(stream: str, channels: int, dt_ns: int, *, lines: Optional[int] = None, output: str = "spike counts",
              signed: bool = False, window: int = 0, type: str = "f32", names: Optional[Sequence[str]] = None,
              shape: Optional[Sequence[int]] = None) -> Dict[str, Any]:
    """The meta of a stream that no daemon described: what PROTOCOL.md calls needed for reading."""
    return {"stream": stream, "protocol": 1, "channels": channels, "names": None if names is None else list(names),
            "shape": None if shape is None else list(shape), "unit": None, "lines": channels if lines is None else lines,
            "dt_ns": dt_ns, "window": window, "output": output, "signed": signed, "payload": "words", "empty": False,
            "input": {"type": type}}


class _Ticks:
    """The ticks of a stream: tick = first + (time - base) / dt."""

    def __init__(self, dt_ns: int, base_ns: int, first: int) -> None:
        self.dt_ns, self.base_ns, self.first = dt_ns, base_ns, first
        self.newest = first

    def of(self, time_ns: np.ndarray, slack_ns: int) -> Tuple[np.ndarray, int]:
        """(the tick of each time, how many times lie between two ticks)."""
        since = time_ns - self.base_ns
        ticks = (since + min(slack_ns, self.dt_ns - 1)) // self.dt_ns
        return ticks + self.first, int(np.count_nonzero(np.abs(since - ticks * self.dt_ns) > slack_ns))

    def go_on(self, ticks: np.ndarray) -> bool:
        return not len(ticks) or bool(ticks[0] >= self.newest and np.all(ticks[1:] >= ticks[:-1]))

    def time_ns(self, ticks: np.ndarray) -> np.ndarray:
        return (ticks - self.first) * self.dt_ns + self.base_ns


class Maker:
    """Makes messages of batches: one epoch, ticks that go up, spikes as words or graded words.

    slack_ns    how much too early a time may be for its tick: the resolution of where it comes from
    rounded     so many times lay between two ticks and count for the earlier one
    """

    def __init__(self, slack_ns: int = 0) -> None:
        self.rounded = 0
        self._slack_ns = slack_ns
        self._epoch = secrets.randbits(64) or 1
        self._metas: Dict[str, Dict[str, Any]] = {}
        self._ticks: Dict[Tuple[str, str], _Ticks] = {}
        self._seq: Dict[bytes, int] = {}
        self._waiting: List[Dict[str, Any]] = []  # metas until something else comes, which has a time
        # Of each stream the spikes of its last tick, the tick, when it is, and whether it begins a window.
        self._held: Dict[str, Tuple[Spikes, int, int, bool]] = {}
        self._kept: List[Tuple[int, int, List[bytes]]] = []  # messages that are not older than those
        self._newest_ns = 0

    def messages(self, items: Sequence[Union[Dict[str, Any], Batch]]) -> List[Timed]:
        """The messages of metas and batches, in the order of time. The last tick of each stream's spikes is held
        back, for there may be more of it in the next batch, and with it what is not older."""
        for item in items:
            if isinstance(item, dict):
                self._metas[item["stream"]] = item
                self._waiting.append(item)
        batches = [item for item in items if not isinstance(item, dict)]
        times = [int(batch.time_ns[at]) for batch in batches if len(batch) for at in (0, -1)]
        if times:
            self._kept += ((min(times), RANKS["meta"], self._meta(meta)) for meta in self._waiting)
            self._waiting = []
            self._newest_ns = max(self._newest_ns, *times)
        for batch in batches:
            if isinstance(batch, Table):
                self._kept += ((time_ns, RANKS[batch.kind], frames) for time_ns, frames in self._table(batch))
            else:
                self._keep_spikes(batch, False)
        for held, _, held_ns, _ in list(self._held.values()):
            if held_ns < self._newest_ns - PATIENCE_NS:
                self._keep_spikes(_nothing(held), True)
        return self._given(min((held_ns for _, _, held_ns, _ in self._held.values()), default=None))

    def finish(self) -> List[Timed]:
        """What was held back."""
        self._kept += ((time.time_ns(), RANKS["meta"], self._meta(meta)) for meta in self._waiting)
        for held, *_ in list(self._held.values()):
            self._keep_spikes(_nothing(held), True)
        return self._given(None)

    def _keep_spikes(self, batch: Spikes, all_of_it: bool) -> None:
        self._kept += ((time_ns, RANKS["spikes"], frames) for time_ns, frames in self._spikes(batch, all_of_it))

    def _given(self, until_ns: Optional[int]) -> List[Timed]:
        self._kept.sort(key=lambda each: each[:2])
        count = len(self._kept) if until_ns is None else bisect.bisect_left(self._kept, (until_ns,))
        given, self._kept = self._kept[:count], self._kept[count:]
        return [(time_ns, frames) for time_ns, _, frames in given]

    def _meta(self, meta: Dict[str, Any]) -> List[bytes]:
        return [b"meta/%s/" % meta["stream"].encode(),
                json.dumps({**meta, "epoch": f"{self._epoch:016x}"}, separators=(",", ":"), ensure_ascii=False).encode()]

    def _placed(self, batch: Batch, kind: str, begin_ns: int) -> Tuple[np.ndarray, np.ndarray, _Ticks]:
        """(tick and time of each item, the ticks of this stream and kind), which begin at `begin_ns` if this is
        the first batch. Ticks are taken as they are unless they go back, as after a restart."""
        key = batch.stream, kind
        if key not in self._ticks:
            dt_ns, first = int(self._metas[batch.stream]["dt_ns"]), 0
            if batch.tick is not None and len(batch):
                first = int(batch.tick[0]) - (int(batch.time_ns[0]) - begin_ns) // dt_ns
            self._ticks[key] = _Ticks(dt_ns, begin_ns, max(0, first))
        place = self._ticks[key]
        if batch.tick is not None and place.go_on(batch.tick):
            ticks, times = batch.tick, batch.time_ns
        else:
            ticks, between = place.of(batch.time_ns, self._slack_ns)
            self.rounded += between
            times = place.time_ns(ticks)
            if not place.go_on(ticks):
                raise ValueError(f"{kind} of '{batch.stream}' are not in the order of their times: sort them first")
        if len(ticks):
            place.newest = int(ticks[-1])
        return ticks, times, place

    def _header(self, topic: bytes, kind: int, form: int, tick: int, time_ns: int, dt_ns: int, lines: int, count: int,
                source_ns: int = 0, flags: int = 0) -> bytes:
        seq = self._seq.get(topic, 0)
        self._seq[topic] = seq + 1
        return wire.HEADER.pack(b"SPK1", kind, form, flags, self._epoch, tick, seq, time_ns, source_ns, dt_ns, lines,
                                count, 0)

    def _spikes(self, batch: Spikes, all_of_it: bool) -> Iterator[Timed]:
        windows_ns = batch.windows_ns
        begin_ns = min([*batch.time_ns[:1].tolist(), *windows_ns[:1].tolist()], default=None)
        if begin_ns is None and not all_of_it:
            return
        ticks, times, place = self._placed(batch, "spikes", begin_ns or 0)
        windows = place.of(windows_ns, self._slack_ns)[0]
        if batch.stream in self._held:
            held, tick, held_ns, is_window = self._held.pop(batch.stream)
            batch = _both(held, batch)
            ticks, times = (np.concatenate((np.full(len(held), value), array)) for value, array in ((tick, ticks), (held_ns, times)))
            windows = np.concatenate((np.full(int(is_window), tick), windows))
        every, where = np.unique(np.concatenate((ticks, windows)), return_index=True)
        every_ns = np.concatenate((times, place.time_ns(windows)))[where]
        if not all_of_it:
            tick, now = int(every[-1]), int(np.searchsorted(ticks, every[-1]))
            self._held[batch.stream] = batch[now:], tick, int(every_ns[-1]), bool(np.any(windows == tick))
            batch, ticks, every, every_ns = batch[:now], ticks[:now], every[:-1], every_ns[:-1]
        yield from self._of_ticks(batch, ticks, every, every_ns, windows)

    def _of_ticks(self, batch: Spikes, ticks: np.ndarray, every: np.ndarray, every_ns: np.ndarray,
                  windows: np.ndarray) -> Iterator[Timed]:
        """A message for every tick in `every`."""
        meta, topic = self._metas[batch.stream], b"spikes/%s/" % batch.stream.encode()
        order = np.lexsort((batch.line, ticks))
        words = batch.line[order].astype("<u4")
        form, values = WORDS, b""
        if batch.value is None:
            words |= (batch.sign[order] < 0).astype("<u4") << np.uint32(31)
        else:
            form, values = GRADED, batch.value[order].astype("<f4").tobytes()
        whole, flags = words.tobytes(), np.isin(every, windows) * int(wire.Flags.WINDOW)
        for begin, end, tick, time_ns, flag in zip(
                np.searchsorted(ticks, every).tolist(), np.searchsorted(ticks, every, "right").tolist(), every.tolist(),
                every_ns.tolist(), flags.tolist()):
            header = self._header(topic, KIND_NUMBERS["spikes"], form, tick, time_ns, meta["dt_ns"], meta["lines"],
                                  end - begin, flags=flag)
            yield time_ns, [topic, header, whole[4 * begin:4 * end] + values[4 * begin:4 * end]]

    def _table(self, batch: Table) -> Iterator[Timed]:
        if not len(batch):
            return
        meta = self._metas[batch.stream]
        topic = f"{batch.kind}/{batch.stream}/".encode()
        ticks, times, _ = self._placed(batch, batch.kind, int(batch.time_ns[0]))
        name = next((name for name, dtype in wire.ROW_TYPES.items() if dtype == batch.values.dtype), None)
        is_rows = batch.kind == "rows"
        if not is_rows or name is None:
            name = "f32"
        values = np.ascontiguousarray(batch.values, wire.ROW_TYPES[name])
        kind, form = (wire.ROWS, ROW_NUMBERS[name]) if is_rows else (KIND_NUMBERS[batch.kind], F32)
        whole, size, width = values.tobytes(), values.shape[1] * values.itemsize, values.shape[1]
        if is_rows:
            times = batch.time_ns  # the sensor's, which has no need to lie on a tick
        for i, (tick, time_ns) in enumerate(zip(ticks.tolist(), times.tolist())):
            header = self._header(topic, kind, form, tick, time_ns, meta["dt_ns"], width, 1 if is_rows else width,
                                  time_ns if is_rows else 0)
            yield time_ns, [topic, header, whole[i * size:(i + 1) * size]]


def _nothing(like: Spikes) -> Spikes:
    nothing = like[:0]
    nothing.windows_ns = nothing.windows_ns[:0]
    return nothing


def _both(first: Spikes, then: Spikes) -> Spikes:
    def of(name: str) -> Any:
        a, b = getattr(first, name), getattr(then, name)
        return None if a is None or b is None else np.concatenate((a, b))

    return Spikes(first.stream, of("time_ns"), of("tick"), of("line"), of("sign"), of("value"))
