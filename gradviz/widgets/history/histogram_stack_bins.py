"""Where the distributions of `HistogramStack` stand on its axis: frontend/src/distributions.ts says the same.

The linear scale is that of the values; the logarithmic one counts octaves, a size v stands at log2(v). With the signs
apart, negative values stand left of the middle, the largest outermost.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from gradviz.viz.plot import ticks

FLOAT16 = (-24.0, -14.0, math.log2(65504))  # in octaves: the smallest number, the smallest normal one, the largest

Bins = Sequence[Any]
Column = tuple[float, float, float]  # from, to, density


def edge(j: int, per: int) -> float:
    """Where magnitude bin j begins, in octaves."""
    return j // per + math.log2(1 + (j % per) / per)


def columns(tensor: dict[str, Any], data: dict[str, Any]) -> list[list[Column]]:
    """For each row its bins (from, to, density): the share of all values in it, per octave in the logarithmic scale."""
    if data["scale"] == "linear":
        power = max(row[0] for row in tensor["linear"])
        return [_linear(row, power, facts[0]) for row, facts in zip(tensor["linear"], tensor["facts"], strict=True)]
    rows = []
    per, (low, _) = data["per_octave"], domain(tensor, data)
    for plus, minus, facts in zip(tensor["positive"], tensor["negatives"], tensor["facts"], strict=True):
        if data["split"]:
            left = [(2 * low - b, 2 * low - a, y) for a, b, y in reversed(_log(minus, per, facts[0]))]
            rows.append([*left, *_log(plus, per, facts[0])])
        else:
            rows.append(_log(_sum(plus, minus), per, facts[0]))
    return rows


def outline(row: Sequence[Column]) -> list[tuple[float, float]]:
    """The line over the middles of a row's bins, down to 0 at both ends and where bins are not neighbours."""
    made: list[tuple[float, float]] = []
    end = -math.inf
    for a, b, y in row:
        if a > end + 1e-9 * abs(a):
            if made:
                made.append((end + (end - made[-1][0]), 0.0))
            made.append((a - (b - a) / 2, 0.0))
        made.append(((a + b) / 2, y))
        end = b
    if made:
        made.append((2 * end - made[-1][0], 0.0))
    return made


def _linear(row: Sequence[Any], power: int, n: float) -> list[Column]:
    own, first, counts = row
    shift, width = power - own, math.ldexp(1.0, power)
    sums: dict[int, float] = {}
    for i, count in enumerate(counts):
        at = (first + i) >> shift
        sums[at] = sums.get(at, 0.0) + count
    return [(i * width, (i + 1) * width, count / n) for i, count in sorted(sums.items())]


def _log(bins: Bins, per: int, n: float) -> list[Column]:
    first, counts = bins
    ends = [edge(first + i, per) for i in range(len(counts) + 1)]
    return [(a, b, c / n / (b - a)) for a, b, c in zip(ends, ends[1:], counts, strict=False)]


def _sum(a: Bins, b: Bins) -> Bins:
    if not a[1] or not b[1]:
        return a if a[1] else b
    first = min(a[0], b[0])
    total = [0.0] * (max(a[0] + len(a[1]), b[0] + len(b[1])) - first)
    for start, counts in (a, b):
        for i, count in enumerate(counts):
            total[start - first + i] += count
    return first, total


def domain(tensor: dict[str, Any], data: dict[str, Any]) -> tuple[float, float]:
    """The ends of the axis: of values, or of sizes in octaves (one side's, where the signs are apart)."""
    if data["scale"] == "linear":
        power = max(row[0] for row in tensor["linear"])
        width = math.ldexp(1.0, power)
        rows = [row for row in tensor["linear"] if row[2]]
        if not rows:
            return -1.0, 1.0
        low = min((row[1] >> (power - row[0])) - 1 for row in rows) * width
        high = max(((row[1] + len(row[2]) - 1) >> (power - row[0])) + 2 for row in rows) * width
        return low, high
    per = data["per_octave"]
    rows = [bins for name in ("positive", "negatives") for bins in tensor[name] if bins[1]]
    low = min((edge(bins[0], per) for bins in rows), default=-4.0) - 1
    high = max((edge(bins[0] + len(bins[1]), per) for bins in rows), default=1.0) + 1
    return (min(low, -27.0), max(high, 18.0)) if data["fp16"] else (low, high)


