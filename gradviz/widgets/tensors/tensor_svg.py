"""The static picture of `TensorInspector`: grids of colour, a histogram, the facts; of several tensors a row each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gradviz.viz.measure import clip, width
from gradviz.viz.plot import document, image, short
from gradviz.viz.theme import LIGHT
from gradviz.widgets.tensors.tensor_cells import colours, grid, histogram, scale, thumbnail, write
from gradviz.widgets.tensors.tensor_text import statistics, title_of, value

WIDE = 760
LEFT, GAP = 16, 20
ROWS = 11  # tensors of a list


def draw(data: dict[str, Any], pictures: Sequence[Sequence[Any]]) -> str:
    """The whole picture as an SVG document."""
    body, tall = _one(data, pictures[0]) if len(data["tensors"]) == 1 else _several(data, pictures)
    note, lines = data["note"], []
    for text in _wrapped(note, WIDE - 2 * LEFT):
        lines.append(write(text, LEFT, tall + 8, "muted", 11))
        tall += 15
    title = write(clip(data["title"], WIDE - 2 * LEFT, 15), LEFT, 28, "ink", 15, weight=600)
    return document([title, *body, *lines], WIDE, tall + (8 if note else 0), data["title"])


def _wrapped(text: str, room: float, size: float = 11) -> list[str]:
    """Words in lines no wider than `room`."""
    lines: list[str] = []
    for word in text.split():
        if lines and width(f"{lines[-1]} {word}", size) <= room:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines


def _one(data: dict[str, Any], pictures: Sequence[Any]) -> tuple[list[str], float]:
    """Grids to the left (the value, the gradient below or beside it), statistics and histograms to the right."""
    tensor = data["tensors"][0]
    faces = tensor["faces"]
    shown = [i for i, face in enumerate(faces) if face["part"] in ("", "magnitude", "phase")][:2]
    left_wide, right = 440.0, 476.0
    out: list[str] = []
    down = 48.0
    for i in shown:
        face, cells = faces[i], pictures[i]
        tint = "backward" if face["source"] == "gradient" else "forward"
        if len(faces) > 1:
            out.append(write(title_of(face), LEFT, down + 4, tint, 12, weight=600))
            down += 12
        most = 300.0 if len(shown) == 1 else 190.0
        marks, tall = grid(cells, face, LEFT, down, left_wide, most, tensor)
        out += marks
        down += tall + 6
        if cells.ndim == 2 and cells.size and tensor["shape"]:
            out.append(scale(face, LEFT, down, min(left_wide, 220)))
            down += 34
            if _where(tensor):
                out.append(write(clip(_where(tensor), left_wide, 11), LEFT, down, "muted", 11))
                down += 16
    side = 52.0
    for name, text in tensor["facts"]:
        out.append(write(name, right, side, "muted", 11))
        out.append(write(clip(text, WIDE - right - 116, 11), right + 104, side, "ink", 11))
        side += 16
    for i in shown:
        side += 10
        face = faces[i]
        if len(faces) > 1:
            tint = "backward" if face["source"] == "gradient" else "forward"
            out.append(write(title_of(face), right, side + 6, tint, 12, weight=600))
            side += 22
        out += [histogram(face, right, side - 8, WIDE - LEFT - right, 56)]
        side += 74
        for name, text in statistics(face, tensor["shape"]):
            if name in ("NaN", "+inf", "-inf", "zeros") and text == "0":
                continue
            bad = name in ("NaN", "+inf", "-inf")
            out.append(write(name, right, side, "bad" if bad else "muted", 11))
            told = clip(text, WIDE - right - 116, 11)
            out.append(write(told, right + 104, side, "bad" if bad else "ink", 11, weight=600 if bad else 0))
            side += 16
    return out, max(down, side) + 4


def _where(tensor: dict[str, Any]) -> str:
    """Which dimensions the grid shows, where that is not plain."""
    rows, columns = tensor["axes"]
    n = len(tensor["shape"])
    if n < 3:
        return ""
    named = [f"{side}: {_dims(dims)}" for side, dims in (("rows", rows), ("columns", columns)) if dims]
    fixed = [str(i) for i in range(n) if i not in rows and i not in columns]
    return ", ".join(named) + (f"; {_dims([int(i) for i in fixed])} at 0" if fixed else "")


def _dims(dims: Sequence[int]) -> str:
    return f"dimension{'s' if len(dims) > 1 else ''} {' and '.join(map(str, dims))}"


def _several(data: dict[str, Any], pictures: Sequence[Sequence[Any]]) -> tuple[list[str], float]:
    """A row for each tensor: a small grid, its name and shape, its histogram, its statistics."""
    out: list[str] = []
    down = 44.0
    places = (LEFT, LEFT + 74, 344.0, 462.0)
    for text, x in zip(("", "tensor", "distribution", "min … max, mean ± std"), places, strict=True):
        out.append(write(text, x, down + 4, "muted", 11))
    down += 12
    tensors = data["tensors"]
    for tensor, cells in list(zip(tensors, pictures, strict=True))[:ROWS]:
        face = tensor["faces"][0]
        out.append(f'<path d="M{LEFT} {short(down)}h{WIDE - 2 * LEFT}" stroke="{LIGHT["line"]}"/>')
        small = thumbnail(cells[0])
        tall = 30.0
        wide = max(6.0, min(60.0, tall * small.shape[1] / small.shape[0]))
        if small.shape[1] > 4 * small.shape[0]:
            wide, tall = 60.0, max(6.0, 60.0 * small.shape[0] / small.shape[1])
        out.append(
            image(small if small.ndim == 3 else colours(small, face), LEFT, down + 6 + (30 - tall) / 2, wide, tall)
        )
        facts = dict(tensor["facts"])
        out.append(write(clip(tensor["name"], 240, 12), places[1], down + 18, "ink", 12, weight=600))
        about = f"{facts['shape']} {facts['dtype']}" + (" · with gradient" if _has_gradient(tensor) else "")
        out.append(write(clip(about, 240, 11), places[1], down + 33, "muted", 11))
        out.append(_bars(face, places[2], down + 6, 104, 30))
        ends = f"{value(face['min'], 4)} … {value(face['max'], 4)}"
        out.append(write(clip(ends, 160, 11), places[3], down + 18, "ink", 11))
        out.append(
            write(
                clip(f"{value(face['mean'], 4)} ± {value(face['std'], 4)}", 160, 11), places[3], down + 33, "muted", 11
            )
        )
        bad = [f"{face[key]:,} {name}" for key, name in (("nan", "NaN"), ("inf", "inf")) if face[key]]
        if bad:
            out.append(write("⚠ " + ", ".join(bad), WIDE - LEFT, down + 25, "bad", 12, weight=600, anchor="end"))
        down += 43
    if len(tensors) > ROWS:
        out.append(write(f"and {len(tensors) - ROWS} more", places[1], down + 16, "muted", 12))
        down += 24
    return out, down + 10


def _has_gradient(tensor: dict[str, Any]) -> bool:
    return any(face["source"] == "gradient" for face in tensor["faces"])


def _bars(face: dict[str, Any], x: float, y: float, wide: float, tall: float) -> str:
    """A histogram without its numbers."""
    return histogram({**face, "min": "", "max": ""}, x, y, wide, tall) if face["hist"] else ""
