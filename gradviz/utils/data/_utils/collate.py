"""Collating: from a list of samples to one sample of batches, each with a new first dimension."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, MutableMapping, MutableSequence, Sequence
from typing import Any

import numpy as np

from gradviz.core.device import CPU
from gradviz.core.dtype import from_numpy
from gradviz.core.errors import noted
from gradviz.core.ops.creation.create import tensor
from gradviz.core.ops.shapes.join import stack
from gradviz.core.tensor import Tensor

CollateMap = dict[Any, Callable[..., Any]]
FOUND = "default_collate: batch must contain tensors, numpy arrays, numbers, dicts or lists; found "


def default_collate(batch: Any) -> Any:
    """Stacks samples: tensors and arrays along a new first dimension, numbers into a tensor, containers inside out.

    >>> default_collate([(1, 2.0), (3, 4.0)])
    [tensor([1, 3]), tensor([2., 4.], dtype=torch.float64)]

    Types of your own: add a function to `default_collate_fn_map`, or give one to `collate`.
    Raises TypeError for a type it does not know and RuntimeError if samples differ in size.
    https://docs.pytorch.org/docs/2.13/data.html#torch.utils.data.default_collate
    """
    return collate(batch, collate_fn_map=default_collate_fn_map)


def collate(batch: Any, *, collate_fn_map: CollateMap | None = None) -> Any:
    """Collates with functions of your own: a map from a type, or a tuple of types, to `f(batch, *, collate_fn_map)`.

    The exact type of the first sample is looked up first, then the first entry that it is an instance of. Containers
    that the map does not name are taken apart.
    https://docs.pytorch.org/docs/2.13/data.html#torch.utils.data.default_collate
    """
    first = batch[0]
    if collate_fn_map is not None:
        kinds = (kind for kind in collate_fn_map if isinstance(first, kind))
        kind = type(first) if type(first) in collate_fn_map else next(kinds, None)
        if kind is not None:
            return collate_fn_map[kind](batch, collate_fn_map=collate_fn_map)
    if isinstance(first, Mapping):
        columns = {key: collate([d[key] for d in batch], collate_fn_map=collate_fn_map) for key in first}
        return _mapping_like(first, columns)
    if isinstance(first, tuple) and hasattr(first, "_fields"):
        return type(first)(*(collate(list(c), collate_fn_map=collate_fn_map) for c in zip(*batch, strict=False)))
    if isinstance(first, Sequence):
        _check_sizes(batch)
        return _sequence_like(first, [collate(c, collate_fn_map=collate_fn_map) for c in zip(*batch, strict=True)])
    raise noted(
        TypeError(
            f"{FOUND}{type(first)}\nReturn tensors, arrays or numbers from the dataset, give the DataLoader a "
            "collate_fn, or add the type to default_collate_fn_map."
        )
    )


def default_convert(data: Any) -> Any:
    """Arrays become tensors, inside containers too; everything else stays: what is done when nothing is batched.

    https://docs.pytorch.org/docs/2.13/data.html#torch.utils.data.default_convert
    """
    if isinstance(data, (np.ndarray, np.number, np.bool_)):
        return data if isinstance(data, np.ndarray) and data.dtype.kind in "USO" else _as_tensor(data)
    if isinstance(data, Mapping):
        return _mapping_like(data, {key: default_convert(value) for key, value in data.items()})
    if isinstance(data, tuple) and hasattr(data, "_fields"):
        return type(data)(*(default_convert(value) for value in data))
    if isinstance(data, Sequence) and not isinstance(data, (str, bytes)):
        return _sequence_like(data, [default_convert(value) for value in data])
    return data


def _mapping_like(first: Any, columns: dict[Any, Any]) -> Any:
    """A mapping of the first sample's type, with its other attributes, if the type allows it."""
    try:
        if not isinstance(first, MutableMapping):
            return type(first)(columns)
        clone = copy.copy(first)
        clone.update(columns)
        return clone
    except TypeError:
        return columns


def _sequence_like(first: Any, columns: list[Any]) -> Any:
    """A sequence of the first sample's type, if it can hold tensors (a range cannot); tuples become lists."""
    try:
        if isinstance(first, tuple):
            return columns
        if not isinstance(first, MutableSequence):
            return type(first)(columns)
        clone = copy.copy(first)
        for i, column in enumerate(columns):
            clone[i] = column
        return clone
    except TypeError:
        return columns


def _check_sizes(batch: Any) -> None:
    sizes = [len(sample) for sample in batch]
    if len(set(sizes)) > 1:
        raise noted(
            RuntimeError(
                f"each element in list of batch should be of equal size\nThe samples have {sizes} elements. Pad "
                "them in the dataset, or give the DataLoader a collate_fn that does."
            )
        )


# ------------------------------------------------------------------------------------------- what the map starts with


def collate_tensor_fn(batch: Any, *, collate_fn_map: CollateMap | None = None) -> Any:
    """Tensors are stacked."""
    first = batch[0]._array
    shape, element = first.shape, first.dtype
    if all(
        type(t) is Tensor and t.device is CPU and not t._needs and t._array.shape == shape and t._array.dtype is element
        for t in batch
    ):
        out = np.empty((len(batch), *shape), element)
        for i, t in enumerate(batch):
            out[i] = t._array
        return Tensor._of(out)
    return stack(list(batch))


def collate_numpy_array_fn(batch: Any, *, collate_fn_map: CollateMap | None = None) -> Any:
    """Arrays become tensors, which are collated."""
    if batch[0].dtype.kind in "USO":
        raise noted(
            TypeError(f"{FOUND}{batch[0].dtype}\nText and object arrays are no tensors: encode them as numbers first.")
        )
    tensors = [item if isinstance(item, Tensor) else _as_tensor(item) for item in batch]
    return collate(tensors, collate_fn_map=collate_fn_map)


def collate_numpy_scalar_fn(batch: Any, *, collate_fn_map: CollateMap | None = None) -> Any:
    """NumPy's scalars become a tensor of their type."""
    return _as_tensor(np.array(batch))


def collate_float_fn(batch: Any, *, collate_fn_map: CollateMap | None = None) -> Any:
    """Python's floats become float64."""
    return Tensor._of(np.array(batch, dtype=np.float64))


def collate_int_fn(batch: Any, *, collate_fn_map: CollateMap | None = None) -> Any:
    """Integers and booleans become what `torch.tensor` makes of them."""
    array = np.array(batch)
    return Tensor._of(array) if array.dtype in (np.int64, np.bool_) else tensor(list(batch))


def collate_str_fn(batch: Any, *, collate_fn_map: CollateMap | None = None) -> Any:
    """Text stays a list of texts."""
    return batch


def _as_tensor(array: Any) -> Tensor:
    made = np.asarray(array)
    from_numpy(made.dtype)
    return Tensor._of(made)


default_collate_fn_map: CollateMap = {
    Tensor: collate_tensor_fn,
    np.ndarray: collate_numpy_array_fn,
    (np.bool_, np.number, np.object_): collate_numpy_scalar_fn,
    float: collate_float_fn,
    int: collate_int_fn,
    str: collate_str_fn,
    bytes: collate_str_fn,
}
