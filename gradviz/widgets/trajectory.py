"""`TrajectoryView`: the walk of an optimiser, on the curve of a function of one number or on the contour of a
function of two.

The first walk is made by the real engine and the real optimiser. In the browser the start and the rate can be
dragged: the recorded function is run again there, forward and backward, by the same rules; if that is not possible
the status line says why.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from gradviz.core.printing import number
from gradviz.widgets import trajectory_svg
from gradviz.widgets.base import View
from gradviz.widgets.contour import contour, levels
from gradviz.widgets.program import NeedsKernel, program

SETTINGS = ("momentum", "dampening", "weight_decay", "nesterov", "maximize")
FINE, COARSE = 201, (73, 49)  # points of a curve; columns and rows of a contour grid
ROWS = 24  # at most so many steps are written out in the text twin


class TrajectoryView(View):
    """Paths on a contour or a curve.

    Args:
        fn: takes one or two 0-d tensors, returns a 0-d tensor.
        start: a number, or a pair.
        lr: the learning rate.
        steps: how many steps to take.
        optimizer: called as ``optimizer(parameters, lr=lr)``; `gradviz.optim.SGD` if not given.
        bounds: ``(low, high)`` for one number, ``((low, high), (low, high))`` for two; otherwise room around the path.
        max_lr: the right end of the rate slider.
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
    ) -> None:
        self.fn, self.lr, self.steps = fn, float(lr), int(steps)
        self.start = [float(value) for value in np.atleast_1d(np.asarray(start, dtype=float))]
        if len(self.start) not in (1, 2):
            raise ValueError(f"TrajectoryView draws functions of one or two numbers; the start has {len(self.start)}.")
        if self.steps < 1 or not self.lr > 0:
            raise ValueError(
                f"TrajectoryView needs at least one step and a positive rate; got steps={steps} and lr={lr}."
            )
        self.names = names_of(fn, len(self.start))
        self.path, self.losses, self.grads, self.optimizer, self.why = walk(
            fn, self.start, self.lr, self.steps, optimizer
        )
        self.bounds = box(bounds, self.path)
        self.max_lr = float(max_lr) if max_lr is not None else self.lr * 4
        self.program: dict[str, Any] | None = None
        if not self.why:
            try:
                self.program = program(fn, [self.start, *corners(self.bounds)])
            except NeedsKernel as reason:
                self.why = str(reason)
        self.scene = self._scene()

    def _scene(self) -> dict[str, Any]:
        """The curve or the level lines, in the picture's own units."""
        if len(self.start) == 1:
            xs = np.linspace(*self.bounds[0], FINE)
            ys = on_grid(self.fn, [xs])
            low, high = span(ys)
            to = trajectory_svg.scale([self.bounds[0], (low, high)])
            line = [to(float(x), float(y)) for x, y in zip(xs, ys, strict=True) if math.isfinite(y)]
            return {"range": [low, high], "lines": [trajectory_svg.path(line)], "levels": []}
        xs, ys = (np.linspace(*side, count) for side, count in zip(self.bounds, COARSE, strict=True))
        values = on_grid(self.fn, list(np.meshgrid(xs, ys)))
        to = trajectory_svg.scale(self.bounds)
        chosen = levels(values)
        lines = [
            " ".join(trajectory_svg.path([to(*p) for p in line]) for line in contour(xs, ys, values, at))
            for at in chosen
        ]
        return {"range": None, "lines": lines, "levels": [float(f"{at:.6g}") for at in chosen]}

    def to_json(self) -> dict[str, Any]:
        """Everything the picture shows, and the program that lets the browser go on from there."""
        return {
            "format": "gradviz.trajectory/1",
            "names": self.names,
            "start": self.start,
            "lr": self.lr,
            "max_lr": self.max_lr,
            "steps": self.steps,
            "bounds": [list(side) for side in self.bounds],
            "optimizer": self.optimizer,
            "program": self.program,
            "why": self.why,
            "single": float32(),
            "path": [[safe(v) for v in point] for point in self.path],
            "losses": [safe(v) for v in self.losses],
            "grads": [[safe(v) for v in grad] for grad in self.grads],
            **self.scene,
        }

    def to_svg(self) -> str:
        """The picture, with the walk appearing step by step."""
        return trajectory_svg.draw(self.to_json(), self.title())

    def to_html(self) -> str:
        """The picture, its table, and the script that makes it draggable where scripts run."""
        from gradviz.widgets.replay import replay_html

        return replay_html("trajectory", self.to_json(), self.to_svg(), self.to_text(), self.table())

    def title(self) -> str:
        """One line that says what is seen."""
        where = ", ".join(f"{name} = {number(value)}" for name, value in zip(self.names, self.start, strict=True))
        return f"{self.optimizer['name']}, rate {number(self.lr)}, {self.steps} steps from {where}"

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
        widths = [max(map(len, column)) for column in zip(*self.table(), strict=True)]
        lines = ["  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in self.table()]
        return "\n".join([self.title(), *lines])


def walk(
    fn: Callable[..., Any], start: Sequence[float], lr: float, steps: int, optimizer: Callable[..., Any] | None
) -> tuple[list[list[float]], list[float], list[list[float]], dict[str, Any], str]:
    """Walk with the real engine: places, losses, slopes, the optimiser, and why the browser cannot ('' if it can)."""
    import gradviz as torch

    leaves = [torch.tensor(value, requires_grad=True) for value in start]
    stepper = (optimizer or torch.optim.SGD)(leaves, lr=lr)
    group = stepper.param_groups[0]
    path: list[list[float]] = []
    losses: list[float] = []
    grads: list[list[float]] = []
    with np.errstate(all="ignore"):  # a walk that runs away is something to look at, not something to warn of
        for k in range(steps + 1):
            stepper.zero_grad()
            loss = fn(*leaves)
            loss.backward()
            path.append([leaf.item() for leaf in leaves])
            losses.append(loss.item())
            grads.append([0.0 if leaf.grad is None else leaf.grad.item() for leaf in leaves])
            if k < steps:
                stepper.step()
    about = {"name": type(stepper).__name__, **{name: group[name] for name in SETTINGS if name in group}}
    plain = type(stepper) is torch.optim.SGD
    return path, losses, grads, about, "" if plain else f"the optimiser {about['name']} is not one the browser can run"


def on_grid(fn: Callable[..., Any], grids: list[Any]) -> Any:
    """The function at every point of a grid: in one go if it works element by element, else one by one."""
    import gradviz as torch

    def at(*values: float) -> float:
        return float(fn(*(torch.tensor(float(value)) for value in values)).item())

    shape = grids[0].shape
    probes = [0, grids[0].size // 3, grids[0].size - 1]
    with torch.no_grad(), np.errstate(all="ignore"):
        try:
            out = np.asarray(fn(*(torch.tensor(grid.tolist()) for grid in grids)).tolist(), dtype=float)
            same = out.shape == shape and all(
                math.isclose(out.flat[i], at(*(grid.flat[i] for grid in grids)), rel_tol=1e-4, abs_tol=1e-6)
                for i in probes
            )
        except Exception:  # a function that takes numbers only; it is asked point by point below
            same = False
        if not same:
            out = np.array([at(*point) for point in zip(*(grid.flat for grid in grids), strict=True)]).reshape(shape)
    return out


def box(bounds: Any, path: list[list[float]]) -> list[tuple[float, float]]:
    """What the picture covers: the given bounds, or room around the walk as far as it stays finite."""
    if bounds is not None:
        given = np.asarray(bounds, dtype=float).reshape(-1, 2)
        if given.shape[0] != len(path[0]) or not (given[:, 0] < given[:, 1]).all():
            raise ValueError(
                f"bounds must be a (low, high) pair for each of the {len(path[0])} numbers; got {bounds!r}."
            )
        return [(float(low), float(high)) for low, high in given]
    sides = []
    for column in zip(*path, strict=True):
        near = [v for v in column if abs(v) <= 10 * max(abs(column[0]), 1.0)]
        low, high = min(near), max(near)
        room = max(high - low, 1.0) * 0.4
        sides.append((low - room, high + room))
    return sides


def corners(bounds: list[tuple[float, float]]) -> list[list[float]]:
    """Two places off the middle, where a function may take another branch."""
    return [[low + (high - low) * part for low, high in bounds] for part in (0.07, 0.93)]


def span(values: Any) -> tuple[float, float]:
    """Lowest and highest finite value, with a little room."""
    finite = values[np.isfinite(values)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    room = (high - low or 1.0) * 0.06
    return low - room, high + room


def names_of(fn: Callable[..., Any], count: int) -> list[str]:
    """The names of the function's arguments."""
    import inspect

    try:
        names = [
            name
            for name, p in inspect.signature(fn).parameters.items()
            if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
        ]
    except (TypeError, ValueError):
        names = []
    return names[:count] if len(names) >= count else ["x", "y"][:count]


def float32() -> bool:
    """True if the engine computes in single precision by default."""
    import gradviz as torch

    return bool(torch.get_default_dtype() == torch.float32)


def safe(value: float) -> float | str:
    """JSON has no infinity and no NaN: they are written as words."""
    return value if math.isfinite(value) else str(value)
