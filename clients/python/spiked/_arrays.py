"""Arrays on their way to the library and back: numpy, and torch where the caller has it.

torch is never imported here: who has a tensor has imported it.

SPDX-License-Identifier: Apache-2.0
"""
from __future__ import annotations

import sys
from typing import Any, Callable, Optional, Tuple

import numpy as np

Back = Callable[[np.ndarray], Any]


def is_tensor(value: Any) -> bool:
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, getattr(torch, "Tensor", ()))


def rows(value: Any, what: str) -> Tuple[np.ndarray, Back]:
    """`value` as float32 of shape (T, C), C-contiguous: itself, if it is that already. And the way
    back: a function that makes a result the caller's kind of array."""
    back: Back = lambda array: array  # noqa: E731
    if is_tensor(value):
        torch, device = sys.modules["torch"], value.device
        if value.is_complex():
            raise ValueError(f"{what} of {value.dtype}: give real numbers")
        # Wider than numpy knows (bfloat16), on another device, or part of a graph: torch converts.
        value = value.detach().to("cpu", torch.float32).contiguous().numpy()
        back = lambda array: torch.from_numpy(array).to(device)  # noqa: E731
    if isinstance(value, np.ma.MaskedArray):
        value = value.astype(np.float32).filled(np.nan)
    array = np.asarray(value)
    if array.dtype.kind not in "biuf":
        raise ValueError(f"{what} of {array.dtype}: give real numbers")
    if array.ndim == 1:
        array = array[:, np.newaxis]
    if array.ndim != 2:
        raise ValueError(f"{what} of shape {array.shape}: give (T,) for one channel or (T, channels); "
                         "a batch is more channels: reshape(T, -1)")
    with np.errstate(over="ignore"):  # an infinity is held at the range's end
        return np.ascontiguousarray(array, np.float32), back


def wanted(dtype: Any) -> Tuple[Optional[np.dtype], Callable[[Any], Any]]:
    """A dtype of numpy's or of torch's as (numpy's, what remains to be done to a tensor)."""
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(dtype, getattr(torch, "dtype", ())):
        try:
            return np.dtype(str(dtype).split(".")[-1]), lambda tensor: tensor
        except TypeError:
            return np.dtype(np.float32), lambda tensor: tensor.to(dtype)
    return None if dtype is None else np.dtype(dtype), lambda array: array


def converted(array: np.ndarray, dtype: Optional[np.dtype]) -> np.ndarray:
    """`array` in another dtype, or ValueError where that would change a number beyond rounding."""
    if dtype is None or dtype == array.dtype:
        return array
    if dtype.kind not in "biuf":
        raise ValueError(f"dtype {dtype} is no type of real numbers")
    if dtype.kind != "f" and array.size:
        low, high = (0, 1) if dtype.kind == "b" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
        if array.min() < low or array.max() > high:
            raise ValueError(f"{dtype} does not hold {array.min():g} to {array.max():g}")
        if array.dtype.kind == "f" and not np.array_equal(array, np.rint(array)):
            raise ValueError(f"{dtype} holds whole numbers only, and these have fractions")
    with np.errstate(over="ignore"):
        result = array.astype(dtype)
    if dtype.kind == "f" and not np.array_equal(np.isfinite(result), np.isfinite(array)):
        raise ValueError(f"{dtype} does not hold {np.abs(array[np.isinf(result) & np.isfinite(array)]).max():g}")
    return result
