"""Random counts by PyTorch's methods: how many events (Poisson), how many successes (binomial).

Both draw uniform numbers until one is accepted, so that how many words a count takes from the stream is not known
before. Few expected: add up waiting times until the time is over. Many: transformed rejection (Hormann, 1993), which
proposes a count from two uniform numbers and accepts it as often as its true probability says.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

Uniform = Callable[[], float]
_AHEAD = 1024
MANY = 10  # expected events from which on transformed rejection is used


@contextmanager
def one_by_one(draws: Any) -> Iterator[Uniform]:
    """Uniform float64 numbers in turn, read ahead; after the block the stream goes on behind the last one used."""
    with draws._lock:
        start, used = draws.state_bytes(), 0
        ahead: Iterator[float] = iter(())

        def next_one() -> float:
            nonlocal used, ahead
            used += 1
            for value in ahead:
                return value
            ahead = iter(draws.unit(_AHEAD).tolist())
            return next(ahead)

        try:
            yield next_one
        finally:
            draws.load_bytes(start)
            draws.long_words(used)


def poisson(draws: Any, rates: Any) -> Any:
    """For each rate, a number of events, in float64."""
    with one_by_one(draws) as uniform:
        return np.array([_events(rate, uniform) for rate in rates.astype(np.float64).ravel().tolist()], np.float64)


def binomial(draws: Any, trials: Any, chances: Any) -> Any:
    """For each number of trials and chance of success, a number of successes, in float64."""
    with one_by_one(draws) as uniform:
        pairs = zip(trials.ravel().tolist(), chances.ravel().tolist(), strict=True)
        return np.array([_successes(float(n), float(p), uniform) for n, p in pairs], np.float64)


def _events(rate: float, uniform: Uniform) -> float:
    if rate == 0:
        return 0.0
    if rate >= MANY:
        return _many_events(rate, uniform)
    # The product of uniform numbers is e to the minus a sum of waiting times.
    end, product, count = math.exp(-rate), 1.0, -1
    while product > end or count < 0:
        product *= uniform()
        count += 1
    return float(count)


def _proposed(uniform: Uniform, a: float, b: float, middle: float) -> tuple[float, float, float]:
    """A proposed count, the second uniform number, and the distance of the first from its ends."""
    u, v = uniform() - 0.5, uniform()
    edge = 0.5 - abs(u)
    return math.floor((2 * a / edge + b) * u + middle) if edge else -1.0, v, edge


def _many_events(rate: float, uniform: Uniform) -> float:
    b = 0.931 + 2.53 * math.sqrt(rate)
    a = -0.059 + 0.02483 * b
    scale, quick = 1.1239 + 1.1328 / (b - 3.4), 0.9277 - 3.6224 / (b - 2)
    while True:
        k, v, edge = _proposed(uniform, a, b, rate + 0.43)
        if edge >= 0.07 and v <= quick:
            return float(k)
        if k < 0 or (edge < 0.013 and v > edge):
            continue
        height = _log(v) + math.log(scale) - math.log(a / (edge * edge) + b)
        if height <= -rate + k * math.log(rate) - math.lgamma(k + 1):
            return float(k)


def _successes(n: float, p: float, uniform: Uniform) -> float:
    if n <= 0 or p <= 0:
        return 0.0
    if p >= 1:
        return n
    if math.isnan(p) or math.isnan(n):
        return math.nan
    rare = min(p, 1 - p)
    found = _many_successes(n, rare, uniform) if n * rare >= MANY else _few_successes(n, rare, uniform)
    return found if p <= 0.5 else n - found


def _few_successes(n: float, p: float, uniform: Uniform) -> float:
    """Trials until a success are geometric: add them up until the trials are used up."""
    trials, count = 0.0, -1
    while trials <= n:
        trials += math.ceil(_log(uniform()) / math.log1p(-p))
        count += 1
    return float(count)


def _many_successes(n: float, p: float, uniform: Uniform) -> float:
    deviation = math.sqrt(n * p * (1 - p))
    b = 1.15 + 2.53 * deviation
    a = -0.0873 + 0.0248 * b + 0.01 * p
    quick, scale = 0.92 - 4.2 / b, (2.83 + 5.1 / b) * deviation
    odds, top = p / (1 - p), math.floor((n + 1) * p)
    while True:
        k, v, edge = _proposed(uniform, a, b, n * p + 0.5)
        if edge >= 0.07 and v <= quick:
            return float(k)
        if k < 0 or k > n:
            continue
        height = _log(v * scale / (a / (edge * edge) + b))
        bound = (
            (top + 0.5) * math.log((top + 1) / (odds * (n - top + 1)))
            + (n + 1) * math.log((n - top + 1) / (n - k + 1))
            + (k + 0.5) * math.log(odds * (n - k + 1) / (k + 1))
            + _tail(top) + _tail(n - top) - _tail(k) - _tail(n - k)
        )  # fmt: skip
        if height <= bound:
            return float(k)


def _log(x: float) -> float:
    return math.log(x) if x > 0 else -math.inf


# What Stirling's formula leaves out of log k! for k = 0 ... 9.
_TAILS = [
    math.lgamma(k + 1) - ((k + 0.5) * math.log(k + 1) - (k + 1) + 0.5 * math.log(2 * math.pi)) for k in range(10)
]  # fmt: skip


def _tail(k: float) -> float:
    """log k! less Stirling's formula at k + 1, by its series for large k."""
    if k <= 9:
        return _TAILS[int(k)]
    square = (k + 1) * (k + 1)
    return (1 / 12 - (1 / 360 - 1 / 1260 / square) / square) / (k + 1)
