"""`NumberLine`: gradients on the line of the numbers that a 16-bit type has, and a loss scale that moves them.

    NumberLine(model)                                   # the gradients that `backward` left
    NumberLine({"relu output": h.grad, "weight": w.grad}, scale=2.0**16)

    0 <- lost | subnormal: fewer digits | normal: all digits | too large -> inf
              2^-24                   2^-14                2^16          float16

How many values become 0, lose digits or overflow is counted by casting: x is multiplied by the scale in float32, as
`GradScaler` does, then cast; the counts are those of NumPy's cast, for every power of two.

Sources: IEEE 754-2019, binary16; Micikevicius et al., "Mixed precision training", 2018, figure 3.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import ml_dtypes
import numpy as np

from gradviz.core.tensor import Tensor
from gradviz.viz.numbers import number
from gradviz.viz.plot import Axis, Plot, document, short
from gradviz.widgets.base import View
from gradviz.widgets.graph.embed import line
from gradviz.widgets.timeline import Timeline, name_of

SCALES = (-8, 32)  # powers of two that the page can choose
WIDTH, HEIGHT = 689, 330
MOST = 40  # tensors that can be chosen one by one
LOWEST = -150  # float32 has no smaller number than 2^-149


@dataclass(frozen=True)
class Format:
    """A 16-bit type: where its numbers begin, where they have all their digits, where they end (powers of two)."""

    name: str
    numpy: Any
    least: int  # the smallest number above 0
    normal: int  # the smallest with all digits
    end: int  # just above the largest
    bits: int  # of the fraction


FORMATS = {
    "float16": Format("float16", np.dtype(np.float16), -24, -14, 16, 10),
    "bfloat16": Format("bfloat16", np.dtype(ml_dtypes.bfloat16), -133, -126, 128, 7),
}


@dataclass
class Values:
    """The sizes of some gradients, in order: only those that are finite and not 0 are on the line."""

    name: str
    sizes: np.ndarray
    zeros: int
    broken: int  # inf or NaN before any scaling

    @property
    def total(self) -> int:
        return len(self.sizes) + self.zeros + self.broken

    def bins(self) -> tuple[int, list[int]]:
        """The first power of two, and how many sizes lie in [2^e, 2^(e+1)) from there on."""
        if not len(self.sizes):
            return 0, []
        powers = np.frexp(self.sizes)[1] - 1
        first = int(powers.min())
        return first, [int(n) for n in np.bincount(powers - first)]

    def fate(self, kind: Format, power: int) -> tuple[int, int, int]:
        """(become 0, become subnormal, become inf) when multiplied by 2^power in float32 and cast."""
        with np.errstate(over="ignore", under="ignore"):
            scale = np.float32(2.0**power)

            def cast(x: Any) -> Any:
                return np.float32((x * scale).astype(kind.numpy))

            lost = self._first(lambda x: cast(x) > 0)
            whole = self._first(lambda x: cast(x) >= 2.0**kind.normal)
            fine = self._first(lambda x: not np.isfinite(cast(x)))
        return lost, whole - lost, len(self.sizes) - fine

    def _first(self, holds: Any) -> int:
        """The place of the first size for which something holds that, once true, stays true."""
        low, high = 0, len(self.sizes)
        while low < high:
            middle = (low + high) // 2
            if holds(self.sizes[middle]):
                high = middle
            else:
                low = middle + 1
        return low


class NumberLine(View):
    """Where gradients lie among the numbers of float16 or bfloat16, and what a loss scale makes of them.

    Args:
        source: a module or an iterable of parameters (their `.grad`), a tensor, an array, or a dict of tensors.
        scale: the loss scale at first; the page moves in powers of two.
        dtype: "float16" or "bfloat16", shown at first.
        title: shown above the picture.
        timeline: move together with other views; the moment's iteration is the power of two, counted from 2^-8.

    Raises:
        ValueError: where there is no gradient, or the scale is no power of two from 2^-8 to 2^32.
    """

    def __init__(
        self,
        source: Any,
        *,
        scale: float = 1.0,
        dtype: Any = "float16",
        title: str = "Gradients on the number line",
        timeline: Timeline | str | None = None,
    ) -> None:
        kind = str(dtype).removeprefix("torch.")
        if kind not in FORMATS:
            raise ValueError(f"NumberLine: dtype must be float16 or bfloat16; got {dtype!r:.60}.")
        mantissa, power = math.frexp(scale) if isinstance(scale, (int, float)) and math.isfinite(scale) else (0.0, 0)
        if mantissa != 0.5 or not SCALES[0] <= power - 1 <= SCALES[1]:
            raise ValueError(f"NumberLine: scale must be a power of two from 2^-8 to 2^32; got {scale!r:.60}.")
        self.power, self.dtype, self.title, self.timeline = power - 1, kind, title, name_of(timeline)
        named = _read(source)
        if not named:
            raise ValueError(
                "NumberLine: there is no gradient to show.\nCall loss.backward() first; zero_grad() forgets gradients."
            )
        parts = [_values(name, array) for name, array in named]
        self.left_out = max(0, len(parts) - MOST)
        whole = _values("all", np.concatenate([array.reshape(-1) for _, array in named])) if len(named) > 1 else None
        self.values = [*([whole] if whole else []), *parts[:MOST]]

    def shares(self, scale: float | None = None, dtype: str | None = None, name: str | None = None) -> dict[str, float]:
        """The shares of all values that become 0, subnormal and inf; those that were 0 or not finite count as such."""
        power = self.power if scale is None else math.frexp(scale)[1] - 1
        values = next((v for v in self.values if v.name == name), self.values[0])
        lost, sub, over = values.fate(FORMATS[dtype or self.dtype], power)
        total = values.total or 1
        return {"zero": (lost + values.zeros) / total, "subnormal": sub / total, "inf": (over + values.broken) / total}

    # -- what every view gives --------------------------------------------------------------------------------------
    def to_json(self) -> dict[str, Any]:
        """Counts by power of two, and what becomes of them for every scale and both types."""
        powers = range(SCALES[0], SCALES[1] + 1)
        made = []
        for v in self.values:
            first, counts = v.bins()
            fates = {n: [list(v.fate(f, p)) for p in powers] for n, f in FORMATS.items()}
            own = {"name": line(v.name, 80), "zeros": v.zeros, "broken": v.broken, "first": first, "counts": counts}
            made.append({**own, "fates": fates})
        return {
            "format": "gradviz.number_line/1",
            "title": line(self.title, 200),
            "dtype": self.dtype,
            "power": self.power,
            "scales": list(SCALES),
            "types": {n: {"least": f.least, "normal": f.normal, "end": f.end} for n, f in FORMATS.items()},
            "values": made,
            "left_out": self.left_out,
            "timeline": self.timeline,
        }

    def to_html(self) -> str:
        """The picture, its table, and the script that lets the scale be moved where scripts run."""
        from gradviz.widgets.replay import replay_html

        return replay_html(
            "number_line",
            self.to_json(),
            self.to_svg(),
            self.to_text(),
            self.table(),
            caption="What becomes of the gradients, scale by scale",
        )

    def to_svg(self) -> str:
        """The histogram at the first scale, over the zones of the type."""
        kind, values = FORMATS[self.dtype], self.values[0]
        first, counts = values.bins()
        low, high = _reach(kind, first + self.power, len(counts))
        most = max(counts, default=1)
        plot = Plot(Axis(low, high, name="power of two"), Axis(0, most * 1.1, name="values"), WIDTH, HEIGHT, 66, top=44)
        _, top, _, tall = plot.inner
        zones = []
        for name, a, b, colour in _zones(kind, low, high):
            x0, x1 = plot.at(a, 0)[0], plot.at(b, 0)[0]
            box = f'x="{short(x0)}" y="{short(top)}" width="{short(x1 - x0)}" height="{short(tall)}"'
            zones.append(f'<rect {box} fill="{plot.colour(colour)}" fill-opacity=".16"/>')
            if x1 - x0 > 26:
                at = f'x="{short((x0 + x1) / 2)}" y="{short(top - 8)}" text-anchor="middle" font-size="12"'
                zones.append(f'<text {at} fill="{plot.colour("ink")}">{name}</text>')
        edges = [first + self.power + i for i in range(len(counts) + 1)]
        bars = plot.inside(plot.bars(edges, counts, 0)) if counts else ""
        return document([*zones, bars, plot.axes()], WIDTH, HEIGHT, self.caption())

    def caption(self) -> str:
        """One line that says what is seen."""
        share = self.shares()
        scale = f"scale 2^{self.power} = {number(2.0**self.power)}"
        fate = f"{_percent(share['zero'])} become 0, {_percent(share['subnormal'])} subnormal, "
        return f"{line(self.title, 200)}: {self.dtype}, {scale}: {fate}{_percent(share['inf'])} inf"

    def table(self) -> list[list[str]]:
        """One row for every second scale."""
        rows = [["scale", *(f"{what}, {n}" for n in FORMATS for what in ("become 0", "subnormal", "inf"))]]
        for power in range(SCALES[0], SCALES[1] + 1, 2):
            found = [self.shares(2.0**power, n) for n in FORMATS]
            rows.append([f"2^{power}", *(_percent(s[k]) for s in found for k in ("zero", "subnormal", "inf"))])
        return rows

    def to_text(self) -> str:
        """The text twin."""
        from gradviz.widgets.optim.trajectory import aligned

        values = self.values[0]
        seen = f"{values.total} values, {values.zeros} of them 0, {values.broken} inf or NaN before any scaling"
        return "\n".join([self.caption(), seen, *aligned(self.table())])


def _percent(share: float) -> str:
    """A share in per cent; never 0 where it is not."""
    return "0 %" if share == 0 else f"{max(100 * share, 0.01):.3g} %" if share < 1 else "100 %"


def _reach(kind: Format, first: int, count: int) -> tuple[int, int]:
    """The powers of two that the picture covers: the type's own edges, and what lies beyond them."""
    low, high = min(kind.least - 8, first - 1), max(kind.end + 6, first + count + 1)
    return max(low, LOWEST - 8), high


