"""Sequences of different lengths without their padding: all first steps, then all second steps of those that go on."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...errors import noted, scalar_type
from ...op import function, op
from ...tensor import Tensor
from ..helpers import one_dim

_pack = op("pack_padded_sequence", lambda x, *, rows: x[rows], public=False,
           x=lambda F, g, *, x_shape, rows: F.index_add_zeros(g, shape=x_shape, index=rows))  # fmt: skip


@function(method=False)
def _pack_padded_sequence(input: Tensor, lengths: Tensor, batch_first: bool) -> tuple[Tensor, Tensor]:
    """The rows of padded sequences that are no padding, step by step, and how many there are of each step.

    (T, B, *) or, with `batch_first`, (B, T, *) -> (sum of lengths, *) and (longest length).
    """
    if batch_first:
        input = input.transpose(0, 1)
    one_dim(1, input.ndim)
    if not input._array.size:
        raise RuntimeError("Cannot pack empty tensors.")
    if lengths.ndim != 1 or lengths.device.type != "cpu" or lengths.dtype.name != "int64":
        raise RuntimeError(
            f"'lengths' argument should be a 1D CPU int64 tensor, but got {lengths.ndim}D {lengths.device.type} "
            f"{scalar_type(lengths.dtype)} tensor"
        )
    steps, batch = input.shape[0], input.shape[1]
    if lengths.shape[0] != batch:
        raise RuntimeError(
            f"Expected `len(lengths)` to be equal to batch_size, but got {lengths.shape[0]} (batch_size={batch})"
        )
    found = np.asarray(lengths._array)
    if found[-1] <= 0:
        raise RuntimeError(
            "Length of all samples has to be greater than 0, but found an element in 'lengths' that is <= 0"
        )
    if (np.diff(found) > 0).any():
        raise noted(
            RuntimeError(
                "`lengths` array must be sorted in decreasing order when `enforce_sorted` is True. You can pass "
                "`enforce_sorted=False` to pack_padded_sequence and/or pack_sequence to sidestep this requirement if "
                f"you do not need ONNX exportability.\nThe lengths are {found.tolist()}."
            )
        )
    if found[0] > steps:
        raise RuntimeError(f"the longest length is {found[0]}, but the padded sequences have only {steps} steps")
    at, which = np.nonzero(np.arange(found[0])[:, None] < found)
    xp: Any = input.device.xp
    packed = _pack.call(input, rows=(xp.asarray(at), xp.asarray(which)))
    return packed, Tensor._of(np.bincount(at).astype(np.int64), lengths.device)
