"""Values beside live spikes: a decoder for each stream that a Receiver hears.

A decoder is only right as long as it sees every spike from where the encoder began. This file knows
when that is so, and says nothing (`decoded` None, `undecoded` why) when it is not.

SPDX-License-Identifier: Apache-2.0
"""
from __future__ import annotations

import json
import math
from typing import Any, Callable, Dict, List, Optional, Tuple

import numpy as np

from . import _library, wire
from .offline import Decoder, Pipeline

SMOOTH_TICKS = 10  # that the library takes where no `smooth` is given
SETTLED = 3  # time constants after which a rate that was joined in the middle is there
SILENT_MAX = 1 << 20  # ticks without a message that are caught up with


class Stream:
    """One stream's decoder, and whether it can be believed.

    Three kinds: in a window everything begins anew at its first tick; rates get over what was missed;
    what only tells of changes (`follows`) stays wrong until values/ tells where it is. The range is
    undone apart from the rest, since values/ has gone through it.
    """

    def __init__(self, meta: Dict[str, Any], smooth: float) -> None:
        self.epoch = int(meta["epoch"], 16)
        self.name, self.lines, self.window = meta["stream"], int(meta["lines"]), int(meta["window"])
        self.empty = bool(meta.get("empty", True))
        self.tick: Optional[int] = None  # the last one decoded
        self.decoded: Optional[np.ndarray] = None  # of that tick
        self.origin: Optional[int] = None  # first tick of some window
        self.whole_from = 0  # nothing was lost since this tick
        self.reference: Optional[Tuple[int, np.ndarray]] = None  # newest values/
        self.offset = np.float32(0)  # of a follower that begins at 0 and was joined later
        self.decoder: Optional[Decoder] = None
        self.unrange: Optional[Decoder] = None
        self.follows = self.from_first = self.can_resync = False
        self.why = ""
        self.unsound = "it was joined in the middle"  # why its values cannot be believed; "" = they can
        dt = meta["dt_ns"] / 1e9
        self.settle = math.ceil(SETTLED * (smooth / dt if smooth else SMOOTH_TICKS))
        self.settling = 0
        try:
            self._prepare(meta, dt, smooth)
        except ValueError as error:
            self.decoder, self.why = None, str(error)

    def _prepare(self, meta: Dict[str, Any], dt: float, smooth: float) -> None:
        ranged, channels = meta.get("range") is not None, int(meta["channels"])
        stages = [{stage["stage"]: _parameters(stage)} for stage in meta["pipeline"]]
        p = Pipeline({"encode": stages[ranged:]}, channels, dt=dt, window=self.window or None)
        self.decoder = p.decoder(smooth)
        self.stage = self.decoder.stage
        if ranged and self.stage == 0:
            self.unrange = Pipeline(stages[:1], channels, dt=dt).decoder()
        elif ranged:
            self.stage += 1
        if not self.decoder.follows:
            return
        self.from_first = _depends_on_first(self.decoder)
        if self.window and self.from_first:
            raise ValueError("what only tells of changes has nowhere to begin in a window")
        self.follows = not self.window
        # values/ tells where it stands only if that is what came into it.
        self.can_resync = self.follows and not any(
            stage["output"] == "values" for stage in meta["pipeline"][ranged:])

    @property
    def wants_values(self) -> bool:
        return self.can_resync and bool(self.unsound)

    def lose(self, why: str, tick: int) -> None:
        """Spikes before `tick` were missed."""
        self.whole_from = tick
        if self.window or self.follows:
            self.unsound = why
        elif self.tick is None or tick - self.tick > self.settle or self.unsound:
            self.unsound, self.settling = why, self.settle

    def values(self, frame: wire.Frame) -> None:
        """What the encoder was fed at a tick: where a follower stands. Before its first row, which a
        stale tick may be, that says nothing."""
        if self.wants_values and wire.Flags.STALE not in frame.flags and frame.values is not None:
            self.reference = frame.tick, frame.values
            if frame.tick == self.tick:
                self._resync()

    def _resync(self) -> np.ndarray:
        """As if the encoder had begun at the reference's tick, with the row of that tick."""
        _, row = self.reference
        self.decoder.reset(row if self.from_first else None)
        self.reference, self.unsound, self.offset = None, "", np.float32(0)
        values = self.decoder.step(np.zeros(self.lines, np.float32))
        if not self.from_first:
            self.offset = row - values
        return values + self.offset

    def frame(self, frame: wire.Frame, missed: int) -> None:
        """Fills in `decoded` and `undecoded` of a frame of this stream."""
        if self.decoder is None or frame.line_count != self.lines:
            frame.undecoded = self.why or "its meta is of another pipeline"
            return
        if frame.tick != self.tick:  # else: spikes/ and bundle/ both have it
            if self.tick is not None and frame.tick < self.tick:
                frame.undecoded = "a later tick was decoded before"
                return
            self._advance(frame, missed)
        frame.decoded, frame.undecoded = self.decoded, self.unsound if self.decoded is None else ""

    def _advance(self, frame: wire.Frame, missed: int) -> None:
        tick, flags = frame.tick, frame.flags
        begins = bool(self.window) and wire.Flags.WINDOW in flags
        if self.tick is None:
            self._join(tick)
        elif tick != self.tick + 1:
            self._gap(tick, missed, wire.Flags.GAP in flags)
        if wire.Flags.RESTORED in flags:
            self.lose("the encoder went on from a saved state", tick)
        if wire.Flags.RESET in flags:
            self._reset(tick)
        if begins:
            self.origin, self.unsound = tick, ""
        self.tick = tick
        values = self.decoder.step(_dense(frame), begins) + self.offset
        if self.settling:
            self.settling -= 1
            if not self.settling:
                self.unsound = ""
        elif self.wants_values and self.reference and self.reference[0] == tick:
            values = self._resync()
        if self.unrange is not None and not self.unsound:
            values = self.unrange.step(values)
        self.decoded = None if self.unsound else values

    def _join(self, tick: int) -> None:
        if tick == 0 and not self.from_first:
            self.unsound = ""  # from the encoder's own beginning
        elif not self.window and not self.follows:
            self.settling = self.settle
        self.whole_from = tick

    def _reset(self, tick: int) -> None:
        self.decoder.reset()
        self.settling, self.whole_from, self.offset = 0, tick, np.float32(0)
        self.unsound = "its first row after the reset is not known" if self.from_first else ""

    def _gap(self, tick: int, missed: int, skipped: bool) -> None:
        """There was no message for the ticks between the last one and this one."""
        silent = tick - self.tick - 1
        if missed:
            self.lose(f"{missed} messages were lost", tick)
        elif self.empty and skipped:
            return  # nobody has them: the encoder stood still
        elif self.empty:
            self.lose(f"{silent} ticks did not arrive", tick)
        elif silent > SILENT_MAX:
            self.lose(f"{silent} ticks without a spike are too many to catch up with", tick)
        elif skipped and self.window:
            self.lose("ticks were skipped among silent ones", tick)
        self._silent(tick)

    def _silent(self, tick: int) -> None:
        """Catches up with ticks that were not published because they had no spikes."""
        if self.empty:
            return
        at = self.tick + 1
        if self.window and self.unsound and self.origin is not None:
            at = tick - (tick - self.origin) % self.window  # everything begins anew there
        if at < self.whole_from or tick - at > SILENT_MAX:
            return
        if not self.window:
            self.decoder.run(np.zeros((tick - at, self.lines), np.float32))
            return
        silence = np.zeros(self.lines, np.float32)
        for each in range(at, tick):
            begins = self.origin is not None and (each - self.origin) % self.window == 0
            self.decoder.step(silence, begins)
            if begins:
                self.unsound = ""


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
                "epoch", "channels", "lines", "dt_ns", "window", "empty", "pipeline")])
            if meta.get("group"):
                self._groups[meta["group"]] = meta["group_streams"], meta["clock"]
            if self._keys.get(name) == key or meta["pipeline"] and meta["pipeline"][-1]["output"] == "values":
                return
            before = self._streams.get(name)
            stream = Stream(meta, self._smooth)
        except (KeyError, TypeError, ValueError):
            return  # not a meta as the protocol has it
        self._keys[name], self._streams[name] = key, stream
        if before is not None and before.epoch == stream.epoch and before.tick is not None:
            stream.tick, stream.unsound = before.tick, "a parameter was changed"
            stream.lose(stream.unsound, before.tick + 1)
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
        was = stream.wants_values
        stream.frame(frame, missed)
        if stream.wants_values != was:
            self._ask(stream)

    def _ask(self, stream: Stream) -> None:
        """Subscribes to values/ as long as a follower needs it."""
        topic = f"values/{stream.name}/"
        if stream.wants_values and stream.name not in self._values:
            self._values.add(stream.name)
            self._subscribe(topic)
        elif not stream.wants_values and stream.name in self._values:
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


def _depends_on_first(decoder: Decoder) -> bool:
    """True if a follower begins at the first row, of which the spikes do not tell; else at 0."""
    seen = []
    for first in (0.25, 0.75):
        decoder.reset(np.full(decoder.channels, first, np.float32))
        seen.append(decoder.step(np.zeros(decoder.lines, np.float32)))
    decoder.reset()
    return not np.array_equal(*seen)


def _meta_of(topic: str) -> str:
    """The metas that a subscription needs: a bundle's does not say which streams are in it."""
    return "meta/" + topic[len("spikes/"):] if topic.startswith("spikes/") else "meta/"


def _dense(frame: wire.Frame) -> np.ndarray:
    return frame.dense().astype(np.float32, copy=False)
