"""One convolution by its shapes and settings: what engines choose by, and keep descriptors and plans by."""

from __future__ import annotations

import functools
import math
from typing import NamedTuple

Dims = tuple[int, ...]


class Problem(NamedTuple):
    """Shapes of the picture, the weights and the result; settings along each dimension; the type of the numbers."""

    x_shape: Dims
    w_shape: Dims
    y_shape: Dims
    stride: Dims
    padding: Dims
    dilation: Dims
    groups: int
    dtype: str

    @property
    def places(self) -> int:
        """How many positions the kernel has in one picture."""
        return math.prod(self.y_shape[2:])

    @property
    def sizes(self) -> Dims:
        """What the kernels of conv.cu call SIZES."""
        return _sizes(self)


@functools.lru_cache(maxsize=1024)
def _sizes(p: Problem) -> Dims:
    lines = (p.x_shape[2:], p.w_shape[2:], p.y_shape[2:], p.stride, p.padding, p.dilation)
    fill = (1, 1, 1, 1, 0, 1)  # a picture is a volume of depth 1
    full = (v for line, one in zip(lines, fill, strict=True) for v in ((one,) * (3 - len(line)) + tuple(line)))
    return p.x_shape[1], *full


def out_shape(x: Dims, w: Dims, stride: Dims, padding: Dims, dilation: Dims) -> Dims:
    """The shape of a convolution's result."""
    each = zip(x[2:], w[2:], stride, padding, dilation, strict=True)
    return x[0], w[0], *((n + 2 * p - d * (k - 1) - 1) // s + 1 for n, k, s, p, d in each)
