"""The text twin of a tensor: what it is, its statistics, and its numbers, to four digits."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from gradviz.viz.measure import clean
from gradviz.viz.numbers import number

ROWS, COLUMNS, SLICES = 10, 10, 3
NAME = 80  # characters of a name
LISTED = 100  # rows of a table


def line(text: object, most: int = NAME) -> str:
    """A name as one visible line."""
    plain = clean(str(text)[: most + 1])
    return plain if len(plain) <= most else plain[: most - 1] + "…"


def value(v: Any, digits: int = 6) -> str:
    """A number as it is shown: whole ones in full, others to so many digits; nothing where there is none."""
    if v is None:
        return "—"
    return str(v) if isinstance(v, (bool, int, np.integer, np.bool_, str)) else number(float(v), digits)


def place(flat: int, shape: Sequence[int]) -> str:
    """The index of an element: [2, 0, 5]."""
    return "[" + ", ".join(str(int(i)) for i in np.unravel_index(flat, tuple(shape))) + "]" if shape else "[]"


def matrix(array: Any) -> list[str]:
    """The first rows and columns of the first slices, in columns."""
    if array.size == 0:
        return ["no elements"]
    if array.ndim == 0:
        return [value(array[()].item(), 6)]
    if array.ndim == 1:
        return _rows(array[None, :])
    lead = array.shape[:-2]
    out: list[str] = []
    places = itertools.islice(np.ndindex(*lead), SLICES) if lead else iter([()])
    for at in places:
        if lead:
            out.append(f"[{', '.join(map(str, at))}, :, :]")
        out += _rows(array[at])
    more = int(np.prod(lead, dtype=np.int64)) - SLICES
    return [*out, f"… {more:,} more slices"] if more > 0 else out


def _rows(array: Any) -> list[str]:
    tall, wide = array.shape
    cells = [[value(v, 4) for v in row] for row in array[:ROWS, :COLUMNS].tolist()]
    width = max(len(cell) for row in cells for cell in row)
    rest = f"  … {wide - COLUMNS:,} more" if wide > COLUMNS else ""
    lines = ["  " + "  ".join(cell.rjust(width) for cell in row) + rest for row in cells]
    return [*lines, f"  … {tall - ROWS:,} more rows"] if tall > ROWS else lines


def statistics(face: dict[str, Any], shape: Sequence[int]) -> list[tuple[str, str]]:
    """Names and values of one face's statistics, as every form of the view tells them."""
    low, high = face["at"]
    ends = [("min", face["min"], low), ("max", face["max"], high)]
    out = [(name, value(v) + (f" at {place(k, shape)}" if k >= 0 and shape else "")) for name, v, k in ends]
    out += [(name, value(face[name])) for name in ("mean", "std", "norm")]
    out += [("zeros", _share(face["zero"], face["count"])), ("NaN", _share(face["nan"], face["count"]))]
    return [*out, ("+inf", _share(face["plus"], face["count"])), ("-inf", _share(face["minus"], face["count"]))]


def _share(count: int, of: int) -> str:
    return (
        f"{count:,} ({count / of:.3g})".replace(f"({count / of:.3g})", f"({100 * count / of:.3g} %)") if count else "0"
    )


def title_of(face: dict[str, Any]) -> str:
    """`value`, `gradient`, `value, phase`."""
    return f"{face['source']}, {face['part']}" if face["part"] else str(face["source"])


def tell(tensor: dict[str, Any], numbers: Sequence[Sequence[str]]) -> list[str]:
    """All lines about one tensor; `numbers` are those of `matrix`, by face."""
    facts = dict(tensor["facts"])
    about = [f"{facts['shape']} {facts['dtype']}", f"on {facts['device']}", f"{facts['elements']} elements"]
    out = [f"{tensor['name']}: {', '.join(about)}"]
    rest = [f"{name} {told}" for name, told in tensor["facts"] if name not in ("shape", "dtype", "device", "elements")]
    out.append("  " + "; ".join(rest))
    for face, lines in zip(tensor["faces"], numbers, strict=True):
        told = "  ".join(f"{name} {text}" for name, text in statistics(face, tensor["shape"]))
        out += [f"{title_of(face)}: {told}", *lines]
        if face["marks"]:
            shown = [f"{kind} at {place(k, tensor['shape'])}" for k, kind in face["marks"][:ROWS]]
            more = face["nan"] + face["inf"] - len(shown)
            out.append("  " + ", ".join(shown) + (f" and {more:,} more" if more > 0 else ""))
    return out


def table(tensors: Sequence[dict[str, Any]]) -> list[list[str]]:
    """A row of statistics for each face of each tensor, under a head."""
    head = ["tensor", "shape", "dtype", "of", "min", "max", "mean", "std", "norm", "zeros", "NaN", "inf"]
    rows = []
    for tensor in tensors:
        facts = dict(tensor["facts"])
        for face in tensor["faces"]:
            numbers = [value(face[name]) for name in ("min", "max", "mean", "std", "norm")]
            counts = [f"{face[name]:,}" for name in ("zero", "nan", "inf")]
            rows.append([tensor["name"], facts["shape"], facts["dtype"], title_of(face), *numbers, *counts])
    return [head, *rows]


def columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows of a table as lines, the first four columns to the left; of very many rows the first and last ones."""
    more = len(rows) - 1 - LISTED
    if more > 0:
        gap = [f"… {more:,} more rows", *[""] * (len(rows[0]) - 1)]
        rows = [*rows[: 1 + LISTED // 2], gap, *rows[-LISTED // 2 :]]
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.ljust(w) if i < 4 else cell.rjust(w) for i, (cell, w) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]
