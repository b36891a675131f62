"""`Distribution`: how the values of one array are spread, in a few hundred whole numbers: exact, and small to keep.

Two histograms of the same values:

    linear      bins of one width, a power of two; bin i holds i*w <= x < (i+1)*w, and w is the smallest of which 64 are
                enough, or 4*n^(1/3) of n values where that is fewer
    magnitude   bins of |x|, four to an octave, for each sign; bin j holds 2^(j//4) * (1 + j%4/4) and up to the next: it
                is the exponent and the first two bits after the point of the number itself

Both kinds of edges are numbers that a float holds exactly, so neighbours can be joined without any error, and the
counts are those of `numpy.histogram` with the same edges.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

LINEAR = 64  # bins at most
TINY_BIN = -126 * 4  # magnitudes under 2^-126 share the bin below this one
# float16: the smallest normal number, the smallest number at all, and the largest (IEEE 754 binary16)
NORMAL, SMALLEST, LARGEST = 2.0**-14, 2.0**-24, 65504.0

Bins = tuple[int, Any]  # the index of the first bin, and the counts from there on


@dataclass
class Distribution:
    """Counts and statistics of the finite values of an array; of complex numbers, of their sizes.

    Attributes:
        n, nan, inf, zero, negative: how many elements, and how many of them are NaN, infinite, 0, below 0
        min, max, mean, std: of the finite ones; None where there is none
        width: of the linear bins
        linear: (index of the first bin, counts)
        positive, negatives: the same by magnitude, for numbers above and below zero
        under, subnormal, over: how many are smaller than any float16 but 0, smaller than a normal float16, above 65504
        exact: False where the counts were estimated from another histogram
    """

    n: float = 0
    nan: float = 0
    inf: float = 0
    zero: float = 0
    negative: float = 0
    min: float | None = None
    max: float | None = None
    mean: float | None = None
    std: float | None = None
    width: float = 1.0
    linear: Bins = field(default_factory=lambda: (0, []))
    positive: Bins = field(default_factory=lambda: (0, []))
    negatives: Bins = field(default_factory=lambda: (0, []))
    under: float = 0
    subnormal: float = 0
    over: float = 0
    exact: bool = True

    @property
    def finite(self) -> float:
        """How many of the elements are numbers."""
        return self.n - self.nan - self.inf


def distribution(array: Any) -> Distribution:
    """The distribution of an array's values."""
    flat = np.asarray(array).reshape(-1)
    if flat.dtype.kind == "c":
        flat = np.abs(flat)
    if flat.dtype not in (np.float32, np.float64):
        flat = flat.astype(np.float64 if flat.dtype.kind in "iub" else np.float32)
    made = Distribution(n=flat.size)
    fine = np.isfinite(flat)
    if not fine.all():
        made.nan = int(np.isnan(flat).sum())
        made.inf = int(flat.size - fine.sum() - made.nan)
        flat = flat[fine]
    if not flat.size:
        return made
    made.min, made.max = float(flat.min()), float(flat.max())
    wide = flat.astype(np.float64)
    with np.errstate(over="ignore"):
        made.mean, made.std = float(wide.mean()), float(wide.std())
    made.width, made.linear = _linear(flat, wide, made.min, made.max)
    made.zero = int(flat.size - np.count_nonzero(flat))
    made.positive, made.negatives = _magnitudes(flat, made.zero)
    made.negative = int(sum(made.negatives[1]))
    for first, counts in (made.positive, made.negatives):  # both limits are edges of bins
        below = [int(counts[: max(0, 4 * power - first)].sum()) if len(counts) else 0 for power in (-24, -14)]
        made.under += below[0]
        made.subnormal += below[1] - below[0]
    if max(made.max, -made.min) > LARGEST:
        made.over = int((np.abs(wide) > LARGEST).sum())
    return made


def _linear(flat: Any, wide: Any, low: float, high: float) -> tuple[float, Bins]:
    top = max(abs(low), abs(high))
    power = max(_power(low, high, wide.size), math.frexp(top)[1] - 40 if top else -4, -1000)
    width = math.ldexp(1.0, power)
    first = math.floor(low / width)
    # Dividing by a power of two is exact, in single precision too as long as nothing gets smaller by it.
    scaled = flat * flat.dtype.type(1 / width) if -120 < power <= 0 else wide / width
    at = np.floor(scaled).astype(np.int64) - first
    if power > 0 and low < 0:  # a negative number so much smaller than a bin that the division made it 0
        at[(scaled == 0) & (wide < 0)] -= 1
    return width, (first, np.bincount(at))


