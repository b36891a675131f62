"""`MomentumPlane`: every pair of rate and momentum is a point, and every point is a walk.

    MomentumPlane((1.0, 100.0), start=(-4.0, 0.5), lr=0.02, momentum=0.5)

On the left the plane: where `SGD(lr, momentum)` on a bowl of two curvatures creeps, swings, jumps or diverges, lines of
equal convergence factor, and Polyak's best point. On the right the walk from there: its error step by step, and its
path on the bowl. The walks are those of the real optimizer in double precision; a page makes them again for any point,
with the same roundings.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from gradviz.core.summary import number as plain
from gradviz.viz.measure import clean
from gradviz.viz.numbers import number
from gradviz.widgets.base import View
from gradviz.widgets.optim import momentum_svg
from gradviz.widgets.optim.descent import undisturbed
from gradviz.widgets.optim.momentum_math import best, best_plain, factor, fate, roots
from gradviz.widgets.optim.trajectory import aligned
from gradviz.widgets.timeline import Timeline, name_of

MOST_STEPS = 200
FASTEST = 20.0  # rate times the larger curvature: far out, and still finite after all steps
LEVELS = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 0.98, 0.99, 0.995)
APART = 0.035  # of the plane's height, between the tops of two lines


class Walk(NamedTuple):
    """Step by step: the two errors, the two velocities after the step, the loss."""

    path: list[list[float]]
    velocity: list[list[float]]
    losses: list[float]


class MomentumPlane(View):
    """The plane of rate and momentum for the bowl ``(L1 x^2 + L2 y^2) / 2``.

    Args:
        curvatures: L1 and L2, the smaller one first: x is the flat direction, y the steep one.
        lr, momentum: the point that is shown first; momentum from 0 to 1.
        start: x and y at first, neither of them 0.
        steps: of the walk, up to 200.
        title: over the picture.
        timeline: move together with other views.

    Source: B. T. Polyak, "Some methods of speeding up the convergence of iteration methods" (1964);
    https://docs.pytorch.org/docs/2.13/generated/torch.optim.SGD.html
    """

    def __init__(
        self,
        curvatures: Sequence[float] = (1.0, 10.0),
        lr: float = 0.05,
        momentum: float = 0.5,
        *,
        start: Sequence[float] = (-1.0, 1.0),
        steps: int = 60,
        title: str | None = None,
        timeline: Timeline | str | None = None,
    ) -> None:
        flat, steep = _pair("curvatures", curvatures)
        if not 0 < flat <= steep:
            raise ValueError(
                f"MomentumPlane needs two positive curvatures, the smaller one first; got {curvatures!r}.\n"
                "The first belongs to x, the flat direction, the second to y, the steep one."
            )
        self.curvatures = (flat, steep)
        self.lr, self.momentum = float(lr), float(momentum)
        if not 0 < self.lr * steep <= FASTEST:
            raise ValueError(
                f"MomentumPlane draws rates above 0 and up to {FASTEST:g} / curvature, here {FASTEST / steep:g}; "
                f"got lr={lr!r}."
            )
        if not 0 <= self.momentum <= 1:
            raise ValueError(f"MomentumPlane draws momenta from 0 to 1; got momentum={momentum!r}.")
        self.start = _pair("start", start)
        if not all(1e-6 <= abs(v) <= 1e6 for v in self.start):
            raise ValueError(
                f"MomentumPlane: both numbers of the start must be from 1e-6 to 1e6 in size; got {start!r}."
            )
        if isinstance(steps, bool) or int(steps) != steps or not 1 <= steps <= MOST_STEPS:
            raise ValueError(f"MomentumPlane: steps must be a whole number from 1 to {MOST_STEPS}; got {steps!r}.")
        self.steps = int(steps)
        self.title = clean(str(title))[:200] if title else "Rate and momentum"
        self.timeline = name_of(timeline)
        self.walk = walk(self.curvatures, self.start, self.lr, self.momentum, self.steps)

    @property
    def top(self) -> float:
        """The largest rate in the plane: a little past 4 / curvature, where the last momentum diverges."""
        return max(4.2 / self.curvatures[1], 1.1 * self.lr)

    @property
    def levels(self) -> list[float]:
        """The factors whose lines are drawn: above the best one, and their upper ends apart."""
        least = math.sqrt(best(self.curvatures)[1])
        kept: list[float] = []
        for level in LEVELS:
            if level > least + 0.005 and (not kept or level**2 - kept[-1] ** 2 >= APART):
                kept.append(level)
        return kept

    # -- as data, picture, text ------------------------------------------------------------------------------------
    def to_json(self) -> dict[str, Any]:
        """The settings, the fates, the walk. A page needs the settings only."""
        path, velocity = ([[plain(v) for v in row] for row in rows] for rows in self.walk[:2])
        walk = {"path": path, "velocity": velocity, "losses": [plain(v) for v in self.walk.losses]}
        return {**self._page(), "fates": self.fates(), "factor": self.factor, "walk": walk}

    def _page(self) -> dict[str, Any]:
        return {
            "format": "gradviz.momentum_plane/1",
            "title": self.title,
            "curvatures": list(self.curvatures),
            "lr": self.lr,
            "momentum": self.momentum,
            "start": list(self.start),
            "steps": self.steps,
            "top": self.top,
            "levels": self.levels,
            "timeline": self.timeline,
        }

    @property
    def factor(self) -> float:
        """By what the error is multiplied in a step, in the long run."""
        return factor(self.lr, self.momentum, self.curvatures)

    def fates(self) -> list[str]:
        """What the flat and what the steep direction does."""
        return [fate(self.lr * curvature, self.momentum) for curvature in self.curvatures]

    def to_svg(self) -> str:
        """The plane, and under it the errors and the path."""
        return momentum_svg.draw(self)

    def to_html(self) -> str:
        """The picture, the steps as a table, and the script in which the point can be moved."""
        from gradviz.widgets.replay import replay_html

        return replay_html("momentum_plane", self._page(), self.to_svg(), self.to_text(), self.table())

    def table(self) -> list[list[str]]:
        """A row for each step."""
        rows = [["step", "x", "velocity of x", "y", "velocity of y", "loss"]]
        for k, ((x, y), (u, v), loss) in enumerate(zip(*self.walk, strict=True)):
            rows.append([str(k), *(number(value) for value in (x, u, y, v, loss))])
        return rows

    def summary(self) -> list[list[str]]:
        """A row for each direction: rate times curvature, its eigenvalues, their size, what it does."""
        rows = [["direction", "curvature", "lr x curvature", "eigenvalues", "size", "it"]]
        for name, curvature, what in zip(("flat x", "steep y"), self.curvatures, self.fates(), strict=True):
            found = roots(self.lr * curvature, self.momentum)
            pushes = f"{self.lr * curvature:.4g}"
            rows.append([name, f"{curvature:g}", pushes, found.said(), f"{found.radius:.4g}", what])
        return rows

    def to_text(self) -> str:
        """The text twin: the point, what it does, and the best one."""
        rate, beta = best(self.curvatures)
        slow = best_plain(self.curvatures)
        last = self.walk.losses[-1]
        return "\n".join(
            [
                f"{self.title}: lr {number(self.lr)}, momentum {number(self.momentum)}, {said_factor(self.factor)}",
                *aligned(self.summary()),
                f"Effective rate lr / (1 - momentum): {effective(self.lr, self.momentum)}",
                f"Loss {number(self.walk.losses[0])} at the start, {number(last)} after {self.steps} steps",
                f"Best: lr {number(rate)}, momentum {number(beta)}, {said_factor(math.sqrt(beta))}",
                f"Best without momentum: lr {number(slow)}, " + said_factor(factor(slow, 0.0, self.curvatures)),
            ]
        )


def walk(curvatures: Sequence[float], start: Sequence[float], lr: float, momentum: float, steps: int) -> Walk:
    """The walk of `gradviz.optim.SGD` on the bowl, in double precision."""
    import gradviz as torch

    flat, steep = curvatures
    with undisturbed():
        x, y = (torch.tensor(float(v), dtype=torch.float64, requires_grad=True) for v in start)
        optimizer = torch.optim.SGD([x, y], lr=lr, momentum=momentum)
        made = Walk([[x.item(), y.item()]], [[0.0, 0.0]], [])
        for step in range(steps + 1):
            loss = 0.5 * flat * x * x + 0.5 * steep * y * y
            made.losses.append(loss.item())
            if step == steps:
                break
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            kept = [optimizer.state[p]["momentum_buffer"] if momentum else p.grad for p in (x, y)]
            made.path.append([x.item(), y.item()])
            made.velocity.append([v.item() for v in kept])
    return made


def effective(lr: float, momentum: float) -> str:
    """The step on a slope that stays the same, in the end."""
    return number(lr / (1 - momentum)) if momentum < 1 else "without end"


def said_factor(value: float) -> str:
    """The convergence factor, and how many steps one more digit takes."""
    text = f"factor {value:.4g} a step"
    if value > 1 + 1e-9:
        return f"{text}: it diverges"
    if value > 1 - 1e-9:
        return f"{text}: it never comes to rest"
    return f"{text}: a digit every {-1 / math.log10(value):.3g} steps" if value > 1e-9 else f"{text}: there at once"


def _pair(name: str, value: Any) -> tuple[float, float]:
    """Two finite numbers."""
    try:
        first, second = (float(v) for v in value)
    except (TypeError, ValueError):
        raise TypeError(f"MomentumPlane: {name} must be two numbers; got {value!r:.80}.") from None
    if not (math.isfinite(first) and math.isfinite(second)):
        raise ValueError(f"MomentumPlane: {name} must be finite; got {value!r:.80}.")
    return first, second
