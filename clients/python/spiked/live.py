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
SETTLED = 3  # time constants after which what a rate decoder has missed no longer counts
SILENT_MAX = 1 << 20  # ticks without a message that are caught up with


class Stream:
    """One stream's decoder, and whether it can be believed.

    Three kinds: in a window everything begins anew at its first tick; rates forget what was missed; what
    only tells of changes (`follows`) stays wrong until it hears from values/ where it is.
    """

    def __init__(self, meta: Dict[str, Any], smooth: float) -> None:
        self.name = meta["stream"]
        self.epoch = int(meta["epoch"], 16)
        self.lines, self.window = int(meta["lines"]), int(meta["window"])
        self.empty = bool(meta.get("empty", True))
        self.dt = meta["dt_ns"] / 1e9
        self.tick: Optional[int] = None  # the last one decoded
        self.decoded: Optional[np.ndarray] = None  # of that tick
        self.origin: Optional[int] = None  # first tick of some window
        self.whole_from = 0  # nothing was lost since this tick
        self.reference: Optional[Tuple[int, np.ndarray]] = None  # newest values/
        self.decoder: Optional[Decoder] = None
        self.unrange: Optional[Decoder] = None
        self.follows = self.from_first = self.can_resync = False
        self.offset = np.float32(0)  # of a follower that begins at 0 and was joined later
        self.why = ""
        self.unsound = "it was joined in the middle"  # why its values cannot be believed; "" = they can
        self.settle = self._settle_ticks(smooth)
        self.settling = 0
        try:
            self._prepare(meta, smooth)
        except ValueError as error:
            self.why = str(error)

    def _settle_ticks(self, smooth: float) -> int:
        return math.ceil(SETTLED * (smooth / self.dt if smooth else SMOOTH_TICKS))

    def _prepare(self, meta: Dict[str, Any], smooth: float) -> None:
        stages = [{stage["stage"]: stage["params"]} for stage in meta["pipeline"]]
        channels = int(meta["channels"])
        p = Pipeline({"name": self.name, "channels": channels, "encode": stages}, dt=self.dt, window=self.window)
        self.decoder = p.decoder(smooth)
        self.stage = self.decoder.stage
        probe = p.decoder()
        self.from_first = _depends_on_first(probe)
        if self.window and self.from_first:
            self.decoder, self.why = None, "an encoder that only tells of changes tells nothing in windows"
            return
        self.follows = not self.window and _adds_up(probe)
        # values/ tells where it stands only if nothing but the range is between the two.
        ranged = meta.get("range") is not None
        front = meta["pipeline"][1:] if ranged else meta["pipeline"]
        self.can_resync = self.follows and self.stage == 0 and not any(
            stage["output"] == "values" for stage in front)
        if ranged:
            self.unrange = Pipeline(stages[:1], channels, dt=self.dt).decoder()

    @property
    def wants_values(self) -> bool:
        return self.can_resync and bool(self.unsound)

    def lose(self, why: str, tick: int) -> None:
        """Spikes before `tick` were missed."""
        self.whole_from = tick
        if self.window or self.follows:
            self.unsound = why
        elif not self.unsound or self.settling:
            self.unsound, self.settling = why, self.settle
        else:
            self.unsound = why

    def values(self, tick: int, values: np.ndarray) -> None:
        """What the encoder was fed at a tick: where a follower stands."""
        if self.wants_values:
            self.reference = tick, values
            if tick == self.tick:
                self._resync()

    def _resync(self) -> np.ndarray:
        """As if the encoder had begun at the reference's tick, with the row of that tick."""
        _, row = self.reference
        if self.unrange is not None:
            row = self.unrange.step(row)
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
            if stream is not None and stream.epoch == message.epoch and message.values is not None:
                stream.values(message.tick, message.values)
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
        if before is not None and before.epoch == stream.epoch:
            stream.tick = before.tick
            stream.lose("a parameter was changed", (before.tick or 0) + 1)
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


def _depends_on_first(decoder: Decoder) -> bool:
    """True if what a decoder gives hangs on the first row, which spikes do not tell."""
    seen = []
    for first in (0.25, 0.75):
        decoder.reset(np.full(decoder.channels, first, np.float32))
        seen.append(decoder.step(np.zeros(decoder.lines, np.float32)))
    return not np.array_equal(*seen)


def _adds_up(decoder: Decoder) -> bool:
    """True if a decoder only follows changes: what a spike did stays, whenever it came, and twice as
    much after two. Rates forget, and intervals hang on when."""
    spike, silence = np.ones(decoder.lines, np.float32), np.zeros(decoder.lines, np.float32)

    def after(*spikes: int) -> List[np.ndarray]:
        decoder.reset()
        return [decoder.step(spike if tick in spikes else silence) for tick in range(SETTLED * SMOOTH_TICKS)]

    rest, single = after(), after(0)
    at_once = np.abs(single[0] - rest[0]).max()
    one, two, apart = (values[-1] - rest[-1] for values in (single, after(0, 1), after(0, 7)))
    stays = np.abs(one).max()
    return bool(stays > at_once / 10 > 0 and np.abs(two - 2 * one).max() < stays / 2
                and np.abs(two - apart).max() < stays / 2)


def _meta_of(topic: str) -> str:
    """The metas that a subscription needs: a bundle's does not say which streams are in it."""
    return "meta/" + topic[len("spikes/"):] if topic.startswith("spikes/") else "meta/"


def _dense(frame: wire.Frame) -> np.ndarray:
    return frame.dense().astype(np.float32, copy=False)
