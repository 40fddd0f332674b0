"""The file of a recording to the byte: docs/RECORDING.md. What is in a record is nothing to this module.

SPDX-License-Identifier: Apache-2.0
"""
from __future__ import annotations

import json
import os
import struct
from typing import Any, BinaryIO, Dict, Iterator, List, NamedTuple, Optional, Sequence, Tuple

from ._crc32c import crc32c

MAGIC, CHUNK_MAGIC = b"SPKREC1\n", b"SPKC"
FILE_HEADER = struct.Struct("<8sIIqQ")
CHUNK_HEADER = struct.Struct("<4sBBHIIIIqqII")
RECORD = struct.Struct("<IIq")
HEADER_MAX, CHUNK_MAX = 1 << 20, 1 << 30
RECORDS = 1  # the type of chunks that hold records
CODECS = ("none", "zstd")
BLOCK = 1 << 16


class RecordingError(ValueError):
    """A file that is no recording, or that cannot be read here."""


class Chunk(NamedTuple):
    """Where a chunk lies, and what its header says."""

    offset: int  #: of its payload in the file
    type: int
    codec: int
    stored: int
    raw: int
    records: int
    checksum: int
    first_ns: int
    last_ns: int
    number: int

    @property
    def end(self) -> int:
        return self.offset + self.stored


def zstd() -> Any:
    """(compress, decompress): functions of bytes, the latter also of the length that comes out."""
    try:
        import zstandard
    except ImportError:
        raise RecordingError("a compressed recording needs the Python package zstandard (Debian: python3-zstandard); "
                             "`spikectl cut` can write the same without compression") from None

    def decompress(data: bytes, size: int) -> bytes:
        try:
            return zstandard.ZstdDecompressor().decompress(data, max_output_size=size)
        except zstandard.ZstdError as error:
            raise RecordingError(f"zstd: {error}") from None

    return zstandard.ZstdCompressor(level=3).compress, decompress


def read_file_header(file: BinaryIO, name: str) -> Tuple[Dict[str, Any], int, int]:
    """(its JSON, when the file was begun, where the first chunk begins)."""
    file.seek(0)
    head = file.read(FILE_HEADER.size)
    if not head.startswith(MAGIC):
        if MAGIC.startswith(head[:len(MAGIC)]):
            raise RecordingError(f"{name} ends after {len(head)} bytes, within its file header: nothing was recorded")
        raise RecordingError(f"{name} is no recording of spiked: it begins with {head[:8]!r}, not {MAGIC!r}")
    if len(head) == FILE_HEADER.size:
        _, size, checksum, began_ns, _ = FILE_HEADER.unpack(head)
        if not FILE_HEADER.size <= size <= HEADER_MAX:
            raise RecordingError(f"{name}: the file header says that it is {size} bytes long; it is damaged")
        text = file.read(size - FILE_HEADER.size)
        if len(text) == size - FILE_HEADER.size:
            if crc32c(head[16:] + text) != checksum:
                raise RecordingError(f"{name}: the file header's checksum does not fit; it is damaged")
            try:
                document = json.loads(text)
            except ValueError as error:
                raise RecordingError(f"{name}: the file header's text is no JSON: {error}") from None
            return (document if isinstance(document, dict) else {}), began_ns, size
    raise RecordingError(f"{name} ends within its file header: nothing was recorded")


def _chunk(head: bytes, offset: int) -> Optional[Chunk]:
    if len(head) < CHUNK_HEADER.size or not head.startswith(CHUNK_MAGIC):
        return None
    (_, kind, codec, _, stored, raw, records, checksum, first_ns, last_ns, number,
     own) = CHUNK_HEADER.unpack(head)
    if stored > CHUNK_MAX or raw > CHUNK_MAX or crc32c(head[:CHUNK_HEADER.size - 4]) != own:
        return None
    return Chunk(offset + CHUNK_HEADER.size, kind, codec, stored, raw, records, checksum, first_ns, last_ns, number)


def _next_chunk(file: BinaryIO, offset: int) -> Optional[Chunk]:
    """The first good chunk header from `offset` on, by looking at every byte."""
    while True:
        file.seek(offset)
        block = file.read(BLOCK)
        if len(block) < CHUNK_HEADER.size:
            return None
        at = block.find(CHUNK_MAGIC)
        while 0 <= at <= len(block) - CHUNK_HEADER.size:
            found = _chunk(block[at:at + CHUNK_HEADER.size], offset + at)
            if found:
                return found
            at = block.find(CHUNK_MAGIC, at + 1)
        # A header that begins near the block's end is looked at again with the next block.
        offset += len(block) - CHUNK_HEADER.size + 1


