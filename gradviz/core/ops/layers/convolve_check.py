"""What a convolution refuses, with PyTorch's errors."""

from __future__ import annotations

import functools
from typing import Any

from ...errors import no_kernel, noted
from ..linalg.products import same_type
from .sliding_windows import Dims

Shape = tuple[int, ...]


def check_arrays(name: str, x: Any, w: Any, bias: Any, transposed: bool = False, **settings: Any) -> None:
    """Types and shapes of a picture, weights and a bias, or None, that do not fit one another."""
    if bias is not None:
        same_type("Input type ({a}) and bias type ({b}) should be the same", x, bias, short=True)
    same_type("expected scalar type {a} but found {b}", x, w)
    if x.dtype.kind == "b":
        raise no_kernel(f"slow_{name}_cpu", x)
    check_shapes(x.shape, w.shape, None if bias is None else bias.shape, transposed, **settings)


@functools.lru_cache(maxsize=256)
def check_shapes(
    x: Shape, w: Shape, bias: Shape | None, transposed: bool, stride: Dims, padding: Dims, dilation: Dims, groups: int,
    output_padding: Dims = (0,),
) -> None:  # fmt: skip
    """The same for shapes and settings alone: worked out once for each combination."""
    if groups <= 0:
        raise RuntimeError("non-positive groups is not supported")
    limits = {
        "negative padding": (padding, 0), "negative output_padding": (output_padding, 0),
        "non-positive stride": (stride, 1), "non-positive dilation": (dilation, 1),
    }  # fmt: skip
    for what, (values, least) in limits.items():
        if min(values) < least:
            raise noted(RuntimeError(f"{what} is not supported\n{what.split()[1]} is {values}."))
    if len(w) != len(x):
        raise RuntimeError(
            f"Expected {len(w)}-dimensional input for {len(w)}-dimensional weight {list(w)}, but got "
            f"{len(x)}-dimensional input of size {list(x)} instead"
        )
    if w[0] < groups:
        raise RuntimeError(
            f"Given groups={groups}, expected weight to be at least {groups} at dimension 0, but got weight of size "
            f"{list(w)} instead"
        )
    if w[0] % groups:
        raise RuntimeError(
            f"Given groups={groups}, expected weight to be divisible by {groups} at dimension 0, but got weight of "
            f"size [{list(w)}] instead"
        )
    given = "transposed=1" if transposed else f"groups={groups}"
    wanted, made = (w[0], w[1] * groups) if transposed else (w[1] * groups, w[0])
    if x[1] != wanted:
        raise noted(
            RuntimeError(
                f"Given {given}, weight of size {list(w)}, expected input{list(x)} to have {wanted} channels, but got "
                f"{x[1]} channels instead\nThe layer before must give {wanted} channels (the second dimension), or "
                "this layer's in_channels must be what arrives."
            )
        )
    if bias is not None and bias != (made,):
        given = "transposed=1, " if transposed else ""
        raise RuntimeError(
            f"Given {given}weight of size {list(w)}, expected bias to be 1-dimensional with {made} elements, but got "
            f"bias of size {list(bias)} instead"
        )
    if transposed:
        _check_output_padding(output_padding, stride, dilation)
    else:
        _check_room(x[2:], w[2:], padding, dilation)


def _check_output_padding(output_padding: Dims, stride: Dims, dilation: Dims) -> None:
    if all(o < s or o < d for o, s, d in zip(output_padding, stride, dilation, strict=True)):
        return
    axes = ("depth", "height", "width")[-len(stride) :]
    groups = (("output_padding", output_padding), ("stride", stride), ("dilation", dilation))
    parts = [f"{what}_{a}: {v}" for what, values in groups for a, v in zip(axes, values, strict=True)]
    raise RuntimeError(f"output padding must be smaller than either stride or dilation, but got {' '.join(parts)}")


def _check_room(size: Dims, kernel: Dims, padding: Dims, dilation: Dims) -> None:
    there = [n + 2 * p for n, p in zip(size, padding, strict=True)]
    reach = [d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True)]
    if any(n < k for n, k in zip(there, reach, strict=True)):
        raise noted(
            RuntimeError(
                f"Calculated padded input size per channel: ({' x '.join(map(str, there))}). Kernel size: "
                f"({' x '.join(map(str, reach))}). Kernel size can't be greater than actual input size\n"
                "Use a smaller kernel, more padding, or larger images."
            )
        )
