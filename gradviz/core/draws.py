"""Distributions from one stream of random 32-bit words, by the rules of PyTorch's CPU generator.

Two things make a drawn number PyTorch's: the arithmetic, and how many words each draw takes from the stream.

    uniform float32, float16, bfloat16   1 word      its low 24 bits
    uniform float64                      2 words     high word first, the low 53 bits
    integers below 2**28 of them         1 word      modulo; 2 words from there on
    normal, 16 and more, in one block    as uniform  pairs of uniforms 8 apart (Box-Muller), an odd end drawn again
    normal, otherwise                    4 words     for two values in float64; the second waits for the next call
    bernoulli(number), exponential,      2 words     a float64 uniform
    cauchy, geometric
    log-normal                           4 words     for two values, as normal in turn
    permutation                          1 word      for each swap
"""

from __future__ import annotations

import math
import threading
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
_LONG_RANGE = 1 << 28


class Draws:
    """Random arrays, one-dimensional, from the words that a subclass provides."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._second: float | None = None  # the normal value that waits for the next call

    def words(self, n: int) -> Array:
        """The next n words of the stream, 32 random bits each, in uint64."""
        raise NotImplementedError

    def long_words(self, n: int) -> Array:
        """n numbers of 64 random bits, two words each."""
        pairs = self.words(2 * n).reshape(n, 2)
        return (pairs[:, 0] << np.uint64(32)) | pairs[:, 1]

    def unit(self, n: int, dtype: Any = np.float64) -> Array:
        """Uniform numbers in [0, 1): of 53 bits for float64, else of 24 bits in float32."""
        if dtype == np.float64:
            return (self.long_words(n) & np.uint64(2**53 - 1)) * 2.0**-53
        return (self.words(n) & np.uint64(2**24 - 1)).astype(np.float32) * np.float32(2.0**-24)

    def uniform(self, n: int, dtype: Any, low: float = 0.0, high: float = 1.0) -> Array:
        """Uniform numbers in [low, high); both parts of complex ones."""
        dtype = np.dtype(dtype)
        if dtype.kind == "c":
            return self.uniform(2 * n, _part(dtype), low, high).view(dtype)
        unit = self.unit(n, dtype)
        start, end = unit.dtype.type(low), unit.dtype.type(high)
        if (low, high) != (0.0, 1.0):
            unit = multiply_add(unit, end - start, start)
        drawn = unit.astype(dtype, copy=False)
        # Rounding may reach `high`, which is not in the range.
        return np.where(drawn == dtype.type(high), dtype.type(low), drawn)

    def normal(self, n: int, dtype: Any, mean: float = 0.0, std: float = 1.0, block: bool = True) -> Array:
        """Normal numbers. `block` says that the memory they go to is in one piece, which decides the method."""
        dtype = np.dtype(dtype)
        if dtype.kind == "c":  # each part has half of the variance
            return self.normal(2 * n, _part(dtype), mean, std / math.sqrt(2), block).view(dtype)
        if n < 16 or not block:
            return _narrow(self._normal_in_turn(n) * std + mean, dtype)
        whole = n - n % 16
        # The last 16 are drawn again where a block would be incomplete: after all n numbers, or, for half precision,
        # after the whole blocks.
        first = n if dtype in (np.float32, np.float64) else whole
        unit = self.unit(first + (16 if n % 16 else 0), dtype)
        drawn = np.empty(n, unit.dtype)
        drawn[:whole] = _box_muller(unit[:whole])
        if n % 16:
            drawn[-16:] = _box_muller(unit[first:])
        if (mean, std) != (0.0, 1.0):
            drawn = drawn * unit.dtype.type(std) + unit.dtype.type(mean)
        return drawn.astype(dtype, copy=False)

    def _normal_in_turn(self, n: int) -> Array:
        with self._lock:
            waiting = [] if self._second is None or n == 0 else [self._second]
            pairs = (n - len(waiting) + 1) // 2
            unit = self.unit(2 * pairs).reshape(-1, 2).tolist()
            drawn = waiting + [value for pair in unit for value in _pair(*pair)]
            if n:
                self._second = drawn[n] if len(drawn) > n else None
            return np.array(drawn[:n])

    def integers(self, n: int, low: int, high: int) -> Array:
        """Integers in [low, high), in int64."""
        span = high - low
        if span >= 2**64:
            return self.long_words(n).view(np.int64)
        words = self.words(n) if span < _LONG_RANGE else self.long_words(n)
        words %= np.uint64(span)
        if low:
            words += np.uint64(low % 2**64)  # additions wrap, so that any range of 64-bit integers works
        return words.view(np.int64)

    def natural(self, n: int, dtype: Any) -> Array:
        """The numbers 0, 1, 2, ... that a type holds exactly, all equally likely."""
        dtype = np.dtype(dtype)
        end = NATURAL[dtype.name]
        words = self.words(n) if dtype.name not in ("float64", "int64") else self.long_words(n)
        return (words % np.uint64(end)).astype(dtype)

    def bernoulli(self, n: int, p: float) -> Array:
        """Trues with probability p."""
        return self.unit(n) < p

    def bernoulli_each(self, p: Array) -> Array:
        """For each probability in p, True that often."""
        unit = self.unit(p.size, p.dtype)
        return unit < p.ravel().astype(unit.dtype)

    def exponential(self, n: int, dtype: Any, rate: float = 1.0) -> Array:
        """Waiting times at `rate` events per unit of time."""
        return _narrow(-1.0 / rate * np.log1p(-self.unit(n)), dtype)

    def cauchy(self, n: int, dtype: Any, median: float = 0.0, sigma: float = 1.0) -> Array:
        """Numbers of the Cauchy distribution: where a ray at a random angle meets a line."""
        return _narrow(median + sigma * np.tan(math.pi * (self.unit(n) - 0.5)), dtype)

    def geometric(self, n: int, dtype: Any, p: float) -> Array:
        """How many trials with chance p it takes until one succeeds."""
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            return _narrow(np.ceil(np.log(self.unit(n)) / math.log1p(-p)), dtype)

    def log_normal(self, n: int, dtype: Any, mean: float = 1.0, std: float = 2.0) -> Array:
        """Numbers whose logarithms are normal."""
        return _narrow(np.exp(self._normal_in_turn(n) * std + mean), dtype)

    def permutation(self, n: int) -> Array:
        """0 ... n-1 in random order (Fisher and Yates: each place swaps with one at or after it)."""
        order = list(range(n))
        if n > 1:
            steps = np.arange(n - 1)
            others = (steps + (self.words(n - 1) % (n - steps).astype(np.uint64)).astype(np.int64)).tolist()
            for i, j in enumerate(others):
                order[i], order[j] = order[j], order[i]
        return np.array(order, np.int64)

    def multinomial(self, weights: Array, samples: int, replacement: bool) -> Array:
        """Per row of `weights`, `samples` column numbers, each as likely as its weight."""
        rows, columns = weights.shape
        if samples == 1 or not replacement:
            # The smallest of exponential times at rates `weights` falls on each column as often as its weight says.
            times = self.exponential(rows * columns, weights.dtype).reshape(rows, columns)
            with np.errstate(divide="ignore", invalid="ignore"):
                score = np.where(weights == 0, weights, weights / times)
            return np.argsort(-score, axis=1, kind="stable")[:, :samples]
        unit = self.unit(rows * samples).reshape(rows, samples)
        total = np.cumsum(weights, axis=1, dtype=np.float32 if weights.dtype.itemsize == 2 else weights.dtype)
        total /= total[:, -1:]
        total[:, -1] = 1
        return np.stack([np.searchsorted(t, u) for t, u in zip(total, unit, strict=True)])


# How many of the numbers 0, 1, 2, ... a type holds without a gap.
NATURAL = {
    "bool": 2, "uint8": 2**8, "int8": 2**7, "int16": 2**15, "int32": 2**31, "int64": 2**63,
    "float16": 2**11 + 1, "bfloat16": 2**8 + 1, "float32": 2**24 + 1, "float64": 2**53 + 1,
}  # fmt: skip


def _pair(turn: float, size: float) -> tuple[float, float]:
    """Two normal numbers from two uniform ones, in float64."""
    radius, angle = math.sqrt(-2.0 * math.log1p(-size)), 2.0 * math.pi * turn
    return radius * math.cos(angle), radius * math.sin(angle)


def _narrow(values: Array, dtype: Any) -> Array:
    """float64 values in another type; half precision is reached by way of float32, as PyTorch does."""
    dtype = np.dtype(dtype)
    half = dtype.itemsize == 2 and dtype.kind not in "iu"
    return (values.astype(np.float32) if half else values).astype(dtype, copy=False)


def _part(dtype: Any) -> Any:
    """The type of a complex number's real and imaginary part."""
    return np.dtype(np.float32 if dtype.itemsize == 8 else np.float64)


def _box_muller(unit: Array) -> Array:
    """Normal numbers from uniform ones, 16 at a time: numbers 0-7 give radii, numbers 8-15 angles."""
    blocks = unit.reshape(-1, 2, 8)
    radius = np.sqrt(-2 * np.log(1 - blocks[:, 0]))
    angle = blocks[:, 1] * unit.dtype.type(2 * math.pi)
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1).ravel()


def multiply_add(x: Array, factor: Any, term: Any) -> Array:
    """x * factor + term, rounded once, as a processor's fused instruction does."""
    if x.dtype == np.float32:
        return (x.astype(np.float64) * float(factor) + float(term)).astype(np.float32)
    product = x * factor
    # Dekker's and Knuth's exact errors of a product and of a sum.
    split = 134217729.0
    x_high, f_high = x * split - (x * split - x), factor * split - (factor * split - factor)
    x_low, f_low = x - x_high, factor - f_high
    lost = ((x_high * f_high - product) + x_high * f_low + x_low * f_high) + x_low * f_low
    total = product + term
    part = total - product
    lost += (product - (total - part)) + (term - part)
    out: Array = total + lost
    return out
