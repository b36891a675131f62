"""`DifferenceCurve`: the error of a finite difference over its step h, and the subtraction that loses the digits.

DifferenceCurve(torch.sin, 1.0)
DifferenceCurve(lambda x: x.exp() / x, 2.0, title="exp(x) / x")

    forward   (f(x + h) - f(x)) / h             truncation h |f''| / 2,     best near sqrt(eps)
    central   (f(x + h) - f(x - h)) / 2h        truncation h^2 |f'''| / 6,  best near eps^(1/3)

Rounding: a value is known to eps/2 of itself, and so is x + h; both are divided by h. Truncation falls with h, rounding
grows, so the error has the shape of a U.

Source: W. H. Press et al., Numerical Recipes, 3rd ed. (2007), section 5.7.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from gradviz.core.summary import number as json_number
from gradviz.viz.numbers import number
from gradviz.viz.plot import Axis, Plot, document, legend, short
from gradviz.widgets.base import View
from gradviz.widgets.graph.embed import digits, line
from gradviz.widgets.optim.descent import checked, undisturbed
from gradviz.widgets.timeline import Timeline, name_of

DECADES, EACH = (-15, -1), 8  # h from 1e-15 to 1e-1, eight to a decade
KINDS = ("forward", "central")
TYPES = ("float64", "float32")
AROUND = 2  # neighbours on each side that must be good too, so that a lucky hit is not called the best h
WIDTH, HEIGHT = 689, 380


@dataclass
class Table:
    """All values in one dtype, one entry for each h, as the engine computed them."""

    eps: float
    here: float
    plus: list[float]
    minus: list[float]
    slopes: dict[str, list[float]]
    errors: dict[str, list[float]]


class DifferenceCurve(View):
    """The U-shaped error of forward and central differences, in float32 and float64, with an h that can be dragged.

    The function is computed by the engine in both dtypes at x, x + h and x - h; what is called exact is the slope that
    `backward` gives in float64. The error is relative to it, or absolute where it is 0. Two lines say what theory
    expects of truncation and rounding; the higher derivatives in them are from `backward` as well.

    Args:
        fn: takes a 0-d tensor, returns a 0-d tensor; it is called with both dtypes, so constants should be numbers.
        x: where the slope is wanted.
        title: shown above the picture.
        timeline: move together with other views; the moment's iteration is the place of h, counted from 1e-15.

    Raises:
        ValueError: if the function or its slope is not finite at x. TypeError: if `fn` does not return a tensor.
    """

    def __init__(
        self,
        fn: Callable[[Any], Any],
        x: Any,
        *,
        title: str | None = None,
        timeline: Timeline | str | None = None,
    ) -> None:
        if not callable(fn):
            raise TypeError(f"DifferenceCurve needs a function of one number; got {type(fn).__name__}.")
        try:
            self.x = float(x)
        except (TypeError, ValueError):
            raise TypeError(f"DifferenceCurve: x must be one number; got {x!r:.80}.") from None
        if not math.isfinite(self.x):
            raise ValueError(f"DifferenceCurve: x must be finite; got {self.x!r}.")
        self.fn, self.timeline = fn, name_of(timeline)
        name = getattr(fn, "__name__", type(fn).__name__)
        self.name = "f" if name == "<lambda>" else line(name, 40)
        self.title = title or f"The error of a finite difference: {self.name} at {number(self.x)}"
        self.hs = [_h(k) for k in range((DECADES[1] - DECADES[0]) * EACH + 1)]
        with undisturbed():
            self.value, self.exact, *self.higher = _derivatives(fn, self.x)
            if not (math.isfinite(self.value) and math.isfinite(self.exact)):
                raise ValueError(
                    f"DifferenceCurve: at x = {number(self.x)} the function is {number(self.value)} and its slope "
                    f"{number(self.exact)}. Choose an x where both are finite."
                )
            self.tables = {kind: self._table(kind) for kind in TYPES}

    # -- the numbers -----------------------------------------------------------------------------------------------
    def _table(self, kind: str) -> Table:
        """Every value in one dtype."""
        import gradviz as torch

        dtype = getattr(torch, kind)
        x = torch.tensor(self.x, dtype=dtype)
        with torch.no_grad():
            here = checked(self.fn(x))
            plus = [checked(self.fn(x + h)) for h in self.hs]
            minus = [checked(self.fn(x - h)) for h in self.hs]
            forward = [((up - here) / h).item() for up, h in zip(plus, self.hs, strict=True)]
            central = [((u - d) / (2 * h)).item() for u, d, h in zip(plus, minus, self.hs, strict=True)]
        slopes = {"forward": forward, "central": central}
        scale = abs(self.exact) or 1.0
        return Table(
            float(torch.finfo(dtype).eps),
            here.item(),
            [v.item() for v in plus],
            [v.item() for v in minus],
            slopes,
            {name: [abs(s - self.exact) / scale for s in found] for name, found in slopes.items()},
        )

    @property
    def relative(self) -> bool:
        """False where the slope is 0, so that the error is absolute."""
        return bool(self.exact != 0)

    def theory(self, kind: str, formula: str) -> float:
        """The h that theory recommends: sqrt(eps) or eps^(1/3), times the size of x where that is above 1."""
        return float(self.tables[kind].eps ** (1 / 2 if formula == "forward" else 1 / 3)) * max(1.0, abs(self.x))

    def expected(self, kind: str, formula: str) -> tuple[float | None, float]:
        """(truncation, rounding) at h = 1; they grow as h or h^2, and fall as 1/h. None: no such derivative."""
        order = 0 if formula == "forward" else 1
        scale, eps = abs(self.exact) or 1.0, self.tables[kind].eps
        rounding = (eps * abs(self.value) + eps * abs(self.x * self.exact) / (2 - order)) / (1 + order) / scale
        high = self.higher[order]
        return None if high is None else abs(high) / (2.0, 6.0)[order] / scale, rounding

    def best(self, kind: str, formula: str) -> int:
        """The place of the h with the least error: the worst of five neighbours counts, not one lucky hit."""
        errors = [e if math.isfinite(e) else math.inf for e in self.tables[kind].errors[formula]]
        worst = [max(errors[max(0, k - AROUND) : k + AROUND + 1]) for k in range(len(errors))]
        return worst.index(min(worst))

    # -- what every view gives --------------------------------------------------------------------------------------
    def to_json(self) -> dict[str, Any]:
        """Every h, every value, slope and error, in both dtypes; what is not finite as a word."""
        return {
            "format": "gradviz.difference_curve/1",
            "title": line(self.title, 200),
            "name": self.name,
            "x": self.x,
            "exact": self.exact,
            "relative": self.relative,
            "hs": self.hs,
            "types": {
                kind: {
                    "eps": t.eps,
                    "here": json_number(t.here),
                    "plus": [json_number(v) for v in t.plus],
                    "minus": [json_number(v) for v in t.minus],
                    "formulas": {
                        name: {
                            "slopes": [json_number(v) for v in t.slopes[name]],
                            "errors": [json_number(digits(v)) for v in t.errors[name]],
                            "best": self.best(kind, name),
                            "theory": self.theory(kind, name),
                            "truncation": self.expected(kind, name)[0],
                            "rounding": self.expected(kind, name)[1],
                        }
                        for name in KINDS
                    },
                }
                for kind, t in self.tables.items()
            },
            "low": self._reach()[0],
            "high": self._reach()[1],
            "timeline": self.timeline,
        }

    def to_html(self) -> str:
        """The picture, its table, and the script that lets h be dragged where scripts run."""
        from gradviz.widgets.replay import replay_html

        return replay_html(
            "difference_curve",
            self.to_json(),
            self.to_svg(),
            self.to_text(),
            self.table(),
            caption="The errors as a table",
        )

    def _reach(self) -> tuple[float, float]:
        """The ends of the error axis: whole decades."""
        fine = [e for t in self.tables.values() for found in t.errors.values() for e in found if 0 < e < math.inf]
        low, high = (min(fine), max(fine)) if fine else (1e-16, 1.0)
        return 10.0 ** math.floor(math.log10(max(low, 1e-16))), 10.0 ** math.ceil(math.log10(max(high, 1.0)) + 1e-9)

    def to_svg(self) -> str:
        """The four curves, and the h that theory recommends for each."""
        low, high = self._reach()
        name = "relative error" if self.relative else "error"
        plot = Plot(
            Axis(self.hs[0], self.hs[-1], True, "step h"), Axis(low, high, True, name), WIDTH, HEIGHT, 66, top=34
        )
        curves, marks, names = [], [], []
        for i, (kind, formula) in enumerate((k, f) for k in TYPES for f in KINDS):
            errors = [max(e, low) for e in self.tables[kind].errors[formula]]
            curves.append(plot.line(self.hs, errors, i, 2.0))
            x, floor = plot.at(min(self.theory(kind, formula), self.hs[-1]), low)
            marks.append(f'<path d="M{short(x - 5)} {short(floor)}l5 -10l5 10z" fill="{plot.colour(i)}"/>')
            names.append(f"{formula}, {kind}")
        parts = [legend(names, plot, 18), plot.inside("".join(curves + marks)), plot.axes()]
        return document(parts, WIDTH, HEIGHT, self.caption())

    def caption(self) -> str:
        """One line that says what is seen."""
        found = self.tables["float64"].errors["central"][self.best("float64", "central")]
        return (
            f"{line(self.title, 200)}: error over h from {self.hs[-1]:g} to {self.hs[0]:g}; "
            f"at its best the central difference in float64 is {number(found, 3)} off"
        )

    def table(self) -> list[list[str]]:
        """One row for each decade of h."""
        rows = [["h", *(f"{formula} {kind}" for kind in TYPES for formula in KINDS)]]
        for k in range(len(self.hs) - 1, -1, -EACH):
            found = [self.tables[kind].errors[formula][k] for kind in TYPES for formula in KINDS]
            rows.append([f"{self.hs[k]:.0e}", *(number(e, 2) for e in found)])
        return rows

    def to_text(self) -> str:
        """The text twin: the errors by decade, and the best h beside the one that theory names."""
        from gradviz.widgets.optim.trajectory import aligned

        out = [self.caption(), f"slope by backward: {number(self.exact, 16)}", *aligned(self.table())]
        for kind in TYPES:
            for formula in KINDS:
                best, root = self.hs[self.best(kind, formula)], "sqrt(eps)" if formula == "forward" else "eps^(1/3)"
                theory = number(self.theory(kind, formula), 2)
                out.append(f"{formula} {kind}: best h {number(best, 2)}, theory {root} = {theory}")
        return "\n".join(out)


def _h(k: int) -> float:
    """The k-th step; whole powers of ten are exact."""
    decade, part = divmod(k, EACH)
    return float(f"1e{DECADES[0] + decade}") if part == 0 else float(f"{10 ** (DECADES[0] + k / EACH):.3g}")


def _derivatives(fn: Callable[[Any], Any], at: float) -> list[Any]:
    """f, f', f'' and f''' at a point, in float64; None for a higher one that cannot be had."""
    import gradviz as torch

    x = torch.tensor(at, dtype=torch.float64, requires_grad=True)
    y = checked(fn(x))
    if not y.requires_grad:
        raise TypeError(f"DifferenceCurve: what the function returns does not depend on x = {number(at)} by tensors.")
    (d,) = torch.autograd.grad(y, x)
    found: list[Any] = [y.item(), d.item(), None, None]
    try:
        d = fn(x)
        for order in (1, 2, 3):
            (d,) = torch.autograd.grad(d, x, create_graph=True)
            value = d.item()
            if order > 1:
                found[order] = value if math.isfinite(value) else None
            if not d.requires_grad:  # constant from here on
                for rest in range(order + 1, 4):
                    found[rest] = 0.0
                break
    except (
        RuntimeError,
        NotImplementedError,
        TypeError,
    ):  # a Function of the learner's that can be differentiated once
        pass
    return found
