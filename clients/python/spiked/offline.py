"""spiked's encoders without the daemon: arrays of values to arrays of spikes, and back.

The spikes are the daemon's, bit for bit: a network that is trained on `encode` gets the same ones live.

SPDX-License-Identifier: Apache-2.0
"""
from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any, Callable, Dict, Iterator, NamedTuple, Optional, Tuple

import numpy as np

from . import _arrays, _library, _text
from ._library import LibraryMissing

OUTPUTS = {1: "values", 2: "spikes", 4: "signed", 8: "graded", 16: "counts"}
UNKNOWN = ("", "ticks", "spikes", "values", "window", "reset")
NS = 1e-9  # s; times that are nearer are the same
BLOCK = 1 << 22  # numbers of a dense block, where only the spikes of it are kept


class Run(NamedTuple):
    """What a run gave, when more than its lines was asked for."""

    lines: Any  #: (T x ticks, lines)
    state: Optional[Any] = None  #: float32 (T x ticks, state lines): a LIF's voltages after the reset …
    mapped: Optional[Any] = None  #: float32 (T x ticks, channels): the values after `range`


@dataclass
class Events:
    """Spikes as a list instead of an array: one entry each, by tick, then by line."""

    ticks: np.ndarray  #: int64, from the first tick of the call
    lines: np.ndarray  #: uint32
    values: np.ndarray  #: 1 or -1 (int8), the spike's value (float32), or how many they are (int32)
    shape: Tuple[int, int]  #: ticks and lines that there were

    def __len__(self) -> int:
        return len(self.ticks)

    def dense(self) -> np.ndarray:
        """The array that `encode` gives."""
        result = np.zeros(self.shape, self.values.dtype)
        result[self.ticks, self.lines] = self.values
        return result


