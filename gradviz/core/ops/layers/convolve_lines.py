"""The gradient for the picture by whole lines of memory, where nothing is skipped: stride 1. On the CPU.

NOTE [Lines]  With zeros after each of its lines, results y (N, O, Ho, Wo) become

    lines[group, h, o, n, v]        v = 0 ... Wo + kw - 2, and kh - 1 rows more around them than the picture has

What picture row h receives comes from the lines h ... h + kh - 1, which lie in memory as one matrix with kh * O rows
and n * v columns. These matrices overlap, so they are a view, and one batched product with the weights gives

    part[group, h, j, c, n, v] = sum of w[o, c, i, j] * y[n, o, h + padding - i, v]

Column j of the kernel moves its part by j places. The zeros at the ends let a whole row of c * n * v numbers move at
once, across the ends of lines, so that one sum over j of a view does what `_fold` in convolve_rows.py does with kh + kw
additions of short lines.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

Pair = tuple[int, int]
Array = Any
# Additional multiplications for each number of the rows of a picture that cost more than the additions they save.
MOST = 32


class Lines(NamedTuple):
    """How the gradient for a picture is cut into products: worked out from shapes and settings."""

    groups: int
    o: int  # output channels of a group
    c: int  # input channels of a group
    size: Pair  # rows and columns of the picture
    kernel: Pair
    out: Pair  # rows and columns of the results
    padding: Pair
    step: int  # places between the columns of the kernel

    @property
    def line(self) -> int:
        """How many numbers a line has with its zeros; an output padding reaches beyond the last result."""
        return max(self.out[1] + self.step * (self.kernel[1] - 1), self.padding[1] + self.size[1])

    @property
    def product(self) -> int:
        """Multiplications in the product for one row of one picture."""
        return math.prod(self.kernel) * self.c * self.o * self.line

    @property
    def numbers(self) -> int:
        """How many numbers the parts of one picture are."""
        return self.groups * self.size[0] * self.kernel[1] * self.c * self.line


def lines_of(
    size: Pair, w: tuple[int, ...], out: Pair, stride: Pair, padding: Pair, dilation: Pair, groups: int
) -> Lines | None:
    """For pictures of this size, weights of this shape and so many results; None where another way is quicker."""
    o, c, kh, kw = w
    made = Lines(groups, o // groups, c, size, (kh, kw), out, padding, dilation[1])
    if stride != (1, 1) or (kh > 1 and dilation[0] > 1):
        return None
    more = size[0] * made.line / (out[0] * out[1]) - 1
    return made if made.o * more <= MOST else None


def weights_for_lines(plan: Lines, w: Array) -> Array | None:
    """w as a matrix (groups, 1, kw * C, kh * O), rows of the kernel turned around; None if zeros may not meet it."""
    kh, kw = plan.kernel
    turned = w.reshape(plan.groups, plan.o, plan.c, kh, kw)[:, :, :, ::-1].transpose(0, 4, 2, 3, 1)
    made = np.ascontiguousarray(turned).reshape(plan.groups, 1, kw * plan.c, kh * plan.o)
    flat = made.reshape(-1)
    return made if math.isfinite(flat.dot(flat)) else None


def spread_lines(plan: Lines, weights: Array, y: Array, out: Array) -> None:
    """The adjoint for the picture: y (N, O, Ho, Wo), written into `out` (N, C, H, W)."""
    n, groups, o, c = y.shape[0], plan.groups, plan.o, plan.c
    (h, w), (kh, kw), (ho, wo), (ph, pw) = plan.size, plan.kernel, plan.out, plan.padding
    rows, across, first = h + kh - 1, n * plan.line, kh - 1 - ph
    lines = np.zeros((groups, rows, o, n, plan.line), y.dtype)
    low, high = max(first, 0), min(first + ho, rows)
    seen = y[:, :, low - first : high - first].reshape(n, groups, o, -1, wo)
    lines[:, low:high, :, :, :wo] = seen.transpose(1, 3, 2, 0, 4)
    last = y.itemsize
    up = o * across * last
    blocks = np.ndarray((groups, h, kh * o, across), y.dtype, lines, 0, (rows * up, up, across * last, last))
    parts = np.matmul(weights, blocks)
    # Added up as a view in which each part begins `step` places later; before its beginning are the zeros of another.
    long = c * across
    moved = np.ndarray(
        (groups, h, kw, long), y.dtype, parts, 0,
        (h * kw * long * last, kw * long * last, (long - plan.step) * last, last),
    )  # fmt: skip
    total = np.add.reduce(moved, 2)
    found = total.reshape(groups, h, c, n, plan.line)[..., pw : pw + w]
    out.reshape(n, groups, c, h, w)[...] = found.transpose(3, 0, 2, 1, 4)
