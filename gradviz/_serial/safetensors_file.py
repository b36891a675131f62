"""The safetensors format: the header of a file and where its tensors lie, checked in full before one is made."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from gradviz.core.dtype import DTYPES
from gradviz.core.tensor import Tensor

LARGEST_HEADER = 100_000_000
LARGEST_NUMBER = 2**64
# The format's types, smallest first; a file holds the largest first, so that every tensor is aligned.
TYPES = {
    "BOOL": "bool", "U8": "uint8", "I8": "int8", "I16": "int16", "U16": "uint16", "F16": "float16", "BF16": "bfloat16",
    "I32": "int32", "U32": "uint32", "F32": "float32", "C64": "complex64", "F64": "float64", "I64": "int64",
    "U64": "uint64",
}  # fmt: skip
NAMES = {name: kind for kind, name in TYPES.items()}
RANK = {kind: rank for rank, kind in enumerate(TYPES)}
UNKNOWN = {
    "F8_E4M3": 1,
    "F8_E5M2": 1,
    "F8_E8M0": 1,
    "F8_E4M3FNUZ": 1,
    "F8_E5M2FNUZ": 1,
}  # laid out, but not readable here
SIZES = {**{kind: DTYPES[name].itemsize for kind, name in TYPES.items()}, **UNKNOWN}


class SafetensorError(Exception):
    """A file that is not as the format says, or a question that it has no answer to."""


class Entry(NamedTuple):
    """What the header says of one tensor."""

    dtype: str
    shape: tuple[int, ...]
    start: int
    end: int


class Content:
    """The bytes of a file, its header read and checked."""

    def __init__(self, content: memoryview) -> None:
        header, self._data = _split(content)
        if not isinstance(header, dict):
            raise _invalid("invalid type, expected a JSON object")
        self.metadata = _metadata(header.pop("__metadata__", None))
        entries = {name: _entry(name, value) for name, value in header.items()}
        self.entries = dict(sorted(entries.items(), key=lambda item: (item[1].start, item[1].end)))
        _check_layout(self.entries, len(self._data))

    def entry(self, name: str) -> Entry:
        """What the header says of a tensor."""
        if name not in self.entries:
            raise SafetensorError(f"File does not contain tensor {name}")
        found: Entry = self.entries[name]
        return found

    def array(self, name: str) -> np.ndarray[Any, Any]:
        """A tensor's elements, where they lie in the file."""
        entry = self.entry(name)
        if entry.dtype in UNKNOWN:
            raise SafetensorError(f"tensor `{name}` has the type {entry.dtype}, which gradviz does not have")
        if len(entry.shape) > 64:
            raise SafetensorError(f"tensor `{name}` has {len(entry.shape)} dimensions; NumPy has at most 64")
        flat = np.frombuffer(self._data[entry.start : entry.end], np.uint8)
        kind = DTYPES[TYPES[entry.dtype]]
        array = flat.astype(np.bool_) if entry.dtype == "BOOL" else flat.view(kind.numpy)
        return array.reshape(entry.shape)

    def tensor(self, name: str) -> Tensor:
        """A tensor with its own memory."""
        return Tensor._of(np.array(self.array(name)))


def _split(content: memoryview) -> tuple[Any, memoryview]:
    """The header's JSON and the bytes after it."""
    if len(content) < 8:
        raise _damaged("header too small")
    length = int.from_bytes(content[:8], "little")
    if length > LARGEST_HEADER:
        raise _damaged("header too large")
    if 8 + length > len(content):
        raise _damaged("invalid header length")
    try:
        text = bytes(content[8 : 8 + length]).decode()
    except UnicodeDecodeError as error:
        raise _damaged(f"invalid UTF-8 in header: {error}") from error
    try:
        header = json.loads(text, object_pairs_hook=_pairs, parse_constant=_constant)
    except RecursionError:
        raise _invalid("recursion limit exceeded") from None
    except ValueError as error:
        raise _invalid(str(error)) from error
    return header, content[8 + length :]


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        raise ValueError("a name appears twice")
    return made


def _constant(name: str) -> float:
    raise ValueError(f"expected value, got {name}")


def _metadata(value: Any) -> dict[str, str] | None:
    if value is None:
        return None
    if not isinstance(value, dict) or not all(isinstance(text, str) for text in value.values()):
        raise _invalid("invalid type in __metadata__, expected a string")
    return {str(name): str(text) for name, text in value.items()}


def _entry(name: str, value: Any) -> Entry:
    """A tensor's entry, its numbers checked one by one."""
    if not isinstance(value, dict):
        raise _invalid(f"invalid type for tensor `{name}`, expected a JSON object")
    for field in ("dtype", "shape", "data_offsets"):
        if field not in value:
            raise _invalid(f"missing field `{field}`")
    kind, shape, offsets = value["dtype"], value["shape"], value["data_offsets"]
    if not isinstance(kind, str) or kind not in SIZES:
        raise _invalid(f"unknown variant `{kind!s:.40}`, expected one of {', '.join(f'`{kind}`' for kind in SIZES)}")
    for numbers in (shape, offsets):
        if not isinstance(numbers, list) or not all(type(n) is int and 0 <= n < LARGEST_NUMBER for n in numbers):
            raise _invalid(f"invalid value in tensor `{name}`, expected whole numbers from 0")
    if len(offsets) != 2:
        raise _invalid(f"invalid length of data_offsets of tensor `{name}`, expected 2")
    return Entry(kind, tuple(shape), offsets[0], offsets[1])


def _check_layout(entries: Mapping[str, Entry], size: int) -> None:
    """The tensors fill the file, one after another, each with as many bytes as its shape and type need."""
    reached = 0
    for name, entry in entries.items():
        if entry.start != reached or entry.end < entry.start:
            raise _damaged(f"invalid offset for tensor `{name}`")
        reached = entry.end
        if _bytes(entry) != entry.end - entry.start:
            raise _damaged("invalid shape, data type, or offset for tensor")
    if reached != size:
        raise _damaged("incomplete metadata, file not fully covered")


def _bytes(entry: Entry) -> int:
    count = SIZES[entry.dtype]
    for size in entry.shape:
        count *= size
        if count >= LARGEST_NUMBER:
            raise _damaged("overflow computing buffer size from shape and/or element type")
    return count


def _damaged(cause: str) -> SafetensorError:
    return SafetensorError(f"Error while deserializing: {cause}")


def _invalid(cause: str) -> SafetensorError:
    return _damaged(f"invalid JSON in header: {cause}")
