"""`Broadcasting`: two shapes are aligned on the right, dimensions of size 1 are stretched, and the numbers combined.

    Broadcasting((3, 1), (1, 4))            two shapes, filled with 1, 2, 3 ... and 10, 20, 30 ...
    Broadcasting(x, y, "*")                 two tensors, with their own numbers
    Broadcasting((3, 2), (3,))              an impossible pair: which dimension does not fit, in PyTorch's words

The results and the error are the engine's. In the page the shapes and the operation can be changed.
Rules: https://docs.pytorch.org/docs/stable/notes/broadcasting.html
"""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

import gradviz as torch
from gradviz.viz.measure import clean, clip, escape, width
from gradviz.viz.numbers import number
from gradviz.viz.plot import document, label, short
from gradviz.viz.theme import MONO, THEMES
from gradviz.widgets.base import View
from gradviz.widgets.replay import replay_html

DIMENSIONS, LARGEST, CELLS = 3, 6, 96
OPERATIONS = {"+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv}
CELL = 32


class Broadcasting(View):
    """How the shapes of two tensors become one, step by step.

    Args:
        a, b: a shape (a tuple of whole numbers), or a tensor, array or number; at most 3 dimensions of at most 6.
        op: "+", "-", "*" or "/".
        title: shown above the picture.

    Raises ValueError for what is too large to be shown. A pair that does not fit is shown, not raised.
    """

    def __init__(self, a: Any, b: Any, op: str = "+", *, title: str | None = None) -> None:
        if op not in OPERATIONS:
            raise ValueError(f"op must be one of {' '.join(OPERATIONS)}, got {op!r}")
        self.op = op
        self.a, self.b = numbers_of(a, 1, "a"), numbers_of(b, 10, "b")
        self.title = "Broadcasting" if title is None else title
        self.out: Any = None
        self.error = ""
        try:
            self.out = OPERATIONS[op](torch.tensor(self.a), torch.tensor(self.b)).numpy()
        except RuntimeError as error:
            self.error = str(error).split("\n")[0]
        if self.out is not None and self.out.size > CELLS:
            raise ValueError(
                f"the result would have {self.out.size} numbers; at most {CELLS} are shown. Take smaller shapes."
            )

    def steps(self) -> list[str]:
        """What happens, in words: as they are, aligned, each dimension from the right, combined."""
        (a, b), n = (self.a.shape, self.b.shape), max(self.a.ndim, self.b.ndim)
        wide = [(1,) * (n - len(shape)) + tuple(shape) for shape in (a, b)]
        said = [f"a has shape {_shape(a)}, b has shape {_shape(b)}."]
        lesser = "a" if len(a) < len(b) else "b" if len(b) < len(a) else ""
        said.append(
            f"Aligned on the right. The dimensions that {lesser} lacks count as 1."
            if lesser
            else "Aligned on the right: both have the same number of dimensions."
        )
        for d in reversed(range(n)):
            p, q = wide[0][d], wide[1][d]
            if p == q:
                said.append(f"Dimension {d}: {p} and {q} are equal. Nothing to do.")
            elif 1 in (p, q):
                said.append(f"Dimension {d}: {p} and {q}. {'a' if p == 1 else 'b'} is stretched from 1 to {p * q}.")
            else:
                said.append(f"Dimension {d}: {p} and {q} differ, and neither is 1. {self.error}")
                return said
        said.append(f"Combined entry by entry: the result has shape {_shape(self.out.shape)}.")
        return said

    def to_json(self) -> dict[str, Any]:
        """Both tensors, the engine's result or its error."""
        return {
            "format": "gradviz.broadcast/1",
            "title": clean(self.title)[:200],
            "op": self.op,
            "a": _packed(self.a),
            "b": _packed(self.b),
            "out": None if self.out is None else _packed(self.out),
            "error": self.error,
        }

    def to_text(self) -> str:
        head = f"{clean(self.title)}: {_shape(self.a.shape)} {self.op} {_shape(self.b.shape)}"
        lines = [head, *(f"  {i}  {text}" for i, text in enumerate(self.steps()))]
        if self.out is not None:
            lines += [f"  {text}" for text in str(torch.tensor(self.out)).splitlines()]
        return "\n".join(lines)

    def table(self) -> list[list[str]]:
        """The steps as rows of text."""
        return [["step", "what happens"], *([str(i), text] for i, text in enumerate(self.steps()))]

    def to_html(self) -> str:
        """The picture that steps, and whose shapes can be changed, where scripts run."""
        return replay_html("broadcasting", self.to_json(), self.to_svg(), self.to_text(), self.table())

    def to_svg(self) -> str:
        """Both tensors as they are stretched, and the result; or the dimension that does not fit."""
        colours = THEMES["light"]
        n = max(self.a.ndim, self.b.ndim)
        shapes = [(1,) * (n - x.ndim) + x.shape for x in (self.a, self.b)]
        blocks: list[tuple[str, Any, Any]] = []
        for name, x, shape in zip("ab", (self.a, self.b), shapes, strict=True):
            given = x.reshape(shape)
            full = given if self.out is None else np.broadcast_to(given, self.out.shape)
            own = np.zeros(full.shape, bool)
            own[tuple(slice(0, size) for size in given.shape)] = True
            blocks.append((f"{name}  {_shape(x.shape)}", full, own))
        if self.out is not None:
            blocks.append((f"a {self.op} b  {_shape(self.out.shape)}", self.out, np.ones(self.out.shape, bool)))
        parts, left, low = [], 16.0, 0.0
        for i, (caption, values, own) in enumerate(blocks):
            if i:
                sign = self.op if i == 1 else "="
                parts.append(label(left + 14, 86, sign.replace("*", "×").replace("-", "−"), colours["muted"], 18))
                left += 42
            parts.append(label(left, 58, caption, colours["muted"]))
            wide, tall = _grid(parts, values, own, left, 68, colours)
            left, low = left + max(wide, 8.0 * len(caption)), max(low, tall)
        wide, tall = max(left + 16, 430, width(self.error, 12) + 32), low + 50
        head = clip(self.title, wide - 32, 14)
        last = clip(self.error or self.steps()[-1], wide - 32, 12)
        parts.insert(0, label(16, 26, head, colours["ink"], 14, 'font-weight="600"'))
        parts.append(label(16, low + 28, last, colours["bad" if self.error else "ink"]))
        return document(parts, wide, tall, self.title)


def _grid(parts: list[str], values: Any, own: Any, left: float, top: float, colours: Any) -> tuple[float, float]:
    """Slices under one another; what was stretched is dashed. Returns the width and the lower end."""
    shape = (1,) * (3 - values.ndim) + values.shape
    for (k, y, x), value in np.ndenumerate(values.reshape(shape)):
        mine = bool(own.reshape(shape)[k, y, x])
        px, py = left + x * CELL, top + y * CELL + k * (shape[1] * CELL + 10)
        edge = colours["edge"] if mine else f'{colours["line"]}" stroke-dasharray="3 3'
        fill = colours["forward-soft"] if mine else colours["card"]
        parts.append(
            f'<rect x="{short(px + 1)}" y="{short(py + 1)}" width="{CELL - 2}" height="{CELL - 2}" rx="4" '
            f'fill="{fill}" stroke="{edge}"/>'
        )
        text = clip(number(float(value), 4), CELL - 2, 11, mono=True)
        ink = colours["ink" if mine else "muted"]
        middle = f'text-anchor="middle" font-family="{escape(MONO)}"'
        parts.append(label(px + CELL / 2, py + CELL / 2 + 4, text, ink, 11, middle))
    return shape[2] * CELL, top + shape[0] * (shape[1] * CELL + 10)


def numbers_of(value: Any, first: int, name: str) -> Any:
    """A tensor's numbers; of a shape, `first`, twice `first`, three times `first` ..."""
    if isinstance(value, tuple) and all(isinstance(v, int) and not isinstance(v, bool) for v in value):
        if any(v < 0 for v in value):
            raise ValueError(f"a size cannot be negative: {name} is {value}")
        _check(value, name)
        count = int(np.prod(value, dtype=np.int64))
        return (np.arange(1, count + 1, dtype=np.float32) * first).reshape(value)
    array = np.asarray(value.detach().cpu().numpy() if hasattr(value, "detach") else value, dtype=np.float32)
    _check(array.shape, name)
    return array


def _check(shape: tuple[int, ...], name: str) -> None:
    if len(shape) > DIMENSIONS or any(not 1 <= size <= LARGEST for size in shape):
        raise ValueError(
            f"{name} has shape {_shape(shape)}; up to {DIMENSIONS} dimensions of sizes 1 to {LARGEST} are shown"
        )


def _shape(shape: tuple[int, ...]) -> str:
    return str(tuple(int(size) for size in shape))


def _packed(array: Any) -> dict[str, Any]:
    flat = [float(v) for v in array.reshape(-1)]
    data = [float(f"{v:.7g}") if np.isfinite(v) else str(v) for v in flat]
    return {"shape": [int(size) for size in array.shape], "data": data}
