"""The numbers of arrays as bytes for the page, as exactly as there is room: all of them, rounded, or block by block.

    exact     every number as it is
    rounded   float64 to float32, or every number to eight significant bits (bfloat16): 0.4 % off at most; NaN,
              infinities, zeros and signs stay
    pooled    blocks of neighbours: the lowest, the highest and the mean of each, and whether NaN or infinity is in it

Bytes are laid out plane by plane (all first bytes, then all second ones), which deflates better, and written in base64.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Sequence
from typing import Any

import ml_dtypes
import numpy as np

MARGIN = 1.04  # deflate against the entropy of single bytes
BLOCK_COST = 5.0  # deflated bytes of a block: three rounded numbers and a flag
LEAST = 4  # blocks that every tensor gets
NICE = (1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 16, 20, 24, 25, 30, 32, 40, 48, 50, 60, 64, 80, 100, 128)  # and tens of these
TRIED = 200_000  # elements up to which more than blocks is considered
SAMPLE = 30_000  # elements that an estimate is made from


def narrow(array: Any) -> Any:
    """The same numbers in the smallest type that holds them exactly; never more than four bytes for whole numbers."""
    kind = array.dtype.kind
    if kind == "b":
        return array.astype(np.uint8)
    if kind in "iu" and array.size:
        low, high = int(array.min()), int(array.max())
        for name in ("u1", "i1", "<u2", "<i2", "<u4", "<i4"):
            if np.iinfo(name).min <= low and high <= np.iinfo(name).max:
                return array.astype(name)
    return array.astype(array.dtype.newbyteorder("<")) if array.dtype.itemsize > 1 else array


def code(array: Any) -> str:
    """What the page calls the type of these bytes: f4, u1, i8, bf."""
    return "bf" if array.dtype == ml_dtypes.bfloat16 else f"{array.dtype.kind}{array.dtype.itemsize}"


def planes(array: Any) -> Any:
    """Bytes, one row for each place in an element."""
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8).reshape(-1, array.dtype.itemsize).T


def text(array: Any) -> str:
    """The array's bytes, plane by plane, in base64."""
    return base64.b64encode(np.ascontiguousarray(planes(array)).tobytes()).decode("ascii")


