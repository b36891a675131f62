"""`TrajectoryView`: the walk of an optimiser, on the curve of a function of one number or on the map of a function of
two, from above or from the side.

The first walk is made by the real engine and the real optimiser, and each of its steps opens into what made it. In the
browser the start and the rate can be dragged: the recorded function is run again there, forward and backward, by the
same rules; if that is not possible the status line says why.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from gradviz.viz.numbers import number
from gradviz.viz.plot import document
from gradviz.widgets.base import View
from gradviz.widgets.graph.embed import line
from gradviz.widgets.optim.descent import about, descend, every, safe, undisturbed, walk_json
from gradviz.widgets.optim.terrain import HEIGHT, WIDTH, Terrain, Trail, box
from gradviz.widgets.timeline import Timeline, name_of
from gradviz.widgets.whatif.program import NeedsKernel, program

ROWS = 24  # at most so many steps are written out in the text twin
VIEWS = ("2d", "3d")


class TrajectoryView(View):
    """A path on a curve, a contour map or a surface.

    Args:
        fn: takes one or two 0-d tensors, returns a 0-d tensor.
        start: a number, or a pair.
        lr: the learning rate.
        steps: how many steps to take.
        optimizer: called as ``optimizer(parameters, lr=lr)``; `gradviz.optim.SGD` if not given. It may return a tuple
            of the optimiser and its schedulers.
        bounds: ``(low, high)`` for one number, ``((low, high), (low, high))`` for two; otherwise room around the path.
        max_lr: the right end of the rate slider.
        clip: the largest norm of the gradient, as in ``clip_grad_norm_(parameters, clip)``.
        view: "2d", or "3d" to begin with the surface seen from the side.
        seed: what the function draws at random begins with this; the generators are left as they were.
        timeline: move together with other views.
    """

    def __init__(
        self,
        fn: Callable[..., Any],
        start: Any = 0.0,
        lr: float = 0.1,
        steps: int = 20,
        *,
        optimizer: Callable[..., Any] | None = None,
        bounds: Any = None,
        max_lr: float | None = None,
        clip: float | None = None,
        view: str = "2d",
        seed: int = 0,
        timeline: Timeline | str | None = None,
    ) -> None:
        import gradviz as torch

        self.fn, self.lr, self.steps, self.clip = fn, float(lr), int(steps), checked_clip(clip)
        self.start = start_of(start, "TrajectoryView")
        if self.steps < 1 or not self.lr > 0:
            raise ValueError(
                f"TrajectoryView needs at least one step and a positive rate; got steps={steps} and lr={lr}."
            )
        self.view, self.timeline = checked_view(view, self.start), name_of(timeline)
        self.names = names_of(fn, len(self.start))
        maker = optimizer or torch.optim.SGD
        with undisturbed(seed):
            self.walk = descend(fn, self.start, lambda p: maker(p, lr=self.lr), self.steps, clip=self.clip)
        self.path, self.losses, self.grads = self.walk.path, self.walk.losses, self.walk.grads
        self.bounds = box(bounds, [self.path])
        self.max_lr = float(max_lr) if max_lr is not None else self.lr * 4
        self.program: dict[str, Any] | None = None
        self.why = self.walk.why
        with undisturbed():
            if not self.why:
                try:
                    self.program = program(fn, [self.start, *corners(self.bounds)])
                except NeedsKernel as reason:
                    self.why = str(reason)
            self.terrain = Terrain(fn, self.bounds, self.names, seed=seed)

    def to_json(self) -> dict[str, Any]:
        """Everything the picture shows, and the program that lets the browser go on from there."""
        stride = every(self.steps)
        return {
            "format": "gradviz.trajectory/2",
            "terrain": self.terrain.to_json(),
            "start": [safe(v) for v in self.start],
            "lr": self.lr,
            "max_lr": self.max_lr,
            "steps": self.steps,
            "every": stride,
            "view": self.view,
            "timeline": self.timeline,
            "optimizer": line(self.walk.name, 60),
            "recipe": self.walk.recipe,
            "about": about(self.walk, self.clip),
            "clip": self.clip,
            "program": self.program,
            "why": line(self.why, 300),
            "single": float32(),
            "walk": walk_json(self.walk, stride),
        }

    def to_svg(self, view: str | None = None) -> str:
        """The picture, with the walk appearing step by step; `view="3d"` draws the surface from the side."""
        shown = self.view if view is None else checked_view(view, self.start)
        picture = self.terrain.picture([Trail(self.path, self.losses, 1)], shown)
        return document([picture], WIDTH, HEIGHT, self.title())

    def to_html(self) -> str:
        """The picture, its table, and the script that makes it draggable where scripts run."""
        from gradviz.widgets.replay import replay_html

        return replay_html("trajectory", self.to_json(), self.to_svg(), self.to_text(), self.table())

    def title(self) -> str:
        """One line that says what is seen."""
        where = ", ".join(f"{name} = {number(value)}" for name, value in zip(self.names, self.start, strict=True))
        clipped = f", gradients clipped to norm {number(self.clip)}" if self.clip is not None else ""
        return f"{line(self.walk.name, 60)}, rate {number(self.lr)}, {self.steps} steps from {where}{clipped}"

    def table(self) -> list[list[str]]:
        """Step, place, loss and slope, one row each; the middle of a long walk is left out."""
        rows = [["step", *self.names, "loss", *(f"slope {name}" for name in self.names)]]
        for k, (point, loss, grad) in enumerate(zip(self.path, self.losses, self.grads, strict=True)):
            rows.append([str(k), *(number(v) for v in point), number(loss), *(number(v) for v in grad)])
        if len(rows) > ROWS + 1:
            rows[ROWS // 2 + 1 : -ROWS // 2] = [["..."] + [""] * (len(rows[0]) - 1)]
        return rows

    def to_text(self) -> str:
        """The text twin: the title, the table, and how it ended."""
        return "\n".join([self.title(), *aligned(self.table())])

    def explain(self, step: int) -> str:
        """What made a step, in words and numbers: every part of it for every parameter, then the formula."""
        if not 0 <= step < self.steps:
            raise IndexError(f"There are steps 0 to {self.steps - 1}; got {step}.")
        described = about(self.walk, self.clip)
        rows = [["", *self.names]]
        for key, (_, symbol, name, _) in zip(described["keys"], described["parts"], strict=True):
            values = self.walk.terms[key][step]
            rows.append([f"{symbol}  {name}", *(number(v) for v in values)])
        head = f"Step {step}, at " + ", ".join(
            f"{name} = {number(v)}" for name, v in zip(self.names, self.path[step], strict=True)
        )
        return "\n".join([head, *aligned(rows, left=1), *described["formulas"]])


def aligned(rows: list[list[str]], left: int = 0) -> list[str]:
    """Rows of text in columns; the first `left` columns begin at the same place, the others end at one."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.ljust(width) if i < left else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def start_of(start: Any, who: str) -> list[float]:
    """One or two numbers."""
    try:
        found = np.atleast_1d(np.asarray(start.tolist() if hasattr(start, "tolist") else start, dtype=float)).ravel()
    except (TypeError, ValueError):
        raise TypeError(f"{who}: the start must be a number or a pair of numbers; got {start!r}.") from None
    if len(found) not in (1, 2):
        raise ValueError(f"{who} draws functions of one or two numbers; the start has {len(found)}.")
    if not np.isfinite(found).all():
        raise ValueError(f"{who}: the start must be finite; got {start!r}.")
    return [float(value) for value in found]


