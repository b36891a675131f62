"""`RuleEditor`: a function, the rule its `backward` uses, and a light that says whether the two belong together.

    RuleEditor(lambda x: x**3, "grad * 3 * x ** 2")
    RuleEditor(torch.tanh, "grad * (1 - out ** 2)", low=-3, high=3)

In the page the rule can be rewritten. Its value is held against a central difference of the whole function, with the
step and the tolerances of `torch.autograd.gradcheck`, at every point of a grid: with nothing after the function, with a
factor after it, and with a square, because a rule that forgets the gradient from above is right at the very end of a
graph. (gradcheck finds that mistake by sending a gradient of 0 back; here it is to be seen.)
Source: https://docs.pytorch.org/docs/stable/generated/torch.autograd.gradcheck.gradcheck.html
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradviz.core.summary import number as json_number
from gradviz.viz.measure import clean
from gradviz.viz.numbers import number
from gradviz.viz.plot import Axis, Plot, document, label, legend, span
from gradviz.widgets.base import View
from gradviz.widgets.graph.embed import line
from gradviz.widgets.graph.rule_formula import Formula
from gradviz.widgets.optim.descent import undisturbed
from gradviz.widgets.replay import replay_html

POINTS = 81
EPS, ATOL, RTOL = 1e-6, 1e-5, 1e-3  # gradcheck's
AFTER: dict[str, Callable[[Any], Any]] = {
    "nothing": lambda y: y * 1,
    "times 5": lambda y: 5 * y,
    "squared": lambda y: y * y,
}
SIGNS = {"nothing": "the end", "times 5": "× 5", "squared": "squared"}


@dataclass
class Chain:
    """The function with something after it: what comes from above, and the slope of the whole, at every point."""

    grads: Any
    losses: Any
    slopes: Any
    corners: Any  # where the slopes of the two sides differ, so that there is none to agree on


class RuleEditor(View):
    """A rule for the way back, beside the slope that it should give.

    Args:
        forward: a function of a tensor, entry by entry; it is run in float64 on the grid.
        rule: what `backward` returns, as a formula of `grad` (what arrives from above), `x` and `out`, with numbers,
            + - * / **, comparisons, and sin, cos, tan, exp, log, sqrt, abs, sign, tanh, sigmoid, relu, maximum,
            minimum, where.
        low, high: the ends of the grid of 81 points.
        after: what follows the function at first: "nothing", "times 5" or "squared".
        title: shown above.

    Raises ValueError for a rule that is no such formula or a function that is not entry by entry.
    """

    def __init__(
        self,
        forward: Callable[[Any], Any],
        rule: str,
        *,
        low: float = -2.0,
        high: float = 2.0,
        after: str = "times 5",
        title: str | None = None,
    ) -> None:
        if not low < high:
            raise ValueError(f"low must be below high, got {low} and {high}")
        if after not in AFTER:
            raise ValueError(f"after must be one of {', '.join(map(repr, AFTER))}, got {after!r}")
        if not callable(forward):
            raise TypeError(f"forward must be a function of a tensor, got {type(forward).__name__}")
        self.rule, self.after = Formula(str(rule)), after
        name = getattr(forward, "__name__", "f")
        self.name = "f" if name == "<lambda>" else line(str(name), 30)
        self.title = title or f"Is this the rule of {self.name}?"
        grid = np.linspace(float(low), float(high), POINTS)
        self.xs = np.array([float(f"{x:.6g}") for x in grid])
        with undisturbed():
            self.outs = values(forward, self.xs, self.name)
            self.chains = {kind: chain(forward, self.xs, self.outs, act, self.name) for kind, act in AFTER.items()}

    # -- the light -------------------------------------------------------------------------------------------------
    def returned(self, after: str | None = None) -> Any:
        """What the rule returns at every point."""
        one = self.chains[after or self.after]
        return np.broadcast_to(self.rule.value(grad=one.grads, x=self.xs, out=self.outs), self.xs.shape)

    def judged(self, after: str | None = None) -> tuple[int, int]:
        """(points that agree, points at which there is a slope to agree on)."""
        one = self.chains[after or self.after]
        counts = np.isfinite(one.slopes) & ~one.corners
        with np.errstate(invalid="ignore"):
            near = np.abs(self.returned(after) - one.slopes) <= ATOL + RTOL * np.abs(one.slopes)
        return int((near & counts).sum()), int(counts.sum())

    def verdict(self) -> str:
        """The light in words."""
        right, total = self.judged()
        if not total:
            return "? There is no slope to compare with"
        return (
            f"✓ agrees at all {total} points" if right == total else f"! differs at {total - right} of {total} points"
        )

    # -- what it becomes -------------------------------------------------------------------------------------------
    def to_json(self) -> dict[str, Any]:
        """The grid, what the engine found on it, and the rule."""
        return {
            "format": "gradviz.rule/1",
            "title": clean(self.title)[:200],
            "name": self.name,
            "rule": self.rule.text,
            "after": list(AFTER).index(self.after),
            "atol": ATOL,
            "rtol": RTOL,
            "x": _listed(self.xs),
            "out": _listed(self.outs),
            "chains": [
                {
                    "name": kind,
                    "sign": SIGNS[kind],
                    "grad": _listed(one.grads),
                    "loss": _listed(one.losses),
                    "slope": _listed(one.slopes),
                    "corners": np.flatnonzero(one.corners).tolist(),
                }
                for kind, one in self.chains.items()
            ],
        }

    def table(self) -> list[list[str]]:
        """A row for each point."""
        one, returned = self.chains[self.after], self.returned()
        rows = zip(self.xs, self.outs, one.grads, returned, one.slopes, one.corners, strict=True)
        head = ["x", "out", "grad", "returned", "finite difference", ""]
        return [head, *([*(number(float(v), 6) for v in row[:5]), "a corner" if row[5] else ""] for row in rows)]

    def to_text(self) -> str:
        head = f"{clean(self.title)} backward returns {self.rule.text}; after it: {self.after}"
        told = [f"  {kind}: {right} of {total} points agree" for kind, (right, total) in self._all().items()]
        return "\n".join([head, f"  {self.verdict()}", *told])

    def _all(self) -> dict[str, tuple[int, int]]:
        return {kind: self.judged(kind) for kind in AFTER}

    def to_html(self) -> str:
        """The light that turns while the rule is rewritten, where scripts run."""
        return replay_html(
            "rule_editor", self.to_json(), self.to_svg(), self.to_text(), self.table(), caption="Every point as a table"
        )

    def to_svg(self) -> str:
        """The slope that is and the slope that the rule gives."""
        one, returned = self.chains[self.after], self.returned()
        low, high = limits(one.slopes, returned)
        plot = Plot(
            Axis(float(self.xs[0]), float(self.xs[-1]), name="x"), Axis(low, high, name="x.grad"), height=300, top=76
        )
        ok = self.verdict().startswith("✓")
        head = f"{self.verdict()}, with {self.after} after it"
        rule = f"backward returns {self.rule.text}"
        marks = plot.line(self.xs, one.slopes, "line", 6) + plot.line(self.xs, returned, 1, 2)
        return document(
            [
                label(16, 24, line(self.title, 100), plot.colour("ink"), 14, 'font-weight="600"'),
                label(16, 44, line(rule, 100), plot.colour("ink")),
                label(16, 62, head, plot.colour("leaf" if ok else "bad")),
                plot.axes(),
                plot.inside(marks),
                legend(["finite difference", "the rule"], plot, colours=["line", 1]),
            ],
            plot.width,
            plot.height,
            f"{self.title} {head}",
        )


def _listed(numbers: Any) -> list[Any]:
    return [json_number(v) for v in np.asarray(numbers, dtype=np.float64).tolist()]


def limits(slopes: Any, returned: Any) -> tuple[float, float]:
    """The ends of the axis: all of the slope, and of the rule what is not far beyond it."""
    low, high = span(slopes.tolist())
    room = (high - low) / 2
    return span([low, high, *np.clip(returned[np.isfinite(returned)], low - room, high + room).tolist()], room=0.02)


def values(forward: Callable[[Any], Any], xs: Any, name: str) -> Any:
    """The function at every point, run by the engine in float64."""
    import gradviz as torch

    with torch.no_grad():
        out = forward(torch.tensor(xs, dtype=torch.float64))
    if not isinstance(out, torch.Tensor) or tuple(out.shape) != xs.shape:
        got = f"a tensor of shape {tuple(out.shape)}" if isinstance(out, torch.Tensor) else type(out).__name__
        raise ValueError(f"{name} must work entry by entry: it was given {len(xs)} numbers and returned {got}")
    return np.asarray(out.double().numpy())


def chain(forward: Callable[[Any], Any], xs: Any, outs: Any, act: Callable[[Any], Any], name: str) -> Chain:
    """The function with `act` after it: the gradient that comes from above is the engine's own."""
    import gradviz as torch

    y = torch.tensor(outs, dtype=torch.float64, requires_grad=True)
    loss = act(y)
    loss.backward(torch.ones_like(loss))
    whole = [act(torch.tensor(values(forward, xs + step, name))).numpy() for step in (-EPS, 0.0, EPS)]
    left, right = (whole[1] - whole[0]) / EPS, (whole[2] - whole[1]) / EPS
    with np.errstate(invalid="ignore"):
        corners = np.abs(left - right) > 1e-2 * (1 + np.abs(left + right))
    assert y.grad is not None
    return Chain(y.grad.numpy(), loss.detach().numpy(), (whole[2] - whole[0]) / (2 * EPS), corners)
