"""Batches in pinned memory: tensors wherever they are in lists and dicts, and objects that can pin themselves."""

from __future__ import annotations

import copy
from collections.abc import Mapping, MutableMapping, MutableSequence, Sequence
from typing import Any

from gradviz.core.tensor import Tensor


def pin_memory(data: Any, device: Any = None) -> Any:
    """The same data with every tensor in pinned memory; tuples become lists, as in PyTorch."""
    if isinstance(data, Tensor):
        return data.pin_memory()
    if isinstance(data, (str, bytes)):
        return data
    if isinstance(data, Mapping):
        pinned = {key: pin_memory(value, device) for key, value in data.items()}
        return _like(data, pinned, MutableMapping)
    if isinstance(data, tuple) and hasattr(data, "_fields"):
        return type(data)(*(pin_memory(value, device) for value in data))
    if isinstance(data, tuple):
        return [pin_memory(value, device) for value in data]
    if isinstance(data, Sequence):
        return _like(data, [pin_memory(value, device) for value in data], MutableSequence)
    return data.pin_memory() if hasattr(data, "pin_memory") else data


def _like(data: Any, pinned: Any, mutable: type) -> Any:
    """The pinned items in a container of the data's own kind, or a plain one where that cannot be made."""
    try:
        if not isinstance(data, mutable):
            return type(data)(pinned)
        made: Any = copy.copy(data)
        if isinstance(pinned, dict):
            made.update(pinned)
        else:
            made[:] = pinned
        return made
    except TypeError:
        return pinned