def checked_clip(clip: Any) -> float | None:
    """A limit on the gradient's norm."""
    if clip is not None and not float(clip) > 0:
        raise ValueError(f"clip is the largest norm of the gradient and must be above 0; got {clip!r}.")
    return None if clip is None else float(clip)


def checked_view(view: str, start: list[float]) -> str:
    """ "2d" or "3d"; a function of one number has only the first."""
    if view not in VIEWS:
        raise ValueError(f'view must be "2d" or "3d"; got {view!r}.')
    if view == "3d" and len(start) == 1:
        raise ValueError('view="3d" needs a function of two numbers; this one takes one.')
    return view


def corners(bounds: list[tuple[float, float]]) -> list[list[float]]:
    """Two places off the middle, where a function may take another branch."""
    return [[low + (high - low) * part for low, high in bounds] for part in (0.07, 0.93)]


def names_of(fn: Callable[..., Any], count: int) -> list[str]:
    """The names of the function's arguments."""
    try:
        names = [
            name
            for name, p in inspect.signature(fn).parameters.items()
            if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
        ]
    except (TypeError, ValueError):
        names = []
    return [line(name, 40) for name in names[:count]] if len(names) >= count else ["x", "y"][:count]


def float32() -> bool:
    """True if the engine computes in single precision by default."""
    import gradviz as torch

    return bool(torch.get_default_dtype() == torch.float32)
