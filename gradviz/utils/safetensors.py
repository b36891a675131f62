"""safetensors files, written and read here: the functions of `safetensors.torch`, and `safe_open`.

    8 bytes: N | N bytes of JSON, padded with spaces | the tensors' bytes, one after another, without a hole

    {"weight": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, "__metadata__": {"note": "any text"}}

Nothing in such a file can run. What the header says is checked in full before a tensor is made.
https://huggingface.co/docs/safetensors
"""

from __future__ import annotations

import io
import json
import mmap
import os
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import IO, Any, Self

import numpy as np

from gradviz._serial.safetensors_file import NAMES, RANK, SIZES, Content, SafetensorError
from gradviz.core.device import as_device
from gradviz.core.errors import noted
from gradviz.core.storage import address, extent, owner, strides_of
from gradviz.core.tensor import Tensor

__all__ = ["SafetensorError", "load", "load_file", "load_model", "safe_open", "save", "save_file", "save_model"]


def save(tensors: dict[str, Tensor], metadata: dict[str, str] | None = None) -> bytes:
    """The bytes of a file that holds these tensors.

    Raises ValueError for one that is not contiguous and RuntimeError for two that share memory, which would be written
    twice.
    """
    file = io.BytesIO()
    _write(file, tensors, metadata)
    return file.getvalue()


def save_file(
    tensors: dict[str, Tensor], filename: str | os.PathLike[str], metadata: dict[str, str] | None = None
) -> None:
    """Writes these tensors to a file, which replaces an old one when it is complete."""
    from gradviz._serial.atomic import replace

    path = Path(filename).resolve()
    if not path.parent.is_dir():
        raise SafetensorError(f"Error while serializing: I/O error: No such file or directory: {path.parent}")
    replace(path, lambda file: _write(file, tensors, metadata))


def load(data: bytes) -> dict[str, Tensor]:
    """The tensors of a file's bytes."""
    if not isinstance(data, (bytes, bytearray, memoryview)):
        raise TypeError(f"argument 'bytes': {type(data).__name__!r} object is not an instance of 'bytes'")
    content = Content(memoryview(data))
    return {name: content.tensor(name) for name in content.entries}


def load_file(filename: str | os.PathLike[str], device: Any = "cpu", *, backend: str = "mmap") -> dict[str, Tensor]:
    """The tensors of a file, on a device."""
    with safe_open(filename, "pt", device, backend=backend) as file:
        return {name: file.get_tensor(name) for name in file.offset_keys()}


def save_model(
    model: Any, filename: str, metadata: dict[str, str] | None = None, force_contiguous: bool = True
) -> None:
    """Writes a model's tensors. Of names that share one, the first in order is written, the others as metadata."""
    state = model.state_dict()
    notes = dict(metadata or {})
    for kept, others in _shared_names(state):
        for name in others:
            notes.setdefault(name, kept)
            del state[name]
    save_file({k: v.contiguous() for k, v in state.items()} if force_contiguous else state, filename, notes or None)


def load_model(
    model: Any, filename: str | os.PathLike[str], strict: bool = True, device: Any = "cpu", *, backend: str = "mmap"
) -> tuple[set[str], list[str]]:
    """Fills a model from a file of `save_model`; the names missing from the file, and those the model has not."""
    state = load_file(filename, device, backend=backend)
    found, unexpected = model.load_state_dict(state, strict=False)
    missing = set(found)
    for kept, others in _shared_names(model.state_dict()):
        if not {kept, *others} <= missing:  # filled under one of its names
            missing -= {kept, *others}
    if strict and (missing or unexpected):
        parts = (("Missing", sorted(missing)), ("Unexpected", sorted(unexpected)))
        lines = [
            f"\n    {what} key(s) in state_dict: " + ", ".join(f'"{n}"' for n in names)
            for what, names in parts
            if names
        ]
        raise RuntimeError(f"Error(s) in loading state_dict for {type(model).__name__}:{''.join(lines)}")
    return missing, list(unexpected)


class safe_open:
    """A file whose tensors are read one at a time, whole or in part.

    with safe_open("model.safetensors", framework="pt") as file:
        rows = file.get_slice("weight")[:2]
    """

    def __init__(
        self, filename: str | os.PathLike[str], framework: str = "pt", device: Any = "cpu", *, backend: str = "mmap"
    ) -> None:
        if framework not in ("pt", "torch", "pytorch"):
            raise SafetensorError(f"framework {framework} is invalid")
        if backend != "mmap":
            raise NotImplementedError(f"safe_open() does not support the argument 'backend' (got {backend!r:.60})")
        if not Path(filename).exists():
            raise FileNotFoundError(f"No such file or directory: {os.fspath(filename)}")
        self._device = as_device(device)
        with Path(filename).open("rb") as file:
            empty = not file.seek(0, os.SEEK_END)
            mapped = b"" if empty else mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self._content: Content | None = Content(memoryview(mapped))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._content = None

    @property
    def _open(self) -> Content:
        if self._content is None:
            raise SafetensorError("File is closed")
        return self._content

    def keys(self) -> list[str]:
        """The names of the tensors, sorted."""
        return sorted(self._open.entries)

    def offset_keys(self) -> list[str]:
        """The names of the tensors in the order in which they lie in the file."""
        return list(self._open.entries)

    def metadata(self) -> dict[str, str] | None:
        """The texts that were saved with the tensors."""
        return self._open.metadata

    def get_tensor(self, name: str) -> Tensor:
        """A tensor of the file."""
        found: Tensor = self._open.tensor(name).to(self._device)
        return found

    def get_slice(self, name: str) -> Slice:
        """A tensor of the file of which only the part that is indexed is read."""
        return Slice(self._open, name, self._device)