def read_chunks(file: BinaryIO, offset: int) -> Tuple[List[Chunk], List[str], int]:
    """All whole chunks from `offset` on, sentences about what was damaged between them, and how many
    bytes at the end are no whole chunk."""
    size = file.seek(0, os.SEEK_END)
    chunks: List[Chunk] = []
    damage: List[str] = []
    while offset < size:
        file.seek(offset)
        found = _chunk(file.read(CHUNK_HEADER.size), offset)
        if found is None:
            found = _next_chunk(file, offset + 1)
            if found is None or found.end > size:
                return chunks, damage, size - offset
            damage.append(f"bytes {offset} to {found.offset - CHUNK_HEADER.size - 1} hold no chunk")
        if found.end > size:
            return chunks, damage, size - offset
        chunks.append(found)
        offset = found.end
    return chunks, damage, 0


def read_payload(file: BinaryIO, chunk: Chunk) -> bytes:
    """The chunk's records, decompressed. Raises RecordingError with a sentence."""
    file.seek(chunk.offset)
    stored = file.read(chunk.stored)
    if len(stored) != chunk.stored or crc32c(stored) != chunk.checksum:
        raise RecordingError(f"chunk {chunk.number} at byte {chunk.offset - CHUNK_HEADER.size}: the checksum does not fit")
    if chunk.codec == 0:
        return stored
    if chunk.codec != 1:
        raise RecordingError(f"chunk {chunk.number} is compressed in a way that this version does not know ({chunk.codec})")
    payload = zstd()[1](stored, chunk.raw)
    if len(payload) != chunk.raw:
        raise RecordingError(f"chunk {chunk.number}: {len(payload)} bytes instead of {chunk.raw} once decompressed")
    return payload


_LENGTHS = [struct.Struct(f"<{n}I") for n in range(8)]


def walk(payload: bytes) -> Iterator[Tuple[int, int, Tuple[int, ...]]]:
    """(time, where its first frame begins, the frames' lengths) of every record. Raises RecordingError
    at one that does not fit."""
    at, end = 0, len(payload)
    unpack = RECORD.unpack_from
    while at < end:
        if end - at < RECORD.size:
            break
        size, count, time_ns = unpack(payload, at)
        first = at + RECORD.size + 4 * count
        if not 1 <= count <= 65535 or at + 4 + size > end or first > end:
            break
        lengths = (_LENGTHS[count] if count < 8 else struct.Struct(f"<{count}I")).unpack_from(payload, at + RECORD.size)
        if first + sum(lengths) != at + 4 + size:
            break
        yield time_ns, first, lengths
        at += 4 + size
    if at != end:
        raise RecordingError(f"the record at byte {at} of its chunk does not fit in there")


def record_bytes(frames: Sequence[bytes], time_ns: int) -> bytes:
    lengths = [len(frame) for frame in frames]
    return b"".join((RECORD.pack(12 + 4 * len(lengths) + sum(lengths), len(lengths), time_ns),
                     struct.pack(f"<{len(lengths)}I", *lengths), *frames))


def file_header_bytes(text: Dict[str, Any], began_ns: int) -> bytes:
    encoded = json.dumps(text, ensure_ascii=False, separators=(",", ":")).encode()
    size = FILE_HEADER.size + len(encoded)
    if size > HEADER_MAX:
        raise RecordingError(f"the file header's text has {len(encoded)} bytes; at most {HEADER_MAX - FILE_HEADER.size} fit")
    tail = struct.pack("<qQ", began_ns, 0) + encoded
    return MAGIC + struct.pack("<II", size, crc32c(tail)) + tail


def chunk_header_bytes(codec: int, stored: bytes, raw: int, records: int, first_ns: int, last_ns: int,
                       number: int) -> bytes:
    head = CHUNK_HEADER.pack(CHUNK_MAGIC, RECORDS, codec, 0, len(stored), len(raw), records, crc32c(stored), first_ns,
                             last_ns, number, 0)[:-4]
    return head + struct.pack("<I", crc32c(head))
