"""torch's file before version 1.6: five pickles one after another, then the storages.

    magic number | 1001 | facts about the machine | the object | [key, ...] | count, bytes | count, bytes | ...

Nothing in it says where a storage begins: that follows from the sizes of those before it, and the size of an element
from the object's pickle. So the pickle is first looked through, running nothing, for the types of its storages.
"""

from __future__ import annotations

import os
import pickle
import sys
from collections.abc import Sequence
from typing import IO, Any

import numpy as np

from gradviz.core.dtype import dtype

from . import names
from .machine import World, operations, run, shown

MAGIC_NUMBER = 0x1950A86A20F9469CFC6C
PROTOCOL_VERSION = 1001
MAGIC = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."  # of protocol 2; others differ in the second byte
LONGEST_LINE = 1 << 20
DAMAGED = "The file is damaged: it was not written to its end, was changed, or was not transferred completely."


def write(file: IO[bytes], program: bytes, storages: Sequence[tuple[np.ndarray[Any, Any], int]], protocol: int) -> None:
    """Writes the format: the pickle `program`, and the storages (flat bytes, size of an element) by key."""
    keys = sorted(map(str, range(len(storages))))
    info = {
        "protocol_version": PROTOCOL_VERSION,
        "little_endian": sys.byteorder == "little",
        "type_sizes": {"short": 2, "int": 4, "long": 4},
    }
    for value in (MAGIC_NUMBER, PROTOCOL_VERSION, info):
        file.write(pickle.dumps(value, protocol))
    file.write(program)
    file.write(pickle.dumps(keys, protocol))
    for key in keys:
        content, item = storages[int(key)]
        file.write((len(content) // item).to_bytes(8, "little"))
        file.write(content.data)


class _Reader:
    """The file for `pickletools`, which would ask for as many bytes as a damaged length says."""

    def __init__(self, file: IO[bytes], start: int, size: int) -> None:
        self.file, self.position, self.size = file, start, size
        file.seek(start)

    def read(self, count: int) -> bytes:
        content = self.file.read(max(0, min(count, self.size - self.position)))
        self.position += len(content)
        return content

    def readline(self) -> bytes:
        content = self.file.readline(LONGEST_LINE)
        self.position += len(content)
        return content

    def tell(self) -> int:
        return self.position


class Legacy:
    """A file opened for reading: where its pickle and its storages lie. Nothing is believed before it was checked."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self._size = file, file.seek(0, os.SEEK_END)
        position, values = 0, []
        for _ in range(3):
            program, position = self._pickle(position)
            values.append(run(program, World()))
        magic, version, info = values
        if magic != MAGIC_NUMBER:
            raise RuntimeError("Invalid magic number; corrupt file?")
        if version != PROTOCOL_VERSION:
            raise RuntimeError(f"Invalid protocol version: {shown(version)}")
        self._order = "little" if not isinstance(info, dict) or info.get("little_endian", True) else "big"
        self._program, position = self._pickle(position)
        program, position = self._pickle(position)
        keys = run(program, World())
        if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
            raise pickle.UnpicklingError(f"the file names its storages by {shown(keys)}")
        self._places = self._locate(keys, element_sizes(self._program), position)

    def _pickle(self, start: int) -> tuple[bytes, int]:
        """The bytes of the pickle at `start`, and where it ends."""
        try:
            for _ in operations(_Reader(self._file, start, self._size)):
                pass
        except Exception as error:
            raise pickle.UnpicklingError(f"the pickled data is damaged: {error}") from error
        end = self._file.tell()
        self._file.seek(start)
        return self._file.read(end - start), end

    def _locate(self, keys: list[str], sizes: dict[str, int], position: int) -> dict[str, tuple[int, int]]:
        places: dict[str, tuple[int, int]] = {}
        for key in keys:
            if key not in sizes or key in places:
                raise RuntimeError(f"storage key {shown(key)} not found in deserialized_objects. {DAMAGED}")
            self._file.seek(position)
            count = int.from_bytes(self._file.read(8), "little" if self._order == "little" else "big")
            position += 8
            if position + count * sizes[key] > self._size:
                raise RuntimeError(f"unexpected EOF: storage {shown(key)} ends after the file does. {DAMAGED}")
            places[key] = position, count * sizes[key]
            position += count * sizes[key]
        return places

    def program(self) -> bytes:
        """The pickle of the object."""
        return self._program

    def byte_order(self) -> str:
        """The order of bytes on the machine that wrote the file."""
        return self._order

    def storage_size(self, name: str) -> int:
        """The number of bytes of a storage."""
        if name not in self._places:
            raise RuntimeError(f"storage key {shown(name)} not found in the file's list. {DAMAGED}")
        return self._places[name][1]

    def storage(self, name: str) -> np.ndarray[Any, Any]:
        """The bytes of a storage as a new, writable uint8 array."""
        start, size = self._places[name]
        out = np.empty(size, np.uint8)
        self._file.seek(start)
        view, position = memoryview(out.data), 0
        while position < size and (content := self._file.read(min(size - position, 1 << 24))):
            view[position : position + len(content)] = content
            position += len(content)
        if position < size:
            raise RuntimeError(f"unexpected EOF: storage {shown(name)} has {position} of its {size} bytes. {DAMAGED}")
        return out


def element_sizes(program: bytes) -> dict[str, int]:
    """The size of an element of each storage that a pickle refers to, by key.

    The operations that lead to a reference are always these: mark, "storage", the storage's class, its key, its
    location, its length, a view or None, tuple; each may be remembered, or fetched from where it was remembered.
    """
    sizes: dict[str, int] = {}
    since_mark: list[Any] = []
    memo: dict[int, Any] = {}
    for name, argument in operations(program):
        if name == "MARK":
            since_mark = []
        elif name in ("BINPUT", "LONG_BINPUT", "PUT", "MEMOIZE"):
            memo[len(memo) if name == "MEMOIZE" else argument] = since_mark[-1] if since_mark else None
        elif name in ("BINGET", "LONG_BINGET", "GET"):
            since_mark.append(memo.get(argument))
        elif name == "GLOBAL":
            since_mark.append(names.STORAGE_TYPES.get(argument.replace(" ", ".")))
        elif name == "STACK_GLOBAL":
            path = ".".join(map(str, since_mark[-2:]))
            since_mark[-2:] = [names.STORAGE_TYPES.get(path)]
        elif name == "BINPERSID":
            if len(since_mark) > 3 and isinstance(since_mark[2], str):
                element = since_mark[1]
                sizes.setdefault(since_mark[2], element.itemsize if isinstance(element, dtype) else 1)
            since_mark = []
        elif name != "TUPLE":
            since_mark.append(argument)
    return sizes