class Slice:
    """A tensor of a file; indexing reads a part of it."""

    def __init__(self, content: Content, name: str, device: Any) -> None:
        self._entry, self._array, self._device = content.entry(name), content.array(name), device

    def get_shape(self) -> list[int]:
        """The sizes."""
        return list(self._entry.shape)

    def get_dtype(self) -> str:
        """The format's name of the element type."""
        return self._entry.dtype

    def __getitem__(self, index: Any) -> Tensor:
        found: Tensor = Tensor._of(np.array(self._array[index])).to(self._device)
        return found


def _write(file: IO[bytes], tensors: Any, metadata: dict[str, str] | None) -> None:
    """Writes the format: the header, then the tensors, largest element type first, then by name."""
    _check_savable(tensors)
    kinds = {name: NAMES[tensor.dtype.name] for name, tensor in tensors.items()}
    order = sorted(tensors, key=lambda name: (-RANK[kinds[name]], name))
    header: dict[str, Any] = {}
    if metadata is not None:
        for text in (*metadata, *metadata.values()):
            if not isinstance(text, str):
                raise TypeError(f"argument 'metadata': {type(text).__name__!r} object is not an instance of 'str'")
        header["__metadata__"] = dict(sorted(metadata.items()))
    position = 0
    for name in order:
        size = tensors[name].numel() * SIZES[kinds[name]]
        header[name] = {
            "dtype": kinds[name],
            "shape": list(tensors[name].shape),
            "data_offsets": [position, position + size],
        }
        position += size
    written = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    written += b" " * (-len(written) % 8)
    file.write(len(written).to_bytes(8, "little") + written)
    for name in order:
        array = tensors[name].device.to_numpy(tensors[name]._array)
        file.write(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)


def _check_savable(tensors: Any) -> None:
    if not isinstance(tensors, dict):
        raise ValueError(f"Expected a dict of [str, torch.Tensor] but received {type(tensors)}")
    for name, tensor in tensors.items():
        if not isinstance(tensor, Tensor):
            raise ValueError(f"Key `{name}` is invalid, expected torch.Tensor but received {type(tensor)}")
        if not isinstance(name, str):
            raise TypeError(f"argument 'tensor_dict': {type(name).__name__!r} object is not an instance of 'str'")
        if name == "__metadata__":
            raise ValueError("Key `__metadata__` is invalid, the format keeps it for its own use")
        if tensor.dtype.name not in NAMES:
            raise KeyError(tensor.dtype)
    groups = [[kept, *others] for kept, others in _shared_names(tensors)]
    if groups:
        raise noted(
            RuntimeError(
                "Some tensors share memory, this will lead to duplicate memory on disk and potential differences when "
                f"loading them again: {groups}.\nA potential way to correctly save your model is to use `save_model`; "
                "or save a clone() of each."
            )
        )
    for name, tensor in tensors.items():
        if not tensor.is_contiguous():
            raise ValueError(
                f"You are trying to save a non contiguous tensor: `{name}` which is not allowed. It either means you "
                "are trying to save tensors which are reference of each other in which case it's recommended to save "
                "only the full tensors, and reslice at load time, or simply call `.contiguous()` on your tensor to "
                "pack it before saving."
            )


def _shared_names(tensors: Mapping[str, Tensor]) -> Iterator[tuple[str, list[str]]]:
    """Names of tensors that lie over one another, as the first of them in order and the others."""
    memories: dict[tuple[Any, int], list[tuple[int, int, str]]] = {}
    for name, tensor in tensors.items():
        if tensor.numel():
            array, item = tensor._array, tensor.element_size()
            start = address(array)
            end = start + item * extent(tuple(array.shape), strides_of(array))
            memories.setdefault((tensor.device, address(owner(array))), []).append((start, end, name))
    for places in memories.values():
        for group in _touching(sorted(places)):
            kept, *others = sorted(group)
            if others:
                yield kept, others


def _touching(places: list[tuple[int, int, str]]) -> Iterable[list[str]]:
    """Groups of places, sorted by where they start, that overlap."""
    groups = [[places[0][2]]]
    reached = places[0][1]
    for _, (start, end, name) in pairwise(places):
        if start < reached:
            groups[-1].append(name)
        else:
            groups.append([name])
        reached = max(reached, end)
    return groups