def marks(tensor: dict[str, Any], data: dict[str, Any], about: float) -> list[tuple[float, str]]:
    """The ticks of the axis: place and text. Sizes are powers of ten."""
    low, high = domain(tensor, data)
    if data["scale"] == "linear":
        return [(v, f"{v:g}") for v in ticks(low, high, about)]
    split = data["split"]
    first, last = math.ceil(low * math.log10(2)), math.floor(high * math.log10(2))
    stride = max(1, math.ceil((last - first) / (about / 2 if split else about)))
    powers = [k for k in range(first, last + 1) if k % stride == 0]
    found = [(k / math.log10(2), "1" if k == 0 else f"1e{k}") for k in powers]
    if not split:
        return found
    far = [(x, text) for x, text in found if x - low > 0.08 * (high - low)]  # the two sides meet in the middle
    return [*((2 * low - x, f"-{text}") for x, text in reversed(far)), *far]


def bands(tensor: dict[str, Any], data: dict[str, Any]) -> list[tuple[float, float, str]]:
    """What float16 cannot hold, from where to where on the axis, and the word for it."""
    if data["scale"] != "log" or not data["fp16"]:
        return []
    low, high = domain(tensor, data)
    smallest, normal, largest = FLOAT16
    found = [(low, smallest, "under"), (smallest, normal, "subnormal"), (largest, high, "over")]
    if data["split"]:
        found += [(2 * low - b, 2 * low - a, words) for a, b, words in found]
    return found


def bars(tensor: dict[str, Any], data: dict[str, Any], now: int) -> list[tuple[float, float, float, float]]:
    """The bars of one row, in its own bins: from, to, height (count, or count per octave), sign."""
    if data["scale"] == "linear":
        power, first, counts = tensor["linear"][now]
        width = math.ldexp(1.0, power)
        made = [((first + i) * width, (first + i + 1) * width, float(c)) for i, c in enumerate(counts)]
        return [(a, b, c, -1.0 if b <= 0 else 1.0) for a, b, c in made if c]
    per = data["per_octave"]
    found = []
    for name, sign in (("positive", 1.0), ("negatives", -1.0)):
        first, counts = tensor[name][now]
        for i, c in enumerate(counts):
            a, b = edge(first + i, per), edge(first + i + 1, per)
            if c:
                found.append((a, b, c / (b - a), sign))
    return found


def said(tensor: dict[str, Any], data: dict[str, Any], now: int) -> list[tuple[str, str]]:
    """The numbers of one row, as pairs of words and number."""
    facts = dict(zip(data["facts"], tensor["facts"][now], strict=True))
    about = "" if tensor["exact"] else "≈ "

    def share(name: str) -> str:
        return f"{about}{100 * facts[name] / facts['n']:.4g}%" if facts["n"] else "–"

    def number(value: Any) -> str:
        return "–" if value is None else value if isinstance(value, str) else f"{value:.6g}"

    found = [("values", number(facts["n"]))]
    found += [(name, number(facts[name])) for name in ("min", "max", "mean", "std")]
    found += [("negative", share("negative")), ("exactly 0", share("zero"))]
    for key, words in (
        ("under", "under fp16 (< 5.96e-8)"),
        ("subnormal", "subnormal (< 6.1e-5)"),
        ("over", "over fp16 (> 65504)"),
    ):
        found.append((words, share(key)))
    if facts["nan"] or facts["inf"]:
        found.append(("⚠ not finite", f"{facts['nan']} NaN, {facts['inf']} inf"))
    return found
