"""Values beside live spikes: a decoder for each stream that a Receiver hears.

A decoder is only right as long as it knows every tick of its encoder. This file tells it what was
missed, as far as frames say; what it does not know then is NaN in `decoded`, and `undecoded` says why.
The rules are in PROTOCOL.md, "Values from spikes", and those of clients/c/decode/decode.c.

SPDX-License-Identifier: Apache-2.0
"""
from __future__ import annotations

import json
from enum import Enum
from typing import Any, Callable, Dict, List, Optional, Tuple

import numpy as np

from . import _library, wire
from .offline import Decoder, Pipeline

WAITS = {
    "row": "it waits for a fresh row",
    "ticks": "it needs some more ticks",
    "spikes": "it waits for spikes of the lines that are not known",
    "values": "it waits for a fresh row in values/",
    "window": "it waits for the next window",
    "reset": "nothing but a reset of the stream tells where this encoder is",
}


class Row(Enum):
    """What is known of the encoder's first row. Before it the encoder stands still, and its ticks are stale."""

    UNSURE = 0
    NONE = 1
    SEEN = 2


class Stream:
    """One stream's decoder, and up to which tick it has come. The range is undone apart from the rest,
    since values/ has gone through it."""

    def __init__(self, meta: Dict[str, Any], smooth: float) -> None:
        self.epoch = int(meta["epoch"], 16)
        self.name, self.lines, self.window = meta["stream"], int(meta["lines"]), int(meta["window"])
        self.empty = bool(meta.get("empty", True))
        # A window runs whole or not at all, and each begins anew.
        self.pauses = not self.window and (meta.get("input") or {}).get("on_stale") == "silence"
        self.tick: Optional[int] = None  # the last one that was taken in
        self.row = Row.UNSURE
        self.first = False  # `tick` was the encoder's first: its row is where changes begin
        self.origin: Optional[int] = None  # first tick of some window
        self.spikes = np.zeros(self.lines, np.float32)  # of `tick`
        self.reference: Optional[wire.Frame] = None  # of values/, of a tick whose spikes are yet to come
        self.decoded: Optional[np.ndarray] = None  # its values, in the sensor's units; None = none is known
        self.undecoded = ""  # why some of them are not
        self.decoder: Optional[Decoder] = None
        self.unrange: Optional[Decoder] = None
        self.frail = False  # one tick more or less leads it astray for ever
        self.why = ""  # it cannot be decoded
        self.lost = ""  # what happened before values were not known
        try:
            self._prepare(meta, smooth)
        except ValueError as error:
            self.decoder, self.why = None, str(error)

    def _prepare(self, meta: Dict[str, Any], smooth: float) -> None:
        ranged, channels, dt = meta.get("range") is not None, int(meta["channels"]), meta["dt_ns"] / 1e9
        stages = [{stage["stage"]: _parameters(stage)} for stage in meta["pipeline"]]
        p = Pipeline({"encode": stages[ranged:]}, channels, dt=dt, window=self.window or None)
        self.decoder = p.decoder(smooth)
        self.stage = self.decoder.stage
        if ranged and self.stage == 0:
            self.unrange = Pipeline(stages[:1], channels, dt=dt).decoder()
        elif ranged:
            self.stage += 1
        self.decoder.silence(1, exact=False)
        self.frail = self.decoder.unknown == "reset"
        self.decoder.reset()

    @property
    def waits(self) -> str:
        """What the values that are not known wait for; "" = all are known."""
        if self.decoder is None:
            return ""
        return "row" if self.tick is not None and self.row is not Row.SEEN else self.decoder.unknown

    @property
    def wants_values(self) -> bool:
        if self.decoder is None:
            return False
        waits = self.waits
        if self.tick is None or waits == "row":
            return not self.empty or self.decoder.follows
        return waits == "values" or waits == "window" and not self.empty

    def carry(self, before: "Stream") -> None:
        """A parameter of the stream `before` was set: what is known of the values holds on."""
        if self.decoder is None or before.decoder is None or self.epoch != before.epoch \
                or not self.decoder.carry(before.decoder):
            return
        self.tick, self.row, self.origin, self.lost = before.tick, before.row, before.origin, before.lost
        self.first, self.spikes = before.first, before.spikes
        self.decoded, self.undecoded = before.decoded, before.undecoded
        if self.waits:
            self.lost = self.lost or "a parameter was changed"

    def frame(self, frame: wire.Frame, missed: int) -> None:
        """Fills in `decoded` and `undecoded` of a frame of spikes."""
        if self.decoder is None or frame.line_count != self.lines:
            frame.undecoded = self.why or "its meta is of another pipeline"
            return
        if frame.tick != self.tick:  # else: spikes/ and bundle/ both have it
            self._take(frame, _dense(frame), missed)
            waits = self.waits
            self.lost = self.lost if waits else ""
            self.undecoded = f"{self.lost}: {WAITS[waits]}" if waits and self.lost else WAITS.get(waits, "")
        frame.decoded, frame.undecoded = self.decoded, self.undecoded
        if self.reference is not None and self.reference.tick == self.tick:
            self._resume(self.reference)
            self.reference = None

    def values(self, frame: wire.Frame) -> None:
        """What the encoder was fed at a tick. A bundle brings that tick's spikes later."""
        if self.decoder is None or frame.values is None:
            return
        if not self.empty and (self.tick is None or frame.tick > self.tick):
            self._take(frame, np.zeros(self.lines, np.float32), 0)  # nothing else tells of it: it had no spikes
        if frame.tick == self.tick:
            self._resume(frame)
        else:
            self.reference = frame

    def _resume(self, frame: wire.Frame) -> None:
        if wire.Flags.STALE in frame.flags:
            return
        if self.first and self.decoder.needs_first:
            self.decoder.reset(frame.values)
            self._step(bool(self.window) and wire.Flags.WINDOW in frame.flags)
            self.first = False
        elif self.waits == "values":
            self.decoder.resume(frame.values)

    def _take(self, frame: wire.Frame, spikes: np.ndarray, missed: int) -> None:
        """One tick. What its encoder did is known unless it is stale and may have stood still."""
        self._follow(frame, missed)
        self.spikes, stale = spikes, wire.Flags.STALE in frame.flags
        if stale and self.row is Row.UNSURE:
            self._miss_all("")
        if not stale or self.row is Row.SEEN and not self.pauses:
            self._step(bool(self.window) and wire.Flags.WINDOW in frame.flags)

    def _step(self, begins: bool) -> None:
        values = self.decoder.step(self.spikes, begins)
        if self.unrange is not None:
            values = self.unrange.step(values)
        self.decoded = None if np.isnan(values).all() else values

    def _follow(self, frame: wire.Frame, missed: int) -> None:
        """Everything that a frame tells before its spikes count."""
        tick, flags = frame.tick, frame.flags
        if self.tick is None or tick <= self.tick:
            self._join(tick)
        elif missed:
            self._lose(tick - self.tick - 1, missed)
        elif tick > self.tick + 1:
            self._pass(tick, wire.Flags.GAP in flags)
        if wire.Flags.RESTORED in flags:
            self._miss_all("the encoder went on from a saved state")
            self.row = Row.UNSURE
        if wire.Flags.RESET in flags:
            self.decoder.reset()
            self.origin = None
        self.first = wire.Flags.RESET in flags or self.row is Row.NONE
        if wire.Flags.STALE not in flags:
            self.row = Row.SEEN
        if self.first and self.row is Row.SEEN and self.decoder.needs_first:
            self._miss_all("no spike tells where it begins")
        if self.window and wire.Flags.WINDOW in flags:
            self.origin = tick
        self.tick = tick
        if self.row is not Row.SEEN:
            self.decoded = None

    def _miss_all(self, why: str) -> None:
        self.decoder.miss()
        self.origin, self.lost = None, why or self.lost

    def _join(self, tick: int) -> None:
        """It is the encoder's first tick too, or anything may have been."""
        self.decoder.reset()
        self.origin, self.lost, self.decoded = None, "", None
        self.row = Row.UNSURE if tick else Row.NONE
        if tick:
            self._miss_all("it was joined in the middle")

    def _lose(self, between: int, missed: int) -> None:
        # If they were all that there were in between, each of them ran.
        exact = missed == between and self.empty and not self.pauses and self.row is Row.SEEN
        self.decoder.miss(between, exact)
        self.origin, self.lost = None, f"{missed} messages were lost"
        if self.row is Row.NONE:
            self.row = Row.UNSURE

    def _pass(self, tick: int, skipped: bool) -> None:
        """There was no message for the ticks between the last one and this one, and none was lost."""
        between = tick - self.tick - 1
        if self.empty and skipped:
            return  # they never ran
        if self.row is Row.NONE:
            self.row = Row.UNSURE  # it may have come in one of them
        if self.empty:  # nobody was connected
            self.decoder.miss(between, exact=False)
            self.origin, self.lost = None, f"{between} ticks did not arrive"
            return
        self.lost = self.lost or "ticks were not sent that may not have run"  # said only where it matters
        if not self.window:
            # All of them ran, as far as frames that were sent can tell.
            exact = not skipped and not self.pauses and self.row is Row.SEEN
            self.decoder.silence(between, exact and not self.frail)
        elif skipped or self.origin is None:
            self.decoder.silence(between, exact=False)
        else:
            self._pass_windows(self.tick + 1, tick)

    def _pass_windows(self, at: int, end: int) -> None:
        if end - at > 3 * self.window:  # what was before the last two has no effect any more
            skip = end - at - 3 * self.window
            skip += -(at + skip - self.origin) % self.window
            self.decoder.miss(skip)
            at += skip
        while at < end:
            left = self.window - (at - self.origin) % self.window
            if left == self.window:
                self.decoder.step(np.zeros(self.lines, np.float32), True)
                at += 1
            else:
                self.decoder.silence(min(left, end - at))
                at += min(left, end - at)


