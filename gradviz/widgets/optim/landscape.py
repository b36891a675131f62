"""The loss of a real network around its weights: on a plane through them, or on the line between two states.

Every number is the loss that the model itself gives with its weights set there; the model is exactly as it was
afterwards, also when the computing is interrupted. Li et al., "Visualizing the Loss Landscape of Neural Nets", NeurIPS
2018; for the line: Goodfellow, Vinyals and Saxe, "Qualitatively characterizing neural network optimization problems",
ICLR 2015.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from gradviz.core.summary import number as json_number
from gradviz.widgets.live import interactive
from gradviz.widgets.optim import surface
from gradviz.widgets.optim.descent import reseed, undisturbed
from gradviz.widgets.optim.landscape_weights import Weights, arrays_of, elsewhere, movable, put

PATIENCE = 2.0  # seconds until a notebook is told how far it is

Array = Any


class LossAt:
    """The loss of a model with other weights."""

    def __init__(
        self,
        model: Any,
        loss_fn: Callable[..., Any],
        data: Any,
        *,
        training: bool = False,
        seed: int = 0,
        batches: int | None = None,
    ) -> None:
        if not hasattr(model, "named_parameters"):
            raise TypeError(f"LandscapeView needs a module; got {type(model).__name__}.")
        if not callable(loss_fn):
            raise TypeError(
                f"loss_fn must be a function: loss_fn(model(x), y), or loss_fn(model) without data; got "
                f"{type(loss_fn).__name__}."
            )
        self.model, self.loss_fn, self.training, self.seed = model, loss_fn, training, seed
        self.batches = None if data is None else batched(data, batches)
        self.params = movable(model)
        self.tensors = {**dict(model.named_buffers()), **self.params}
        self.grad = False

    def at(self, weights: Weights) -> float:
        """The loss there; NaN and infinity are what they are. Only inside `elsewhere(model)`."""
        import gradviz as torch

        put(self.tensors, weights)
        reseed(self.seed)  # dropout and the like draw the same everywhere: the landscape is not noisy
        with torch.enable_grad() if self.grad else torch.no_grad(), np.errstate(all="ignore"):
            if self.batches is None:
                return number_of(self.loss_fn(self.model))
            total, size = 0.0, 0
            for x, y in self.batches:
                count = len(x) if hasattr(x, "__len__") else 1
                total += number_of(self.loss_fn(self.model(x), y)) * count
                size += count
            return total / max(size, 1)

    def first(self, weights: Weights) -> float:
        """As `at`, and finds out whether the loss needs gradients to be recorded (a loss made of derivatives)."""
        try:
            return self.at(weights)
        except RuntimeError as error:
            if self.grad or "grad" not in str(error):
                raise
            self.grad = True
            return self.at(weights)


def number_of(loss: Any) -> float:
    """The loss as a number."""
    size = loss.numel() if hasattr(loss, "numel") else 1
    if size != 1:
        raise ValueError(
            f"The loss must be one number; loss_fn returned a tensor of shape {tuple(loss.shape)}.\n"
            "Use reduction='mean', or add .mean()."
        )
    return float(loss.item() if hasattr(loss, "item") else loss)


def batched(data: Any, most: int | None) -> list[tuple[Any, Any]]:
    """A pair (x, y), or several of them, as a list: the same batches at every point."""
    if isinstance(data, (tuple, list)) and len(data) == 2 and hasattr(data[0], "shape"):
        pairs: Iterable[Any] = [data]
    else:
        pairs = data
    found: list[tuple[Any, Any]] = []
    try:
        for pair in pairs:
            if most is not None and len(found) >= most:
                break
            x, y = pair
            found.append((x, y))
    except (TypeError, ValueError) as error:
        raise TypeError(
            f"data must be a pair (x, y) or give such pairs, as a DataLoader does: {error}.\n"
            "Without pairs, leave data out and give loss_fn(model)."
        ) from error
    if not found:
        raise ValueError("data gave no batch: there is no loss to compute.")
    return found


def rings(columns: int, rows: int) -> list[tuple[int, int]]:
    """(row, column) of a grid from the middle outwards, so that a part of it is already a smaller picture."""
    middle = ((rows - 1) / 2, (columns - 1) / 2)

    def away(cell: tuple[int, int]) -> tuple[float, int, int]:
        r, c = cell
        return max(abs(r - middle[0]) / max(rows, 1), abs(c - middle[1]) / max(columns, 1)), r, c

    return sorted(((r, c) for r in range(rows) for c in range(columns)), key=away)


class Progress:
    """Says how far a computation is: in a notebook under the cell, in a terminal on one line, or to a function.

    In a notebook only a person is told, and only of what takes more than two seconds: what is run again without anyone
    watching must give the same outputs.
    """

    def __init__(self, total: int, how: bool | Callable[[int, int], None]) -> None:
        self.total, self.how, self.last = total, how, time.monotonic()
        self.began, self.handle = self.last, None

    def _text(self, done: int) -> str:
        return f"LandscapeView: {done} of {self.total} losses computed"

    def step(self, done: int) -> None:
        if callable(self.how):
            self.how(done, self.total)
        elif self.how and (done == self.total or time.monotonic() - self.last > 0.25):
            self.last = time.monotonic()
            self._say(done)

    def _say(self, done: int, end: str = "") -> None:
        if self.handle is None and time.monotonic() - self.began > PATIENCE:
            self.handle = _notebook(self._text(done))
        if self.handle is not None:
            self.handle.update({"text/plain": self._text(done) + end}, raw=True)
        elif sys.stderr is not None and sys.stderr.isatty():
            sys.stderr.write(f"\r{self._text(done)}{end}" + ("\n" if done == self.total or end else ""))
            sys.stderr.flush()

    def interrupted(self, done: int) -> None:
        if self.how is True:
            self._say(done, " (interrupted; .resume() goes on)")


def _notebook(text: str) -> Any:
    """Where the progress is shown under the cell; None outside of a notebook."""
    try:
        from IPython import get_ipython
        from IPython.display import display
    except ImportError:
        return None
    shell = get_ipython()
    if shell is None or not hasattr(shell, "kernel") or not interactive():
        return None
    return display({"text/plain": text}, raw=True, display_id=True)


def compute(
    loss: LossAt, jobs: list[tuple[Callable[[], Weights], Callable[[float], None]]], done: int, how: Any
) -> int:
    """Do the jobs from the `done`-th on: weights to a loss, handed on. Returns how many are done now.

    An interrupt (the stop button, Ctrl+C) ends it early; what is done is kept, and the model is as it was.
    """
    progress = Progress(len(jobs), how)
    try:
        with undisturbed(loss.seed), elsewhere(loss.model):
            loss.model.train(loss.training)
            buffers = arrays_of({n: t for n, t in loss.model.named_buffers() if t is not None})
            for weights, keep in jobs[done:]:
                put(loss.tensors, buffers)
                keep((loss.first if done == 0 else loss.at)(weights()))
                done += 1
                progress.step(done)
    except KeyboardInterrupt:
        progress.interrupted(done)
    return done


def between(model: Any, a: dict[str, Any], b: dict[str, Any]) -> tuple[Weights, Weights]:
    """Two state dicts as arrays: they must have the entries of the model, in its shapes."""
    tensors = {**dict(model.named_parameters()), **dict(model.named_buffers())}
    found = []
    for which, state in (("first", a), ("second", b)):
        if not hasattr(state, "items"):
            raise TypeError(
                f"between= takes two state dicts, (model_a.state_dict(), model_b.state_dict()); the {which} is "
                f"{type(state).__name__}."
            )
        missing = [name for name in tensors if name not in state]
        other = [n for n, t in tensors.items() if n in state and tuple(state[n].shape) != tuple(t.shape)]
        if missing or other:
            what = f"lacks {missing[0]!r}" if missing else f"has another shape at {other[0]!r}"
            raise ValueError(f"The {which} state dict {what}: it belongs to another model.")
        found.append(arrays_of({name: state[name] for name in tensors}))
    return found[0], found[1]


def on_line(a: Weights, b: Weights, alpha: float, fixed: set[str]) -> Weights:
    """`(1 − alpha) · a + alpha · b`. Buffers (`fixed`) stay between the ends; whole numbers are the nearer end's."""
    found = {}
    for name, x in a.items():
        y, t = b[name], alpha
        if name in fixed:
            t = min(1.0, max(0.0, t))
        if x.dtype.kind != "f" or t in (0.0, 1.0):
            found[name] = y if t >= 0.5 else x
        else:
            found[name] = x * x.dtype.type(1 - t) + y * y.dtype.type(t)
    return found


def resampled(grid: surface.Grid, count: int) -> surface.Grid:
    """The same surface by more or fewer points along each side."""
    xs, ys = (np.linspace(v[0], v[-1], count) for v in (grid.xs, grid.ys))
    across = np.array([np.interp(xs, grid.xs, row) for row in grid.values])
    return type(grid)(xs, ys, np.array([np.interp(ys, grid.ys, column) for column in across.T]).T)


def finite(values: Array) -> Array:
    return values[np.isfinite(values)]


def spread(values: Array) -> bool:
    """Whether losses are better seen on a logarithmic scale: all positive, over more than a factor of 10."""
    fine = finite(values)
    return bool(fine.size) and float(fine.min()) > 0 and float(fine.max()) > 10 * float(fine.min())


def floats(values: Iterable[float]) -> Iterator[float | str]:
    """JSON has no infinity and no NaN."""
    return map(json_number, values)