def _zones(kind: Format, low: int, high: int) -> list[tuple[str, float, float, str]]:
    """Name, ends and colour of each zone. Below half of its least number a type has only 0."""
    ends = [("0", low, kind.least - 1), ("subnormal", kind.least - 1, kind.normal)]
    ends += [("normal", kind.normal, kind.end), ("inf", kind.end, high)]
    colours = {"0": "bad", "subnormal": "backward", "normal": "leaf", "inf": "bad"}
    return [(name, a, b, colours[name]) for name, a, b in ends]


def _read(source: Any) -> list[tuple[str, np.ndarray]]:
    """Named arrays of float32, without empty ones."""
    if hasattr(source, "named_parameters"):
        found = [(name, p.grad) for name, p in source.named_parameters() if p.grad is not None]
    elif isinstance(source, Mapping):
        found = [(str(k), v) for k, v in source.items() if v is not None]
    elif isinstance(source, (Tensor, np.ndarray)):
        found = [("values", source)]
    elif isinstance(source, (str, bytes)) or not hasattr(source, "__iter__"):
        raise TypeError(
            f"NumberLine takes a module, a tensor, an array or a dict of them; got {type(source).__name__}."
        )
    else:
        items = list(source)
        grads = [p.grad if isinstance(p, Tensor) and p.is_leaf and p.requires_grad else p for p in items]
        found = [(f"tensor {i}", g) for i, g in enumerate(grads) if g is not None]
    named = [(name, _array(name, value)) for name, value in found]
    return [(name, array) for name, array in named if array.size]


def _array(name: str, value: Any) -> np.ndarray:
    array = value.device.to_numpy(value._array) if isinstance(value, Tensor) else np.asarray(value)
    if array.dtype.kind not in "fiuV" or (array.dtype.kind == "V" and array.dtype.itemsize != 2):
        raise TypeError(f"NumberLine: {line(name, 60)!r} holds no real numbers; its type is {array.dtype}.")
    with np.errstate(over="ignore"):
        return np.asarray(array, dtype=np.float32)


def _values(name: str, array: np.ndarray) -> Values:
    sizes = np.abs(array.reshape(-1))
    fine = sizes[np.isfinite(sizes)]
    shown = np.sort(fine[fine > 0])
    return Values(name, shown, int((fine == 0).sum()), int(sizes.size - fine.size))
