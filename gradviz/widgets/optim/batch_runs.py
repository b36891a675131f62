"""Stochastic gradient descent on mini-batches, run by the real engine: what `BatchSizes` shows.

The loss is a function of two numbers and of some columns with a number for each row; it gives the loss of each row. A
step takes the mean over the rows of its batch, its gradient, and one step of `SGD`. frontend/src/batches.ts takes the
same steps with the same roundings.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from gradviz.widgets.graph.embed import line
from gradviz.widgets.optim.descent import undisturbed
from gradviz.widgets.whatif.program import NeedsKernel, Program, program

SHUFFLES = ("every epoch", "once", "never")
MOST_ROWS, MOST_STEPS = 1024, 20_000
PARAMETERS = 2
CHUNK = 1 << 20  # numbers that the map asks for at once


class Rows:
    """The rows, and the loss of each of them.

    Args:
        fn: called as ``fn(first, second, *columns)``; returns the loss of each row, shape (rows,).
        columns: tensors of shape (rows,), all float64 or all float32.
    """

    def __init__(self, fn: Callable[..., Any], columns: Sequence[Any]) -> None:
        self.fn, self.columns = fn, checked_columns(columns)
        self.count = len(self.columns[0])
        self.dtype = self.columns[0].dtype

    @property
    def single(self) -> bool:
        """True if the rows are in single precision."""
        import gradviz as torch

        return bool(self.dtype == torch.float32)

    def leaves(self, place: Sequence[float]) -> list[Any]:
        """The two parameters, as tensors of the rows' type."""
        import gradviz as torch

        return [torch.tensor(float(v), dtype=self.dtype, requires_grad=True) for v in place]

    def mean(self, leaves: Sequence[Any], rows: Any = None) -> Any:
        """The mean loss of these rows, or of all."""
        columns = self.columns if rows is None else [column[rows] for column in self.columns]
        return self.fn(*leaves, *columns).mean()

    def loss(self, place: Sequence[float]) -> float:
        """The mean loss of all rows at a place."""
        import gradviz as torch

        with torch.no_grad():
            return float(self.mean(self.leaves(place)).item())

    def height(self, first: Any, second: Any) -> Any:
        """The mean loss of all rows at one place, or at each place of a grid."""
        import gradviz as torch

        if first.ndim == 0:
            return self.mean([first.to(self.dtype), second.to(self.dtype)])
        size = max(1, CHUNK // self.count)
        ways = [place.to(self.dtype).reshape(-1, 1).split(size) for place in (first, second)]
        parts = [self.fn(*pair, *self.columns).mean(-1) for pair in zip(*ways, strict=True)]
        return torch.cat(parts).reshape(first.shape)

    def program(self, start: Sequence[float]) -> Program:
        """The loss of one row as a program for the page; ValueError with the reason if there is none."""
        import gradviz as torch

        with torch.no_grad():
            each = self.fn(*self.leaves(start), *self.columns)
        if tuple(getattr(each, "shape", ())) != (self.count,):
            got = f"shape {tuple(each.shape)}" if isinstance(each, torch.Tensor) else type(each).__name__
            raise ValueError(
                f"BatchSizes: the function must return the loss of each row, a tensor of shape ({self.count},); it "
                f"returned {got}. Leave out .mean() or .sum(): BatchSizes takes the mean over each batch itself."
            )
        some = sorted({0, self.count // 3, self.count - 1})
        points = [[*place, *(column[i].item() for column in self.columns)] for i in some for place in (start, OTHER)]
        with torch.no_grad():
            alone = [float(self.fn(*self.leaves(start), *(column[i] for column in self.columns)).item()) for i in some]
        if not np.allclose(alone, [each[i].item() for i in some], rtol=1e-5, atol=1e-7, equal_nan=True):
            raise ValueError(
                "BatchSizes: the loss of a row must depend on that row alone, but it is another when the row is given "
                "by itself. Does the function take a mean, a maximum or a sum over the rows?"
            )
        try:
            return program(self.fn, points)
        except NeedsKernel as reason:
            raise ValueError(
                f"BatchSizes runs the loss again in the page, and cannot run this one: {line(str(reason), 200)}. Write "
                "it with + - * / **, comparisons left out, and functions such as exp, log, tanh, abs or relu."
            ) from None

    def minimum(self, start: Sequence[float]) -> tuple[list[float], float] | None:
        """The place of the lowest loss that L-BFGS finds from the start, and the loss there; None if it finds none."""
        import gradviz as torch

        leaves = [torch.tensor(float(v), dtype=torch.float64, requires_grad=True) for v in start]
        columns = [column.double() for column in self.columns]
        optimizer = torch.optim.LBFGS(
            leaves, max_iter=300, tolerance_grad=1e-14, tolerance_change=0, line_search_fn="strong_wolfe"
        )

        def again() -> Any:
            optimizer.zero_grad()
            value = self.fn(*leaves, *columns).mean()
            value.backward()
            return value

        def slope() -> float:
            again()
            return math.hypot(*(0.0 if leaf.grad is None else float(leaf.grad.item()) for leaf in leaves))

        first = slope()
        optimizer.step(again)
        last = slope()
        place = [float(leaf.item()) for leaf in leaves]
        found = self.loss(place)
        level = last <= 1e-6 * max(first, 1.0)  # false too where it is not a number
        return (place, found) if level and math.isfinite(found) and found <= self.loss(start) else None


OTHER = (0.37, -0.81)  # a second place, where a function may take another branch


class Run:
    """One walk: the places, the loss of all rows at each, and how many rows had been used there.

    `lr` is the rate of this run. The shuffles are ``torch.randperm(rows)`` under ``torch.manual_seed(seed)``.
    """

    def __init__(
        self, rows: Rows, start: Sequence[float], lr: float, size: int, *, seed: int = 0, shuffle: str = SHUFFLES[0]
    ) -> None:
        import gradviz as torch

        self.rows, self.lr, self.size, self.shuffle = rows, float(lr), int(size), shuffle
        self.leaves = rows.leaves(start)
        self.optimizer = torch.optim.SGD(self.leaves, lr=self.lr)
        self.generator = torch.Generator().manual_seed(seed)
        self.order: Any = None
        self.path: list[list[float]] = [[float(leaf.item()) for leaf in self.leaves]]
        self.losses: list[float] = [rows.loss(self.path[0])]
        self.seen: list[int] = [0]

    @property
    def in_epoch(self) -> int:
        """Steps in an epoch: the last batch may be smaller."""
        return -(-self.rows.count // self.size)

    def batch(self, step: int) -> Any:
        """The rows of a step's batch. Steps are asked for in order: each epoch draws its own shuffle."""
        import gradviz as torch

        count, at = self.rows.count, step % self.in_epoch
        if at == 0 and (self.order is None or self.shuffle == "every epoch"):
            never = self.shuffle == "never"
            self.order = torch.arange(count) if never else torch.randperm(count, generator=self.generator)
        return self.order[at * self.size : (at + 1) * self.size]

    def extend(self, steps: int) -> Run:
        """Go on until so many steps have been taken."""
        with undisturbed():
            for step in range(len(self.path) - 1, steps):
                batch = self.batch(step)
                self.optimizer.zero_grad()
                self.rows.mean(self.leaves, batch).backward()
                self.optimizer.step()
                self.path.append([float(leaf.item()) for leaf in self.leaves])
                self.losses.append(self.rows.loss(self.path[-1]))
                self.seen.append(self.seen[-1] + len(batch))
        return self

    def epochs(self, step: int) -> float:
        """The rows used until then, in epochs."""
        return self.seen[step] / self.rows.count


class Cost:
    """What a step costs: a fixed part and a part for each row, in seconds. A model, not a measurement."""

    def __init__(self, overhead: float, per_row: float) -> None:
        self.overhead, self.per_row = float(overhead), float(per_row)
        if not (self.overhead >= 0 and self.per_row >= 0 and 0 < self.overhead + self.per_row < math.inf):
            raise ValueError(
                "BatchSizes: overhead and per_row are seconds, not negative, and not both 0; "
                f"got overhead={overhead!r} and per_row={per_row!r}."
            )

    def seconds(self, steps: int, rows: int) -> float:
        """The time that so many steps take, which used so many rows."""
        return self.overhead * steps + self.per_row * rows

    def steps_in(self, seconds: float, size: int, count: int) -> int:
        """How many steps fit into a time, at most `MOST_STEPS`."""
        steps = rows = 0
        while steps < MOST_STEPS:
            rows += min(size, count - rows % count)
            if self.seconds(steps + 1, rows) > seconds * (1 + 1e-9):
                break
            steps += 1
        return steps


def checked_columns(columns: Any) -> list[Any]:
    """One or more columns of the same length and a floating type."""
    import gradviz as torch

    given = list(columns) if isinstance(columns, tuple | list) else [columns]
    if not given or not all(isinstance(column, torch.Tensor) for column in given):
        raise TypeError("BatchSizes: rows must be a tensor or a tuple of tensors, such as (x, y).")
    shapes = [tuple(column.shape) for column in given]
    if len(set(shapes)) != 1 or len(shapes[0]) != 1:
        raise ValueError(
            f"BatchSizes: every column must have a number for each row, shape (rows,); got {shapes}. "
            "Use x.squeeze() or x[:, 0]."
        )
    kinds = {column.dtype for column in given}
    if len(kinds) != 1 or not kinds <= {torch.float32, torch.float64}:
        raise TypeError(
            "BatchSizes: the columns must all be float64 or all float32; got "
            f"{', '.join(sorted(str(kind) for kind in kinds))}. Convert with x.double()."
        )
    if not 1 < shapes[0][0] <= MOST_ROWS:
        raise ValueError(f"BatchSizes shows 2 to {MOST_ROWS:,} rows; got {shapes[0][0]:,}. Take some: x[:1024].")
    if not all(bool(column.isfinite().all()) for column in given):
        raise ValueError("BatchSizes: the rows hold infinity or NaN.")
    return [column.detach().clone() for column in given]
