"""torch's file: a zip archive with one pickle (`data.pkl`), one record per storage (`data/0`, ...) and a few notes.

    model.pth = zip( model/data.pkl, model/byteorder, model/data/0, model/data/1, ..., model/version )

Records are stored uncompressed and start at multiples of 64 bytes, so that a reader can map them into memory.
"""

from __future__ import annotations

import hashlib
import mmap
import os
import struct
import zipfile
from collections.abc import Iterable
from itertools import pairwise
from typing import IO, Any

import numpy as np

ALIGNMENT = 64
LOCAL_HEADER = 30
EXTRA_HEADER = 4
ZIP64_EXTRA = 20
DAMAGED = "PytorchStreamReader failed reading zip archive: "
CAUSE = (
    "The file is damaged: it was not written to its end, was changed, or was not transferred completely. "
    "Save it again, or fetch it again."
)


def write(
    file: IO[bytes], root: str, program: bytes, storages: Iterable[np.ndarray[Any, Any]], byte_order: bool = True
) -> None:
    """Writes the archive: the pickle `program` and the storages (flat uint8 arrays) in the order of their keys."""
    records = list(storages)
    digest = hashlib.sha256(program)
    with zipfile.ZipFile(file, "w") as archive:

        def record(name: str, content: Any) -> None:
            _write_record(archive, f"{root}/{name}", memoryview(content))

        record("data.pkl", program)
        record(".format_version", b"1")
        record(".storage_alignment", str(ALIGNMENT).encode())
        if byte_order:
            record("byteorder", b"little")
        for key, content in enumerate(records):
            record(f"data/{key}", content)
            digest.update(f"{key}:{archive.infolist()[-1].CRC}".encode())
        record("version", b"3\n")
        record(".data/serialization_id", f"{int(digest.hexdigest(), 16) % 10**40:040d}".encode())


def _write_record(archive: zipfile.ZipFile, name: str, content: memoryview) -> None:
    info = zipfile.ZipInfo(name)
    info.file_size = content.nbytes
    assert archive.fp is not None
    start = archive.fp.tell() + LOCAL_HEADER + len(name.encode()) + EXTRA_HEADER
    if content.nbytes * 1.05 > zipfile.ZIP64_LIMIT:
        start += ZIP64_EXTRA
    padding = -start % ALIGNMENT
    info.extra = b"FB" + padding.to_bytes(2, "little") + b"Z" * padding
    with archive.open(info, "w") as record:
        record.write(content)


class Archive:
    """An archive opened for reading. Nothing is believed before it was checked against the size of the file."""

    def __init__(self, file: IO[bytes], flags: int | None = None) -> None:
        """`flags` (mmap.MAP_PRIVATE or MAP_SHARED) maps the storages into memory instead of reading them."""
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        self._mapped = None if flags is None else _map(file, size, flags)
        try:
            self._zip = zipfile.ZipFile(file)
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, EOFError) as error:
            raise RuntimeError(f"{DAMAGED}failed finding central directory. {CAUSE} ({error})") from error
        self._entries: dict[str, zipfile.ZipInfo] = {}
        total = 0
        for info in self._zip.infolist():
            total += info.compress_size
            problem = _problem(info, size, total, self._entries)
            if problem:
                raise RuntimeError(f"{DAMAGED}record {info.filename!r} {problem}. {CAUSE}")
            self._entries[info.filename] = info
        self._check_overlap()
        pickles = [name for name in self._entries if name.count("/") == 1 and name.endswith("/data.pkl")]
        if not pickles:
            raise RuntimeError(
                f"{DAMAGED}file not found: data.pkl. This zip file was not written by save: it holds "
                f"{', '.join(list(self._entries)[:4]) or 'nothing'}."
            )
        self.root = pickles[0].partition("/")[0]

    def _check_overlap(self) -> None:
        records = sorted(self._entries.values(), key=lambda info: info.header_offset)
        for info, following in pairwise(records):
            if info.header_offset + LOCAL_HEADER + len(info.filename) + info.file_size > following.header_offset:
                raise RuntimeError(f"{DAMAGED}record {info.filename!r} overlaps {following.filename!r}. {CAUSE}")

    def __contains__(self, name: str) -> bool:
        return f"{self.root}/{name}" in self._entries

    def program(self) -> bytes:
        """The pickle."""
        return self.read("data.pkl")

    def byte_order(self) -> str | None:
        """The order the file says its numbers have."""
        return self.read("byteorder").decode("latin1") if "byteorder" in self else None

    def storage(self, name: str) -> np.ndarray[Any, Any]:
        """The bytes of a storage, mapped or read."""
        if self._mapped is None:
            return self.read_array(f"data/{name}")
        size = self.size(f"data/{name}")
        start = self._entries[f"{self.root}/data/{name}"].header_offset
        lengths = self._mapped[start + 26 : start + LOCAL_HEADER]
        start += LOCAL_HEADER + sum(struct.unpack("<HH", lengths)) if len(lengths) == 4 else len(self._mapped) + 1
        if start + size > len(self._mapped):
            raise RuntimeError(f"{DAMAGED}record 'data/{name}' is larger than the file. {CAUSE}")
        return np.frombuffer(self._mapped, np.uint8, size, start)

    def storage_size(self, name: str) -> int:
        """The number of bytes of a storage."""
        return self.size(f"data/{name}")

    def read(self, name: str) -> bytes:
        """The bytes of a record."""
        return self.read_array(name).tobytes()

    def size(self, name: str) -> int:
        """The number of bytes of a record."""
        try:
            return self._entries[f"{self.root}/{name}"].file_size
        except KeyError:
            raise RuntimeError(f"{DAMAGED}file not found: {self.root}/{name}. {CAUSE}") from None

    def read_array(self, name: str) -> np.ndarray[Any, Any]:
        """The bytes of a record as a new, writable uint8 array."""
        out = np.empty(self.size(name), np.uint8)
        view, position = memoryview(out.data), 0
        try:
            with self._zip.open(self._entries[f"{self.root}/{name}"]) as record:
                while count := record.readinto(view[position:]):  # type: ignore[attr-defined]
                    position += count
        except (zipfile.BadZipFile, OSError, EOFError, ValueError, NotImplementedError) as error:
            raise RuntimeError(f"{DAMAGED}record {name!r} cannot be read. {CAUSE} ({error})") from error
        if position != len(out):
            raise RuntimeError(f"{DAMAGED}record {name!r} has {position} of its {len(out)} bytes. {CAUSE}")
        return out


def _map(file: IO[bytes], size: int, flags: int) -> mmap.mmap:
    """The file in memory, to read and write: written pages are the program's own unless `flags` say they are shared."""
    if not size:
        raise EOFError("Ran out of input: the file is empty. It may still be being written, or its disk was full.")
    return mmap.mmap(file.fileno(), size, access=mmap.ACCESS_COPY if flags == mmap.MAP_PRIVATE else mmap.ACCESS_WRITE)


def _problem(info: zipfile.ZipInfo, size: int, total: int, seen: dict[str, zipfile.ZipInfo]) -> str:
    """What is wrong with a directory entry, given the file's size and the sum of the records so far; "" if nothing."""
    checks = (
        (
            info.compress_type != zipfile.ZIP_STORED or info.file_size != info.compress_size,
            "is compressed, which save() never does",
        ),
        (bool(info.flag_bits & 1), "is encrypted"),
        (info.header_offset + info.compress_size > size or total > size, "is larger than the file"),
        (info.filename in seen, "appears twice"),
    )
    return next((text for wrong, text in checks if wrong), "")
