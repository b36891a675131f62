"""One convolution or one batch norm by its shapes and settings: what engines choose by, and keep plans by."""

from __future__ import annotations

import functools
import math
from typing import NamedTuple

Dims = tuple[int, ...]


class Problem(NamedTuple):
    """Shapes of the picture, the weights and the result; settings along each dimension; the type of the numbers.

    `last`: channels are to lie last in memory, if the engine can.
    """

    x_shape: Dims
    w_shape: Dims
    y_shape: Dims
    stride: Dims
    padding: Dims
    dilation: Dims
    groups: int
    dtype: str
    last: bool = False

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


class Normed(NamedTuple):
    """One batch norm: what is normalised (N, C, ...), the types of what is learned and of the statistics it reads.

    `last` says that channels lie last in memory. `reserved` is None for the forward; for the gradient it tells whether
    cuDNN's forward left what its gradient needs.
    """

    shape: Dims
    dtype: str
    given: tuple[str, ...]  # types of weight and bias, and of the running mean and variance where they are used
    last: bool
    training: bool
    eps: float
    reserved: bool | None = None

    @property
    def each(self) -> int:
        """How many numbers a channel has."""
        return self.shape[0] * math.prod(self.shape[2:])

    @property
    def view(self) -> tuple[int, int, int]:
        """The same as normalise.cu sees it: number j of channel c is at [j / inner, c, j % inner] of (N, C, inner)."""
        n, channels = self.shape[:2]
        return (self.each, channels, 1) if self.last else (n, channels, math.prod(self.shape[2:]))
