"""Statistics, histogram and marks of an array of real numbers. Everything is computed in float64.

The statistics are those of PyTorch: `std` divides by n - 1, `norm` is the Euclidean one. Numbers that are not finite
are counted and listed, and left out of the others. A large array is gone through in pieces: it costs no second copy.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

BINS = 40
FEWER = 14  # bins, where there are many tensors
PIECE = 1 << 16  # elements: what stays in the cache
MARKS = 40  # positions listed of each kind
CLASSES = 12  # different whole numbers that get a colour each
SAMPLE = 20_000  # elements the 99th percentile is taken from
OUTLIER = 4  # times that percentile: if the largest is more, the full colour is given to the percentile


def pieces(flat: Any) -> Iterator[Any]:
    """The array in pieces of float64."""
    for start in range(0, flat.size, PIECE):
        yield flat[start : start + PIECE].astype(np.float64)


def facts(array: Any, bins: int = BINS) -> dict[str, Any]:
    """Everything told of one array; JSON-able."""
    flat = array.reshape(-1)
    made: dict[str, Any] = {"count": int(flat.size), **_statistics(flat)}
    made["hist"] = _histogram(flat, made, bins)
    made["marks"] = _marks(flat) if made["nan"] or made["inf"] else []
    made["classes"] = _classes(flat, made)
    made["top"], most = _tops(flat, made)
    made["full"] = most if made["top"] > OUTLIER * most else made["top"]
    return made


def _statistics(flat: Any) -> dict[str, Any]:
    """One pass: extremes and their places; mean and spread of the pieces, put together (Chan, Golub, LeVeque 1979)."""
    seen = _Seen()
    counts = {"nan": 0, "plus": 0, "minus": 0, "zero": 0}
    start = 0
    for piece in pieces(flat):
        counts["zero"] += piece.size - int(np.count_nonzero(piece))
        with np.errstate(over="ignore", invalid="ignore"):
            total = float(piece.sum())
        if not math.isfinite(total):
            fine = np.isfinite(piece)
            counts["nan"] += int(np.isnan(piece).sum())
            counts["plus"] += int((piece == math.inf).sum())
            counts["minus"] += int((piece == -math.inf).sum())
            seen.add(piece, start, fine)
        else:
            seen.add(piece, start, None)
        start += piece.size
    made: dict[str, Any] = {**counts, "inf": counts["plus"] + counts["minus"]}
    if not seen.count:
        norm = 0.0 if flat.size == 0 else None
        return {**made, "min": None, "max": None, "mean": None, "std": None, "norm": norm, "at": [-1, -1]}
    std = math.sqrt(seen.spread / (seen.count - 1)) * seen.scale if seen.count > 1 else None
    whole = flat.dtype.kind in "biu"
    ends = [safe(int(flat[k])) if whole else safe(float(flat[k])) for k in seen.at]
    return {
        **made, "min": ends[0], "max": ends[1], "mean": safe(seen.mean * seen.scale),
        "std": None if std is None else safe(std), "norm": safe(math.sqrt(seen.squares) * seen.scale), "at": seen.at,
    }  # fmt: skip


class _Seen:
    """What is known of the finite numbers so far. Very large or small ones are scaled: their squares would be lost."""

    def __init__(self) -> None:
        self.count, self.mean, self.spread, self.squares, self.scale = 0, 0.0, 0.0, 0.0, 1.0
        self.low, self.high, self.at = math.inf, -math.inf, [-1, -1]

    def add(self, piece: Any, start: int, fine: Any) -> None:
        """A piece that begins at element `start`; `fine` says which of its numbers are finite, None that all are."""
        part = piece if fine is None else piece[fine]
        if not part.size:
            return
        low, high = float(part.min()), float(part.max())
        if low < self.low:
            self.low, self.at[0] = low, start + self._place(piece, low)
        if high > self.high:
            self.high, self.at[1] = high, start + self._place(piece, high)
        top = max(abs(self.low), abs(self.high))
        if top and not 1e-140 < top / self.scale < 1e140:
            self._rescale(2.0 ** (math.frexp(top)[1] - 1))
        part = part / self.scale if self.scale != 1 else part
        mean = float(part.sum()) / part.size
        self.squares += float(np.einsum("i,i->", part, part))
        around = part - mean
        apart = mean - self.mean
        total = self.count + part.size
        self.spread += float(np.einsum("i,i->", around, around)) + apart * apart * self.count * part.size / total
        self.mean += apart * part.size / total
        self.count = total

    def _place(self, piece: Any, value: float) -> int:
        return int((piece == value).argmax())

    def _rescale(self, scale: float) -> None:
        by = self.scale / scale
        self.mean, self.spread, self.squares, self.scale = (
            self.mean * by,
            self.spread * by * by,
            self.squares * by * by,
            scale,
        )


def _histogram(flat: Any, made: dict[str, Any], bins: int) -> dict[str, Any] | None:
    """Counts in equal bins from the lowest to the highest number; of few whole numbers a bin each."""
    if made["min"] is None:
        return None
    low, high = float(made["min"]), float(made["max"])
    whole = flat.dtype.kind in "biu" and high - low < bins
    if whole:
        low, high, count = low - 0.5, high + 0.5, int(high - low) + 1
    elif low == high:
        room = abs(low) * 0.5 or 0.5
        low, high, count = low - room, high + room, 1
    else:
        count = bins
    width = high - low
    if not math.isfinite(width):
        return None
    counts = np.zeros(count, dtype=np.int64)
    for piece in pieces(flat):
        fine = piece[np.isfinite(piece)] if made["nan"] or made["inf"] else piece
        place = ((fine - low) * (count / width)).astype(np.int64)
        counts += np.bincount(np.minimum(place, count - 1, out=place), minlength=count)
    return {"low": low, "high": high, "counts": counts.tolist(), "whole": whole}


def _marks(flat: Any) -> list[list[Any]]:
    """Where numbers are not finite: flat index and kind, the first of each kind, in order of place."""
    found: dict[str, list[int]] = {"nan": [], "inf": [], "-inf": []}
    for start in range(0, flat.size, PIECE):
        piece = flat[start : start + PIECE]
        bad = np.flatnonzero(~np.isfinite(piece))
        for k in bad.tolist():
            value = float(piece[k])
            kind = "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"
            if len(found[kind]) < MARKS:
                found[kind].append(start + k)
            elif all(len(places) >= MARKS for places in found.values()):
                break
    return sorted([place, kind] for kind, places in found.items() for place in places)


def _classes(flat: Any, made: dict[str, Any]) -> list[list[int]] | None:
    """The different whole numbers and how often each occurs, if they are few: they get a colour each."""
    hist = made["hist"]
    if flat.dtype.kind not in "iu" or not hist or not hist["whole"] or made["min"] < 0:
        return None
    low = int(made["min"])
    found = [[low + i, n] for i, n in enumerate(hist["counts"]) if n]
    return found if 3 <= len(found) <= CLASSES else None


def _tops(flat: Any, made: dict[str, Any]) -> tuple[float, float]:
    """The largest size, and the size that 99 % do not exceed (of evenly picked elements where there are many)."""
    if made["min"] is None:
        return 1.0, 1.0
    top = max(abs(float(made["min"])), abs(float(made["max"]))) or 1.0
    picked = flat[:: max(1, flat.size // SAMPLE)].astype(np.float64)
    fine = np.abs(picked[np.isfinite(picked)])
    most = float(np.quantile(fine, 0.99)) if fine.size else top
    return top, most or top


def safe(value: Any) -> Any:
    """A JSON number; text where JSON or a browser's numbers would lose it."""
    if isinstance(value, int):
        return value if abs(value) < 2**53 else str(value)
    return value if math.isfinite(value) else str(value)
