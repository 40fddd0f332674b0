"""CRC-32C (Castagnoli) with numpy: the checksum of recordings.

A buffer is cut into lanes of equal length, whose checksums are computed side by side; those of neighbours
are then joined, pair by pair, for which the checksum of the front one is moved on by the length of the other.

SPDX-License-Identifier: Apache-2.0
"""
from __future__ import annotations

import functools
from typing import Any

import numpy as np

POLYNOMIAL = 0x82F63B78  # 0x1EDC6F41, reflected
LANE = 256  # bytes
SHORT = 512  # bytes up to which plain Python is quicker


def _one_byte() -> np.ndarray:
    crc = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        crc = np.where(crc & 1, crc >> 1 ^ np.uint32(POLYNOMIAL), crc >> 1)
    return crc.astype(np.uint32)


_BYTE = _one_byte()
_BYTES = _BYTE.tolist()


@functools.lru_cache(None)
def _two_bytes() -> np.ndarray:
    both = np.arange(65536, dtype=np.uint32)
    first = both >> 8 ^ _BYTE[both & 0xFF]
    return first >> 8 ^ _BYTE[first & 0xFF]


def _tables(columns: np.ndarray) -> np.ndarray:
    """A linear map, given as the images of the 32 bits, as a table for each of the four bytes."""
    tables = np.zeros((4, 256), np.uint32)
    for bit in range(8):
        has = (np.arange(256) >> bit & 1).astype(bool)
        for byte in range(4):
            tables[byte, has] ^= columns[8 * byte + bit]
    return tables


def _moved(tables: np.ndarray, crc: np.ndarray) -> np.ndarray:
    return (tables[0][crc & 0xFF] ^ tables[1][crc >> 8 & 0xFF] ^ tables[2][crc >> 16 & 0xFF]
            ^ tables[3][crc >> 24])


@functools.lru_cache(None)
def _skip(doublings: int) -> np.ndarray:
    """Moves a checksum on over LANE << doublings bytes of 0."""
    if doublings:
        half = _skip(doublings - 1)
        return _tables(_moved(half, _moved(half, np.uint32(1) << np.arange(32, dtype=np.uint32))))
    columns = np.uint32(1) << np.arange(32, dtype=np.uint32)
    for _ in range(LANE):
        columns = columns >> 8 ^ _BYTE[columns & 0xFF]
    return _tables(columns)


def crc32c(data: Any) -> int:
    """The checksum of bytes; of b"123456789" it is 0xE3069283."""
    view = memoryview(data)
    if view.nbytes <= SHORT:
        crc = 0xFFFFFFFF
        for byte in view.cast("B"):
            crc = crc >> 8 ^ _BYTES[(crc ^ byte) & 0xFF]
        return crc ^ 0xFFFFFFFF
    # Zeros in front change nothing once the start value has gone into the first four bytes.
    size = view.nbytes
    lanes = -(-size // LANE)
    padded = np.zeros(lanes * LANE, np.uint8)
    padded[lanes * LANE - size:] = np.frombuffer(view, np.uint8)
    padded[lanes * LANE - size:][:4] ^= 0xFF
    columns = np.ascontiguousarray(padded.view("<u2").reshape(lanes, LANE // 2).T)
    table, crc = _two_bytes(), np.zeros(lanes, np.uint32)
    for column in columns:
        crc = crc >> 16 ^ table[(crc ^ column) & 0xFFFF]
    doublings = 0
    while len(crc) > 1:
        if len(crc) % 2:
            crc = np.concatenate((np.zeros(1, np.uint32), crc))
        crc = _moved(_skip(doublings), crc[0::2]) ^ crc[1::2]
        doublings += 1
    return int(crc[0]) ^ 0xFFFFFFFF