def _power(low: float, high: float, n: float) -> int:
    """The smallest power of two for the width of the bins that hold n values from `low` to `high`."""
    most = min(LINEAR, max(8, math.ceil(4 * n ** (1 / 3))))
    spread = high - low
    if not spread:
        return math.frexp(high)[1] - 4 if high else -4
    power = math.frexp(spread / most)[1] - 1 if math.isfinite(spread) else 1018
    while math.floor(high / math.ldexp(1.0, power)) - math.floor(low / math.ldexp(1.0, power)) >= most:
        power += 1
    return power


def _magnitudes(flat: Any, zeros: int) -> tuple[Bins, Bins]:
    """How many numbers above and below zero lie in each magnitude bin, read off the leading bits of the numbers."""
    if flat.dtype == np.float32:
        bits, bias, half = flat.view(np.int32), 127, 1 << 10
        leading = (bits >> 21) & 0x7FF
    else:
        bits, bias, half = flat.view(np.int64), 1023, 1 << 13
        leading = (bits >> 50) & 0x3FFF
    counts = np.bincount(leading, minlength=2 * half)
    if zeros:
        plain = int((bits == 0).sum())
        counts[0] -= plain
        counts[half] -= zeros - plain  # -0.0
    return _side(counts[:half], bias), _side(counts[half:], bias)


def _side(counts: Any, bias: int) -> Bins:
    """From the counts by leading bits to bins; all that are smaller than 2^-126 are one."""
    tiny = TINY_BIN + 4 * bias
    counts = np.concatenate([[counts[:tiny].sum()], counts[tiny:]])
    filled = np.flatnonzero(counts)
    if not filled.size:
        return 0, []
    return int(filled[0]) + TINY_BIN - 1, counts[filled[0] : filled[-1] + 1]


