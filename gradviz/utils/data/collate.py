"""Collating: from a list of samples to one sample of batches, each with a new first dimension."""

from __future__ import annotations

import copy
from collections.abc import Mapping, MutableMapping, MutableSequence, Sequence
from typing import Any

import numpy as np

from gradviz.core.device import CPU
from gradviz.core.dtype import from_numpy
from gradviz.core.errors import noted
from gradviz.core.ops.join import stack
from gradviz.core.tensor import Tensor

FOUND = "default_collate: batch must contain tensors, numpy arrays, numbers, dicts or lists; found "


def default_collate(batch: Any) -> Any:
    """Stacks samples: tensors and arrays along a new first dimension, numbers into a tensor, containers inside out.

    >>> default_collate([(1, 2.0), (3, 4.0)])
    [tensor([1, 3]), tensor([2., 4.], dtype=torch.float64)]

    Raises TypeError for a type it does not know and RuntimeError if samples differ in size.
    https://docs.pytorch.org/docs/2.13/data.html#torch.utils.data.default_collate
    """
    first = batch[0]
    for kind, collate in _COLLATE:
        if isinstance(first, kind):
            return collate(batch)
    raise noted(
        TypeError(
            f"{FOUND}{type(first)}\nReturn tensors, arrays or numbers from the dataset, or give the DataLoader a "
            "collate_fn."
        )
    )


def default_convert(data: Any) -> Any:
    """Arrays become tensors, inside containers too; everything else stays: what is done when nothing is batched."""
    if isinstance(data, (np.ndarray, np.number, np.bool_)):
        array = np.asarray(data)
        return Tensor._of(array) if array.dtype.kind not in "USO" and from_numpy(array.dtype) else data
    if isinstance(data, Mapping):
        return type(data)({key: default_convert(value) for key, value in data.items()})  # type: ignore[call-arg]
    if isinstance(data, tuple) and hasattr(data, "_fields"):
        return type(data)(*(default_convert(value) for value in data))
    if isinstance(data, tuple):
        return [default_convert(value) for value in data]
    if isinstance(data, Sequence) and not isinstance(data, (str, bytes)):
        return type(data)([default_convert(value) for value in data])  # type: ignore[call-arg]
    return data


def _tensors(batch: Sequence[Any]) -> Tensor:
    first = batch[0]
    array = first._array
    shape, element = array.shape, array.dtype
    if all(
        type(t) is Tensor and t.device is CPU and not t._needs and t._array.shape == shape and t._array.dtype is element
        for t in batch
    ):
        return _stacked([t._array for t in batch])
    stacked: Tensor = stack(list(batch))
    return stacked


def _stacked(arrays: list[np.ndarray[Any, Any]]) -> Tensor:
    out = np.empty((len(arrays), *arrays[0].shape), arrays[0].dtype)
    for i, array in enumerate(arrays):
        out[i] = array
    return Tensor._of(out)


def _arrays(batch: Sequence[Any]) -> Tensor:
    if batch[0].dtype.kind in "USO":
        raise noted(
            TypeError(f"{FOUND}{batch[0].dtype}\nText and object arrays are no tensors: encode them as numbers first.")
        )
    return _tensors([item if isinstance(item, Tensor) else _as_tensor(item) for item in batch])


def _as_tensor(array: Any) -> Tensor:
    made = np.asarray(array)
    from_numpy(made.dtype)
    return Tensor._of(made)


def _mappings(batch: Sequence[Any]) -> Any:
    first = batch[0]
    collated = {key: default_collate([sample[key] for sample in batch]) for key in first}
    if not isinstance(first, MutableMapping):
        return type(first)(collated)
    clone = copy.copy(first)
    clone.update(collated)
    return clone


def _sequences(batch: Sequence[Any]) -> Any:
    first = batch[0]
    sizes = [len(sample) for sample in batch]
    if len(set(sizes)) > 1:
        raise noted(
            RuntimeError(
                f"each element in list of batch should be of equal size\nThe samples have {sizes} elements. Pad "
                "them in "
                "the dataset, or give the DataLoader a collate_fn that does."
            )
        )
    columns = [default_collate(column) for column in zip(*batch, strict=True)]
    if isinstance(first, tuple):
        return type(first)(*columns) if hasattr(first, "_fields") else columns
    try:
        if not isinstance(first, MutableSequence):
            return type(first)(columns)
        clone = copy.copy(first)
        for i, column in enumerate(columns):
            clone[i] = column
        return clone
    except TypeError:
        # A range or a bytearray cannot hold tensors.
        return columns


# The first row whose type fits decides.
_COLLATE: list[tuple[Any, Any]] = [
    (Tensor, _tensors),
    (np.ndarray, _arrays),
    ((np.bool_, np.number), lambda batch: _as_tensor(np.array(batch))),
    (float, lambda batch: Tensor._of(np.array(batch, dtype=np.float64))),
    (bool, lambda batch: Tensor._of(np.array(batch, dtype=None if all(type(x) is bool for x in batch) else np.int64))),
    (int, lambda batch: Tensor._of(np.array(batch, dtype=np.int64))),
    ((str, bytes), lambda batch: batch),
    (Mapping, _mappings),
    (Sequence, _sequences),
]
