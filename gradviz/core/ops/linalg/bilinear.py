"""Products of three arrays, summed: what a bilinear layer computes.

`letters` names the dimensions, "ni,oij,nj->no": a letter that the result lacks is summed over. Each of the three
gradients is such a product again, with the result in the place of its own input.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ... import errors
from ...errors import noted
from ...op import function, op
from ...tensor import Tensor


def _trilinear(xp: Any, x: Any, y: Any, z: Any, *, letters: str) -> Any:
    if x.dtype.kind == "V":  # bfloat16, which einsum does not know
        x, y, z = (a.astype(xp.float32) for a in (x, y, z))
    with np.errstate(all="ignore"):  # infinities are values here; a warning would be told to come from NumPy's own code
        return xp.einsum(letters, x, y, z, optimize=True)


def _swapped(letters: str, i: int) -> str:
    """The letters of input i's gradient: the result comes first, then the two other inputs."""
    inputs, out = letters.split("->")
    parts = inputs.split(",")
    own = parts.pop(i)
    return f"{out},{parts[0]},{parts[1]}->{own}"


trilinear = op(
    "trilinear", _trilinear, public=False, saved_names={"x": "i1", "y": "i2", "z": "i3"},
    x=lambda F, g, y, z, *, letters: F.trilinear(g, y, z, letters=_swapped(letters, 0)),
    y=lambda F, g, x, z, *, letters: F.trilinear(g, x, z, letters=_swapped(letters, 1)),
    z=lambda F, g, x, y, *, letters: F.trilinear(g, x, y, letters=_swapped(letters, 2)),
)  # fmt: skip


def _check(x: Tensor, y: Tensor, weight: Tensor, bias: Tensor | None) -> None:
    """PyTorch's errors for types and sizes that do not fit."""
    if x.ndim != y.ndim:
        raise RuntimeError(f"bilinear(): input dimensions do not match: got {x.ndim} and {y.ndim}")
    for i, (a, b) in enumerate(zip(x.shape[:-1], y.shape[:-1], strict=True)):
        if a != b:
            raise noted(
                RuntimeError(
                    f"bilinear(): input batch dimensions do not match at dim {i}: got {a} and {b}\n"
                    f"The inputs have shapes {tuple(x.shape)} and {tuple(y.shape)}: all but the last must agree."
                )
            )
    for i, t in ((1, x), (2, y)):
        if t.shape[-1] != weight.shape[i]:
            raise RuntimeError(
                f"bilinear(): input{i} size does not match weight size: got {t.shape[-1]} but expected "
                f"{weight.shape[i]}"
            )
    if bias is not None and bias.shape[0] != weight.shape[0]:
        raise RuntimeError(
            f"bilinear(): bias size does not match weight size: got {bias.shape[0]} but expected {weight.shape[0]}"
        )
    if not x.dtype is y.dtype is weight.dtype:
        a, b, c = (errors.c_name(t.dtype) for t in (x, y, weight))
        raise RuntimeError(f"All tensors must have the same dtype, got input1: {a}, input2: {b}, weight: {c}")


@function(method=False)
def bilinear(input1: Tensor, input2: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """`x @ weight[o] @ y + bias[o]` for every o: (*, in1) and (*, in2) with (out, in1, in2) and (out) -> (*, out)."""
    _check(input1, input2, weight, bias)
    count = math.prod(input1.shape[:-1])
    x, y = (t.reshape(count, t.shape[-1]) for t in (input1, input2))
    flat = trilinear.call(x, weight, y, letters="ni,oij,nj->no")
    out = flat.reshape(*input1.shape[:-1], weight.shape[0])
    return out if bias is None else out + bias  # type: ignore[no-any-return]