def edge(j: int) -> float:
    """The lower edge of magnitude bin j."""
    return math.ldexp(1 + (j % 4) / 4, j // 4)


def edges(bins: Bins, width: float | None = None) -> list[float]:
    """All edges of some bins: of linear ones if a width is given, else by magnitude."""
    first, counts = bins
    steps = range(first, first + len(counts) + 1)
    return [i * width for i in steps] if width is not None else [edge(j) for j in steps]


def coarser(bins: Bins, by: int) -> Bins:
    """Linear bins of 2^by times the width, the counts added up: exact."""
    first, counts = bins
    if not by or not len(counts):
        return first, counts
    start = first >> by
    at = (np.arange(first, first + len(counts)) >> by) - start
    return start, np.bincount(at, weights=np.asarray(counts, dtype=np.float64))


def joined(a: Distribution, b: Distribution) -> Distribution:
    """The distribution of two arrays' values together."""
    if not b.finite or not a.finite:
        made = Distribution(**vars(a if a.finite else b))
        made.n, made.nan, made.inf = a.n + b.n, a.nan + b.nan, a.inf + b.inf
        return made
    a_mean, b_mean, a_std, b_std = (x or 0.0 for x in (a.mean, b.mean, a.std, b.std))
    n = a.finite + b.finite
    mean = (a_mean * a.finite + b_mean * b.finite) / n
    apart = a.finite * b.finite / n * (a_mean - b_mean) ** 2  # Chan, Golub and LeVeque 1979
    spread = math.sqrt(max(0.0, (a_std**2 * a.finite + b_std**2 * b.finite + apart) / n))
    width = max(a.width, b.width)
    low, high = min(a.min, b.min), max(a.max, b.max)  # type: ignore[type-var]
    power = max(round(math.log2(width)), _power(low, high, n))  # type: ignore[arg-type]
    width = math.ldexp(1.0, power)
    lines = _added(*(coarser(x.linear, power - round(math.log2(x.width))) for x in (a, b)))
    sums = {
        k: getattr(a, k) + getattr(b, k) for k in ("n", "nan", "inf", "zero", "negative", "under", "subnormal", "over")
    }
    return Distribution(
        **sums, min=low, max=high, mean=mean, std=spread, width=width, linear=lines,
        positive=_added(a.positive, b.positive), negatives=_added(a.negatives, b.negatives),
        exact=a.exact and b.exact,
    )  # fmt: skip


def _added(a: Bins, b: Bins) -> Bins:
    """Two rows of bins of one kind, added up."""
    if not len(a[1]) or not len(b[1]):
        return b if not len(a[1]) else a
    first = min(a[0], b[0])
    total = np.zeros(max(a[0] + len(a[1]), b[0] + len(b[1])) - first)
    for start, counts in (a, b):
        total[start - first : start - first + len(counts)] += counts
    return first, total


def of_histogram(limits: Sequence[float], counts: Sequence[float], **known: Any) -> Distribution:
    """A distribution from another's histogram: counts are shared out among our bins in proportion, all are estimates.

    Args:
        limits: the edges; counts[i] values lie between limits[i] and limits[i + 1].
        counts: how many.
        known: what is known better: n, min, max, mean, std.
    """
    at, much = np.asarray(limits, dtype=np.float64), np.asarray(counts, dtype=np.float64)
    made = Distribution(n=float(much.sum()), exact=False)
    some = np.flatnonzero(much > 0)
    if at.size < 2 or not some.size:
        return Distribution(**{**vars(made), **{k: v for k, v in known.items() if k == "n"}})
    made.min, made.max = float(at[some[0]]), float(at[some[-1] + 1])
    for name, value in known.items():
        setattr(made, name, value)
    least, most = made.min or 0.0, made.max or 0.0
    low, high = np.maximum(at[:-1], least)[some], np.minimum(at[1:], most)[some]
    high = np.maximum(low, high)
    much = much[some]
    power = _power(least, most, made.n)
    made.width = math.ldexp(1.0, power)
    made.linear = _shared(low / made.width, high / made.width, much)
    across = (low <= 0) & (high >= 0) & (np.maximum(-low, high) < 1e-9 * max(abs(least), abs(most), 1e-30))
    made.zero = float(much[across].sum())
    made.negative = float(
        (much * np.clip(np.where(high > low, -low / np.maximum(high - low, 1e-300), low < 0), 0, 1))[~across].sum()
    )
    for name, a, b in (("positive", low, high), ("negatives", -high, -low)):
        side = (b > 0) & ~across
        a, b = a[side], b[side]
        part = much[side] * np.where(a < 0, b / np.maximum(b - a, 1e-300), 1.0)
        a = np.maximum(a, np.minimum(b, b * 2.0**-10))
        where = _place(a), _place(b)
        setattr(made, name, _shared(*where, part))
        for band, (bottom, top) in {
            "under": (0, SMALLEST),
            "subnormal": (SMALLEST, NORMAL),
            "over": (LARGEST, math.inf),
        }.items():
            inside = np.clip(np.minimum(b, top), a, None) - np.clip(bottom, a, b)
            share = np.where(b > a, inside / np.maximum(b - a, 1e-300), (b >= bottom) & (b < top))
            setattr(made, band, getattr(made, band) + float((part * np.clip(share, 0, 1)).sum()))
    return made


def _place(size: Any) -> Any:
    """Where a magnitude lies among the magnitude bins, as a number with a fraction."""
    part, power = np.frexp(size)
    return np.maximum(4.0 * (power - 1) + 4 * (2 * part - 1), TINY_BIN - 1)


def _shared(low: Any, high: Any, much: Any) -> Bins:
    """Amounts that lie between `low` and `high`, shared out among the whole numbers."""
    if not len(low):
        return 0, []
    first, last = math.floor(low.min()), max(math.floor(low.min()) + 1, math.ceil(high.max()))
    edges = np.arange(first, last + 1)
    total = np.zeros(last - first)
    for a, b, amount in zip(low, high, much, strict=True):
        if b <= a:
            total[min(math.floor(a) - first, last - first - 1)] += amount
            continue
        start, stop = math.floor(a) - first, math.ceil(b) - first
        over = np.clip(edges[start + 1 : stop + 1], a, b) - np.clip(edges[start:stop], a, b)
        total[start:stop] += amount * over / (b - a)
    return first, total
