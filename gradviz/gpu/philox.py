"""Philox4x32-10 in NumPy: the twin of kernels/philox.cu, bit for bit, so that what a GPU drew can be checked on a CPU.

J. Salmon, M. Moraes, R. Dror, D. Shaw: Parallel random numbers: as easy as 1, 2, 3. SC 2011.

A stream is a key (the seed) and a place in it (the offset, counted in words of 32 bits). Word w is a part of
`philox(w // 4, key)`: no word depends on the one before, which is what lets each thread of a GPU make its own.
Every call begins with a new block of four words.
"""

from __future__ import annotations

import math
import struct
from typing import Any

import numpy as np

from ..core.draws import Array, Draws, _narrow, _part

_LOW = np.uint64(0xFFFFFFFF)
_32 = np.uint64(32)
_MULTIPLIERS = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
STATE = struct.Struct("<QQ")
_WEYL = 0x9E3779B9, 0xBB67AE85


def philox(counter: tuple[Any, Any, Any, Any], key: tuple[int, int]) -> tuple[Any, Any, Any, Any]:
    """Four words from a counter of four words (uint64 arrays of 32-bit numbers) and a key of two."""
    a, b, c, d = counter
    k0, k1 = key
    for _ in range(10):
        p, q = _MULTIPLIERS[0] * a, _MULTIPLIERS[1] * c
        a, b, c, d = (q >> _32) ^ b ^ np.uint64(k0), q & _LOW, (p >> _32) ^ d ^ np.uint64(k1), p & _LOW
        k0, k1 = (k0 + _WEYL[0]) & 0xFFFFFFFF, (k1 + _WEYL[1]) & 0xFFFFFFFF
    return a, b, c, d


def words(seed: int, offset: int, n: int) -> Array:
    """n words of the stream of a seed, from `offset` (divisible by 4) on, in uint64."""
    with np.errstate(over="ignore"):
        counter = np.arange(-(-n // 4), dtype=np.uint64) + np.uint64(offset % 2**64 // 4)
    zero = np.zeros_like(counter)
    made = philox((counter & _LOW, counter >> _32, zero, zero), (seed & 0xFFFFFFFF, seed >> 32))
    return np.stack(made, axis=1).ravel()[:n]


def log_unit(x: Array) -> Array:
    """The natural logarithm for 2**-53 <= x <= 1, in operations that are rounded alike everywhere."""
    f, e = np.frexp(x)
    small = f < math.sqrt(0.5)
    f, e = np.where(small, f * 2.0, f), np.where(small, e - 1, e)
    s = (f - 1.0) / (f + 1.0)
    z, total = s * s, np.zeros_like(f)
    for k in range(23, 0, -2):
        total = total * z + 1.0 / k
    out: Array = e.astype(np.float64) * 0.69314718055994529 + 2.0 * s * total
    return out


def turn(u: Array) -> tuple[Array, Array]:
    """The cosine and sine of u turns, 0 <= u < 1, in operations that are rounded alike everywhere."""
    quarter = (u * 4.0 + 0.5).astype(np.int64)
    y = (u * 4.0 - quarter) * (math.pi / 2)
    z, c, s = y * y, np.zeros_like(y), np.zeros_like(y)
    for k in range(16, 0, -2):
        c = (1.0 - c) * z / (k * (k - 1.0))
        s = (1.0 - s) * z / (k * (k + 1.0))
    c, s = 1.0 - c, (1.0 - s) * y
    at = quarter & 3
    return np.choose(at, [c, -s, -c, s]), np.choose(at, [s, c, -s, -c])


class Philox(Draws):
    """A cuda generator's numbers, drawn on the CPU. `seed` and `offset` are all its state."""

    def __init__(self, seed: int = 0, offset: int = 0) -> None:
        super().__init__()
        self._seed, self._offset = seed, offset

    def state_bytes(self) -> bytes:
        """Seed and offset, eight bytes each."""
        return STATE.pack(self._seed, self._offset)

    def load_bytes(self, state: bytes) -> None:
        """Continue from a state that `state_bytes` gave."""
        with self._lock:
            self._seed, self._offset = STATE.unpack(state)

    def take(self, n: int) -> int:
        """Where the next n words begin; moves past them, to the next block."""
        with self._lock:
            start = self._offset
            self._offset = start + -(-n // 4) * 4
        return start

    def words(self, n: int) -> Array:
        return words(self._seed, self.take(n), n)

    def uniform(self, n: int, dtype: Any, low: float = 0.0, high: float = 1.0) -> Array:
        """Uniform numbers in [low, high), worked out in float64; both parts of complex ones."""
        dtype = np.dtype(dtype)
        if dtype.kind == "c":
            return self.uniform(2 * n, _part(dtype), low, high).view(dtype)
        unit = self.unit(n, dtype).astype(np.float64)
        wide = unit * (high - low) + low
        drawn = wide if dtype == np.float64 else wide.astype(np.float32)
        drawn = np.where(drawn < drawn.dtype.type(high), drawn, drawn.dtype.type(low))
        out: Array = no_end(np, drawn.astype(dtype, copy=False), low, high)
        return out

    def normal(self, n: int, dtype: Any, mean: float = 0.0, std: float = 1.0, block: bool = True) -> Array:
        """Normal numbers, two from every four words. `block` says how memory lies, which matters to the CPU only."""
        dtype = np.dtype(dtype)
        if dtype.kind == "c":  # each part has half of the variance
            return self.normal(2 * n, _part(dtype), mean, std / math.sqrt(2)).view(dtype)
        unit = self.unit(n + n % 2).reshape(-1, 2)
        radius = np.sqrt(-2.0 * log_unit(1.0 - unit[:, 0]))
        wide = np.stack([radius * part * std + mean for part in turn(unit[:, 1])], axis=1).ravel()[:n]
        return _narrow(wide, dtype)

    def exponential(self, n: int, dtype: Any, rate: float = 1.0) -> Array:
        """Waiting times at `rate` events per unit of time."""
        return _narrow(-log_unit(1.0 - self.unit(n)) / rate, dtype)

    def permutation(self, n: int) -> Array:
        """0 ... n-1 in random order: the order of n long random numbers, which a GPU sorts all at once."""
        return np.argsort(self.long_words(n), kind="stable")

    # Log-normal and gamma numbers come of normal ones in turn; here none waits for the next call.
    _second = property(lambda self: None, lambda self, value: None)

    def _normal_in_turn(self, n: int) -> Array:
        return self.normal(n, np.float64)


def no_end(xp: Any, drawn: Any, low: float, high: float) -> Any:
    """Half precision, rounded from float32, may reach `high`, which is not in the range."""
    if drawn.dtype.itemsize > 2:
        return drawn
    low, high = (float(drawn.dtype.type(end)) for end in (low, high))
    return xp.where(drawn.astype(xp.float32) == high, low, drawn).astype(drawn.dtype)