def cost(array: Any) -> float:
    """About how many bytes the array takes once deflated; from its numbers (evenly picked ones where there are many)
    alone, so the same everywhere."""
    total = 0.0
    picked = array.reshape(-1)[:: max(1, array.size // SAMPLE)]
    for plane in planes(picked):
        counts = np.bincount(plane, minlength=256)
        share = counts[counts > 0] / max(1, plane.size)
        bits = float(-(share * np.log2(share)).sum())
        total += max(bits, 0.15) / 8
    return float(total * array.size * MARGIN + 8)


def pack(array: Any, room: float) -> tuple[dict[str, Any], Any]:
    """The array as the page gets it, in about `room` deflated bytes; and the numbers of its cells, for a picture."""
    whole = {"shape": list(array.shape), "block": [1] * array.ndim}
    if array.size <= TRIED or room == math.inf:
        exact = narrow(array)
        if cost(exact) <= room:
            return {**whole, "kind": "exact", "type": code(exact), "data": text(exact)}, array
        if array.dtype.kind == "f":
            for rounded in [_single(array), _rounded(array)] if array.dtype.itemsize > 4 else [_rounded(array)]:
                if cost(rounded) <= room:
                    return {**whole, "kind": "rounded", "type": code(rounded), "data": text(rounded)}, array
    return pooled(array, max(LEAST, int(room / BLOCK_COST)))


def _rounded(array: Any, to: Any = ml_dtypes.bfloat16) -> Any:
    """To bfloat16, or another type; what is finite stays finite, what is not zero stays so."""
    with np.errstate(over="ignore", under="ignore"):
        made = array.astype(np.float32).astype(to)
    range_: Any = ml_dtypes.finfo(to)  # type: ignore[no-untyped-call]
    for lost, end in ((np.isinf(made) & np.isfinite(array), range_.max), ((made == 0) & (array != 0), range_.tiny)):
        if lost.any():
            made = np.where(lost, np.copysign(float(end), array), made.astype(np.float64)).astype(to)
    return made


def _single(array: Any) -> Any:
    """To float32."""
    return _rounded(array, np.float32).astype("<f4")


def blocks(shape: Sequence[int], most: int) -> list[int]:
    """The block of each dimension: the longest gets larger ones until there are at most so many blocks."""
    block = [1] * len(shape)
    count = [*shape]
    while math.prod(count) > most:
        longest = max(range(len(shape)), key=lambda i: (count[i], i))
        block[longest] = _larger(block[longest])
        count[longest] = -(-shape[longest] // block[longest])
    return block


def _larger(block: int) -> int:
    """The next size of a block that people can count in."""
    scale = 1
    while True:
        for size in NICE:
            if size * scale > block:
                return size * scale
        scale *= 10


def pooled(array: Any, most: int) -> tuple[dict[str, Any], Any]:
    """The array as blocks, and the extreme of each: farthest from zero, or NaN where something is not finite."""
    block = blocks(array.shape, most)
    low, high, mean, flags = pool(array, block)
    made = {
        "kind": "pooled", "shape": list(low.shape), "block": block, "type": "bf",
        "data": text(_rounded(mean)), "low": text(_rounded(low)), "high": text(_rounded(high)), "flags": text(flags),
    }  # fmt: skip
    return made, np.where(flags > 0, np.nan, np.where(-low > high, low, high))


def pool(array: Any, block: Sequence[int]) -> tuple[Any, Any, Any, Any]:
    """Lowest, highest and mean finite number of each block; flags: 1 has NaN, 2 has inf, 4 has -inf, 8 nothing finite.

    One dimension after the other, the one with the largest blocks first: the first pass already makes the array small.
    """
    fine = np.isfinite(array) if array.dtype.kind == "f" else None
    if fine is None or fine.all():
        low = high = array
        total, count = array, None
        flags = np.zeros((), dtype=np.uint8)
    else:
        low, high = np.where(fine, array, math.inf), np.where(fine, array, -math.inf)
        total, count = np.where(fine, array, 0), fine
        flags = np.isnan(array) * np.uint8(1) | (array == math.inf) * np.uint8(2) | (array == -math.inf) * np.uint8(4)
        flags = flags.astype(np.uint8)
    sizes = np.ones((), dtype=np.float64)
    for axis in sorted(range(array.ndim), key=lambda i: -block[i]):
        step = block[axis]
        starts = np.arange(0, array.shape[axis], step)
        if step > 1:
            low, high = np.minimum.reduceat(low, starts, axis=axis), np.maximum.reduceat(high, starts, axis=axis)
            total = np.add.reduceat(total, starts, axis=axis, dtype=np.float64)
            if count is not None:
                count = np.add.reduceat(count, starts, axis=axis, dtype=np.float64)
                flags = np.bitwise_or.reduceat(flags, starts, axis=axis)
        lengths = np.diff([*starts, array.shape[axis]]).astype(np.float64)
        sizes = sizes * lengths.reshape(-1, *[1] * (array.ndim - axis - 1))
    if count is not None:
        sizes = count.astype(np.float64)
        flags = flags | (sizes == 0) * np.uint8(8)
        low, high = np.where(sizes > 0, low, 0), np.where(sizes > 0, high, 0)
    mean = total / np.maximum(sizes, 1)
    return (*(x.astype(np.float64) for x in (low, high, mean)), np.broadcast_to(flags, mean.shape).astype(np.uint8))


def rooms(arrays: Sequence[Any], room: float) -> list[float]:
    """How the room is shared: small arrays get what they need, the others the same share of what is left."""
    needs = [min(cost(narrow(a)), room + 1) if a.size <= TRIED else room + 1 for a in arrays]
    shares = [0.0] * len(arrays)
    left = room
    for k, i in enumerate(sorted(range(len(arrays)), key=lambda i: needs[i])):
        shares[i] = min(needs[i], left / (len(arrays) - k))
        left -= shares[i]
    return shares
