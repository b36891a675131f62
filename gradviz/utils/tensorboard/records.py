"""Records in a file, each with checksums: how TensorBoard's event files hold their messages (TFRecord).

    8 bytes: N | 4 bytes: checksum of those | N bytes of message | 4 bytes: checksum of the message

The checksum is CRC-32C (Castagnoli), turned and shifted: data may hold checksums itself.
https://www.tensorflow.org/tutorials/load_data/tfrecord
"""

from __future__ import annotations

import functools
import struct
from collections.abc import Iterator
from typing import IO, Any

import numpy as np

POLYNOMIAL = 0x82F63B78  # CRC-32C's, lowest power first
ROW = 256  # bytes of a row where many rows are summed at once
MANY = 8192  # bytes from which that pays
HEADER, FOOTER = struct.Struct("<QI"), struct.Struct("<I")
LENGTH = struct.Struct("<Q")
LARGEST = 1 << 31  # bytes of one message: protobuf's own limit


class DamagedError(ValueError):
    """A record whose checksum is not that of what it holds."""


def _byte_table() -> list[int]:
    """What is left of each byte value after its eight bits went through the polynomial."""
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (POLYNOMIAL if value & 1 else 0)
        table.append(value)
    return table


TABLE = _byte_table()


def crc32c(data: bytes) -> int:
    """The CRC-32C checksum of some bytes."""
    if len(data) >= MANY:
        return _of_many(data)
    crc, table = 0xFFFFFFFF, TABLE
    for byte in data:
        crc = table[(crc ^ byte) & 255] ^ crc >> 8
    return crc ^ 0xFFFFFFFF


def _of_many(data: bytes) -> int:
    """The same, all rows of ROW bytes at once: the checksum is linear, so those of the rows can be joined.

    Zeros in front change nothing, and starting from ones is the same as inverting the first four bytes.
    """
    rows = -(-len(data) // ROW)
    padded = np.zeros(rows * ROW, np.uint8)
    start = rows * ROW - len(data)
    padded[start:] = np.frombuffer(data, np.uint8)
    padded[start : start + 4] ^= 255
    table = np.array(TABLE, np.uint32)
    sums = np.zeros(rows, np.uint32)
    for column in np.ascontiguousarray(padded.reshape(rows, ROW).T):
        sums = table[(sums ^ column) & 255] ^ sums >> np.uint32(8)
    first, second, third, fourth = _row_of_zeros()
    crc = 0
    for value in sums.tolist():
        crc = first[crc & 255] ^ second[crc >> 8 & 255] ^ third[crc >> 16 & 255] ^ fourth[crc >> 24] ^ value
    return crc ^ 0xFFFFFFFF


@functools.cache
def _row_of_zeros() -> list[list[int]]:
    """What a row of zeros makes of a checksum, for each value of each of its four bytes."""
    table = np.array(TABLE, np.uint32)
    sums = np.arange(256, dtype=np.uint32) << (np.arange(4, dtype=np.uint32) * np.uint32(8))[:, None]
    for _ in range(ROW):
        sums = table[sums & 255] ^ sums >> np.uint32(8)
    found: list[list[int]] = sums.tolist()
    return found


def masked_crc32c(data: bytes) -> int:
    """The checksum as records hold it."""
    crc = crc32c(data)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def framed(message: bytes) -> bytes:
    """A message as a record."""
    length = LENGTH.pack(len(message))
    return b"".join((length, FOOTER.pack(masked_crc32c(length)), message, FOOTER.pack(masked_crc32c(message))))


def records(file: IO[bytes], offset: int = 0) -> Iterator[tuple[bytes, int]]:
    """The whole records of a file from an offset on, each with the offset after it.

    Ends before a record that is not all there yet: the file may be growing. Raises DamagedError for a wrong checksum.
    """
    file.seek(offset)
    while len(header := file.read(HEADER.size)) == HEADER.size:
        length, checksum = HEADER.unpack(header)
        if checksum != masked_crc32c(header[: LENGTH.size]) or length > LARGEST:
            raise DamagedError(f"the length of the record at byte {offset} is damaged")
        message, footer = file.read(length), file.read(FOOTER.size)
        if len(footer) < FOOTER.size:
            return
        if FOOTER.unpack(footer)[0] != masked_crc32c(message):
            raise DamagedError(f"the record at byte {offset} is damaged")
        offset += HEADER.size + length + FOOTER.size
        yield message, offset


class RecordWriter:
    """Writes messages to an open file as records.

    Args:
        writer: anything with `write`, `flush`, `close` and `closed`
    """

    def __init__(self, writer: Any) -> None:
        self._writer = writer

    def write(self, data: bytes) -> None:
        """Writes one message."""
        self._writer.write(framed(data))

    def flush(self) -> None:
        """Hands what was written to the operating system."""
        self._writer.flush()

    def close(self) -> None:
        """Closes the file."""
        self._writer.close()

    @property
    def closed(self) -> bool:
        """Whether the file is closed."""
        return bool(self._writer.closed)
