"""libspiked-encoders through ctypes: finding it, its functions, its errors as exceptions.

ctypes releases the interpreter's lock for each call, so pipelines run beside each other in threads.

SPDX-License-Identifier: Apache-2.0
"""
from __future__ import annotations

import ctypes
import functools
import os
import weakref
from ctypes import POINTER, Structure, byref, c_bool, c_char_p, c_double, c_int, c_size_t, c_uint, \
    c_uint32, c_uint64, c_void_p
from pathlib import Path
from typing import Any, Callable, List, Tuple

SONAME = "libspiked-encoders.so.0"
BUNDLED = Path(__file__).resolve().parent / "_lib"
SOURCE = Path(__file__).resolve().parents[3]  # when this is a checkout of spiked
VARIABLE = "SPIKED_ENCODERS_LIB"
WHY_BYTES = 8192


class LibraryMissing(ImportError):
    """libspiked-encoders is not to be found: nothing is encoded or decoded without it. The rest of
    the package does not need it."""


class Info(Structure):
    _fields_ = [("output", c_int), ("channels", c_uint32), ("lines", c_uint32), ("state_lines", c_uint32),
                ("window", c_uint32), ("ticks", c_uint32), ("dt", c_double)]


class Preset(Structure):
    _fields_ = [("channels", c_uint32), ("window", c_uint32), ("dt", c_double), ("seed", c_uint64),
                ("has_seed", c_bool), ("name", c_char_p)]


class Out(Structure):
    _fields_ = [("spikes", c_void_p), ("lines", c_void_p), ("state", c_void_p), ("values", c_void_p),
                ("counts", c_void_p)]


# name: result, arguments; `why` and its size are the last two where a function can fail.
FUNCTIONS = {
    "spiked_pipeline_new": (c_void_p, c_char_p, c_size_t, POINTER(Preset), c_char_p, c_size_t),
    "spiked_pipeline_free": (None, c_void_p),
    "spiked_pipeline_info": (None, c_void_p, POINTER(Info)),
    "spiked_pipeline_run": (c_size_t, c_void_p, c_void_p, c_size_t, POINTER(Out)),
    "spiked_pipeline_reset": (None, c_void_p),
    "spiked_pipeline_set": (c_int, c_void_p, c_uint, c_char_p, c_char_p, c_char_p, c_size_t),
    "spiked_pipeline_saved_size": (c_size_t, c_void_p),
    "spiked_pipeline_save": (None, c_void_p, c_char_p),
    "spiked_pipeline_load": (c_int, c_void_p, c_char_p, c_size_t, c_char_p, c_size_t),
    "spiked_decoder_new": (c_void_p, c_void_p, c_double, c_char_p, c_size_t),
    "spiked_decoder_free": (None, c_void_p),
    "spiked_decoder_info": (None, c_void_p, POINTER(c_uint), POINTER(c_uint32)),
    "spiked_decoder_follows": (c_bool, c_void_p),
    "spiked_decoder_needs_first": (c_bool, c_void_p),
    "spiked_decoder_reset": (c_int, c_void_p, c_void_p),
    "spiked_decoder_run": (None, c_void_p, c_void_p, c_size_t, c_void_p),
    "spiked_decoder_step": (None, c_void_p, c_void_p, c_bool, c_void_p),
    "spiked_decoder_miss": (None, c_void_p, c_uint64, c_bool),
    "spiked_decoder_silence": (None, c_void_p, c_uint64, c_bool),
    "spiked_decoder_resume": (c_int, c_void_p, c_void_p),
    "spiked_decoder_carry": (c_bool, c_void_p, c_void_p),
    "spiked_decoder_unknown": (c_int, c_void_p),
    "spiked_encoders_version": (c_char_p,),
    "spiked_encoders_kernels": (c_char_p,),
}


def candidates() -> List[str]:
    """Where the library may be, best first. One that is named by hand is the only one."""
    named = os.environ.get(VARIABLE)
    if named:
        return [named]
    built = [str(SOURCE / "build" / "encoders" / SONAME)] if (SOURCE / "encoders" / "classes.def").exists() else []
    return [str(BUNDLED / SONAME), *built, SONAME]


def open_first(paths: List[str]) -> Tuple[ctypes.CDLL, str]:
    errors = []
    for path in paths:
        if os.sep in path and not os.path.exists(path):
            errors.append(f"there is no {path}")
            continue
        try:
            return ctypes.CDLL(path), path
        except OSError as error:
            errors.append(str(error))
    why = BUNDLED / "missing.txt"
    if why.exists():
        errors.append(f"this package was built without it: {why.read_text().strip()}")
    raise LibraryMissing(
        f"{SONAME} is needed to encode and decode, and is not there ({'; '.join(errors)}). Build it with "
        f"`cmake -S . -B build && cmake --build build` in spiked's source and install it, or install the "
        f"wheel of `scripts/wheel`, or set {VARIABLE} to the file", name="libspiked-encoders")


@functools.lru_cache(maxsize=None)
def load() -> ctypes.CDLL:
    """The library, opened at its first use. Raises LibraryMissing."""
    lib, path = open_first(candidates())
    for name, (result, *arguments) in FUNCTIONS.items():
        try:
            function = getattr(lib, name)
        except AttributeError:
            raise LibraryMissing(f"{path} has no {name}: it is not the libspiked-encoders that this package "
                                 "was made for", name="libspiked-encoders") from None
        function.restype, function.argtypes = result, arguments
    return lib


class Why:
    """The sentence that a failing function writes."""

    def __init__(self) -> None:
        self.buffer = buffer(WHY_BYTES)

    @property
    def arguments(self) -> Tuple[ctypes.Array, int]:
        return self.buffer, WHY_BYTES

    def error(self) -> ValueError:
        return ValueError(self.buffer.value.decode("utf-8", "replace") or "libspiked-encoders gave no reason")


def buffer(size: int) -> ctypes.Array:
    return ctypes.create_string_buffer(max(1, size))


def free_with(owner: Any, free: Callable[[int], None], handle: int) -> None:
    """Frees a handle when its owner goes; not at the interpreter's exit, where a daemon thread may
    still be at work in it."""
    weakref.finalize(owner, free, handle).atexit = False


def info(pipeline: int) -> Info:
    result = Info()
    load().spiked_pipeline_info(pipeline, byref(result))
    return result


def decoder_info(decoder: int) -> Tuple[int, int]:
    """The stage into which the decoded values came, and how many there are a tick."""
    stage, width = c_uint(), c_uint32()
    load().spiked_decoder_info(decoder, byref(stage), byref(width))
    return stage.value, width.value