class Pipeline:
    """A stream's encoders with their state, which goes on from call to call.

    pipeline   a list of stages (`[{"range": {"lo": 0, "hi": 5}}, "lif"]`) or a stream's entry as in
               the daemon's configuration: as YAML text, or as Python lists and dicts; a stage's name;
               or the pathlib.Path of a configuration file, with `stream` for the name of one of its streams
    channels   values in a row; not needed where `pipeline` says it
    dt         seconds a tick; 0.001 where nothing says otherwise
    window     ticks for which each row is used, with the state cleared before; 0 = state persists
    seed, name of the random stages: a stream of this name and seed in the daemon draws the same numbers

    What `pipeline` itself says about these goes first; a channels, dt or window that contradicts it is
    refused. Raises ValueError with the reason and its line and column, LibraryMissing without the
    library. May be used by several threads (their calls wait in line); different pipelines run at
    the same time, since the interpreter's lock is released. Can be pickled and copied with its state.
    """

    def __init__(self, pipeline: Any, channels: Optional[int] = None, *, dt: Optional[float] = None,
                 window: Optional[int] = None, seed: Optional[int] = None, name: Optional[str] = None,
                 stream: Optional[str] = None) -> None:
        described = _text.describe(pipeline, stream)
        if seed is None:
            seed = described.seed
        of_file = _seconds(described.dt) if described.dt is not None else None
        self._make(described.text, dict(channels=_count("channels", channels), dt=_dt(dt) or of_file,
                                        window=_count("window", window), seed=_seed(seed), name=name))
        for what, asked, is_now in (("channels", channels, self.channels), ("dt", dt, self.dt),
                                    ("window", window, self.window)):
            if asked is not None and abs(asked - is_now) > NS:
                raise ValueError(f"{what}: the pipeline's own text says {is_now:g}, the argument {asked:g}; "
                                 "leave one of them out")

    def _make(self, text: str, preset: dict) -> None:
        self._text, self._preset, self._changes = text, preset, {}
        self._lib = lib = _library.load()
        self._lock = threading.Lock()
        seed = preset["seed"]
        why, data = _library.Why(), text.encode()
        self._handle = lib.spiked_pipeline_new(data, len(data), _library.byref(_library.Preset(
            channels=preset["channels"] or 0, window=preset["window"] or 0, dt=preset["dt"] or 0.0,
            seed=seed or 0, has_seed=seed is not None,
            name=None if preset["name"] is None else preset["name"].encode())), *why.arguments)
        if not self._handle:
            raise why.error()
        _library.free_with(self, lib.spiked_pipeline_free, self._handle)
        self._info = _library.info(self._handle)

    @property
    def channels(self) -> int:
        """Values in a row."""
        return self._info.channels

    @property
    def lines(self) -> int:
        """Output lines a tick."""
        return self._info.lines

    @property
    def state_lines(self) -> int:
        """Values of `state` a tick; 0 = it has none."""
        return self._info.state_lines

    @property
    def output(self) -> str:
        """"spikes" (0, 1), "signed" (-1, 0, 1), "graded" (the spike's value, 0 = none), "counts"
        (spikes a tick, negative ones below 0) or "values" (there is no encoder)."""
        return OUTPUTS[self._info.output]

    @property
    def window(self) -> int:
        """Ticks for which each row is used; 0 = state persists."""
        return self._info.window

    @property
    def ticks(self) -> int:
        """Ticks a row: the window, or 1."""
        return self._info.ticks

    @property
    def dt(self) -> float:
        """Seconds a tick."""
        return self._info.dt

    def run(self, rows: Any, *, state: bool = False, mapped: bool = False, dtype: Any = None) -> Any:
        """Runs (T, channels) values, or (T,) of one channel, and returns (T x ticks, lines): int8 for
        spikes and signed ones, int32 for counts, float32 for graded spikes and values, or `dtype`.
        With `state` or `mapped`: a Run, which has these too.

        float32 in C order is read where it lies; other real types are rounded to float32 first. A NaN
        (or masked entry) is no sample: the channel keeps its last value, 0 before the first. A torch
        tensor gives tensors on its device, detached.
        """
        array, back = _arrays.rows(rows, "rows")
        dtype, rest = _arrays.wanted(dtype)
        self._check(array)
        result = Run(*self._dense(array, state, mapped, dtype))
        if not state and not mapped:
            return rest(back(result.lines))
        return Run(rest(back(result.lines)), *(None if a is None else back(a) for a in result[1:]))

    def events(self, rows: Any) -> Events:
        """Runs rows as `run` does, and gives the spikes as a list. Memory goes by their number."""
        array, _ = _arrays.rows(rows, "rows")
        self._check(array)
        step = max(1, BLOCK // max(1, self.ticks * self.lines))
        parts, at = [], 0
        for block in (array[i:i + step] for i in range(0, max(1, len(array)), step)):
            dense = self._dense(block, False, False, None)[0]
            ticks, lines = np.nonzero(dense)
            parts.append((ticks + at, lines.astype(np.uint32), dense[ticks, lines]))
            at += len(dense)
        ticks, lines, values = (np.concatenate(each) for each in zip(*parts))
        return Events(ticks, lines, values, (at, self.lines))

    def _check(self, array: np.ndarray) -> None:
        if array.shape[1] != self.channels:
            raise ValueError(f"rows of {array.shape[1]} channels; the pipeline has {self.channels}")

    def _dense(self, array: np.ndarray, state: bool, mapped: bool,
               dtype: Optional[np.dtype]) -> Tuple[np.ndarray, Optional[np.ndarray], Optional[np.ndarray]]:
        if state and not self.state_lines:
            raise ValueError("state: no stage of this pipeline has one")
        ticks = len(array) * self.ticks
        small = self._info.output in (2, 4) and dtype != np.float32
        lines = np.empty((ticks, self.lines), np.int8 if small else np.float32)
        states = np.empty((ticks, self.state_lines), np.float32) if state else None
        values = np.empty((ticks, self.channels), np.float32) if mapped else None
        with self._lock:
            self._lib.spiked_pipeline_run(self._handle, array.ctypes.data, len(array), _library.byref(
                _library.Out(spikes=lines.ctypes.data if small else None,
                             lines=None if small else lines.ctypes.data,
                             state=None if states is None else states.ctypes.data,
                             values=None if values is None else values.ctypes.data)))
        if self.output == "counts" and dtype is None:
            dtype = np.dtype(np.int32)
        return _arrays.converted(lines, dtype), states, values

    def reset(self) -> None:
        """As new: state cleared, random numbers from their first on."""
        with self._lock:
            self._lib.spiked_pipeline_reset(self._handle)

    def set(self, stage: int, param: str, value: Any) -> None:
        """Changes a parameter that may change live; the state goes on. Stage 0 is the first of
        `range` and `encode`."""
        if isinstance(stage, bool) or not isinstance(stage, (int, np.integer)) or stage < 0:
            raise ValueError(f"stage is a number from 0 on, not {stage!r}")
        if stage > 0xffffffff:  # which ctypes would cut
            raise ValueError(f"there is no stage {stage}")
        self._set(int(stage), param, _text.to_text(value))

    def _set(self, stage: int, param: str, text: str) -> None:
        why = _library.Why()
        with self._lock:
            if self._lib.spiked_pipeline_set(self._handle, stage, param.encode(), text.encode(),
                                             *why.arguments) < 0:
                raise why.error()
            self._changes[stage, param] = text

    def save(self) -> bytes:
        """The state: `load` of the same pipeline takes it on any machine."""
        with self._lock:
            size = self._lib.spiked_pipeline_saved_size(self._handle)
            buffer = _library.buffer(size)
            self._lib.spiked_pipeline_save(self._handle, buffer)
            return buffer.raw[:size]

    def load(self, state: bytes) -> None:
        """Goes on from a saved state. ValueError, with the state as it was, for one that is not this
        pipeline's."""
        why, state = _library.Why(), bytes(state)
        with self._lock:
            if self._lib.spiked_pipeline_load(self._handle, state, len(state), *why.arguments) < 0:
                raise why.error()

    def decoder(self, smooth: float = 0.0, first: Any = None) -> "Decoder":
        """The way back; see Decoder. ValueError if the last stage cannot be decoded."""
        return Decoder(self, smooth, first)

    def __reduce__(self) -> Tuple[Callable, Tuple]:
        return _restore, (self._text, self._preset, self._changes, self.save())

    def __repr__(self) -> str:
        window = f", window {self.window}" if self.window else ""
        return (f"<spiked.Pipeline {self.channels} channels -> {self.lines} lines of {self.output}, "
                f"dt {self.dt:g} s{window}>")


class Decoder:
    """Values from a pipeline's spikes, tick by tick, with a state of its own.

    smooth   seconds over which rates are averaged; 0 = ten ticks
    first    the first row (channels values), for encoders that only tell of changes: without it their
             values count from 0

    It goes back through as many stages as can be inverted: `stage` is the one whose input the values are
    (0 = the rows themselves), `width` how many there are a tick. `follows`: it adds up changes, and a
    lost tick leaves an error behind for ever; `needs_first`: no spike tells where it begins. What each
    encoder loses, its page in docs/ENCODERS.md says.

    Live, `miss` tells it of ticks that it does not see. Values that it cannot know then are NaN, until
    enough has been heard again; `unknown` says what they wait for.
    """

    def __init__(self, pipeline: Pipeline, smooth: float = 0.0, first: Any = None) -> None:
        if not 0 <= smooth < float("inf"):
            raise ValueError(f"smooth is seconds, 0 for ten ticks, not {smooth!r}")
        self._lib, self._lock = pipeline._lib, threading.Lock()
        why = _library.Why()
        with pipeline._lock:
            self._handle = self._lib.spiked_decoder_new(pipeline._handle, smooth, *why.arguments)
        if not self._handle:
            raise why.error()
        _library.free_with(self, self._lib.spiked_decoder_free, self._handle)
        self.channels, self.lines = pipeline.channels, pipeline.lines
        self.stage, self.width = _library.decoder_info(self._handle)
        self.follows: bool = self._lib.spiked_decoder_follows(self._handle)
        self.needs_first: bool = self._lib.spiked_decoder_needs_first(self._handle)
        if first is not None:
            self.reset(first)

    def reset(self, first: Any = None) -> None:
        """Begins anew, with the encoder."""
        row = None if first is None else self._row("first", first)
        with self._lock:
            if self._lib.spiked_decoder_reset(self._handle, None if row is None else row.ctypes.data) < 0:
                raise MemoryError("no memory to begin a decoder")

    def _row(self, what: str, values: Any) -> np.ndarray:
        row = _row(values)
        if len(row) != self.channels:
            raise ValueError(f"{what} has {len(row)} values; the pipeline has {self.channels} channels")
        return row

    def run(self, spikes: Any) -> Any:
        """(T, lines) as a pipeline gave them, of any real type, to (T, width) float32. Windows begin
        every `window` ticks from the last reset on; calls go on where the last one ended."""
        array, back = _arrays.rows(spikes, "spikes")
        self._check(array.shape[1])
        values = np.empty((len(array), self.width), np.float32)
        with self._lock:
            self._lib.spiked_decoder_run(self._handle, array.ctypes.data, len(array), values.ctypes.data)
        return back(values)

    def step(self, spikes: np.ndarray, window_begins: bool = False) -> np.ndarray:
        """One tick: (lines,) to (width,), with a window that begins where the caller says."""
        array = np.ascontiguousarray(spikes, np.float32).reshape(-1)
        self._check(len(array))
        values = np.empty(self.width, np.float32)
        with self._lock:
            self._lib.spiked_decoder_step(self._handle, array.ctypes.data, window_begins, values.ctypes.data)
        return values

    def miss(self, ticks: Optional[int] = None, exact: bool = True) -> None:
        """So many ticks ran that it did not see (None: nothing is known of it); not `exact`: or fewer."""
        with self._lock:
            self._lib.spiked_decoder_miss(self._handle, *_ticks(ticks, exact))

    def silence(self, ticks: int, exact: bool = True) -> None:
        """So many ticks without a spike ran, in one window: as so many steps."""
        with self._lock:
            self._lib.spiked_decoder_silence(self._handle, *_ticks(ticks, exact))

    def resume(self, row: Any) -> None:
        """The row that the encoder was fed at the tick of the last step: channels that add up changes and
        are not known go on from there, if that tick's spikes say that the encoder is near it."""
        row = self._row("row", row)
        with self._lock:
            if self._lib.spiked_decoder_resume(self._handle, row.ctypes.data) < 0:
                raise MemoryError("no memory to resume a decoder")

    def carry(self, before: "Decoder") -> bool:
        """Goes on from where `before` has come to, of the same pipeline before parameters were set. False:
        it is of another one."""
        with self._lock, before._lock:
            return self._lib.spiked_decoder_carry(self._handle, before._handle)

    @property
    def unknown(self) -> str:
        """What values that are not known wait for: "" (all are known), "ticks", "spikes", "values" (see
        resume), "window", "reset"."""
        with self._lock:
            return UNKNOWN[self._lib.spiked_decoder_unknown(self._handle)]

    def __reduce__(self) -> Tuple[Callable, Tuple]:
        raise TypeError("a decoder has no saved form: make it anew from its pipeline")

    def _check(self, lines: int) -> None:
        if lines != self.lines:
            raise ValueError(f"spikes of {lines} lines; the pipeline has {self.lines}")


def encode(pipeline: Any, values: Any, *, dt: Optional[float] = None, window: Optional[int] = None,
           seed: Optional[int] = None, name: Optional[str] = None, stream: Optional[str] = None,
           state: bool = False, mapped: bool = False, dtype: Any = None) -> Any:
    """The spikes of a whole signal, from fresh state: see Pipeline for the arguments, and Pipeline.run
    for the result.

        spikes = spiked.encode([{"range": {"lo": -20, "hi": 20}}, {"lif": {"v_th": 1}}], values, dt=0.001)
    """
    array, back = _arrays.rows(values, "values")
    p = Pipeline(pipeline, array.shape[1], dt=dt, window=window, seed=seed, name=name, stream=stream)
    dtype, rest = _arrays.wanted(dtype)
    result = p.run(array, state=state, mapped=mapped, dtype=dtype)
    if not state and not mapped:
        return rest(back(result))
    return Run(rest(back(result.lines)), *(None if each is None else back(each) for each in result[1:]))


def events(pipeline: Any, values: Any, *, dt: Optional[float] = None, window: Optional[int] = None,
           seed: Optional[int] = None, name: Optional[str] = None, stream: Optional[str] = None) -> Events:
    """As encode, with the spikes as a list (numpy arrays, also of a tensor)."""
    array, _ = _arrays.rows(values, "values")
    return Pipeline(pipeline, array.shape[1], dt=dt, window=window, seed=seed, name=name,
                    stream=stream).events(array)


def decode(pipeline: Any, spikes: Any, *, channels: Optional[int] = None, dt: Optional[float] = None,
           window: Optional[int] = None, smooth: float = 0.0, first: Any = None,
           stream: Optional[str] = None) -> Any:
    """The values of a whole signal, (T, width) float32, from the spikes that `encode` gave with the
    same pipeline, dt and window; see Decoder. `channels` is needed only where neither the pipeline
    nor `first` says it and several numbers of channels would give so many lines."""
    array, back = _arrays.rows(spikes, "spikes")
    if channels is None and first is not None:
        channels = len(_row(first))
    options = dict(dt=dt, window=window, stream=stream)
    for p in _fitting(pipeline, channels, array.shape[1], options):
        if p.lines == array.shape[1]:
            return back(p.decoder(smooth, first).run(array))
    raise ValueError(f"spikes of {array.shape[1]} lines; the pipeline has {p.lines} for {p.channels} channels")


def _fitting(pipeline: Any, channels: Optional[int], lines: int, options: dict) -> Iterator[Pipeline]:
    """Pipelines that may have these lines: as told, or with the channels that the fan-out leaves."""
    if channels is not None:
        yield Pipeline(pipeline, channels, **options)
        return
    try:
        p = Pipeline(pipeline, **options)  # its text says how many
    except ValueError:
        p = _any_fitting(pipeline, lines, options)
    yield p
    fitting = p.channels * lines // max(1, p.lines)
    if fitting and fitting * p.lines == p.channels * lines and fitting != p.channels:
        yield Pipeline(pipeline, fitting, **options)


def _any_fitting(pipeline: Any, lines: int, options: dict) -> Pipeline:
    """With as many channels as lines, or, where a parameter lists one value a channel, so many."""
    try:
        return Pipeline(pipeline, max(1, lines), **options)
    except ValueError as error:
        why = error
    for channels in range(lines // 2, 0, -1):
        if lines % channels == 0:
            try:
                return Pipeline(pipeline, channels, **options)
            except ValueError:
                pass
    raise why


def library() -> Tuple[str, str]:
    """Version of libspiked-encoders, and the instruction set that it uses here. Raises LibraryMissing."""
    lib = _library.load()
    return lib.spiked_encoders_version().decode(), lib.spiked_encoders_kernels().decode()


def _ticks(ticks: Optional[int], exact: bool) -> Tuple[int, bool]:
    return ((1 << 64) - 1, False) if ticks is None else (ticks, exact)


def _row(first: Any) -> np.ndarray:
    array, _ = _arrays.rows(first if np.ndim(first) else [first], "first")
    return array.reshape(-1)


def _restore(text: str, preset: dict, changes: Dict[Tuple[int, str], str], state: bytes) -> Pipeline:
    p = Pipeline.__new__(Pipeline)
    p._make(text, preset)
    left = list(changes.items())
    while left:  # a range's lo may have to wait until hi has made way for it, or hi for lo
        refused = []
        for (stage, param), value in left:
            try:
                p._set(stage, param, value)
            except ValueError as error:
                refused.append(((stage, param), value))
                why = error
        if len(refused) == len(left):
            raise why
        left = refused
    p.load(state)
    return p


def _seconds(text: str) -> float:
    """A configuration's dt, read by the library itself."""
    return Pipeline(f"{{channels: 1, dt: {text}, encode: []}}").dt


def _dt(value: Optional[float]) -> Optional[float]:
    if value is not None and not 0 < value < float("inf"):
        raise ValueError(f"dt is seconds above 0, not {value!r}")
    return None if value is None else float(value)


def _count(what: str, value: Optional[int]) -> Optional[int]:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or not 0 <= value < 1 << 31:
        raise ValueError(f"{what} is a whole number from 0 on, not {value!r}")
    return int(value)


def _seed(value: Optional[int]) -> Optional[int]:
    if value is not None and not 0 <= value < 1 << 64:
        raise ValueError(f"seed is a whole number from 0 to 2^64 - 1, not {value!r}")
    return None if value is None else int(value)


__all__ = ["Decoder", "Events", "LibraryMissing", "Pipeline", "Run", "decode", "encode", "events", "library"]
