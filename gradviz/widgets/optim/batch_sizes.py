"""`BatchSizes`: the same training with batches of different sizes, compared after equal epochs and after equal seconds.

    def loss(w, b, x, y):
        return (w * x + b - y) ** 2      # of each row

    BatchSizes(loss, (x, y), start=(0.0, 0.0), lr=0.05, size=8)

The runs in the still picture are made by the real engine. In the page the size, the rate, the start, the shuffle and
the two constants of the cost can be changed: the recorded loss is run again there, with the same shuffles and the same
roundings, so the numbers are those of the engine.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from gradviz.viz.numbers import number
from gradviz.widgets.base import View
from gradviz.widgets.optim import batch_svg
from gradviz.widgets.optim.batch_runs import MOST_STEPS, PARAMETERS, SHUFFLES, Cost, Rows, Run
from gradviz.widgets.optim.descent import undisturbed
from gradviz.widgets.optim.terrain import Terrain, box
from gradviz.widgets.optim.trajectory import aligned, names_of, start_of
from gradviz.widgets.timeline import Timeline, name_of

MOST_SIZES = 5  # beside the one of the slider


class BatchSizes(View):
    """Runs of stochastic gradient descent that differ in the size of their batches.

    Args:
        fn: ``fn(w, b, *columns)``, the loss of each row: two 0-d tensors and the columns of some rows go in, a tensor
            with a number for each of these rows comes out.
        rows: a tensor or a tuple of tensors of shape (N,), all float64 or all float32, N up to 1,024.
        start: the two parameters at first.
        lr: the learning rate.
        size: rows in a batch, where the slider stands at first.
        epochs: how often every row is used.
        sizes: further sizes to compare with; 1 and N if not given.
        scale_lr: True: the rate grows with the size, `lr` belongs to `size` (the linear rule of Goyal et al. 2017).
        seed: the shuffles are ``torch.randperm(N)`` under ``torch.manual_seed(seed)``.
        shuffle: "every epoch", "once", or "never".
        overhead: assumed seconds for a step, whatever its size.
        per_row: assumed seconds for each row in it. Nothing is measured.
        bounds: ``((low, high), (low, high))`` of the map; otherwise room around the walks.
        timeline: move together with other views.

    Source: L. Bottou, F. E. Curtis, J. Nocedal, "Optimization Methods for Large-Scale Machine Learning", SIAM Review
    60 (2018); https://docs.pytorch.org/docs/2.13/data.html
    """

    def __init__(
        self,
        fn: Callable[..., Any],
        rows: Any,
        start: Any = (0.0, 0.0),
        lr: float = 0.05,
        size: int = 8,
        *,
        epochs: int = 10,
        sizes: Sequence[int] | None = None,
        scale_lr: bool = False,
        seed: int = 0,
        shuffle: str = "every epoch",
        overhead: float = 50e-6,
        per_row: float = 5e-6,
        bounds: Any = None,
        timeline: Timeline | str | None = None,
    ) -> None:
        self.rows = Rows(fn, rows)
        self.start = start_of(start, "BatchSizes")
        if len(self.start) != PARAMETERS:
            raise ValueError("BatchSizes draws functions of two parameters; the start has one number.")
        self.lr, self.epochs, self.seed = float(lr), whole("epochs", epochs), int(seed)
        if not 0 < self.lr < math.inf:
            raise ValueError(f"BatchSizes needs a positive rate; got lr={lr!r}.")
        if not 0 <= self.seed < 2**53:
            raise ValueError(f"BatchSizes: seed must be from 0 to 2**53 - 1; got {seed!r}.")
        if shuffle not in SHUFFLES:
            raise ValueError(f"shuffle must be one of {', '.join(map(repr, SHUFFLES))}; got {shuffle!r}.")
        self.shuffle, self.scale_lr, self.timeline = shuffle, bool(scale_lr), name_of(timeline)
        self.cost = Cost(overhead, per_row)
        count = self.rows.count
        self.size = self._checked_size("size", size)
        others = [1, count] if sizes is None else [self._checked_size("sizes", one) for one in sizes]
        self.sizes = sorted(set(others) - {self.size})
        if len(self.sizes) > MOST_SIZES:
            raise ValueError(f"BatchSizes compares up to {MOST_SIZES} further sizes; got {len(self.sizes)}.")
        self.names = names_of(fn, PARAMETERS)
        with undisturbed():
            self.program = self.rows.program(self.start)
            self.best = self.rows.minimum(self.start)
            self.runs = [self._run(one) for one in self.shown]
        places = [self.best[0]] if self.best else []
        self.bounds = box(bounds, [run.path for run in self.runs], places)
        with undisturbed():
            self.terrain = Terrain(self.rows.height, self.bounds, self.names, minima=places)

    @property
    def shown(self) -> list[int]:
        """The sizes in the picture: the slider's first."""
        return [self.size, *self.sizes]

    @property
    def budget(self) -> float:
        """The seconds that are compared: what the epochs take at the slider's first size."""
        count = self.rows.count
        return self.cost.seconds(self.epochs * -(-count // self.size), self.epochs * count)

    def _checked_size(self, name: str, size: int) -> int:
        size = whole(name, size)
        count = self.rows.count
        if size > count:
            raise ValueError(f"BatchSizes: {name} has a batch of {size:,} rows, but there are {count:,}.")
        if self.epochs * -(-count // size) > MOST_STEPS:
            raise ValueError(
                f"BatchSizes: {self.epochs} epochs with batches of {size} are more than {MOST_STEPS:,} steps. "
                "Take fewer epochs, fewer rows or larger batches."
            )
        return size

    def _run(self, size: int) -> Run:
        """A run long enough for the epochs and for the seconds."""
        lr = self.lr * size / self.size if self.scale_lr else self.lr
        run = Run(self.rows, self.start, lr, size, seed=self.seed, shuffle=self.shuffle)
        return run.extend(max(self.epochs * run.in_epoch, self.cost.steps_in(self.budget, size, self.rows.count)))

    def ends(self, run: Run) -> tuple[int, int]:
        """The last step in the epochs, and the last in the seconds."""
        return self.epochs * run.in_epoch, self.cost.steps_in(self.budget, run.size, self.rows.count)

    # -- as data, picture, text ------------------------------------------------------------------------------------
    def to_json(self) -> dict[str, Any]:
        """The rows and the program that the page runs; it makes the runs itself."""
        terrain = self.terrain.to_json()
        terrain.pop("mesh")
        terrain.pop("marks")  # seen from above only
        return {
            "format": "gradviz.batch_sizes/1",
            "terrain": terrain,
            "program": self.program,
            "columns": [column.tolist() for column in self.rows.columns],
            "single": self.rows.single,
            "start": self.start,
            "lr": self.lr,
            "scale_lr": self.scale_lr,
            "size": self.size,
            "sizes": self.sizes,
            "epochs": self.epochs,
            "seed": self.seed,
            "shuffle": self.shuffle,
            "overhead": self.cost.overhead,
            "per_row": self.cost.per_row,
            "best": {"place": self.best[0], "loss": self.best[1]} if self.best else None,
            "timeline": self.timeline,
        }

    def to_svg(self) -> str:
        """The map with the walk of each size, and below it the loss per epoch and per second."""
        return batch_svg.draw(self)

    def to_html(self) -> str:
        """The picture, its table, and the script that lets the size be changed where scripts run."""
        from gradviz.widgets.replay import replay_html

        return replay_html(
            "batch_sizes", self.to_json(), self.to_svg(), self.to_text(), self.table(), caption="Results as a table"
        )

    def title(self) -> str:
        """One line that says what is seen."""
        sizes = ", ".join(str(size) for size in sorted(self.shown))
        rate = f"rate {number(self.lr)}" + (f" at size {self.size}, growing with the size" if self.scale_lr else "")
        return f"{self.rows.count} rows in batches of {sizes}: {rate}, {self.epochs} epochs"

    def table(self) -> list[list[str]]:
        """A row for each size: its steps, and its loss after the first epoch, after all, and after the seconds."""
        rows = [
            ["batch", "rate", "steps an epoch", "loss after 1", f"after {self.epochs}", "steps in time", "loss then"]
        ]
        for run in sorted(self.runs, key=lambda run: run.size):
            last, timed = self.ends(run)
            losses = [number(run.losses[k]) for k in (run.in_epoch, last, timed)]
            rows.append([str(run.size), number(run.lr), str(run.in_epoch), *losses[:2], str(timed), losses[2]])
        return rows

    def to_text(self) -> str:
        """The text twin: the title, the loss of all rows for each size, the lowest loss, and the assumed cost."""
        lowest = f"Lowest loss {number(self.best[1])}." if self.best else "No lowest loss was found."
        costs = [f"{number(v * 1e6)} microseconds" for v in (self.cost.overhead, self.cost.per_row)]
        assumed = f"Assumed cost of a step: {costs[0]}, and {costs[1]} for each row in it."
        time = f"Time: {number(self.budget * 1e3)} milliseconds, what {self.epochs} epochs of size {self.size} cost."
        return "\n".join([self.title(), *aligned(self.table()), lowest, assumed, time])


def whole(name: str, value: Any) -> int:
    """A whole number of at least 1."""
    if isinstance(value, bool) or int(value) != value or value < 1:
        raise ValueError(f"BatchSizes: {name} must be a whole number of at least 1; got {value!r}.")
    return int(value)