class Decoding:
    """The decoders of a receiver. It subscribes by itself to what they need and keeps that from the user."""

    def __init__(self, smooth: float, subscribe: Callable[[str], None],
                 unsubscribe: Callable[[str], None]) -> None:
        _library.load()  # better a sentence now than at the first frame
        if not 0 <= smooth < float("inf"):
            raise ValueError(f"smooth is seconds, 0 for ten ticks, not {smooth!r}")
        self._smooth = smooth
        self._subscribe, self._unsubscribe = subscribe, unsubscribe
        self._asked: List[str] = []  # by the user
        self._values: set = set()  # streams whose values/ were asked for here
        self._streams: Dict[str, Stream] = {}
        self._keys: Dict[str, str] = {}
        self._groups: Dict[str, Tuple[List[str], str]] = {}

    def subscribed(self, topic: str) -> None:
        """Before the user's subscription: what is needed beside it."""
        self._asked.append(topic)
        if topic.startswith(("spikes/", "bundle/")) or "spikes/".startswith(topic) or "bundle/".startswith(topic):
            self._subscribe(_meta_of(topic))

    def unsubscribed(self, topic: str) -> None:
        if topic not in self._asked:
            return
        self._asked.remove(topic)
        if topic.startswith(("spikes/", "bundle/")) or "spikes/".startswith(topic) or "bundle/".startswith(topic):
            self._unsubscribe(_meta_of(topic))
        for name in [name for name in self._streams if f"spikes/{name}/".startswith(topic)]:
            self._forget(name)

    def is_ours(self, topic: str) -> bool:
        """A message that the user did not ask for."""
        return topic.startswith(("meta/", "values/")) and not any(map(topic.startswith, self._asked))

    def see(self, message: wire.Message) -> None:
        if isinstance(message, wire.Document):
            if message.kind == "meta":
                self._meta(message.data)
        elif isinstance(message, wire.Bundle):
            self._bundle(message)
        elif isinstance(message, wire.Rows):
            return
        elif message.kind == "spikes":
            self._frame(message, message.stream, message.missed)
        elif message.kind == "values":
            stream = self._streams.get(message.stream)
            if stream is not None and stream.epoch == message.epoch:
                stream.values(message)
                self._ask(stream)

    def stage(self, name: str) -> Optional[int]:
        """The stage into which a stream's decoded values came; None = not known, or not decodable."""
        stream = self._streams.get(name)
        return stream.stage if stream is not None and stream.decoder is not None else None

    def _meta(self, meta: Dict[str, Any]) -> None:
        try:
            name = meta["stream"]
            key = json.dumps([meta[each] for each in (
                "epoch", "channels", "lines", "dt_ns", "window", "empty", "pipeline")] + [meta.get("input")])
            if meta.get("group"):
                self._groups[meta["group"]] = meta["group_streams"], meta["clock"]
            if self._keys.get(name) == key or meta["pipeline"] and meta["pipeline"][-1]["output"] == "values":
                return
            before = self._streams.get(name)
            stream = Stream(meta, self._smooth)
        except (KeyError, TypeError, ValueError):
            return  # not a meta as the protocol has it
        self._keys[name], self._streams[name] = key, stream
        if before is not None:
            stream.carry(before)
        self._ask(stream)

    def _bundle(self, bundle: wire.Bundle) -> None:
        names, clock = self._groups.get(bundle.group, ([], ""))
        for i, part in enumerate(bundle.parts):
            if part.kind != "spikes":
                continue
            if clock == "data":
                part.undecoded = "in clock data a bundle does not say whose spikes these are: use spikes/"
            elif len(names) == len(bundle.parts):
                self._frame(part, names[i], bundle.missed)
            else:
                part.undecoded = "its meta has not come yet"

    def _frame(self, frame: wire.Frame, name: str, missed: int) -> None:
        stream = self._streams.get(name)
        if stream is None or stream.epoch != frame.epoch:
            frame.undecoded = "its meta has not come yet"
            return
        stream.frame(frame, missed)
        self._ask(stream)

    def _ask(self, stream: Stream) -> None:
        """Subscribes to values/ as long as they are of use."""
        topic, wants = f"values/{stream.name}/", stream.wants_values
        if wants and stream.name not in self._values:
            self._values.add(stream.name)
            self._subscribe(topic)
        elif not wants and stream.name in self._values:
            self._values.remove(stream.name)
            self._unsubscribe(topic)

    def _forget(self, name: str) -> None:
        del self._streams[name], self._keys[name]
        if name in self._values:
            self._values.remove(name)
            self._unsubscribe(f"values/{name}/")


def _parameters(stage: Dict[str, Any]) -> Dict[str, Any]:
    """As a configuration has them; without a seed, since decoders do not draw."""
    return {key: value for key, value in stage["params"].items() if value is not None and key != "seed"}


def _meta_of(topic: str) -> str:
    """The metas that a subscription needs: a bundle's does not say which streams are in it."""
    return "meta/" + topic[len("spikes/"):] if topic.startswith("spikes/") else "meta/"


def _dense(frame: wire.Frame) -> np.ndarray:
    return frame.dense().astype(np.float32, copy=False)
