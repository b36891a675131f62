"""The arithmetic of an update, rounded as PyTorch rounds it."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

from gradviz.core.dtype import complex64, float32, float64

# Arrays of up to this many elements are updated together, and exactly as PyTorch does.
SMALL = 1024
SINGLE = (float32.numpy, complex64.numpy)


class Arithmetic:
    """In-place updates of real arrays: `x` changes, everything else is only read.

    PyTorch rounds float32 once where a product is added (a fused multiply-add). So does this where `exact`, by way of
    float64, so that printed losses agree digit for digit. Otherwise there are two roundings, at twice the speed.
    """

    __slots__ = ("dtype", "exact", "xp")

    def __init__(self, xp: Any, dtype: Any, exact: bool) -> None:
        self.xp, self.dtype, self.exact = xp, dtype, exact

    def scale(self, x: Any, factor: Any) -> None:
        """`x *= factor`"""
        x *= factor

    def add(self, x: Any, y: Any, scale: Any) -> None:
        """`x += scale * y`"""
        if self.exact:
            total = y.astype(float64.numpy)
            total *= rounded(scale, x.dtype) if scale else scale  # 0.0 and -0.0 are one key
            total += x
            x[...] = total
        elif scale.__class__ in (int, float) and scale == 1:
            x += y
        else:
            x += y * scale

    def descend(self, x: Any, y: Any, rate: Any) -> None:
        """`x -= rate * y`; the rate may be an array of a device, which nothing waits for."""
        if hasattr(rate, "ndim"):
            self.addcmul(x, y, rate, -1)
        else:
            self.add(x, y, -rate)

    def addcmul(self, x: Any, a: Any, b: Any, scale: Any = 1) -> None:
        """`x += scale * a * b`"""
        product = a if scale == 1 else a * scale
        if self.exact:
            total = product.astype(float64.numpy)
            total *= b
            total += x
            x[...] = total
        elif product is a:
            x += product * b
        else:
            product *= b
            x += product

    def addcdiv(self, x: Any, a: Any, b: Any, scale: Any) -> None:
        """`x += scale * a / b`"""
        quotient = a * scale
        quotient /= b
        x += quotient

    def lerp(self, x: Any, y: Any, share: float) -> None:
        """Move `x` towards `y` by a share of the way, starting from the nearer of the two."""
        way, share = y - x, x.dtype.type(share)
        if abs(share) >= 0.5:
            x[...] = y
            share = share - x.dtype.type(1)
        if self.exact:
            Arithmetic.add(self, x, way, share)
        else:
            way *= share
            x += way

    def mean_square(self, x: Any, g: Any, beta: float) -> None:
        """Running mean of a square: `x = beta * x + (1 - beta) * g * g`"""
        self.scale(x, beta)
        self.addcmul(x, g, g, 1 - beta)

    def sum(self, x: Any, y: Any, scale: Any) -> Any:
        """`x + scale * y`, leaving x as it is."""
        if self.exact or x.dtype.itemsize == 2:
            made = self.xp.array(x)
            self.add(made, y, scale)
        else:
            made = y * scale
            made += x
        return made


class HalfArithmetic(Arithmetic):
    """The same for the two-byte types: every update is worked out in float32 and rounded once."""


def _in_float32(name: str) -> Any:
    plain = getattr(Arithmetic, name)

    def update(self: HalfArithmetic, x: Any, *others: Any) -> None:
        wide = x.astype(float32.numpy)
        plain(self, wide, *(y.astype(float32.numpy) if hasattr(y, "astype") else y for y in others))
        x[...] = wide

    return update


for _name in ("scale", "add", "addcmul", "addcdiv", "lerp"):
    setattr(HalfArithmetic, _name, _in_float32(_name))


def arithmetic(xp: Any, array: Any) -> Arithmetic:
    """What updates a parameter of this type and size."""
    dtype = array.dtype
    if dtype.itemsize == 2:
        return HalfArithmetic(xp, dtype, exact=False)
    return Arithmetic(xp, dtype, exact=dtype in SINGLE and array.size <= SMALL)


@functools.lru_cache(maxsize=256)
def rounded(scale: Any, dtype: Any) -> float:
    """A number as the type holds it."""
    return dtype.type(scale).item()  # type: ignore[no-any-return]


def gather(xp: Any, arrays: Sequence[Any]) -> Any:
    """One real array to work on: the only array itself, or the elements of all of them in a row.

    Complex numbers are seen as pairs of real ones.
    """
    one = arrays[0] if len(arrays) == 1 else xp.concatenate([array.ravel() for array in arrays])
    return one[..., None].view(one.real.dtype) if one.dtype.kind == "c" else one


def scatter(one: Any, arrays: Sequence[Any]) -> None:
    """Write what `gather` made of several arrays back into them."""
    if len(arrays) == 1:
        return
    row, start = one.reshape(-1), 0
    if arrays[0].dtype.kind == "c":
        row = row.view(arrays[0].dtype)
    for array in arrays:
        stop = start + array.size
        if array.flags.c_contiguous:
            array.ravel()[...] = row[start:stop]
        else:
            array[...] = row[start:stop].reshape(array.shape)
        start = stop
